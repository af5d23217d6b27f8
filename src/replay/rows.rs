//! What was told, as rows for programs: the orders and the levels of a replay.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::run::Replay;
use crate::model::{Cause, Event, Level, MemberKey, Moment, Note, Order, OutcomeKind, Reason};

/// An order at its final outcome, or a brake that has closed on one: what `tradedog_orders_total` counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrderRow {
    /// When.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// Name of the target.
    pub target: Arc<str>,
    /// Which process.
    pub process: Arc<str>,
    /// Name of the ladder; `host`, `schedule`.
    pub ladder: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Whether it takes the action back.
    pub undo: bool,
    /// The level whose rung it is.
    #[serde(serialize_with = "as_text")]
    pub level: Level,
    /// The causing metric; none for what is scheduled.
    pub metric: Option<String>,
    /// The causing reading.
    pub value: Option<f64>,
    /// What became of it.
    #[serde(serialize_with = "by_name")]
    pub outcome: OutcomeKind,
    /// Why.
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
}

/// A ladder that stepped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelRow {
    /// When.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// Name of the target; none for the host.
    pub target: Option<Arc<str>>,
    /// Which process; `all` for all of a target together, none for the host.
    pub process: Option<Arc<str>>,
    /// Name of the ladder.
    pub ladder: Arc<str>,
    /// The level that was left.
    #[serde(serialize_with = "as_text")]
    pub from: Level,
    /// The level that holds now.
    #[serde(serialize_with = "as_text")]
    pub to: Level,
    /// The metric that holds it there; none at normal.
    pub metric: Option<String>,
    /// Its reading.
    pub value: Option<f64>,
}

impl OrderRow {
    /// Whether it went out: no brake, veto or lapse.
    pub const fn went_out(&self) -> bool {
        matches!(
            self.outcome,
            OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::Gone | OutcomeKind::Failed
        )
    }
}

impl Replay {
    /// The row of an event that ends or holds an order; none of others.
    pub fn order_row(&self, event: &Event) -> Option<OrderRow> {
        let (order, outcome, reason) = counted(&event.note)?;
        let (metric, value) = of_cause(order.cause.as_ref());
        Some(OrderRow {
            time: self.wall(event.at),
            target: Arc::clone(&order.target),
            process: self.name(order.member),
            ladder: Arc::clone(&order.ladder),
            action: Arc::clone(&order.action),
            undo: order.undo,
            level: order.level,
            metric,
            value,
            outcome,
            reason,
        })
    }

    /// The row of an event that steps a ladder; none of others.
    pub fn level_row(&self, event: &Event) -> Option<LevelRow> {
        let step = |target: Option<&Arc<str>>, process: Option<Arc<str>>, ladder: &Arc<str>| LevelRow {
            time: self.wall(event.at),
            target: target.map(Arc::clone),
            process,
            ladder: Arc::clone(ladder),
            from: Level::Normal,
            to: Level::Normal,
            metric: None,
            value: None,
        };
        let (row, from, to, cause) =
            if let Note::LevelChanged { target, member, ladder, from, to, cause, .. } = &event.note {
                (step(Some(target), Some(self.name(*member)), ladder), *from, *to, cause)
            } else if let Note::LadderStepped { target, ladder, from, to, cause } = &event.note {
                let all = target.as_ref().map(|_| self.name(MemberKey::all_of(0)));
                (step(target.as_ref(), all, ladder), *from, *to, cause)
            } else {
                return None;
            };
        let (metric, value) = of_cause(cause.as_ref());
        Some(LevelRow { from, to, metric, value, ..row })
    }

    /// A time as it is written for programs.
    pub fn time(&self, moment: Moment) -> String {
        self.wall(moment).to_string()
    }
}

/// What `tradedog_orders_total` counts.
fn counted(note: &Note) -> Option<(&Order, OutcomeKind, Reason)> {
    if let Note::Ended { order, kind, reason, .. } = note {
        return Some((order, *kind, *reason));
    }
    if let Note::Held { order, reason, .. } = note {
        return Some((order, OutcomeKind::Held, *reason));
    }
    None
}

fn of_cause(cause: Option<&Cause>) -> (Option<String>, Option<f64>) {
    (cause.map(|cause| cause.metric.to_string()), cause.map(|cause| cause.value))
}

fn as_text<S: Serializer>(what: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(what)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn by_name<S: Serializer>(kind: &OutcomeKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}
