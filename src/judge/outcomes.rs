//! What an outcome does to the rungs that wait for it.

use std::sync::Arc;

use super::leases::is_of;
use super::rung::{Hold, Of, Rung, RungState};
use super::{Pass, State};
use crate::model::{ActionScope, Event, Judged, MemberKey, Moment, Note, Order, OrderId, Outcome, OutcomeKind, Reason};

/// What an order has left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// A measure in force: its lease tells the rest.
    InForce,
    /// A lease that the operator wants undone already.
    Unwanted,
}

/// An outcome that is taken in.
pub(super) struct Taking<'a> {
    pub(super) order: &'a Arc<Order>,
    pub(super) outcome: &'a Outcome,
    pub(super) left: Left,
    /// The window in which its effect is measured.
    pub(super) window: Option<OrderId>,
    /// Whether one of its rungs has told it.
    told: bool,
}

impl Taking<'_> {
    /// What its rungs remember of it until its effect is known.
    pub(super) fn judged(&self) -> Option<Judged> {
        Some(Judged { window: self.window?, order: Arc::clone(self.order), at: self.outcome.at })
    }
}

impl State {
    /// Takes in one outcome: the order ends, waits for a retry, or is due again behind a brake.
    pub(super) fn take_outcome(&mut self, outcome: &Outcome, pass: &mut Pass<'_>) {
        let Some(flight) = self.in_flight.remove(&outcome.order) else { return };
        self.note_incident(&flight, outcome.kind);
        let order = flight.order;
        if order.undo {
            self.take_undone(&order, outcome, pass);
            return;
        }
        self.breakers.count(&order.measure, outcome);
        let unwanted = self.leases.iter().any(|lease| lease.wanted && is_of(lease, &order));
        let left = match self.settle_lease(&order, outcome) {
            _ if unwanted => Left::Unwanted,
            true => Left::InForce,
            false => Left::Nothing,
        };
        if order.measure.is_kill() {
            self.take_killed(&order, outcome);
        }
        if is_delivery(outcome.kind) || outcome.kind == OutcomeKind::Gone {
            let patience = self.action_of(&order).map(|action| action.patience).unwrap_or_default();
            if matches!(flight.of, Some(Of::Host(_))) {
                self.host_delivered(patience, outcome.at);
            }
        }
        self.note_delivery(&order, outcome);
        self.note_victim(&order, outcome);
        let reached = matches!(outcome.kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged);
        let window = if reached { self.open_window(&order, flight.of, outcome.at) } else { None };
        let mut taking = Taking { order: &order, outcome, left, window, told: false };
        for seat in self.waiting_for(&order) {
            self.step_rung(seat, &mut taking, pass);
        }
        let again = self.take_unseated(&taking);
        if !taking.told {
            let (kind, reason, detail) = (outcome.kind, outcome.reason, outcome.detail.clone());
            pass.tell(match again {
                Some(at) => Note::Retrying { order, reason, detail, at },
                None => Note::Ended { order, kind, reason, detail },
            });
        }
    }

    /// A kill that did not happen is not counted; one that did has thawed its process and leaves a
    /// successor to be expected.
    fn take_killed(&mut self, order: &Arc<Order>, outcome: &Outcome) {
        match outcome.kind {
            OutcomeKind::Vetoed | OutcomeKind::Held | OutcomeKind::DryRun => self.take_back_kill(order),
            OutcomeKind::Gone => {
                self.forget_thawed(order);
                let target = self.target_named(&order.target);
                if let Some((target, action)) = target.zip(self.action_of(order).cloned()) {
                    self.expect_successor(target, &action, outcome.at);
                }
            }
            // Where nothing was sent, the process is as frozen as before.
            OutcomeKind::Failed if outcome.untouched => self.take_back_kill(order),
            OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::Failed | OutcomeKind::Lapsed => {
                self.forget_thawed(order);
            }
        }
    }

    /// From now on its cooldown runs.
    fn note_delivery(&mut self, order: &Order, outcome: &Outcome) {
        let doubtful = outcome.kind == OutcomeKind::Failed && !outcome.untouched;
        let felt = is_delivery(outcome.kind) || doubtful;
        let Some((key, action)) = self.seat_of(order).filter(|_| felt) else { return };
        if order.scope == ActionScope::Target {
            self.delivered.insert((key.target, action), outcome.at);
        }
        for (_, member) in self.members.range_mut(MemberKey { target: key.target, slot: 0 }..) {
            if member.identity == order.identity
                && let Some(slot) = member.delivered.get_mut(action)
            {
                *slot = Some(outcome.at);
                return;
            }
        }
    }

    /// A group waits before it freezes or kills the next one.
    fn note_victim(&mut self, order: &Order, outcome: &Outcome) {
        let happened = is_delivery(outcome.kind) || outcome.kind == OutcomeKind::Gone;
        let target = self.target_named(&order.target).filter(|_| happened && super::group::takes_one(&order.measure));
        if let Some(group) = target.and_then(|target| self.groups.get_mut(&target)) {
            group.last_victim = Some(outcome.at);
        }
    }

    /// The rungs that wait for this order, those first whose level still holds: what is tried again has
    /// not ended.
    fn waiting_for(&self, order: &Order) -> Vec<(MemberKey, usize)> {
        let host = self.host.level();
        let rungs = self.members.iter().flat_map(|(key, member)| {
            let waiting =
                member.rungs.iter().enumerate().filter(|(_, rung)| rung.state == RungState::InFlight(order.id));
            waiting.map(move |(index, rung)| (member.level_of(rung.of, host) < rung.level, *key, index))
        });
        let mut rungs: Vec<_> = rungs.collect();
        rungs.sort_by_key(|(left, ..)| *left);
        rungs.into_iter().map(|(_, key, index)| (key, index)).collect()
    }

