//! How long until a metric is at its end: the growth of one metric of one subject, over a sliding window.
//!
//! Readings go into buckets of ten seconds, of each of which the highest is kept: what is foretold is when
//! a reading first reaches the bound. Only when a bucket closes is anything worked out, by [`trend`]. The
//! memory of a series is fixed when it is made. What does not belong here: what a level means.

mod kept;
mod trend;

use std::time::Duration;

use crate::config::{Forecast, Limit};
use crate::model::{Derived, End, ForecastView, Growth, Moment, Reading, Unknown, Value};
use trend::{MOST, Point, Trend, trend};

/// How long a bucket is open.
pub(super) const BUCKET: Duration = Duration::from_secs(10);
/// The same in nanoseconds.
const NANOS: u64 = 10_000_000_000;
/// So many buckets in a row must say otherwise before a series that grew is believed to be steady, or one
/// that was steady to grow: at the edges of steps and teeth single ones do.
const PATIENCE: u8 = 6;
/// Growth does not become faster or slower by this factor within one bucket.
const SUDDEN: f64 = 1.5;
/// What has fallen below this share of its height was repaired: there is nothing to doubt.
const GIVEN_BACK: f64 = 0.75;
/// A fall that is deeper than every other in this share of the window is no tooth.
const LATELY: usize = 3;
/// No new reading for this many of its periods is a gap.
const GAP_PERIODS: u32 = 3;
/// A gap is never shorter than this.
const SHORTEST_GAP: Duration = Duration::from_secs(2);
/// What has fallen below this share of what it was is not what a kill was decided on.
const STILL_THERE: f64 = 0.9;

/// One metric of one subject. What a pass touches stands together, for it finds the caches cold.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// When the open bucket closes.
    closes: Moment,
    /// The highest value in it.
    high: f32,
    /// When it was last read, how often that is done, and what came of it.
    last: Option<Reading>,
    /// When that was told which is to be told again: it was remembered.
    again: Option<Moment>,
    view: ForecastView,
    past: Box<Past>,
}

/// What is touched when a bucket closes.
#[derive(Clone, Debug)]
struct Past {
    /// The highest value of each closed bucket, not a number where nothing is known; the oldest at `next`.
    ring: Box<[f32]>,
    next: usize,
    /// By how much its buckets open later than those of others, so that not all close in one pass.
    phase: Duration,
    /// The number of the open bucket; none before the first reading.
    open: Option<u64>,
    /// The growth that is believed; none before the window is half full. The inner none is none.
    believed: Option<Option<Growth>>,
    /// Buckets in a row that say otherwise.
    doubt: u8,
    /// Whether most of what had grown was given back, and is not there again: a growth that is believed goes on from
    /// there.
    repaired: bool,
    ends: Ends,
}

impl Series {
    /// Nothing read yet.
    pub(super) fn new(window: Duration) -> Self {
        let buckets = usize::try_from(window.as_secs() / BUCKET.as_secs()).unwrap_or(0);
        let past = Past {
            ring: vec![f32::NAN; buckets].into(),
            next: 0,
            phase: Duration::ZERO,
            open: None,
            believed: None,
            doubt: 0,
            repaired: false,
            ends: Ends::default(),
        };
        Self {
            closes: Moment::default(),
            high: f32::NAN,
            last: None,
            again: None,
            view: ForecastView::unknown(Moment::default(), Unknown::TooShort),
            past: Box::new(past),
        }
    }

    /// Its buckets close at a time that depends on `start`, before it has read anything.
    pub(super) fn begin_at(&mut self, start: Moment) {
        self.past.phase = Duration::from_nanos(start.as_nanos() % NANOS);
    }

    /// The same, looked at over another window: what it has seen of that.
    pub(super) fn over(&self, window: Duration) -> Self {
        let Past { ring, .. } = *Self::new(window).past;
        if ring.len() == self.past.ring.len() {
            return self.clone();
        }
        let mut series = self.clone();
        (series.past.ring, series.past.next) = (ring, 0);
        for at in 0..self.past.ring.len() {
            series.keep(self.past.ring[(self.past.next + at) % self.past.ring.len()]);
        }
        series
    }

    /// What is foretold.
    pub(super) const fn view(&self) -> ForecastView {
        self.view
    }

    /// What is foretold, as a reading.
    pub(super) fn reading(&self, derived: Derived) -> Reading {
        self.view.reading(derived, self.last.map_or(BUCKET, |last| last.period.max(BUCKET)))
    }

    /// Takes in the latest reading, of `readings`; foretells anew when a bucket has closed.
    pub(super) fn observe(&mut self, row: &Forecast, readings: &[Reading], now: Moment) {
        let Some(reading) = readings.get(row.metric) else { return };
        if now >= self.closes {
            self.turn(row, readings, now);
        } else if let Some(told) = self.again.take() {
            self.tell_again(row, readings, told);
        }
        if self.last.is_none_or(|last| reading.at > last.at) {
            self.last = Some(*reading);
            self.high = self.high.max(value_of(reading));
        }
    }

