//! Another configuration while measures are in force: whole or not at all, and what it has no more is
//! undone.

use std::time::{Duration, Instant};

use super::support::{Answer, Daemon, Endpoint, Leaker, eventually, state, target, throughout};

/// Paused at `critical` open files.
fn pausing(leaker: &Leaker, endpoint: &Endpoint, critical: u32) -> String {
    let (pause, resume) = (endpoint.url("/pause"), endpoint.url("/resume"));
    let tables = format!(
        r#"
[target.trader.thresholds]
open_fds = {{ critical = {critical}, clear_hold = "500ms" }}
[target.trader.ladder]
critical = ["pause"]
[target.trader.actions]
pause = {{ http = {{ post = "{pause}" }}, undo = {{ http = {{ post = "{resume}" }} }}, undo_after = "0s", cooldown = "100ms" }}
"#
    );
    target(leaker, &tables)
}

/// The same target, only observed.
fn observing(leaker: &Leaker) -> String {
    target(leaker, "[target.trader.thresholds]\nopen_fds = { critical = 100 }\n")
}

/// A dry run, or not.
fn dry(dry_run: bool, text: &str) -> String {
    format!("[daemon]\ninterval = \"200ms\"\ndry_run = {dry_run}\n{text}")
}

fn paused(leaker: &mut Leaker, endpoint: &Endpoint) -> Daemon {
    let daemon = Daemon::told(&pausing(leaker, endpoint, 100)).start();
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    daemon
}

const SUCCESSFUL: &str = "tradedog_config_last_reload_successful";
const SUCCESS_TIME: &str = "tradedog_config_last_reload_success_timestamp_seconds";

#[test]
fn a_reload_is_whole_or_not_at_all() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = Daemon::told(&pausing(&leaker, &endpoint, 100)).start();
    daemon.wait_for(5, (SUCCESSFUL, &[]), 1.0);
    let first = daemon.value(SUCCESS_TIME, &[]);
    // The bound is right, something else is not: neither counts.
    daemon.rewrite(&pausing(&leaker, &endpoint, 40).replace("undo_after = \"0s\"", "undo_after = 7"));
    daemon.reload();
    daemon.wait_for(2, (SUCCESSFUL, &[]), 0.0);
    assert_eq!(daemon.value(SUCCESS_TIME, &[]), first);
    let log = daemon.log();
    assert!(
        log.contains("watchdog.toml:") && log.contains("`7` has no unit"),
        "the log does not say what is wrong:\n{log}"
    );
    leaker.tell("files 60");
    throughout(Duration::from_secs(2), "the bound of before", || endpoint.paths().is_empty());
    leaker.tell("files 120");
    endpoint.wait_for(3, "/pause", 1);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/resume", 1);
    daemon.rewrite(&pausing(&leaker, &endpoint, 40));
    daemon.reload();
    daemon.wait_for(2, (SUCCESSFUL, &[]), 1.0);
    assert!(daemon.value(SUCCESS_TIME, &[]) > first);
    leaker.tell("files 60");
    endpoint.wait_for(3, "/pause", 2);
}

/// What is in force goes on under the new configuration, and what was done is not done again.
#[test]
fn a_reload_that_changes_nothing_changes_nothing() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = paused(&mut leaker, &endpoint);
    let since = daemon.value("tradedog_level_since_timestamp_seconds", &[("target", "trader")]);
    for _ in 0..3 {
        daemon.reload();
        throughout(Duration::from_secs(1), "it stays paused", || daemon.in_force("pause") == 1);
    }
    assert_eq!(daemon.value("tradedog_level_since_timestamp_seconds", &[("target", "trader")]), since);
    assert_eq!(endpoint.paths(), ["/pause"]);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/resume", 1);
}

#[test]
fn a_reload_that_removes_an_action_in_force_undoes_it() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = paused(&mut leaker, &endpoint);
    daemon.rewrite(&observing(&leaker));
    daemon.reload();
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
    throughout(Duration::from_secs(1), "once", || endpoint.paths() == ["/pause", "/resume"]);
    assert_eq!(daemon.value("tradedog_target_level", &[("target", "trader")]), Some(3.0));
}

#[test]
fn a_reload_that_removes_the_target_undoes_its_measures() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = paused(&mut leaker, &endpoint);
    daemon.rewrite(&observing(&leaker).replace("trader", "other"));
    daemon.reload();
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
    throughout(Duration::from_secs(1), "once", || endpoint.paths() == ["/pause", "/resume"]);
}

/// Left because of a new bound, without `clear_hold`.
#[test]
fn a_reload_that_raises_the_bound_leaves_the_level() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = paused(&mut leaker, &endpoint);
    daemon.rewrite(&pausing(&leaker, &endpoint, 500));
    daemon.reload();
    endpoint.wait_for(3, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
}

/// 100 open files freeze it.
fn freezing(leaker: &Leaker, critical: u32, deadline: &str) -> String {
    let tables = format!(
        r#"
[target.trader.thresholds]
open_fds = {{ critical = {critical}, clear_hold = "500ms" }}
[target.trader.ladder]
critical = ["freeze"]
[target.trader.actions]
freeze = {{ freeze = {{ deadline = "{deadline}" }} }}
"#
    );
    target(leaker, &tables)
}

fn wait_for_state(leaker: &Leaker, seconds: u64, frozen: bool) {
    let what = if frozen { "frozen" } else { "it runs" };
    eventually(seconds, what, || ((state(leaker.pid()) == 'T') == frozen).then_some(()));
}

