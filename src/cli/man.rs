//! `tradedog man`: made from the same definition as the command line itself.

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, Failure, Output};

/// Of what.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The page of this subcommand instead of the main one
    command: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let page = page(arguments.command.as_deref())?;
    Ok(output.text(&String::from_utf8_lossy(&page))?)
}

fn page(subcommand: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut program = Cli::command();
    // Gives the subcommands their full names and what they inherit.
    program.build();
    let command = match subcommand {
        None => program,
        Some(name) => {
            let found = program.get_subcommands().find(|command| command.get_name() == name).cloned();
            found.ok_or_else(|| Failure::usage(format!("there is no subcommand {name:?}: see tradedog --help")))?
        }
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
impl Arguments {
    pub(super) fn of(command: &str) -> Self {
        Self { command: Some(command.to_owned()) }
    }
}
