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
}

impl Request {
    /// Reads a line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Reply> {
        serde_json::from_slice(line).map_err(|error| {
            let why = printable(error.to_string().as_bytes(), MOST_CHARS);
            Reply::Refused(format!("this is no request: {why}; ask with tradedog undo, thaw or reload"))
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
