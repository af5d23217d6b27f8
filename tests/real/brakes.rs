//! Brakes: what holds a kill back, for how long, and that the reason is told.

use std::time::{Duration, Instant};

use super::support::{Daemon, Leaker, eventually, throughout};

/// Killed at 100 open files, with these brakes in the target's table.
fn watching(leaker: &Leaker, brakes: &str) -> Daemon {
    Daemon::told(&format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
{brakes}
[target.trader.thresholds]
open_fds = {{ critical = 60, fatal = 100 }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
pause = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ grace = "1s" }} }}
"#,
        leaker.tag()
    ))
    .start()
}

#[test]
fn a_process_first_seen_at_fatal_is_not_killed_before_it_settled() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("files 150");
    let started = Instant::now();
    let daemon = watching(&leaker, "");
    daemon.wait_for_order(4, "kill", ("held", "settling"));
    daemon.wait_for_order(1, "pause", ("delivered", "none"));
    leaker.end_signal(12, "killed once settled");
    let lived = started.elapsed();
    assert!(lived > Duration::from_millis(4900), "killed after {lived:?}");
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    assert_eq!(daemon.orders("kill", "held", "settling"), 1.0, "a hold is counted once");
}

#[test]
fn a_process_that_recovers_while_it_settles_lives() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("files 150");
    let daemon = watching(&leaker, "settle = \"3s\"");
    daemon.wait_for_order(4, "kill", ("held", "settling"));
    leaker.tell("files 1");
    throughout(Duration::from_secs(5), "it lives", || leaker.lives());
    assert_eq!(daemon.orders("kill", "gone", "none"), 0.0);
}

#[test]
fn no_order_goes_out_within_the_startup_grace() {
    let started = Instant::now();
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("files 80");
    let daemon = watching(&leaker, "startup_grace = \"6s\"");
    daemon.wait_for_order(5, "pause", ("held", "startup_grace"));
    eventually(10, "the signal after the grace", || (!leaker.signals().is_empty()).then_some(()));
    assert!(started.elapsed() > Duration::from_millis(5900), "signalled after {:?}", started.elapsed());
}

/// Two bloated ones, one of which the brakes leave alive; gives the survivor.
fn one_of_two_dies(brakes: &str, reason: &str) {
    let mut one = Leaker::handling(&["SIGUSR1"]).start();
    let mut two = Leaker::handling(&["SIGUSR1"]).beside(&one).start();
    let daemon = watching(&one, &format!("settle = \"1s\"\n{brakes}"));
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    one.tell("files 150");
    two.tell("files 160");
    daemon.wait_for_order(8, "kill", ("gone", "none"));
    daemon.wait_for_order(5, "kill", ("held", reason));
    eventually(5, "one death", || (one.lives() != two.lives()).then_some(()));
    let mut alive = |why: &str| throughout(Duration::from_secs(3), why, || one.lives() != two.lives());
    alive("the other one lives");
    let survivor = if one.lives() { &one } else { &two };
    assert_eq!(survivor.signals(), ["SIGUSR1"], "while the kill is held, the lower rung goes out");
    assert_eq!(daemon.orders("kill", "gone", "none"), 1.0);
}

#[test]
fn the_kill_budget_of_a_target_is_kept() {
    one_of_two_dies("kill_budget = { max = 1, per = \"1h\" }", "kill_budget");
}

#[test]
fn enough_members_are_kept() {
    one_of_two_dies("keep_at_least = 1", "keep_at_least");
}

#[test]
fn the_kill_budget_of_the_daemon_is_kept_over_all_targets() {
    let mut one = Leaker::handling(&[]).start();
    let mut two = Leaker::handling(&[]).start();
    let target = |name: &str, tag: &str| {
        format!(
            r#"
[target.{name}]
match = {{ cmdline = "{tag}", user = "{{user}}" }}
settle = "1s"
[target.{name}.thresholds]
open_fds = {{ fatal = 100 }}
[target.{name}.ladder]
fatal = ["kill"]
[target.{name}.actions]
kill = {{ kill = {{ grace = "1s" }} }}
"#
        )
    };
    let head = "[daemon]\ninterval = \"200ms\"\nkill_budget = { max = 1, per = \"1h\" }\n";
    let daemon = Daemon::told(&format!("{head}{}{}", target("one", &one.tag()), target("two", &two.tag()))).start();
    one.tell("files 150");
    one.end_signal(8, "killed at fatal");
    two.tell("files 150");
    daemon.wait_for(
        8,
        ("tradedog_orders_total", &[("target", "two"), ("outcome", "held"), ("reason", "kill_budget")]),
        1.0,
    );
    throughout(Duration::from_secs(2), "the second lives", || two.lives());
}
