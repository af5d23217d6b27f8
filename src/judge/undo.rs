//! Taking measures back: when, how often, and until it has worked.

use std::sync::Arc;
use std::time::Duration;

use super::leases::is_freeze;
use super::orders::REMINDER;
use super::rung::Rung;
use super::{Flight, Pass, State};
use crate::model::{
    ActionScope, Cycle, Identity, Lease, MemberKey, Moment, Note, Order, OrderId, Outcome, OutcomeKind, UndoBy, Undoing,
};

/// Cycles of the longest span that a configuration may name are remembered, and no more than this.
const MOST_CYCLES: usize = 10_000;

impl State {
    /// Orders the undo of a measure that nobody needs any more, or that somebody wants undone.
    pub(super) fn undo_if_due(&mut self, at: usize, pass: &mut Pass<'_>) {
        let Some(lease) = self.leases.get(at) else { return };
        let due = match lease.undoing {
            Undoing::InFlight(_) => false,
            // A level that was entered again ends the retries: the measure is wanted.
            Undoing::Failed { retry, .. } => pass.now >= retry && (lease.wanted || !self.is_due_again(at)),
            Undoing::No => lease.wanted || self.is_free(lease, pass.now),
        };
        if !due || self.must_wait(lease, pass.now) {
            return;
        }
        if matches!(lease.undoing, Undoing::No)
            && !lease.wanted
            && let Some(opens) = self.cycles_spent(lease, pass.now)
        {
            self.shout(at, opens, pass);
            return;
        }
        self.undo(at, pass);
    }

    /// Orders the undo of every freeze.
    pub(super) fn undo_freezes(&mut self, pass: &mut Pass<'_>) {
        for at in 0..self.leases.len() {
            if is_freeze(&self.leases[at]) {
                self.undo_if_due(at, pass);
            }
        }
    }

    /// Whether nobody has needed it for long enough.
    fn is_free(&self, lease: &Lease, now: Moment) -> bool {
        let since = lease.free.filter(|_| lease.undo.by == UndoBy::Daemon && !lease.orphaned);
        since.is_some_and(|since| now >= since + lease.undo.after) && self.somebody_is_up(lease, now)
    }

    /// Whether one of those who feel it has started up: what is undone for the whole target is undone
    /// by whoever is there now.
    fn somebody_is_up(&self, lease: &Lease, now: Moment) -> bool {
        let Some(target) = self.target_named(&lease.order.target) else { return true };
        let grace = self.config.targets.get(usize::from(target)).map(|target| target.startup_grace).unwrap_or_default();
        let mut served = self.served(MemberKey { target, slot: 0 }, ActionScope::Target);
        lease.order.scope == ActionScope::Process || served.any(|(_, member)| now >= member.started + grace)
    }

    /// Whether something else must have its outcome first, or its endpoint is left alone. A thaw
    /// waits for nothing.
    fn must_wait(&self, lease: &Lease, now: Moment) -> bool {
        if is_freeze(lease) {
            return false;
        }
        // Before everybody was found, it cannot be said whether somebody still needs it.
        let blind = self.remembered.is_some();
        let conflicts = |order: &Order| match lease.order.scope {
            ActionScope::Process => order.identity == lease.order.identity,
            ActionScope::Target => order.scope == ActionScope::Target && order.target == lease.order.target,
        };
        blind
            || self.in_flight.values().any(|flight| conflicts(&flight.order))
            || self.breakers.opens(&lease.undo.measure, now).is_some()
    }

    /// Whether it was taken and undone too often; the inner none: it is not known when that is over.
    pub(super) fn cycles_spent(&self, lease: &Lease, now: Moment) -> Option<Option<Moment>> {
        let most = self.action_of(&lease.order)?.max_cycles;
        let cycles = self.cycles.iter().filter(|cycle| is_cycle_of(cycle, lease) && now.since(cycle.at) < most.per);
        let times: Vec<Moment> = cycles.map(|cycle| cycle.at).collect();
        let surplus = times.len().checked_sub(usize::try_from(most.max).unwrap_or(usize::MAX))?;
        Some(times.get(surplus).map(|at| *at + most.per))
    }

    fn shout(&mut self, at: usize, opens: Option<Moment>, pass: &mut Pass<'_>) {
        let Some(lease) = self.leases.get_mut(at) else { return };
        if lease.shouted.is_none_or(|said| pass.now.since(said) >= REMINDER) {
            lease.shouted = Some(pass.now);
            pass.tell(Note::StaysInForce { order: Arc::clone(&lease.order), opens });
        }
    }

