//! What is to be done, and what became of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Identity, Level, Measured, MemberKey, Metric, Moment, Url};

/// A number that only this order carries, over all its retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// A signal by the number the kernel knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signal(i32);

impl Signal {
    /// Linux: 1 to 64, of which 32 and 33 belong to the C library.
    pub const fn new(number: i32) -> Option<Self> {
        if number >= 1 && number <= 64 && number != 32 && number != 33 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its bit in the masks of `/proc/PID/status` (`SigCgt` and its sisters).
    pub const fn mask(self) -> u64 {
        1 << (self.0 - 1)
    }
}

/// How far a kill reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KillScope {
    /// The process alone.
    Process,
    /// The process and its descendants.
    Tree,
    /// Everything in its cgroup.
    Cgroup,
}

/// What stops a process for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FreezeBy {
    /// SIGSTOP through the pidfd, taken back by SIGCONT.
    Signal,
    /// `cgroup.freeze` of its cgroup.
    Cgroup,
}

/// Whom one delivery of an action serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ActionScope {
    /// One process.
    #[default]
    Process,
    /// All processes of the target.
    Target,
}

/// A request: POST, no redirects, no proxy, a bounded answer. What a debugger prints of it holds no secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// The URL.
    pub post: Url,
    /// Names and values, as written.
    pub headers: Vec<(String, String)>,
    /// The token of `Authorization: Bearer` is in this file, read anew for each request.
    pub bearer_file: Option<PathBuf>,
    /// Sent in place of the JSON that tells of the order.
    pub body: Option<String>,
    /// The statuses that acknowledge.
    pub expect: Vec<u16>,
    /// Until the answer is complete.
    pub timeout: Duration,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Http")
            .field("post", &self.post)
            .field("headers", &headers)
            .field("bearer_file", &self.bearer_file)
            .field("has_body", &self.body.is_some())
            .field("expect", &self.expect)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// A program with its arguments: no shell. An argument that is `{pid}` is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program, then its arguments.
    pub argv: Vec<String>,
    /// Until it has ended.
    pub timeout: Duration,
}

/// The delivery of an action, complete: the executor has nothing left to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Send a signal that the process handles.
    Signal {
        /// Which.
        signal: Signal,
        /// Send it although no handler shows (signalfd).
        assume_handled: bool,
    },
    /// SIGTERM, then after `grace` SIGKILL.
    Kill {
        /// Time to end by itself.
        grace: Duration,
        /// How far it reaches.
        scope: KillScope,
    },
    /// Stop the process.
    Freeze {
        /// What stops it.
        by: FreezeBy,
        /// It is thawed after this at the latest.
        deadline: Duration,
    },
    /// Let it run again: the undo of a freeze.
    Thaw {
        /// What stopped it.
        by: FreezeBy,
    },
    /// Ask over HTTP.
    Http(Arc<Http>),
    /// Run a program.
    Command(Arc<Command>),
}

impl Measure {
    /// Whether it ends the process.
    pub const fn is_kill(&self) -> bool {
        matches!(self, Self::Kill { .. })
    }

    /// Whether it stops the process.
    pub const fn is_freeze(&self) -> bool {
        matches!(self, Self::Freeze { .. })
    }
}

/// Why an order was given: the reading that made its level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// What was read.
    pub metric: Metric,
    /// The reading.
    pub value: f64,
    /// The bound that it is at or past.
    pub bound: f64,
    /// Since when the threshold has been at this level.
    pub since: Moment,
    /// The measure that had no effect, where that has raised the ladder and no bound of its own; the bound
    /// here is that of the level that the metric itself is at.
    #[serde(default)]
    pub escalated: Option<Arc<Measured>>,
}

/// The decision to carry out one action on one process, or to undo it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Its number, the same over retries.
    pub id: OrderId,
    /// Whom it concerns.
    pub member: MemberKey,
    /// The process that was judged; nobody else may feel the measure.
    pub identity: Identity,
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the ladder; `host` for the host's, `schedule` and `operator` for orders that no level caused.
    pub ladder: Arc<str>,
    /// The level whose rung it is; normal for a scheduled order and an operator's.
    pub level: Level,
    /// Name of the action.
    pub action: Arc<str>,
    /// Whether it takes the action back.
    pub undo: bool,
    /// Whom it serves.
    pub scope: ActionScope,
    /// What to do.
    pub measure: Measure,
    /// A kill: what of ours stops the process, and must let go first.
    pub thaw: Option<FreezeBy>,
    /// Why: of an undo, why the measure had been taken; none for a scheduled order and an operator's.
    pub cause: Option<Cause>,
    /// When it was decided.
    pub decided: Moment,
    /// 1 for the first try.
    pub attempt: u32,
    /// The operator who asked for it, as the log calls him; none where judge decided.
    #[serde(default)]
    pub by: Option<Arc<str>>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeKind {
    /// The measure left us; nobody confirms it (a signal).
    Delivered,
    /// The other side confirmed it.
    Acknowledged,
    /// It could not be delivered.
    Failed,
    /// A brake holds it back for now.
    Held,
    /// It must not happen.
    Vetoed,
    /// Its level was left before it went out.
    Lapsed,
    /// The process is no more: what a kill wants, and what makes other measures pointless.
    Gone,
    /// It would have been carried out.
    DryRun,
}

