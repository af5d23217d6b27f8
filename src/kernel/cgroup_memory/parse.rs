//! What stands in the files of a group. Pure.

use crate::kernel::Error;
use crate::kernel::digits::{number, words};

/// Limits from here on are none: v1 prints the largest number of whole pages that fits, 9223372036854771712
/// with pages of 4 KiB.
const NO_LIMIT: u64 = 1 << 62;

/// A number of bytes, alone on its line. One without its newline may have been cut.
pub(super) fn bytes(text: &[u8]) -> Result<u64, Error> {
    whole(text).and_then(number).ok_or(Error::Malformed("a file of a cgroup with a number of bytes"))
}

/// `memory.max` of v2.
pub(super) fn max(text: &[u8]) -> Result<Option<u64>, Error> {
    if text == b"max\n" {
        return Ok(None);
    }
    bytes(text).map(Some)
}

/// `memory.limit_in_bytes` of v1.
pub(super) fn limit_in_bytes(text: &[u8]) -> Result<Option<u64>, Error> {
    bytes(text).map(|limit| Some(limit).filter(|limit| *limit < NO_LIMIT))
}

fn whole(text: &[u8]) -> Option<&[u8]> {
    text.strip_suffix(b"\n")
}

/// What `memory.stat` says that is used, of a group and all groups below, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStat {
    /// Page cache that was not used lately and can be had back at once.
    pub inactive_file: u64,
    /// Memory in swap; none in v2, which has a file for it, and where v1 keeps no account of it.
    pub swap: Option<u64>,
}

impl MemoryStat {
    /// What is left of memory in use without [`inactive_file`](Self::inactive_file): as docker stats shows
    /// it, all of it where the two counts, which are of two moments, contradict each other.
    pub fn working_set(&self, current: u64) -> u64 {
        current.checked_sub(self.inactive_file).filter(|used| *used > 0).unwrap_or(current)
    }

    /// v2: all numbers are of the group and of those below.
    pub(super) fn parse_v2(text: &[u8]) -> Result<Self, Error> {
        Ok(Self { inactive_file: row(text, b"inactive_file")?.ok_or(EXPECTED)?, swap: None })
    }

    /// v1: those of the groups below are in the rows `total_*`.
    pub(super) fn parse_v1(text: &[u8]) -> Result<Self, Error> {
        let inactive_file = row(text, b"total_inactive_file")?.ok_or(EXPECTED)?;
        Ok(Self { inactive_file, swap: row(text, b"total_swap")? })
    }
}

const EXPECTED: Error = Error::Malformed("memory.stat of a cgroup with inactive_file");

/// The number in the row of that name; none where there is no such row.
fn row(text: &[u8], name: &[u8]) -> Result<Option<u64>, Error> {
    // A last row without its newline may have been cut in the middle of its number.
    let rows = whole(text).ok_or(EXPECTED)?.split(|byte| *byte == b'\n');
    for line in rows {
        let mut words = words(line);
        if words.next() == Some(name) {
            let value = words.next().and_then(number).filter(|_| words.next().is_none());
            return value.map(Some).ok_or(EXPECTED);
        }
    }
    Ok(None)
}
