//! After a kill somebody must come: "gone" is not the end.

use std::sync::Arc;
use std::time::Duration;

use super::{Pass, State};
use crate::config::{Action, Target};
use crate::model::{ActionScope, MemberSample, Moment, Note};

/// A kill that waits for a successor.
#[derive(Clone, Debug)]
pub(super) struct Awaited {
    pub(super) target: u16,
    /// When it is missed.
    pub(super) missed: Moment,
    /// How long was waited then.
    pub(super) within: Duration,
    pub(super) told: bool,
}

impl State {
    /// A kill has worked: from now on somebody is expected.
    pub(super) fn expect_successor(&mut self, target: u16, action: &Action, now: Moment) {
        if let Some(within) = action.expect_successor {
            self.await_in_incident(target, now);
            self.successors.retain(|awaited| awaited.target != target);
            self.successors.push(Awaited { target, missed: now + within, within, told: false });
        }
    }

    /// Somebody has come who was not there before: nobody is missed any more, and what was left in
    /// force by those before is undone once he is past his start-up grace.
    pub(super) fn succeed(&mut self, sample: &MemberSample, target: &Target, pass: &mut Pass<'_>) {
        let (key, identity) = (sample.member, sample.identity);
        for awaited in self.successors.extract_if(.., |awaited| awaited.target == key.target) {
            if awaited.told {
                pass.tell(Note::SuccessorCame { target: Arc::clone(&target.name), member: key, identity });
            }
        }
        let from = pass.now.max(sample.started + target.startup_grace);
        for lease in &mut self.leases {
            let of_target = lease.order.scope == ActionScope::Target && lease.order.target == target.name;
            if of_target && std::mem::take(&mut lease.orphaned) {
                lease.free = Some(from);
            }
        }
    }

    /// Says once who is missed.
    pub(super) fn miss_successors(&mut self, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        for awaited in &mut self.successors {
            if pass.now < awaited.missed || std::mem::replace(&mut awaited.told, true) {
                continue;
            }
            if let Some(target) = config.targets.get(usize::from(awaited.target)) {
                pass.tell(Note::SuccessorMissing { target: Arc::clone(&target.name), within: awaited.within });
            }
        }
    }

    /// Whether a successor is missing.
    pub fn successor_missing(&self, target: usize) -> bool {
        self.successors.iter().any(|awaited| usize::from(awaited.target) == target && awaited.told)
    }
}
