//! `tradedog inhibit`: holds back what tradedog would do; without arguments, what is held back.

use clap::Args;

use super::daemon::{Daemon, time};
use super::{Failure, Output};
use crate::config::units;
use crate::export::Request;
use crate::model::LONGEST_INHIBITION;
use crate::record::show_duration;

/// What to hold back.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Whose orders; without it, what is held back now is listed
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// Of which action of it; without it, of all of them. What is in force is undone all the same
    #[arg(value_name = "ACTION")]
    action: Option<String>,
    /// For how long, 24h at most: it ends by itself
    #[arg(long = "for", value_name = "TIME", value_parser = time, requires = "target")]
    length: Option<units::Duration>,
    /// Until a process of the target is there that was started after this, but 24h at most
    #[arg(long, requires = "target")]
    until_successor: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// Prints what is held back now, and by whom.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let Some(target) = &arguments.target else {
        return Ok(arguments.daemon.order(&Request::Inhibitions, output)?);
    };
    let length = arguments.length.map(|length| length.0);
    if length.is_none() && !arguments.until_successor {
        return Err(Failure::usage(
            "say when it ends: --for 30m, or --until-successor, or both (whichever comes first); nothing is held back \
             for ever",
        ));
    }
    if length.is_some_and(|length| length.is_zero()) {
        return Err(Failure::usage("--for 0s would hold nothing back; tradedog release ends what is held back"));
    }
    let (target, action) = (target.clone(), arguments.action.clone());
    // Rounded up: what is asked for in milliseconds is held back for a second.
    let seconds = length.map(|length| length.as_millis().div_ceil(1000)).and_then(|n| u64::try_from(n).ok());
    let request = Request::Inhibit { target, action, seconds, until_successor: arguments.until_successor };
    arguments.daemon.order(&request, output)?;
    if length.is_some_and(|length| length > LONGEST_INHIBITION) {
        let most = show_duration(LONGEST_INHIBITION);
        output.line(format!("{most} is the longest, so that none is forgotten: ask again before it is over"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
