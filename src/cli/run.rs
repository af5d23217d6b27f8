//! `tradedog run`: the daemon.

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output};
use crate::watch;

/// What to run by.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, _output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    watch::run(config).map_err(|error| Failure::runtime(error.to_string()))
}
