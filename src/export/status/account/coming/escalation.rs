//! What follows when a measure has no effect: `escalate`.

use std::time::Duration;

use super::Coming;
use crate::config::{self, Action, Escalate};
use crate::model::{Level, Scope};

/// The ladder steps up.
#[derive(Clone)]
pub(in crate::export::status) struct StepUp<'a> {
    /// To that level.
    pub(in crate::export::status) to: Level,
    /// So long after the delivery.
    pub(in crate::export::status) after: Duration,
    /// What is done there.
    pub(in crate::export::status) actions: Vec<(&'a config::Target, &'a Action)>,
}

impl StepUp<'_> {
    /// The names of its actions; on the host's ladder each with its target's.
    pub(in crate::export::status) fn names(&self, hosts: bool) -> Vec<String> {
        let name = |(target, action): &(&config::Target, &Action)| {
            if hosts { format!("{}.{}", target.name, action.name) } else { action.name.to_string() }
        };
        self.actions.iter().map(name).collect()
    }
}

/// Where the ladder steps up to after a measure in vain, if it does: `at` is what stands on a level of it. As judge
/// decides it when it is there.
pub(super) fn of<'a>(
    coming: &Coming<'a>,
    action: &Action,
    at: impl Fn(Level) -> Vec<(&'a config::Target, &'a Action)>,
) -> Option<StepUp<'a>> {
    let hosts = coming.row.metric.info().scope == Scope::Host && coming.key.is_some();
    if hosts || action.escalate == Escalate::No || action.measure.is_kill() {
        return None;
    }
    let above = Level::ABOVE_NORMAL.into_iter().filter(|level| *level > coming.level);
    let (to, actions) = above.map(|level| (level, at(level))).find(|(_, actions)| !actions.is_empty())?;
    let kills = actions.iter().any(|(_, action)| action.measure.is_kill());
    (!kills || action.escalate == Escalate::ToKill).then_some(StepUp { to, after: action.patience, actions })
}
