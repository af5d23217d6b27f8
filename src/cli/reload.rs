//! `tradedog reload`: has the running daemon read its configuration again, whole or not at all.

use clap::Args;

use super::daemon::Daemon;
use super::{Failure, Output};
use crate::export::Request;

/// Which daemon.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
}

/// Prints what the daemon says of it. A configuration that it refuses is a failure, with its problems.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    Ok(arguments.daemon.order(&Request::Reload, output)?)
}

#[cfg(test)]
mod tests;
