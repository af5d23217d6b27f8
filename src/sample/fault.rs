//! Why a reading could not be had: what judge is told, and the word it is counted under.

use crate::kernel;
use crate::kernel::sock_diag::DumpError;
use crate::model::Unknown;

/// A failed reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the reading says instead of a value.
    pub unknown: Unknown,
    /// The label `reason` of `probe_errors_total`: one of a small fixed set.
    pub reason: &'static str,
}

impl Fault {
    /// The process exited. Normal, and not counted.
    pub const GONE: Self = Self { unknown: Unknown::Gone, reason: "gone" };
    /// Its sockets are in another network namespace, which our dump does not list.
    pub const NAMESPACE: Self = Self { unknown: Unknown::Denied, reason: "namespace" };
    /// This kernel does not keep account of it.
    pub const UNSUPPORTED: Self = Self { unknown: Unknown::Denied, reason: "unsupported" };
    /// A rate between two counts, of which there is only one so far.
    pub const FIRST: Self = Self { unknown: Unknown::Overdue, reason: "first" };
    /// It is counted by a host name that has not been resolved yet.
    pub const UNRESOLVED: Self = Self { unknown: Unknown::Overdue, reason: "unresolved" };
    /// What was read cannot be true.
    pub const IMPOSSIBLE: Self = Self { unknown: Unknown::Malformed, reason: "malformed" };

    /// Whether something went wrong: not that a process exited, that a rate has just begun, that DNS has
    /// not answered, which is told of by itself, or that the kernel was built or started without what is
    /// asked for.
    pub(super) fn is_error(self) -> bool {
        ![Self::GONE, Self::UNSUPPORTED, Self::FIRST, Self::UNRESOLVED].contains(&self)
    }
}

impl From<kernel::Error> for Fault {
    fn from(error: kernel::Error) -> Self {
        let reason = match error {
            kernel::Error::Gone => "gone",
            kernel::Error::Denied => "denied",
            kernel::Error::Malformed(_) => "malformed",
            kernel::Error::Os(_) => "system",
        };
        Self { unknown: error.into(), reason }
    }
}

impl From<DumpError> for Fault {
    fn from(error: DumpError) -> Self {
        Self { unknown: error.into(), reason: error.reason() }
    }
}