#[test]
fn dry_run_switched_on_while_frozen_still_thaws() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&freezing(&leaker, 100, "10m")).start();
    leaker.tell("files 150");
    wait_for_state(&leaker, 4, true);
    daemon.rewrite(&dry(true, &freezing(&leaker, 100, "10m")));
    daemon.reload();
    daemon.wait_for(2, ("tradedog_dry_run", &[]), 1.0);
    throughout(Duration::from_secs(1), "its level holds", || state(leaker.pid()) == 'T');
    daemon.rewrite(&dry(true, &freezing(&leaker, 500, "10m")));
    daemon.reload();
    wait_for_state(&leaker, 3, false);
    daemon.wait_for_lease(3, "freeze", 0);
}

#[test]
fn in_a_dry_run_the_deadline_of_a_freeze_runs_on() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&freezing(&leaker, 100, "4s")).start();
    leaker.tell("files 150");
    wait_for_state(&leaker, 4, true);
    let frozen = Instant::now();
    daemon.rewrite(&dry(true, &freezing(&leaker, 100, "4s")));
    daemon.reload();
    wait_for_state(&leaker, 6, false);
    assert!(frozen.elapsed() > Duration::from_secs(3), "thawed after {:?}", frozen.elapsed());
    throughout(Duration::from_secs(2), "not frozen again", || state(leaker.pid()) != 'T');
}

/// What was taken dry is due, but not at once.
#[test]
fn dry_run_switched_off_makes_rungs_due_behind_settle() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let text = pausing(&leaker, &endpoint, 100).replace("settle = \"200ms\"", "settle = \"3s\"");
    let text = text.replace("cooldown = \"100ms\"", "cooldown = \"1m\"");
    let daemon = Daemon::told(&dry(true, &text)).start();
    leaker.tell("files 120");
    daemon.wait_for_order(5, "pause", ("dry_run", "none"));
    assert_eq!((daemon.in_force("pause"), endpoint.count("/pause")), (0, 0));
    daemon.rewrite(&dry(false, &text));
    daemon.reload();
    let switched = Instant::now();
    throughout(Duration::from_secs(2), "not before it has settled", || endpoint.count("/pause") == 0);
    let taken = endpoint.wait_for(4, "/pause", 1).at.duration_since(switched);
    assert!(taken > Duration::from_millis(2500), "taken after {taken:?}");
    daemon.wait_for_lease(3, "pause", 1);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/resume", 1);
    assert_eq!(endpoint.paths(), ["/pause", "/resume"]);
}

/// What takes it back is what belonged to it when it was taken.
#[test]
fn a_measure_is_undone_as_it_was_taken() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = paused(&mut leaker, &endpoint);
    daemon.rewrite(&pausing(&leaker, &endpoint, 100).replace("/resume", "/elsewhere"));
    daemon.reload();
    leaker.tell("files 5");
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
    leaker.tell("files 120");
    endpoint.wait_for(5, "/pause", 2);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/elsewhere", 1);
    daemon.wait_for_lease(3, "pause", 0);
    assert_eq!(endpoint.paths(), ["/pause", "/resume", "/pause", "/elsewhere"]);
}

/// Whatever becomes of it then, it may be in force.
#[test]
fn an_action_that_is_removed_while_it_is_delivered_is_undone_after_its_outcome() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let text = pausing(&leaker, &endpoint, 100).replace("/pause\" }", "/pause\", timeout = \"20s\" }");
    let daemon = Daemon::told(&text).start();
    endpoint.answer("/pause", &[Answer::Hang]);
    leaker.tell("files 120");
    endpoint.wait_for(5, "/pause", 1);
    daemon.rewrite(&observing(&leaker));
    daemon.reload();
    throughout(Duration::from_secs(1), "its outcome comes first", || endpoint.paths() == ["/pause"]);
    assert_eq!(daemon.in_force("pause"), 1);
    endpoint.let_go();
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
}

/// One that is at work is not hurried, and the last word of the file is what counts.
#[test]
fn many_asks_at_once_end_with_what_was_written_last() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = Daemon::told(&pausing(&leaker, &endpoint, 400)).start();
    leaker.tell("files 150");
    let pid = nix::unistd::Pid::from_raw(daemon.pid());
    for critical in [350, 300, 250, 200, 100] {
        daemon.rewrite(&pausing(&leaker, &endpoint, critical));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    endpoint.wait_for(5, "/pause", 1);
    let asks: Vec<_> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..5).map(|_| scope.spawn(|| daemon.ask(&["reload"]))).collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    assert!(asks.iter().all(|ask| ask.status.success()), "{asks:?}");
    throughout(Duration::from_secs(1), "paused once", || endpoint.paths() == ["/pause"]);
    assert_eq!(daemon.in_force("pause"), 1);
}

#[test]
fn a_reload_says_what_has_changed_and_that_nothing_has() {
    let (endpoint, leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = Daemon::told(&pausing(&leaker, &endpoint, 100)).start();
    let told = || String::from_utf8(daemon.ask(&["reload"]).stdout).unwrap();
    assert!(told().contains("nothing has changed"));
    daemon.rewrite(&pausing(&leaker, &endpoint, 150).replace("/pause", "/pause?token=s3cret"));
    let lines = told();
    for line in ["target trader: threshold open_fds: critical 100 -> 150", "target trader: action pause: http changed"]
    {
        assert!(lines.lines().any(|told| told == line), "{lines}");
        assert!(daemon.log().contains(line), "{}", daemon.log());
    }
    assert!(!lines.contains("s3cret"), "{lines}");
}
