//! The readings of a process as columns of a table: the same in `once` and `status`.

use std::collections::BTreeMap;

use crate::config::units;
use crate::export::status::Reading;
use crate::model::{Base, Metric, Unit, printable};

/// Longest text of a cell.
const MOST_CHARS: usize = 300;

/// Metric and head.
const COLUMNS: [(Base, &str); 8] = [
    (Base::OpenFds, ">fds"),
    (Base::MaxFds, ">limit"),
    (Base::CloseWait, ">close_wait"),
    (Base::Established, ">established"),
    (Base::Rss, ">rss"),
    (Base::Swap, ">swap"),
    (Base::CgroupWorkingSet, ">cgroup"),
    (Base::Threads, ">threads"),
];

/// The columns that these processes have nothing to show in: cgroups are only read where a target has to do
/// with them.
pub(super) fn idle<'r>(mut rows: impl Iterator<Item = &'r BTreeMap<String, Reading>>) -> Option<Base> {
    let cgroup = Base::CgroupWorkingSet;
    (!rows.any(|readings| readings.contains_key(cgroup.info().name))).then_some(cgroup)
}

/// The heads, in order, but for those of `without`.
pub(super) fn heads(without: &[Base]) -> impl Iterator<Item = &'static str> {
    shown(without).map(|(_, head)| head)
}

/// The cells of one process, in the order of the heads.
pub(super) fn cells(readings: &BTreeMap<String, Reading>, without: &[Base]) -> impl Iterator<Item = String> {
    shown(without).map(|(base, _)| cell(base.info().name, readings.get(base.info().name)))
}

fn shown(without: &[Base]) -> impl Iterator<Item = (Base, &'static str)> {
    COLUMNS.into_iter().filter(|(base, _)| !without.contains(base))
}

/// A reading in its unit, or the word for why there is none: never a zero that nobody counted.
pub(super) fn cell(metric: &str, reading: Option<&Reading>) -> String {
    let Some(reading) = reading else { return "-".into() };
    let bound = if reading.at_least { ">=" } else { "" };
    match (reading.value, &reading.unknown) {
        (Some(value), _) => format!("{bound}{}", units::show(value, unit(metric))),
        (None, Some(why)) => text(why),
        (None, None) if reading.unlimited => "unlimited".into(),
        (None, None) => "?".into(),
    }
}

/// The unit of a metric by its name, with or without peer.
pub(super) fn unit(metric: &str) -> Unit {
    Metric::try_from(metric.to_owned()).map_or(Unit::Count, |metric| metric.unit())
}

/// Text from outside: the daemon is believed, but whoever listens on its port may not be it.
pub(super) fn text(text: &str) -> String {
    printable(text.as_bytes(), MOST_CHARS)
}
