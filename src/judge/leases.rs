//! Measures in force that must be undone: opened before delivery, closed only by a clear refusal, a
//! clear undo or the end of the process.

use std::sync::Arc;

use super::rung::{Rung, RungState};
use super::{Pass, State};
use crate::config::Action;
use crate::model::{
    ActionScope, Answer, FreezeBy, Identity, Lease, Measure, MemberKey, Moment, Note, Order, Outcome, OutcomeKind,
    UndoBy, Undoing,
};

impl State {
    /// The order is about to go out: what it may leave behind must be undone, whatever becomes of it.
    pub(super) fn open_lease(&mut self, order: &Arc<Order>, action: &Action, now: Moment) {
        let Some(undo) = &action.undo else { return };
        if let Some(lease) = self.leases.iter_mut().find(|lease| is_of(lease, order)) {
            if matches!(lease.undoing, Undoing::Failed { refused: false, .. }) {
                // It may be undone: what was acknowledged before says nothing any more.
                lease.answer = Answer::Doubtful;
            }
            lease.undoing = Undoing::No;
            lease.wanted = false;
            lease.free = None;
            lease.keep_for(order);
            return;
        }
        let mut lease = Lease {
            order: Arc::clone(order),
            undo: undo.clone(),
            taken: now,
            answer: Answer::Awaited,
            free: None,
            wanted: false,
            undoing: Undoing::No,
            orphaned: false,
            shouted: None,
        };
        lease.keep_for(order);
        self.leases.push(lease);
    }

    /// What an outcome of the measure says of its lease. Whether it is in force now.
    pub(super) fn settle_lease(&mut self, order: &Arc<Order>, outcome: &Outcome) -> bool {
        let undo = self.action_of(order).and_then(|action| action.undo.clone());
        let Some(at) = self.leases.iter().position(|lease| is_of(lease, order)) else { return false };
        let lease = &mut self.leases[at];
        let answer = match outcome.kind {
            OutcomeKind::Delivered => Answer::Delivered,
            OutcomeKind::Acknowledged => Answer::Acknowledged,
            OutcomeKind::Failed if !outcome.untouched => {
                // A later clear no does not say that an earlier try had no effect.
                lease.answer = lease.answer.max(Answer::Doubtful);
                return false;
            }
            OutcomeKind::Failed
            | OutcomeKind::Held
            | OutcomeKind::Vetoed
            | OutcomeKind::Lapsed
            | OutcomeKind::Gone
            | OutcomeKind::DryRun => {
                if lease.order.id == order.id && lease.answer == Answer::Awaited {
                    self.leases.swap_remove(at);
                }
                return false;
            }
        };
        lease.order = Arc::clone(order);
        let kept = lease.undo.by == UndoBy::Operator;
        lease.undo = undo.unwrap_or_else(|| lease.undo.clone());
        if kept {
            lease.undo.by = UndoBy::Operator;
        }
        lease.taken = outcome.at;
        lease.answer = answer;
        lease.orphaned = false;
        true
    }

    /// Follows who needs each measure, and undoes what nobody needs any more.
    pub(super) fn tend_leases(&mut self, pass: &mut Pass<'_>) {
        for at in 0..self.leases.len() {
            self.follow(at, pass.now);
        }
        for at in 0..self.leases.len() {
            self.undo_if_due(at, pass);
        }
    }

    fn follow(&mut self, at: usize, now: Moment) {
        let order = Arc::clone(&self.leases[at].order);
        let looked_everywhere = self.remembered.is_none();
        let target = self.target_named(&order.target);
        // What was set aside may hold its target, and comes back when that is corrected.
        let set_aside = target.is_none() && !self.config.set_aside.is_empty();
        let wanted = (self.action_of(&order).is_none() && !(set_aside && order.scope == ActionScope::Target))
            || is_past_deadline(&self.leases[at], now)
            || (looked_everywhere
                && order.scope == ActionScope::Process
                && target.is_none_or(|target| self.member_of(target, order.identity).is_none()));
        if wanted {
            self.want_undone(at, now);
        }
        let nobody = target
            .is_none_or(|target| self.served(MemberKey { target, slot: 0 }, ActionScope::Target).next().is_none());
        let needed = self.is_needed_by_rung(at);
        let lease = &mut self.leases[at];
        lease.orphaned |= looked_everywhere && nobody && order.scope == ActionScope::Target;
        if needed {
            lease.free = None;
        } else {
            lease.free.get_or_insert(now);
        }
    }

    /// It is to be undone now. The rungs that stand on it count as done until their level was left.
    pub(super) fn want_undone(&mut self, at: usize, now: Moment) {
        if std::mem::replace(&mut self.leases[at].wanted, true) {
            return;
        }
        self.changed = true;
        let mut dropped = Vec::new();
        for rung in self.rungs_of(at) {
            let retried = rung.state == RungState::Due && rung.retrying;
            if retried || matches!(rung.state, RungState::InForce | RungState::Failed { .. } | RungState::GaveUp(_)) {
                rung.state = RungState::Done { at: now, dry: false };
                dropped.extend(rung.give_up_order());
            }
        }
        self.dropped.extend(dropped);
    }

