//! Orders become deeds: vetoes first, then delivery, and every order ends in an outcome.
//!
//! What belongs here: the last look at the process and the delivery itself, one file a measure.
//! What does not: deciding whether and when (judge did), counting and logging (record does). Signals
//! and kills are sent by the calling thread, the watch loop; nothing here waits.

mod courier;
mod end;
pub mod evidence;
mod freeze;
mod kill;
mod rehearsal;
mod signal;
mod slow;
mod veto;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use end::End;
use freeze::Freezer;
use kill::Killing;
use slow::Slow;

use crate::config::Config;
use crate::discover::{Member, Roster};
use crate::kernel::{CgroupTree, Error, Proc, Process};
use crate::model::{Measure, Moment, Order, Outcome, Reason, printable};

pub use freeze::thaw;
pub use rehearsal::{RehearsalError, rehearse};

/// As much of a path as is shown.
const SHOWN: usize = 200;

/// Carries out orders.
pub struct Executor {
    config: Arc<Config>,
    ground: Ground,
    freezer: Freezer,
    /// The kills that are under way.
    kills: Vec<Killing>,
    slow: Slow,
    buffer: Vec<u8>,
}

/// What measures stand on, held open.
struct Ground {
    proc: Proc,
    cgroups: CgroupTree,
}

/// An order with the member that it is for, and everybody else.
#[derive(Clone, Copy)]
struct Errand<'a> {
    order: &'a Order,
    member: &'a Member,
    roster: &'a Roster,
}

impl<'a> Errand<'a> {
    /// Whom the order is for, if that member is the process that was judged.
    fn of(order: &'a Order, roster: &'a Roster) -> Result<Self, End> {
        let member = roster.get(order.member).filter(|member| member.process.identity() == order.identity);
        member.map(|member| Self { order, member, roster }).ok_or_else(End::gone)
    }
}

impl Executor {
    /// An executor for the targets of `config`. `series` is told apart from those of other states:
    /// with the number of an order it makes the key by which the other side knows a delivery. `wake`
    /// makes the loop call [`Executor::advance`]; it is called from another thread.
    ///
    /// # Errors
    /// When `/proc` cannot be opened, or shows another pid namespace than ours; when there is no thread
    /// for the slow measures that the configuration asks for.
    pub fn new(config: Arc<Config>, series: u64, wake: impl Fn() + Send + Sync + 'static) -> Result<Self, Error> {
        let mut slow = Slow::new(series, wake);
        slow.prepare(&config)?;
        let ground = Ground { proc: Proc::live()?, cgroups: CgroupTree::mounted() };
        Ok(Self { config, ground, freezer: Freezer::default(), kills: Vec::new(), slow, buffer: Vec::new() })
    }

