//! `tradedog release`: ends what `tradedog inhibit` began.

use clap::Args;

use super::daemon::Daemon;
use super::{Failure, Output};
use crate::export::Request;

/// What to hold back no more.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Whose orders
    #[arg(value_name = "TARGET", required_unless_present = "all")]
    target: Option<String>,
    /// Of which action; without it, all that is held back of the target
    #[arg(value_name = "ACTION")]
    action: Option<String>,
    /// Everything that is held back, of all targets
    #[arg(long, conflicts_with = "target")]
    all: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// Prints what is held back no more. That nothing was held back is a failure only where one was named.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let of = |target: &String| Request::Release { target: target.clone(), action: arguments.action.clone() };
    let request = arguments.target.as_ref().map_or(Request::ReleaseAll, of);
    Ok(arguments.daemon.order(&request, output)?)
}

#[cfg(test)]
mod tests;
