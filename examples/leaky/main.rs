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
    /// Show the main job: leak, watch, climb the ladder, kill. Takes about 40 seconds and no root
    Show(show::Show),
    /// Leak, as the flags and the lines on standard input say; end with the input
    #[command(after_help = leak::HELP)]
    Leak(leak::Leak),
    /// The watchdog itself, as `tradedog` would be started
    #[command(hide = true, disable_help_flag = true)]
    Tradedog {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

fn main() -> std::process::ExitCode {
    let result = match Arguments::parse().command {
        Command::Show(show) => show.run(),
        Command::Leak(leak) => leak.run(),
        Command::Tradedog { arguments } => return daemon(arguments),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leaky: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn daemon(arguments: Vec<std::ffi::OsString>) -> std::process::ExitCode {
    let program = std::iter::once("tradedog".into());
    let _ = program.chain(arguments);
    std::process::ExitCode::FAILURE
}
