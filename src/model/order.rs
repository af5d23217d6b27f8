//! What is to be done, and what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Identity, Level, MemberKey, Metric, Moment};

/// A number that only this order carries, over all its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// A signal by the number the kernel knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KillScope {
    /// The process alone.
    Process,
    /// The process and its descendants.
    Tree,
}

/// The delivery of an action, complete: the executor has nothing left to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Measure {
    /// Whether it ends the process.
    pub const fn is_kill(&self) -> bool {
        matches!(self, Self::Kill { .. })
    }
}

/// Why an order was given: the reading that made its level.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What was read.
    pub metric: Metric,
    /// The reading.
    pub value: f64,
    /// The bound that it is at or past.
    pub bound: f64,
    /// Since when the threshold has been at this level.
    pub since: Moment,
}

/// The decision to carry out one action on one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its number, the same over retries.
    pub id: OrderId,
    /// Whom it concerns.
    pub member: MemberKey,
    /// The process that was judged; nobody else may feel the measure.
    pub identity: Identity,
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the ladder.
    pub ladder: Arc<str>,
    /// The level whose rung it is.
    pub level: Level,
    /// Name of the action.
    pub action: Arc<str>,
    /// What to do.
    pub measure: Measure,
    /// Why.
    pub cause: Cause,
    /// When it was decided.
    pub decided: Moment,
    /// 1 for the first try.
    pub attempt: u32,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing to add.
    None,
    /// Brake: too soon after the last delivery to this process.
    Cooldown,
    /// Brake: the process is younger than `startup_grace`.
    StartupGrace,
    /// Brake: no kill so soon after the process was first seen.
    Settling,
    /// Brake: the kills of this hour are spent.
    KillBudget,
    /// Brake: too few members would be left.
    KeepAtLeast,
    /// Brake: a kill of this process is under way.
    Killing,
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
    /// Lapse: the level was left.
    LevelLeft,
}

impl Reason {
    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cooldown => "cooldown",
            Self::StartupGrace => "startup_grace",
            Self::Settling => "settling",
            Self::KillBudget => "kill_budget",
            Self::KeepAtLeast => "keep_at_least",
            Self::Killing => "killing",
            Self::CrashLoop => "crash_loop",
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Identity => "identity",
            Self::Protected => "protected",
            Self::Imitable => "imitable",
            Self::Unhandled => "unhandled",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::LevelLeft => "level_left",
        }
    }

    /// What it means, for a person who sees it for the first time.
    pub const fn help(self) -> &'static str {
        match self {
            Self::None => "nothing to add",
            Self::Cooldown => "too soon after the last delivery to this process",
            Self::StartupGrace => "the process is younger than startup_grace",
            Self::Settling => "no kill so soon after the process was first seen",
            Self::KillBudget => "the kill budget is spent",
            Self::KeepAtLeast => "fewer members than keep_at_least would be left",
            Self::Killing => "a kill of this process is under way",
            Self::CrashLoop => "killed three times in 30 minutes, and the level was entered again",
            Self::Unknown => "the causing reading is unknown",
            Self::Unconfirmed => "the fresh reading before the kill is not past the bound",
            Self::Identity => "not provably the process that was judged",
            Self::Protected => {
                "a process that is never touched: pid 1, tradedog and its ancestors, kernel threads, sshd, systemd's own"
            }
            Self::Imitable => {
                "another local user could imitate what the target matches by; add user, unit or a pidfile of root's"
            }
            Self::Unhandled => "the process has no handler for the signal and would die of it",
            Self::Timeout => "no answer in time",
            Self::Refused => "refused by the kernel or the other side",
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}
