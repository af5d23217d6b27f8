//! What is done whatever the level, at its time.

use std::sync::Arc;
use std::time::Duration;

use super::member::MemberState;
use super::rung::{Of, RungState};
use super::{Pass, State};
use crate::config::{Schedule, Target};
use crate::model::{ActionScope, MemberKey, Moment, Note, OutcomeKind};

impl State {
    /// Makes due whose time has come; what is left of the time before is dropped.
    pub(super) fn tend_schedules(&mut self, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        for (index, target) in config.targets.iter().enumerate().filter(|(_, target)| !target.schedule.is_empty()) {
            let Ok(index) = u16::try_from(index) else { continue };
            let seats = MemberKey { target: index, slot: 0 }..=MemberKey::all_of(index);
            let mut first = true;
            for (_, member) in self.members.range_mut(seats) {
                self.changed |= member.keep_schedule(target, std::mem::take(&mut first), pass);
            }
        }
    }
}

impl MemberState {
    /// `first`: whether it is the member that stands for all of the target. Whether something came due.
    fn keep_schedule(&mut self, target: &Target, first: bool, pass: &mut Pass<'_>) -> bool {
        let mut any = false;
        for (index, entry) in target.schedule.iter().enumerate() {
            let process = u64::from(self.identity.pid.get().unsigned_abs());
            let due = |next: Moment| pass.now >= next + jitter(entry, process, next);
            let Some(next) = self.schedule.get(index).copied().filter(|next| due(*next)) else { continue };
            self.schedule[index] = following(entry, next, pass.now);
            any = true;
            let stands = target.actions.get(entry.action).is_some_and(|what| what.scope == ActionScope::Target);
            let ours = |of: Of| of == Of::Schedule(index);
            let Some(rung) = self.rungs.iter_mut().find(|rung| ours(rung.of)).filter(|_| first || !stands) else {
                continue;
            };
            if matches!(rung.state, RungState::InFlight(_)) {
                continue;
            }
            let reason = rung.kept_back();
            if let Some(order) = rung.end() {
                pass.tell(Note::Ended { order, kind: OutcomeKind::Lapsed, reason, detail: None });
            }
            rung.make_due();
        }
        any
    }
}

/// The next time after `now` in steps of `every` from `last`.
fn following(entry: &Schedule, last: Moment, now: Moment) -> Moment {
    let every = entry.every.max(Duration::from_millis(1));
    let missed = now.since(last).as_nanos() / every.as_nanos();
    let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
    last + every.saturating_mul(steps)
}

/// Between nothing and `jitter`, different for each process and time, the same on every run.
fn jitter(entry: &Schedule, process: u64, at: Moment) -> Duration {
    let seed = at.as_nanos() ^ process.rotate_left(32);
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    entry.jitter.mul_f64(f64::from(u32::try_from(mixed >> 32).unwrap_or(0)) / f64::from(u32::MAX))
}
