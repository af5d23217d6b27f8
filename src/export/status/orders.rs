//! What was ordered and what came of it, and where nothing has come of it.

use serde::{Deserialize, Serialize};

use super::is_false;

/// Why a ladder stands higher than its readings ask for: a measure of a lower level had no effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalated {
    /// The action that had no effect.
    pub action: String,
    /// Its level.
    pub from: String,
    /// The level that the ladder has for that reason.
    pub to: String,
    /// Since when.
    pub since: f64,
    /// The metric that has raised it, until its own level falls.
    pub metric: String,
    /// The same in words.
    pub reason: String,
}

/// An order at its final outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedOrder {
    /// Its number.
    pub order: u64,
    /// When it ended.
    pub time: f64,
    /// Its target.
    pub target: String,
    /// The slot of its process.
    pub process: u32,
    /// The pid of its process.
    pub pid: i32,
    /// Its action.
    pub action: String,
    /// Whether it took the action back.
    #[serde(skip_serializing_if = "is_false", default)]
    pub undo: bool,
    /// The level whose rung it was; normal of a scheduled order.
    pub level: String,
    /// What made that level; absent when none did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<String>,
    /// The reading.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// The bound that it was at or past.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<f64>,
    /// The action whose order had no effect, where that is why this one went out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalated_by: Option<String>,
    /// What became of it.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// What it did: effective, ineffective, unknown; absent while that is not judged, or is not at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect: Option<String>,
    /// The reading by which that was judged, to be compared with `value`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect_value: Option<f64>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect_reason: Option<String>,
}
