//! Facts worth telling. Every one is an [`Event`]; `record` alone turns it into a log line and a
//! count, so that a log and a metric can never disagree.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Cause, Collected, Effect, Identity, Inhibition, InhibitionEnd, Level, Measured, MemberKey, Moment, Order,
    OutcomeKind, Reason, Trigger, Unknown,
};

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
    Found {
        /// Name of the target.
        target: Arc<str>,
        /// Its seat.
        member: MemberKey,
        /// Who.
        identity: Identity,
    },
    /// A member exited, or stopped matching.
    Gone {
        /// Name of the target.
        target: Arc<str>,
        /// Its seat until now.
        member: MemberKey,
        /// Who.
        identity: Identity,
    },
    /// A process is matched by two targets that do not both say `shared`: no measure reaches it.
    Contested {
        /// Name of the target.
        target: Arc<str>,
        /// Its seat.
        member: MemberKey,
        /// Who.
        identity: Identity,
    },
    /// A ladder of a member stepped.
    LevelChanged {
        /// Name of the target.
        target: Arc<str>,
        /// Whose ladder.
        member: MemberKey,
        /// Who.
        identity: Identity,
        /// Name of the ladder.
        ladder: Arc<str>,
        /// The level that was left.
        from: Level,
        /// The level that holds now.
        to: Level,
        /// The reading that holds it there; none at normal.
        cause: Option<Cause>,
    },
    /// An order went to the executor.
    Ordered(Arc<Order>),
    /// A brake closed on a rung; once per rung and brake.
    Held {
        /// What it holds back.
        order: Arc<Order>,
        /// Which brake.
        reason: Reason,
        /// When it opens, where that is known.
        opens: Option<Moment>,
    },
    /// The brake that held a rung is open again.
    Released {
        /// What goes out now.
        order: Arc<Order>,
        /// Which brake.
        reason: Reason,
    },
    /// A delivery failed and will be tried again.
    Retrying {
        /// What failed.
        order: Arc<Order>,
        /// Why.
        reason: Reason,
        /// What the other side said.
        detail: Option<Arc<str>>,
        /// When it is tried again.
        at: Moment,
    },
    /// The final outcome of an order.
    Ended {
        /// Which.
        order: Arc<Order>,
        /// What became of it.
        kind: OutcomeKind,
        /// Why.
        reason: Reason,
        /// What the other side said.
        detail: Option<Arc<str>>,
    },
    /// What an order did, by the metric that caused it; of several in one window the last.
    Measured {
        /// Which.
        order: Arc<Order>,
        /// Whether it has helped; none where too little was read to say that it has not.
        effect: Option<Effect>,
        /// What was read.
        measured: Arc<Measured>,
    },
    /// `max_attempts` failed or had no effect: nothing more is tried until the level was left.
    GaveUp {
        /// The last attempt.
        order: Arc<Order>,
        /// Why it failed; nothing to add where it was delivered and had no effect.
        reason: Reason,
    },
    /// Fatal is still held back; said again every five minutes.
    StillHeld {
        /// What is held back.
        order: Arc<Order>,
        /// Which brake.
        reason: Reason,
        /// When it opens, where that is known.
        opens: Option<Moment>,
    },
    /// The readings of a metric became unknown, or known again.
    Reading {
        /// Name of the target.
        target: Arc<str>,
        /// Whose reading.
        member: MemberKey,
        /// Who.
        identity: Identity,
        /// Name of the metric.
        metric: Arc<str>,
        /// Why it is unknown; none when it is known again.
        why: Option<Unknown>,
    },
    /// A measure is in force no more, though nobody took it back.
    LeaseEnded {
        /// The order that took it.
        order: Arc<Order>,
    },
    /// A measure that is due to be undone stays in force, because it was taken and undone too often;
    /// said again every five minutes.
    StaysInForce {
        /// The order that took it.
        order: Arc<Order>,
        /// When it may be undone.
        opens: Option<Moment>,
    },
    /// Nobody came after a kill within `expect_successor`.
    SuccessorMissing {
        /// Name of the target.
        target: Arc<str>,
        /// How long was waited.
        within: Duration,
    },
    /// The successor that was missed has come.
    SuccessorCame {
        /// Name of the target.
        target: Arc<str>,
        /// Its seat.
        member: MemberKey,
        /// Who.
        identity: Identity,
    },
    /// A ladder of all processes of a target together, or of the host, stepped.
    LadderStepped {
        /// Name of the target; none for the host.
        target: Option<Arc<str>>,
        /// Name of the ladder.
        ladder: Arc<str>,
        /// The level that was left.
        from: Level,
        /// The level that holds now.
        to: Level,
        /// The reading that holds it there; none at normal.
        cause: Option<Cause>,
    },
    /// As `Reading`, of all processes of a target together, or of the host.
    Seen {
        /// Name of the target; none for the host.
        target: Option<Arc<str>>,
        /// Name of the metric.
        metric: Arc<str>,
        /// Why it is unknown; none when it is known again.
        why: Option<Unknown>,
    },
    /// An operator asked for something over the control socket.
    Asked {
        /// Who, as the log calls him: `alice (uid 1000, pid 4711)`.
        by: Arc<str>,
        /// What, as words after "asks to".
        what: String,
    },
    /// Orders are held back from now on, because an operator wants that.
    Inhibited(Inhibition),
    /// They are not held back any more.
    InhibitionEnded {
        /// Which.
        inhibition: Inhibition,
        /// Why.
        why: InhibitionEnd,
    },
    /// Evidence of a process was collected, or could not be.
    Incident {
        /// Name of the target.
        target: Arc<str>,
        /// Whose.
        member: MemberKey,
        /// Who.
        identity: Identity,
        /// Why.
        trigger: Trigger,
        /// What came of it.
        collected: Collected,
    },
    /// How a target stands, said from time to time.
    Summary {
        /// Name of the target.
        target: Arc<str>,
        /// The highest level among its members, and of all together.
        level: Level,
        /// The rest, as a sentence.
        text: String,
    },
    /// Something about the daemon itself.
    Daemon {
        /// A sentence for the log.
        text: String,
        /// Whether somebody has to do something about it.
        bad: bool,
    },
}
