//! What an action means. How it is written is `check::action`'s.

use std::sync::Arc;
use std::time::Duration;

use super::{Budget, Hours};
use crate::model::{ActionScope, KillScope, Measure, Undo};

/// `[target.NAME.actions.ACTION]`
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// ACTION
    pub name: Arc<str>,
    /// Its delivery.
    pub measure: Measure,
    /// Least time between two deliveries to one process.
    pub cooldown: Duration,
    /// Due again after this while the level holds.
    pub repeat: Option<Duration>,
    /// Failed deliveries, and orders without effect, before it gives up.
    pub max_attempts: u32,
    /// Whom one delivery serves.
    pub scope: ActionScope,
    /// How it is taken back; a freeze always is.
    pub undo: Option<Undo>,
    /// How often it may be taken and undone; beyond that it stays in force.
    pub max_cycles: Budget,
    /// How long it has to help: then its effect is judged, and the next entry of the host's ladder, the
    /// next freeze or kill of a group, wait that long.
    pub patience: Duration,
    /// It is not taken in these hours.
    pub not_during: Vec<Hours>,
    /// What counts as help.
    pub effect: EffectKind,
    /// By which share of the reading that caused it the metric must become better.
    pub min_effect: f64,
    /// What follows where it has had no effect.
    pub escalate: Escalate,
    /// What a kill needs first.
    pub needs: Option<Needs>,
    /// After a kill a new member must be there within this.
    pub expect_successor: Option<Duration>,
}

impl Action {
    /// What it does, and what its undo does.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        std::iter::once(&self.measure).chain(self.undo.as_ref().map(|undo| &undo.measure))
    }
}

impl Default for Action {
    /// The defaults of the configuration, around a kill, for tests to change.
    fn default() -> Self {
        let measure = Measure::Kill { grace: Duration::from_secs(30), scope: KillScope::Process };
        Self {
            name: Arc::default(),
            measure,
            cooldown: Duration::from_secs(60),
            repeat: None,
            max_attempts: 5,
            scope: ActionScope::Process,
            undo: None,
            max_cycles: Budget { max: 3, per: Duration::from_secs(4 * 3600) },
            patience: Duration::from_secs(60),
            not_during: Vec::new(),
            effect: EffectKind::Falls,
            min_effect: 0.05,
            escalate: Escalate::No,
            needs: None,
            expect_successor: None,
        }
    }
}

/// What counts as the effect of a measure, beside that its level is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectKind {
    /// The causing metric becomes better by `min_effect`.
    Falls,
    /// Or it grows less than half as fast as before.
    StopsGrowth,
}

/// What follows where a measure has had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalate {
    /// Nothing: the next level is entered by its own bound.
    No,
    /// The actions of the next level, unless a kill is among them.
    Yes,
    /// The actions of the next level, a kill too.
    ToKill,
}

/// What must be acknowledged before a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Index into the target's `actions`.
    pub action: usize,
    /// How long an answer is waited for once nothing else holds the kill.
    pub within: Duration,
    /// What then.
    pub otherwise: Otherwise,
}

/// What becomes of a kill whose needed measure was not acknowledged in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// It goes ahead.
    Kill,
    /// It is held.
    Hold,
}
