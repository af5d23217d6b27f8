//! The daemon about itself.

use super::Moment;

/// What `/proc/self` says of the daemon, and what it knows itself; a fact that could not be read is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnFacts {
    /// CPU time of all threads, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Resident memory in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// Soft limit of descriptors; infinite where there is none.
    pub max_fds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
    /// What the readings of the last hour take in memory, in bytes.
    pub hour_bytes: Option<u64>,
    /// When it started.
    pub started: Option<Moment>,
}
