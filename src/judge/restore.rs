//! What is taken up from an earlier daemon, or from before a reload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effect::without_changed;
use super::group::GroupState;
use super::leases::is_freeze;
use super::member::MemberState;
use super::memory::{Start, name_of};
use super::outcomes::{Left, Taking};
use super::rung::{Of, Rung, RungState};
use super::successor::Awaited;
use super::watched::{Rules, Watched};
use super::{Flight, State};
use crate::config::{Config, Per, Target};
use crate::model::{
    ActionScope, Answer, KillMemory, MemberKey, MemberMemory, MemberSample, Memory, Moment, Order, OrderId, Outcome,
    OutcomeKind, Reason, RungMemory, RungName, RungStateMemory, Sent, SuccessorMemory, TargetDelivery, Undoing,
};

/// What interrupted the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// The daemon ended, perhaps at once: what was in flight has no outcome.
    Restart,
    /// Another configuration: what is in flight goes on.
    Reload,
}

impl State {
    /// Takes up where an earlier daemon was. Everybody whom it had frozen is to run again. Returns the
    /// kills that it had ordered and not seen the end of, for the executor to resume.
    pub fn restore(config: &Arc<Config>, memory: Memory, now: Moment) -> (Self, Vec<Sent>) {
        let killing = memory.killing.clone();
        let kills = killing.iter().map(|sent| {
            let order = Arc::clone(&sent.order);
            (order.id, Flight { of: Some(Of::Ladder(0)), order, sent: sent.at })
        });
        let mut state = Self::taken_up(config, memory, (kills.collect(), Break::Restart), now);
        state.want_thaw(now);
        state.cut_short(now);
        (state, killing)
    }

    /// The end of the daemon cuts freezes short, which is not what their cooldown is for.
    pub(super) fn cut_short(&mut self, now: Moment) {
        for lease in self.leases.iter().filter(|lease| is_freeze(lease)) {
            let frozen = |member: &&mut MemberMemory| member.identity == lease.order.identity;
            for member in self.remembered.iter_mut().flatten().filter(frozen) {
                member.delivered.retain(|delivery| delivery.action != lease.order.action);
                for rung in member.rungs.iter_mut().filter(|rung| rung.action == lease.order.action) {
                    rung.state = RungStateMemory::Done { at: now, dry: false };
                }
            }
            let Some(target) = self.config.targets.iter().find(|target| target.name == lease.order.target) else {
                continue;
            };
            let action = target.actions.iter().position(|action| action.name == lease.order.action);
            for member in self.members.values_mut().filter(|member| member.identity == lease.order.identity) {
                if let Some(delivered) = action.and_then(|action| member.delivered.get_mut(action)) {
                    *delivered = None;
                }
            }
        }
    }

    /// The same watch under another configuration. Kept is what it still has, by name; what it has no
    /// more is undone.
    pub fn reconfigured(&self, config: &Arc<Config>, now: Moment) -> Self {
        let flights = self.in_flight.clone();
        // How metrics went is taken up from what stood, with everything else that did not change.
        let memory = without_changed(self.memory_with(Arc::clone(&self.pasts)), &self.config, config);
        let mut state = Self::taken_up(config, memory, (flights, Break::Reload), now);
        state.breakers = self.breakers.clone();
        state.dropped.clone_from(&self.dropped);
        state.dropped.extend(self.operators_due());
        state.passes = self.passes;
        state.take_up(self.former());
        state.clock = self.clock.anew();
        state
    }

    /// Discovery has looked everywhere: who was remembered and not seen is not there, and a group of
    /// which nobody is left is none any more, whoever has come since.
    pub fn all_found(&mut self) {
        self.groups.retain(|_, group| group.present);
        self.changed |= self.remembered.take().is_some();
        self.pasts = Arc::default();
        self.former = None;
    }

