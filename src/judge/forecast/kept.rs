//! What of a series outlives the daemon. A time in which nobody looked is a gap: nothing is known of it, and
//! nothing that it brought is growth.

use std::time::Duration;

use super::{BUCKET, Ends, Moment, NANOS, Series, Trend};
use crate::config::Forecast;
use crate::judge::forecast::trend::{MOST, Point, trend};
use crate::model::{Growth, Metric, PackedValues, Reading, SeriesMemory, Value};

/// Nothing is read more seldom.
const MOST_SELDOM: Duration = Duration::from_secs(86_400);

impl Series {
    /// What is to be remembered; nothing before the first bucket has closed.
    pub(in crate::judge) fn memory(&self, metric: &Metric) -> Option<SeriesMemory> {
        let (young, old) = self.past.ring.split_at(self.past.next.min(self.past.ring.len()));
        self.past.ring.iter().any(|value| !value.is_nan()).then(|| SeriesMemory {
            metric: metric.clone(),
            buckets: PackedValues::pack(old.iter().chain(young).copied()),
            closes: self.closes,
            high: Some(self.high).filter(|high| high.is_finite()),
            last: self.last.and_then(|last| match last.value {
                Value::Known(value) if value.is_finite() => Some((last.at, last.period, value)),
                Value::Known(_) | Value::AtLeast(_) | Value::Unknown(_) => None,
            }),
            told: self.again.or_else(|| self.view.growth.number().map(|_| self.view.at)),
            decided: self.past.believed.is_some(),
            growth: self.past.believed.flatten(),
            doubt: self.past.doubt,
            repaired: self.past.repaired,
        })
    }

    /// Takes up what was remembered, over whatever window, before anything was read. What cannot be is left out.
    pub(in crate::judge) fn recall(&mut self, memory: &SeriesMemory, now: Moment) {
        let is_sound = |(at, period, _): (Moment, Duration, f64)| at <= now && period <= MOST_SELDOM;
        let can_be = memory.closes <= now + BUCKET && memory.last.is_none_or(is_sound);
        let Some(buckets) = memory.buckets.unpack().filter(|_| can_be) else { return };
        // Those of a longer window than this one's drop out at the front.
        buckets.iter().for_each(|value| self.keep(*value));
        self.past.open = Some((memory.closes - self.past.phase).as_nanos().saturating_sub(NANOS) / NANOS);
        self.closes = memory.closes;
        self.high = memory.high.filter(|high| high.is_finite()).unwrap_or(f32::NAN);
        self.last = memory.last.map(|(at, period, value)| Reading { at, period, value: Value::Known(value) });
        self.past.believed = memory.decided.then(|| memory.growth.filter(is_growth));
        self.past.doubt = memory.doubt;
        self.past.repaired = memory.repaired && memory.growth.is_some_and(|growth| is_growth(&growth));
        self.again = memory.told.filter(|told| *told <= now);
    }

    /// Tells again what was told before, of what is known since then.
    pub(super) fn tell_again(&mut self, row: &Forecast, readings: &[Reading], told: Moment) {
        if self.past.believed.is_none() || self.newest().is_nan() {
            return;
        }
        let mut points = [Point::default(); MOST];
        let count = self.points(&mut points);
        // Only how fast it falls is not among what is remembered.
        let trend = match self.past.believed.flatten() {
            Some(growth) => Trend::Growing(growth),
            None => trend(&points[..count], self.window().as_secs_f64()),
        };
        self.past.ends = Ends::of(row, readings);
        self.tell(self.past.believed.flatten(), trend, told);
    }
}

/// Whether a growth can be one.
fn is_growth(growth: &Growth) -> bool {
    let Growth { height, slope, bend } = *growth;
    height.is_finite() && slope.is_finite() && slope > 0.0 && bend.is_finite()
}
