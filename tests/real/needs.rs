//! A kill that needs an answer first: with one, without one, and with one that comes late.

use std::time::{Duration, Instant};

use nix::libc::SIGTERM;

use super::support::{Answer, Daemon, Endpoint, Leaker, eventually, throughout, watching};

/// Paused at 100 open files, killed at 200, once the pause has been acknowledged.
fn needing(leaker: &Leaker, endpoint: &Endpoint, otherwise: &str) -> Daemon {
    let daemon = watching(
        leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ critical = 100, fatal = 200, clear_hold = "500ms" }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions.pause]
http = {{ post = "{}", timeout = "4s" }}
undo = {{ http = {{ post = "{}" }} }}
undo_after = "0s"
[target.trader.actions.kill]
kill = {{ grace = "1s" }}
needs = {{ action = "pause", within = "3s", otherwise = "{otherwise}" }}
"#,
            endpoint.url("/pause"),
            endpoint.url("/resume")
        ),
    );
    // Settled, so that nothing but what it needs holds a kill.
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    std::thread::sleep(Duration::from_millis(500));
    daemon
}

/// Straight from normal to fatal.
#[test]
fn it_is_paused_first_and_killed_when_that_is_acknowledged() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = needing(&leaker, &endpoint, "hold");
    endpoint.answer("/pause", &[Answer::Late(Duration::from_millis(1500))]);
    leaker.tell("files 250");
    let asked = endpoint.wait_for(3, "/pause", 1).at;
    daemon.wait_for(1, ("tradedog_order_waiting", &[("action", "kill"), ("reason", "needs")]), 1.0);
    assert_eq!(leaker.end_signal(5, "killed once paused"), Some(SIGTERM));
    let took = asked.elapsed();
    assert!(took > Duration::from_millis(1450) && took < Duration::from_secs(3), "killed {took:?} after the question");
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    daemon.wait_for_order(1, "pause", ("acknowledged", "none"));
    assert_eq!(daemon.orders("kill", "held", "needs"), 1.0);
    assert_eq!(endpoint.count("/pause"), 1);
}

#[test]
fn one_that_is_paused_already_is_killed_at_once() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = needing(&leaker, &endpoint, "hold");
    leaker.tell("files 120");
    daemon.wait_for_order(3, "pause", ("acknowledged", "none"));
    leaker.tell("files 250");
    let breached = Instant::now();
    assert_eq!(leaker.end_signal(4, "killed at fatal"), Some(SIGTERM));
    assert!(breached.elapsed() < Duration::from_secs(2), "killed after {:?}", breached.elapsed());
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    assert_eq!((endpoint.count("/pause"), daemon.orders("kill", "held", "needs")), (1, 0.0));
}

#[test]
fn without_an_answer_it_is_killed_otherwise() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = needing(&leaker, &endpoint, "kill");
    endpoint.answer("/pause", &[Answer::Hang]);
    leaker.tell("files 250");
    let asked = endpoint.wait_for(3, "/pause", 1).at;
    throughout(Duration::from_secs(2), "it waits for the answer", || leaker.lives());
    assert_eq!(leaker.end_signal(4, "killed without an answer"), Some(SIGTERM));
    let took = asked.elapsed();
    assert!(took > Duration::from_millis(2500) && took < Duration::from_millis(4500), "killed after {took:?}");
    daemon.wait_for_order(5, "kill", ("gone", "none"));
}

#[test]
fn without_an_answer_it_is_held_until_there_is_one() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = needing(&leaker, &endpoint, "hold");
    endpoint.answer("/pause", &[Answer::Status(503)]);
    leaker.tell("files 250");
    daemon.wait_for_order(3, "kill", ("held", "needs"));
    throughout(Duration::from_secs(7), "nobody killed without an answer", || leaker.lives());
    let asked = endpoint.count("/pause");
    assert!((2..=3).contains(&asked), "asked {asked} times: tried again every five seconds at the latest");
    endpoint.answer("/pause", &[Answer::Status(204)]);
    assert_eq!(leaker.end_signal(8, "killed with an answer"), Some(SIGTERM));
    daemon.wait_for_order(5, "kill", ("gone", "none"));
}

#[test]
fn a_level_that_is_left_while_it_waits_ends_the_kill() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = needing(&leaker, &endpoint, "kill");
    endpoint.answer("/pause", &[Answer::Hang]);
    leaker.tell("files 250");
    endpoint.wait_for(3, "/pause", 1);
    leaker.tell("files 5");
    daemon.wait_for_order(4, "kill", ("lapsed", "level_left"));
    throughout(Duration::from_secs(4), "it lives", || leaker.lives());
    // Nobody answered, so it may be paused.
    eventually(5, "the undo of what was not answered", || (endpoint.count("/resume") >= 1).then_some(()));
    daemon.wait_for_lease(5, "pause", 0);
}
