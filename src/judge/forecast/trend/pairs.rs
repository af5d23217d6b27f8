//! The slopes of all pairs of points: most of what a forecast costs.

use std::cmp::Ordering;

use super::{FEW, PAIRS, Point};

/// Points with times and values apart, so that several are subtracted and divided at once.
struct Columns {
    at: [f64; FEW],
    value: [f64; FEW],
    count: usize,
}

impl Columns {
    /// As many of the points as fit, evenly.
    fn of(points: &[Point]) -> Self {
        let mut columns = Self { at: [0.0; FEW], value: [0.0; FEW], count: 0 };
        let step = points.len().div_ceil(FEW).max(1);
        let slots = columns.at.iter_mut().zip(&mut columns.value);
        let filled = points.iter().step_by(step).zip(slots).map(|(point, (at, value))| {
            *at = point.at;
            *value = point.value;
        });
        columns.count = filled.count();
        columns
    }

    /// Each point, and the times and values of all that come later.
    fn each(&self) -> impl Iterator<Item = (Point, &[f64], &[f64])> {
        let (at, value) = (&self.at[..self.count], &self.value[..self.count]);
        (0..self.count).map(move |one| (Point { at: at[one], value: value[one] }, &at[one + 1..], &value[one + 1..]))
    }
}

/// The median of the slopes of all pairs, a second.
pub(super) fn slope(points: &[Point]) -> f64 {
    let mut slopes = [0.0; PAIRS];
    let mut count = 0;
    for (point, at, value) in Columns::of(points).each() {
        for (slot, (at, value)) in slopes[count..].iter_mut().zip(at.iter().zip(value)) {
            *slot = (value - point.value) / (at - point.at);
        }
        count += at.len();
    }
    median(&mut slopes[..count]).unwrap_or(0.0)
}

/// The same where it is negative; else 0.
pub(super) fn fall(points: &[Point]) -> f64 {
    let (mut count, mut falls) = (0, 0);
    for (point, _, value) in Columns::of(points).each() {
        count += value.len();
        falls += value.iter().map(|value| usize::from(*value < point.value)).sum::<usize>();
    }
    // Where half of the pairs do not fall, the one in the middle does not, and no slope need be worked out.
    if falls <= count / 2 { 0.0 } else { slope(points).min(0.0) }
}

/// The value in the middle, the higher one of two.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    // One comparison of the processor where `total_cmp` takes several: there is none that is no number.
    let order = |one: &f64, other: &f64| one.partial_cmp(other).unwrap_or(Ordering::Equal);
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, order).1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As it is defined.
    fn plainly(points: &[Point]) -> f64 {
        let later =
            |(at, one): (usize, &Point)| points[at + 1..].iter().map(move |other| (*one, *other)).collect::<Vec<_>>();
        let pairs = points.iter().enumerate().flat_map(later);
        let mut slopes: Vec<f64> = pairs.map(|(one, other)| (other.value - one.value) / (other.at - one.at)).collect();
        slopes.sort_unstable_by(f64::total_cmp);
        slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_leads_to_the_same_slope(
            noise in proptest::collection::vec(prop_oneof![-9.0_f64..9.0, (-3_i32..4).prop_map(f64::from)], 0..=FEW),
            slope_of_all in prop_oneof![Just(0.0), -2.0_f64..2.0],
        ) {
            let point = |(at, noise): (i32, f64)| Point { at: f64::from(at * 30), value: f64::from(at).mul_add(slope_of_all, noise) };
            let points: Vec<Point> = (0_i32..).zip(noise).map(point).collect();
            prop_assert_eq!(slope(&points), plainly(&points));
            prop_assert_eq!(fall(&points), plainly(&points).min(0.0));
        }
    }
}
