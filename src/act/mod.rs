//! Orders become deeds: vetoes first, then delivery, and every order ends in an outcome.
//!
//! What belongs here: the last look at the process and the delivery itself, one file a measure.
//! What does not: deciding whether and when (judge did), counting and logging (record does). Signals
//! and kills are sent by the calling thread, the watch loop; nothing here waits.

mod end;
mod freeze;
mod kill;
mod signal;
mod veto;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use end::End;
use freeze::Freezer;
use kill::Killing;

use crate::config::Config;
use crate::discover::{Member, Roster};
use crate::kernel::{Error, Proc, Process};
use crate::model::{Measure, Moment, Order, Outcome, Reason};

pub use freeze::thaw;

/// Carries out orders.
pub struct Executor {
    config: Arc<Config>,
    proc: Proc,
    freezer: Freezer,
    /// The kills that are under way.
    kills: Vec<Killing>,
    buffer: Vec<u8>,
}

impl Executor {
    /// An executor for the targets of `config`. `series` is told apart from those of other states:
    /// with the number of an order it makes the key by which the other side knows a delivery. `wake`
    /// makes the loop call [`Executor::advance`]; it is called from another thread.
    ///
    /// # Errors
    /// When `/proc` cannot be opened, or shows another pid namespace than ours.
    pub fn new(
        config: Arc<Config>,
        _series: u64,
        _wake: impl Fn() + Send + Sync + Clone + 'static,
    ) -> Result<Self, Error> {
        let (kills, buffer) = (Vec::new(), Vec::new());
        Ok(Self { config, proc: Proc::live()?, freezer: Freezer::new(), kills, buffer })
    }

    /// From now on another configuration decides what goes out: dry run on or off, other targets. What
    /// is under way goes on.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// The last questions, on the process as it is now: the vetoes, whether it is there at all, whether
    /// this is a dry run. An undo is asked less: its target may match the process no more, and no dry
    /// run holds it back.
    ///
    /// # Errors
    /// How an order ends that must not go out; nothing was done.
    pub fn admit(&mut self, order: &Arc<Order>, roster: &Roster, now: Moment) -> Result<(), Outcome> {
        let answer = if takes_back(order) {
            veto::admit_undo(order, || self.find(order, roster))
        } else {
            self.question(order, roster)
        };
        answer.map_err(|end| end.of(order, now))
    }

    /// Carries out an order that was admitted. None where its outcome comes later, from
    /// [`Executor::advance`].
    pub fn deliver(&mut self, order: &Arc<Order>, roster: &Roster, now: Moment) -> Option<Outcome> {
        let end = match &order.measure {
            Measure::Http(_) | Measure::Command(_) => Some(End::refused("nobody is there to send it")),
            Measure::Signal { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } | Measure::Kill { .. } => {
                match self.find(order, roster) {
                    Ok(process) => self.lay_hands_on(&process, order, now),
                    Err(end) => Some(end),
                }
            }
        };
        end.map(|end| end.of(order, now))
    }

    /// Takes up a kill that an earlier daemon ordered at `sent` and has no outcome of: SIGTERM is not
    /// sent again, and what is left of the grace runs on. Its outcome comes at once where the process is
    /// gone, or is not provably the same.
    pub fn resume(&mut self, order: &Arc<Order>, sent: Moment, now: Moment) -> Option<Outcome> {
        let process = self.proc.reopen(order.identity);
        let killing = match process {
            Ok(process) => {
                let process = Arc::new(process);
                if let Some(by) = order.thaw {
                    self.freezer.let_go(&process, by);
                }
                Killing::taken_up(&self.proc, order, process, sent)
            }
            Err(Error::Gone) => Err(End::gone()),
            Err(error) => Err(End::vetoed(Reason::Identity).told(error.to_string())),
        };
        match killing {
            Ok(killing) => {
                self.kills.push(killing);
                None
            }
            Err(end) => Some(end.of(order, now)),
        }
    }

    /// Moves on what is under way: SIGKILL where the grace is over, an outcome where a process is gone
    /// or does not die, and the outcomes of what was sent.
    pub fn advance(&mut self, now: Moment, outcomes: &mut Vec<Outcome>) {
        let proc = &self.proc;
        self.kills.retain_mut(|killing| {
            let end = killing.advance(proc, now);
            let ended = end.is_some();
            outcomes.extend(end.map(|end| end.of(killing.order(), now)));
            !ended
        });
    }

    /// When [`Executor::advance`] has something to do at the latest.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        self.kills.iter().map(|killing| killing.next_deadline(now)).min()
    }

    /// What an order is asked that is no undo.
    fn question(&mut self, order: &Order, roster: &Roster) -> Result<(), End> {
        let Self { config, freezer, buffer, .. } = self;
        let (member, target) =
            seat(order, roster).zip(config.targets.get(usize::from(order.member.target))).ok_or_else(End::gone)?;
        veto::admit(order, member, target, buffer)?;
        match order.measure {
            Measure::Freeze { by, .. } => freezer.admit(member, by, buffer)?,
            Measure::Signal { .. }
            | Measure::Kill { .. }
            | Measure::Thaw { .. }
            | Measure::Http(_)
            | Measure::Command(_) => {}
        }
        if config.daemon.dry_run { Err(End::dry()) } else { Ok(()) }
    }

    /// The process that an order is for, if it is there and provably that one. Nobody but a member may
    /// feel a measure; one that is taken back may have left its target since.
    fn find(&self, order: &Order, roster: &Roster) -> Result<Arc<Process>, End> {
        match seat(order, roster) {
            Some(member) => Ok(Arc::clone(&member.process)),
            None if takes_back(order) => {
                let found = self.proc.reopen(order.identity);
                found.map(Arc::new).map_err(|error| End::from_error(error, "tradedog must be able to see the process"))
            }
            None => Err(End::gone()),
        }
    }

    /// Whatever goes through the pidfd or the cgroup of `process`.
    fn lay_hands_on(&mut self, process: &Arc<Process>, order: &Arc<Order>, now: Moment) -> Option<End> {
        match order.measure {
            Measure::Signal { signal, .. } => Some(signal::deliver(process, signal)),
            Measure::Freeze { by, .. } => Some(self.freezer.freeze(process, by)),
            Measure::Thaw { by } => Some(self.freezer.thaw(process, by)),
            Measure::Http(_) | Measure::Command(_) => None,
            Measure::Kill { .. } => match Killing::start(&self.proc, order, Arc::clone(process), now) {
                Ok(killing) => {
                    // Only now does it wake up, to its SIGTERM.
                    if let Some(by) = order.thaw {
                        self.freezer.let_go(process, by);
                    }
                    self.kills.push(killing);
                    None
                }
                Err(end) => Some(end),
            },
        }
    }
}

/// Whether an order undoes something. A thaw is nothing else, whoever ordered it.
fn takes_back(order: &Order) -> bool {
    order.undo || matches!(order.measure, Measure::Thaw { .. })
}

/// The member that an order is for, if it is the process that was judged.
fn seat<'a>(order: &Order, roster: &'a Roster) -> Option<&'a Member> {
    roster.get(order.member).filter(|member| member.process.identity() == order.identity)
}
