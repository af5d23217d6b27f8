//! `tradedog completions`: made from the same definition as the command line itself.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{Cli, Failure, Output};

/// For which shell.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "tradedog", &mut script);
    Ok(output.text(&String::from_utf8_lossy(&script))?)
}
