//! The course of a metric over a span: a few means, in a fixed room, and how fast it grows by them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Moment;

/// Into how many slots a span is cut.
const SLOTS: usize = 12;
/// A slot is never shorter than this: readings come no faster.
const SHORTEST: Duration = Duration::from_millis(100);
/// Fewest points that growth is told by: of two, one may be the other side of a step.
const FEWEST: usize = 3;
/// So many points are the last few.
const LATE: usize = 5;
/// A step is so many times further from what is usual than any other difference.
const FURTHER: f64 = 4.0;
/// Pairs of points, the slot that is not full yet included.
const PAIRS: usize = (SLOTS + 1) * SLOTS / 2;
/// Of all pairs so many of ten must rise before that counts as growth: by chance it happens to one course of
/// thirty that stands still.
const RISING: usize = 7;

/// The means of the last twelve slots, and the readings of the one that is not full yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    slot: Duration,
    /// When the slot that is not full yet ends; none before the first reading.
    end: Option<Moment>,
    sum: f64,
    count: u32,
    /// The oldest first; none where nothing was known.
    means: [Option<f64>; SLOTS],
}

impl Course {
    /// Nothing read yet. It remembers `span`.
    pub fn over(span: Duration) -> Self {
        let slots = u32::try_from(SLOTS).unwrap_or(u32::MAX);
        Self { slot: (span / slots).max(SHORTEST), end: None, sum: 0.0, count: 0, means: [None; SLOTS] }
    }

    /// Whether it remembers that span.
    pub fn is_over(&self, span: Duration) -> bool {
        self.slot == Self::over(span).slot
    }

    /// Whether both remember the same span.
    pub fn spans_as(&self, other: &Self) -> bool {
        self.slot == other.slot
    }

    /// Whether anything was read.
    pub const fn is_begun(&self) -> bool {
        self.end.is_some()
    }

    /// Whether nothing in it is of a time after `now`, or more than a slot can hold.
    pub fn is_of_before(&self, now: Moment) -> bool {
        self.end.is_none_or(|end| end <= now + self.slot) && self.count < u32::MAX / 2
    }

    /// Takes in a reading. Values that are not finite say nothing about growth.
    pub fn push(&mut self, at: Moment, value: f64) {
        if !value.is_finite() {
            return;
        }
        match self.end {
            Some(end) if at < end => {}
            Some(end) => self.close(at, end),
            None => self.end = Some(at + self.slot),
        }
        self.sum += value;
        self.count += 1;
    }

    /// How fast it grows, a second: the median of the slopes between any two slots, so that neither a step
    /// nor the teeth of a saw are growth; zero where it cannot be told from standing still. None while less
    /// than three slots are known.
    pub fn growth(&self) -> Option<f64> {
        self.growth_of(SLOTS + 1)
    }

    /// The same, by the last few slots alone: what has only just begun to grow.
    pub fn growth_of_late(&self) -> Option<f64> {
        self.growth_of(LATE)
    }

    /// By that many points at most.
    fn growth_of(&self, most: usize) -> Option<f64> {
        let now = (self.count > 0).then(|| self.mean());
        let points = self.means.iter().copied().chain([now]).zip(0_u32..);
        let points = points.filter_map(|(mean, at)| Some((f64::from(at) * self.slot.as_secs_f64(), mean?)));
        let mut known = [(0.0, 0.0); SLOTS + 1];
        let count = points.zip(&mut known).map(|(point, room)| *room = point).count();
        let known = known.get_mut(count.saturating_sub(most)..count).filter(|known| known.len() >= FEWEST)?;
        without_step(known);
        median_slope(known)
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }

    fn close(&mut self, at: Moment, end: Moment) {
        let passed = at.since(end).as_nanos() / self.slot.as_nanos().max(1);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).saturating_add(1);
        let (shift, mean) = (passed.min(SLOTS), (self.count > 0).then(|| self.mean()));
        self.means.rotate_left(shift);
        let new = self.means.iter_mut().skip(SLOTS - shift);
        // The slot that is full now, then those in which nothing was read.
        for (slot, value) in new.zip(std::iter::once(mean).chain(std::iter::repeat(None))) {
            *slot = value;
        }
        if passed > SLOTS {
            self.means = [None; SLOTS];
        }
        self.end = Some(end + self.slot.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX)));
        (self.sum, self.count) = (0.0, 0);
    }
}

