//! Old kernels and narrow sandboxes: what is missing is said once, and the next best way is taken.

use std::process::Command;

use nix::libc::{SIGKILL, SIGTERM};

use super::support::{BINARY, Daemon, Forbidden, Leaker, is_root, output, target, within};

const NO_PIDFDS: &str = "there are no pidfds here";
const NO_SIGNALS: &str = "no signal goes through a pidfd here";
const NO_NETLINK: &str = "netlink is not permitted: allow the address family AF_NETLINK to this service; until then \
                          sockets are read from /proc/net/tcp";
const NO_COUNTS: &str = "this kernel does not tell how many descriptors a process has";

const KILLS: &str = "kills work: a child of its own was killed";
const NO_KILLS: &str = "a child of its own cannot be killed";

const EVERYTHING: &[Forbidden] =
    &[Forbidden::PidfdOpen, Forbidden::PidfdSendSignal, Forbidden::Netlink, Forbidden::SizeOfFds];

/// Killed at 100 of that metric, signalled before.
fn ladder(metric: &str) -> String {
    format!(
        r#"
[target.trader.thresholds]
{metric} = {{ critical = 60, fatal = 100 }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
pause = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ grace = "1s" }} }}
"#
    )
}

/// Makes sure that the log says these, each once, and that the others are not said.
fn said_once(daemon: &Daemon, wanted: &[&str]) {
    let log = daemon.log();
    for sentence in [NO_PIDFDS, NO_SIGNALS, NO_NETLINK, NO_COUNTS] {
        let times = usize::from(wanted.contains(&sentence));
        assert_eq!(log.matches(sentence).count(), times, "{sentence:?} in the log:\n{log}");
    }
}

/// The calm one lives, another is signalled, the one that does not listen to SIGTERM is killed.
fn the_right_one_dies(forbidden: &'static [Forbidden], wanted: &[&str]) {
    let mut calm = Leaker::handling(&["SIGUSR1"]).start();
    let mut deaf = Leaker::handling(&["SIGUSR1", "SIGTERM"]).beside(&calm).start();
    let mut warned = Leaker::handling(&["SIGUSR1"]).beside(&calm).start();
    calm.tell("files 20");
    let daemon = Daemon::told(&target(&calm, &ladder("open_fds"))).without(forbidden).start();
    let processes = ("tradedog_target_processes", &[("target", "trader")][..]);
    daemon.wait_for(10, processes, 3.0);
    warned.tell("files 70");
    daemon.wait_for_order(10, "pause", ("delivered", "none"));
    assert_eq!(warned.signals(), ["SIGUSR1"]);
    deaf.tell("files 150");
    assert_eq!(deaf.end_signal(15, "killed at fatal"), Some(SIGKILL));
    assert!(deaf.signals().contains(&"SIGTERM".to_owned()), "{:?}", deaf.signals());
    daemon.wait_for_order(10, "kill", ("gone", "none"));
    daemon.wait_for(10, processes, 2.0);
    assert!(calm.lives() && warned.lives());
    assert!(calm.signals().is_empty(), "{:?}", calm.signals());
    // Without a word of ours: it leaves, and that is seen all the same.
    drop(warned);
    daemon.wait_for(10, processes, 1.0);
    said_once(&daemon, wanted);
}

/// Whether it can kill is found out on a child of its own before it is needed.
#[test]
fn that_nobody_can_be_killed_is_said_at_the_start() {
    let calm = Leaker::handling(&[]).start();
    let without = |forbidden| Daemon::told(&target(&calm, &ladder("open_fds"))).without(forbidden).start();
    let log = without(&[Forbidden::PidfdSendSignal, Forbidden::Kill]).log();
    assert!(log.contains(NO_KILLS) && !log.contains(KILLS), "{log}");
    let log = without(&[]).log();
    assert!(log.contains(KILLS) && !log.contains(NO_KILLS), "{log}");
}

#[test]
fn nothing_is_said_where_nothing_is_missing() {
    the_right_one_dies(&[], &[]);
}