    /// Closes the open bucket, and opens the next.
    fn turn(&mut self, row: &Forecast, readings: &[Reading], now: Moment) {
        self.again = None;
        let number = self.number_at(now);
        if let Some(open) = self.past.open {
            self.close(number.saturating_sub(open), now);
            self.foretell(row, readings, now);
        } else {
            self.view.at = now;
        }
        self.past.open = Some(number);
        self.closes = Moment::from_nanos((number + 1).saturating_mul(NANOS)) + self.past.phase;
    }

    fn number_at(&self, now: Moment) -> u64 {
        (now - self.past.phase).as_nanos() / NANOS
    }

    /// Closes the open bucket and as many behind it as have passed. What is read more seldom than a bucket
    /// is as it was last read.
    fn close(&mut self, passed: u64, now: Moment) {
        let last = self.last.filter(|last| !is_overdue(last, now));
        let carried = last.map_or(f32::NAN, |last| value_of(&last));
        let first = if self.high.is_nan() { carried } else { self.high };
        self.keep(first);
        let more = usize::try_from(passed).unwrap_or(usize::MAX).saturating_sub(1);
        for _ in 0..more.min(self.past.ring.len()) {
            self.keep(carried);
        }
        self.high = f32::NAN;
    }

    fn keep(&mut self, value: f32) {
        if let Some(slot) = self.past.ring.get_mut(self.past.next) {
            *slot = value;
            self.past.next = (self.past.next + 1) % self.past.ring.len();
        }
    }

    fn foretell(&mut self, row: &Forecast, readings: &[Reading], now: Moment) {
        let known = self.past.ring.iter().filter(|value| !value.is_nan()).count();
        let newest = self.newest();
        let why = match self.last {
            Some(Reading { value: Value::Unknown(why), .. }) => Some(why),
            Some(last) if is_overdue(&last, now) => Some(Unknown::Overdue),
            _ if newest.is_nan() || known * 2 < self.past.ring.len() || known == 0 => Some(Unknown::TooShort),
            _ => None,
        };
        // What is believed at first must have been seen for as long as anything else.
        let begins = (known + usize::from(PATIENCE)) * 2 >= self.past.ring.len() && known > 0;
        if !begins {
            (self.past.believed, self.past.doubt, self.past.repaired) = (None, 0, false);
        }
        if let Some(why) = why.filter(|why| *why != Unknown::TooShort || !begins || newest.is_nan()) {
            self.view = ForecastView::unknown(now, why);
            return;
        }
        let mut points = [Point::default(); MOST];
        let count = self.points(&mut points);
        let trend = trend(&points[..count], self.window().as_secs_f64());
        let growth = self.believe(trend, newest);
        if let Some(why) = why {
            self.view = ForecastView::unknown(now, why);
            return;
        }
        self.past.ends = Ends::of(row, readings);
        self.tell(growth, trend, now);
    }

    /// What follows from the growth that is believed.
    fn tell(&mut self, growth: Option<Growth>, trend: Trend, at: Moment) {
        let slope = match (growth, trend) {
            (Some(growth), _) => growth.slope,
            (None, Trend::Steady { slope }) => slope,
            (None, Trend::Growing(_)) => 0.0,
        };
        let (time_left, end) = self.past.ends.left(self.newest(), growth);
        self.view = ForecastView { at, growth: Value::Known(slope * 60.0), time_left, end, growing: growth };
    }

    /// The growth that is believed, after what the last bucket has brought.
    fn believe(&mut self, trend: Trend, newest: f64) -> Option<Growth> {
        let seen = match trend {
            Trend::Growing(growth) => Some(growth),
            Trend::Steady { .. } => None,
        };
        let before = self.past.believed.flatten();
        let agree = match (before, seen) {
            (None, None) => true,
            (Some(before), Some(seen)) => is_alike(before.slope, seen.slope),
            (None, Some(_)) | (Some(_), None) => false,
        };
        let given_back = self.past.repaired || before.is_some_and(|growth| newest < GIVEN_BACK * growth.height);
        if agree || self.past.doubt >= PATIENCE || (given_back && seen.is_none()) {
            self.past.doubt = 0;
            self.past.believed = Some(seen);
        } else {
            self.past.doubt += 1;
            let height = |before: Growth| seen.map_or(newest.max(before.height), |seen| seen.height);
            self.past.believed =
                Some(before.map(|before| Growth { height: height(before), bend: before.bend.min(0.0), ..before }));
        }
        self.believe_from_there(newest)
    }

    /// The growth that is believed, from where a repair has left it.
    fn believe_from_there(&mut self, newest: f64) -> Option<Growth> {
        let growth = self.past.believed.flatten();
        let is_low = growth.is_some_and(|growth| newest < GIVEN_BACK * growth.height);
        self.past.repaired = is_low && (self.past.repaired || newest < GIVEN_BACK * self.lowest_of_late());
        if self.past.repaired {
            self.past.believed = Some(growth.map(|growth| Growth { height: newest, bend: 0.0, ..growth }));
        }
        self.past.believed.flatten()
    }

