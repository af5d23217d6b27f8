//! `/proc/vmstat`: what went to swap and came back.

use super::line;
use crate::kernel::Error;
use crate::kernel::digits::number;

/// Counts of pages since boot. They only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// pswpin: read back from swap.
    pub pages_in: u64,
    /// pswpout: written to swap.
    pub pages_out: u64,
}

impl Swapped {
    /// Reads what `/proc/vmstat` printed: a name and a number a line.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let field = |name: &[u8]| line(text, name).and_then(number).ok_or(EXPECTED);
        Ok(Self { pages_in: field(b"pswpin ")?, pages_out: field(b"pswpout ")? })
    }
}

const EXPECTED: Error = Error::Malformed("/proc/vmstat without pswpin and pswpout");
