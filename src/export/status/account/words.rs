//! Words that several lines have in common.

use std::time::Duration;

use crate::config::{Bound, units};
use crate::model::{Level, Metric, Moment, Reason, Unknown, remedy};
use crate::record::show_duration;

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
    let at = units::show(bound.at, metric.info().unit);
    if bound.hold.is_zero() {
        format!("{metric} {at}")
    } else {
        format!("{metric} {at} for {}", show_duration(bound.hold))
    }
}

/// `; needs Linux 6.2, or ...`: what would make it readable.
pub(super) fn because_blind(metric: &Metric, why: Unknown) -> String {
    remedy(metric.base, why).map_or_else(String::new, |remedy| format!("; {remedy}"))
}
