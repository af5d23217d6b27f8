//! Rungs whose time has come again: `repeat`, a retry, a veto with a newer reading.

use super::State;
use super::effect::is_spent;
use super::rung::RungState;
use crate::config::Target;
use crate::model::{MemberKey, Moment};

impl State {
    /// Makes them due.
    pub(super) fn revive(&mut self, key: MemberKey, target: &Target, now: Moment) {
        let rungs = self.members.get(&key).map_or(0, |member| member.rungs.len());
        for index in 0..rungs {
            let again = self.comes_again((key, index), target, now);
            let rung = self.members.get_mut(&key).and_then(|member| member.rungs.get_mut(index));
            if let Some(rung) = rung.filter(|_| again) {
                if matches!(rung.state, RungState::Done { .. }) {
                    rung.make_due();
                }
                rung.state = RungState::Due;
            }
        }
    }

    fn comes_again(&self, (key, index): (MemberKey, usize), target: &Target, now: Moment) -> bool {
        let Some(rung) = self.members.get(&key).and_then(|member| member.rungs.get(index)) else { return false };
        match rung.state {
            RungState::Done { at, .. } => {
                // What could be undone and is done was undone by the operator.
                let action = target.actions.get(rung.action).filter(|action| action.undo.is_none());
                let repeat = action.and_then(|action| action.repeat);
                let spent = action.is_some_and(|action| is_spent(rung.ineffective, action));
                repeat.is_some_and(|repeat| now >= at + repeat)
                    && !spent
                    && !rung.of.is_apart()
                    && self.grounds(key, rung.of, rung.level).is_some_and(|grounds| grounds.known)
            }
            RungState::Failed { retry, .. } => now >= retry,
            RungState::Vetoed { at } => {
                let grounds = self.grounds(key, rung.of, rung.level);
                grounds.is_some_and(|grounds| grounds.known && grounds.read > at)
            }
            RungState::Idle | RungState::Due | RungState::InFlight(_) | RungState::InForce | RungState::GaveUp(_) => {
                false
            }
        }
    }
}
