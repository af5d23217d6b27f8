//! What could be read, and which right is missing for the rest.

use std::collections::BTreeMap;

use super::{several, user};
use crate::config::Threshold;
use crate::kernel::own_rights;
use crate::model::{Metric, Reading, Unit, Unknown, Value, remedy};

/// What is told of the readings of one process, or of the host.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) facts: Vec<String>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn of(metrics: &[Metric], thresholds: &[Threshold], readings: &[Reading]) -> Told {
    let mut told = Told::default();
    let mut unknown: BTreeMap<(bool, &'static str, Option<&'static str>), Vec<String>> = BTreeMap::new();
    for (index, (metric, reading)) in metrics.iter().zip(readings).enumerate() {
        if let Some(why) = unreadable(metric, reading) {
            // What is only shown may be missing: nothing is decided by it.
            let needed = thresholds.iter().any(|row| row.metric == index);
            unknown.entry((needed, why.name(), remedy(metric.base, why))).or_default().push(metric.to_string());
        }
    }
    if unknown.is_empty() {
        told.facts.push(format!("{} can be read by {}", several(metrics.len(), "metric"), user(own_rights().uid)));
    }
    for ((needed, why, remedy), metrics) in unknown {
        let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
        let text = format!("cannot be read ({why}): {}{remedy}", metrics.join(", "));
        if needed {
            told.warnings.push(text);
        } else {
            told.facts.push(format!("no threshold needs it, and it {text}"));
        }
    }
    let blind = thresholds.iter().filter_map(|row| {
        let metric = metrics.get(row.metric)?;
        unreadable(metric, readings.get(row.metric)?).map(|_| metric.to_string())
    });
    let blind: Vec<String> = blind.collect();
    if !blind.is_empty() {
        told.warnings.push(format!("blind thresholds: {}; the daemon will not be ready", blind.join(", ")));
    }
    told
}

/// Why there is no value. A rate has none at the first look, which is no fault of it.
fn unreadable(metric: &Metric, reading: &Reading) -> Option<Unknown> {
    match reading.value {
        Value::Unknown(Unknown::Overdue) if metric.info().unit == Unit::PerSecond => None,
        Value::Unknown(why) => Some(why),
        Value::Known(_) | Value::AtLeast(_) => None,
    }
}
