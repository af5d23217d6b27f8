//! What a measure did: it is measured afterwards, by the metric that caused the order.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Course, Level, Metric, Moment, Order, OrderId};

/// Whether a measure has helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// The causing metric became better, its level was left, or it grows far less than before.
    Effective,
    /// Nothing of that within `patience`.
    Ineffective,
}

impl Effect {
    /// Both, in the order of the export.
    pub const ALL: [Self; 2] = [Self::Effective, Self::Ineffective];

    /// The value of the label `effect`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Ineffective => "ineffective",
        }
    }
}

/// What was read of the causing metric, before a measure and after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Name of the action.
    pub action: Arc<str>,
    /// The metric that caused its order.
    pub metric: Metric,
    /// The reading that caused it.
    pub from: f64,
    /// The best reading since the delivery where it has helped, else the last one; none where nothing was
    /// known.
    pub to: Option<f64>,
    /// How long it had to help.
    pub within: Duration,
    /// How fast the metric became worse, where the action is to stop that.
    pub growth: Option<Slowing>,
}

/// How fast a metric became worse before a measure and after it, in its unit a minute; what was not
/// distinguishable from standing still is zero or less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slowing {
    /// Before the delivery; none where too little was known.
    pub before: Option<f64>,
    /// Since then; none where too little was known.
    pub after: Option<f64>,
}

/// A ladder stands higher than its readings ask for, because a measure of a lower level had no effect. It
/// does so until the own level of the causing metric falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// Name of the target whose action had no effect.
    pub target: Arc<str>,
    /// Name of the ladder; `host` for the host's.
    pub ladder: Arc<str>,
    /// The level of the measure that had no effect.
    pub from: Level,
    /// The level that the ladder has.
    pub to: Level,
    /// Since when.
    pub since: Moment,
    /// The level of the causing metric by its own bounds.
    pub own: Level,
    /// Why.
    pub why: Arc<Measured>,
}

/// Whose readings tell what a measure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The process that was judged.
    Process,
    /// All processes of its target together.
    Group,
    /// The host.
    Host,
}

/// The time in which a measure is to help. Orders that go out in one another's window share it and are
/// judged as one, under the last of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The number of the first order.
    pub id: OrderId,
    /// The last order.
    pub order: Arc<Order>,
    /// Whose readings count.
    pub subject: Subject,
    /// When the last order was delivered.
    pub from: Moment,
    /// When it is judged.
    pub until: Moment,
    /// The measure has helped once the causing metric is below this level by its own bounds.
    pub level: Level,
    /// Whether it was.
    pub left: bool,
    /// The best reading since `from`.
    pub best: Option<f64>,
    /// The last reading since `from` that says something.
    pub last: Option<f64>,
    /// When that was read.
    pub last_at: Moment,
    /// When the metric was last read, whether that said something or not.
    pub read: Moment,
    /// How fast it became worse before the first order, a second; none where too little was known.
    pub growth: Option<f64>,
    /// How it went on.
    pub course: Course,
}
