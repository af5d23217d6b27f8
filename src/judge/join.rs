//! A rung whose measure is there already needs no order of its own: it joins, and shares the outcome.

use super::inhibitions::TICK;
use super::member::MemberState;
use super::orders::{Turn, Turned};
use super::rung::{Of, Rung, RungState};
use super::{Pass, State};
use crate::model::{ActionScope, Answer, MemberKey, Moment, Note, Order, OrderId, OutcomeKind, Reason, Undoing};

impl State {
    /// Joins what is in flight, in force or waiting for its retry. None where an order is needed.
    pub(super) fn join(&mut self, turn: &Turn<'_>, now: Moment) -> Option<Turned> {
        if let Some(shared) = self.shared(turn, now) {
            let in_flight = matches!(shared.state, RungState::InFlight(_));
            let rung = self.rung_mut(turn)?;
            let own = rung.give_up_order();
            rung.state = shared.state;
            rung.attempts = shared.attempts;
            rung.ineffective = shared.ineffective;
            rung.judged = shared.judged;
            rung.retrying = shared.retrying;
            rung.acknowledged = shared.acknowledged;
            rung.order = shared.order;
            rung.decided = shared.decided;
            rung.hold = None;
            self.dropped.extend(own);
            self.changed = true;
            return Some(if in_flight { Turned::Ordered } else { Turned::Away });
        }
        self.join_lease(turn)
    }

    /// A rung of this or another ladder or worker that has the same delivery before it or behind it.
    fn shared(&self, turn: &Turn<'_>, now: Moment) -> Option<Rung> {
        let member = self.members.get(&turn.key)?;
        let own = member.rungs.get(turn.rung)?;
        let wide = turn.action.scope == ActionScope::Target;
        let was_there = |rung: &Rung| rung.order.as_ref().is_none_or(|order| has_reached(order, member));
        let mut others = self.served(turn.key, turn.action.scope).flat_map(|(key, other)| {
            other.rungs.iter().enumerate().filter(move |(at, _)| (key, *at) != (turn.key, turn.rung))
        });
        let found = others.find(|(_, rung)| {
            rung.action == own.action
                && match rung.state {
                    RungState::InFlight(_) => was_there(rung),
                    RungState::Failed { .. } => {
                        let fresh = own.attempts == 0 && own.order.is_none();
                        !turn.is_kill() && fresh && !matches!(own.of, Of::Operator { .. }) && was_there(rung)
                    }
                    // What serves all was just done for another worker, to whom this one was there.
                    RungState::Done { at, dry } => {
                        // Done although it could be undone: it was, and is not there.
                        let felt = dry || turn.action.undo.is_none();
                        wide && felt
                            && is_before(member.started, rung.decided.unwrap_or(at))
                            && now < at + turn.action.cooldown
                            && !own.of.is_apart()
                            && !rung.of.is_apart()
                    }
                    RungState::Idle
                    | RungState::Due
                    | RungState::InForce
                    | RungState::Vetoed { .. }
                    | RungState::GaveUp(_) => false,
                }
        });
        found.map(|(_, rung)| rung.clone())
    }

    /// The measure is in force: one owner more. While its undo is under way its outcome is waited
    /// for; in doubt it is delivered anew.
    fn join_lease(&mut self, turn: &Turn<'_>) -> Option<Turned> {
        let member = self.members.get(&turn.key)?;
        let at = self.lease_at(turn.key, member.rungs.get(turn.rung)?.action)?;
        if !has_reached(&self.leases[at].order, member) || self.leases[at].answer < Answer::Delivered {
            return None;
        }
        let lease = &mut self.leases[at];
        match lease.undoing {
            Undoing::InFlight(_) => return Some(Turned::Away),
            Undoing::No if lease.wanted => return Some(Turned::Away),
            Undoing::Failed { refused: false, .. } => return None,
            Undoing::No | Undoing::Failed { refused: true, .. } => {}
        }
        lease.undoing = Undoing::No;
        lease.wanted = false;
        lease.free = None;
        self.changed = true;
        let rung = self.rung_mut(turn)?;
        rung.state = RungState::InForce;
        let own = rung.give_up_order();
        rung.hold = None;
        self.dropped.extend(own);
        Some(Turned::Away)
    }

    /// An order that rungs share ends with the last of them, and once.
    pub(super) fn end_once(&mut self, pass: &mut Pass<'_>) {
        for order in std::mem::take(&mut self.dropped) {
            pass.tell(Note::Ended { order, kind: OutcomeKind::Lapsed, reason: Reason::None, detail: None });
        }
        let mut ended = Vec::new();
        pass.verdicts.events.retain(|event| {
            let Note::Ended { order, kind: OutcomeKind::Lapsed | OutcomeKind::Gone, .. } = &event.note else {
                return true;
            };
            let over = !ended.contains(&order.id) && !self.is_spoken_of(order.id);
            ended.push(order.id);
            over
        });
    }

    fn is_spoken_of(&self, id: OrderId) -> bool {
        let mut rungs = self.members.values().flat_map(|member| &member.rungs);
        rungs.any(|rung| rung.order.as_ref().is_some_and(|order| order.id == id))
    }

    /// Where the lease of that action is, if it is in force for that member.
    pub(super) fn lease_at(&self, key: MemberKey, action: usize) -> Option<usize> {
        let target = self.config.targets.get(usize::from(key.target))?;
        let action = target.actions.get(action)?;
        let identity = self.members.get(&key).map(|member| member.identity);
        self.leases.iter().position(|lease| {
            lease.order.target == target.name
                && lease.order.action == action.name
                && lease.order.scope == action.scope
                && (action.scope == ActionScope::Target || Some(lease.order.identity) == identity)
        })
    }
}

/// Whether that process can have felt the order. Who was born while the answer was on its way may have been reached or
/// not: that counts as not.
pub(super) fn has_reached(order: &Order, member: &MemberState) -> bool {
    order.identity == member.identity || is_before(member.started, order.decided)
}

/// Whether a process was there when an order was decided, as far as the kernel tells.
fn is_before(started: Moment, decided: Moment) -> bool {
    started + TICK <= decided
}