    /// Whether a rung stands on it: a ladder whose level holds, of a process that it reached.
    pub(super) fn is_needed_by_rung(&self, at: usize) -> bool {
        let Some(lease) = self.leases.get(at) else { return false };
        let Some((key, action)) = self.seat_of(&lease.order) else { return false };
        let stands = |rung: &Rung| match rung.state {
            RungState::InForce => true,
            RungState::InFlight(order) => self.in_flight.get(&order).is_some_and(|flight| !flight.order.undo),
            // A try may have had its effect; the level holds while the next one is due or held.
            RungState::Due | RungState::Failed { .. } | RungState::GaveUp(_) => lease.answer == Answer::Doubtful,
            // An entry of the host's ladder that was passed over is tried again in the next round.
            RungState::Idle => rung.order.is_some() && lease.answer == Answer::Doubtful,
            RungState::Done { .. } | RungState::Vetoed { .. } => false,
        };
        let served = self.served(key, lease.order.scope);
        let mut rungs = served.filter(|(_, member)| reaches(&lease.order, member.identity));
        rungs.any(|(_, member)| member.rungs.iter().any(|rung| rung.action == action && stands(rung)))
    }

    /// Whether a rung waits to take the measure anew.
    pub(super) fn is_due_again(&self, at: usize) -> bool {
        let seat = self.leases.get(at).and_then(|lease| Some((lease, self.seat_of(&lease.order)?)));
        let Some((lease, (key, action))) = seat else { return false };
        let mut served = self.served(key, lease.order.scope);
        served.any(|(_, member)| {
            let due = |rung: &Rung| rung.action == action && rung.state == RungState::Due;
            reaches(&lease.order, member.identity) && member.rungs.iter().any(due)
        })
    }

    fn rungs_of(&mut self, at: usize) -> impl Iterator<Item = &mut Rung> {
        let order = self.leases.get(at).map(|lease| Arc::clone(&lease.order));
        let seat = order.as_ref().and_then(|order| self.seat_of(order));
        let members = self.members.iter_mut().filter(move |(key, member)| {
            let ours = order.as_ref().is_some_and(|order| reaches(order, member.identity));
            ours && seat.is_some_and(|(seat, _)| seat.target == key.target)
        });
        let rungs = members.flat_map(|(_, member)| &mut member.rungs);
        rungs.filter(move |rung| seat.is_some_and(|(_, action)| rung.action == action))
    }

    /// The seat and action that an order is about, under the configuration of now.
    pub(super) fn seat_of(&self, order: &Order) -> Option<(MemberKey, usize)> {
        let target = self.target_named(&order.target)?;
        let actions = &self.config.targets.get(usize::from(target))?.actions;
        let action = actions.iter().position(|action| action.name == order.action)?;
        let slot = match order.scope {
            ActionScope::Process => self.member_of(target, order.identity).map_or(order.member.slot, |key| key.slot),
            ActionScope::Target => order.member.slot,
        };
        Some((MemberKey { target, slot }, action))
    }

    /// The action that an order is about, if the configuration still has it.
    pub(super) fn action_of(&self, order: &Order) -> Option<&Action> {
        let target = self.config.targets.iter().find(|target| target.name == order.target)?;
        target.actions.iter().find(|action| action.name == order.action)
    }

    /// What of ours stops that process.
    pub(super) fn frozen_by(&self, key: MemberKey) -> Option<FreezeBy> {
        let identity = self.members.get(&key)?.identity;
        self.leases.iter().filter(|lease| lease.order.identity == identity).find_map(|lease| match lease.undo.measure {
            Measure::Thaw { by } => Some(by),
            Measure::Signal { .. }
            | Measure::Kill { .. }
            | Measure::Freeze { .. }
            | Measure::Http(_)
            | Measure::Command(_) => None,
        })
    }

    /// A kill has let the process run again: it is frozen no more.
    pub(super) fn forget_thawed(&mut self, kill: &Order) {
        if kill.thaw.is_some() {
            let ours = |lease: &Lease| lease.order.identity == kill.identity && is_freeze(lease);
            let thawed: Vec<usize> = (0..self.leases.len()).filter(|at| ours(&self.leases[*at])).rev().collect();
            for at in thawed {
                self.want_undone(at, kill.decided);
                self.leases.swap_remove(at);
            }
        }
    }

    /// Nobody undid it, but it is in force no more.
    pub(super) fn end_lease(&mut self, at: usize, pass: &mut Pass<'_>) {
        let lease = self.leases.swap_remove(at);
        pass.tell(Note::LeaseEnded { order: lease.order });
    }
}

impl Lease {
    /// What an operator took ends only when he says so.
    fn keep_for(&mut self, order: &Order) {
        if order.by.is_some() {
            self.undo.by = UndoBy::Operator;
        }
    }
}

/// Whether the lease is of the measure that the order takes.
pub(super) fn is_of(lease: &Lease, order: &Order) -> bool {
    lease.order.target == order.target
        && lease.order.action == order.action
        && lease.order.scope == order.scope
        && (order.scope == ActionScope::Target || lease.order.identity == order.identity)
}

fn reaches(order: &Order, identity: Identity) -> bool {
    order.scope == ActionScope::Target || order.identity == identity
}

pub(super) const fn is_freeze(lease: &Lease) -> bool {
    matches!(lease.undo.measure, Measure::Thaw { .. })
}

fn is_past_deadline(lease: &Lease, now: Moment) -> bool {
    match lease.order.measure {
        Measure::Freeze { deadline, .. } => now >= lease.taken + deadline,
        Measure::Signal { .. }
        | Measure::Kill { .. }
        | Measure::Thaw { .. }
        | Measure::Http(_)
        | Measure::Command(_) => false,
    }
}
