//! `tradedog run`: the daemon.
#![expect(clippy::disallowed_methods, reason = "who stands in for a process that is killed has nothing to do but wait")]

use std::time::Duration;

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output, thaw};
use crate::watch;

/// What to run by.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// What the daemon kills when it starts, to see that it can: waits for that, and does nothing else
    #[arg(long, hide = true, exclusive = true)]
    stand_in: bool,
}

/// A stand-in whom nobody kills is gone after this.
const STAND_IN: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if arguments.stand_in {
        std::thread::sleep(STAND_IN);
        return Ok(());
    }
    let config = arguments.file.load_at_start();
    let ran = config.and_then(|config| watch::run(config).map_err(|error| Failure::runtime(error.to_string())));
    if ran.is_err() {
        // A daemon that cannot start must not leave stopped what the last one had stopped.
        thaw::after_a_failed_start(output);
    }
    ran
}
