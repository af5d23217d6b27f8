//! The program: arguments in, exit code out. Everything between is `tradedog::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradedog::cli::main()
}
