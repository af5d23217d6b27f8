//! How things stand: judge tells it, export shows it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Derived, Growth, Lease, Level, MemberKey, Moment, Reading, Reason, UndoBy, Unknown, Value};

/// A ladder of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LadderView {
    /// Its level.
    pub level: Level,
    /// Since when.
    pub since: Moment,
}

/// A threshold of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdView {
    /// Its level.
    pub level: Level,
    /// Since when.
    pub since: Moment,
    /// Why it sees nothing now; none while it sees.
    pub unknown: Option<Unknown>,
}

/// What is foretold of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastView {
    /// When.
    pub at: Moment,
    /// How fast it grows, a minute.
    pub growth: Value,
    /// Seconds until it is at its end; infinite is never.
    pub time_left: Value,
    /// Which end; none where there is none.
    pub end: Option<End>,
    /// The growth that goes on; none where none does, or it is not known.
    pub growing: Option<Growth>,
}

impl ForecastView {
    /// Nothing is.
    pub const fn unknown(at: Moment, why: Unknown) -> Self {
        Self { at, growth: Value::Unknown(why), time_left: Value::Unknown(why), end: None, growing: None }
    }

    /// Seconds from `now` until it is at `bound`, infinite for never; none where that is not known.
    pub fn until(&self, bound: f64, now: Moment) -> Option<f64> {
        self.growth.number()?;
        let past = now.since(self.at).as_secs_f64();
        Some(self.growing.map_or(f64::INFINITY, |growing| (growing.until(bound) - past).max(0.0)))
    }

    /// One of them.
    pub const fn value(&self, derived: Derived) -> Value {
        match derived {
            Derived::Growth => self.growth,
            Derived::TimeLeft => self.time_left,
        }
    }

    /// One of them, as what a probe would read that often.
    pub const fn reading(&self, derived: Derived, period: Duration) -> Reading {
        Reading { at: self.at, period, value: self.value(derived) }
    }
}

/// Where a metric is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At its fatal bound.
    Fatal,
    /// At the process's own limit.
    Limit,
}

impl End {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Limit => "limit",
        }
    }
}

/// A rung that is not idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RungView {
    /// Whose.
    pub member: MemberKey,
    /// Whose it is.
    pub ladder: RungOf,
    /// Its level.
    pub level: Level,
    /// Index into the target's `actions`.
    pub action: u16,
    /// Where it stands.
    pub standing: Standing,
}

/// Where a rung stands that is not idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is due; another order of the process is in flight.
    Waiting,
    /// Its order is with the executor.
    InFlight,
    /// A brake holds it.
    Held {
        /// Which.
        reason: Reason,
        /// When it opens, where that is known.
        opens: Option<Moment>,
    },
    /// A delivery failed and is tried again.
    Retrying {
        /// Why it failed.
        reason: Reason,
        /// When it is tried again.
        at: Moment,
    },
    /// A veto ended it.
    Vetoed {
        /// Which.
        reason: Reason,
    },
    /// Too many attempts failed.
    GaveUp {
        /// Why the last one did.
        reason: Reason,
    },
    /// Its measure is in force, until it is undone.
    InForce {
        /// Since when.
        since: Moment,
    },
    /// It is done, and its level still holds.
    Done {
        /// When that was.
        at: Moment,
    },
}

/// Where a rung belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RungOf {
    /// To a ladder of its target: index into the target's `ladders`.
    Ladder(u16),
    /// To the host's ladder.
    Host,
    /// To the target's schedule.
    Schedule,
    /// To no ladder: the operator asked for it.
    Operator,
}

/// A measure in force that must be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// The slot of the process; none where it concerns all processes of the target.
    pub process: Option<u32>,
    /// Since when.
    pub since: Moment,
    /// The level that it was taken at.
    pub level: Level,
    /// Whether it stops the process.
    pub freeze: bool,
    /// It is undone so long after nobody needs it any more.
    pub after: Duration,
    /// Who undoes it.
    pub by: UndoBy,
    /// What is to come of it.
    pub standing: LeaseStanding,
}

impl LeaseView {
    /// `lease`, of which `standing` is to come.
    pub fn of(lease: &Lease, standing: LeaseStanding) -> Self {
        Self {
            target: Arc::clone(&lease.order.target),
            action: Arc::clone(&lease.order.action),
            process: lease.process(),
            since: lease.taken,
            level: lease.order.level,
            freeze: lease.order.measure.is_freeze(),
            after: lease.undo.after,
            by: lease.undo.by,
            standing,
        }
    }
}

/// What is to come of a measure in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseStanding {
    /// Delivered, and no answer: it may be in force.
    Doubtful,
    /// The level that it was taken at holds.
    Needed,
    /// Nobody needs it any more; it is undone at that time.
    Undone {
        /// When.
        at: Moment,
    },
    /// Nobody needs it any more; the operator undoes it.
    Operator,
    /// No process is there that it could be undone for.
    Waiting,
    /// It was taken and undone too often; it is undone at that time.
    Cycling {
        /// When, where that is known.
        opens: Option<Moment>,
    },
    /// Its undo is under way.
    Undoing,
    /// Its undo failed and is tried again.
    Retrying {
        /// When.
        at: Moment,
    },
}

/// A brake that is closed now, whatever order comes: when it opens tells whether it will hold one that
/// comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeView {
    /// Whose orders it holds: those of a seat, [`MemberKey::ALL`] for all of a target; none for everybody's.
    pub whom: Option<MemberKey>,
    /// Which of them.
    pub holds: Holds,
    /// Which brake.
    pub reason: Reason,
    /// When it opens, where that is known.
    pub opens: Option<Moment>,
}

/// Which orders a brake holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// All of them.
    Any,
    /// Those of one action: index into the target's `actions`.
    Action(u16),
    /// Kills.
    Kills,
    /// Kills and freezes.
    Deadly,
    /// Kills that have to do with a calendar.
    Hours,
}

impl BrakeView {
    /// Whether it is still closed then.
    pub fn is_closed(&self, at: Moment) -> bool {
        self.opens.is_none_or(|opens| at < opens)
    }
}
