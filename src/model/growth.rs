//! Growth that goes on, and when it comes to a bound.

use serde::{Deserialize, Serialize};

/// How a metric grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The height that its peaks have come to at the last point.
    pub height: f64,
    /// A second.
    pub slope: f64,
    /// How much the slope grows, a second; never negative.
    pub bend: f64,
}

impl Growth {
    /// Seconds from the last point until `bound` is reached; never negative.
    pub fn until(&self, bound: f64) -> f64 {
        let way = (bound - self.height).max(0.0);
        if self.bend <= 0.0 {
            return way / self.slope;
        }
        // The root of way = slope * t + bend / 2 * t * t, in the form that bears a small bend.
        2.0 * way / (self.slope + (2.0 * self.bend).mul_add(way, self.slope * self.slope).sqrt())
    }
}
