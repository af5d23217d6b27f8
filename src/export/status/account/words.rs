//! Words that several lines have in common.

use std::time::Duration;

use super::seats::Row;
use crate::config::{Bound, units};
use crate::model::{End, Level, Metric, Moment, Reason, Unknown, remedy};
use crate::record::show_duration;

/// Nobody plans further ahead.
const DISTANT: Duration = Duration::from_secs(365 * 86_400);

/// Spans are told in whole seconds: nobody reads tenths of them.
fn whole(span: Duration) -> String {
    show_duration(Duration::from_secs(span.as_secs()))
}

/// `4s ago`
pub(super) fn ago(now: Moment, at: Moment) -> String {
    let span = now.since(at);
    if span < Duration::from_secs(1) { "just now".to_owned() } else { format!("{} ago", whole(span)) }
}

/// `in 4s`
pub(super) fn within(now: Moment, at: Moment) -> String {
    let span = at.since(now);
    if span < Duration::from_secs(1) { "at once".to_owned() } else { format!("in {}", whole(span)) }
}

/// ` for 4s`; nothing where it has just begun.
pub(super) fn lasting(now: Moment, since: Moment) -> String {
    let span = now.since(since);
    if span < Duration::from_secs(1) { String::new() } else { format!(" for {}", whole(span)) }
}

/// A word as a shell takes it for one: in quotes where a character of it would mean something else. Lines are made
/// printable, which doubles each backslash: between double quotes that is one again.
pub(super) fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let apart = word.replace('\'', r#"'"'"'"#).replace('\\', r#"'"\"'"#);
    format!("'{apart}'")
}

/// `1 process`, `2 processes`
pub(super) fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

/// `the kill budget is spent (kill_budget)`
pub(super) fn because(reason: Reason) -> String {
    format!("{} ({reason})", reason.help())
}

/// `warning`, `warning of ladder memory`
pub(super) fn level_of(level: Level, ladder: &str) -> String {
    if matches!(ladder, "default" | "host" | "") { level.to_string() } else { format!("{level} of ladder {ladder}") }
}

/// `open_fds 900 for 3s`
pub(super) fn bound(metric: &Metric, bound: &Bound) -> String {
    let at = units::show(bound.at, metric.unit());
    if bound.hold.is_zero() {
        format!("{metric} {at}")
    } else {
        format!("{metric} {at} for {}", show_duration(bound.hold))
    }
}

/// `, growing by 9/min, fatal in 27m`; nothing where no growth goes on, or it is not known.
pub(super) fn outlook(row: &Row<'_>) -> String {
    let Some(growth) = growth(row) else { return String::new() };
    let growing = format!(", growing by {}", units::show(growth, row.metric.unit().growth()));
    let forecast = row.forecast.and_then(|forecast| Some((forecast.end?, forecast.time_left.number()?)));
    match forecast.filter(|(_, left)| *left > 0.0) {
        Some((End::Fatal, left)) => format!("{growing}, fatal {}", in_about(left)),
        Some((End::Limit, left)) => format!("{growing}, at its limit {}", in_about(left)),
        None => growing,
    }
}

/// A minute; of what is read, not of what is foretold.
fn growth(row: &Row<'_>) -> Option<f64> {
    let growth = row.forecast.filter(|_| row.metric.derived.is_none())?.growth.number()?;
    (growth > 0.0).then_some(growth)
}

/// `in 27m`
pub(super) fn in_about(seconds: f64) -> String {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    if span > DISTANT { "in more than a year".to_owned() } else { format!("in {}", whole(span)) }
}

/// `; needs Linux 6.2, or ...`: what would make it readable.
pub(super) fn because_blind(metric: &Metric, why: Unknown) -> String {
    remedy(metric.base, why).map_or_else(String::new, |remedy| format!("; {remedy}"))
}
