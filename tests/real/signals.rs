//! Signals: to whom they go, to whom they do not, and how often.

use std::time::Duration;

use super::support::{Daemon, Leaker, eventually, throughout};

const DELIVERED: (&str, &str) = ("delivered", "none");

/// A target with one signal at elevated: 60 open files and above; left below 54 after half a second.
fn watching(leaker: &Leaker, action: &str) -> Daemon {
    Daemon::told(&format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.trader.thresholds]
open_fds = {{ elevated = 60, clear_hold = "500ms" }}
[target.trader.ladder]
elevated = ["reset_pool"]
[target.trader.actions]
reset_pool = {{ {action} }}
"#,
        leaker.tag()
    ))
    .start()
}

fn wait_for_level(daemon: &Daemon, level: f64) {
    daemon.wait_for(5, ("tradedog_level", &[("target", "trader")]), level);
}

#[test]
fn a_signal_is_withheld_from_a_process_that_would_die_of_it() {
    let mut leaker = Leaker::handling(&["SIGUSR2"]).start();
    let daemon = watching(&leaker, r#"signal = "SIGUSR1""#);
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("vetoed", "unhandled"));
    throughout(Duration::from_secs(2), "the process lives, and the veto is counted once", || {
        leaker.lives() && daemon.orders("reset_pool", "vetoed", "unhandled") == 1.0
    });
    assert_eq!(daemon.orders("reset_pool", "delivered", "none"), 0.0);
    assert!(leaker.signals().is_empty());
}

#[test]
fn a_handled_signal_is_sent_once_each_time_the_level_is_entered() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let mut calm = Leaker::handling(&["SIGUSR1"]).beside(&leaker).start();
    let daemon = watching(&leaker, r#"signal = "SIGUSR1", cooldown = "100ms""#);
    calm.tell("files 30");
    for entered in 1..=3 {
        leaker.tell("files 80");
        eventually(5, "the signal", || (leaker.signals().len() == entered).then_some(()));
        throughout(Duration::from_secs(1), "no second signal at the same level", || leaker.signals().len() == entered);
        leaker.tell("files 5");
        daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), 0.0);
    }
    assert_eq!(leaker.signals(), ["SIGUSR1"; 3]);
    assert_eq!(daemon.orders("reset_pool", DELIVERED.0, DELIVERED.1), 3.0);
    assert!(calm.lives() && calm.signals().is_empty(), "the calm one was signalled");
}

#[test]
fn nothing_is_sent_while_normal() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&leaker, r#"signal = "SIGUSR1""#);
    leaker.tell("files 40");
    throughout(Duration::from_secs(2), "no signal", || leaker.signals().is_empty());
    wait_for_level(&daemon, 0.0);
    let counted: f64 = daemon.scrape().all("tradedog_orders_total").map(|sample| sample.value).sum();
    assert_eq!(counted, 0.0);
}

#[test]
fn a_cooldown_holds_the_second_signal_and_lets_it_go() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&leaker, r#"signal = "SIGUSR1", cooldown = "5s""#);
    leaker.tell("files 80");
    eventually(5, "the first signal", || (leaker.signals().len() == 1).then_some(()));
    let first = std::time::Instant::now();
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    leaker.tell("files 80");
    daemon.wait_for_order(3, "reset_pool", ("held", "cooldown"));
    daemon.wait_for(1, ("tradedog_order_waiting", &[("action", "reset_pool"), ("reason", "cooldown")]), 1.0);
    assert_eq!(leaker.signals().len(), 1, "sent during the cooldown");
    eventually(8, "the second signal, after the cooldown", || (leaker.signals().len() == 2).then_some(()));
    assert!(first.elapsed() > Duration::from_millis(4500), "sent after {:?}", first.elapsed());
    assert_eq!(daemon.orders("reset_pool", "held", "cooldown"), 1.0, "a hold is counted once");
    assert_eq!(
        daemon.value("tradedog_order_waiting", &[("action", "reset_pool"), ("reason", "cooldown")]).unwrap_or(0.0),
        0.0
    );
}

#[test]
fn repeat_sends_again_while_the_level_holds_and_no_longer() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&leaker, r#"signal = "SIGUSR1", cooldown = "100ms", repeat = "1s""#);
    leaker.tell("files 80");
    eventually(8, "four signals", || (leaker.signals().len() >= 4).then_some(()));
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    let sent = leaker.signals().len();
    throughout(Duration::from_secs(2), "no more signals when normal", || leaker.signals().len() == sent);
}

/// Straight from normal to fatal: what each level on the way asks for is done, once.
#[test]
fn a_jump_over_three_levels_loses_no_order() {
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGURG"]).start();
    let daemon = Daemon::told(&format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.trader.thresholds]
open_fds = {{ elevated = 100, warning = 200, critical = 300, fatal = 400 }}
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["disable_websocket"]
critical = ["pause"]
fatal = ["shout"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1" }}
disable_websocket = {{ signal = "SIGUSR2" }}
pause = {{ signal = "SIGHUP" }}
shout = {{ signal = "SIGURG" }}
"#,
        leaker.tag()
    ))
    .start();
    wait_for_level(&daemon, 0.0);
    leaker.tell("files 450");
    for action in ["reset_pool", "disable_websocket", "pause", "shout"] {
        daemon.wait_for_order(5, action, DELIVERED);
    }
    throughout(Duration::from_secs(2), "each was received once", || {
        let mut received = leaker.signals();
        received.sort();
        received == ["SIGHUP", "SIGURG", "SIGUSR1", "SIGUSR2"]
    });
}

#[test]
fn dry_run_sends_nothing_and_says_what_it_would() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = Daemon::told(&format!(
        r#"
[daemon]
interval = "200ms"
dry_run = true
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
settle = "200ms"
[target.trader.thresholds]
open_fds = {{ elevated = 60, fatal = 100 }}
[target.trader.ladder]
elevated = ["reset_pool"]
fatal = ["kill"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ grace = "100ms" }} }}
"#,
        leaker.tag()
    ))
    .start();
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("dry_run", "none"));
    leaker.tell("files 150");
    daemon.wait_for_order(5, "kill", ("dry_run", "none"));
    throughout(Duration::from_secs(2), "it lives and was sent nothing", || {
        leaker.lives() && leaker.signals().is_empty()
    });
    assert_eq!(daemon.value("tradedog_dry_run", &[]), Some(1.0));
    assert!(daemon.log().contains("would have"), "the log does not say that nothing was done");
}