/// Takes out one step, if there is one: a difference far from all the others. Several are the teeth of a saw.
fn without_step(points: &mut [(f64, f64)]) {
    let mut room = [0.0; SLOTS];
    let differences = points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0));
    let count = differences.zip(&mut room).map(|(difference, room)| *room = difference).count();
    let Some(slopes) = room.get(..count) else { return };
    let mut sorted = room;
    let Some(usual) = sorted.get_mut(..count).and_then(median) else { return };
    let far = |slope: &f64| (slope - usual).abs();
    let Some((at, step)) = slopes.iter().enumerate().max_by(|(_, a), (_, b)| far(a).total_cmp(&far(b))) else { return };
    let others = slopes.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, slope)| far(slope));
    if others.fold(0.0, f64::max) * FURTHER < far(step) {
        let surplus = (step - usual) * (points[at + 1].0 - points[at].0);
        points.iter_mut().skip(at + 1).for_each(|(_, value)| *value -= surplus);
    }
}

/// The one in the middle, of at least one.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let other = values.len().checked_sub(middle + 1)?;
    Some(f64::midpoint(*values.get(middle)?, *values.get(other)?))
}

fn median_slope(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = [0.0; PAIRS];
    let pairs = points.iter().enumerate().flat_map(|(index, a)| points.iter().skip(index + 1).map(move |b| (a, b)));
    let count = pairs.zip(&mut slopes).map(|((a, b), room)| *room = (b.1 - a.1) / (b.0 - a.0)).count();
    let slopes = slopes.get_mut(..count)?;
    let median = median(slopes)?;
    let rising = slopes.iter().filter(|slope| **slope > 0.0).count();
    let falling = slopes.iter().filter(|slope| **slope < 0.0).count();
    let told = rising.max(falling) * 10 >= slopes.len() * RISING;
    Some(if told { median } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(values: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut course = Course::over(Duration::from_secs(60));
        for (value, second) in values.into_iter().zip(0..) {
            course.push(Moment::from_secs(1000 + second), value);
        }
        course.growth()
    }

    fn about(values: impl IntoIterator<Item = f64>, expected: f64) {
        let grown = growth(values).expect("enough is known");
        assert!((grown - expected).abs() < 0.05 * expected.abs() + 0.01, "{grown}, not {expected}");
    }

    #[test]
    fn what_grows_evenly_grows_so_much_a_second() {
        about((0..60).map(|second| f64::from(second).mul_add(3.0, 640.0)), 3.0);
        about((0..300).map(|second| f64::from(second).mul_add(-2.0, 640.0)), -2.0);
        // Two and a half hours from 85 to 1025, in whole descriptors.
        about((0..60).map(|second| f64::from(second).mul_add(0.14, 85.0).floor()), 0.14);
    }

    #[test]
    fn a_step_and_the_teeth_of_a_saw_are_no_growth() {
        about((0..60).map(|second| if second < 50 { 10.0 } else { 640.0 }), 0.0);
        about((0..60).map(|second| f64::from(second % 20).mul_add(4.0, 600.0)), 0.0);
        about((0..60).map(|second| f64::from(second * 7919 % 13)), 0.0);
        about([640.0; 60], 0.0);
        // A step upon a leak is not the leak.
        about((0..60).map(|second| f64::from(second).mul_add(2.0, if second < 30 { 0.0 } else { 500.0 })), 2.0);
    }

    #[test]
    fn what_has_just_begun_to_grow_is_seen_of_late() {
        let mut course = Course::over(Duration::from_secs(60));
        for second in 0..60_u32 {
            course.push(Moment::from_secs(second.into()), f64::from(second.max(40)) * 5.0);
        }
        assert_eq!(course.growth(), Some(0.0), "most of the time it stood still");
        assert!((course.growth_of_late().unwrap() - 5.0).abs() < 1.5, "{course:?}");
    }

    #[test]
    fn nothing_known_is_not_zero_growth() {
        assert_eq!(growth([]), None);
        assert_eq!(growth([640.0]), None);
        assert_eq!(growth((0..8).map(f64::from)), None, "two slots");
        assert_eq!(growth([640.0, f64::INFINITY]), None);
    }

    #[test]
    fn what_is_older_than_the_span_is_forgotten() {
        let rise = (0..60).map(|second| f64::from(second) * 10.0);
        about(rise.chain([600.0; 75]), 0.0);
    }

    #[test]
    fn a_gap_says_nothing() {
        let mut course = Course::over(Duration::from_secs(60));
        for second in (0..20).chain(40..60) {
            course.push(Moment::from_secs(second), f64::from(u32::try_from(second).unwrap()) * 2.0);
        }
        assert!((course.growth().unwrap() - 2.0).abs() < 0.1, "{course:?}");
        course.push(Moment::from_secs(10_000), 5.0);
        assert_eq!(course.growth(), None, "nothing of before is left");
    }
}
