//! A configuration with anything in it: a meaning, or problems that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::config::{Source, parse};

fuzz_target!(|text: &str| {
    match parse(vec![Source::new("watchdog.toml", text)]) {
        Ok(config) => drop(config.warnings.to_string()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
