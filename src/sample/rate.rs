//! How fast something happens: a rate out of two counts.

use std::time::Duration;

use super::fault::Fault;
use crate::model::Moment;

/// How far two counts may be apart for a rate between them to mean something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    youngest: Duration,
    oldest: Duration,
}

impl Span {
    /// For counts that come once in `period`, or sooner where passes are, once in `interval`.
    ///
    /// A span much shorter than the interval says nothing: a page in a millisecond is a thousand a second.
    /// One over a gap says nothing about lately; a gap is three periods, two seconds at least.
    pub(super) fn of(interval: Duration, period: Duration) -> Self {
        let oldest = (3 * period).max(Duration::from_secs(2));
        Self { youngest: interval / 2, oldest }
    }
}

/// The counts that a rate can be taken from: the last ones, and those before them for when the last are
/// too young.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted<const N: usize> {
    before: Option<(Moment, [u64; N])>,
    last: Option<(Moment, [u64; N])>,
}

impl<const N: usize> Counted<N> {
    /// Nothing counted yet.
    pub(super) const NOTHING: Self = Self { before: None, last: None };

    /// So many a second since counts of about an interval ago.
    pub(super) fn rates(&self, span: Span, now: Moment, counts: [u64; N]) -> Result<[f64; N], Fault> {
        let usable = |&(at, _): &(Moment, [u64; N])| {
            let since = now.since(at);
            !since.is_zero() && since >= span.youngest && since <= span.oldest
        };
        let (at, base) = self.last.filter(usable).or_else(|| self.before.filter(usable)).ok_or(Fault::FIRST)?;
        let mut rates = [0.0; N];
        for ((rate, count), before) in rates.iter_mut().zip(counts).zip(base) {
            // Counts only grow; where one fell, something else was read than is thought.
            let more = count.checked_sub(before).ok_or(Fault::IMPOSSIBLE)?;
            *rate = more as f64 / now.since(at).as_secs_f64();
        }
        Ok(rates)
    }

    /// Keeps what a pass counted, for the next ones to start from.
    pub(super) fn keep(&mut self, span: Span, now: Moment, counts: [u64; N]) {
        if self.last.is_none_or(|(at, _)| now.since(at) >= span.youngest) {
            self.before = self.last.replace((now, counts));
        }
    }
}

#[cfg(test)]
mod tests;
