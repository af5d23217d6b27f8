//! Judge and executor in turn: what is ordered is asked about once more, remembered, delivered.

use std::sync::Arc;

use super::Watch;
use crate::config::Per;
use crate::judge::judge;
use crate::model::{Metric, Moment, Order, Outcome, OutcomeKind, Reason, Scope};

/// Judge and executor answer each other within one tick; what is left then goes on in the next.
const MOST_ROUNDS: usize = 32;

impl Watch {
    /// Until every order has its outcome or is under way. What has passed the last questions is
    /// delivered only when no question is open, so that the intents on disk are those that go out.
    pub(super) fn judge_and_act(&mut self, now: Moment) {
        self.reserve.refill();
        if self.executor.next_deadline(now).is_some_and(|due| due <= now) {
            self.reserve.lend();
        }
        self.executor.advance(now, &mut self.outcomes);
        let (mut ready, mut under_way) = (self.kills_that_go_on(now), false);
        for _ in 0..MOST_ROUNDS {
            let verdicts = judge(&mut self.state, self.sampler.latest(), &self.outcomes, now);
            let told = self.events.len()..self.events.len() + verdicts.events.len();
            self.events.extend(verdicts.events);
            self.outcomes.clear();
            if !verdicts.orders.is_empty() {
                self.reserve.lend();
            }
            for order in verdicts.orders {
                match self.question(&order, now) {
                    Ok(()) if self.waits_for_evidence(&order, now) => {}
                    Ok(()) => ready.push(order),
                    Err(outcome) => self.outcomes.push(outcome),
                }
            }
            self.look_at_criticals(told, now);
            if self.outcomes.is_empty() {
                under_way |= self.deliver(&mut ready, now);
            }
            if self.outcomes.is_empty() {
                break;
            }
        }
        under_way |= self.deliver(&mut ready, now);
        // What goes on beside the loop has the reserve until the next tick.
        if !under_way {
            self.reserve.refill();
        }
        if self.all_found {
            self.state.all_found();
        }
    }

    /// The kills whose evidence is there, or whose time to wait is over, and that pass the last questions anew.
    pub(super) fn kills_that_go_on(&mut self, now: Moment) -> Vec<Arc<Order>> {
        let mut ready = Vec::new();
        for order in self.take_evidence(now) {
            self.reserve.lend();
            match self.question(&order, now) {
                Ok(()) => ready.push(order),
                Err(outcome) => self.outcomes.push(outcome),
            }
        }
        ready
    }

    /// The last questions before an order goes out: the causing reading of a kill, then the vetoes.
    fn question(&mut self, order: &Arc<Order>, now: Moment) -> Result<(), Outcome> {
        // What an operator wants no reading causes, so that none can confirm it.
        if order.measure.is_kill() && order.by.is_none() {
            self.confirm(order, now).map_err(|reason| held(order, reason, now))?;
        }
        self.executor.admit(order, &self.roster, now)
    }

    /// The intent first, then the deed: at most once, whenever the daemon may end. Whether some of it is now
    /// under way.
    pub(super) fn deliver(&mut self, ready: &mut Vec<Arc<Order>>, now: Moment) -> bool {
        if ready.is_empty() {
            return false;
        }
        let mut under_way = false;
        let remembered = self.remember(now);
        for order in ready.drain(..) {
            let dangerous = order.measure.is_kill() || order.measure.is_freeze();
            let outcome = if dangerous && !remembered {
                Some(held(&order, Reason::StateUnwritable, now))
            } else {
                self.executor.deliver(&order, &self.roster, now)
            };
            under_way |= outcome.is_none();
            self.outcomes.extend(outcome);
        }
        under_way
    }

    /// Before a kill the causing metric is read once more: of the process, of its group, of the host.
    fn confirm(&mut self, order: &Order, now: Moment) -> Result<(), Reason> {
        let metric = order.cause.as_ref().ok_or(Reason::Unconfirmed)?.metric.with(None);
        let index = |metrics: &[Metric]| metrics.iter().position(|other| *other == metric);
        let target = self.config.targets.get(usize::from(order.member.target)).ok_or(Reason::Unknown)?;
        let fresh = if metric.info().scope == Scope::Host {
            self.sampler.fresh_host(index(&self.config.host.metrics).ok_or(Reason::Unknown)?, now)
        } else {
            let metric = index(&target.metrics).ok_or(Reason::Unknown)?;
            if target.per == Per::Group {
                let members = self.roster.members().iter().filter(|member| member.key.target == order.member.target);
                self.sampler.fresh_group(&members.collect::<Vec<_>>(), metric, now)
            } else {
                let member = self.roster.get(order.member);
                let same = member.filter(|member| member.process.identity() == order.identity);
                self.sampler.fresh(same.ok_or(Reason::Unknown)?, metric, now)
            }
        };
        self.state.confirm(order, &fresh)
    }
}

const fn held(order: &Order, reason: Reason, at: Moment) -> Outcome {
    Outcome {
        order: order.id,
        member: order.member,
        kind: OutcomeKind::Held,
        reason,
        at,
        untouched: true,
        detail: None,
    }
}
