//! What is said over the socket: each a line of JSON.

use serde::{Deserialize, Serialize};

use crate::model::{LeaseView, printable};

/// Longest text of a client that is told back.
const MOST_CHARS: usize = 200;

/// What an operator may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Undo measures of a target that are in force.
    Undo {
        /// Name of the target.
        target: String,
        /// Name of the action; none for all of the target.
        #[serde(default)]
        action: Option<String>,
    },
    /// Undo every measure that is in force.
    UndoAll,
    /// Let every process run again that we stopped.
    Thaw,
    /// Read the configuration again, whole or not at all.
    Reload,
    /// Tell which measures are in force.
    Leases,
    /// Take a measure now. Cooldown and budget do not hold it; vetoes do.
    Act {
        /// Name of the target.
        target: String,
        /// Name of the action.
        action: String,
        /// On whom.
        whom: Whom,
        /// Whether a kill waits for the measure that it `needs`.
        #[serde(default)]
        needs: bool,
    },
    /// Tell what has become of orders, by their numbers.
    Orders(Vec<u64>),
    /// Hold back the orders of a target, or of one of its actions.
    Inhibit {
        /// Name of the target.
        target: String,
        /// Name of the action; none for all of the target.
        #[serde(default)]
        action: Option<String>,
        /// For how long, in seconds; none for the longest there is.
        #[serde(default)]
        seconds: Option<u64>,
        /// Until a process is there that was born after this.
        #[serde(default)]
        until_successor: bool,
    },
    /// Hold them back no more.
    Release {
        /// Name of the target.
        target: String,
        /// Name of the action; none for all that is held back of the target.
        #[serde(default)]
        action: Option<String>,
    },
    /// Hold back nothing any more.
    ReleaseAll,
    /// Tell what is held back.
    Inhibitions,
    /// Tell how everything stands, as `/api/v1/status` does.
    Status,
}

/// On which processes of a target an operator wants a measure taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// On the only one; refused where there are several and each would feel its own.
    Only,
    /// On the one in that slot: the label `process`.
    Slot(u32),
    /// On each of them.
    All,
}

/// What has become of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAnswer {
    /// Its number.
    pub order: u64,
    /// Whether nothing more comes of it.
    pub over: bool,
    /// Whether it was done, or would have been.
    pub done: bool,
    /// A line for the operator.
    pub text: String,
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or on its way: lines for the operator.
    Done(Vec<String>),
    /// It was not done: why, and what to do.
    Refused(String),
    /// The measures in force.
    Leases(Vec<LeaseView>),
    /// What was ordered, to be followed by [`Request::Orders`].
    Ordered(Vec<OrderAnswer>),
    /// How everything stands: the document of `/api/v1/status`, as text.
    Status(String),
}

impl Request {
    /// Whether it only asks how things stand.
    pub const fn is_question(&self) -> bool {
        matches!(self, Self::Leases | Self::Orders(_) | Self::Inhibitions | Self::Status)
    }

    /// Reads a line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Reply> {
        serde_json::from_slice(line).map_err(|error| {
            let why = printable(error.to_string().as_bytes(), MOST_CHARS);
            Reply::Refused(format!(
                "this is no request: {why}; ask with tradedog act, inhibit, release, undo, thaw or reload"
            ))
        })
    }
}

impl Reply {
    /// As a line.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_else(|error| {
            // Only a map with keys that are no text cannot be written, and there is none.
            format!("{{\"refused\":\"the answer could not be written: {error:?}\"}}").into_bytes()
        });
        line.push(b'\n');
        line
    }
}
