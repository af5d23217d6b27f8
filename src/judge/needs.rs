//! The measure that a kill needs first, so that the process can be flat.

use super::join::has_reached;
use super::orders::{Turn, Turned};
use super::rung::{Hold, Of, RungState};
use super::{Pass, State};
use crate::config::{Needs, Otherwise};
use crate::model::{Answer, MemberKey, Moment, Reason, Undoing};

impl State {
    /// Nothing else holds the kill: lets what it needs go out and waits for the answer. None when the
    /// kill may go.
    pub(super) fn await_needed(&mut self, kill: &Turn<'_>, pass: &mut Pass<'_>) -> Option<Turned> {
        let needs = kill.action.needs?;
        if self.rung_mut(kill)?.of == (Of::Operator { needs: false }) {
            return None;
        }
        if self.is_acknowledged(kill, needs) {
            return None;
        }
        let over = *self.rung_mut(kill)?.needs_until.get_or_insert(pass.now + needs.within);
        let opens = (needs.otherwise == Otherwise::Kill).then_some(over);
        if pass.now >= over {
            if needs.otherwise == Otherwise::Kill {
                return None;
            }
            self.hold(kill, Hold { reason: Reason::Needs, opens }, pass);
            // It is held for good: the lower rungs go out.
            return Some(Turned::Away);
        }
        self.hold(kill, Hold { reason: Reason::Needs, opens }, pass);
        self.send_needed(kill, needs, pass);
        Some(Turned::Ordered)
    }

    /// The needed rung goes out although it is lower, and is retried soon.
    fn send_needed(&mut self, kill: &Turn<'_>, needs: Needs, pass: &mut Pass<'_>) {
        let rungs = self.members.get(&kill.key).map_or(0, |member| member.rungs.len());
        for index in 0..rungs {
            let Some(rung) = self.members.get_mut(&kill.key).and_then(|member| member.rungs.get_mut(index)) else {
                continue;
            };
            if rung.action != needs.action {
                continue;
            }
            rung.hurry(pass.now);
            if let Some(turn) = self.due((kill.key, index), kill.target, pass) {
                self.take_turn(&turn, pass);
            }
        }
    }

    /// Whether the needed measure is acknowledged for this process.
    pub(super) fn is_acknowledged(&self, kill: &Turn<'_>, needs: Needs) -> bool {
        let Some(needed) = kill.target.actions.get(needs.action) else { return false };
        let Some(member) = self.members.get(&kill.key) else { return false };
        if needed.undo.is_some() && !self.config.daemon.dry_run {
            let lease = self.lease_at(kill.key, needs.action);
            return lease.and_then(|at| self.leases.get(at)).is_some_and(|lease| {
                lease.answer == Answer::Acknowledged
                    && has_reached(&lease.order, member)
                    && lease.undoing == Undoing::No
                    && !lease.wanted
            });
        }
        let ours = member.rungs.iter().filter(|rung| rung.action == needs.action);
        ours.into_iter().any(|rung| rung.acknowledged && matches!(rung.state, RungState::Done { .. }))
    }

    /// Whether a kill waits for that action of the member.
    pub(super) fn is_needed(&self, key: MemberKey, action: usize) -> bool {
        let Some(target) = self.config.targets.get(usize::from(key.target)) else { return false };
        let Some(member) = self.members.get(&key) else { return false };
        member.rungs.iter().any(|rung| {
            let needs = target.actions.get(rung.action).and_then(|action| action.needs);
            rung.needs_until.is_some() && needs.is_some_and(|needs| needs.action == action)
        })
    }

    /// When a failed delivery is tried again.
    pub(super) fn retry_at(&self, (key, action): (MemberKey, usize), attempts: u32, now: Moment) -> Moment {
        let attempts = if self.is_needed(key, action) { 1 } else { attempts };
        now + super::rung::Rung::backoff(attempts)
    }
}
