//! A process that leaks, for tests and for a first look at the watchdog.
//!
//! `leaky show` runs the main job on it: a watchdog with a real configuration watches a leaking
//! process climb the ladder up to the kill, and each step is printed. `leaky leak` is the leaking
//! process alone: driven by lines on its standard input, or by itself at the rates that its flags
//! name.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it is a program of its own: it opens, prints, waits and starts as it likes"
)]

mod leak;
mod scrape;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A process that leaks, and a watchdog that sees it coming.
#[derive(Parser)]
#[command(name = "leaky")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the main job: leak, watch, climb the ladder, kill. Takes half a minute and no root
    Show(show::Show),
    /// Leak, as the flags and the lines on standard input say; end with the input
    #[command(after_help = leak::HELP)]
    Leak(leak::Leak),
}

fn main() -> ExitCode {
    // Under the watchdog's name it is the watchdog, so that the show needs no second program.
    if std::env::args_os().next().is_some_and(|name| name == show::WATCHDOG) {
        return tradedog::cli::main();
    }
    let result = match Arguments::parse().command {
        Command::Show(show) => show.run(),
        Command::Leak(leak) => leak.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leaky: {error:#}");
            ExitCode::FAILURE
        }
    }
}
