//! The command line: one file a subcommand.
//!
//! What belongs here: arguments, looking for the configuration, printing, exit codes. What does
//! not: anything that the daemon needs while it runs. Everything is printed through `Output`,
//! and every failure becomes one sentence and an exit code in `Failure`.

mod act;
mod backtest;
mod check;
mod columns;
mod completions;
mod daemon;
mod demo;
mod explain;
mod failure;
mod history;
mod incidents;
mod inhibit;
mod init;
mod live;
mod lookup;
mod man;
mod once;
mod output;
mod release;
mod reload;
mod run;
mod status;
mod thaw;
mod undo;
mod unit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use output::Output;

/// What each exit code means; part of the interface.
const EXIT_STATUS: &str = "Exit status: 0 all is well, 1 something failed, 2 the command line or the configuration \
                           is wrong.";

/// The three forms of `undo`.
const UNDO_USAGE: &str = "tradedog undo [OPTIONS] TARGET ACTION
       tradedog undo [OPTIONS] TARGET --all
       tradedog undo [OPTIONS] --all";

/// Where the readings of a backtest are.
const BACKTEST_USAGE: &str = "tradedog backtest [OPTIONS] --series FILE
       tradedog backtest [OPTIONS] --prometheus URL";

/// The forms of `act`.
const ACT_USAGE: &str = "tradedog act [OPTIONS] TARGET ACTION
       tradedog act [OPTIONS] TARGET ACTION --process N
       tradedog act [OPTIONS] TARGET ACTION --all";

/// The forms of `inhibit`.
const INHIBIT_USAGE: &str = "tradedog inhibit TARGET [ACTION] --for TIME
       tradedog inhibit TARGET [ACTION] --until-successor [--for TIME]
       tradedog inhibit";

/// The forms of `release`.
const RELEASE_USAGE: &str = "tradedog release TARGET [ACTION]
       tradedog release --all";

/// Sees a resource leak of a trading process coming and steps the process down a ladder of
/// measures.
#[derive(Debug, Parser)]
#[command(name = "tradedog", version, after_help = EXIT_STATUS, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant a subcommand, one file each.
#[derive(Debug, Subcommand)]
enum Command {
    /// Watch, decide and act until told to stop: the daemon
    Run(run::Arguments),
    /// Check the configuration, then look at what it means on this host
    Check(check::Arguments),
    /// Show one sample of what the configuration matches, without a daemon
    Once(once::Arguments),
    /// Ask the running daemon how things stand
    Status(status::Arguments),
    /// Take a measure now, whatever the level, and tell what becomes of it
    #[command(override_usage = ACT_USAGE)]
    Act(act::Arguments),
    /// Hold back the orders of a target or of one of its actions for a while; list what is held back
    #[command(override_usage = INHIBIT_USAGE)]
    Inhibit(inhibit::Arguments),
    /// Hold them back no more
    #[command(override_usage = RELEASE_USAGE)]
    Release(release::Arguments),
    /// Undo a measure that is in force, now
    #[command(override_usage = UNDO_USAGE)]
    Undo(undo::Arguments),
    /// Let every process run again that tradedog stopped, with the daemon or without
    Thaw(thaw::Arguments),
    /// Have the running daemon read its configuration again
    Reload(reload::Arguments),
    /// Show what happened, as the daemon has kept it; see whether nothing of it is missing or was changed
    History(history::Arguments),
    /// Show the evidence that was kept at the first critical of a process and before a kill
    Incidents(incidents::Arguments),
    /// Replay recorded readings, and show what would have been ordered when
    #[command(override_usage = BACKTEST_USAGE)]
    Backtest(backtest::Arguments),
    /// Look at running processes, and write a watchdog.toml for them, in dry run
    Init(init::Arguments),
    /// Say what a metric, an action, a reason or another word means, and what to do about it
    Explain(explain::Arguments),
    /// See it at work: a leaking trader, the real daemon, up and down the ladder in a minute
    Demo(demo::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print the manual page, in roff
    Man(man::Arguments),
}

impl Command {
    fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Run(arguments) => run::run(&arguments, output),
            Self::Check(arguments) => check::run(&arguments, output),
            Self::Once(arguments) => once::run(&arguments, output),
            Self::Status(arguments) => status::run(&arguments, output),
            Self::Act(arguments) => act::run(&arguments, output),
            Self::Inhibit(arguments) => inhibit::run(&arguments, output),
            Self::Release(arguments) => release::run(&arguments, output),
            Self::Undo(arguments) => undo::run(&arguments, output),
            Self::Thaw(arguments) => thaw::run(&arguments, output),
            Self::Reload(arguments) => reload::run(&arguments, output),
            Self::History(arguments) => history::run(&arguments, output),
            Self::Incidents(arguments) => incidents::run(&arguments, output),
            Self::Backtest(arguments) => backtest::run(&arguments, output),
            Self::Init(arguments) => init::run(&arguments, output),
            Self::Explain(arguments) => explain::run(&arguments, output),
            Self::Demo(arguments) => demo::run(&arguments, output),
            Self::Completions(arguments) => completions::run(&arguments, output),
            Self::Man(arguments) => man::run(&arguments, output),
        }
    }
}

/// Runs the subcommand that the arguments name and tells how it went.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => failure::exit_code(cli.command.run(&mut Output::stdout())),
        Err(error) => {
            // Nothing is left to do when even this cannot be printed.
            let _ = error.print();
            // Help and version are asked for, and no failure.
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

#[cfg(test)]
mod tests;
