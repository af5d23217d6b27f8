//! What a reload leaves as it is, beside what outlives a restart too: how long a bound was passed
//! already, which ladder stands since when, which brakes were told of. Only of thresholds, ladders and
//! rungs that are the same in the other configuration.

use std::sync::Arc;

use super::State;
use super::forecast::Series;
use super::member::MemberState;
use super::memory::name_of;
use super::rung::{Rung, RungState};
use super::threshold::ThresholdState;
use super::watched::{Coursed, Rules, Watched};
use crate::config::{Ladder, Target, Threshold};
use crate::model::{Identity, LadderView, Level, Metric, RungName};

/// All that stood before a reload, until everybody was found again.
#[derive(Clone, Debug)]
pub(super) struct Former {
    members: Vec<FormerMember>,
    groups: Vec<(Arc<str>, FormerWatched)>,
    host: FormerWatched,
}

#[derive(Clone, Debug)]
struct FormerMember {
    target: Arc<str>,
    identity: Identity,
    watched: FormerWatched,
    rungs: Vec<FormerRung>,
}

#[derive(Clone, Debug)]
struct FormerRung {
    of: RungName,
    level: Level,
    action: Arc<str>,
    rung: Rung,
}

#[derive(Clone, Debug)]
struct FormerWatched {
    thresholds: Vec<FormerThreshold>,
    ladders: Vec<(Arc<str>, LadderView)>,
    courses: Vec<Option<Box<Coursed>>>,
    forecasts: Vec<(Metric, Series)>,
}

#[derive(Clone, Debug)]
struct FormerThreshold {
    rule: Threshold,
    state: ThresholdState,
}

impl State {
    /// What the same watch under another configuration may keep.
    pub(super) fn former(&self) -> Former {
        let targets = &self.config.targets;
        let seated = self.members.iter().filter_map(|(key, member)| {
            let target = targets.get(usize::from(key.target))?;
            Some(FormerMember::of(member, target))
        });
        // Who has not been found again since the reload before is still as he was then.
        let before = self.former.iter().flat_map(|former| &former.members);
        let missed = before.filter(|member| !self.members.values().any(|seated| seated.identity == member.identity));
        let groups = self.groups.iter().filter_map(|(index, group)| {
            let target = targets.get(usize::from(*index))?;
            let watched = FormerWatched::of(&group.watched, Rules::of_target(target), &names(&target.ladders));
            Some((Arc::clone(&target.name), watched))
        });
        let host = FormerWatched::of(&self.host.watched, Rules::of_host(&self.config), &["host".into()]);
        Former { members: seated.chain(missed.cloned()).collect(), groups: groups.collect(), host }
    }

    /// Takes up what did not change: of the host and of groups now, of members when they are found.
    pub(super) fn take_up(&mut self, former: Former) {
        let config = Arc::clone(&self.config);
        former.host.keep(&mut self.host.watched, Rules::of_host(&config), &["host".into()]);
        for (index, group) in &mut self.groups {
            let Some(target) = config.targets.get(usize::from(*index)) else { continue };
            if let Some((_, watched)) = former.groups.iter().find(|(name, _)| *name == target.name) {
                watched.keep(&mut group.watched, Rules::of_target(target), &names(&target.ladders));
            }
        }
        self.former = Some(former);
    }

    /// Gives a member back what did not change about its thresholds and ladders.
    pub(super) fn keep_watched(&self, member: &mut MemberState, target: &Target) {
        if let Some(former) = self.former_of(member, target) {
            former.watched.keep(&mut member.watched, Rules::of_target(target), &names(&target.ladders));
        }
    }

    /// Gives a member back what was told of its rungs.
    pub(super) fn keep_rungs(&self, member: &mut MemberState, target: &Target) {
        let Some(former) = self.former_of(member, target) else { return };
        for rung in &mut member.rungs {
            let of = name_of(rung.of, target);
            let action = target.actions.get(rung.action).map(|action| &action.name);
            let same = |before: &&FormerRung| {
                Some(&before.of) == of.as_ref() && before.level == rung.level && Some(&before.action) == action
            };
            if let Some(before) = former.rungs.iter().find(same) {
                rung.keep(&before.rung);
            }
        }
    }

