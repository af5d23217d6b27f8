//! The wall clock, for what is shown to people and to Prometheus.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::Moment;

/// How far the wall clock may drift before what was said of past moments is corrected.
const TOLERANCE: Duration = Duration::from_millis(500);

/// Where the boot clock stands on the wall.
///
/// It moves only when the wall clock was really set: with every reading taken anew, the start time
/// of a process would jitter, and `changes(process_start_time_seconds)` would count restarts that
/// never were.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WallClock {
    boot: Duration,
}

impl WallClock {
    /// Compares both clocks, read at the same time: `now`, and `unix` as time since 1970 (UTC).
    pub fn observe(&mut self, now: Moment, unix: Duration) {
        let boot = unix.saturating_sub(Duration::from_nanos(now.as_nanos()));
        if boot.abs_diff(self.boot) > TOLERANCE {
            self.boot = boot;
        }
    }

    /// The instant of `moment`.
    pub fn instant(&self, moment: Moment) -> Timestamp {
        let unix = self.boot + Duration::from_nanos(moment.as_nanos());
        let nanos = i128::try_from(unix.as_nanos()).unwrap_or(i128::MAX);
        Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MAX)
    }

    /// Seconds since 1970 (UTC) at `moment`.
    pub fn unix_seconds(&self, moment: Moment) -> f64 {
        (self.boot + Duration::from_nanos(moment.as_nanos())).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_moves_nothing_and_a_step_moves_all() {
        let mut clock = WallClock::default();
        clock.observe(Moment::from_secs(100), Duration::from_secs(1_700_000_100));
        assert_eq!(clock.unix_seconds(Moment::from_secs(40)).to_bits(), 1_700_000_040_f64.to_bits());
        clock.observe(Moment::from_secs(101), Duration::from_millis(1_700_000_101_300));
        assert_eq!(clock.unix_seconds(Moment::from_secs(40)).to_bits(), 1_700_000_040_f64.to_bits());
        clock.observe(Moment::from_secs(102), Duration::from_secs(1_700_003_702));
        assert_eq!(clock.unix_seconds(Moment::from_secs(40)).to_bits(), 1_700_003_640_f64.to_bits());
    }
}