    fn taken_up(
        config: &Arc<Config>,
        memory: Memory,
        (flights, broken): (BTreeMap<OrderId, Flight>, Break),
        now: Moment,
    ) -> Self {
        let memory = if config.daemon.dry_run { memory } else { without_dry_deliveries(memory) };
        let start = Start { boot: memory.boot, series: memory.series, now };
        let mut state = Self::new(Arc::clone(config), start);
        state.next_order = memory.next_order;
        state.in_flight = flights;
        state.take_up_orders(config);
        state.take_up_kills(memory.kills);
        for group in memory.groups {
            let Some(index) = state.target_named(&group.target) else { continue };
            let rules = Rules::of_target(&config.targets[usize::from(index)]);
            let watched = Watched::restore(rules, &group.thresholds, now);
            state.groups.insert(index, GroupState { watched, last_victim: group.last_victim, present: false });
        }
        state.host.watched = Watched::restore(Rules::of_host(config), &memory.host.thresholds, now);
        state.host.next = usize::try_from(memory.host.next).unwrap_or(0);
        state.host.patience = memory.host.patience;
        state.recall_all(memory.pasts, now);
        state.leases = memory.leases;
        state.take_up_leases(broken, now);
        state.cycles = memory.cycles;
        state.inhibitions = memory.inhibitions;
        state.windows = memory.windows;
        for TargetDelivery { target, delivery } in memory.delivered {
            state.take_up_delivery(&target, &delivery.action, delivery.at);
        }
        if broken == Break::Restart {
            state.take_up_lost(&memory.members, now);
        }
        for SuccessorMemory { target, missed, within, told } in memory.successors {
            let target = state.target_named(&target);
            state.successors.extend(target.map(|target| Awaited { target, missed, within, told }));
        }
        state.take_up_incidents(memory.incidents);
        state.remembered = Some(memory.members);
        state.changed = true;
        state
    }

    /// A delivery that served all of a target.
    fn take_up_delivery(&mut self, target: &str, action: &str, at: Moment) {
        let Some(target) = self.target_named(target) else { return };
        let actions = &self.config.targets[usize::from(target)].actions;
        if let Some(action) = actions.iter().position(|known| *known.name == *action) {
            self.delivered.insert((target, action), at);
        }
    }

    /// What was in flight may have been delivered just now: its cooldown runs, and the host's ladder
    /// gives it time to help.
    fn take_up_lost(&mut self, members: &[MemberMemory], now: Moment) {
        for (member, lost) in members.iter().flat_map(|member| lost(member).map(move |lost| (member, lost))) {
            if let Some(target) = self.target_named(&member.target).filter(|_| lost.of != RungName::Schedule) {
                self.begin_incident(target, now);
            }
            if lost.order.as_ref().is_some_and(|order| order.scope == ActionScope::Target) {
                self.take_up_delivery(&member.target, &lost.action, now);
            }
            let action = lost.order.as_ref().and_then(|order| self.action_of(order));
            if let Some(patience) = action.filter(|_| lost.of == RungName::Host).map(|action| action.patience) {
                self.host_delivered(patience, now);
            }
        }
    }

    /// Orders in flight keep their numbers; their seats are those of the new configuration.
    fn take_up_orders(&mut self, config: &Config) {
        for flight in self.in_flight.values_mut() {
            let index = config.targets.iter().position(|target| target.name == flight.order.target);
            let target = index.and_then(|index| u16::try_from(index).ok()).unwrap_or(u16::MAX);
            let member = MemberKey { target, ..flight.order.member };
            flight.order = Arc::new(Order { member, ..Order::clone(&flight.order) });
        }
    }

    fn take_up_leases(&mut self, broken: Break, now: Moment) {
        for lease in &mut self.leases {
            if broken == Break::Restart && lease.answer == Answer::Awaited {
                // An intent without outcome counts as delivered.
                lease.answer = Answer::Delivered;
            }
            if let Undoing::InFlight(order) = lease.undoing
                && !self.in_flight.contains_key(&order)
            {
                lease.undoing = Undoing::Failed { order, attempts: 0, retry: now, refused: false };
            }
        }
    }

