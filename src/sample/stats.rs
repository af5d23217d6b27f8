//! How a probe did: how long it took, and what it could not read.

use std::time::Duration;

use super::fault::Fault;

/// How a probe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStats {
    /// The label `probe`.
    pub name: &'static str,
    /// How long its part of the last pass took.
    pub last: Duration,
    /// Readings that could not be had, by reason, since the start.
    pub errors: Vec<(&'static str, u64)>,
}

impl ProbeStats {
    pub(super) fn new(name: &'static str) -> Self {
        // What can happen to any probe is there from the start: a series that appears together
        // with its first error is one that no alert has seen rise.
        let errors = ["denied", "malformed", "system"].map(|reason| (reason, 0)).to_vec();
        Self { name, last: Duration::ZERO, errors }
    }

    pub(super) fn count(&mut self, fault: Fault) {
        if !fault.is_error() {
            return;
        }
        match self.errors.iter_mut().find(|(reason, _)| *reason == fault.reason) {
            Some((_, count)) => *count += 1,
            None => self.errors.push((fault.reason, 1)),
        }
    }

    /// Counts what failed in one look: it may spoil several metrics, and is one error.
    pub(super) fn count_once(&mut self, value: Result<f64, Fault>, counted: &mut Option<Fault>) {
        if let Err(fault) = value
            && counted.replace(fault) != Some(fault)
        {
            self.count(fault);
        }
    }
}
