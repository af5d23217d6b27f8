//! Growth that goes on, and when it comes to a bound.

use serde::{Deserialize, Serialize};

/// How a metric grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The height that its peaks have come to at the last point.
    pub height: f64,
    /// A second.
    pub slope: f64,
    /// How much the slope grows, a second; below zero where it becomes slower.
    pub bend: f64,
}

impl Growth {
    /// Seconds from the last point until `bound` is reached; never negative, infinite where it becomes too slow for
    /// that.
    pub fn until(&self, bound: f64) -> f64 {
        let way = (bound - self.height).max(0.0);
        if self.bend == 0.0 || way.is_infinite() {
            return way / self.slope;
        }
        // The root of way = slope * t + bend / 2 * t * t, in the form that bears a small bend.
        let reach = (2.0 * self.bend).mul_add(way, self.slope * self.slope);
        if reach < 0.0 { f64::INFINITY } else { 2.0 * way / (self.slope + reach.sqrt()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(slope: f64, bend: f64, way: f64) -> f64 {
        Growth { height: 100.0, slope, bend }.until(100.0 + way)
    }

    #[test]
    fn what_becomes_slower_comes_as_far_as_it_does() {
        assert!((until(2.0, 0.0, 10.0) - 5.0).abs() < 1e-9);
        assert!((until(2.0, 1e-12, 10.0) - 5.0).abs() < 1e-6);
        // 2 t - t * t / 20 is 15 after 10, and 20 at most.
        assert!((until(2.0, -0.1, 15.0) - 10.0).abs() < 1e-9);
        assert!(until(2.0, -0.1, 20.1).is_infinite());
        assert!(until(2.0, -0.1, -5.0).abs() < 1e-9);
    }

    #[test]
    fn what_has_no_end_is_never_reached() {
        assert!([-0.1, 0.0, 0.1].iter().all(|bend| until(2.0, *bend, f64::INFINITY).is_infinite()));
    }
}
