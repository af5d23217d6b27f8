//! What could be read, and which right is missing for the rest.

use std::collections::BTreeMap;

use super::several;
use crate::config::Threshold;
use crate::model::{Base, Metric, Reading, Unit, Unknown, Value};

/// What is told of the readings of one process, or of the host.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) facts: Vec<String>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn of(metrics: &[Metric], thresholds: &[Threshold], readings: &[Reading]) -> Told {
    let mut told = Told::default();
    let mut unknown: BTreeMap<(&'static str, &'static str), Vec<String>> = BTreeMap::new();
    for (metric, reading) in metrics.iter().zip(readings) {
        if let Some(why) = unreadable(metric, reading) {
            unknown.entry((why.name(), remedy(metric.base, why))).or_default().push(metric.to_string());
        }
    }
    if unknown.is_empty() {
        told.facts.push(format!("{} can be read", several(metrics.len(), "metric")));
    }
    for ((why, remedy), metrics) in unknown {
        told.warnings.push(format!("cannot be read ({why}): {}{remedy}", metrics.join(", ")));
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

/// What would make a metric readable.
fn remedy(base: Base, why: Unknown) -> &'static str {
    if why != Unknown::Denied {
        return "";
    }
    let by_descriptor = "; needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, and the network namespace of tradedog";
    match base {
        Base::OpenFds | Base::FdUsage => "; needs Linux 6.2, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        Base::CloseWait
        | Base::Established
        | Base::SynSent
        | Base::FinWait1
        | Base::FinWait2
        | Base::LastAck
        | Base::Closing
        | Base::Listen
        | Base::Sockets => by_descriptor,
        Base::MaxFds | Base::Rss | Base::Swap | Base::Threads => "; is /proc mounted with hidepid?",
        Base::HostSwapIn | Base::HostSwapOut | Base::HostMemoryPressure | Base::HostOpenFiles => "; is /proc complete?",
        Base::HostTimeWait | Base::HostEstablished => "; is sock_diag allowed?",
        Base::HostMemoryUsed | Base::HostSwapUsed => "; may /proc/meminfo be read?",
    }
}
