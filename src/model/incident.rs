//! What is collected of a process before something is done to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{MemberKey, Moment};

/// Why an incident was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A ladder of the process has reached critical.
    Critical,
    /// The process is about to be killed.
    Kill,
}

impl Trigger {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Critical, Self::Kill];

    /// The value of the label `trigger`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Kill => "kill",
        }
    }
}

/// A text file of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Its name: letters, digits, `-`, `_` and one dot.
    pub name: String,
    /// What is in it, in a few words.
    pub about: String,
    /// Printable text, of bounded length.
    pub text: String,
}

/// What could not be collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What, in a few words.
    pub what: String,
    /// Why.
    pub why: String,
    /// The right that it would take; none where no right would help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs: Option<String>,
}

/// What was collected of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The files, in the order in which they were made.
    pub files: Vec<EvidenceFile>,
    /// What is not among them.
    pub missing: Vec<Missing>,
    /// A few counts: `descriptors`, `threads`, `sockets CLOSE_WAIT`.
    pub counts: BTreeMap<String, u64>,
}

impl Evidence {
    /// Adds a file.
    pub fn file(&mut self, name: impl Into<String>, about: impl Into<String>, text: String) {
        self.files.push(EvidenceFile { name: name.into(), about: about.into(), text });
    }

    /// Says that something could not be collected.
    pub fn lacks(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Missing { what: what.into(), why: why.into(), needs: None });
    }

    /// Says that something could not be collected, and which right it would take.
    pub fn lacks_right(&mut self, what: impl Into<String>, why: impl Into<String>, needs: impl Into<String>) {
        self.missing.push(Missing { what: what.into(), why: why.into(), needs: Some(needs.into()) });
    }
}

/// Why an incident is not there, or not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// The disk is full.
    Full,
    /// The file system is read-only.
    ReadOnly,
    /// Its folder cannot be made or written.
    Denied,
    /// The disk does not do what it is asked.
    Io,
    /// Too much is being collected already.
    Busy,
    /// It took longer than `evidence_timeout`: the kill goes ahead.
    Late,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Full, Self::ReadOnly, Self::Denied, Self::Io, Self::Busy, Self::Late];

    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Denied => "denied",
            Self::Io => "io",
            Self::Busy => "busy",
            Self::Late => "late",
        }
    }

    /// What it means and what is to be done about it, as a clause.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Full => "the disk of the state directory is full: make room",
            Self::ReadOnly => "the file system of the state directory is read-only: make it writable",
            Self::Denied => "its folder in the state directory cannot be made: let tradedog's user write there",
            Self::Io => "the disk of the state directory does not do what it is asked: see dmesg",
            Self::Busy => "too much is being collected already",
            Self::Late => "its evidence is not complete within evidence_timeout: the kill goes ahead",
        }
    }
}

/// What became of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// It is there.
    Kept {
        /// Its folder, printable.
        folder: Arc<str>,
        /// How much of it could not be collected.
        missing: usize,
    },
    /// It is not there, or was not waited for.
    Flawed {
        /// Why.
        flaw: Flaw,
        /// What the system said, printable; empty where it said nothing.
        detail: Arc<str>,
    },
}

/// A folder of evidence that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentView {
    /// Name of its target.
    pub target: Arc<str>,
    /// Its name.
    pub id: Arc<str>,
    /// When it was asked for.
    pub at: Moment,
}

/// What is shown of incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentsView {
    /// The last ones, the latest last.
    pub kept: Vec<IncidentView>,
    /// Kills that wait for their evidence: of whom, by which action.
    pub awaited: Vec<(MemberKey, Arc<str>)>,
}

impl IncidentsView {
    /// Empties it, and keeps its room.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.awaited.clear();
    }
}
