//! `/proc/PID/status`: `Name:` and value, a line each (proc_pid_status(5)).

use super::Error;
use super::digits::{hex, number, words};
use crate::model::Signal;

/// What `/proc/PID/status` says that we use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// State of the main thread: `R`, `S`, `D`, `T`, `Z` ...
    pub state: u8,
    /// VmRSS in bytes; none for a zombie or kernel thread.
    pub rss: Option<u64>,
    /// VmSwap in bytes; none where VmRSS is none. Shared memory in swap is not in it.
    pub swap: Option<u64>,
    /// VmExe in bytes: the size of the program's code, which needs no right to be read.
    pub code: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// Real, effective uid.
    pub uids: (u32, u32),
    /// SigCgt: signals with a handler.
    pub caught: u64,
    /// SigBlk: signals that the main thread blocks.
    pub blocked: u64,
    /// SigIgn: signals that are ignored.
    pub ignored: u64,
}

impl Status {
    /// Whether the process has a handler for `signal` that runs when it comes. Where it has none the
    /// signal ends it or is lost; where the main thread blocks it, nobody knows when it is taken.
    pub const fn handles(&self, signal: Signal) -> bool {
        self.caught & !self.blocked & signal.mask() != 0
    }

    /// Reads what the kernel printed. The lines about memory may be missing, all others may not; a
    /// last line without its newline was cut.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let mut found = Found::default();
        let whole = text.strip_suffix(b"\n").ok_or(Error::Malformed("/proc/PID/status that ends in a newline"))?;
        for line in whole.split(|byte| *byte == b'\n') {
            found.take(line)?;
        }
        found.status().ok_or(Error::Malformed("/proc/PID/status with State, Uid, Threads and the signal masks"))
    }
}

#[derive(Default)]
struct Found {
    status: Status,
    seen: u8,
}

/// State, Uid, Threads, SigBlk, SigIgn, SigCgt.
const REQUIRED: u8 = 6;

impl Found {
    /// A name may hold newlines, but the kernel escapes them in `Name:`, so no line can be forged.
    fn take(&mut self, line: &[u8]) -> Result<(), Error> {
        // Most lines are of no use; the first letters tell without a search.
        let Some(b'S' | b'V' | b'T' | b'U') = line.first() else { return Ok(()) };
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Ok(()) };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let status = &mut self.status;
        let required = match name {
            b"State" => words(value).next().and_then(|word| word.first()).map(|state| status.state = *state),
            b"Uid" => uids(value).map(|uids| status.uids = uids),
            b"Threads" => only(value).and_then(number).map(|threads| status.threads = threads),
            b"SigBlk" => only(value).and_then(hex).map(|mask| status.blocked = mask),
            b"SigIgn" => only(value).and_then(hex).map(|mask| status.ignored = mask),
            b"SigCgt" => only(value).and_then(hex).map(|mask| status.caught = mask),
            b"VmRSS" => return memory(value).map(|bytes| status.rss = Some(bytes)),
            b"VmSwap" => return memory(value).map(|bytes| status.swap = Some(bytes)),
            b"VmExe" => return memory(value).map(|bytes| status.code = Some(bytes)),
            _ => return Ok(()),
        };
        self.seen += u8::from(required.is_some());
        Ok(())
    }

    fn status(self) -> Option<Status> {
        (self.seen == REQUIRED && self.status.rss.is_some() == self.status.swap.is_some()).then_some(self.status)
    }
}

/// `1234 kB` in bytes.
fn memory(value: &[u8]) -> Result<u64, Error> {
    let mut words = words(value);
    let kib = words.next().and_then(number).filter(|_| words.next() == Some(b"kB"));
    kib.and_then(|kib| kib.checked_mul(1024)).ok_or(Error::Malformed("/proc/PID/status with Vm lines in kB"))
}

/// Real and effective of the four.
fn uids(value: &[u8]) -> Option<(u32, u32)> {
    let mut ids = words(value).map(|word| number(word).and_then(|id| u32::try_from(id).ok()));
    let found = (ids.next()??, ids.next()??);
    (ids.count() == 2).then_some(found)
}

fn only(value: &[u8]) -> Option<&[u8]> {
    let mut words = words(value);
    words.next().filter(|_| words.next().is_none())
}
