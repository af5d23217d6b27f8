//! A freeze and its undo, the thaw. What others stopped is neither taken over nor let go.

mod cgroup;

use super::end::End;
use super::signal::{self, MAY_SIGNAL, SIGCONT, SIGSTOP};
use super::{Errand, Ground};
use crate::kernel::{CgroupTree, Error, Proc, Process};
use crate::model::{FreezeBy, Identity};
use cgroup::Groups;

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
        FreezeBy::Cgroup => cgroup::release(&CgroupTree::mounted(), &process).map(drop),
    }
}

/// Stops processes, and lets them go.
#[derive(Debug, Default)]
pub(super) struct Freezer {
    groups: Groups,
}

impl Freezer {
    /// Whether the process may be stopped: nobody else stopped it, and with it nobody else is.
    pub(super) fn admit(&self, ground: &Ground, errand: Errand<'_>, by: FreezeBy) -> Result<(), End> {
        let process = &errand.member.process;
        let stat = process.stat(&mut Vec::new()).map_err(|error| End::from_error(error, MAY_SIGNAL))?;
        if matches!(stat.state, b'T' | b't') {
            return Err(End::refused("it is stopped already, by somebody else"));
        }
        match by {
            FreezeBy::Signal => self.groups.none_stopped(ground, process),
            FreezeBy::Cgroup => self.groups.find(ground, errand).map(drop),
        }
    }

    /// Stops it.
    pub(super) fn freeze(&mut self, ground: &Ground, errand: Errand<'_>, by: FreezeBy) -> End {
        let process = &errand.member.process;
        match by {
            FreezeBy::Signal => signal::deliver(process, SIGSTOP),
            FreezeBy::Cgroup => match self.groups.find(ground, errand) {
                Ok(group) => self.groups.stop(group, process),
                Err(end) => end,
            },
        }
    }

    /// Lets it run again, at once or with the last of its cgroup.
    pub(super) fn thaw(&mut self, ground: &Ground, process: &Process, by: FreezeBy) -> End {
        match by {
            FreezeBy::Signal => signal::deliver(process, SIGCONT),
            FreezeBy::Cgroup => self.groups.thaw(ground, process),
        }
    }

    /// Lets it run again at once, whoever else in its cgroup is to stand still: it is to end by itself.
    /// `by` is what was taken for it; its cgroup may have been stopped for another process too. Where
    /// that fails, SIGKILL ends it frozen.
    pub(super) fn let_go(&mut self, ground: &Ground, process: &Process, by: Option<FreezeBy>) {
        if by == Some(FreezeBy::Signal) {
            let _ = process.signal(SIGCONT);
        }
        if !self.groups.let_go(ground, process) && by == Some(FreezeBy::Cgroup) {
            let _ = cgroup::release(&ground.cgroups, process);
        }
    }

    /// Lets go what is stopped for nobody any more.
    pub(super) fn advance(&mut self) {
        self.groups.advance();
    }
}
