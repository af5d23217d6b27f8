//! A kill: SIGTERM through the pidfd, `grace`, SIGKILL, process_mrelease; done when every pidfd
//! says so. Once SIGTERM is out it runs to its end, whatever the level does.

use std::sync::Arc;
use std::time::Duration;

use super::end::End;
use super::signal::{MAY_SIGNAL, SIGKILL, SIGTERM};
use crate::kernel::{Proc, Process, own_pid};
use crate::model::{KillScope, Measure, Moment, Order};

/// A process that has not died this long after SIGKILL is stuck in the kernel (state D).
const STUCK: Duration = Duration::from_secs(10);
/// How often processes are looked at whose pidfd wakes nobody: the descendants.
const LOOK: Duration = Duration::from_millis(50);

/// A kill under way.
#[derive(Debug)]
pub(super) struct Killing {
    order: Arc<Order>,
    scope: KillScope,
    /// The process first, then its descendants, each held by its own pidfd.
    victims: Vec<Arc<Process>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// SIGTERM is out; SIGKILL follows at that time.
    Terminating { kill: Moment },
    /// SIGKILL is out; at that time it has failed.
    Killed { stuck: Moment },
}

impl Killing {
    /// Sends SIGTERM. Fails with the end of the order where nothing was sent.
    pub(super) fn start(proc: &Proc, order: &Arc<Order>, process: Arc<Process>, now: Moment) -> Result<Self, End> {
        let killing = Self::taken_up(proc, order, process, now)?;
        killing.victims[0].signal(SIGTERM).map_err(|error| End::from_error(error, MAY_SIGNAL))?;
        for descendant in &killing.victims[1..] {
            // One that is gone or out of reach is seen again before SIGKILL.
            let _ = descendant.signal(SIGTERM);
        }
        Ok(killing)
    }

    /// One whose SIGTERM went out at `sent`.
    pub(super) fn taken_up(proc: &Proc, order: &Arc<Order>, process: Arc<Process>, sent: Moment) -> Result<Self, End> {
        let Measure::Kill { grace, scope } = order.measure else { return Err(End::refused("it is no kill")) };
        let stage = Stage::Terminating { kill: sent + grace };
        let mut killing = Self { order: Arc::clone(order), scope, victims: vec![process], stage };
        killing.gather(proc);
        Ok(killing)
    }

    pub(super) const fn order(&self) -> &Arc<Order> {
        &self.order
    }

    /// The end of the order once there is one.
    pub(super) fn advance(&mut self, proc: &Proc, now: Moment) -> Option<End> {
        if self.victims.iter().all(|victim| victim.has_exited()) {
            return Some(End::killed());
        }
        match self.stage {
            Stage::Terminating { kill } if now >= kill => {
                self.gather(proc);
                for victim in &self.victims {
                    if victim.signal(SIGKILL).is_ok() {
                        victim.release_memory();
                    }
                }
                self.stage = Stage::Killed { stuck: now + STUCK };
                None
            }
            Stage::Killed { stuck } if now >= stuck => {
                Some(End::overdue("it got SIGKILL and does not die: it hangs in the kernel"))
            }
            Stage::Terminating { .. } | Stage::Killed { .. } => None,
        }
    }

    /// When it has something to do at the latest.
    pub(super) fn next_deadline(&self, now: Moment) -> Moment {
        let stage = match self.stage {
            Stage::Terminating { kill } => kill,
            Stage::Killed { stuck } => stuck,
        };
        let watched = self.victims.len() == 1 || !self.victims[0].has_exited();
        if watched { stage } else { stage.min(now + LOOK) }
    }

    /// Takes in descendants that are not held yet; a child whose parent dies is found no more. One
    /// that cannot be held is left: nothing is signalled by number.
    fn gather(&mut self, proc: &Proc) {
        if self.scope != KillScope::Tree {
            return;
        }
        for index in 0..self.victims.len() {
            for found in self.victims[index].descendants(proc).unwrap_or_default() {
                let held = self.victims.iter().any(|victim| victim.identity() == found.identity());
                if !held && found.identity().pid != own_pid() {
                    self.victims.push(Arc::new(found));
                }
            }
        }
    }
}
