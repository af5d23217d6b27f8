//! How near a metric is to its next bound: by its fastest growth of late, the time until it could be
//! there. A metric that could be there soon is read sooner again.
//!
//! What does not belong here: what a level means (`judge`), what reading sooner costs (`pace`).

use std::time::Duration;

use crate::config::Target;
use crate::model::{Direction, Moment, Reading, Value};

/// A bound is near that could be reached within so many intervals. Then it is read so many times on the
/// way, as often as it may be.
const INTERVALS: u32 = 3;
/// Growth that has ended counts for half after this long.
const HALF_LIFE: f64 = 30.0;

/// The bounds of one metric of a target.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// Index into the readings.
    at: usize,
    /// Index into the trails of whoever they are of: they are of what has bounds alone, and stand together.
    trail: usize,
    direction: Direction,
    /// As heights: higher is worse, whatever the direction. Ascending.
    heights: Box<[f64]>,
}

impl Bounds {
    /// Those of the metric at this index of the target's `metrics`, of whatever hour; none if no threshold is
    /// about it.
    pub(super) fn of(target: &Target, at: usize) -> Option<Self> {
        let direction = target.metrics.get(at)?.info().direction;
        let mut heights: Vec<f64> = bounds(target, at).map(|bound| height(bound, direction)).collect();
        heights.sort_by(f64::total_cmp);
        heights.dedup();
        let trail = (0..at).filter(|&before| bounds(target, before).next().is_some()).count();
        (!heights.is_empty()).then(|| Self { at, trail, direction, heights: heights.into() })
    }

    /// Whether this reading is at or past a bound that the one before was not.
    fn is_reached(&self, trail: &Trail, reading: &Reading) -> bool {
        let Some(height) = reading.value.number().map(|value| height(value, self.direction)) else { return false };
        let Some((_, was)) = trail.last else { return false };
        self.heights.iter().any(|&bound| was < bound && bound <= height)
    }

    /// Takes in a reading; the time until the next bound could be reached, if that is near.
    fn near(&self, trail: &mut Trail, reading: &Reading, interval: Duration) -> Option<Duration> {
        let height = match reading.value {
            Value::Known(value) | Value::AtLeast(value) => height(value, self.direction),
            Value::Unknown(_) => return trail.lose(),
        };
        trail.note(reading.at, height);
        let next = self.heights.iter().find(|&&bound| bound > height)?;
        let left = (next - height) / trail.fastest;
        // Not growing gives an infinite time, nothing at all (0 / 0) none.
        let near = (interval * INTERVALS).as_secs_f64();
        (left < near).then(|| Duration::from_secs_f64(left.max(0.0)) / INTERVALS)
    }
}

/// Those that the thresholds of a target on the metric itself have at whatever hour.
fn bounds(target: &Target, metric: usize) -> impl Iterator<Item = f64> {
    let rows = target.rows_at_any_hour().filter(move |row| row.metric == metric && row.name.derived.is_none());
    rows.flat_map(|row| row.bounds.iter().filter_map(|(_, bound)| bound.as_ref()).map(|bound| bound.at))
}

fn height(value: f64, direction: Direction) -> f64 {
    match direction {
        Direction::Up => value,
        Direction::Down => -value,
    }
}

/// What is remembered of a metric to tell how fast it grows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trail {
    last: Option<(Moment, f64)>,
    /// A second.
    fastest: f64,
}

impl Trail {
    fn note(&mut self, at: Moment, height: f64) {
        let Some((before, was)) = self.last else {
            self.last = Some((at, height));
            return;
        };
        let passed = at.since(before).as_secs_f64();
        if passed > 0.0 {
            if self.fastest > 0.0 {
                self.fastest *= 0.5_f64.powf(passed / HALF_LIFE);
            }
            self.fastest = self.fastest.max((height - was) / passed);
            self.last = Some((at, height));
        }
    }

    /// From unknown to known is no growth.
    fn lose(&mut self) -> Option<Duration> {
        self.last = None;
        None
    }
}

/// Sees to it that there is a trail for each of `bounds`, which ascend.
pub(super) fn make_room(trails: &mut Vec<Trail>, bounds: &[Bounds]) {
    let needed = bounds.last().map_or(0, |last| last.trail + 1);
    if trails.len() < needed {
        trails.resize_with(needed, Trail::default);
    }
}

/// Whether a bound is reached that was not before.
pub(super) fn reached(bounds: &[Bounds], trails: &[Trail], readings: &[Reading]) -> bool {
    let mut both =
        bounds.iter().filter_map(|bounds| Some((bounds, trails.get(bounds.trail)?, readings.get(bounds.at)?)));
    both.any(|(bounds, trail, reading)| bounds.is_reached(trail, reading))
}

/// The shortest time until a bound could be reached, if one is near.
pub(super) fn ahead(
    bounds: &[Bounds],
    trails: &mut [Trail],
    readings: &[Reading],
    interval: Duration,
) -> Option<Duration> {
    let near = bounds.iter().filter_map(|bounds| {
        let (trail, reading) = (trails.get_mut(bounds.trail)?, readings.get(bounds.at)?);
        bounds.near(trail, reading, interval)
    });
    near.min()
}

#[cfg(test)]
mod tests;
