//! Keys of an action that are right and say nothing, or keep another one from saying anything: hardly what was
//! meant.

use super::super::super::problem::Report;
use super::super::super::reader::Entry;
use super::super::super::source::Place;
use super::super::super::{Action, units};
use crate::model::UndoBy;

/// Warns of them.
pub(super) fn tell(action: &Action, written: &Entry<'_>, report: &mut Report) {
    let entries = written.value.entries().unwrap_or_default();
    let place = |key: &str| self::place(&entries, key);
    if let Some(repeat) = place("repeat") {
        never_again(action, repeat, report);
        never_judged(action, (repeat, place("patience")), report);
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

/// Where a key is.
fn place(entries: &[Entry<'_>], key: &str) -> Option<Place> {
    entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_place)
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

/// Orders in one another's window are judged as one, at its end: there never is one.
fn never_judged(action: &Action, (place, patience): (Place, Option<Place>), report: &mut Report) {
    let often = action.repeat.map(|repeat| repeat.max(action.cooldown));
    let Some(often) = often.filter(|often| *often < action.patience) else { return };
    if action.undo.is_some() || action.measure.is_kill() {
        // It is not ordered again, as was said.
        return;
    }
    let (often, within) = (units::Duration(often), units::Duration(action.patience));
    let what = format!(
        "ordered again every \"{often}\", within its `patience` (\"{within}\"): its effect is never judged, so that \
         nothing gives it up and nothing follows upon it"
    );
    let warning = report.warning(place, what);
    if let Some(patience) = patience {
        warning.also(patience, "so long it has to help");
    }
    warning.help(format!("write a `repeat` of \"{within}\" or longer, or a `patience` of \"{often}\" or shorter"));
}
