//! Targets that are judged as a group: all members have the levels of the group, measures go to all
//! of them, a freeze or a kill to the largest contributor, one at a time.

use std::sync::Arc;

use super::watched::{Rules, Sight, Stepped, Watched};
use super::{Pass, State};
use crate::config::{Per, Target};
use crate::model::{ActionScope, Base, Measure, MemberKey, Metric, Moment, Note, Scope};

/// What is remembered of a group.
#[derive(Debug)]
pub(super) struct GroupState {
    pub(super) watched: Watched,
    /// When the last freeze or kill of a member went out.
    pub(super) last_victim: Option<Moment>,
    /// False while it is only remembered: none of its members of then was found yet.
    pub(super) present: bool,
}

impl GroupState {
    fn follow(&mut self, target: &Target, pass: &mut Pass<'_>) {
        for Stepped { ladder, from, to, cause } in self.watched.climb(Rules::of_target(target), pass.now) {
            let (name, ladder) = (Some(Arc::clone(&target.name)), Arc::clone(&target.ladders[ladder].name));
            pass.tell(Note::LadderStepped { target: name, ladder, from, to, cause });
        }
    }
}

impl State {
    /// Steps the thresholds of every group. One that has lost its last member is at normal again.
    pub(super) fn read_groups(&mut self, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        if self.remembered.is_none() {
            let Self { groups, members, .. } = self;
            let seats = |target: u16| MemberKey { target, slot: 0 }..=MemberKey::all_of(target);
            groups.retain(|target, _| members.range(seats(*target)).next().is_some());
        }
        for group in &pass.sample.groups {
            let Some(target) = config.targets.get(usize::from(group.target)) else { continue };
            let rules = Rules::of_target(target);
            let fresh = || GroupState { watched: Watched::new(rules, pass.now), last_victim: None, present: true };
            let state = self.groups.entry(group.target).or_insert_with(fresh);
            if !state.present {
                continue;
            }
            let (sights, changed) = state.watched.observe(rules, &group.readings, pass.now);
            self.changed |= changed;
            let name = || Some(Arc::clone(&target.name));
            for Sight { metric, why } in sights {
                pass.tell(Note::Seen { target: name(), metric, why });
            }
            state.follow(target, pass);
        }
    }

    /// The ladders of a group follow its thresholds.
    pub(super) fn climb_group(&mut self, index: u16, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let target = config.targets.get(usize::from(index));
        if let Some((group, target)) = self.groups.get_mut(&index).filter(|group| group.present).zip(target) {
            group.follow(target, pass);
        }
    }

    /// Whether it is the turn of this member to be frozen or killed by its group: the largest
    /// contributor, when the one before has had time to help. Always, where measures go to all.
    pub(super) fn is_its_turn(&self, key: MemberKey, choice: &Choice, pass: &Pass<'_>) -> bool {
        let target = self.config.targets.get(usize::from(key.target)).filter(|target| target.per == Per::Group);
        let Some(action) = target.and_then(|target| target.actions.get(choice.action)) else { return true };
        if !takes_one(&action.measure) {
            return true;
        }
        let one_is_taken = self.in_flight.values().any(|flight| {
            !flight.order.undo && flight.order.member.target == key.target && takes_one(&flight.order.measure)
        });
        if one_is_taken {
            return false;
        }
        let before = self.groups.get(&key.target).and_then(|group| group.last_victim);
        let too_soon = before.is_some_and(|at| pass.now < at + action.patience);
        !too_soon && self.largest(key.target, choice, pass) == Some(key)
    }

    /// The member that contributes most to a metric and does not feel the action already.
    pub(super) fn largest(&self, target: u16, choice: &Choice, pass: &Pass<'_>) -> Option<MemberKey> {
        let metrics = &self.config.targets.get(usize::from(target))?.metrics;
        let base = contribution(choice.base);
        let same = |peer: Option<&Arc<str>>| {
            metrics.iter().position(|metric| metric.base == base && metric.peer.as_ref() == peer)
        };
        let column = same(choice.peer.as_ref()).or_else(|| same(None));
        let mut largest: Option<(MemberKey, f64)> = None;
        for (key, member) in self.served(MemberKey { target, slot: 0 }, ActionScope::Target) {
            if member.rungs.iter().any(|rung| rung.action == choice.action && rung.is_taken()) {
                continue;
            }
            let sample = pass.sample.members.get(member.at).filter(|sample| sample.member == key);
            let reading = sample.zip(column).and_then(|(sample, column)| sample.readings.get(column));
            let value = reading.and_then(|reading| reading.value.number());
            // Whoever is known does not pay for what is not known of others.
            let Some(value) = value.or_else(|| column.is_none().then_some(0.0)) else { continue };
            if largest.is_none_or(|(_, most)| value > most) {
                largest = Some((key, value));
            }
        }
        largest.map(|(key, _)| key)
    }
}

/// What one member of several is chosen for.
#[derive(Clone)]
pub(super) struct Choice {
    /// Index of the action.
    pub(super) action: usize,
    /// The metric that is too high.
    pub(super) base: Option<Base>,
    /// Its peer.
    pub(super) peer: Option<Arc<str>>,
}

impl Choice {
    /// `action` for what `metric` has come to.
    pub(super) fn of(action: usize, metric: Option<&Metric>) -> Self {
        Self { action, base: metric.map(|metric| metric.base), peer: metric.and_then(|metric| metric.peer.clone()) }
    }
}

/// Whether it goes to one process at a time.
pub(super) const fn takes_one(measure: &Measure) -> bool {
    measure.is_kill() || measure.is_freeze()
}

/// What a process adds to a metric: for the host's and a cgroup's the nearest of its own.
fn contribution(base: Option<Base>) -> Base {
    match base {
        Some(Base::HostSwapUsed | Base::HostSwapIn | Base::HostSwapOut | Base::CgroupSwap) => Base::Swap,
        Some(Base::HostOpenFiles | Base::FdUsage) => Base::OpenFds,
        Some(Base::HostTimeWait | Base::HostEstablished) => Base::Established,
        Some(own) if own.info().scope == Scope::Process => own,
        Some(_) | None => Base::Rss,
    }
}
