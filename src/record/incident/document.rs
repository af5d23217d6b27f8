//! `incident.json`: what has happened, and what the files beside it are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Evidence, Missing, Trigger};

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// What an incident is about; all texts are printable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Why it was collected.
    pub trigger: Trigger,
    /// When that was, in milliseconds since 1970 (UTC).
    pub at_millis: i64,
    /// The target.
    pub target: String,
    /// The seat of the process.
    pub process: u32,
    /// Its pid.
    pub pid: i32,
    /// When it started, in milliseconds since 1970 (UTC).
    pub started_millis: i64,
    /// The host.
    pub host: String,
    /// Whether nothing was done, but only told.
    pub dry_run: bool,
    /// What was decided, as the log has it.
    pub decision: String,
    /// The reading that caused it; none where an operator wanted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grounds: Option<Grounds>,
    /// The order that is about to go out; none where nothing but a level was reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Ordered>,
}

/// The reading against its bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grounds {
    /// The ladder that it concerns.
    pub ladder: String,
    /// The level.
    pub level: String,
    /// What was read.
    pub metric: String,
    /// The reading.
    pub value: f64,
    /// The bound that it is at or past.
    pub bound: f64,
    /// How long it has been so, in milliseconds.
    pub for_millis: u64,
    /// The action that had no effect, where that has raised the ladder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalated_by: Option<String>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    /// Its number.
    pub number: u64,
    /// The action.
    pub action: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// The operator who wanted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
}

/// A file of the incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub about: String,
    /// Its size.
    pub bytes: u64,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The version of the format.
    pub format: u32,
    /// The version of tradedog.
    pub tradedog: String,
    /// Its own name, which is that of the folder.
    pub id: String,
    /// When it was collected, as RFC 3339.
    pub at: String,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// How long it took to collect.
    pub took_millis: u64,
    /// A few counts.
    pub counts: BTreeMap<String, u64>,
    /// The files beside it.
    pub files: Vec<Listed>,
    /// What is not among them.
    pub missing: Vec<Missing>,
}

impl Document {
    pub(super) fn of(about: &About, evidence: &Evidence, took_millis: u64) -> Self {
        let file = |file: &crate::model::EvidenceFile| Listed {
            name: file.name.clone(),
            about: file.about.clone(),
            bytes: file.text.len() as u64,
        };
        Self {
            format: VERSION,
            tradedog: env!("CARGO_PKG_VERSION").to_owned(),
            id: String::new(),
            at: jiff::Timestamp::from_millisecond(about.at_millis).unwrap_or_default().to_string(),
            about: about.clone(),
            took_millis,
            counts: evidence.counts.clone(),
            files: evidence.files.iter().map(file).collect(),
            missing: evidence.missing.clone(),
        }
    }
}
