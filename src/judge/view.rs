//! What others may see of the state: read only, for the snapshot.

use super::State;
use super::member::MemberState;
use super::rung::{Hold, Rung, RungState};
use crate::model::{LadderView, MemberKey, Moment, Reason, RungOf, RungView, Standing, ThresholdView};

/// One member as it stands.
#[derive(Clone, Copy, Debug)]
pub struct MemberView<'a> {
    key: MemberKey,
    member: &'a MemberState,
}

impl State {
    /// The member in that seat.
    pub fn member(&self, key: MemberKey) -> Option<MemberView<'_>> {
        self.members.get(&key).map(|member| MemberView { key, member })
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
        self.member.ladders.iter().copied()
    }

    /// Its thresholds, as the target's.
    pub fn thresholds(self, now: Moment) -> impl Iterator<Item = ThresholdView> + 'a {
        self.member.thresholds.iter().map(move |state| ThresholdView {
            level: state.level(),
            since: state.since(),
            unknown: state.unknown(now),
        })
    }

    /// Its rungs that are not idle, lowest first.
    pub fn rungs(self) -> impl Iterator<Item = RungView> + 'a {
        self.member.rungs.iter().filter_map(move |rung| {
            let index = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
            let (ladder, action) = (index(rung.ladder), index(rung.action));
            Some(RungView {
                member: self.key,
                ladder: RungOf::Ladder(ladder),
                level: rung.level,
                action,
                standing: standing(rung)?,
            })
        })
    }
}

fn standing(rung: &Rung) -> Option<Standing> {
    Some(match rung.state {
        RungState::Idle => return None,
        RungState::Due => {
            rung.hold.map_or(Standing::Waiting, |Hold { reason, opens }| Standing::Held { reason, opens })
        }
        RungState::InFlight(_) => Standing::InFlight,
        RungState::Done(at) => Standing::Done { at },
        RungState::Failed { retry, reason } => Standing::Retrying { reason, at: retry },
        RungState::Vetoed { .. } => Standing::Vetoed { reason: rung.veto.unwrap_or(Reason::None) },
        RungState::GaveUp(reason) => Standing::GaveUp { reason },
    })
}