    /// The outcome comes before the process was seen again after a reload: it is remembered for it.
    /// When it is tried again, if it is.
    pub(super) fn take_unseated(&mut self, taking: &Taking<'_>) -> Option<Moment> {
        let mut again = None;
        let Outcome { kind, reason, at, .. } = *taking.outcome;
        let rungs = self.remembered.iter_mut().flatten().flat_map(|member| &mut member.rungs);
        let ours = |rung: &&mut RungMemory| rung.order.as_ref().is_some_and(|order| order.id == taking.order.id);
        for rung in rungs.filter(ours).filter(|rung| rung.state == RungStateMemory::InFlight) {
            rung.acknowledged = kind == OutcomeKind::Acknowledged;
            rung.decided = Some(taking.order.decided);
            rung.judged = taking.judged().or_else(|| rung.judged.take());
            rung.state = match kind {
                OutcomeKind::Delivered | OutcomeKind::Acknowledged if taking.left == Left::InForce => {
                    RungStateMemory::InForce
                }
                OutcomeKind::Failed if taking.left != Left::Unwanted => {
                    rung.attempts += u32::from(reason != Reason::QueueFull);
                    let retry = at + Rung::backoff(rung.attempts);
                    again = Some(retry);
                    RungStateMemory::Failed { retry, reason }
                }
                OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed => RungStateMemory::Due,
                OutcomeKind::Delivered
                | OutcomeKind::Acknowledged
                | OutcomeKind::Failed
                | OutcomeKind::Gone
                | OutcomeKind::DryRun => RungStateMemory::Done { at, dry: kind == OutcomeKind::DryRun },
            };
        }
        again
    }

    fn take_up_kills(&mut self, mut kills: Vec<KillMemory>) {
        kills.sort_by_key(|kill| kill.at);
        for kill in &kills {
            self.take_up_kill(kill);
        }
    }

    fn take_up_kill(&mut self, kill: &KillMemory) {
        let keep = Duration::MAX;
        self.daemon_kills.enter(kill.order, kill.at, keep);
        let Some(target) = self.target_named(&kill.target) else { return };
        if let Some(kills) = self.target_kills.get_mut(usize::from(target)) {
            kills.enter(kill.order, kill.at, keep);
        }
        let seat = MemberKey { target, slot: kill.slot };
        self.seat_kills.entry(seat).or_default().enter(kill.order, kill.at, keep);
    }

    /// A member that was remembered and is there: provably the same process.
    pub(super) fn restore_member(&self, memory: &MemberMemory, sample: &MemberSample, now: Moment) -> MemberState {
        let mut member = MemberState::new(&self.config, sample, now);
        let Some(target) = self.config.targets.get(usize::from(sample.member.target)) else { return member };
        member.first_seen = memory.first_seen;
        member.settled_from = memory.settled_from;
        if target.per == Per::Process {
            let watched = Watched::restore(Rules::of_target(target), &memory.thresholds, now);
            member.watched = watched.of_process(sample.started, target.startup_grace);
            self.recall_member(&mut member.watched, (target, sample.identity), now);
            self.keep_watched(&mut member, target);
        }
        let group = self.groups.get(&sample.member.target).map(|group| &group.watched);
        let watched = if target.per == Per::Group { group } else { Some(&member.watched) };
        let levels = (0..target.ladders.len()).map(|at| watched.map(|watched| watched.level(at)).unwrap_or_default());
        member.climbed = levels.collect();
        for delivery in &memory.delivered {
            if let Some(action) = target.actions.iter().position(|action| action.name == delivery.action) {
                member.delivered[action] = Some(delivery.at);
            }
        }
        for (entry, next) in target.schedule.iter().zip(&mut member.schedule) {
            let name = target.actions.get(entry.action).map(|action| &action.name);
            let before = memory.schedule.iter().find(|delivery| Some(&delivery.action) == name);
            // Not later than an entry that is newly written would come.
            let latest = now + entry.every.max(entry.phase);
            *next = before.map_or(*next, |delivery| delivery.at.min(latest));
        }
        Restoring { state: self, target, memory, now }.rungs(&mut member);
        self.keep_rungs(&mut member, target);
        for lost in lost(memory) {
            if let Some(action) = target.actions.iter().position(|action| action.name == lost.action) {
                member.delivered[action] = Some(now);
            }
        }
        member
    }
}

/// Rungs whose order went out and has no outcome: it may have been delivered just now.
fn lost(memory: &MemberMemory) -> impl Iterator<Item = &RungMemory> {
    memory.rungs.iter().filter(|rung| rung.state == RungStateMemory::InFlight)
}

