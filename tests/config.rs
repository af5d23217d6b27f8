//! The configuration as an operator meets it: what is right and what it means, what is wrong and what
//! is said about it, the shipped file, and the files on disk.
//!
//! The texts of the problems are golden: `INSTA_UPDATE=always cargo test --test config` writes them anew.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the tests make and read files, and fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tradedog::config::{self, Config, Problems, Source, Target};

#[path = "config/actions.rs"]
mod actions;
#[path = "config/files.rs"]
mod files;
#[path = "config/golden.rs"]
mod golden;
#[path = "config/meaning.rs"]
mod meaning;
#[path = "config/places.rs"]
mod places;
#[path = "config/robust.rs"]
mod robust;
#[path = "config/shipped.rs"]
mod shipped;
#[path = "config/start.rs"]
mod start;
#[path = "config/whole.rs"]
mod whole;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

fn parse(text: &str) -> Result<Config, Problems> {
    config::parse(vec![Source::new("watchdog.toml", text)])
}

/// The only target of a file that is right.
fn target(text: &str) -> Target {
    match parse(text) {
        Ok(mut config) => config.targets.remove(0),
        Err(problems) => panic!("{problems}"),
    }
}

/// Line, column and text of every problem.
fn told(result: &Result<Config, Problems>) -> Vec<(usize, usize, String)> {
    let problems = match result {
        Ok(config) => &config.warnings,
        Err(problems) => problems,
    };
    problems.iter().map(|problem| (problem.line, problem.column, problem.what.clone())).collect()
}
