//! Facts worth telling. Every one is an [`Event`]; `record` alone turns it into a log line and a
//! count, so that a log and a metric can never disagree.

use std::sync::Arc;

use super::{Cause, Identity, Level, MemberKey, Moment, Order, OutcomeKind, Reason, Unknown};

/// A fact, with when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// What.
    pub note: Note,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A process became a member.
    Found { target: Arc<str>, member: MemberKey, identity: Identity },
    /// A member exited, or stopped matching.
    Gone { target: Arc<str>, member: MemberKey, identity: Identity },
    /// A process is matched by two targets that do not both say `shared`: no measure reaches it.
    Contested { target: Arc<str>, member: MemberKey, identity: Identity },
    /// A ladder of a member stepped.
    LevelChanged {
        target: Arc<str>,
        member: MemberKey,
        identity: Identity,
        ladder: Arc<str>,
        from: Level,
        to: Level,
        cause: Option<Cause>,
    },
    /// An order went to the executor.
    Ordered(Arc<Order>),
    /// A brake closed on a rung; once per rung and brake. `opens` where that is known.
    Held { order: Arc<Order>, reason: Reason, opens: Option<Moment> },
    /// The brake that held a rung is open again.
    Released { order: Arc<Order>, reason: Reason },
    /// A delivery failed and will be tried again.
    Retrying { order: Arc<Order>, reason: Reason, at: Moment },
    /// The final outcome of an order.
    Ended { order: Arc<Order>, kind: OutcomeKind, reason: Reason },
    /// `max_attempts` failed: nothing more is tried until the level was left.
    GaveUp { order: Arc<Order>, reason: Reason },
    /// Fatal is still held back; said again every five minutes.
    StillHeld { order: Arc<Order>, reason: Reason, opens: Option<Moment> },
    /// The readings of a metric became unknown, or known again (`why` is none).
    Reading { target: Arc<str>, member: MemberKey, identity: Identity, metric: Arc<str>, why: Option<Unknown> },
    /// Something about the daemon itself: a sentence for the log, and whether it is bad.
    Daemon { text: String, bad: bool },
}
