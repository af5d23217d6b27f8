//! A freeze and its undo, the thaw. What others stopped is neither taken over nor let go.

use super::end::End;
use super::signal::{self, MAY_SIGNAL, SIGCONT, SIGSTOP};
use crate::discover::Member;
use crate::kernel::{Error, Proc, Process};
use crate::model::{FreezeBy, Identity};

/// Lets a process run again that a lease says we stopped.
///
/// It needs no roster: the process is opened by its number and must have the identity (boot, start
/// time, pidfs inode). For `tradedog thaw` without a daemon.
///
/// # Errors
/// [`Error::Gone`] where that process is no more, whoever has its number now; what the kernel says
/// where it lets nobody in.
pub fn thaw(identity: Identity, by: FreezeBy) -> Result<(), Error> {
    let process = Proc::live()?.reopen(identity)?;
    match by {
        FreezeBy::Signal => process.signal(SIGCONT),
        FreezeBy::Cgroup => Err(Error::Malformed("a cgroup of v2")),
    }
}

/// Stops and lets go.
pub(super) struct Freezer {}

impl Freezer {
    pub(super) const fn new() -> Self {
        Self {}
    }

    /// Whether `member` may be stopped: nobody else stopped it.
    pub(super) fn admit(&self, member: &Member, by: FreezeBy, buffer: &mut Vec<u8>) -> Result<(), End> {
        let stat = member.process.stat(buffer).map_err(|error| End::from_error(error, MAY_SIGNAL))?;
        match by {
            FreezeBy::Signal if matches!(stat.state, b'T' | b't') => {
                Err(End::refused("it is stopped already, by somebody else"))
            }
            FreezeBy::Signal => Ok(()),
            FreezeBy::Cgroup => Err(End::refused("there is no cgroup of v2")),
        }
    }

    /// Stops it.
    pub(super) fn freeze(&mut self, process: &Process, by: FreezeBy) -> End {
        match by {
            FreezeBy::Signal => signal::deliver(process, SIGSTOP),
            FreezeBy::Cgroup => End::refused("there is no cgroup of v2"),
        }
    }

    /// Lets it run again.
    pub(super) fn thaw(&mut self, process: &Process, by: FreezeBy) -> End {
        match by {
            FreezeBy::Signal => signal::deliver(process, SIGCONT),
            FreezeBy::Cgroup => End::refused("there is no cgroup of v2"),
        }
    }

    /// Lets it run again whoever else wants it stopped: it is to die.
    pub(super) fn let_go(&mut self, process: &Process, by: FreezeBy) {
        self.thaw(process, by);
    }
}
