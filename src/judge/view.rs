//! What others may see of the state: read only, for the snapshot.

mod closed;

use std::sync::Arc;

use super::State;
use super::effect::is_spent;
use super::forecast::Series;
use super::leases::is_freeze;
use super::member::MemberState;
use super::rung::{Hold, Of, Rung, RungState};
use super::watched::Watched;
use crate::model::{
    Answer, Escalation, ForecastView, LadderView, Lease, LeaseStanding, LeaseView, MemberKey, Moment, Reason, RungOf,
    RungView, Standing, ThresholdView, UndoBy, Undoing, Window,
};

/// One member as it stands.
#[derive(Clone, Copy, Debug)]
pub struct MemberView<'a> {
    state: &'a State,
    key: MemberKey,
    member: &'a MemberState,
}

/// What is judged by thresholds: a member, a group, the host.
#[derive(Clone, Copy, Debug)]
pub struct WatchedView<'a>(&'a Watched);

impl State {
    /// The member in that seat.
    pub fn member(&self, key: MemberKey) -> Option<MemberView<'_>> {
        self.members.get(&key).map(|member| MemberView { state: self, key, member })
    }

    /// The members of a target together, where they are judged so.
    pub fn group(&self, target: u16) -> Option<WatchedView<'_>> {
        self.groups.get(&target).map(|group| WatchedView(&group.watched))
    }

    /// The host.
    pub fn host(&self) -> WatchedView<'_> {
        WatchedView(&self.host.watched)
    }

    /// Orders whose effect is not known yet.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter()
    }

    /// Measures in force.
    pub fn leases(&self, now: Moment) -> impl Iterator<Item = LeaseView> {
        self.leases.iter().enumerate().map(move |(at, lease)| LeaseView {
            target: Arc::clone(&lease.order.target),
            action: Arc::clone(&lease.order.action),
            process: lease.process(),
            since: lease.taken,
            level: lease.order.level,
            freeze: is_freeze(lease),
            after: lease.undo.after,
            by: lease.undo.by,
            standing: self.lease_standing((at, lease), now),
        })
    }

    fn lease_standing(&self, (at, lease): (usize, &Lease), now: Moment) -> LeaseStanding {
        match lease.undoing {
            Undoing::InFlight(_) => return LeaseStanding::Undoing,
            Undoing::Failed { retry, .. } => return LeaseStanding::Retrying { at: retry },
            Undoing::No if lease.wanted => return LeaseStanding::Undoing,
            Undoing::No => {}
        }
        if self.is_needed_by_rung(at) || lease.free.is_none() {
            return if lease.answer == Answer::Doubtful { LeaseStanding::Doubtful } else { LeaseStanding::Needed };
        }
        match (lease.undo.by, lease.free) {
            (UndoBy::Operator, _) => LeaseStanding::Operator,
            (UndoBy::Daemon, _) if lease.orphaned => LeaseStanding::Waiting,
            (UndoBy::Daemon, free) => match self.cycles_spent(lease, now) {
                Some(opens) => LeaseStanding::Cycling { opens },
                None => LeaseStanding::Undone { at: free.unwrap_or(now) + lease.undo.after },
            },
        }
    }

    /// Kills that the target may still order now, its own and the daemon's budget considered.
    pub fn kill_budget_remaining(&self, target: usize, now: Moment) -> u32 {
        let own = self.config.targets.get(target).zip(self.target_kills.get(target));
        let own = own.map_or(0, |(config, kills)| {
            config.kill_budget.max.saturating_sub(kills.within(config.kill_budget.per, now))
        });
        let all = self.config.daemon.kill_budget;
        own.min(all.max.saturating_sub(self.daemon_kills.within(all.per, now)))
    }
}

impl<'a> WatchedView<'a> {
    /// Its ladders, as configured.
    pub fn ladders(self) -> impl Iterator<Item = LadderView> + 'a {
        self.0.ladders.iter().copied()
    }

    /// Its ladders that stand higher than its thresholds ask for.
    pub fn escalations(self) -> impl Iterator<Item = &'a Escalation> {
        self.0.escalations.iter()
    }

    /// What is foretold, as configured.
    pub fn forecasts(self) -> impl Iterator<Item = ForecastView> + 'a {
        self.0.forecasts.iter().map(Series::view)
    }

    /// Its thresholds, as configured.
    pub fn thresholds(self, now: Moment) -> impl Iterator<Item = ThresholdView> + 'a {
        self.0.thresholds.iter().map(move |state| ThresholdView {
            level: state.level(),
            since: state.since(),
            unknown: state.unknown(now),
        })
    }
}

impl<'a> MemberView<'a> {
    /// What it is judged by itself: nothing where its target is judged as a group.
    pub fn watched(self) -> WatchedView<'a> {
        WatchedView(&self.member.watched)
    }

    /// Its ladders, as the target's; none where its target is judged as a group.
    pub fn ladders(self) -> impl Iterator<Item = LadderView> + 'a {
        self.watched().ladders()
    }

    /// Its thresholds, as the target's; none where its target is judged as a group.
    pub fn thresholds(self, now: Moment) -> impl Iterator<Item = ThresholdView> + 'a {
        self.watched().thresholds(now)
    }

    /// Its rungs that are not idle, lowest first.
    pub fn rungs(self) -> impl Iterator<Item = RungView> + 'a {
        self.member.rungs.iter().filter_map(move |rung| {
            let index = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
            let ladder = match rung.of {
                Of::Ladder(ladder) => RungOf::Ladder(index(ladder)),
                Of::Host(_) => RungOf::Host,
                Of::Schedule(_) => RungOf::Schedule,
                Of::Operator { .. } => RungOf::Operator,
            };
            let (level, action) = (rung.level, index(rung.action));
            Some(RungView { member: self.key, ladder, level, action, standing: self.standing(rung)? })
        })
    }

    pub(super) fn standing(self, rung: &Rung) -> Option<Standing> {
        Some(match rung.state {
            RungState::Idle => return None,
            RungState::Due => {
                rung.hold.map_or(Standing::Waiting, |Hold { reason, opens }| Standing::Held { reason, opens })
            }
            RungState::InFlight(_) => Standing::InFlight,
            RungState::Done { .. } | RungState::InForce if self.is_spent(rung) => {
                Standing::GaveUp { reason: Reason::None }
            }
            RungState::Done { at, .. } => Standing::Done { at },
            RungState::InForce => Standing::InForce { since: self.in_force_since(rung) },
            RungState::Failed { retry, reason } => Standing::Retrying { reason, at: retry },
            RungState::Vetoed { .. } => Standing::Vetoed { reason: rung.veto.unwrap_or(Reason::None) },
            RungState::GaveUp(reason) => Standing::GaveUp { reason },
        })
    }

    fn is_spent(self, rung: &Rung) -> bool {
        let target = self.state.config.targets.get(usize::from(self.key.target));
        let action = target.and_then(|target| target.actions.get(rung.action));
        action.is_some_and(|action| is_spent(rung.ineffective, action))
    }

    fn in_force_since(self, rung: &Rung) -> Moment {
        let lease = self.state.lease_at(self.key, rung.action).and_then(|at| self.state.leases.get(at));
        lease.map_or_else(Moment::default, |lease| lease.taken)
    }
}
