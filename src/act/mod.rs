//! Orders become deeds: vetoes first, then delivery, and every order ends in an outcome.
//!
//! What belongs here: the last look at the process and the delivery itself, one file a measure.
//! What does not: deciding whether and when (judge did), counting and logging (record does). Signals
//! and kills are sent by the calling thread, the watch loop; nothing here waits.

mod kill;
mod signal;
mod veto;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kill::Killing;

use crate::config::Config;
use crate::discover::{Member, Roster};
use crate::kernel::{self, Proc};
use crate::model::{Measure, Moment, Order, Outcome, OutcomeKind, Reason};

/// Carries out orders. Dry run is the other executor, not a question in every measure.
pub struct Executor {
    config: Arc<Config>,
    delivery: Delivery,
    buffer: Vec<u8>,
}

/// How orders are delivered.
enum Delivery {
    /// For real.
    Live(Live),
    /// Not at all.
    Dry,
}

/// What delivering for real needs.
struct Live {
    proc: Proc,
    /// The kills that are under way.
    kills: Vec<Killing>,
}

/// An order and the member it is for, once the vetoes have passed it.
#[derive(Clone, Copy)]
struct Errand<'a> {
    order: &'a Arc<Order>,
    member: &'a Member,
    now: Moment,
}

/// Kind and reason of an outcome.
type End = (OutcomeKind, Reason);

impl Executor {
    /// The executor that the configuration asks for.
    ///
    /// # Errors
    /// When `/proc` cannot be opened, or shows another pid namespace than ours.
    pub fn new(config: Arc<Config>) -> Result<Self, kernel::Error> {
        let delivery = match config.daemon.dry_run {
            true => Delivery::Dry,
            false => Delivery::Live(Live { proc: Proc::live()?, kills: Vec::new() }),
        };
        Ok(Self { config, delivery, buffer: Vec::new() })
    }

    /// Carries out one order. A kill has its outcome later, from [`Executor::advance`].
    pub fn carry_out(&mut self, order: &Arc<Order>, roster: &Roster, now: Moment) -> Option<Outcome> {
        let Self { config, delivery, buffer } = self;
        let member = roster.get(order.member).filter(|member| member.process.identity() == order.identity);
        let target = config.targets.get(usize::from(order.member.target));
        let end = match (member, target) {
            (Some(member), Some(target)) => match veto::admit(order, member, target, buffer) {
                Ok(()) => delivery.deliver(Errand { order, member, now })?,
                Err(end) => end,
            },
            (None, _) | (_, None) => (OutcomeKind::Gone, Reason::None),
        };
        Some(outcome(order, end, now))
    }

    /// Moves on the kills under way: SIGKILL where the grace is over, an outcome where the process
    /// is gone or does not die.
    pub fn advance(&mut self, now: Moment, outcomes: &mut Vec<Outcome>) {
        let Delivery::Live(Live { proc, kills }) = &mut self.delivery else { return };
        kills.retain_mut(|killing| {
            let end = killing.advance(proc, now);
            outcomes.extend(end.map(|end| outcome(killing.order(), end, now)));
            end.is_none()
        });
    }

    /// When [`Executor::advance`] has something to do at the latest.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        match &self.delivery {
            Delivery::Live(live) => live.kills.iter().map(|killing| killing.next_deadline(now)).min(),
            Delivery::Dry => None,
        }
    }
}

impl Delivery {
    /// The end of the order, or none where it comes later.
    fn deliver(&mut self, errand: Errand<'_>) -> Option<End> {
        match self {
            Self::Dry => Some((OutcomeKind::DryRun, Reason::None)),
            Self::Live(Live { proc, kills }) => match &errand.order.measure {
                Measure::Signal { signal, .. } => Some(signal::deliver(&errand.member.process, *signal)),
                Measure::Kill { grace, scope } => match Killing::start(proc, errand, *grace, *scope) {
                    Ok(killing) => {
                        kills.push(killing);
                        None
                    }
                    Err(end) => Some(end),
                },
                Measure::Freeze { .. } | Measure::Thaw { .. } | Measure::Http(_) | Measure::Command(_) => {
                    Some((OutcomeKind::Failed, Reason::Refused))
                }
            },
        }
    }
}

fn outcome(order: &Order, (kind, reason): End, at: Moment) -> Outcome {
    let untouched = matches!(kind, OutcomeKind::Vetoed | OutcomeKind::DryRun | OutcomeKind::Failed);
    Outcome { order: order.id, member: order.member, kind, reason, at, untouched, detail: None }
}
