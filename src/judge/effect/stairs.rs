//! What stands on the levels of a ladder, as far as it matters when one steps up.

use std::time::Duration;

use crate::config::{Action, Config, EffectKind, Escalate, Target};
use crate::model::{Escalation, Level, Metric, Scope};

/// A course is remembered at least that long: over some readings, whatever the patience.
const SHORTEST: Duration = Duration::from_secs(15);

/// The ladders of a target, or that of the host.
#[derive(Clone, Copy)]
pub(in crate::judge) enum Stairs<'a> {
    Target(&'a Target),
    Host(&'a Config),
}

impl<'a> Stairs<'a> {
    /// The name of a ladder.
    pub(in crate::judge) fn name(self, ladder: usize) -> Option<&'a str> {
        match self {
            Self::Target(target) => target.ladders.get(ladder).map(|ladder| &*ladder.name),
            Self::Host(_) => (ladder == 0).then_some("host"),
        }
    }

    /// How long the course of a metric that feeds the ladder is to be remembered, so that it can be told
    /// whether a measure has stopped its growth; none where no measure is to do that.
    pub(in crate::judge) fn span(self, ladder: usize) -> Option<Duration> {
        let levels = Level::ABOVE_NORMAL.into_iter();
        let actions = levels.flat_map(|level| self.actions(ladder, level));
        let stopping = actions.filter(|action| action.effect == EffectKind::StopsGrowth && !action.measure.is_kill());
        stopping.map(|action| action.patience.max(SHORTEST)).max()
    }

    /// The level that a ladder steps up to when a measure of level `from` has had no effect on `metric`: the
    /// next one with actions. None where there is none, where only a kill would follow that the measure may
    /// not lead to, and where a metric of the host would raise a target's own ladder.
    pub(super) fn next(self, ladder: usize, from: Level, (metric, action): (&Metric, &Action)) -> Option<Level> {
        let hosts = metric.info().scope == Scope::Host && matches!(self, Self::Target(_));
        if hosts || action.escalate == Escalate::No {
            return None;
        }
        let above = Level::ABOVE_NORMAL.into_iter().filter(|level| *level > from);
        let next = above.filter(|level| self.actions(ladder, *level).next().is_some()).min()?;
        let kills = self.actions(ladder, next).any(|action| action.measure.is_kill());
        (!kills || action.escalate == Escalate::ToKill).then_some(next)
    }

    /// Whether the ladders still are so that the escalation would come about.
    pub(in crate::judge) fn allows(self, escalation: &Escalation) -> bool {
        let Escalation { target, ladder, from, to, why, .. } = escalation;
        let ladders = match self {
            Self::Target(target) => target.ladders.len(),
            Self::Host(_) => 1,
        };
        let index = (0..ladders).find(|index| self.name(*index) == Some(&**ladder));
        let step = |action: &Action| self.next(index?, *from, (&why.metric, action));
        self.action(target, &why.action).is_some_and(|action| step(action) == Some(*to))
    }

    fn action(self, target: &str, name: &str) -> Option<&'a Action> {
        let target = match self {
            Self::Target(own) => Some(own).filter(|own| *own.name == *target),
            Self::Host(config) => config.targets.iter().find(|other| *other.name == *target),
        };
        target?.actions.iter().find(|action| *action.name == *name)
    }

    fn actions(self, ladder: usize, level: Level) -> impl Iterator<Item = &'a Action> {
        let (own, hosts) = match self {
            Self::Target(target) => (Some(target.rungs(ladder, level)), None),
            Self::Host(config) => (None, config.host.ladder.get(level).map(|steps| (config, steps))),
        };
        let hosts = hosts.into_iter().flat_map(|(config, steps)| {
            steps.iter().filter_map(|step| config.targets.get(step.target)?.actions.get(step.action))
        });
        own.into_iter().flatten().map(|(_, action)| action).chain(hosts)
    }
}
