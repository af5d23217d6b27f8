//! What others may see of the state: read only, for the snapshot.

use super::State;
use super::member::MemberState;
use super::rung::RungState;
use crate::model::{Level, MemberKey, Moment, Reason, Unknown};

/// One member as it stands.
#[derive(Clone, Copy, Debug)]
pub struct MemberView<'a> {
    member: &'a MemberState,
}

/// A ladder as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderView {
    /// Its level.
    pub level: Level,
    /// Since when.
    pub since: Moment,
}

/// A rung that is neither idle nor simply done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RungView {
    /// Index of the ladder.
    pub ladder: usize,
    /// Its level.
    pub level: Level,
    /// Index of the action.
    pub action: usize,
    /// How it stands.
    pub standing: Standing,
}

/// How a rung stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A brake holds it; `opens` where that is known.
    Held {
        /// Which brake.
        reason: Reason,
        /// When it opens.
        opens: Option<Moment>,
    },
    /// Its turn has not come: another order of the process is in flight.
    Waiting,
    /// Its order is with the executor.
    InFlight,
    /// A delivery failed and is tried again then.
    Retrying {
        /// What failed.
        reason: Reason,
        /// When.
        at: Moment,
    },
    /// It must not happen.
    Vetoed(Reason),
    /// Nothing more is tried until the level was left.
    GaveUp(Reason),
    /// Done at that time.
    Done(Moment),
}

impl State {
    /// The member in that seat.
    pub fn member(&self, key: MemberKey) -> Option<MemberView<'_>> {
        self.members.get(&key).map(|member| MemberView { member })
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

impl<'a> MemberView<'a> {
    /// Its ladders, as the target's.
    pub fn ladders(self) -> impl Iterator<Item = LadderView> + 'a {
        self.member.ladders.iter().map(|ladder| LadderView { level: ladder.level, since: ladder.since })
    }

    /// The level of each threshold, as the target's.
    pub fn thresholds(self) -> impl Iterator<Item = LadderView> + 'a {
        self.member.thresholds.iter().map(|state| LadderView { level: state.level(), since: state.since() })
    }

    /// Why each threshold is blind now, as the target's; none where it sees.
    pub fn unknown(self, now: Moment) -> impl Iterator<Item = Option<Unknown>> + 'a {
        self.member.thresholds.iter().map(move |state| state.unknown(now))
    }

    /// Its rungs that are not idle, lowest first.
    pub fn rungs(self) -> impl Iterator<Item = RungView> + 'a {
        self.member.rungs.iter().filter_map(|rung| {
            let standing = match rung.state {
                RungState::Idle => return None,
                RungState::Due => rung
                    .hold
                    .map_or(Standing::Waiting, |hold| Standing::Held { reason: hold.reason, opens: hold.opens }),
                RungState::InFlight(_) => Standing::InFlight,
                RungState::Done(at) => Standing::Done(at),
                RungState::Failed { retry, reason } => Standing::Retrying { reason, at: retry },
                RungState::Vetoed { .. } => Standing::Vetoed(rung.veto.unwrap_or(Reason::None)),
                RungState::GaveUp(reason) => Standing::GaveUp(reason),
            };
            Some(RungView { ladder: rung.ladder, level: rung.level, action: rung.action, standing })
        })
    }
}