    fn former_of(&self, member: &MemberState, target: &Target) -> Option<&FormerMember> {
        let mut members = self.former.iter().flat_map(|former| &former.members);
        members.find(|former| former.target == target.name && former.identity == member.identity)
    }
}

impl FormerMember {
    fn of(member: &MemberState, target: &Target) -> Self {
        let rungs = member.rungs.iter().filter_map(|rung| {
            let action = Arc::clone(&target.actions.get(rung.action)?.name);
            Some(FormerRung { of: name_of(rung.of, target)?, level: rung.level, action, rung: rung.clone() })
        });
        Self {
            target: Arc::clone(&target.name),
            identity: member.identity,
            watched: FormerWatched::of(&member.watched, Rules::of_target(target), &names(&target.ladders)),
            rungs: rungs.collect(),
        }
    }
}

impl FormerWatched {
    fn of(watched: &Watched, rules: Rules<'_>, ladders: &[Arc<str>]) -> Self {
        let thresholds = rules
            .thresholds
            .iter()
            .zip(&watched.thresholds)
            .map(|(rule, state)| FormerThreshold { rule: rule.clone(), state: state.clone() });
        let forecasts = rules
            .forecasts
            .rows
            .iter()
            .zip(&watched.forecasts)
            .filter_map(|(row, series)| Some((rules.metrics.get(row.metric)?.clone(), series.clone())));
        let ladders = ladders.iter().cloned().zip(watched.ladders.iter().copied());
        Self {
            thresholds: thresholds.collect(),
            ladders: ladders.collect(),
            courses: watched.courses.clone(),
            forecasts: forecasts.collect(),
        }
    }

    fn keep(&self, watched: &mut Watched, rules: Rules<'_>, ladders: &[Arc<str>]) {
        watched.keep_courses(&self.courses);
        for (index, rule) in rules.thresholds.iter().enumerate() {
            let same = |former: &&FormerThreshold| former.rule.name == rule.name && former.is_judged_as(rule);
            if let Some(former) = self.thresholds.iter().find(same)
                && let Some(state) = watched.thresholds.get_mut(index)
            {
                *state = former.state.clone();
            }
        }
        for (row, series) in rules.forecasts.rows.iter().zip(&mut watched.forecasts) {
            let former = self.forecasts.iter().find(|(metric, _)| rules.metrics.get(row.metric) == Some(metric));
            if let Some((_, former)) = former {
                *series = former.over(rules.forecasts.window);
            }
        }
        for (name, view) in ladders.iter().zip(&mut watched.ladders) {
            let former = self.ladders.iter().find(|(former, _)| former == name);
            if let Some((_, former)) = former.filter(|(_, former)| former.level == view.level) {
                view.since = former.since;
            }
        }
    }
}

impl FormerThreshold {
    /// Whether the other one asks the same of a reading; which ladder it feeds is not its own affair.
    fn is_judged_as(&self, other: &Threshold) -> bool {
        self.rule.bounds == other.bounds && self.rule.clear_hold == other.clear_hold
    }
}

impl Rung {
    /// What was told while it waited is not told again.
    fn keep(&mut self, former: &Self) {
        if !matches!(self.state, RungState::Due | RungState::InFlight(_) | RungState::Failed { .. }) {
            return;
        }
        self.hold = former.hold;
        self.told.clone_from(&former.told);
        self.reminded = former.reminded;
        self.veto = former.veto;
        self.refused = former.refused;
        self.needs_until = former.needs_until;
        self.not_before = self.not_before.or(former.not_before);
    }
}

fn names(ladders: &[Ladder]) -> Vec<Arc<str>> {
    ladders.iter().map(|ladder| Arc::clone(&ladder.name)).collect()
}
