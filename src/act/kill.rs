//! A kill: SIGTERM through the pidfd, `grace`, SIGKILL, process_mrelease; done when every pidfd
//! says so. Once SIGTERM is out it runs to its end, whatever the level does.

mod cgroup;

use std::sync::Arc;
use std::time::Duration;

use super::Ground;
use super::end::End;
use super::signal::{MAY_SIGNAL, SIGKILL, SIGTERM};
use crate::kernel::{Proc, Process, own_pid};
use crate::model::{KillScope, Measure, Moment, Order};
use cgroup::Prey;

/// A process that has not died this long after SIGKILL is stuck in the kernel (state D).
const STUCK: Duration = Duration::from_secs(10);
/// How often processes are looked at whose pidfd wakes nobody: descendants, the others of a cgroup.
const LOOK: Duration = Duration::from_millis(50);

/// A kill under way.
#[derive(Debug)]
pub(super) struct Killing {
    order: Arc<Order>,
    reach: Reach,
    /// The process first, then its descendants where they are meant, each held by its own pidfd.
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

/// Who is to die.
#[derive(Debug)]
enum Reach {
    /// The process.
    Process,
    /// With its descendants.
    Tree,
    /// With everybody in its cgroup.
    Cgroup(Prey),
}

impl Reach {
    fn of(scope: KillScope, ground: &Ground, process: &Process) -> Result<Self, End> {
        match scope {
            KillScope::Process => Ok(Self::Process),
            KillScope::Tree => Ok(Self::Tree),
            KillScope::Cgroup => Prey::of(ground, process).map(Self::Cgroup),
        }
    }
}

/// Whether everybody that a kill reaches may die, the process aside, which the vetoes have looked at.
pub(super) fn admit(scope: KillScope, ground: &Ground, process: &Process) -> Result<(), End> {
    Reach::of(scope, ground, process).map(drop)
}

impl Killing {
    /// Sends SIGTERM. Fails with the end of the order where nothing was sent.
    pub(super) fn start(ground: &Ground, order: &Arc<Order>, process: Arc<Process>, now: Moment) -> Result<Self, End> {
        let killing = Self::taken_up(ground, order, process, now)?;
        killing.victims[0].signal(SIGTERM).map_err(|error| End::from_error(error, MAY_SIGNAL))?;
        for descendant in &killing.victims[1..] {
            // One that is gone or out of reach is seen again before SIGKILL.
            let _ = descendant.signal(SIGTERM);
        }
        Ok(killing)
    }

    /// One whose SIGTERM went out at `sent`.
    pub(super) fn taken_up(
        ground: &Ground,
        order: &Arc<Order>,
        process: Arc<Process>,
        sent: Moment,
    ) -> Result<Self, End> {
        let Measure::Kill { grace, scope } = order.measure else { return Err(End::refused("it is no kill")) };
        let stage = Stage::Terminating { kill: sent + grace };
        let reach = Reach::of(scope, ground, &process)?;
        let mut killing = Self { order: Arc::clone(order), reach, victims: vec![process], stage };
        killing.gather(&ground.proc);
        Ok(killing)
    }

    pub(super) const fn order(&self) -> &Arc<Order> {
        &self.order
    }

    /// The end of the order once there is one.
    pub(super) fn advance(&mut self, ground: &Ground, now: Moment) -> Option<End> {
        if self.is_done() {
            return Some(End::killed().told(match self.stage {
                Stage::Terminating { .. } => "SIGTERM was enough",
                Stage::Killed { .. } => "SIGKILL was needed",
            }));
        }
        match self.stage {
            Stage::Terminating { kill } if now >= kill => {
                self.strike(ground);
                self.stage = Stage::Killed { stuck: now + STUCK };
                None
            }
            Stage::Killed { stuck } if now >= stuck => {
                Some(End::overdue("not all that got SIGKILL have died: they hang in the kernel"))
            }
            Stage::Killed { .. } => {
                // Where it goes one by one, what was forked meanwhile gets its own.
                if let Reach::Cgroup(prey) = &self.reach {
                    prey.strike(ground);
                }
                None
            }
            Stage::Terminating { .. } => None,
        }
    }

    fn is_done(&self) -> bool {
        let all_exited = self.victims.iter().all(|victim| victim.has_exited());
        all_exited
            && match &self.reach {
                Reach::Process | Reach::Tree => true,
                Reach::Cgroup(prey) => prey.is_empty(),
            }
    }

    /// SIGKILL to all of them.
    fn strike(&mut self, ground: &Ground) {
        self.gather(&ground.proc);
        for victim in &self.victims {
            if victim.signal(SIGKILL).is_ok() {
                victim.release_memory();
            }
        }
        if let Reach::Cgroup(prey) = &self.reach {
            prey.strike(ground);
        }
    }

    /// When it has something to do at the latest.
    pub(super) fn next_deadline(&self, now: Moment) -> Moment {
        match self.stage {
            Stage::Terminating { kill } if wakes(&self.victims[0]) => kill,
            Stage::Terminating { kill: end } | Stage::Killed { stuck: end } => end.min(now + LOOK),
        }
    }

    /// Takes in descendants that are not held yet; a child whose parent dies is found no more. One
    /// that cannot be held is left: nothing is signalled by number.
    fn gather(&mut self, proc: &Proc) {
        let Reach::Tree = self.reach else { return };
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

/// Whether its exit will end the wait of the loop.
fn wakes(process: &Process) -> bool {
    process.pidfd().is_some() && !process.has_exited()
}
