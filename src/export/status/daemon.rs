//! The daemon about itself.

use serde::{Deserialize, Serialize};

/// What the daemon itself takes; what could not be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Resident memory in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resident_bytes: Option<u64>,
    /// Open descriptors.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open_fds: Option<u64>,
    /// CPU time of all its threads, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_seconds: Option<f64>,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started: Option<f64>,
}
