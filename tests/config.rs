//! The configuration as an operator meets it: files that are right, files that are wrong and what is
//! said about them, the shipped file, and the files on disk.
//!
//! The texts of the problems are golden: `INSTA_UPDATE=always cargo test --test config` writes them anew.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the tests make and read files, and fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use tradedog::config::{self, Config, Problems, Source};

#[path = "config/golden.rs"]
mod golden;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

fn parse(text: &str) -> Result<Config, Problems> {
    config::parse(vec![Source::new("watchdog.toml", text)])
}