#[test]
fn without_pidfds_signals_go_through_the_folder() {
    the_right_one_dies(&[Forbidden::PidfdOpen], &[NO_PIDFDS]);
}

#[test]
fn without_signals_through_pidfds_they_go_by_number() {
    the_right_one_dies(&[Forbidden::PidfdSendSignal], &[NO_SIGNALS]);
}

#[test]
fn with_nothing_of_what_came_since_the_right_one_dies() {
    the_right_one_dies(EVERYTHING, &[NO_PIDFDS, NO_SIGNALS, NO_NETLINK, NO_COUNTS]);
}

#[test]
fn without_netlink_sockets_are_read_from_the_files() {
    let mut calm = Leaker::handling(&["SIGUSR1"]).start();
    let mut leaking = Leaker::handling(&["SIGUSR1"]).beside(&calm).start();
    calm.tell("cw 30");
    let text = target(&calm, &ladder("close_wait"));
    let daemon = Daemon::told(&text).without(&[Forbidden::Netlink]).start();
    daemon.wait_for(10, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    let count = |daemon: &Daemon, pid: i32| {
        let pids = daemon.scrape();
        let of = pids.all("tradedog_process_pid").find(|one| one.value == f64::from(pid))?.label("process").to_owned();
        daemon.value("tradedog_process_sockets", &[("process", &of), ("state", "close_wait"), ("peer", "")])
    };
    super::support::eventually(30, "the sockets of the calm one", || {
        (count(&daemon, calm.pid()) == Some(30.0) && count(&daemon, leaking.pid()) == Some(0.0)).then_some(())
    });
    leaking.tell("cw 150");
    assert_eq!(leaking.end_signal(40, "killed at fatal"), Some(SIGTERM));
    daemon.wait_for_order(10, "kill", ("gone", "none"));
    assert!(calm.lives() && calm.signals().is_empty());
    said_once(&daemon, &[NO_NETLINK]);
}

#[test]
fn where_descriptors_must_be_counted_one_by_one_they_are() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&target(&leaker, "")).without(&[Forbidden::SizeOfFds]).start();
    for files in ["files 40", "files 300", "files 7"] {
        leaker.tell(files);
        daemon.wait_for(10, ("tradedog_process_open_fds", &[("target", "trader")]), leaker.fds() as f64);
    }
    said_once(&daemon, &[NO_COUNTS]);
}

/// Of another user's process they may not be counted: that is unknown, and never none.
#[test]
fn what_may_not_be_counted_is_denied_and_never_zero() {
    if !is_root() {
        return;
    }
    let leaker = Leaker::handling(&[]).start();
    let text = target(&leaker, &ladder("open_fds"));
    let daemon = Daemon::told(&text).run_by_nobody().without(&[Forbidden::SizeOfFds]).start();
    let unknown = ("tradedog_reading_unknown", &[("target", "trader"), ("metric", "open_fds")][..]);
    daemon.wait_for(10, unknown, 1.0);
    assert_eq!(daemon.value("tradedog_process_open_fds", &[("target", "trader")]), None);
    assert!(daemon.get("/-/ready").is_some_and(|(status, _)| status == 503));
    said_once(&daemon, &[NO_COUNTS]);
    assert!(daemon.log().contains("CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf)"), "{}", daemon.log());
}

#[test]
fn check_and_once_say_it_too() {
    let leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&target(&leaker, "")).start();
    for command in ["check", "once"] {
        let said = |forbidden| {
            let mut asked = Command::new(BINARY);
            asked.arg(command).arg("--config").arg(daemon.configuration()).env("NO_COLOR", "1");
            let told = within(forbidden, || output(&mut asked));
            // Wrapped where the terminal is narrow.
            let words = String::from_utf8(told.stdout).unwrap();
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let (all, none) = (said(EVERYTHING), said(&[]));
        for sentence in [NO_PIDFDS, NO_SIGNALS, NO_NETLINK, NO_COUNTS] {
            assert_eq!(all.matches(sentence).count(), 1, "{command}: {all}");
            assert!(!none.contains(sentence), "{command}: {none}");
        }
    }
}
