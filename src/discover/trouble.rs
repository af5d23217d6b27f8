//! What keeps discovery from seeing all there is: sentences for operators, each said once.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::Change;
use crate::config::{Container, Target};
use crate::kernel::Error;
use crate::model::{Pid, printable};

/// Why there may be members that were not found. "None found" is then no fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    /// Index of the target that it is about; none for all.
    pub target: Option<u16>,
    text: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Paths are shown up to this length.
const SHOWN: usize = 200;

impl Trouble {
    fn all(text: String) -> Self {
        Self { target: None, text }
    }

    /// There is no `/proc` to look at.
    pub(super) fn no_proc(error: Error) -> Self {
        Self::all(format!("no process can be seen: /proc: {error}; mount proc where tradedog runs"))
    }

    /// The mount option hidepid.
    pub(super) fn hidden() -> Self {
        Self::all(
            "processes of other users are hidden: /proc is mounted with hidepid, so \"none found\" means nothing; \
             give tradedog the group of the mount option gid=, or mount /proc with hidepid=0"
                .to_owned(),
        )
    }

    /// The daemon's own limit of descriptors is reached.
    pub(super) fn full(room: usize) -> Self {
        Self::all(format!(
            "more processes match than the {room} that tradedog's own limit of open files leaves room for; \
             the others are not watched: raise it (ulimit -n, or LimitNOFILE= of the unit)"
        ))
    }

    /// The discovery thread ended.
    pub(super) fn ended() -> Self {
        Self::all("discovery has ended: new processes are not seen any more; restart tradedog".to_owned())
    }

    /// The executable of a candidate cannot be read.
    pub(super) fn exe(index: u16, target: &Target, error: Error) -> Self {
        let text = format!(
            "target {}: whether match.exe holds cannot be told for some processes: {error}; \
             it needs CAP_SYS_PTRACE, or match by unit or user instead",
            target.name
        );
        Self { target: Some(index), text }
    }

    /// A pidfile cannot be read, or makes no sense.
    pub(super) fn pidfile(index: u16, target: &Target, error: Error) -> Self {
        let text = format!("target {}: pidfile {}: {error}", target.name, pidfile_of(target));
        Self { target: Some(index), text }
    }

    /// A cidfile cannot be read, or makes no sense.
    pub(super) fn cidfile(index: u16, target: &Target, error: Error) -> Self {
        let path = target.selector.cidfile.as_deref().unwrap_or(Path::new(""));
        let path = printable(path.as_os_str().as_encoded_bytes(), SHOWN);
        Self { target: Some(index), text: format!("target {}: cidfile {path}: {error}", target.name) }
    }

    /// An id that was written too short to tell containers apart.
    pub(super) fn ambiguous(index: u16, target: &Target) -> Self {
        let id = target.selector.container.as_ref().map_or("", Container::as_str);
        let text = format!(
            "target {}: the ids of several containers begin with {id}: all of them are watched, none is killed or \
             frozen; write more digits of the one that is meant",
            target.name
        );
        Self { target: Some(index), text }
    }

    /// A pidfile older than the process that has its number.
    pub(super) fn stale(index: u16, target: &Target, pid: Pid) -> Self {
        let text = format!(
            "target {}: pidfile {} is older than process {pid}, which has its number: left behind by another one, \
             so it is not believed; restart the service or remove the file",
            target.name,
            pidfile_of(target)
        );
        Self { target: Some(index), text }
    }
}

fn pidfile_of(target: &Target) -> String {
    let path = target.selector.pidfile.as_deref().unwrap_or(Path::new(""));
    printable(path.as_os_str().as_encoded_bytes(), SHOWN)
}

/// What is wrong now, and what of it was said.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    now: BTreeSet<Trouble>,
    said: BTreeSet<Trouble>,
}

impl Troubles {
    pub(super) fn note(&mut self, trouble: Trouble) {
        self.now.insert(trouble);
    }

    /// Says what is new. After a scan of everything, what was not met any more is over, and would be
    /// new if it came back.
    pub(super) fn say(&mut self, everything: bool, changes: &mut Vec<Change>) {
        changes.extend(self.now.difference(&self.said).cloned().map(Change::Trouble));
        if everything {
            self.said = std::mem::take(&mut self.now);
        } else {
            self.said.append(&mut self.now);
        }
    }
}
