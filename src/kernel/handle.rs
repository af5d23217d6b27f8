//! What a process is held and signalled by: a pidfd, or what comes next where this kernel, or the sandbox
//! around us, has none.
//!
//! Before Linux 5.3 there is no pidfd_open; the folder `/proc/PID`, which pins a process just as well,
//! stands in for it, and since 5.1 pidfd_send_signal takes that too. Only the exit wakes nobody then: it
//! is looked for. Before 5.1 a signal can only go by number, right after the pinned folder has said that
//! the process is still there. Nobody else can have its number until it has died and been waited for, and
//! numbers are given round in a circle: for the signal to meet another one, both would have to happen and
//! the whole circle (`kernel.pid_max`) be passed within these microseconds.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::source::FOLDER;
use super::{Entry, Error, own_pid};
use crate::model::Pid;

/// What can be done with pidfds here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pidfds {
    /// They can be had: pidfd_open, Linux 5.3.
    pub(crate) open: bool,
    /// Signals go through descriptors: pidfd_send_signal, Linux 5.1.
    pub(crate) signal: bool,
}

impl Pidfds {
    /// Found out on ourselves, without sending anything.
    pub(crate) fn of_kernel() -> Self {
        static FOUND: OnceLock<Pidfds> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return *found;
        }
        let open = match number(own_pid()).and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?)) {
            Ok(_) => true,
            // A host without a descriptor left says nothing about its kernel.
            Err(Error::Os(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => return Self { open: true, signal: true },
            Err(_) => false,
        };
        // A descriptor that is of no process is refused by who knows the call. No signal comes of it.
        let signal = match rustix::fs::openat(CWD, c"/", FOLDER, Mode::empty()) {
            Ok(nobody) => pidfd_send_signal(nobody, Signal::CONT) == Err(Errno::BADF),
            Err(_) => return Self { open, signal: true },
        };
        *FOUND.get_or_init(|| Self { open, signal })
    }
}

/// What a process is held by.
pub(super) enum Handle {
    /// Its pidfd.
    Pidfd(OwnedFd),
    /// Its folder, opened so that a signal can go through it.
    Folder(OwnedFd),
    /// Of a captured `/proc` there is nobody to be held.
    #[cfg(test)]
    Nobody,
}

impl Handle {
    /// Of whoever has the number of `entry` now, or, of its folder, of who is pinned by it.
    pub(super) fn open(entry: &Entry, pidfds: Pidfds) -> Result<Self, Error> {
        if pidfds.open {
            return Ok(Self::Pidfd(pidfd_open(number(entry.pid())?, PidfdFlags::empty())?));
        }
        // A pidfd is not to be had of a thread; its folder is.
        if entry.leader(&mut Vec::new())? != entry.pid() {
            return Err(Error::Gone);
        }
        Ok(Self::Folder(entry.folder()?))
    }

    /// The pidfd.
    pub(super) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Pidfd(pidfd) => Some(pidfd.as_fd()),
            Self::Folder(_) => None,
            #[cfg(test)]
            Self::Nobody => None,
        }
    }

    /// Whether the process has exited; `entry` is its folder.
    pub(super) fn has_exited(&self, entry: &Entry) -> bool {
        match self {
            Self::Pidfd(pidfd) => exited(pidfd.as_fd()),
            Self::Folder(_) => match entry.stat(&mut Vec::new()) {
                Ok(stat) => stat.is_exiting() && stat.threads <= 1,
                // Whatever else goes wrong says nothing about it.
                Err(error) => error == Error::Gone,
            },
            #[cfg(test)]
            Self::Nobody => false,
        }
    }

    /// Sends a signal through what it is held by; where that cannot be, `by_number` does it.
    pub(super) fn signal(
        &self,
        signal: Signal,
        pidfds: Pidfds,
        by_number: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let fd = match self {
            Self::Pidfd(fd) | Self::Folder(fd) => fd,
            #[cfg(test)]
            Self::Nobody => return Err(Error::Os(libc::EBADF)),
        };
        if !pidfds.signal {
            return by_number();
        }
        match pidfd_send_signal(fd, signal) {
            // Nothing was sent.
            Err(Errno::NOSYS | Errno::BADF) => by_number(),
            sent => Ok(sent?),
        }
    }
}

/// Sends a signal to whoever has this number now.
pub(super) fn signal_number(pid: Pid, signal: Signal) -> Result<(), Error> {
    Ok(kill_process(number(pid)?, signal)?)
}

pub(super) fn number(pid: Pid) -> Result<rustix::process::Pid, Error> {
    rustix::process::Pid::from_raw(pid.get()).ok_or(Error::Gone)
}

/// A pidfd is readable when its process, all threads of it, has ended (pidfd_open(2)).
fn exited(pidfd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    retry_on_intr(|| poll(&mut fds, Some(&at_once))).is_ok_and(|ready| ready > 0)
        && fds[0].revents().contains(PollFlags::IN)
}
