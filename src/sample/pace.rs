//! How often what is read.

use std::time::Duration;

use crate::config::Daemon;

/// Nothing that is only shown is read more often; nor is a namespace of others.
const SHOWN: Duration = Duration::from_secs(10);

/// How often what is read. All of them are at least the interval of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Periods {
    /// Descriptors, memory and whatever else a threshold is about.
    pub(super) pass: Duration,
    /// The list of sockets in CLOSE_WAIT.
    pub(super) close_wait: Duration,
    /// The list of sockets in the other states.
    pub(super) states: Duration,
    /// Sockets of other network namespaces.
    pub(super) namespaces: Duration,
    /// What no threshold is about and is only shown.
    pub(super) shown: Duration,
}

impl Periods {
    /// As configured: nothing is stretched.
    pub(super) fn unhurried(daemon: &Daemon) -> Self {
        let pass = daemon.interval;
        let shown = SHOWN.max(pass);
        Self { pass, close_wait: pass, states: daemon.sockets_interval.max(pass), namespaces: shown, shown }
    }
}

#[cfg(test)]
impl Periods {
    /// Those of tests: the defaults.
    pub(super) const TEST: Self = {
        let (second, ten) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { pass: second, close_wait: second, states: ten, namespaces: ten, shown: ten }
    };
}