/// Dry run is over: what it would have delivered starts no cooldown of what is delivered now.
fn without_dry_deliveries(mut memory: Memory) -> Memory {
    for member in &mut memory.members {
        let is_dry = |rung: &&RungMemory| matches!(rung.state, RungStateMemory::Done { dry: true, .. });
        let dry: Vec<&str> = member.rungs.iter().filter(is_dry).map(|rung| &*rung.action).collect();
        member.delivered.retain(|delivery| !dry.contains(&&*delivery.action));
        memory.delivered.retain(|one| one.target != member.target || !dry.contains(&&*one.delivery.action));
    }
    memory
}

/// The rungs of one member.
struct Restoring<'a> {
    state: &'a State,
    target: &'a Target,
    memory: &'a MemberMemory,
    now: Moment,
}

impl Restoring<'_> {
    fn rungs(&self, member: &mut MemberState) {
        let host = self.state.host.level();
        let levels: Vec<_> = member.rungs.iter().map(|rung| member.level_of(rung.of, host)).collect();
        for (rung, level) in member.rungs.iter_mut().zip(levels) {
            let holds = level >= rung.level;
            match self.before(rung) {
                Some(before) if holds => self.rung(rung, before),
                None if holds && matches!(rung.of, Of::Ladder(_)) => {
                    // New at a level that holds. No kill before it has settled.
                    rung.state = RungState::Due;
                    member.settled_from = member.settled_from.max(self.now);
                }
                Some(_) | None => {}
            }
        }
    }

    fn before(&self, rung: &Rung) -> Option<&RungMemory> {
        let action = self.target.actions.get(rung.action)?;
        let of = name_of(rung.of, self.target)?;
        let mut rungs = self.memory.rungs.iter();
        rungs.find(|before| before.level == rung.level && before.action == action.name && before.of == of)
    }

    fn rung(&self, rung: &mut Rung, memory: &RungMemory) {
        rung.attempts = memory.attempts;
        rung.retrying = memory.attempts > 0 && memory.order.is_some();
        rung.acknowledged = memory.acknowledged;
        rung.decided = memory.decided.or_else(|| memory.order.as_ref().map(|order| order.decided));
        rung.ineffective = memory.ineffective;
        rung.judged.clone_from(&memory.judged);
        rung.order.clone_from(&memory.order);
        rung.state = self.rung_state(rung, memory);
        if matches!(rung.of, Of::Host(_)) {
            // Which entry was tried is not remembered: the host's ladder comes to it in its round.
            rung.pass_over();
        }
        if matches!(rung.state, RungState::Done { .. } | RungState::InForce) {
            rung.order = None;
        }
    }

    fn rung_state(&self, rung: &mut Rung, memory: &RungMemory) -> RungState {
        let flying = memory.order.as_ref().filter(|order| self.state.in_flight.contains_key(&order.id));
        match memory.state {
            RungStateMemory::InFlight if let Some(order) = flying => RungState::InFlight(order.id),
            // At most once: an intent without outcome counts as delivered.
            RungStateMemory::InFlight | RungStateMemory::InForce if self.is_leased(memory) => RungState::InForce,
            RungStateMemory::InFlight | RungStateMemory::InForce => RungState::Done { at: self.now, dry: false },
            RungStateMemory::Done { dry: true, .. } if !self.state.config.daemon.dry_run => {
                rung.not_before = Some(self.now + self.target.settle);
                RungState::Due
            }
            RungStateMemory::Done { at, dry } => RungState::Done { at, dry },
            RungStateMemory::Failed { retry, reason } => RungState::Failed { retry, reason },
            RungStateMemory::GaveUp(reason) => RungState::GaveUp(reason),
            RungStateMemory::Due => RungState::Due,
        }
    }

    /// Whether the measure is in force, and nobody wants it undone.
    fn is_leased(&self, memory: &RungMemory) -> bool {
        self.state.leases.iter().any(|lease| {
            let reached = lease.order.scope == ActionScope::Target || lease.order.identity == self.memory.identity;
            reached && lease.order.target == self.target.name && lease.order.action == memory.action && !lease.wanted
        })
    }
}
