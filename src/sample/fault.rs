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
    /// It was not tried again since it failed, and is counted only once.
    remembered: bool,
}

impl Fault {
    /// One that has just happened.
    pub const fn new(unknown: Unknown, reason: &'static str) -> Self {
        Self { unknown, reason, remembered: false }
    }

    /// The process exited. Normal, and not counted.
    pub const GONE: Self = Self::new(Unknown::Gone, "gone");
    /// Its sockets are in another network namespace, which our dump does not list.
    pub const NAMESPACE: Self = Self::new(Unknown::Denied, "namespace");
    /// Its links may not be read; what its cgroup holds is known.
    pub const CGROUP: Self = Self::new(Unknown::Denied, "cgroup");
    /// Its links may not be read.
    pub const DENIED: Self = Self::new(Unknown::Denied, "denied");
    /// This kernel does not keep account of it.
    pub const UNSUPPORTED: Self = Self::new(Unknown::Denied, "unsupported");
    /// A rate between two counts, of which there is only one so far.
    pub const FIRST: Self = Self::new(Unknown::Overdue, "first");
    /// It is counted by a host name that has not been resolved yet.
    pub const UNRESOLVED: Self = Self::new(Unknown::Overdue, "unresolved");
    /// What was read cannot be true.
    pub const IMPOSSIBLE: Self = Self::new(Unknown::Malformed, "malformed");
    /// This kernel has no such file.
    pub const MISSING: Self = Self::new(Unknown::Malformed, "missing");

    /// Whether something went wrong: not that a process exited, that a rate has just begun, that DNS has
    /// not answered, which is told of by itself, or that the kernel was built or started without what is
    /// asked for.
    pub(super) fn is_error(self) -> bool {
        !self.remembered && ![Self::GONE, Self::UNSUPPORTED, Self::FIRST, Self::UNRESOLVED].contains(&self)
    }
}

impl Fault {
    /// Whether there is little hope that the next try goes better: what is denied or missing stays so for long.
    pub(super) fn is_lasting(self) -> bool {
        self.unknown == Unknown::Denied || self.reason == Self::MISSING.reason
    }

    /// The same in a pass that did not try again.
    pub(super) const fn as_before(self) -> Self {
        Self { remembered: true, ..self }
    }
}

impl From<kernel::Error> for Fault {
    fn from(error: kernel::Error) -> Self {
        if error == kernel::Error::MISSING {
            return Self::MISSING;
        }
        let reason = match error {
            kernel::Error::Gone => "gone",
            kernel::Error::Denied => "denied",
            kernel::Error::Malformed(_) => "malformed",
            kernel::Error::Os(_) => "system",
        };
        Self::new(error.into(), reason)
    }
}

impl From<DumpError> for Fault {
    fn from(error: DumpError) -> Self {
        Self::new(error.into(), error.reason())
    }
}
