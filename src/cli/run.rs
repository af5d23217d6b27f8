//! `tradedog run`: the daemon.

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output, thaw};
use crate::watch;

/// What to run by.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load_at_start();
    let ran = config.and_then(|config| watch::run(config).map_err(|error| Failure::runtime(error.to_string())));
    if ran.is_err() {
        // A daemon that cannot start must not leave stopped what the last one had stopped.
        thaw::after_a_failed_start(output);
    }
    ran
}
