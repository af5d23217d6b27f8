//! A kill: SIGTERM through the pidfd, `grace`, SIGKILL, process_mrelease; done when every pidfd
//! says so. Once SIGTERM is out it runs to its end, whatever the level does.

use std::sync::Arc;
use std::time::Duration;

use super::{End, Errand};
use crate::kernel::{Error, Proc, Process, own_pid};
use crate::model::{KillScope, Moment, Order, OutcomeKind, Reason, Signal};

/// A process that has not died this long after SIGKILL is stuck in the kernel (state D).
const STUCK: Duration = Duration::from_secs(10);
/// How often processes are looked at whose pidfd wakes nobody: the descendants.
const LOOK: Duration = Duration::from_millis(50);

const SIGTERM: Signal = signal(15);
const SIGKILL: Signal = signal(9);

const fn signal(number: i32) -> Signal {
    match Signal::new(number) {
        Some(signal) => signal,
        None => unreachable!(),
    }
}

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
    pub(super) fn start(proc: &Proc, errand: Errand<'_>, grace: Duration, scope: KillScope) -> Result<Self, End> {
        let mut killing = Self {
            order: Arc::clone(errand.order),
            scope,
            victims: vec![Arc::clone(&errand.member.process)],
            stage: Stage::Terminating { kill: errand.now + grace },
        };
        killing.gather(proc);
        match killing.victims[0].signal(SIGTERM) {
            Ok(()) => {}
            Err(Error::Gone) => return Err((OutcomeKind::Gone, Reason::None)),
            Err(Error::Denied | Error::Malformed(_) | Error::Os(_)) => {
                return Err((OutcomeKind::Failed, Reason::Refused));
            }
        }
        for descendant in &killing.victims[1..] {
            // One that is gone or out of reach is seen again before SIGKILL.
            let _ = descendant.signal(SIGTERM);
        }
        Ok(killing)
    }

    pub(super) const fn order(&self) -> &Arc<Order> {
        &self.order
    }

    /// The end of the order once there is one.
    pub(super) fn advance(&mut self, proc: &Proc, now: Moment) -> Option<End> {
        if self.victims.iter().all(|victim| victim.has_exited()) {
            return Some((OutcomeKind::Gone, Reason::None));
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
            Stage::Killed { stuck } if now >= stuck => Some((OutcomeKind::Failed, Reason::Timeout)),
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
