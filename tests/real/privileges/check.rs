//! What `tradedog check` says, and `/-/ready`, where a right is missing.

use super::super::support::{Daemon, Group, Leaker, eventually, texts};
use super::table::{ALONE, Row, part, under};
use super::{OWNER, SETS, Stage, may_try};

/// What a configuration has to hold for a line to be about it: words of `match`, of the thresholds, of
/// the one measure.
fn about(head: &str, leaker: &Leaker) -> String {
    let (matched, threshold, measure) = match head {
        "`close_wait` ... `sockets` of one that is not alone" => ("", "close_wait", ""),
        "`exe`" => (", exe = \"/usr/bin/python3\"", "threads", ""),
        "`signal`" => ("", "threads", "signal = \"SIGUSR1\""),
        "`freeze = { by = \"signal\" }` and its thaw" => ("", "threads", "freeze = { deadline = \"1m\" }"),
        "`freeze = { by = \"cgroup\" }` and its thaw" => {
            ("", "threads", "freeze = { by = \"cgroup\", deadline = \"1m\" }")
        }
        "`kill` with `scope = \"process\"`, `\"tree\"`, `\"cgroup\"`" => ("", "threads", "kill = { grace = \"1s\" }"),
        other => panic!("nobody tries {other}"),
    };
    let tag = leaker.tag();
    let ladder = if measure.is_empty() { "" } else { "ladder = { elevated = [\"act\"] }\n" };
    let actions = if measure.is_empty() { String::new() } else { format!("actions = {{ act = {{ {measure} }} }}\n") };
    format!(
        "[target.trader]\nmatch = {{ cmdline = \"{tag}\", user = \"{OWNER}\"{matched} }}\n\
         thresholds = {{ {threshold} = {{ elevated = 1000 }} }}\n{ladder}{actions}"
    )
}

#[test]
fn check_says_the_sentence_of_the_table_where_a_right_is_missing() {
    if !may_try() {
        return;
    }
    let leaker = Leaker::handling(&["SIGUSR1"]).run_by(OWNER).start();
    let other = Leaker::handling(&[]).run_by(OWNER).start();
    let group = Group::holding(&leaker.tag(), &[leaker.pid()]);
    let (rows, stage) = (["readings", "match", "measures"].map(part), Stage::new());
    for line in under("What is seen") {
        if line.head.contains("by = \"cgroup\"") && group.is_none() {
            continue;
        }
        let name = line.names()[0];
        let is_row = |row: &&Row| row.head == line.head || (row.names().contains(&name) && !row.head.ends_with(ALONE));
        let row = rows.iter().flatten().find(is_row).unwrap();
        let leaker = if line.head.contains("not alone") { &other } else { &leaker };
        let sentence = line.cells[1].trim_matches('`');
        for (set, capabilities) in SETS {
            let (_, out, err) = texts(&stage.run(capabilities, (&["check"], &about(&line.head, leaker))));
            assert_eq!(out.contains(sentence), !row.says(set), "{set}: {}: {sentence}\n{out}{err}", line.head);
            assert!(out.contains("seen with the rights of nobody, "), "{out}");
        }
    }
}

/// One reading is denied; whether that matters is up to the thresholds.
#[test]
fn only_a_reading_that_a_threshold_needs_keeps_the_daemon_from_being_ready() {
    if !may_try() {
        return;
    }
    let leaker = Leaker::handling(&[]).run_by(OWNER).start();
    let watched = |threshold: &str, capabilities: &'static str| {
        let told = format!(
            "[target.trader]\nmatch = {{ cmdline = \"{}\", user = \"{OWNER}\" }}\n\
             thresholds = {{ {threshold} = {{ elevated = 1000 }} }}\n",
            leaker.tag()
        );
        let setup = Daemon::told(&told).run_by_nobody();
        let daemon =
            if capabilities.is_empty() { setup.start() } else { setup.with_capabilities(capabilities).start() };
        let pid = ("tradedog_process_pid", &[("target", "trader")][..]);
        daemon.wait_for(10, pid, f64::from(leaker.pid()));
        daemon
    };
    let told = format!(
        "[target.trader]\nmatch = {{ cmdline = \"{}\" }}\nthresholds = {{ close_wait = {{ elevated = 1000 }} }}\n",
        leaker.tag()
    );
    let (_, once, _) = texts(&Stage::new().run("", (&["once"], &told)));
    assert!(once.contains("so not judged: close_wait; needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"), "{once}");
    for capabilities in ["", "kill"] {
        let daemon = watched("open_fds", capabilities);
        eventually(10, "ready, with sockets denied", || daemon.get("/-/ready").filter(|(code, _)| *code == 200));
        let close_wait = [("target", "trader"), ("state", "close_wait")];
        assert_eq!(daemon.value("tradedog_process_sockets", &close_wait), None, "no count that nobody could make");

        let daemon = watched("close_wait", capabilities);
        let said = "trader[0]: close_wait is denied: its threshold is blind; needs CAP_SYS_PTRACE and \
                    CAP_DAC_READ_SEARCH (systemd/deep.conf), or a cgroup with this process alone\n";
        let not = || daemon.get("/-/ready").filter(|(code, body)| *code == 503 && body == said);
        eventually(10, "not ready, and why", not);
    }
    let daemon = watched("close_wait", "kill,sys_ptrace,dac_read_search");
    eventually(10, "ready with the right", || daemon.get("/-/ready").filter(|(code, _)| *code == 200));
}
