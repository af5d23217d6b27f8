//! `/proc/sys/fs/file-nr`: open files of the whole host (proc_sys_fs(5)).

use crate::kernel::Error;
use crate::kernel::digits::{number, words};

/// How many are open: the first of three numbers. The second, free handles, has been 0 since 2.6;
/// the third is the most that there may be.
pub fn open_files(text: &[u8]) -> Result<u64, Error> {
    let whole = text.strip_suffix(b"\n").ok_or(EXPECTED)?;
    let mut words = words(whole);
    let numbers = [words.next(), words.next(), words.next()].map(|word| word.and_then(number));
    match (numbers, words.next()) {
        ([Some(open), Some(_), Some(_)], None) => Ok(open),
        _ => Err(EXPECTED),
    }
}

const EXPECTED: Error = Error::Malformed("/proc/sys/fs/file-nr with three numbers");
