//! Waiting, which Ctrl-C ends.

use std::time::Duration;

use anyhow::Context as _;

use crate::kernel::{Waiter, block_signals};

/// Waits; an interruption becomes an error, so that everything is put away on the way out.
pub(super) struct Wait(Waiter);

/// Somebody pressed Ctrl-C, or the terminal is gone.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: everything that the demo had started is stopped")]
pub(super) struct Interrupted;

impl Wait {
    /// Takes over SIGINT, SIGTERM and SIGHUP: to be called before the first thread is started.
    pub(super) fn new() -> anyhow::Result<Self> {
        block_signals().context("cannot take over Ctrl-C")?;
        Ok(Self(Waiter::new().context("cannot take over Ctrl-C")?))
    }

    /// Waits that long.
    ///
    /// # Errors
    ///
    /// The demo was interrupted.
    pub(super) fn pause(&mut self, time: Duration) -> anyhow::Result<()> {
        if self.0.wait(time).signal.is_some() { Err(Interrupted.into()) } else { Ok(()) }
    }
}
