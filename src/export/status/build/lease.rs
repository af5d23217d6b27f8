//! Measures in force.

use crate::export::status::{Lease, UndoFailures};
use crate::export::{LeaseStanding, LeaseView, WallClock};
use crate::model::UndoBy;
use crate::record::Counters;

pub(super) fn failures(counters: &Counters) -> Vec<UndoFailures> {
    let some = counters.undo_failures().filter(|(_, count)| *count > 0);
    let told = some.map(|(key, count)| UndoFailures {
        target: key.target.to_string(),
        action: key.action.to_string(),
        reason: key.reason.name().to_owned(),
        count,
    });
    told.collect()
}

impl Lease {
    /// A measure in force, its times on the wall.
    pub fn of(view: &LeaseView, wall: &WallClock) -> Self {
        let (standing, time) = match view.standing {
            LeaseStanding::Doubtful => ("doubtful", None),
            LeaseStanding::Needed => ("needed", None),
            LeaseStanding::Undone { at } => ("undone", Some(at)),
            LeaseStanding::Operator => ("operator", None),
            LeaseStanding::Waiting => ("waiting", None),
            LeaseStanding::Cycling { opens } => ("cycling", opens),
            LeaseStanding::Undoing => ("undoing", None),
            LeaseStanding::Retrying { at } => ("retrying", Some(at)),
        };
        let by = match view.by {
            UndoBy::Daemon => "daemon",
            UndoBy::Operator => "operator",
        };
        Self {
            target: view.target.to_string(),
            action: view.action.to_string(),
            process: view.process,
            since: wall.unix_seconds(view.since),
            level: view.level.name().to_owned(),
            freeze: view.freeze,
            undo_after_seconds: view.after.as_secs_f64(),
            undo_by: by.to_owned(),
            standing: standing.to_owned(),
            time: time.map(|at| wall.unix_seconds(at)),
        }
    }
}
