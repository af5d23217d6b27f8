//! Processes that are not what they were: dead and not yet waited for, another program, stopped; and
//! a daemon that is short of descriptors itself.

use std::time::Duration;

use nix::libc::SIGKILL;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Daemon, Leaker, eventually, lives, throughout};

const TARGET: (&str, &[(&str, &str)]) = ("tradedog_target_processes", &[("target", "trader")]);

/// The table of a target that signals at 60 and kills at 100 open files.
fn target(name: &str, tag: &str, more: &str) -> String {
    format!(
        r#"
[target.{name}]
match = {{ cmdline = "{tag}", user = "{{user}}" }}
settle = "200ms"
{more}
[target.{name}.thresholds]
open_fds = {{ elevated = 60, fatal = 100, clear_hold = "500ms" }}
[target.{name}.ladder]
elevated = ["reset_pool"]
fatal = ["kill"]
[target.{name}.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "100ms" }}
kill = {{ kill = {{ grace = "1s" }} }}
"#
    )
}

#[test]
fn a_zombie_is_gone() {
    let leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&target("trader", &leaker.tag(), "")).start();
    daemon.wait_for(5, TARGET, 1.0);
    // Nobody waits for it until the end of the test.
    kill(Pid::from_raw(leaker.pid()), Signal::SIGKILL).unwrap();
    eventually(2, "a zombie", || (!lives(leaker.pid())).then_some(()));
    daemon.wait_for(2, TARGET, 0.0);
    assert!(daemon.series_of_processes().is_empty());
    throughout(Duration::from_secs(1), "it is not found again", || daemon.value(TARGET.0, TARGET.1) == Some(0.0));
}

#[test]
fn an_exec_that_no_longer_matches_is_let_go() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = Daemon::told(&target("trader", &leaker.tag(), "")).start();
    daemon.wait_for(5, TARGET, 1.0);
    leaker.tell("files 50");
    leaker.tell("exec 600 other");
    daemon.wait_for(35, TARGET, 0.0);
    assert!(leaker.lives());
}

/// An exec resets handlers: the same process, matched by the same name, would die of the signal now.
#[test]
fn after_an_exec_a_signal_is_withheld() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let tag = leaker.tag();
    let daemon =
        Daemon::told(&target("trader", &tag, "").replace("elevated = 60", "elevated = { at = 60, hold = \"2s\" }"))
            .start();
    daemon.wait_for(5, TARGET, 1.0);
    leaker.tell("files 80");
    std::thread::sleep(Duration::from_millis(500));
    leaker.tell(&format!("exec 600 {tag}"));
    throughout(Duration::from_secs(4), "it lives", || leaker.lives());
    assert!(leaker.signals().is_empty());
    assert_eq!(daemon.orders("reset_pool", "delivered", "none"), 0.0);
}

#[test]
fn a_stopped_process_is_forced_at_the_end_of_its_grace() {
    let mut leaker = Leaker::handling(&[]).start();
    leaker.tell("files 150");
    kill(Pid::from_raw(leaker.pid()), Signal::SIGSTOP).unwrap();
    let daemon = Daemon::told(&target("trader", &leaker.tag(), "")).start();
    assert_eq!(leaker.end_signal(6, "killed though stopped"), Some(SIGKILL));
    daemon.wait_for_order(5, "kill", ("gone", "none"));
}

#[test]
fn two_targets_that_do_not_share_leave_their_process_alone() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let tag = leaker.tag();
    let daemon = Daemon::told(&format!("{}{}", target("trader", &tag, ""), target("other", &tag, ""))).start();
    leaker.tell("files 150");
    throughout(Duration::from_secs(3), "no measure reaches it", || leaker.lives() && leaker.signals().is_empty());
    assert!(daemon.log().contains("shared"), "the log names no remedy:\n{}", daemon.log());
}

#[test]
fn two_targets_that_share_both_act() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let (tag, shared) = (leaker.tag(), "shared = true");
    let daemon = Daemon::told(&format!("{}{}", target("trader", &tag, shared), target("other", &tag, shared))).start();
    leaker.tell("files 80");
    for name in ["trader", "other"] {
        let labels = [("target", name), ("action", "reset_pool"), ("outcome", "delivered")];
        daemon.wait_for(5, ("tradedog_orders_total", &labels), 1.0);
    }
    // Two signals of one number that are pending together are one to the process: signal(7).
    eventually(5, "a signal from both", || matches!(leaker.signals().len(), 1 | 2).then_some(()));
}

/// Thirty processes, and descriptors for a few of them: those it can hold are watched, and it acts.
#[test]
fn short_of_descriptors_it_goes_on() {
    let mut first = Leaker::handling(&["SIGUSR1"]).start();
    let others: Vec<Leaker> = (0..30).map(|_| Leaker::handling(&["SIGUSR1"]).beside(&first).start()).collect();
    let daemon = Daemon::told(&target("trader", &first.tag(), "")).descriptors(100).start();
    eventually(5, "some of them", || daemon.value(TARGET.0, TARGET.1).filter(|count| *count >= 5.0));
    throughout(Duration::from_secs(3), "healthy, and no level out of nothing", || {
        daemon.get("/-/healthy").is_some_and(|(code, _)| code == 200)
            && daemon.value("tradedog_target_level", TARGET.1) == Some(0.0)
    });
    assert!(daemon.log().contains("LimitNOFILE"), "the log names no remedy:\n{}", daemon.log());
    drop(others);
    // Descriptors are free again: whoever was left out is found, and the main job is done.
    daemon.wait_for(40, TARGET, 1.0);
    first.tell("files 80");
    eventually(5, "the signal", || (first.signals() == ["SIGUSR1"]).then_some(()));
    first.tell("files 150");
    first.end_signal(6, "killed at fatal");
}
