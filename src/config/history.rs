//! `[history]`: how much is kept of what happened.

use std::time::Duration;

/// `[history]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Events older than this are removed.
    pub events: Duration,
    /// Largest that the file may become, in bytes.
    pub max_size: u64,
}

impl Default for History {
    fn default() -> Self {
        Self { events: Duration::from_secs(90 * 86_400), max_size: 1 << 30 }
    }
}
