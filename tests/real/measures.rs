//! Measures: each once, in time, for whoever needs it; taken back when nobody needs it any more, and
//! tried until it has worked.

use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Answer, Daemon, Endpoint, Leaker, eventually, throughout, watching};

/// 100 open files or 20 threads, each with its own ladder, and one measure for both.
fn two_ladders(leaker: &Leaker, endpoint: &Endpoint) -> Daemon {
    watching(
        leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ critical = 100, clear_hold = "500ms" }}
threads = {{ critical = 20, clear_hold = "500ms", ladder = "crowd" }}
[target.trader.ladder]
critical = ["pause"]
[target.trader.ladder.crowd]
critical = ["pause"]
[target.trader.actions]
pause = {{ http = {{ post = "{}" }}, undo = {{ http = {{ post = "{}" }} }}, undo_after = "0s", cooldown = "100ms" }}
"#,
            endpoint.url("/pause"),
            endpoint.url("/resume")
        ),
    )
}

/// A target whose WebSocket is disabled at 100 open files; `more` is put into the action.
fn disabling(leaker: &Leaker, endpoint: &Endpoint, more: &str) -> Daemon {
    watching(
        leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ warning = 100, clear_hold = "500ms" }}
[target.trader.ladder]
warning = ["disable_websocket"]
[target.trader.actions.disable_websocket]
http = {{ post = "{}", timeout = "1s" }}
undo = {{ http = {{ post = "{}", timeout = "1s" }} }}
undo_after = "0s"
cooldown = "100ms"
{more}
"#,
            endpoint.url("/off"),
            endpoint.url("/on")
        ),
    )
}

const ACKNOWLEDGED: (&str, &str) = ("acknowledged", "none");

/// The whole ladder: 100, 200, 300 and 400 open files.
fn climbing(leaker: &Leaker, endpoint: &Endpoint, mark: &Path) -> Daemon {
    watching(
        leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ elevated = 100, warning = 200, critical = 300, fatal = 400, clear_hold = "500ms" }}
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["disable_websocket"]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "1s" }}
disable_websocket = {{ http = {{ post = "{}" }}, undo = {{ http = {{ post = "{}" }} }}, undo_after = "0s" }}
pause = {{ command = ["/usr/bin/touch", "{mark}"], undo = {{ command = ["/bin/rm", "{mark}"] }}, undo_after = "0s" }}
kill = {{ kill = {{ grace = "2s" }} }}
"#,
            endpoint.url("/off"),
            endpoint.url("/on"),
            mark = mark.display()
        ),
    )
}

#[test]
fn up_the_ladder_step_by_step_down_again_and_up_to_the_kill() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let folder = tempfile::tempdir().unwrap();
    let paused = folder.path().join("paused");
    let daemon = climbing(&leaker, &endpoint, &paused);
    leaker.tell("files 50");
    throughout(Duration::from_secs(1), "nothing while normal", || leaker.signals().is_empty());
    leaker.tell("files 120");
    eventually(3, "SIGUSR1 at elevated", || (leaker.signals() == ["SIGUSR1"]).then_some(()));
    assert!(endpoint.paths().is_empty() && !paused.exists(), "a step too early");
    leaker.tell("files 220");
    endpoint.wait_for(3, "/off", 1);
    assert!(!paused.exists(), "paused too early");
    leaker.tell("files 320");
    eventually(3, "the pause at critical", || paused.exists().then_some(()));
    daemon.wait_for_lease(3, "pause", 1);
    leaker.tell("files 10");
    eventually(6, "both taken back", || (endpoint.count("/on") == 1 && !paused.exists()).then_some(()));
    daemon.wait_for_lease(3, "pause", 0);
    daemon.wait_for_lease(3, "disable_websocket", 0);
    assert!(leaker.lives(), "killed without need");
    leaker.tell("files 450");
    leaker.end_signal(8, "killed at fatal");
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    assert_eq!(endpoint.paths(), ["/off", "/on"], "nothing twice, and nothing on the way to the kill");
    assert_eq!(leaker.signals(), ["SIGUSR1"]);
    assert!(daemon.series_of_processes().is_empty(), "series of a process that is gone");
}

