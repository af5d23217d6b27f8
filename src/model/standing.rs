//! How things stand: judge tells it, export shows it.

use super::{Level, MemberKey, Moment, Reason, Unknown};

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

/// A rung that is not idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RungView {
    /// Whose.
    pub member: MemberKey,
    /// Index into the target's `ladders`.
    pub ladder: u16,
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
    /// It is done, and its level still holds.
    Done {
        /// When that was.
        at: Moment,
    },
}
