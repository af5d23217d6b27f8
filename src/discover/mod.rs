//! Live processes x selectors -> found, lost.
//!
//! A thread of its own takes the kernel's events, scans and matches ([`Discovery`]), because matching
//! may touch the memory of strangers and wait for their swap. The watch loop takes finished values from it into the
//! [`Roster`], and asks [`recheck`] before every signal.
//!
//! What belongs here: who is a member of which target, and what vetoes must know about it. What does
//! not: any reading that is judged.

mod cidfiles;
mod containers;
mod ears;
mod execs;
mod facts;
mod groups;
mod known;
mod news;
mod pidfiles;
mod recheck;
mod relate;
mod roster;
mod scanner;
mod selector;
mod thread;
mod trouble;
mod units;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::config::Config;
use crate::kernel::{Process, now};
use crate::model::{Identity, MemberKey, Moment};

pub use ears::Way;
pub use execs::Execs;
pub use facts::{Facts, Own, Shape};
pub use recheck::recheck;
pub use roster::{RememberedSeat, Roster};
pub use thread::Discovery;
pub use trouble::Trouble;
pub use units::unit_of;

use scanner::Scanner;

/// What the discovery thread tells the watch loop: finished values.
#[derive(Debug)]
pub enum Change {
    /// A process matches a target. Said again when its facts change, as an exec does.
    Found(Found),
    /// A process that was found matches no more (exec, moved, limits of `members`). An exit is not
    /// said: the pidfd says it sooner.
    Lost {
        /// Index of the target.
        target: u16,
        /// Who left it.
        identity: Identity,
    },
    /// How new processes are noticed from now on.
    Way(Way),
    /// Something keeps discovery from seeing all there is.
    Trouble(Trouble),
}

/// A process that matches.
#[derive(Clone, Debug)]
pub struct Found {
    /// Index of the target.
    pub target: u16,
    /// Held open; shared by shared targets.
    pub process: Arc<Process>,
    /// What was learnt about it while matching.
    pub facts: Facts,
}

/// A live member in its seat.
#[derive(Debug)]
pub struct Member {
    /// Its seat.
    pub key: MemberKey,
    /// Held open.
    pub process: Arc<Process>,
    /// What was learnt about it.
    pub facts: Facts,
    /// When the daemon first saw it.
    pub first_seen: Moment,
}

/// What one scan saw, and what kept it from seeing more.
#[derive(Debug, Default)]
pub struct Survey {
    /// The members of all targets, by target and pid.
    pub found: Vec<Found>,
    /// Why there may be more.
    pub trouble: Vec<Trouble>,
}

/// One scan on the calling thread: for `once`, `check` and the start.
pub fn survey(config: &Config) -> Survey {
    let mut survey = Survey::default();
    let mut changes = Vec::new();
    match Scanner::new(Arc::new(config.clone())) {
        Ok(mut scanner) => scanner.scan(now(), &mut changes),
        Err(error) => changes.push(Change::Trouble(Trouble::no_proc(error))),
    }
    for change in changes {
        match change {
            Change::Found(found) => survey.found.push(found),
            Change::Trouble(trouble) => survey.trouble.push(trouble),
            Change::Lost { .. } | Change::Way(_) => {}
        }
    }
    survey.found.sort_by_key(|found| (found.target, found.process.identity().pid));
    survey
}

/// The members that one scan on the calling thread found.
pub fn scan(config: &Config) -> Vec<Found> {
    survey(config).found
}
