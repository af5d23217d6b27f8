//! `[history]`: how much is kept of what happened.

use std::fmt;
use std::time::Duration;

use super::units;

/// `[history]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Events older than this are removed.
    pub events: Duration,
    /// How long samples are kept; none where they are not.
    pub samples: Option<Samples>,
    /// Largest that the file may become, in bytes.
    pub max_size: u64,
}

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// `samples`: how long what was read is kept at which resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Every 10 s.
    pub ten_seconds: Duration,
    /// The highest of each minute.
    pub minute: Duration,
    /// The highest of each 10 minutes.
    pub ten_minutes: Duration,
}

impl Samples {
    /// As they are written.
    pub const KEYS: [&str; 3] = ["10s", "1m", "10m"];

    /// In the order of [`Samples::KEYS`].
    pub const fn all(self) -> [Duration; 3] {
        [self.ten_seconds, self.minute, self.ten_minutes]
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, span)) in Self::KEYS.into_iter().zip(self.all()).enumerate() {
            write!(f, "{}{key} {}", if at == 0 { "" } else { ", " }, units::Duration(span))?;
        }
        Ok(())
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self { ten_seconds: DAY, minute: DAY * 7, ten_minutes: DAY * 90 }
    }
}

impl Default for History {
    fn default() -> Self {
        Self { events: DAY * 90, samples: Some(Samples::default()), max_size: 1 << 30 }
    }
}