impl OutcomeKind {
    /// Every kind, in the order of the export.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::Acknowledged,
        Self::Failed,
        Self::Held,
        Self::Vetoed,
        Self::Lapsed,
        Self::Gone,
        Self::DryRun,
    ];

    /// The value of the label `outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Vetoed => "vetoed",
            Self::Lapsed => "lapsed",
            Self::Gone => "gone",
            Self::DryRun => "dry_run",
        }
    }
}

/// Why an order was held, vetoed or failed: the label `reason`, a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing to add.
    None,
    /// Brake: the operator does not want it.
    Inhibited,
    /// Brake: too soon after the last delivery.
    Cooldown,
    /// Brake: the process is younger than `startup_grace`.
    StartupGrace,
    /// Brake: no kill so soon after the process was first seen; nothing so soon after a dry run that did it dry.
    Settling,
    /// Brake: the kills of this hour are spent.
    KillBudget,
    /// Brake: too few members would be left.
    KeepAtLeast,
    /// Brake: not at this hour.
    Calendar,
    /// Brake: the endpoint failed too often in a row.
    Breaker,
    /// Brake: what the kill needs is not acknowledged.
    Needs,
    /// Brake: a kill of this process is under way.
    Killing,
    /// Brake: what is in force could not be remembered.
    StateUnwritable,
    /// Brake: kills do not help; the level is entered again and again.
    CrashLoop,
    /// Brake: the causing reading is unknown.
    Unknown,
    /// Brake: the fresh reading before a kill is not past the bound.
    Unconfirmed,
    /// Veto: not provably the process that was judged.
    Identity,
    /// Veto: pid 1, the daemon itself, its ancestors, kernel threads, sshd, systemd's own.
    Protected,
    /// Veto: another local user could imitate what the target matches by.
    Imitable,
    /// Veto: the process does not handle the signal and would die of it.
    Unhandled,
    /// Failure: no answer, or no exit, in time.
    Timeout,
    /// Failure: the kernel or the other side said no.
    Refused,
    /// Failure: too much is under way.
    QueueFull,
    /// Lapse: the level was left.
    LevelLeft,
}

impl Reason {
    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Inhibited => "inhibited",
            Self::Cooldown => "cooldown",
            Self::StartupGrace => "startup_grace",
            Self::Settling => "settling",
            Self::KillBudget => "kill_budget",
            Self::KeepAtLeast => "keep_at_least",
            Self::Calendar => "calendar",
            Self::Breaker => "breaker",
            Self::Needs => "needs",
            Self::Killing => "killing",
            Self::StateUnwritable => "state_unwritable",
            Self::CrashLoop => "crash_loop",
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Identity => "identity",
            Self::Protected => "protected",
            Self::Imitable => "imitable",
            Self::Unhandled => "unhandled",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::QueueFull => "queue_full",
            Self::LevelLeft => "level_left",
        }
    }

    /// What it means, for a person who sees it for the first time.
    pub const fn help(self) -> &'static str {
        match self {
            Self::None => "nothing to add",
            Self::Inhibited => "the operator holds it back",
            Self::Cooldown => "too soon after the last delivery to this process",
            Self::StartupGrace => "the process is younger than startup_grace",
            Self::Settling => {
                "too soon after the process was first seen, a bound was changed or dry run was switched off"
            }
            Self::KillBudget => "the kill budget is spent",
            Self::KeepAtLeast => "fewer members than keep_at_least would be left",
            Self::Calendar => "not at this hour",
            Self::Breaker => "the endpoint failed five times in a row and is left alone for 30 seconds",
            Self::Needs => "what the kill needs is not acknowledged",
            Self::Killing => "a kill of this process is under way",
            Self::StateUnwritable => "the state file cannot be written, so nobody would remember it after a restart",
            Self::CrashLoop => "killed three times in 30 minutes, and the level was entered again",
            Self::Unknown => "the causing reading is unknown",
            Self::Unconfirmed => "the fresh reading before the kill is not past the bound",
            Self::Identity => "not provably the process that was judged",
            Self::Protected => {
                "a process that is never touched: pid 1, tradedog and its ancestors, kernel threads, sshd, systemd's own"
            }
            Self::Imitable => {
                "another local user could imitate what the target matches by; add user, unit, or a pidfile of root's"
            }
            Self::Unhandled => "the process has no handler for the signal and would die of it",
            Self::Timeout => "no answer in time",
            Self::Refused => "the kernel, this host or the other side said no",
            Self::QueueFull => "too many deliveries are under way",
            Self::LevelLeft => "the level was left before it went out",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the executor reports of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of which order.
    pub order: OrderId,
    /// Whom it concerned.
    pub member: MemberKey,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Moment,
    /// Whether it is certain that the other side did nothing: never sent, not connected, a clear no.
    /// Otherwise a measure that failed may be in force all the same, and must be undone.
    pub untouched: bool,
    /// What the other side said, for people: `HTTP 503`, `exit code 3: no such session`. Printable.
    pub detail: Option<Arc<str>>,
}
