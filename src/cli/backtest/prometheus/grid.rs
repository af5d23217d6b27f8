//! The times that are asked about: how many at once, and how far apart.

use jiff::Timestamp;

/// Times at equal steps, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The first.
    pub(super) from: i64,
    /// Between two of them; at least 1.
    pub(super) step: i64,
    /// How many.
    pub(super) count: usize,
}

impl Grid {
    /// From `from` to `to`, both included where the step leads there.
    pub(super) fn new((from, to): (Timestamp, Timestamp), step: i64) -> Self {
        let (from, to, step) = (from.as_millisecond(), to.as_millisecond(), step.max(1));
        let count = usize::try_from((to - from).max(0) / step).unwrap_or(usize::MAX).saturating_add(1);
        Self { from, step, count }
    }

    /// The same span in at most so many steps.
    pub(super) fn coarse(self, most: usize) -> Self {
        let parts = i64::try_from(self.count.div_ceil(most.max(1))).unwrap_or(i64::MAX);
        let step = self.step.saturating_mul(parts.max(1));
        let span = i64::try_from(self.count.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(self.step);
        let count = usize::try_from(span / step).unwrap_or(usize::MAX).saturating_add(1);
        // Whatever is there at the end only is seen too.
        Self { from: self.from.saturating_add(span % step), step, count }
    }

    /// The time at that place.
    pub(super) fn at(&self, index: usize) -> i64 {
        self.from.saturating_add(self.step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX)))
    }
}

/// As the API takes it.
pub(super) fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// As the API gives it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "times of this millennium are far below what a float holds exactly"
)]
pub(super) fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn both_ends_are_in() {
        let grid = Grid::new((at(100), at(110)), 2000);
        assert_eq!((grid.count, grid.at(0), grid.at(5)), (6, 100_000, 110_000));
        assert_eq!(Grid::new((at(100), at(111)), 2000).count, 6);
        assert_eq!(Grid::new((at(100), at(100)), 1).count, 1);
    }

    #[test]
    fn a_coarse_one_ends_where_the_fine_one_does() {
        let grid = Grid::new((at(0), at(604_800)), 1000);
        let coarse = grid.coarse(500);
        assert!(coarse.count <= 500, "{coarse:?}");
        assert_eq!(coarse.at(coarse.count - 1), 604_800_000);
        let short = Grid::new((at(0), at(10)), 1000);
        assert_eq!(short.coarse(500), short);
    }

    #[test]
    fn times_as_the_api_has_them() {
        assert_eq!(seconds(1_772_443_800_250), "1772443800.250");
        assert_eq!(millis(1_772_443_800.25), 1_772_443_800_250);
    }
}
