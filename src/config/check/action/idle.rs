//! Keys of an action that are right and say nothing: hardly what was meant.

use super::super::super::Action;
use super::super::super::problem::Report;
use super::super::super::reader::Entry;
use super::super::super::source::Place;
use crate::model::UndoBy;

/// Warns of them.
pub(super) fn tell(action: &Action, written: &Entry<'_>, report: &mut Report) {
    let entries = written.value.entries().unwrap_or_default();
    let place = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_place);
    if let Some(place) = place("repeat") {
        never_again(action, place, report);
    }
    let Some(undo) = &action.undo else { return };
    if let Some(place) = place("undo").filter(|_| undo.measure == action.measure) {
        report
            .warning(place, "this undo does the same as the action")
            .help("say what takes the measure back, or leave `undo` out if nothing does");
    }
    if let Some(place) = place("undo_after").filter(|_| undo.by == UndoBy::Operator) {
        report
            .warning(place, "`undo_after` says nothing beside undo_by = \"operator\"")
            .help("remove it: nobody but `tradedog undo` takes the measure back");
    }
}

/// `repeat` is for measures that are over once they are delivered.
fn never_again(action: &Action, place: Place, report: &mut Report) {
    let why = if action.measure.is_kill() {
        "a process ends once"
    } else if action.undo.is_some() {
        "the measure stays in force until it is undone"
    } else {
        return;
    };
    report.warning(place, format!("`repeat` says nothing here: {why}")).help("remove it");
}