#[test]
fn two_ladders_and_one_pause() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = two_ladders(&leaker, &endpoint);
    leaker.tell("files 120");
    endpoint.wait_for(3, "/pause", 1);
    leaker.tell("threads 30");
    daemon.wait_for(3, ("tradedog_level", &[("target", "trader"), ("ladder", "crowd")]), 3.0);
    throughout(Duration::from_secs(1), "paused once for both", || endpoint.count("/pause") == 1);
    leaker.tell("files 5");
    daemon.wait_for(3, ("tradedog_level", &[("target", "trader"), ("ladder", "default")]), 0.0);
    throughout(Duration::from_secs(2), "paused as long as one needs it", || endpoint.count("/resume") == 0);
    daemon.wait_for_lease(1, "pause", 1);
    leaker.tell("threads 0");
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
    throughout(Duration::from_secs(2), "nothing twice", || endpoint.paths() == ["/pause", "/resume"]);
}

/// What joins brings no order of its own: it is counted once.
#[test]
fn two_ladders_at_once_are_one_order() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = two_ladders(&leaker, &endpoint);
    endpoint.answer("/pause", &[Answer::Late(Duration::from_secs(1))]);
    leaker.tell("threads 30");
    leaker.tell("files 120");
    daemon.wait_for_order(5, "pause", ACKNOWLEDGED);
    throughout(Duration::from_secs(2), "one order", || endpoint.paths() == ["/pause"]);
    assert_eq!(daemon.orders("pause", "acknowledged", "none"), 1.0);
}

#[test]
fn two_workers_and_one_disable_websocket() {
    let (endpoint, mut first) = (Endpoint::start(), Leaker::handling(&[]).start());
    let mut second = Leaker::handling(&[]).beside(&first).start();
    let daemon = disabling(&first, &endpoint, "");
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    first.tell("files 120");
    endpoint.wait_for(3, "/off", 1);
    second.tell("files 120");
    for process in ["0", "1"] {
        daemon.wait_for(3, ("tradedog_level", &[("target", "trader"), ("process", process)]), 2.0);
    }
    throughout(Duration::from_secs(1), "disabled once for both", || endpoint.count("/off") == 1);
    first.tell("files 5");
    eventually(3, "one of them normal", || {
        let levels: Vec<f64> = daemon.scrape().all("tradedog_level").map(|sample| sample.value).collect();
        levels.contains(&0.0).then_some(())
    });
    throughout(Duration::from_secs(2), "disabled as long as one needs it", || endpoint.count("/on") == 0);
    second.tell("files 5");
    endpoint.wait_for(5, "/on", 1);
    daemon.wait_for_lease(3, "disable_websocket", 0);
    throughout(Duration::from_secs(2), "nothing twice", || endpoint.paths() == ["/off", "/on"]);
}

/// Each worker by itself, where the action says so.
#[test]
fn a_measure_of_the_process_is_taken_for_each() {
    let (endpoint, mut first) = (Endpoint::start(), Leaker::handling(&[]).start());
    let mut second = Leaker::handling(&[]).beside(&first).start();
    let daemon = disabling(&first, &endpoint, "scope = \"process\"");
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    first.tell("files 120");
    let asked = endpoint.wait_for(3, "/off", 1);
    assert!(asked.body.contains(&format!("\"pid\":{}", first.pid())), "{}", asked.body);
    second.tell("files 120");
    let asked = endpoint.wait_for(3, "/off", 2);
    assert!(asked.body.contains(&format!("\"pid\":{}", second.pid())), "{}", asked.body);
    first.tell("files 5");
    let undone = endpoint.wait_for(5, "/on", 1);
    assert!(undone.body.contains(&format!("\"pid\":{}", first.pid())), "{}", undone.body);
    throughout(Duration::from_secs(1), "the other stays", || endpoint.count("/on") == 1);
    second.tell("files 5");
    endpoint.wait_for(5, "/on", 2);
}

