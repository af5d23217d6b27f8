//! What is not read in each pass: because it hardly changes, because nobody judges by it, or because the
//! kernel refused it the last time.

use std::time::Duration;

use super::fault::Fault;
use super::probe::Slow;
use crate::model::{Moment, Value};

#[cfg(test)]
mod tests;

/// What was refused, or is not there, is tried again this seldom.
const RETRY: Duration = Duration::from_secs(30);

/// When something is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) now: Moment,
    /// How often.
    pub(super) every: Duration,
    /// Whether it is read now, be it due or not: only what was refused still waits.
    pub(super) at_once: bool,
    /// Its place among those that are read as often: it decides whose turn it is when, so that no pass reads
    /// all of them at once.
    pub(super) place: usize,
}

impl Turn {
    /// Whenever it is asked for.
    pub(super) const fn always(now: Moment) -> Self {
        Self { now, every: Duration::ZERO, at_once: true, place: 0 }
    }

    /// Once in `every`, or at once where `every` is zero.
    pub(super) const fn once_in(every: Duration, now: Moment, place: usize) -> Self {
        Self { now, every, at_once: every.is_zero(), place }
    }

    /// The same, and now.
    pub(super) const fn and_now(self) -> Self {
        Self { at_once: true, ..self }
    }

    /// How long after the first reading the second one comes. Those of consecutive places are spread evenly:
    /// they follow the golden ratio.
    fn first_wait(self) -> Duration {
        const GOLDEN: u32 = 0x9E37_79B9;
        let place = u32::try_from(self.place % (1 << 16)).unwrap_or(0);
        let share = f64::from(place.wrapping_mul(GOLDEN)) / (f64::from(u32::MAX) + 1.0);
        self.every.mul_f64(1.0 - share)
    }
}

/// What was last read of one thing, and when it is read again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seldom<T> {
    at: Moment,
    value: Result<T, Fault>,
    due: Moment,
    /// Whether it has its place.
    begun: bool,
}

impl<T: Copy> Seldom<T> {
    /// Nothing yet: due at once.
    pub(super) const UNREAD: Self =
        Self { at: Moment::from_nanos(0), value: Err(Fault::FIRST), due: Moment::from_nanos(0), begun: false };

    /// Whether it was asked for in the pass at `now`.
    pub(super) fn is_of(&self, now: Moment) -> bool {
        self.at == now
    }

    /// What is known of it, after it was read anew by `read` if it is due. What was refused counts as refused
    /// until it is tried again; whatever else went wrong is tried again at once.
    pub(super) fn refresh(&mut self, turn: Turn, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        if self.is_due(turn) {
            self.set(turn, read());
        } else if let Err(fault) = &mut self.value {
            self.at = turn.now;
            *fault = fault.as_before();
        }
        self.value
    }

    fn is_due(&self, turn: Turn) -> bool {
        turn.now >= self.due || (turn.at_once && self.value.is_ok())
    }

    fn set(&mut self, turn: Turn, value: Result<T, Fault>) {
        let late = turn.now.since(self.due);
        self.due = match value {
            Ok(_) if !self.begun => turn.now + turn.first_wait(),
            // From then on it keeps its place, whatever the passes' jitter, and whatever comes in between.
            Ok(_) if turn.now < self.due => self.due,
            Ok(_) if late < turn.every => self.due + turn.every,
            Ok(_) => turn.now + turn.every,
            Err(fault) if fault.is_lasting() => turn.now + RETRY,
            Err(_) => turn.now,
        };
        self.begun |= value.is_ok() && !turn.every.is_zero();
        (self.at, self.value) = (turn.now, value);
    }

    /// What was last read.
    pub(super) const fn value(&self) -> Result<T, Fault> {
        self.value
    }

    /// When that was, or when it was last found out that there is no point in a try.
    pub(super) const fn at(&self) -> Moment {
        self.at
    }

    /// What was last read, as a reading that comes once in `period`.
    pub(super) fn slow(&self, period: Duration, number: impl FnOnce(T) -> Result<f64, Fault>) -> Slow {
        Slow { at: self.at, period, value: self.value.and_then(number).map(Value::Known) }
    }
}
