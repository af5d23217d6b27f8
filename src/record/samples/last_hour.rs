//! The last hour of one seat, as a copy for whoever wants to draw it.

use std::sync::Arc;

use super::cell::{Bytes, Cell, unpack};
use crate::model::{Identity, Metric, Moment, Value};

/// A process that sat there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Which.
    pub identity: Identity,
    /// When it started.
    pub started: Moment,
    /// The first readings of it that were kept.
    pub since: Moment,
}

/// What was read of a process, of a group or of the host within the last hour, packed: made in the loop, and
/// unpacked by whoever got it, in a thread of its own.
#[derive(Clone, Debug)]
pub struct LastHour {
    pub(super) metrics: Arc<[Metric]>,
    pub(super) times: Vec<Moment>,
    pub(super) bytes: Vec<u8>,
    pub(super) lives: Vec<Life>,
}

impl LastHour {
    /// What was read, in the order of the columns.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// When, in the order of the rows, some 10 s apart: at most so many as there are in an hour and a few
    /// minutes.
    pub fn times(&self) -> &[Moment] {
        &self.times
    }

    /// The processes that sat there, in the order of time: more than one where it was restarted. None of a group
    /// and of the host.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// Every metric, each with a cell for each of [`LastHour::times`]: none where there was no reading, for nobody
    /// sat there or nothing was read of him yet.
    pub fn columns(&self) -> Vec<Vec<Option<Value>>> {
        let mut columns = vec![Vec::with_capacity(self.times.len()); self.metrics.len()];
        let mut cells = vec![Cell::NOTHING; self.metrics.len()];
        let mut bytes = Bytes(&self.bytes);
        for _ in &self.times {
            // What was packed can be unpacked.
            let _ = unpack(&mut bytes, &mut cells);
            columns.iter_mut().zip(&cells).for_each(|(column, cell)| column.push(cell.value()));
        }
        columns
    }

    /// One metric: each time at which there was a reading, with its value or why there was none. Empty where the
    /// metric is not read here.
    pub fn series(&self, metric: &Metric) -> Vec<(Moment, Value)> {
        let at = self.metrics.iter().position(|column| column == metric);
        let column = at.and_then(|at| self.columns().into_iter().nth(at)).unwrap_or_default();
        self.times.iter().zip(column).filter_map(|(at, value)| Some((*at, value?))).collect()
    }
}
