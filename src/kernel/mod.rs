//! The only door to Linux: /proc bytes, pidfds, sock_diag, cgroups, host totals, the clock.
//!
//! What belongs here: every system call that looks at or acts on another process, and pure parsers
//! of what the kernel prints. What does not: any opinion about what was read.

pub mod host;
pub mod sock_diag;

use crate::model::{BootId, Identity, Moment, Pid, Signal, Unknown};

/// Why the kernel gave nothing. Decided once, here; callers never look at an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ENOENT, ESRCH, an emptied file, a zombie: the process is no more.
    #[error("the process is gone")]
    Gone,
    /// EACCES, EPERM.
    #[error("permission denied")]
    Denied,
    /// It does not parse; the text says what was expected.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Anything else (EMFILE, EIO ...), by errno.
    #[error("error {0}")]
    Os(i32),
}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone => Self::Gone,
            Error::Denied => Self::Denied,
            Error::Malformed(_) | Error::Os(_) => Self::Malformed,
        }
    }
}

/// The clock of the watchdog.
pub fn now() -> Moment {
    todo!()
}

/// One live process, held by descriptors that can never point at another one.
pub struct Process {}

/// What `/proc/PID/status` says that we use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// VmRSS in bytes; none for a zombie or kernel thread.
    pub rss: Option<u64>,
    /// VmSwap in bytes.
    pub swap: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// Real, effective uid.
    pub uids: (u32, u32),
    /// SigCgt.
    pub caught: u64,
    /// SigBlk and SigIgn.
    pub blocked: u64,
    /// SigIgn.
    pub ignored: u64,
}

impl Process {
    /// Opens pidfd and kept files, then makes sure that all belong to one process.
    pub fn open(_boot: BootId, _pid: Pid) -> Result<Self, Error> {
        todo!()
    }
    /// Who it is.
    pub fn identity(&self) -> Identity {
        todo!()
    }
    /// Number of open descriptors.
    pub fn open_fds(&self) -> Result<u64, Error> {
        todo!()
    }
    /// Soft limit of descriptors; none is unlimited.
    pub fn max_fds(&self) -> Result<Option<u64>, Error> {
        todo!()
    }
    /// `/proc/PID/status` now, through the kept descriptor, into a reused buffer.
    pub fn status(&self, _buffer: &mut Vec<u8>) -> Result<Status, Error> {
        todo!()
    }
    /// Calls `visit` with the inode of every socket among its descriptors.
    pub fn socket_inodes(&self, _visit: &mut dyn FnMut(u64)) -> Result<(), Error> {
        todo!()
    }
    /// Sends a signal through the pidfd.
    pub fn signal(&self, _signal: Signal) -> Result<(), Error> {
        todo!()
    }
    /// Whether the pidfd says that it has exited.
    pub fn has_exited(&self) -> bool {
        todo!()
    }
    /// After SIGKILL: frees its memory now (process_mrelease), best effort.
    pub fn release_memory(&self) {
        todo!()
    }
}
