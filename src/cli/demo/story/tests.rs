use serde_json::{Value, json};

use super::*;

/// What a daemon would say of a trader with that many files open.
fn status(pid: i32, (fds, level): (u32, &str), orders: &[Value]) -> Status {
    let threshold = json!({
        "metric": "open_fds", "ladder": "default", "level": level, "since": 0.0, "expected": 150.0,
        "bounds": { "elevated": 300.0, "fatal": 900.0 },
    });
    let member = json!({
        "process": 0, "pid": pid, "started": 0.0, "level": level, "ladders": [], "thresholds": [threshold],
        "readings": { "open_fds": { "value": fds, "at": 0.0 }, "close_wait": { "unknown": "denied", "at": 0.0 } },
        "rungs": [{ "ladder": "default", "level": "fatal", "action": "kill", "standing": "held", "reason": "settling" }],
    });
    let target = json!({
        "name": "trader", "level": level, "armed": true, "kill_budget_remaining": 3, "members": [member],
    });
    let lease = json!({
        "target": "trader", "action": "pause", "since": 0.0, "level": "critical", "undo_after_seconds": 3.0,
        "undo_by": "daemon", "standing": "undone", "time": 103.0,
    });
    let document = json!({
        "version": "1", "time": 100.0, "dry_run": false, "not_ready": [], "processes_left_out": 0,
        "pass": { "duration_seconds": 0.0, "late_seconds": 0.0 },
        "configuration": { "files": [], "last_reload_successful": true, "files_set_aside": 0 },
        "host": { "ladder": [], "level": "normal" , "metrics": {}, "thresholds": [], "readings": {} , "rungs": []},
        "unattributed_sockets": {}, "targets": [target], "leases": [lease], "recent_orders": orders,
    });
    serde_json::from_value(document).unwrap()
}

fn ended(order: u64, action: &str, (outcome, undo): (&str, bool)) -> Value {
    json!({
        "order": order, "time": 0.0, "target": "trader", "process": 0, "pid": 7, "action": action, "undo": undo,
        "level": "elevated", "metric": "open_fds", "value": 1.0, "bound": 1.0, "outcome": outcome, "reason": "none",
    })
}

/// What is printed without its times, and how it ended.
fn told(stubborn: bool, play: impl FnOnce(&mut Story<'_>) -> Result<(), Failure>) -> (Vec<String>, Option<String>) {
    let mut failed = None;
    let text = Output::captured(|output| {
        let mut story = Story::begin(output, Plot::new(stubborn)).unwrap();
        if let Err(Failure::Runtime(error)) = play(&mut story) {
            failed = Some(error.to_string());
        }
    });
    (text.lines().skip(1).map(|line| line.get(9..).unwrap_or_default().to_owned()).collect(), failed)
}

#[test]
fn only_what_is_new_is_told_and_unknown_is_not_zero() {
    let reset = ended(1, "reset_pool", ("delivered", false));
    let (lines, failed) = told(false, |story| {
        for _ in 0..2 {
            story.tell(&status(7, (310, "elevated"), std::slice::from_ref(&reset)))?;
        }
        story.quote(&["SIGUSR1:\u{1b}[31m done".to_owned()])
    });
    assert_eq!(failed, None);
    let expected = [
        "tradedog  open_fds  310  close_wait denied  normal -> elevated: open_fds came to 300",
        "tradedog  order reset_pool (signal SIGUSR1) -> delivered",
        "tradedog  order kill (SIGTERM, then SIGKILL) -> held (settling)",
        "tradedog  pause is needed no more: to be undone in 3 s",
        "trader    \"SIGUSR1:\\x1b[31m done\"",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_reading_that_has_fallen_since_is_not_held_against_the_bound_that_it_is_below() {
    let (lines, _) = told(false, |story| story.tell(&status(7, (290, "elevated"), &[])));
    assert!(
        lines[0].ends_with("open_fds  290  close_wait denied  normal -> elevated: open_fds came to 300"),
        "{lines:?}"
    );
}

#[test]
fn another_pid_is_the_successor_and_comes_too_early_before_a_kill() {
    let (lines, failed) = told(true, |story| {
        story.tell(&status(7, (85, "normal"), &[]))?;
        story.tell(&status(8, (85, "normal"), &[]))
    });
    assert!(lines.iter().any(|line| line.contains("pid 8 is the successor")), "{lines:?}");
    assert_eq!(failed.unwrap(), "a successor came before the level elevated");
}

#[test]
fn a_trader_that_ends_by_itself_spoils_the_story() {
    use std::process::ExitStatus;
    for (status, spoils) in [(9, false), (15, true), (0, true)] {
        let (_, failed) = told(true, |story| story.turn(&Turn::Ended(ExitStatus::from_raw(status))));
        assert_eq!(failed.is_some(), spoils, "{status}: {failed:?}");
    }
}
