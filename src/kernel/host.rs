//! Totals of the host from `/proc/meminfo`.
//!
//! What belongs here: memory and swap of the host as one pair of shares. What does not: anything
//! about one process, or about a container's limit (its cgroup has that).

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::Error;

#[cfg(test)]
mod tests;

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
    // The last piece of the split has no newline: it may have been cut in the middle of a number.
    let complete = &text[..text.iter().rposition(|&byte| byte == b'\n')?];
    let value = complete.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    let mut words = value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let (number, unit, more) = (words.next()?, words.next()?, words.next());
    if unit != b"kB" || more.is_some() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// `/proc/meminfo`, kept open.
#[derive(Debug)]
pub struct HostMemory {
    meminfo: Option<OwnedFd>,
}

/// The fields that are used stand within the first kilobyte; the whole is about 1.5 KiB.
const BUFFER: usize = 4096;

impl HostMemory {
    /// Opens nothing yet: the first reading does, and so does one after a failure.
    pub const fn new() -> Self {
        Self { meminfo: None }
    }

    /// The totals now.
    pub fn read(&mut self) -> Result<MemInfo, Error> {
        let mut buffer = [0; BUFFER];
        let length = self.fill(&mut buffer).inspect_err(|_| self.meminfo = None)?;
        MemInfo::parse(&buffer[..length])
    }

    fn fill(&mut self, buffer: &mut [u8; BUFFER]) -> Result<usize, Error> {
        if self.meminfo.is_none() {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            self.meminfo = Some(rustix::fs::openat(CWD, c"/proc/meminfo", flags, Mode::empty()).map_err(error)?);
        }
        let file = self.meminfo.as_ref().ok_or(Error::Malformed("/proc/meminfo is not open"))?;
        // One call returns one consistent text: seq_file prints it whole before it copies.
        rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut buffer[..], 0)).map_err(error)
    }
}

impl Default for HostMemory {
    fn default() -> Self {
        Self::new()
    }
}

/// No process is meant here, so ENOENT (no /proc) is an error as any other, not "gone".
fn error(errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM => Error::Denied,
        other => Error::Os(other.raw_os_error()),
    }
}
