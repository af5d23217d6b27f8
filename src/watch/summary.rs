//! The lines that sum up each target from time to time.

use std::sync::Arc;

use super::Watch;
use crate::export::status::summaries;
use crate::model::{Event, Moment};
use crate::record::Counters;

/// When they are due, and what was counted when they were said last.
#[derive(Debug)]
pub(super) struct Summing {
    last: Moment,
    counters: Arc<Counters>,
}

impl Summing {
    /// Nothing was said yet.
    pub(super) fn since(now: Moment) -> Self {
        Self { last: now, counters: Arc::default() }
    }
}

impl Watch {
    /// Says how each target stands, by the last snapshot, when it is time.
    pub(super) fn sum_up(&mut self, now: Moment) {
        let every = self.config.daemon.summary;
        let passed = now.since(self.summing.last);
        if every.is_zero() || passed < every {
            return;
        }
        let snapshot = self.publisher.published().latest();
        // Of another configuration than the present one nothing is said: the next pass has the present one.
        if !snapshot.begun || !Arc::ptr_eq(&snapshot.config, &self.config) {
            return;
        }
        let notes = summaries(&snapshot, &self.summing.counters, passed);
        self.events.extend(notes.into_iter().map(|note| Event { at: now, note }));
        self.summing = Summing { last: now, counters: Arc::clone(&snapshot.counters) };
    }
}