    /// Steps one of the rungs that waited; the first one tells it.
    fn step_rung(&mut self, (key, index): (MemberKey, usize), taking: &mut Taking<'_>, pass: &mut Pass<'_>) {
        let host = self.host.level();
        let again = self.tries_again((key, index), taking);
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(of) = member.rungs.get(index).map(|rung| rung.of) else { return };
        let (theirs, level) = (member.identity != taking.order.identity, member.level_of(of, host));
        let Some(rung) = member.rungs.get_mut(index) else { return };
        if theirs && matches!(taking.outcome.kind, OutcomeKind::Gone | OutcomeKind::Vetoed | OutcomeKind::Lapsed) {
            // That was about the other process, and nothing was delivered: an order of its own is due.
            rung.make_due();
        } else {
            let note = rung.take(taking, again);
            rung.judged = taking.judged().or_else(|| rung.judged.take());
            if !std::mem::replace(&mut taking.told, true) {
                pass.verdicts.events.extend(note.map(|note| Event { at: taking.outcome.at, note }));
                if matches!(rung.state, RungState::GaveUp(_)) && level >= rung.level {
                    pass.tell(Note::GaveUp { order: Arc::clone(taking.order), reason: taking.outcome.reason });
                }
            }
        }
        // An outcome that comes after the level was left ends the rung all the same.
        if level < rung.level {
            rung.lapse(pass);
        }
    }

    /// When the rung is tried again should its order have failed; none after the last try.
    fn tries_again(&self, (key, index): (MemberKey, usize), taking: &Taking<'_>) -> Option<Moment> {
        let member = self.members.get(&key)?;
        let rung = member.rungs.get(index)?;
        let attempts = rung.attempts + 1;
        let most = self.action_of(taking.order).map_or(1, |action| action.max_attempts);
        // What found no place was not tried.
        let more = attempts < most || taking.outcome.reason == Reason::QueueFull;
        let wanted = member.level_of(rung.of, self.host.level()) >= rung.level && taking.left != Left::Unwanted;
        (more && wanted).then(|| self.retry_at((key, rung.action), attempts, taking.outcome.at))
    }

    fn take_back_kill(&mut self, order: &Order) {
        self.daemon_kills.take_back(order.id);
        for kills in self.target_kills.iter_mut().chain(self.seat_kills.values_mut()) {
            kills.take_back(order.id);
        }
    }
}

const fn is_delivery(kind: OutcomeKind) -> bool {
    matches!(kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::DryRun)
}

impl Rung {
    /// Steps on the outcome of its order; returns what is worth telling. `again`: when it is tried
    /// again should it have failed; none after the last try.
    fn take(&mut self, taking: &Taking<'_>, again: Option<Moment>) -> Option<Note> {
        let Outcome { kind, reason, at, ref detail, .. } = *taking.outcome;
        let order = Arc::clone(taking.order);
        let ended = Note::Ended { order: Arc::clone(&order), kind, reason, detail: detail.clone() };
        let done = RungState::Done { at, dry: kind == OutcomeKind::DryRun };
        match (kind, again) {
            (OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::DryRun, _) => {
                self.acknowledged = kind != OutcomeKind::Delivered;
                self.decided = Some(order.decided);
                self.finish(if taking.left == Left::InForce { RungState::InForce } else { done });
                Some(ended)
            }
            (OutcomeKind::Gone, _) => {
                // Asked again after a veto, which was its end already. Only a kill is done by it.
                let news = self.veto.is_none();
                let killed = order.measure.is_kill();
                self.finish(if killed { done } else { RungState::Idle });
                news.then_some(ended)
            }
            (OutcomeKind::Lapsed, _) => {
                self.finish(RungState::Idle);
                Some(ended)
            }
            (OutcomeKind::Vetoed, _) => {
                self.finish(RungState::Vetoed { at });
                (self.veto.replace(reason) != Some(reason)).then_some(ended)
            }
            (OutcomeKind::Held, _) => self.hold_back(order, reason, at),
            (OutcomeKind::Failed, Some(retry)) => {
                self.attempts += u32::from(reason != Reason::QueueFull);
                self.retrying = true;
                self.state = RungState::Failed { retry, reason };
                Some(Note::Retrying { order, reason, detail: detail.clone(), at: retry })
            }
            (OutcomeKind::Failed, None) => {
                self.attempts += 1;
                // The operator has undone it before it was known to be there: that counts as done.
                self.finish(if taking.left == Left::Unwanted { done } else { RungState::GaveUp(reason) });
                Some(ended)
            }
        }
    }

    /// A brake closed at the last moment: a fresh reading did not confirm, or nothing can be remembered.
    fn hold_back(&mut self, order: Arc<Order>, reason: Reason, at: Moment) -> Option<Note> {
        self.state = RungState::Due;
        self.refused = Some((at, reason));
        self.reminded.get_or_insert(at);
        self.hold = Some(Hold { reason, opens: None });
        let news = !self.told.contains(&reason);
        self.told.extend(news.then_some(reason));
        news.then_some(Note::Held { order, reason, opens: None })
    }

    /// The order is over; after a veto it is kept, for it is asked again on the next reading.
    fn finish(&mut self, state: RungState) {
        self.state = state;
        self.hold = None;
        if !matches!(state, RungState::Vetoed { .. }) {
            self.order = None;
            self.veto = None;
            self.refused = None;
            self.retrying = false;
        }
    }
}
