//! What is handed to the next daemon, or to the same one under another configuration. Everything goes
//! by name; a process by its identity.

use std::sync::Arc;

use super::State;
use super::member::MemberState;
use super::rung::{Of, RungState};
use super::successor::Awaited;
use super::watched::Rules;
use crate::config::Target;
use crate::model::{
    BootId, Delivery, GroupMemory, HostMemory, KillMemory, MemberKey, MemberMemory, Memory, Moment, PastMemory,
    RungMemory, RungName, RungStateMemory, Sent, SuccessorMemory, TargetDelivery,
};

/// Where and when a state begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    /// The boot that all moments are of.
    pub boot: BootId,
    /// What tells its orders from those of other states.
    pub series: u64,
    /// Now.
    pub now: Moment,
}

impl State {
    /// All that the next daemon would miss.
    pub fn memory(&self) -> Memory {
        self.memory_with(Arc::new(self.pasts()))
    }

    /// The same, with how metrics went as it was told before: that is much, and need not be of this moment.
    pub fn memory_with(&self, pasts: Arc<Vec<PastMemory>>) -> Memory {
        Memory {
            boot: self.boot,
            series: self.series,
            next_order: self.next_order,
            members: self.members_memory(),
            groups: self.groups_memory(),
            host: HostMemory {
                thresholds: self.host.watched.memory(Rules::of_host(&self.config)),
                next: u32::try_from(self.host.next).unwrap_or(0),
                patience: self.host.patience,
            },
            leases: self.leases.clone(),
            killing: self.killing_memory(),
            kills: self.kills_memory(),
            delivered: self.delivered_memory(),
            cycles: self.cycles.clone(),
            successors: self.successors_memory(),
            incidents: self.incidents_memory(),
            inhibitions: self.inhibitions.clone(),
            windows: self.windows.clone(),
            pasts,
        }
    }

    fn members_memory(&self) -> Vec<MemberMemory> {
        let members = self.members.iter();
        let members = members.filter_map(|(key, member)| Some(member.memory(*key, self.target(key.target)?)));
        members.chain(self.remembered.iter().flatten().cloned()).collect()
    }

    fn groups_memory(&self) -> Vec<GroupMemory> {
        let groups = self.groups.iter().filter_map(|(index, group)| {
            let target = self.target(*index)?;
            let thresholds = group.watched.memory(Rules::of_target(target));
            Some(GroupMemory { target: Arc::clone(&target.name), thresholds, last_victim: group.last_victim })
        });
        groups.collect()
    }

    fn killing_memory(&self) -> Vec<Sent> {
        let killing = self.in_flight.values().filter(|flight| flight.order.measure.is_kill());
        killing.map(|flight| Sent { order: Arc::clone(&flight.order), at: flight.sent }).collect()
    }

    fn kills_memory(&self) -> Vec<KillMemory> {
        let kills = self.seat_kills.iter().flat_map(|(key, kills)| kills.iter().map(move |kill| (*key, kill)));
        let kills = kills.filter_map(|(key, (order, at))| {
            Some(KillMemory { order, target: Arc::clone(&self.target(key.target)?.name), slot: key.slot, at })
        });
        kills.collect()
    }

    fn delivered_memory(&self) -> Vec<TargetDelivery> {
        let delivered = self.delivered.iter().filter_map(|((target, action), at)| {
            let of = self.target(*target)?;
            let delivery = Delivery { action: Arc::clone(&of.actions.get(*action)?.name), at: *at };
            Some(TargetDelivery { target: Arc::clone(&of.name), delivery })
        });
        delivered.collect()
    }

    fn successors_memory(&self) -> Vec<SuccessorMemory> {
        let successors = self.successors.iter().filter_map(|awaited| {
            let Awaited { target, missed, within, told } = *awaited;
            Some(SuccessorMemory { target: Arc::clone(&self.target(target)?.name), missed, within, told })
        });
        successors.collect()
    }

    fn target(&self, index: u16) -> Option<&Target> {
        self.config.targets.get(usize::from(index))
    }
}

impl MemberState {
    fn memory(&self, key: MemberKey, target: &Target) -> MemberMemory {
        let action = |index: usize| target.actions.get(index).map(|action| Arc::clone(&action.name));
        let delivered = self.delivered.iter().enumerate();
        let delivered = delivered.filter_map(|(index, at)| Some(Delivery { action: action(index)?, at: (*at)? }));
        let schedule = target.schedule.iter().zip(&self.schedule);
        let schedule = schedule.filter_map(|(entry, at)| Some(Delivery { action: action(entry.action)?, at: *at }));
        let rungs = self.rungs.iter().filter_map(|rung| {
            Some(RungMemory {
                of: name_of(rung.of, target)?,
                level: rung.level,
                action: action(rung.action)?,
                state: rung.state.memory()?,
                attempts: rung.attempts,
                acknowledged: rung.acknowledged,
                order: rung.order.clone(),
                decided: rung.decided,
                ineffective: rung.ineffective,
                judged: rung.judged.clone(),
            })
        });
        MemberMemory {
            target: Arc::clone(&target.name),
            slot: key.slot,
            identity: self.identity,
            first_seen: self.first_seen,
            thresholds: self.watched.memory(Rules::of_target(target)),
            rungs: rungs.collect(),
            delivered: delivered.collect(),
            schedule: schedule.collect(),
            settled_from: self.settled_from,
        }
    }
}

impl RungState {
    fn memory(self) -> Option<RungStateMemory> {
        Some(match self {
            Self::Idle => return None,
            // A veto is asked again on the next reading.
            Self::Due | Self::Vetoed { .. } => RungStateMemory::Due,
            Self::InFlight(_) => RungStateMemory::InFlight,
            Self::Done { at, dry } => RungStateMemory::Done { at, dry },
            Self::InForce => RungStateMemory::InForce,
            Self::Failed { retry, reason } => RungStateMemory::Failed { retry, reason },
            Self::GaveUp(reason) => RungStateMemory::GaveUp(reason),
        })
    }
}

/// None for what an operator wants: it is not repeated by the next daemon.
pub(super) fn name_of(of: Of, target: &Target) -> Option<RungName> {
    Some(match of {
        Of::Ladder(ladder) => {
            RungName::Ladder(target.ladders.get(ladder).map(|ladder| Arc::clone(&ladder.name)).unwrap_or_default())
        }
        Of::Host(_) => RungName::Host,
        Of::Schedule(_) => RungName::Schedule,
        Of::Operator { .. } => return None,
    })
}
