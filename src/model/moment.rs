//! Time as the watchdog counts it: nanoseconds since boot, suspend included.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the boot clock (`CLOCK_BOOTTIME`).
///
/// It goes on while the host is suspended, so that a gap is seen as one; it never steps with the
/// wall clock; it is comparable with the start time of a process and, within one boot, across a
/// restart of the daemon. The wall clock appears only where something is shown to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(u64);

impl Moment {
    /// The moment `nanos` nanoseconds after boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment `secs` seconds after boot; for tests and series.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// The moment `ticks` clock ticks after boot, at `per_second` of them (`sysconf(_SC_CLK_TCK)`).
    pub fn from_ticks(ticks: u64, per_second: u64) -> Self {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(per_second.max(1));
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Nanoseconds since boot.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time passed from `earlier` to this moment; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    /// Saturates: a hold of a thousand years is "never", not an overflow.
    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s after boot", Duration::from_nanos(self.0).as_secs_f64())
    }
}
