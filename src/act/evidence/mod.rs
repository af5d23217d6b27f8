//! What is collected of a process before something is done to it: the files of an incident.
//!
//! What belongs here: asking the kernel, the journal, log files and the operator's command, and putting the
//! answers into plain text. What does not: where that is kept (record), when it is asked for and who waits
//! for it (watch). It runs on a thread of its own and takes as long as it takes; every part is bounded. What
//! could not be had is said, with the right that it would take. `environ` is never read.

mod command;
mod descriptors;
mod journal;
mod names;
mod own;
mod plain;
mod sockets;
mod tail;
mod texts;
mod threads;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::{Peer, Wanted};
use crate::kernel::{Error, Look, Process};
use crate::model::Evidence;

/// What it takes to see what another user's process has open.
const DEEP: &str = "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf)";

/// Of whom, and what else.
#[derive(Debug)]
pub struct Subject {
    /// The process, held: nothing here is read of another one.
    pub process: Arc<Process>,
    /// `[peers]`, to call the other side of a socket by its name.
    pub peers: Vec<Peer>,
    /// The log files and the command of its target.
    pub wanted: Wanted,
    /// The unit that its target is matched by; without one the unit that its cgroup tells.
    pub unit: Option<String>,
    /// What the command is told, as variables.
    pub variables: Vec<(&'static str, String)>,
}

/// Collects everything; `stop` ends what takes long.
pub fn collect(subject: &Subject, stop: &AtomicBool) -> Evidence {
    let mut evidence = Evidence::default();
    match subject.process.entry().look() {
        Ok(look) => {
            texts::process(&look, subject, &mut evidence);
            descriptors::collect(&look, subject, &mut evidence);
            threads::collect(&look, &mut evidence);
            texts::limits_and_memory(&look, &mut evidence);
            texts::cgroup(subject, &mut evidence);
            texts::host(&mut evidence);
            look.close();
        }
        Err(error) => lack(&mut evidence, "everything that the kernel tells of it", error),
    }
    if subject.process.has_exited() {
        evidence.lacks("what was read last of the process", "it has ended meanwhile: what is there is of before");
    }
    tail::collect(&subject.wanted.logs, &mut evidence);
    journal::collect(subject, stop, &mut evidence);
    command::collect(subject, stop, &mut evidence);
    evidence
}

/// Says that the kernel did not tell `what`.
fn lack(evidence: &mut Evidence, what: &str, error: Error) {
    match error {
        Error::Denied => evidence.lacks_right(what, "permission denied", DEEP),
        Error::Gone => evidence.lacks(what, "the process has ended, or this kernel does not tell it"),
        Error::Malformed(_) | Error::Os(_) => evidence.lacks(what, error.to_string()),
    }
}

/// Whether nobody wants it any more.
fn is_over(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}

/// A page of the process, as printable lines; what is missing is said.
fn page(look: &Look, (page, what): (crate::kernel::Page, &str), evidence: &mut Evidence) -> Option<String> {
    match look.page(page, plain::MOST_BYTES) {
        Ok(text) => Some(plain::lines(&text)),
        Err(error) => {
            lack(evidence, what, error);
            None
        }
    }
}
