//! `tradedog run`: the daemon.

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output};

/// What to run by.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, _output: &mut Output) -> Result<(), Failure> {
    let _config = arguments.file.load()?;
    Err(Failure::runtime("the daemon is not part of this build"))
}