    /// From now on another configuration decides what goes out: dry run on or off, other targets. What
    /// is under way goes on.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.config = config;
        // Where that fails it is tried again with the first order, which then says why.
        let _ = self.slow.prepare(&self.config);
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
        let end = self.ask_again(order, roster).and_then(|()| self.carry_out(order, roster, now));
        end.unwrap_or_else(Some).map(|end| end.of(order, now))
    }

    /// Takes up a kill that an earlier daemon ordered at `sent` and has no outcome of: SIGTERM is not
    /// sent again, and what is left of the grace runs on. Its outcome comes at once where the process is
    /// gone, or is not provably the same.
    pub fn resume(&mut self, order: &Arc<Order>, sent: Moment, now: Moment) -> Option<Outcome> {
        self.take_up(order, sent).err().map(|end| end.of(order, now))
    }

    /// Moves on what is under way: SIGKILL where the grace is over, an outcome where a process is gone
    /// or does not die, and the outcomes of what was sent.
    pub fn advance(&mut self, now: Moment, outcomes: &mut Vec<Outcome>) {
        let ground = &self.ground;
        self.freezer.advance();
        self.kills.retain_mut(|killing| {
            let end = killing.advance(ground, now);
            let ended = end.is_some();
            outcomes.extend(end.map(|end| end.of(killing.order(), now)));
            !ended
        });
        self.slow.advance(now, outcomes);
    }

    /// When [`Executor::advance`] has something to do at the latest.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let kills = self.kills.iter().map(|killing| killing.next_deadline(now));
        kills.chain(self.slow.next_deadline()).min()
    }

    /// What an order is asked that is no undo.
    fn question(&mut self, order: &Order, roster: &Roster) -> Result<(), End> {
        let Self { config, ground, freezer, buffer, .. } = self;
        let errand = Errand::of(order, roster)?;
        let target = config.targets.get(usize::from(order.member.target)).ok_or_else(End::gone)?;
        veto::admit(order, errand.member, target, buffer)?;
        veto::admit_together(errand, target)?;
        veto::admit_cgroup(ground, errand, target)?;
        match order.measure {
            Measure::Freeze { by, .. } => freezer.admit(ground, errand, by)?,
            Measure::Kill { scope, .. } => kill::admit(scope, ground, &errand.member.process)?,
            Measure::Signal { .. } | Measure::Thaw { .. } | Measure::Http(_) | Measure::Command(_) => {}
        }
        if config.daemon.dry_run { Err(End::dry()) } else { Ok(()) }
    }

    /// Since an order was admitted others were asked about, and the state file was written: an exec takes less.
    fn ask_again(&mut self, order: &Order, roster: &Roster) -> Result<(), End> {
        let reaches = matches!(order.measure, Measure::Signal { .. } | Measure::Freeze { .. } | Measure::Kill { .. });
        if !reaches {
            return Ok(());
        }
        if takes_back(order) {
            return veto::admit_undo(order, || self.find(order, roster));
        }
        let Self { config, buffer, .. } = self;
        let errand = Errand::of(order, roster)?;
        let target = config.targets.get(usize::from(order.member.target)).ok_or_else(End::gone)?;
        veto::admit(order, errand.member, target, buffer)
    }

    /// The end of the order; none where it comes later.
    fn carry_out(&mut self, order: &Arc<Order>, roster: &Roster, now: Moment) -> Result<Option<End>, End> {
        match order.measure {
            Measure::Signal { signal, .. } => Ok(Some(signal::deliver(&*self.find(order, roster)?, signal))),
            Measure::Freeze { by, .. } => Ok(Some(self.freezer.freeze(&self.ground, Errand::of(order, roster)?, by))),
            Measure::Thaw { by } => {
                let process = self.find(order, roster)?;
                Ok(Some(self.freezer.thaw(&self.ground, &process, by)))
            }
            Measure::Http(_) | Measure::Command(_) => self.slow.send(order, now).map(|()| None),
            Measure::Kill { .. } => {
                let process = self.find(order, roster)?;
                let killing = Killing::start(&self.ground, order, Arc::clone(&process), now);
                // Only now does it wake up, to its SIGTERM; and where that was refused it must not stay
                // frozen for a kill that does not come.
                self.freezer.let_go(&self.ground, &process, order.thaw);
                self.kills.push(killing?);
                Ok(None)
            }
        }
    }

    fn take_up(&mut self, order: &Arc<Order>, sent: Moment) -> Result<(), End> {
        let process = match self.ground.proc.reopen(order.identity) {
            Ok(process) => Arc::new(process),
            Err(Error::Gone) => return Err(End::gone()),
            Err(error) => return Err(End::vetoed(Reason::Identity).told(error.to_string())),
        };
        // The earlier daemon may not have come to it.
        self.freezer.let_go(&self.ground, &process, order.thaw);
        self.kills.push(Killing::taken_up(&self.ground, order, process, sent)?);
        Ok(())
    }

    /// The process that an order is for, if it is there and provably that one. Nobody but a member may
    /// feel a measure; one that is taken back may have left its target since.
    fn find(&self, order: &Order, roster: &Roster) -> Result<Arc<Process>, End> {
        match Errand::of(order, roster) {
            Ok(errand) => Ok(Arc::clone(&errand.member.process)),
            Err(_) if takes_back(order) => {
                let found = self.ground.proc.reopen(order.identity);
                found.map(Arc::new).map_err(|error| End::from_error(error, "tradedog must be able to see the process"))
            }
            Err(end) => Err(end),
        }
    }
}

/// Whether an order undoes something. A thaw is nothing else, whoever ordered it.
fn takes_back(order: &Order) -> bool {
    order.undo || matches!(order.measure, Measure::Thaw { .. })
}

/// The path of a cgroup as it is shown: whoever made the group chose its name.
fn shown(path: &[u8]) -> String {
    printable(path, SHOWN)
}
