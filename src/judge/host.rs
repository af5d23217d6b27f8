//! The host's ladder: its entries are tried one after the other, lowest level first; the next when
//! the one before has had time to help and the host's level still holds.
//!
//! An entry makes rungs due on the members of its target; from there on everything is as for any
//! rung. What is held, vetoed or fails is passed over and tried in the next round.

use std::sync::Arc;

use super::group::{Choice, takes_one};
use super::rung::{Of, Rung, RungState};
use super::watched::{Rules, Sight, Stepped, Watched};
use super::{Pass, State};
use crate::config::{Config, HostStep};
use crate::model::{Level, MemberKey, Metric, Moment, Note};

/// What is remembered of the host.
#[derive(Debug)]
pub(super) struct HostState {
    pub(super) watched: Watched,
    /// The entry that is tried now.
    current: Option<usize>,
    /// The entry that is tried next.
    pub(super) next: usize,
    /// Until when the one before has time to help.
    pub(super) patience: Option<Moment>,
}

/// All entries of the host's ladder in the order in which they are tried.
pub(super) fn entries(config: &Config) -> impl Iterator<Item = (Level, HostStep)> {
    config.host.ladder.iter().flat_map(|(level, steps)| steps.iter().map(move |step| (level, *step)))
}

impl HostState {
    pub(super) fn new(config: &Config, now: Moment) -> Self {
        Self { watched: Watched::new(Rules::of_host(config), now), current: None, next: 0, patience: None }
    }

    /// The level of the host's ladder.
    pub(super) fn level(&self) -> Level {
        self.watched.level(0)
    }
}

impl State {
    /// Steps the host's thresholds and its ladder.
    pub(super) fn read_host(&mut self, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let rules = Rules::of_host(&config);
        let (sights, changed) = self.host.watched.observe(rules, &pass.sample.host, pass.now);
        self.changed |= changed;
        for Sight { metric, why } in sights {
            pass.tell(Note::Seen { target: None, metric, why });
        }
        self.climb_host(pass);
    }

    /// The host's ladder follows its thresholds.
    pub(super) fn climb_host(&mut self, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        for Stepped { from, to, cause, .. } in self.host.watched.climb(Rules::of_host(&config), pass.now) {
            pass.tell(Note::LadderStepped { target: None, ladder: "host".into(), from, to, cause });
            for rung in self.members.values_mut().flat_map(|member| &mut member.rungs) {
                if matches!(rung.of, Of::Host(_)) && rung.level > to {
                    rung.lapse(pass);
                }
            }
        }
    }

    /// Goes on to the next entry where the one before is through.
    pub(super) fn tend_host(&mut self, pass: &Pass<'_>) {
        let level = self.host.level();
        if level == Level::Normal {
            self.host.current = None;
            self.host.next = 0;
            self.host.patience = None;
            return;
        }
        if let Some(current) = self.host.current {
            if self.host_rungs(current).any(|rung| rung.is_open(pass.now)) {
                return;
            }
            self.pass_over(current);
        }
        if self.host.patience.is_some_and(|until| pass.now < until) {
            return;
        }
        let config = Arc::clone(&self.config);
        let reachable = entries(&config).filter(|(of, _)| *of <= level).count();
        for _ in 0..reachable {
            let entry = self.host.next % reachable;
            self.host.next = (entry + 1) % reachable;
            let step = entries(&config).nth(entry).map(|(_, step)| step);
            if step.is_some_and(|step| self.begin(entry, step, pass)) {
                self.host.current = Some(entry);
                self.changed = true;
                return;
            }
        }
    }

    /// An order of the host's ladder was carried out: it has time to help.
    pub(super) fn host_delivered(&mut self, patience: std::time::Duration, at: Moment) {
        self.host.patience = Some(at + patience);
    }

    /// Makes the entry's rungs due; whether there was one.
    fn begin(&mut self, entry: usize, step: HostStep, pass: &Pass<'_>) -> bool {
        let config = Arc::clone(&self.config);
        let Some((target, index)) = config.targets.get(step.target).zip(u16::try_from(step.target).ok()) else {
            return false;
        };
        let Some(action) = target.actions.get(step.action) else { return false };
        let choice = Choice::of(step.action, self.host_metric().as_ref());
        let one = takes_one(&action.measure).then(|| self.largest(index, &choice, pass));
        let mut any = false;
        for (key, member) in self.members.range_mut(MemberKey { target: index, slot: 0 }..=MemberKey::all_of(index)) {
            if one.is_some_and(|one| one != Some(*key)) {
                continue;
            }
            let ours = member.rungs.iter_mut().filter(|rung| rung.of == Of::Host(entry));
            for rung in ours.filter(|rung| rung.is_ready(pass.now)) {
                rung.state = RungState::Due;
                rung.hold = None;
                any = true;
            }
        }
        any
    }

    fn pass_over(&mut self, entry: usize) {
        self.host.current = None;
        for rung in self.members.values_mut().flat_map(|member| &mut member.rungs) {
            if rung.of == Of::Host(entry) {
                rung.pass_over();
            }
        }
    }

    fn host_rungs(&self, entry: usize) -> impl Iterator<Item = &Rung> {
        self.members.values().flat_map(|member| &member.rungs).filter(move |rung| rung.of == Of::Host(entry))
    }

    /// The metric that holds the host at its level.
    fn host_metric(&self) -> Option<Metric> {
        let rules = Rules::of_host(&self.config);
        let grounds = self.host.watched.grounds(rules, 0, self.host.level())?;
        grounds.cause.map(|cause| cause.metric)
    }
}

impl Rung {
    /// Whether a round of the host's ladder may take it up.
    fn is_ready(&self, now: Moment) -> bool {
        self.state == RungState::Idle && self.not_before.is_none_or(|at| now >= at)
    }

    /// Its order has no outcome yet, and nothing is known that holds it but an answer that is waited for.
    fn is_open(&self, now: Moment) -> bool {
        let waits = self.hold.is_none() || self.needs_until.is_some_and(|until| now < until);
        matches!(self.state, RungState::InFlight(_)) || (self.state == RungState::Due && waits)
    }

    /// Its measure is felt, or about to be.
    pub(super) const fn is_taken(&self) -> bool {
        matches!(self.state, RungState::InFlight(_) | RungState::Done { .. } | RungState::InForce)
    }
}
