//! `[daemon]`: how often is looked, what that may cost, and what holds for all targets.

use std::time::Duration;

use super::super::Daemon;
use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Table, Value};
use super::super::value::{budget, duration, share};

/// Shorter ones tell no leak from the teeth of a saw, longer ones say nothing before half of them has passed.
pub(super) const FORECAST_WINDOW: (&str, &str, &str) = ("forecast_window", "10m", "6h");

pub(super) fn daemon(value: Value<'_>, report: &mut Report) -> Daemon {
    let mut daemon = Daemon::default();
    let Some(mut table) = value.table("[daemon]", report) else { return daemon };
    intervals(&mut table, &mut daemon, report);
    span(&mut table, ("rescan", "1s", "1h"), &mut daemon.rescan, report);
    span(&mut table, ("sockets_interval", "1s", "1h"), &mut daemon.sockets_interval, report);
    span(&mut table, ("summary", "0s", "1d"), &mut daemon.summary, report);
    span(&mut table, FORECAST_WINDOW, &mut daemon.forecast_window, report);
    span(&mut table, ("evidence_timeout", "0s", "10s"), &mut daemon.evidence_timeout, report);
    if let Some(ceiling) = table.take("max_cpu").and_then(|value| ceiling(value, report)) {
        daemon.max_cpu = ceiling;
    }
    if let Some(dry_run) = table.take("dry_run").and_then(|value| value.flag(report)) {
        daemon.dry_run = dry_run;
    }
    if let Some(kills) = table.take("kill_budget").and_then(|value| budget(value, &keys::BUDGET, report)) {
        daemon.kill_budget = kills;
    }
    table.finish(&keys::DAEMON, report);
    daemon
}

/// The duration of a key within bounds, if it is given and right.
pub(super) fn span(
    table: &mut Table<'_>,
    (key, low, high): (&str, &str, &str),
    slot: &mut Duration,
    report: &mut Report,
) {
    if let Some(given) = table.take(key).and_then(|value| duration(value, low..=high, report)) {
        *slot = given;
    }
}

/// `interval`, and `min_interval`, which cannot be longer.
fn intervals(table: &mut Table<'_>, daemon: &mut Daemon, report: &mut Report) {
    span(table, ("interval", "100ms", "1h"), &mut daemon.interval, report);
    let Some(value) = table.take("min_interval") else {
        daemon.min_interval = daemon.min_interval.min(daemon.interval);
        return;
    };
    let place = value.place;
    let Some(shortest) = duration(value, "10ms"..="1h", report) else { return };
    if shortest > daemon.interval {
        report
            .error(place, "`min_interval` is longer than `interval`")
            .help("it is how often a process is sampled that a bound is near to: make it shorter, or the same");
        return;
    }
    daemon.min_interval = shortest;
}

/// `max_cpu`: a share of one processor, or `"off"`.
fn ceiling(value: Value<'_>, report: &mut Report) -> Option<Option<f64>> {
    if value.as_text() == Some("off") {
        return Some(None);
    }
    let place = value.place;
    let share = share(value, report)?;
    if !(0.001..=1.0).contains(&share) {
        report
            .error(place, "a ceiling that cannot be kept")
            .help("write a share of one processor from \"0.1%\" to \"100%\", or \"off\"");
        return None;
    }
    Some(Some(share))
}
