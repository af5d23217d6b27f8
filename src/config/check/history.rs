//! `[history]`: how much is kept of what happened.

use super::super::History;
use super::super::keys;
use super::super::problem::Report;
use super::super::reader::Value;
use super::super::value::{duration, size};

pub(super) fn read(value: Value<'_>, report: &mut Report) -> History {
    let mut history = History::default();
    let Some(mut table) = value.table("[history]", report) else { return history };
    if let Some(events) = table.take("events").and_then(|value| duration(value, "1d"..="3650d", report)) {
        history.events = events;
    }
    if let Some(most) = table.take("max_size").and_then(|value| size(value, "16MiB"..="1TiB", report)) {
        history.max_size = most;
    }
    table.finish(&keys::HISTORY, report);
    history
}
