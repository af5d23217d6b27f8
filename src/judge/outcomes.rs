//! What an outcome does to the rungs that wait for it.

use std::sync::Arc;

use super::rung::{Hold, Rung, RungState};
use super::{Pass, State};
use crate::config::Target;
use crate::model::{Event, Level, Note, Order, Outcome, OutcomeKind, Reason};

impl State {
    /// Takes in one outcome: the order ends, waits for a retry, or is due again behind a brake.
    pub(super) fn take_outcome(&mut self, outcome: &Outcome, pass: &mut Pass<'_>) {
        let Some(order) = self.in_flight.remove(&outcome.order) else { return };
        let happened = !matches!(outcome.kind, OutcomeKind::Vetoed | OutcomeKind::Held | OutcomeKind::DryRun);
        if order.measure.is_kill() && !happened {
            self.take_back_kill(&order);
        }
        let config = Arc::clone(&self.config);
        let target = config.targets.get(usize::from(order.member.target));
        let member = self.members.get_mut(&order.member).filter(|member| member.identity == order.identity);
        let (Some(target), Some(member)) = (target, member) else {
            pass.tell(Note::Ended {
                order,
                kind: outcome.kind,
                reason: outcome.reason,
                detail: outcome.detail.clone(),
            });
            return;
        };
        let mut told = false;
        for index in 0..member.rungs.len() {
            if member.rungs[index].state != RungState::InFlight(outcome.order) {
                continue;
            }
            let level = member.ladders[member.rungs[index].ladder].level;
            let rung = &mut member.rungs[index];
            let note = rung.take(outcome, &order, target);
            if !std::mem::replace(&mut told, true) {
                pass.verdicts.events.extend(note.map(|note| Event { at: outcome.at, note }));
            }
            if matches!(outcome.kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::DryRun) {
                member.delivered[rung.action] = Some(outcome.at);
            }
            end_if_left(rung, level, pass);
            if matches!(outcome.kind, OutcomeKind::Failed) && matches!(rung.state, RungState::GaveUp(_)) {
                pass.tell(Note::GaveUp { order: Arc::clone(&order), reason: outcome.reason });
            }
        }
    }

    fn take_back_kill(&mut self, order: &Order) {
        self.daemon_kills.take_back(order.id);
        if let Some(kills) = self.target_kills.get_mut(usize::from(order.member.target)) {
            kills.take_back(order.id);
        }
        if let Some(kills) = self.seat_kills.get_mut(&order.member) {
            kills.take_back(order.id);
        }
    }
}

/// An outcome that comes after the level was left ends the rung all the same.
fn end_if_left(rung: &mut Rung, level: Level, pass: &mut Pass<'_>) {
    if level >= rung.level {
        return;
    }
    if let Some(order) = rung.end() {
        pass.tell(Note::Ended { order, kind: OutcomeKind::Lapsed, reason: Reason::LevelLeft, detail: None });
    }
}

impl Rung {
    /// Steps on the outcome of its order; returns what is worth telling.
    fn take(&mut self, outcome: &Outcome, order: &Arc<Order>, target: &Target) -> Option<Note> {
        let Outcome { kind, reason, at, ref detail, .. } = *outcome;
        let ended = Note::Ended { order: Arc::clone(order), kind, reason, detail: detail.clone() };
        match kind {
            OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::DryRun => {
                self.finish(RungState::Done(at));
                Some(ended)
            }
            OutcomeKind::Gone => {
                // Asked again after a veto, which was its end already.
                let news = self.veto.is_none();
                self.finish(RungState::Done(at));
                news.then_some(ended)
            }
            OutcomeKind::Lapsed => {
                self.finish(RungState::Idle);
                Some(ended)
            }
            OutcomeKind::Vetoed => {
                self.finish(RungState::Vetoed { at });
                (self.veto.replace(reason) != Some(reason)).then_some(ended)
            }
            OutcomeKind::Held => {
                self.state = RungState::Due;
                self.unconfirmed = Some(at);
                self.reminded.get_or_insert(at);
                self.hold = Some(Hold { reason, opens: None });
                let news = !self.told.contains(&reason);
                self.told.extend(news.then_some(reason));
                news.then(|| Note::Held { order: Arc::clone(order), reason, opens: None })
            }
            OutcomeKind::Failed => {
                self.attempts += 1;
                if self.attempts >= target.actions[self.action].max_attempts {
                    self.finish(RungState::GaveUp(reason));
                    return Some(ended);
                }
                let retry = Self::retry_at(self.attempts, at);
                self.state = RungState::Failed { retry, reason };
                Some(Note::Retrying { order: Arc::clone(order), reason, detail: detail.clone(), at: retry })
            }
        }
    }

    /// The order is over; after a veto it is kept, for it is asked again on the next reading.
    fn finish(&mut self, state: RungState) {
        self.state = state;
        self.hold = None;
        if !matches!(state, RungState::Vetoed { .. }) {
            self.order = None;
            self.veto = None;
            self.unconfirmed = None;
        }
    }
}
