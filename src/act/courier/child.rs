//! A command's process: started without a shell, held by its pidfd, signalled with its group.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::thread;
use std::time::Duration;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_open, waitid,
};

use crate::{kernel, model};

/// So long a dropped child is given to die of SIGKILL before its zombie is left behind.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// A program with its arguments and all of its environment.
#[derive(Debug)]
pub(in crate::act) struct Program {
    pub(in crate::act) argv: Vec<CString>,
    pub(in crate::act) variables: Vec<CString>,
}

/// A child that leads its own process group. Until it is reaped its number cannot mean another
/// group; dropping it before kills the group.
#[derive(Debug)]
pub(in crate::act) struct Child {
    pid: Pid,
    /// Becomes readable when the child has ended.
    pidfd: OwnedFd,
    reaped: bool,
}

/// The reading ends of what the child prints.
#[derive(Debug)]
pub(in crate::act) struct Printed {
    pub(in crate::act) stdout: OwnedFd,
    pub(in crate::act) stderr: OwnedFd,
}

impl Child {
    /// Readable once it has ended.
    pub(in crate::act) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Starts it: no input, no descriptor of ours, no signal blocked or ignored, and none of our
    /// rights.
    ///
    /// # Errors
    /// When it was not started.
    pub(in crate::act) fn start(program: &Program) -> io::Result<(Self, Printed)> {
        // Rights are a thread's. This one has a single errand, and nothing else could be done without.
        thread::scope(|scope| {
            let errand = thread::Builder::new().name("command".to_owned()).spawn_scoped(scope, || {
                kernel::renounce_rights()?;
                Self::start_by_this_thread(program)
            })?;
            errand.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it broke off")))
        })
    }

    fn start_by_this_thread(program: &Program) -> io::Result<(Self, Printed)> {
        let path = program.argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        let nothing = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let (stdout, print) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, complain) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut descriptors = PosixSpawnFileActions::init()?;
        for (descriptor, number) in [(&nothing, 0), (&print, 1), (&complain, 2)] {
            descriptors.add_dup2(descriptor.as_raw_fd(), number)?;
        }
        let pid = posix_spawn(path.as_c_str(), &descriptors, &attributes()?, &program.argv, &program.variables)?;
        let pid = Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::NotFound)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| abandon(pid))?;
        be_expendable(pid);
        Ok((Self { pid, pidfd, reaped: false }, Printed { stdout, stderr }))
    }

    /// Signals the child and all that it has started and that did not leave its group.
    pub(in crate::act) fn signal(&self, signal: Signal) {
        if !self.reaped {
            // Gone, or another user's by now: there is nobody to signal.
            let _ = kill_process_group(self.pid, signal);
        }
    }

    /// Its number, which stays its own until it is reaped.
    ///
    /// # Errors
    /// Never of a child that was started.
    pub(in crate::act) fn number(&self) -> Result<model::Pid, kernel::Error> {
        model::Pid::new(self.pid.as_raw_nonzero().get()).ok_or(kernel::Error::Gone)
    }

    /// Waits until it has ended, that long at most. Whether it has.
    pub(in crate::act) fn ended_within(&self, longest: Duration) -> bool {
        let longest = Timespec::try_from(longest).ok();
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], longest.as_ref()).is_ok_and(|ready| ready > 0)
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// When somebody else took its end away.
    pub(in crate::act) fn reap(&mut self) -> io::Result<Option<WaitIdStatus>> {
        let status = waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        self.reaped |= !matches!(status, Ok(None));
        Ok(status?)
    }
}

/// The kernel spares the daemon when memory runs out, not what a command takes: proc_pid_oom_score_adj(5).
/// Raising needs no right; where it fails, all is as it was. Whoever is expendable already stays so.
fn be_expendable(pid: Pid) {
    let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
    let Ok(file) = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) else { return };
    let mut now = [0; 1];
    if rustix::io::read(&file, &mut now) == Ok(1) && now == *b"-" {
        let _ = rustix::io::write(&file, b"0");
    }
}

impl AsRawFd for Child {
    fn as_raw_fd(&self) -> RawFd {
        self.pidfd.as_raw_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal(Signal::KILL);
            self.ended_within(LAST_BREATH);
            // One that does not die is left behind as it is.
            let _ = self.reap();
        }
    }
}

/// The daemon blocks the signals that it takes by descriptor and ignores SIGPIPE; both would be
/// inherited, and a command that cannot be stopped is no use to anybody.
fn attributes() -> nix::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;
    attributes.set_pgroup(nix::unistd::Pid::from_raw(0))?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_sigdefault(&SigSet::all())?;
    Ok(attributes)
}

/// Without a descriptor for it nobody would see its end.
fn abandon(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
}

#[cfg(test)]
mod tests;
