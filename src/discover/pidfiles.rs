//! The pidfiles of the targets, looked at in every scan.

use std::time::{Duration, SystemTime};

use super::trouble::{Trouble, Troubles};
use crate::config::Config;
use crate::kernel::{Error, Pidfile, now, started, wall_now};
use crate::model::Pid;

/// One slot for each target: what its pidfile said last; none where it has none, or nobody runs.
#[derive(Debug, Default)]
pub(super) struct Pidfiles {
    files: Vec<Option<Pidfile>>,
}

/// What a pidfile says about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is this one.
    Yes {
        /// And only root can have said so.
        roots: bool,
    },
    /// It is not.
    No,
    /// It has the number, but the file was written before the process began.
    Stale,
}

/// Start times count in ticks and from a boot time in whole seconds.
const SLACK: Duration = Duration::from_secs(2);

impl Pidfiles {
    /// Reads them all; adds the numbers that are in or out since the last time to `look`.
    pub(super) fn refresh(&mut self, config: &Config, troubles: &mut Troubles, look: &mut Vec<Pid>) {
        self.files.resize(config.targets.len(), None);
        for ((index, target), last) in (0..).zip(&config.targets).zip(&mut self.files) {
            let Some(path) = &target.selector.pidfile else { continue };
            let read = match Pidfile::read(path) {
                Ok(file) => Some(file),
                Err(Error::Gone) => None,
                Err(error) => {
                    troubles.note(Trouble::pidfile(index, target, error));
                    // Unknown is not "nobody": what was found stays found.
                    *last
                }
            };
            if read != *last {
                look.extend(read.iter().chain(last.iter()).map(|file| file.pid));
                *last = read;
            }
        }
    }

    /// What the pidfile of `target` says about the process `pid` that began at `start_ticks`.
    pub(super) fn says(&self, target: usize, pid: Pid, start_ticks: u64) -> Says {
        match self.files.get(target).copied().flatten() {
            Some(file) if file.pid == pid => {
                if file.written + SLACK >= began(start_ticks) {
                    Says::Yes { roots: file.roots }
                } else {
                    Says::Stale
                }
            }
            _ => Says::No,
        }
    }
}

/// When it began, on the clock of file times.
fn began(start_ticks: u64) -> SystemTime {
    wall_now().checked_sub(now().since(started(start_ticks))).unwrap_or(SystemTime::UNIX_EPOCH)
}