#[test]
fn http_that_fails_twice_is_one_order_in_three_tries() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = disabling(&leaker, &endpoint, "");
    endpoint.answer("/off", &[Answer::Status(503), Answer::Nothing, Answer::Status(204)]);
    leaker.tell("files 120");
    endpoint.wait_for(3, "/off", 1);
    let waits = ("tradedog_order_waiting", &[("action", "disable_websocket"), ("reason", "refused")][..]);
    daemon.wait_for(3, waits, 1.0);
    daemon.wait_for_order(25, "disable_websocket", ACKNOWLEDGED);
    let asked = endpoint.asked("/off");
    let keys: Vec<&str> = asked.iter().filter_map(|asked| asked.header("idempotency-key")).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "one order, one key: {keys:?}");
    let pause = |at: usize| asked[at].at.duration_since(asked[at - 1].at).as_secs_f64();
    assert!((4.5..8.0).contains(&pause(1)) && (9.5..14.0).contains(&pause(2)), "{} {}", pause(1), pause(2));
    assert_eq!(daemon.orders("disable_websocket", "failed", "refused"), 0.0, "only its final outcome is counted");
    throughout(Duration::from_secs(1), "not asked again", || endpoint.count("/off") == 3);
    assert_eq!(endpoint.count("/on"), 0);
    leaker.tell("files 5");
    let undo = endpoint.wait_for(5, "/on", 1);
    assert_ne!(undo.header("idempotency-key"), Some(keys[0]), "the undo is an order of its own");
    throughout(Duration::from_secs(1), "undone once", || endpoint.count("/on") == 1);
}

#[test]
fn an_undo_that_fails_twice_is_tried_until_it_is_done() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = disabling(&leaker, &endpoint, "");
    endpoint.answer("/on", &[Answer::Status(503), Answer::Status(404), Answer::Status(200)]);
    leaker.tell("files 120");
    daemon.wait_for_order(5, "disable_websocket", ACKNOWLEDGED);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/on", 1);
    let failures = ("tradedog_undo_failures_total", &[("action", "disable_websocket"), ("reason", "refused")][..]);
    daemon.wait_for(3, failures, 1.0);
    daemon.wait_for_lease(1, "disable_websocket", 1);
    endpoint.wait_for(8, "/on", 2);
    daemon.wait_for(3, failures, 2.0);
    endpoint.wait_for(13, "/on", 3);
    daemon.wait_for_lease(3, "disable_websocket", 0);
    let asked = endpoint.asked("/on");
    assert!(asked.iter().all(|one| one.header("idempotency-key") == asked[0].header("idempotency-key")));
    throughout(Duration::from_secs(2), "done is done", || endpoint.count("/on") == 3);
    assert_eq!(endpoint.count("/off"), 1);
}

/// Its outcome decides: what was resumed must be paused anew, for the level holds again.
#[test]
fn a_level_entered_again_ends_the_tries_to_undo() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = disabling(&leaker, &endpoint, "");
    endpoint.answer("/on", &[Answer::Status(503)]);
    leaker.tell("files 120");
    daemon.wait_for_order(5, "disable_websocket", ACKNOWLEDGED);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/on", 1);
    leaker.tell("files 120");
    // 503 says neither yes nor no: it may be enabled.
    endpoint.wait_for(5, "/off", 2);
    throughout(Duration::from_secs(7), "no try to undo while it is needed", || endpoint.count("/on") == 1);
    endpoint.answer("/on", &[Answer::Status(204)]);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/on", 2);
    daemon.wait_for_lease(3, "disable_websocket", 0);
}

#[test]
fn a_clear_refusal_leaves_nothing_to_undo_and_any_other_failure_does() {
    for (answer, undone) in [(Answer::Status(404), 0), (Answer::Status(500), 1)] {
        let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
        let daemon = disabling(&leaker, &endpoint, "max_attempts = 1");
        endpoint.answer("/off", &[answer]);
        leaker.tell("files 120");
        daemon.wait_for_order(5, "disable_websocket", ("failed", "refused"));
        daemon.wait_for_lease(3, "disable_websocket", undone);
        leaker.tell("files 5");
        daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), 0.0);
        eventually(3, "its undo, if need be", || (endpoint.count("/on") == undone).then_some(()));
        throughout(Duration::from_secs(1), "asked as often as need be", || endpoint.count("/on") == undone);
        daemon.wait_for_lease(3, "disable_websocket", 0);
    }
}

#[test]
fn it_gives_up_loudly_after_max_attempts() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = disabling(&leaker, &endpoint, "max_attempts = 2");
    let gave_up = ("tradedog_gave_up", &[("action", "disable_websocket"), ("reason", "refused")][..]);
    endpoint.answer("/off", &[Answer::Status(503)]);
    leaker.tell("files 120");
    endpoint.wait_for(3, "/off", 1);
    assert_ne!(daemon.value(gave_up.0, gave_up.1), Some(1.0), "one try is left");
    endpoint.wait_for(8, "/off", 2);
    daemon.wait_for(3, gave_up, 1.0);
    daemon.wait_for_order(3, "disable_websocket", ("failed", "refused"));
    assert!(daemon.log().contains("gave up disable_websocket"), "nothing was said");
    throughout(Duration::from_secs(3), "not tried again", || endpoint.count("/off") == 2);
    // Left and entered again, it is tried anew.
    endpoint.answer("/off", &[Answer::Status(204)]);
    leaker.tell("files 5");
    eventually(5, "the end of giving up", || (daemon.value(gave_up.0, gave_up.1) != Some(1.0)).then_some(()));
    endpoint.wait_for(5, "/on", 1);
    leaker.tell("files 120");
    endpoint.wait_for(5, "/off", 3);
    daemon.wait_for_order(3, "disable_websocket", ACKNOWLEDGED);
}

