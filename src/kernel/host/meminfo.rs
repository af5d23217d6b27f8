//! `/proc/meminfo`: memory and swap of the host.

use super::line;
use crate::kernel::Error;
use crate::kernel::digits::{number, words};

/// The fields of `/proc/meminfo` that are used, in KiB as the kernel prints them (proc_meminfo(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemInfo {
    /// MemTotal: never 0.
    pub total: u64,
    /// MemAvailable, at most `total`: what can be had without swapping.
    pub available: u64,
    /// SwapTotal: 0 where no swap is configured.
    pub swap_total: u64,
    /// SwapFree, at most `swap_total`.
    pub swap_free: u64,
}

impl MemInfo {
    /// Reads what `/proc/meminfo` printed. A field that is missing, does not parse or cannot be
    /// true (more free than there is) is an error: it never counts as zero.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let field = |name: &[u8], otherwise| kib(text, name).ok_or(Error::Malformed(otherwise));
        let info = Self {
            total: field(b"MemTotal:", "/proc/meminfo without a MemTotal in kB")?,
            available: field(b"MemAvailable:", "/proc/meminfo without a MemAvailable in kB")?,
            swap_total: field(b"SwapTotal:", "/proc/meminfo without a SwapTotal in kB")?,
            swap_free: field(b"SwapFree:", "/proc/meminfo without a SwapFree in kB")?,
        };
        if info.total == 0 || info.available > info.total || info.swap_free > info.swap_total {
            return Err(Error::Malformed("/proc/meminfo with more free than there is"));
        }
        Ok(info)
    }

    /// The share of memory that is not available, 0 to 1.
    pub fn memory_used(&self) -> f64 {
        share(self.total - self.available, self.total)
    }

    /// The share of swap in use, 0 to 1. A host without swap uses none of it: a known 0, so that
    /// a bound on it is simply never reached there.
    pub fn swap_used(&self) -> f64 {
        if self.swap_total == 0 { 0.0 } else { share(self.swap_total - self.swap_free, self.swap_total) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "KiB of a host stay far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The number in the line `NAME:   NUMBER kB`.
fn kib(text: &[u8], name: &[u8]) -> Option<u64> {
    let mut words = words(line(text, name)?);
    let (value, unit, more) = (words.next()?, words.next()?, words.next());
    if unit != b"kB" || more.is_some() {
        return None;
    }
    number(value)
}
