//! How fast the host swaps: a rate out of two counts.

use std::time::Duration;

use super::fault::Fault;
use crate::kernel::host::Swapped;
use crate::model::Moment;

/// The counts that a rate can be taken from: the last one, and the one before it for when the last is
/// too young.
#[derive(Debug)]
pub(super) struct Paging {
    youngest: Duration,
    oldest: Duration,
    before: Option<(Moment, Swapped)>,
    last: Option<(Moment, Swapped)>,
}

impl Paging {
    /// For counts that come once in `interval`.
    ///
    /// A span much shorter than that says nothing: a page in a millisecond is a thousand a second.
    /// One over a gap says nothing about lately; a gap is three intervals, two seconds at least.
    pub(super) fn new(interval: Duration) -> Self {
        let oldest = (3 * interval).max(Duration::from_secs(2));
        Self { youngest: interval / 2, oldest, before: None, last: None }
    }

    /// Pages a second, in and out, since a count of about an interval ago.
    pub(super) fn rates(&self, now: Moment, counts: Swapped) -> Result<(f64, f64), Fault> {
        let usable = |&(at, _): &(Moment, Swapped)| {
            let span = now.since(at);
            !span.is_zero() && span >= self.youngest && span <= self.oldest
        };
        let (at, base) = self.last.filter(usable).or_else(|| self.before.filter(usable)).ok_or(Fault::FIRST)?;
        let rate = |count: u64, before: u64| {
            // Counts only grow; where one fell, something else was read than is thought.
            let pages = count.checked_sub(before).ok_or(Fault::IMPOSSIBLE);
            pages.map(|pages| pages as f64 / now.since(at).as_secs_f64())
        };
        Ok((rate(counts.pages_in, base.pages_in)?, rate(counts.pages_out, base.pages_out)?))
    }

    /// Keeps what a pass counted, for the next ones to start from.
    pub(super) fn keep(&mut self, now: Moment, counts: Swapped) {
        if self.last.is_none_or(|(at, _)| now.since(at) >= self.youngest) {
            self.before = self.last.replace((now, counts));
        }
    }
}

#[cfg(test)]
mod tests;