/// Five failures in a row, whoever they are of: the next one is not even asked.
#[test]
fn an_endpoint_that_fails_is_left_alone_for_a_while() {
    let (endpoint, first) = (Endpoint::start(), Leaker::handling(&[]).start());
    let mut leakers: Vec<Leaker> = (0..5).map(|_| Leaker::handling(&[]).beside(&first).start()).collect();
    leakers.insert(0, first);
    let daemon = disabling(&leakers[0], &endpoint, "scope = \"process\"");
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 6.0);
    endpoint.answer("/off", &[Answer::Status(503)]);
    for leaker in &mut leakers[..5] {
        leaker.tell("files 120");
    }
    endpoint.wait_for(4, "/off", 5);
    leakers[5].tell("files 120");
    let held = &[("action", "disable_websocket"), ("outcome", "held"), ("reason", "breaker")][..];
    eventually(3, "a hold of the sixth", || daemon.value("tradedog_orders_total", held).filter(|count| *count >= 1.0));
    let opens = ("tradedog_brake_opens_timestamp_seconds", &[("reason", "breaker")][..]);
    assert!(daemon.value(opens.0, opens.1).is_some(), "nobody says when it opens");
    endpoint.answer("/off", &[Answer::Status(204)]);
    throughout(Duration::from_secs(8), "nobody asks", || endpoint.count("/off") == 5);
    let begun = Instant::now();
    eventually(30, "all six asked when it opens", || (endpoint.count("/off") == 11).then_some(()));
    assert!(begun.elapsed() > Duration::from_secs(10), "asked after {:?}", begun.elapsed());
}

#[test]
fn a_schedule_goes_by_the_clock_whatever_the_level() {
    let leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(
        &leaker,
        r#"
[target.trader.thresholds]
open_fds = { elevated = 500 }
[target.trader.actions]
reset_pool = { signal = "SIGUSR1", cooldown = "100ms" }
[[target.trader.schedule]]
every = "1s"
phase = "2s"
action = "reset_pool"
"#,
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let found = Instant::now();
    throughout(Duration::from_secs(1), "nothing before its phase", || leaker.signals().is_empty());
    eventually(8, "four of them", || (leaker.signals().len() >= 4).then_some(()));
    let took = found.elapsed();
    assert!(took > Duration::from_millis(4500) && took < Duration::from_secs(7), "four after {took:?}");
    assert_eq!(daemon.value("tradedog_target_level", &[("target", "trader")]), Some(0.0));
}

/// Once for all of a target, each time, and to nobody when nobody is there.
#[test]
fn a_schedule_asks_once_for_all_workers() {
    let (endpoint, first) = (Endpoint::start(), Leaker::handling(&[]).start());
    let second = Leaker::handling(&[]).beside(&first).start();
    let daemon = watching(
        &first,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ elevated = 500 }}
[target.trader.actions]
report = {{ http = {{ post = "{}" }}, cooldown = "100ms" }}
[[target.trader.schedule]]
every = "1s"
phase = "1s"
action = "report"
"#,
            endpoint.url("/report")
        ),
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    let begun = Instant::now();
    eventually(8, "four of them", || (endpoint.count("/report") >= 4).then_some(()));
    assert!(begun.elapsed() > Duration::from_millis(2500), "four within {:?}", begun.elapsed());
    let asked = endpoint.asked("/report");
    assert!(asked[0].body.contains("\"level\":\"normal\""), "{}", asked[0].body);
    let keys: std::collections::BTreeSet<_> = asked.iter().map(|one| one.header("idempotency-key")).collect();
    assert_eq!(keys.len(), asked.len(), "each is an order of its own");
    drop((first, second));
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    let count = endpoint.count("/report");
    throughout(Duration::from_secs(2), "nobody is asked for nobody", || endpoint.count("/report") == count);
}
