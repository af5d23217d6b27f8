//! One live process, held by descriptors that can never point at another one.

use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};
use rustix_libc_wrappers::process::SignalExt as _;

use super::handle::{Handle, Pidfds, number, signal_number};
use super::{Cgroups, Entry, Error, Proc, Stat, Status, release};
use crate::model::{BootId, Identity, Pid, Signal};

/// One live process: its pidfd, its folder in `/proc`, and who it is.
///
/// Costs up to [`Process::DESCRIPTORS`]: pidfd (or the folder once more, where there are none), folder, `stat`, and from
/// first use on `fd/`, `statm`, `status`, `cgroup`.
/// What is read before a signal is among them, so that it can be read when no descriptor is left.
pub struct Process {
    identity: Identity,
    handle: Handle,
    pidfds: Pidfds,
    entry: Entry,
}

impl Process {
    /// How many descriptors of our own one may come to cost.
    pub const DESCRIPTORS: u64 = 7;

    /// Opens the process that has the number `pid` now.
    pub fn open(boot: BootId, pid: Pid) -> Result<Self, Error> {
        Self::hold(Proc::live()?.entry(pid)?, boot)
    }

    /// Adds the pidfd to a folder that was opened before, and makes sure that both are of one process.
    ///
    /// The folder pins a process A. The pidfd is of whoever has A's number when it is opened. If A is
    /// still there afterwards, nobody else can have had its number in between: both are A.
    pub fn hold(entry: Entry, boot: BootId) -> Result<Self, Error> {
        Self::hold_by(Pidfds::of_kernel(), entry, boot)
    }

    /// The same, with what can be done with pidfds. Without them the folder alone holds it.
    pub(crate) fn hold_by(pidfds: Pidfds, entry: Entry, boot: BootId) -> Result<Self, Error> {
        let handle = Handle::open(&entry, pidfds)?;
        let stat = entry.stat(&mut Vec::new())?;
        if handle.has_exited(&entry) {
            return Err(Error::Gone);
        }
        let pidfs_inode = handle.pidfd().map_or(Ok(None), pidfs_inode)?;
        let identity = Identity { boot, pid: entry.pid(), start_ticks: stat.start_ticks, pidfs_inode };
        Ok(Self { identity, handle, pidfds, entry })
    }

    /// A process of a captured `/proc`: it never says that it has exited, and no signal reaches it.
    #[cfg(test)]
    pub(crate) fn captured(root: &Proc, pid: Pid) -> Result<Self, Error> {
        let entry = root.entry(pid)?;
        let start_ticks = entry.stat(&mut Vec::new())?.start_ticks;
        let identity = Identity { boot: root.boot(), pid, start_ticks, pidfs_inode: None };
        Ok(Self { identity, handle: Handle::Nobody, pidfds: Pidfds { open: true, signal: true }, entry })
    }

    /// Who it is.
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// Readable once it has exited: for the one wait of the loop. None where there are no pidfds: then
    /// the exit wakes nobody, and is seen by who asks.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.handle.pidfd()
    }

    /// Its folder in `/proc`, for what is seldom read.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether the pidfd says that it has exited; true for a zombie. Without a pidfd its `stat` is read.
    pub fn has_exited(&self) -> bool {
        self.handle.has_exited(&self.entry)
    }

    /// Whether whoever has its number now is still this process.
    ///
    /// Asked before every signal although the pidfd cannot point at another process: it is the proof
    /// that does not rest on what was opened when, and start time alone would not give it. A number
    /// can be given anew within one tick of it. Without pidfds it is the folder that says it: while that
    /// can be read and shows no zombie, nobody else has the number.
    pub fn is_current(&self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        if self.has_exited() {
            return Err(Error::Gone);
        }
        let start_ticks = self.entry.stat(buffer)?.start_ticks;
        let now = Identity { start_ticks, pidfs_inode: self.inode_now()?, ..self.identity };
        if now == self.identity { Ok(()) } else { Err(Error::Gone) }
    }

    /// The inode of a new pidfd for its number.
    fn inode_now(&self) -> Result<Option<u64>, Error> {
        if self.handle.pidfd().is_none() {
            return Ok(self.identity.pidfs_inode);
        }
        match pidfd_open(number(self.identity.pid)?, PidfdFlags::empty()) {
            Ok(fresh) => pidfs_inode(fresh.as_fd()),
            // When the host has no descriptor left, the kept ones must do: the process they pin has
            // not exited, so nobody else can have its number.
            Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Ok(self.identity.pidfs_inode),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Number of open descriptors.
    pub fn open_fds(&self) -> Result<u64, Error> {
        self.unless_exited(self.entry.open_fds())
    }

    /// Soft limit of descriptors; none is unlimited. See [`Entry::max_fds`].
    pub fn max_fds(&self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        self.entry.max_fds(buffer)
    }

    /// `/proc/PID/status` now, through the kept descriptor, into a reused buffer.
    pub fn status(&self, buffer: &mut Vec<u8>) -> Result<Status, Error> {
        self.entry.status(buffer)
    }

    /// Its memory that is not swapped out, in bytes; none for a kernel thread. See [`Entry::resident`].
    pub fn resident(&self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        self.entry.resident(buffer)
    }

    /// `/proc/PID/stat` now.
    pub fn stat(&self, buffer: &mut Vec<u8>) -> Result<Stat, Error> {
        self.entry.stat(buffer)
    }

    /// `/proc/PID/cgroup` now.
    pub fn cgroups<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<Cgroups<'a>, Error> {
        self.entry.cgroups(buffer)
    }

    /// Calls `visit` with the inode of every socket among its descriptors. See [`Entry::socket_inodes`].
    pub fn socket_inodes(&self, visit: &mut dyn FnMut(u64)) -> Result<(), Error> {
        self.unless_exited(self.entry.socket_inodes(visit))
    }

    /// The folder of a zombie belongs to root: whoever is not root is denied what is merely gone.
    fn unless_exited<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        match read {
            Err(Error::Denied) if self.has_exited() => Err(Error::Gone),
            read => read,
        }
    }

    /// Sends a signal through what it is held by, or, where the kernel takes none there, by its number
    /// right after it was seen to be there. That it was sent does not say that it had an effect.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let number = signal.number();
        let signal = rustix::process::Signal::from_raw(number).ok_or(Error::Malformed("a signal number"))?;
        self.handle.signal(signal, self.pidfds, || {
            self.is_current(&mut Vec::new())?;
            signal_number(self.identity.pid, signal)
        })
    }

    /// After SIGKILL: frees its memory now, best effort.
    pub fn release_memory(&self) {
        if let Some(pidfd) = self.pidfd() {
            release::release_memory(pidfd);
        }
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Process").field(&self.identity).finish()
    }
}

/// `PID_FS_MAGIC` of the kernel's `include/uapi/linux/magic.h`, Linux 6.9.
const PID_FS_MAGIC: u64 = 0x5049_4446;

/// The inode of a pidfd where it lives in pidfs; before that all pidfds shared one inode.
fn pidfs_inode(pidfd: BorrowedFd<'_>) -> Result<Option<u64>, Error> {
    let filesystem = u64::try_from(rustix::fs::fstatfs(pidfd)?.f_type).unwrap_or(0);
    if filesystem != PID_FS_MAGIC {
        return Ok(None);
    }
    Ok(Some(rustix::fs::fstat(pidfd)?.st_ino))
}
