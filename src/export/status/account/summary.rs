//! One line about each target, from time to time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::seats::{Row, Seat};
use super::words::{lasting, processes};
use super::{Scene, next};
use crate::config::{self, units};
use crate::export::Snapshot;
use crate::model::{Level, Note, OutcomeKind};
use crate::record::{Counters, show_duration};

/// Most metrics that are told of.
const MOST_METRICS: usize = 4;

/// What the log is told of each target: `before` are the counts of `period` ago.
pub fn summaries(snapshot: &Snapshot, before: &Counters, period: Duration) -> Vec<Note> {
    let told = |(index, target): (u16, &config::Target)| {
        let scene = Scene { snapshot, target, index };
        let seats = scene.seats();
        let level = seats.iter().map(Seat::level).max().unwrap_or_default();
        let text = sentence(&scene, &seats, &orders(&scene, before, period));
        Note::Summary { target: Arc::clone(&target.name), level, text }
    };
    (0..).zip(&snapshot.config.targets).map(told).collect()
}

/// What follows the level: ` for 12m, 1 process; open_fds 655 (warning from 600, critical at 800); in force:
/// pause; in 5m: reset_pool delivered twice`
fn sentence(scene: &Scene<'_>, seats: &[Seat<'_>], orders: &str) -> String {
    let worst = seats.iter().max_by_key(|seat| seat.level());
    let since = worst.filter(|seat| !seat.rows.is_empty()).and_then(Seat::since);
    let since = since.map_or_else(String::new, |since| lasting(scene.now(), since));
    let there = match scene.count() {
        0 => "no process".to_owned(),
        count => processes(count),
    };
    let in_force: Vec<&str> = scene.leases().map(|lease| &*lease.action).collect();
    let in_force = if in_force.is_empty() { String::new() } else { format!("; in force: {}", in_force.join(", ")) };
    let held = scene.inhibitions().next().map_or("", |_| "; inhibited");
    format!("{since}, {there}{}{in_force}{held}{orders}", readings(seats))
}

/// Of each metric with a bound the reading that is nearest to the next one, worst first.
fn readings(seats: &[Seat<'_>]) -> String {
    let mut worst: BTreeMap<String, Row<'_>> = BTreeMap::new();
    for row in seats.iter().flat_map(|seat| &seat.rows) {
        let entry = worst.entry(row.metric.to_string()).or_insert(*row);
        if rank(row) > rank(entry) {
            *entry = *row;
        }
    }
    let mut rows: Vec<Row<'_>> = worst.into_values().collect();
    rows.sort_by(|one, other| rank(other).partial_cmp(&rank(one)).unwrap_or(std::cmp::Ordering::Equal));
    let told: Vec<String> = rows.iter().take(MOST_METRICS).map(reading).collect();
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// By level, then by how near the next bound is.
fn rank(row: &Row<'_>) -> (Level, f64) {
    (row.view.level, next::share(row).unwrap_or(f64::NEG_INFINITY))
}

/// `open_fds 655 (warning from 600, critical at 800)`
fn reading(row: &Row<'_>) -> String {
    let unit = row.metric.unit();
    let value = match (row.view.unknown, row.value()) {
        (Some(why), _) => format!("unknown ({})", why.name()),
        (None, Some(value)) => units::show(value, unit),
        (None, None) => "not read yet".to_owned(),
    };
    let held = row.held().map(|bound| format!("{} from {}", row.view.level, units::show(bound.at, unit)));
    let ahead = row.ahead().next().map(|(level, bound)| format!("{level} at {}", units::show(bound.at, unit)));
    let bounds = held.into_iter().chain(ahead).collect::<Vec<_>>().join(", ");
    format!("{} {value} ({bounds})", row.metric)
}

/// `; in 5m: reset_pool delivered twice, would have done kill once`
fn orders(scene: &Scene<'_>, before: &Counters, period: Duration) -> String {
    let mut counts: BTreeMap<(&str, OutcomeKind), u64> = BTreeMap::new();
    for (sign, counters) in [(true, &*scene.snapshot.counters), (false, before)] {
        for (key, count) in counters.orders().filter(|(key, _)| key.target == scene.target.name) {
            let sum = counts.entry((&key.action, key.outcome)).or_default();
            *sum = if sign { sum.saturating_add(count) } else { sum.saturating_sub(count) };
        }
    }
    let told: Vec<String> = counts.into_iter().filter(|(_, count)| *count > 0).map(order).collect();
    if told.is_empty() { String::new() } else { format!("; in {}: {}", show_duration(period), told.join(", ")) }
}

fn order(((action, outcome), count): ((&str, OutcomeKind), u64)) -> String {
    let times = match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    };
    match outcome {
        OutcomeKind::DryRun => format!("would have done {action} {times}"),
        OutcomeKind::Gone => format!("{action} {times}, process gone"),
        OutcomeKind::Delivered
        | OutcomeKind::Acknowledged
        | OutcomeKind::Failed
        | OutcomeKind::Held
        | OutcomeKind::Vetoed
        | OutcomeKind::Lapsed => format!("{action} {} {times}", outcome.name()),
    }
}