    /// The lowest of the last buckets but the newest.
    fn lowest_of_late(&self) -> f64 {
        let (young, old) = self.past.ring.split_at(self.past.next);
        let known = old.iter().chain(young).rev().skip(1).take(self.past.ring.len() / LATELY);
        known.filter(|value| !value.is_nan()).fold(f64::INFINITY, |lowest, value| lowest.min(f64::from(*value)))
    }

    /// What the ring holds, as few points as fit; how many there are.
    fn points(&self, points: &mut [Point; MOST]) -> usize {
        let together = self.past.ring.len().div_ceil(MOST).max(1);
        // Counted from the newest, so that the last point is whole.
        let mut last = match self.past.ring.len() % together {
            0 => together,
            rest => rest,
        };
        let mut count = 0;
        let (mut high, mut seen) = (f32::NAN, 0_u32);
        let (young, old) = self.past.ring.split_at(self.past.next.min(self.past.ring.len()));
        for value in old.iter().chain(young) {
            high = high.max(*value);
            seen += 1;
            last -= 1;
            if last > 0 {
                continue;
            }
            if let Some(slot) = points.get_mut(count).filter(|_| !high.is_nan()) {
                *slot = Point { at: f64::from(seen) * BUCKET.as_secs_f64(), value: f64::from(high) };
                count += 1;
            }
            (high, last) = (f32::NAN, together);
        }
        count
    }

    /// The highest value of the bucket that was closed last.
    fn newest(&self) -> f64 {
        let before = self.past.next.checked_sub(1).or_else(|| self.past.ring.len().checked_sub(1));
        before.and_then(|at| self.past.ring.get(at)).map_or(f64::NAN, |value| f64::from(*value))
    }

    fn window(&self) -> Duration {
        BUCKET * u32::try_from(self.past.ring.len()).unwrap_or(u32::MAX)
    }

    /// Whether `fresh`, a value of the metric itself, still leads to where `derived` is at or past `bound`.
    pub(super) fn still_leads(&self, fresh: f64, (derived, bound): (Derived, f64)) -> bool {
        let Some(growth) = self.past.believed.flatten() else { return false };
        match derived {
            Derived::Growth => growth.slope * 60.0 >= bound && fresh >= STILL_THERE * self.newest(),
            Derived::TimeLeft => {
                let growth = Growth { height: fresh, ..growth };
                self.past.ends.left(fresh, Some(growth)).0.number().is_some_and(|left| left <= bound)
            }
        }
    }
}

/// Whether neither slope is so much more than the other that one of them must be wrong.
fn is_alike(one: f64, other: f64) -> bool {
    one < SUDDEN * other && other < SUDDEN * one
}

/// Only what is exactly known: that it is at least so much says nothing about growth.
#[expect(clippy::cast_possible_truncation, reason = "24 bits are more than any slope is sure of")]
const fn value_of(reading: &Reading) -> f32 {
    match reading.value {
        Value::Known(value) if value.abs() <= f32::MAX as f64 => value as f32,
        Value::Known(_) | Value::AtLeast(_) | Value::Unknown(_) => f32::NAN,
    }
}

fn is_overdue(last: &Reading, now: Moment) -> bool {
    let gap = now.since(last.at);
    gap > SHORTEST_GAP && gap > last.period * GAP_PERIODS
}

/// Where a metric is at its end.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// At its fatal bound.
    fatal: Option<f64>,
    /// At the process's own limit, or why that is not known.
    limit: Option<Result<f64, Unknown>>,
}

impl Ends {
    fn of(row: &Forecast, readings: &[Reading]) -> Self {
        let limit = match row.limit {
            Limit::None => None,
            Limit::At(limit) => Some(Ok(limit)),
            Limit::Read(at) => readings.get(at).map(|reading| match reading.value {
                Value::Known(limit) | Value::AtLeast(limit) => Ok(limit),
                Value::Unknown(why) => Err(why),
            }),
        };
        Self { fatal: row.fatal, limit }
    }

    /// The time until the nearer one, and which that is: nothing at all where it has been reached.
    fn left(&self, newest: f64, growth: Option<Growth>) -> (Value, Option<End>) {
        let until = |end: f64| match growth {
            _ if newest >= end => 0.0,
            Some(growth) => growth.until(end),
            None => f64::INFINITY,
        };
        let fatal = self.fatal.map(until);
        match (fatal, self.limit.map(|limit| limit.map(until))) {
            (Some(fatal), Some(Ok(limit))) if limit < fatal => (Value::Known(limit), Some(End::Limit)),
            (Some(fatal), _) => (Value::Known(fatal), Some(End::Fatal)),
            (None, Some(Ok(limit))) => (Value::Known(limit), Some(End::Limit)),
            (None, Some(Err(why))) => (Value::Unknown(why), Some(End::Limit)),
            (None, None) => (Value::Unknown(Unknown::TooShort), None),
        }
    }
}

#[cfg(test)]
mod tests;
