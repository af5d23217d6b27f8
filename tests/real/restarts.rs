//! A target that is restarted: the same series go on, and none is left over.

use std::collections::BTreeSet;

use super::support::{Daemon, Leaker, Sample, assert_lint_clean, eventually};

fn watching(leaker: &Leaker) -> Daemon {
    Daemon::told(&format!(
        r#"
[peers]
postgres = "127.0.0.1:5432"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
expect = {{ min = 1, max = 2 }}
[target.trader.thresholds]
open_fds = {{ expected = 50, elevated = 60, warning = 600 }}
"close_wait.postgres" = {{ elevated = 10 }}
rss = {{ elevated = "900MB", hold = "30s", ladder = "memory" }}
[target.trader.ladder]
elevated = ["reset_pool"]
[target.trader.ladder.memory]
elevated = ["reset_pool"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1" }}
"#,
        leaker.tag()
    ))
    .start()
}

/// Name and labels of each series about a process.
fn names(series: &[Sample]) -> BTreeSet<String> {
    series.iter().map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect()
}

#[test]
fn a_restart_continues_the_series_and_leaves_none_behind() {
    let mut first = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&first);
    first.tell("cw 2");
    let is_first = &[("target", "trader"), ("process", "0")];
    daemon.wait_for(5, ("tradedog_process_pid", is_first), f64::from(first.pid()));
    daemon.wait_for(15, ("tradedog_process_sockets", &[("state", "listen"), ("peer", "")]), 1.0);
    let before = names(&daemon.series_of_processes());

    let restart = Leaker::handling(&["SIGUSR1"]).beside(&first);
    drop(first);
    let mut second = restart.start();
    second.tell("cw 2");
    let pid = f64::from(second.pid());
    eventually(10, "the successor in the seat of its predecessor, alone", || {
        let scrape = daemon.scrape();
        let pids: Vec<f64> = scrape.all("tradedog_process_pid").map(|sample| sample.value).collect();
        (pids == [pid] && scrape.value("tradedog_process_pid", is_first).is_some()).then_some(())
    });
    eventually(15, "the same series as before the restart", || {
        (names(&daemon.series_of_processes()) == before).then_some(())
    });
}

#[test]
fn a_series_stands_once_in_a_scrape_and_promtool_has_no_complaint() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&leaker);
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    let text = daemon.metrics();
    assert_lint_clean(&text);
    let series = daemon.scrape().samples;
    assert_eq!(names(&series).len(), series.len(), "a series stands twice in one scrape:\n{text}");
    assert!(!text.contains(&leaker.tag()), "the command line is in a label");
    for name in ["tradedog_build_info", "tradedog_last_sample_timestamp_seconds", "process_resident_memory_bytes"] {
        assert!(series.iter().any(|sample| sample.name == name), "{name} is missing");
    }
}

#[test]
fn an_exit_is_seen_at_once() {
    let leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    drop(leaker);
    daemon.wait_for(1, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    assert!(daemon.series_of_processes().is_empty());
}
