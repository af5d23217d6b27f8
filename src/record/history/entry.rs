//! A row: what is in it, and the hash that chains it to the one before.

use std::fmt::Write as _;

use ring::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::record::{Line, Severity};

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What stands before the first row.
pub(super) const GENESIS: Hash = [0; 32];

/// Kinds of rows that are no line of the log: what the history says of itself.
pub(super) const BEGUN: &str = "begun";
pub(super) const LOST: &str = "lost";
pub(super) const PRUNED: &str = "pruned";

/// An event on its way to the disk. The writer gives it its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Milliseconds since 1970 (UTC).
    pub(super) at: i64,
    pub(super) kind: &'static str,
    pub(super) severity: &'static str,
    pub(super) target: Option<String>,
    pub(super) process: Option<i64>,
    pub(super) pid: Option<i64>,
    pub(super) action: Option<String>,
    /// The line of the log.
    pub(super) text: String,
    /// The other fields of the line, as a JSON object.
    pub(super) data: String,
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its number; they go up by one.
    pub number: i64,
    /// When, in milliseconds since 1970 (UTC).
    #[serde(rename = "time", serialize_with = "seconds")]
    pub at: i64,
    /// What kind of event.
    pub kind: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// Name of the target; none for the host and the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The process, as the label of the metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<i64>,
    /// Its pid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Name of the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The line of the log.
    pub text: String,
    /// What else is known of it.
    #[serde(flatten)]
    pub data: Map<String, Value>,
}

/// As everywhere in tradedog's JSON: seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    clippy::trivially_copy_pass_by_ref,
    reason = "exact for 285,000 years; serde's signature"
)]
fn seconds<S: serde::Serializer>(millis: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(*millis as f64 / 1000.0)
}

impl Row {
    /// The row of a line that was told then.
    pub(super) fn of(at: i64, line: &Line) -> Self {
        let fields = &line.fields;
        Self {
            at,
            kind: fields.kind.name(),
            severity: severity(line.severity),
            target: fields.target.as_deref().map(str::to_owned),
            process: fields.process.map(i64::from),
            pid: fields.pid.map(|pid| i64::from(pid.get())),
            action: fields.action.as_deref().map(str::to_owned),
            text: line.text.clone(),
            data: data(line),
        }
    }

    /// One that the history says of itself.
    pub(super) fn own(at: i64, (kind, severity): (&'static str, Severity), text: String) -> Self {
        let severity = self::severity(severity);
        Self { at, kind, severity, target: None, process: None, pid: None, action: None, text, data: "{}".to_owned() }
    }

    /// Its hash as that number after `previous`.
    pub(super) fn hash(&self, number: i64, previous: &Hash) -> Hash {
        let mut chain = Chain::after(previous);
        chain.integer(Some(number)).integer(Some(self.at)).text(Some(self.kind)).text(Some(self.severity));
        chain.text(self.target.as_deref()).integer(self.process).integer(self.pid).text(self.action.as_deref());
        chain.text(Some(&self.text)).text(Some(&self.data));
        chain.finish()
    }
}

/// What the line has as data beyond the columns: numbers as numbers.
fn data(line: &Line) -> String {
    const COLUMNS: [&str; 4] = ["TARGET", "PROCESS", "PID", "ACTION"];
    let mut map = Map::new();
    for (name, value) in line.fields.all() {
        let Some(name) = name.strip_prefix("TRADEDOG_").filter(|name| !COLUMNS.contains(name)) else { continue };
        let number =
            matches!(name, "VALUE" | "BOUND" | "BEFORE" | "ORDER").then(|| value.parse::<serde_json::Number>().ok());
        let value = number.flatten().map_or_else(|| Value::String(value), Value::Number);
        map.insert(name.to_lowercase(), value);
    }
    Value::Object(map).to_string()
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The bytes that are hashed: the hash before, then each column with its type and its length in front, so
/// that no two rows have the same.
pub(super) struct Chain(Context);

impl Chain {
    pub(super) fn after(previous: &Hash) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(previous);
        Self(context)
    }

    pub(super) fn integer(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            None => self.0.update(&[0]),
            Some(value) => {
                self.0.update(&[1]);
                self.0.update(&value.to_be_bytes());
            }
        }
        self
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.update(&[2]);
        self.0.update(&(value.len() as u64).to_be_bytes());
        self.0.update(value);
        self
    }

    fn text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            None => self.integer(None),
            Some(value) => self.bytes(value.as_bytes()),
        }
    }

    pub(super) fn finish(self) -> Hash {
        let mut hash = GENESIS;
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

/// As 64 hexadecimal digits.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
