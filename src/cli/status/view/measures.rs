//! The measures in force: what an operator must know before all else, and how to end them.

use std::io;

use super::span;
use crate::cli::columns::text;
use crate::cli::output::{Output, WARNING};
use crate::export::status::{Lease, Status, UndoFailures};

/// One line each.
pub(super) fn in_force(status: &Status, output: &mut Output) -> io::Result<()> {
    status.leases.iter().try_for_each(|lease| output.styled_wrapped(WARNING, &line(status, lease)))
}

/// `IN FORCE: pause of trader since 12:03:11 UTC (4m), undone 10m after critical is left`
fn line(status: &Status, lease: &Lease) -> String {
    let process = lease.process.map_or_else(String::new, |slot| format!("[{slot}]"));
    let dead_sure = if lease.standing == "doubtful" { "PERHAPS IN FORCE (not acknowledged)" } else { "IN FORCE" };
    format!(
        "{dead_sure}: {} of {}{process} since {} ({}), {}",
        text(&lease.action),
        text(&lease.target),
        time_of_day(lease.since),
        span(status.time - lease.since),
        ending(status, lease),
    )
}

fn ending(status: &Status, lease: &Lease) -> String {
    let command = format!("tradedog undo {} {}", text(&lease.target), text(&lease.action));
    let in_time = lease.time.map(|at| span(at - status.time));
    match (lease.standing.as_str(), in_time) {
        ("undone", Some(time)) => format!("undone in {time}"),
        ("operator", _) => format!("and nobody needs it any more: {command}"),
        ("waiting", _) => format!("no process is there that it could be undone for: {command}"),
        ("cycling", Some(time)) => format!("taken and undone too often: undone in {time}, or at once by {command}"),
        ("cycling", None) => format!("taken and undone too often: {command}"),
        ("undoing", _) => "its undo is under way".into(),
        ("retrying", Some(time)) => format!("its undo failed{} and is tried again in {time}", failures(status, lease)),
        (_, _) if lease.undo_by == "operator" => format!("undone by the operator: {command}"),
        (_, _) if lease.undo_after_seconds <= 0.0 => format!("undone when {} is left", text(&lease.level)),
        (_, _) => format!("undone {} after {} is left", span(lease.undo_after_seconds), text(&lease.level)),
    }
}

/// ` (refused 3 times, timeout once)`; of all undos of the action since the daemon started.
fn failures(status: &Status, lease: &Lease) -> String {
    let own = |one: &&UndoFailures| (&one.target, &one.action) == (&lease.target, &lease.action);
    let often = |one: &UndoFailures| match one.count {
        1 => format!("{} once", text(&one.reason)),
        count => format!("{} {count} times", text(&one.reason)),
    };
    let told = status.undo_failures.iter().filter(own).map(often).collect::<Vec<_>>().join(", ");
    if told.is_empty() { told } else { format!(" ({told})") }
}

/// The time of day in UTC, as in the log.
fn time_of_day(unix: f64) -> String {
    let day = unix.max(0.0) % 86_400.0;
    let (hours, minutes, seconds) = ((day / 3600.0).floor(), (day / 60.0 % 60.0).floor(), (day % 60.0).floor());
    format!("{hours:02}:{minutes:02}:{seconds:02} UTC")
}
