//! What follows from what was read: thresholds, ladders, rungs, brakes -> verdicts with orders.
//!
//! A function of (state, sample, outcomes, now). What belongs here: every decision. What does not:
//! a clock, a file, a log, a lock, or anything that could answer differently the second time.

mod brakes;
mod budget;
mod member;
mod orders;
mod outcomes;
mod rung;
mod threshold;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use budget::Kills;
use member::MemberState;
pub use view::MemberView;

use crate::config::Config;
use crate::model::{
    Event, Identity, MemberKey, MemberSample, Moment, Note, Order, OrderId, Outcome, Reading, Reason, Sample,
};

/// Everything that judge remembers from pass to pass.
#[derive(Debug)]
pub struct State {
    config: Arc<Config>,
    members: BTreeMap<MemberKey, MemberState>,
    in_flight: BTreeMap<OrderId, Arc<Order>>,
    next_order: OrderId,
    target_kills: Vec<Kills>,
    daemon_kills: Kills,
    seat_kills: BTreeMap<MemberKey, Kills>,
    passes: u64,
}

/// What is to be done, and what is worth telling.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// For the executor, in this order.
    pub orders: Vec<Arc<Order>>,
    /// For the recorder.
    pub events: Vec<Event>,
}

/// One call of [`judge`].
struct Pass<'a> {
    now: Moment,
    verdicts: &'a mut Verdicts,
}

impl Pass<'_> {
    fn tell(&mut self, note: Note) {
        self.verdicts.events.push(Event { at: self.now, note });
    }
}

impl State {
    /// Nothing seen yet.
    pub fn new(config: Arc<Config>) -> Self {
        let target_kills = vec![Kills::default(); config.targets.len()];
        Self {
            config,
            members: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_order: OrderId(1),
            target_kills,
            daemon_kills: Kills::default(),
            seat_kills: BTreeMap::new(),
            passes: 0,
        }
    }
}

/// Judges one pass: takes in what became of earlier orders, then who is there, then what was read.
///
/// `sample` is the whole membership with the latest readings; a threshold steps only on those that
/// are new. Called with an old sample it only takes in outcomes and lets brakes open.
pub fn judge(state: &mut State, sample: &Sample, outcomes: &[Outcome], now: Moment) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut pass = Pass { now, verdicts: &mut verdicts };
    for outcome in outcomes {
        state.take_outcome(outcome, &mut pass);
    }
    state.seat(sample, &mut pass);
    for member in &sample.members {
        state.read(member, &mut pass);
    }
    for member in &sample.members {
        state.order_member(member.member, &mut pass);
    }
    verdicts
}

/// The last question before a kill: is the causing metric, read once more, itself at or past the
/// bound? On no, the order is to be reported as held for the reason returned.
pub fn confirm(order: &Order, fresh: &Reading) -> Result<(), Reason> {
    let value = fresh.value.number().ok_or(Reason::Unknown)?;
    let cause = order.cause.as_ref().ok_or(Reason::Unconfirmed)?;
    let past = threshold::at_or_past(value, cause.bound, cause.metric.info().direction);
    if past { Ok(()) } else { Err(Reason::Unconfirmed) }
}

impl State {
    /// Takes in who is there: a new identity at a seat is a new member, who is missing is gone.
    fn seat(&mut self, sample: &Sample, pass: &mut Pass<'_>) {
        self.passes += 1;
        for member in &sample.members {
            if self.identity(member.member).is_some_and(|identity| identity != member.identity) {
                self.depart(member.member, pass);
            }
            self.arrive(member, pass.now);
        }
        let passes = self.passes;
        while let Some(key) = self.members.iter().find(|(_, member)| member.seen != passes).map(|(key, _)| *key) {
            self.depart(key, pass);
        }
    }

    fn identity(&self, key: MemberKey) -> Option<Identity> {
        self.members.get(&key).map(|member| member.identity)
    }

    fn arrive(&mut self, sample: &MemberSample, now: Moment) {
        let Some(target) = self.config.targets.get(usize::from(sample.member.target)) else { return };
        let member = self.members.entry(sample.member).or_insert_with(|| MemberState::new(target, sample, now));
        member.seen = self.passes;
    }

    fn depart(&mut self, key: MemberKey, pass: &mut Pass<'_>) {
        if let Some(mut member) = self.members.remove(&key) {
            member.depart(pass);
        }
    }

    /// Steps the member's thresholds and ladders on its readings.
    fn read(&mut self, sample: &MemberSample, pass: &mut Pass<'_>) {
        let Some(target) = self.config.targets.get(usize::from(sample.member.target)) else { return };
        if let Some(member) = self.members.get_mut(&sample.member) {
            member.observe(target, sample, pass);
            member.climb(target, sample.member, pass);
        }
    }
}
