//! Live processes x selectors -> found, gone.

use std::sync::Arc;

use crate::config::Config;
use crate::kernel::Process;
use crate::model::{Identity, MemberKey, Moment};

/// What the discovery thread tells the watch loop: finished values.
pub enum Change {
    /// A process matches a target.
    Found(Found),
    /// A process that was found matches no more (exec, moved, limits of `members`).
    Lost { target: u16, identity: Identity },
}

/// A process that matches.
#[derive(Clone)]
pub struct Found {
    /// Index of the target.
    pub target: u16,
    /// Held open; shared by shared targets.
    pub process: Arc<Process>,
    /// What was learnt about it while matching.
    pub facts: Facts,
}

/// What vetoes and displays need to know about a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Matched by something that another local user cannot imitate.
    pub anchored: bool,
    /// Never to be touched, and why (pid 1, ancestor, kernel thread, sshd, systemd).
    pub protected: Option<&'static str>,
    /// Matched by two targets that do not both say `shared`.
    pub contested: bool,
    /// Real and effective uid when matched.
    pub uids: (u32, u32),
    /// comm, escaped and capped: for people only.
    pub comm: String,
    /// Changes with every exec where the kernel lets us see it.
    pub exec_generation: Option<u64>,
}

/// One scan on the calling thread: for `once`, `check` and the start.
pub fn scan(_config: &Config) -> Vec<Found> {
    todo!()
}

/// A live member in its seat.
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

/// Who is watched now: owned by the watch loop.
#[derive(Default)]
pub struct Roster {}
