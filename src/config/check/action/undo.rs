//! `undo` and what goes with it: how a measure is taken back, when, by whom, and how often it may be.

use std::time::Duration;

use super::super::super::problem::Report;
use super::super::super::reader::{Entry, Table, Value};
use super::super::super::source::Place;
use super::super::super::value::{budget, duration, word};
use super::super::super::{Action, Budget, keys};
use super::deliver::{self, Found, Given, Kind};
use crate::model::{Measure, Undo, UndoBy};

/// Default of `undo_after`: a measure that is undone at once is soon needed again.
const AFTER: Duration = Duration::from_secs(300);

/// What an action says about being taken back. A none is a mistake, an inner one that it is not.
pub(super) struct Back {
    /// By what, and where that is written.
    pub way: Option<(Kind, Place)>,
    pub undo: Option<Option<Undo>>,
    pub max_cycles: Option<Budget>,
}

/// Reads `undo`, `undo_after`, `undo_by` and `max_cycles`.
pub(super) fn read(table: &mut Table<'_>, given: Option<&Given>, assume_handled: bool, report: &mut Report) -> Back {
    let undo = table.entry("undo");
    let rest = ["undo_after", "undo_by", "max_cycles"].map(|key| table.entry(key));
    fits(undo, &rest, given, report);
    let [after, by, cycles] = rest.map(|entry| entry.map(|entry| entry.value));
    let frozen = given.and_then(|given| match given.measure {
        Some(Measure::Freeze { by, .. }) => Some(by),
        _ => None,
    });
    let soon = if given.is_some_and(|given| given.kind == Kind::Freeze) { Duration::ZERO } else { AFTER };
    let after = after.map_or(Some(soon), |value| duration(value, "0s"..="30d", report));
    let by = by.map_or(Some(UndoBy::Daemon), |value| who(value, report));
    let most = Action::default().max_cycles;
    let max_cycles = cycles.map_or(Some(most), |value| often(value, report));
    let way = undo.and_then(|entry| way(entry.value, assume_handled, report));
    let found = way.as_ref().map(|given| (given.kind, given.place));
    let measure = match (undo, way) {
        (Some(_), way) => way.and_then(|given| given.measure).map(Some),
        (None, _) => Some(frozen.map(|by| Measure::Thaw { by })),
    };
    let undo = measure.and_then(|measure| match measure {
        Some(measure) => Some(Some(Undo { measure, after: after?, by: by? })),
        None => Some(None).filter(|_| after.is_some() && by.is_some()),
    });
    Back { way: found, undo, max_cycles }
}

fn who(value: Value<'_>, report: &mut Report) -> Option<UndoBy> {
    match word(value, &["daemon", "operator"], report)? {
        "operator" => Some(UndoBy::Operator),
        _ => Some(UndoBy::Daemon),
    }
}

fn often(value: Value<'_>, report: &mut Report) -> Option<Budget> {
    let most = budget(value, &keys::CYCLES, report)?;
    if most.max > 0 {
        return Some(most);
    }
    report
        .error(value.place, "no cycle at all: the measure would never be undone")
        .help("to leave that to the operator, write undo_by = \"operator\"");
    None
}

/// The delivery of an undo.
fn way(value: Value<'_>, assume_handled: bool, report: &mut Report) -> Option<Given> {
    const EXAMPLE: &str = "undo = { signal = \"SIGUSR2\" }";
    let mut table = value.table(EXAMPLE, report)?;
    let place = table.place;
    let found = deliver::read(&mut table, &Kind::UNDO, assume_handled, report);
    let all = table.finish(&keys::UNDO, report);
    match found {
        Found::One(given) => Some(given),
        Found::Several => None,
        Found::Nothing => {
            if all {
                let help = format!("say how it is taken back, by signal, http or command: {EXAMPLE}");
                report.missing(place, "an undo that does nothing").help(help);
            }
            None
        }
    }
}

/// Whether there is something that can be taken back, and by whom it is said to be.
fn fits(undo: Option<Entry<'_>>, rest: &[Option<Entry<'_>>; 3], given: Option<&Given>, report: &mut Report) {
    let Some(given) = given else { return };
    match (given.kind, undo) {
        (Kind::Kill, Some(undo)) => {
            let draft = report.error(undo.key_place, "a kill cannot be undone");
            draft
                .also(given.place, "the delivery")
                .help("remove it; whoever starts the process again is asked for by `expect_successor`");
        }
        (Kind::Freeze, Some(undo)) => {
            let draft = report.error(undo.key_place, "a freeze brings its own undo: the process is thawed");
            draft.also(given.place, "the delivery").help("remove it; `undo_after` and `deadline` say when");
        }
        (Kind::Freeze, None) => {
            let by = rest[1].filter(|entry| entry.value.as_text() == Some("operator"));
            if let Some(by) = by {
                let draft = report.error(by.value.place, "a freeze is always taken back by the daemon");
                draft
                    .also(given.place, "the delivery")
                    .help("remove it: `deadline` thaws it at the latest, and `tradedog thaw` at any time");
            }
        }
        (_, None) => {
            for entry in rest.iter().flatten() {
                let help = if given.kind == Kind::Kill {
                    "remove it: a kill cannot be undone".to_owned()
                } else {
                    "say how it is taken back, undo = { signal = \"SIGUSR2\" }, or remove it".to_owned()
                };
                let draft = report.error(entry.key_place, format!("`{}` without `undo`", entry.key));
                draft.also(given.place, "the delivery").help(help);
            }
        }
        (Kind::Signal | Kind::Http | Kind::Command, Some(_)) => {}
    }
}