    fn undo(&mut self, at: usize, pass: &mut Pass<'_>) {
        let member = self.stand_in(at);
        let Some(lease) = self.leases.get_mut(at) else { return };
        let (id, attempt) = match lease.undoing {
            Undoing::Failed { order, attempts, .. } => (order, attempts + 1),
            Undoing::No | Undoing::InFlight(_) => (self.next_order, 1),
        };
        if id == self.next_order {
            self.next_order = OrderId(id.0 + 1);
        }
        let taken = &lease.order;
        let (member, identity) = member.unwrap_or((taken.member, taken.identity));
        let order = Arc::new(Order {
            id,
            member,
            identity,
            undo: true,
            measure: lease.undo.measure.clone(),
            thaw: None,
            decided: pass.now,
            attempt,
            ..Order::clone(taken)
        });
        lease.undoing = Undoing::InFlight(id);
        if attempt == 1 {
            pass.tell(Note::Ordered(Arc::clone(&order)));
        }
        self.in_flight.insert(id, Flight { order: Arc::clone(&order), of: None, sent: pass.now });
        pass.verdicts.orders.push(order);
    }

    /// For a measure of the whole target whose first process is no more: the one that is there now.
    fn stand_in(&self, at: usize) -> Option<(MemberKey, Identity)> {
        let order = &self.leases.get(at)?.order;
        let target = self.target_named(&order.target)?;
        if let Some(key) = self.member_of(target, order.identity) {
            return Some((key, order.identity));
        }
        if order.scope == ActionScope::Process {
            return None;
        }
        let mut there = self.served(MemberKey { target, slot: 0 }, ActionScope::Target);
        there.next().map(|(key, member)| (key, member.identity))
    }

    /// What became of an undo.
    pub(super) fn take_undone(&mut self, order: &Arc<Order>, outcome: &Outcome, pass: &mut Pass<'_>) {
        self.breakers.count(&order.measure, outcome);
        let Some(at) = self.leases.iter().position(|lease| lease.undoing == Undoing::InFlight(order.id)) else {
            return;
        };
        let (order, reason, detail) = (Arc::clone(order), outcome.reason, outcome.detail.clone());
        match outcome.kind {
            OutcomeKind::Delivered | OutcomeKind::Acknowledged => {
                let lease = self.leases.swap_remove(at);
                if !lease.wanted {
                    self.count_cycle(&lease, outcome.at);
                }
                pass.tell(Note::Ended { order, kind: outcome.kind, reason, detail });
            }
            OutcomeKind::Gone => self.end_lease(at, pass),
            OutcomeKind::Failed
            | OutcomeKind::Held
            | OutcomeKind::Vetoed
            | OutcomeKind::Lapsed
            | OutcomeKind::DryRun => {
                let attempts = order.attempt;
                let retry = outcome.at + Rung::backoff(attempts);
                let refused = outcome.untouched && outcome.kind == OutcomeKind::Failed;
                self.leases[at].undoing = Undoing::Failed { order: order.id, attempts, retry, refused };
                pass.tell(Note::Retrying { order, reason, detail, at: retry });
            }
        }
    }

    fn count_cycle(&mut self, lease: &Lease, at: Moment) {
        let (target, action) = (Arc::clone(&lease.order.target), Arc::clone(&lease.order.action));
        self.cycles.push(Cycle { target, action, slot: lease.process(), at });
        let longest = self.config.targets.iter().flat_map(|target| &target.actions).map(|action| action.max_cycles.per);
        let longest = longest.max().unwrap_or(Duration::ZERO);
        self.cycles.retain(|cycle| at.since(cycle.at) < longest);
        let surplus = self.cycles.len().saturating_sub(MOST_CYCLES);
        self.cycles.drain(..surplus);
    }

    /// The operator wants measures undone: that of one action of a target, all of a target, or all.
    /// Returns what will be, as it was ordered.
    pub fn want_undo(&mut self, target: Option<&str>, action: Option<&str>, now: Moment) -> Vec<Arc<Order>> {
        let wanted = |lease: &Lease| {
            target.is_none_or(|name| *lease.order.target == *name)
                && action.is_none_or(|name| *lease.order.action == *name)
        };
        self.want(wanted, now)
    }

    /// Everybody who was frozen is to run again: the daemon stops, or the operator says so.
    pub fn want_thaw(&mut self, now: Moment) -> Vec<Arc<Order>> {
        self.want(is_freeze, now)
    }

    fn want(&mut self, wanted: impl Fn(&Lease) -> bool, now: Moment) -> Vec<Arc<Order>> {
        let ours: Vec<usize> = (0..self.leases.len()).filter(|at| wanted(&self.leases[*at])).collect();
        for &at in &ours {
            self.want_undone(at, now);
            // Whoever asks does not want to wait for a backoff.
            if let Undoing::Failed { retry, .. } = &mut self.leases[at].undoing {
                *retry = now;
            }
        }
        ours.into_iter().map(|at| Arc::clone(&self.leases[at].order)).collect()
    }
}

fn is_cycle_of(cycle: &Cycle, lease: &Lease) -> bool {
    cycle.target == lease.order.target && cycle.action == lease.order.action && cycle.slot == lease.process()
}
