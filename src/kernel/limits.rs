//! `/proc/PID/limits`: the table of resource limits (getrlimit(2)).
//!
//! The `procfs` crate reads this file too, but it allocates some thirty times per reading and panics
//! on a line that was cut, so it is only the oracle of the tests.

use super::Error;
use super::digits::{number, words};

/// The soft limit in the row `Max open files`; none is unlimited.
pub fn max_open_files(text: &[u8]) -> Result<Option<u64>, Error> {
    let expected = Error::Malformed("/proc/PID/limits with a row `Max open files`");
    let row = text.split_inclusive(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Max open files"));
    let row = row.and_then(|row| row.strip_suffix(b"\n")).ok_or(expected)?;
    match words(row).next() {
        Some(b"unlimited") => Ok(None),
        Some(word) => number(word).map(Some).ok_or(expected),
        None => Err(expected),
    }
}
