//! `tradedog act`: takes a measure now, and tells what becomes of it.

use clap::Args;

use super::daemon::{Daemon, ORDERS_MOST, time};
use super::{Failure, Output};
use crate::config::units;
use crate::export::{Request, Whom};

/// What to do.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Whose action
    #[arg(value_name = "TARGET")]
    target: String,
    /// Which action of it; no cooldown and no kill budget holds it, a veto does
    #[arg(value_name = "ACTION")]
    action: String,
    /// On which process, by its number: the label `process`, the one in [..] of the log
    #[arg(long, value_name = "N", conflicts_with = "all")]
    process: Option<u32>,
    /// On every process of the target
    #[arg(long)]
    all: bool,
    /// Let a kill wait for the measure that it `needs`, as the ladder does
    #[arg(long)]
    needs: bool,
    /// How long to follow it; what has not gone out after a minute lapses by itself
    #[arg(long, value_name = "TIME", default_value_t = units::Duration(ORDERS_MOST), value_parser = time)]
    wait: units::Duration,
    #[command(flatten)]
    daemon: Daemon,
}

/// Succeeds only when all of it was done, or in a dry run would have been.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let orders = arguments.daemon.ordered(&arguments.request())?;
    arguments.daemon.follow_orders(orders, arguments.wait.0, output)
}

impl Arguments {
    fn request(&self) -> Request {
        let whom = match self.process {
            Some(slot) => Whom::Slot(slot),
            None if self.all => Whom::All,
            None => Whom::Only,
        };
        Request::Act { target: self.target.clone(), action: self.action.clone(), whom, needs: self.needs }
    }
}

#[cfg(test)]
mod tests;
