//! `[history]`: how much is kept of what happened.

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::Value;
use super::super::value::{duration, size};
use super::super::{History, Samples};

pub(super) fn read(value: Value<'_>, report: &mut Report) -> History {
    let mut history = History::default();
    let Some(mut table) = value.table("[history]", report) else { return history };
    if let Some(events) = table.take("events").and_then(|value| duration(value, "1d"..="3650d", report)) {
        history.events = events;
    }
    if let Some(kept) = table.take("samples").and_then(|value| samples(value, report)) {
        history.samples = kept;
    }
    if let Some(most) = table.take("max_size").and_then(|value| size(value, "16MiB"..="1TiB", report)) {
        history.max_size = most;
    }
    table.finish(&keys::HISTORY, report);
    history
}

/// `samples`: how long at which resolution, or `"off"`.
fn samples(value: Value<'_>, report: &mut Report) -> Option<Option<Samples>> {
    if value.as_text() == Some("off") {
        return Some(None);
    }
    let place = value.place;
    let mut table = value.table("{ 10s = \"1d\", 1m = \"7d\", 10m = \"90d\" }, or \"off\"", report)?;
    let mut kept = Samples::default();
    let [finest, fine, coarse] = Samples::KEYS;
    for (key, kept) in [(finest, &mut kept.ten_seconds), (fine, &mut kept.minute), (coarse, &mut kept.ten_minutes)] {
        if let Some(span) = table.take(key).and_then(|value| duration(value, "1h"..="3650d", report)) {
            *kept = span;
        }
    }
    if !table.finish(&keys::SAMPLES, report) {
        return None;
    }
    if !kept.all().is_sorted() {
        report
            .error(place, "coarse samples are kept shorter than fine ones")
            .help("of 10s, 1m and 10m the later ones are kept at least as long as the earlier ones");
        return None;
    }
    Some(Some(kept))
}
