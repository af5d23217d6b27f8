//! How an order ends, whichever measure it is: one constructor an ending, so that nobody has to think
//! again of what goes with what.

use std::sync::Arc;

use crate::kernel::Error;
use crate::model::{Moment, Order, Outcome, OutcomeKind, Reason};

/// How an order ended; whose it was and when is added by [`End::of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    kind: OutcomeKind,
    reason: Reason,
    /// See [`Outcome::untouched`].
    untouched: bool,
    detail: Option<Arc<str>>,
}

impl End {
    const fn new(kind: OutcomeKind, reason: Reason, untouched: bool) -> Self {
        Self { kind, reason, untouched, detail: None }
    }

    /// There is no process any more that anything could reach.
    pub(super) const fn gone() -> Self {
        Self::new(OutcomeKind::Gone, Reason::None, true)
    }

    /// The kill is done.
    pub(super) const fn killed() -> Self {
        Self::new(OutcomeKind::Gone, Reason::None, false)
    }

    /// It must not happen.
    pub(super) const fn vetoed(reason: Reason) -> Self {
        Self::new(OutcomeKind::Vetoed, reason, true)
    }

    /// It would have happened.
    pub(super) const fn dry() -> Self {
        Self::new(OutcomeKind::DryRun, Reason::None, true)
    }

    /// It left us, and nobody confirms it.
    pub(super) const fn delivered() -> Self {
        Self::new(OutcomeKind::Delivered, Reason::None, false)
    }

    /// The kernel says that it is so.
    pub(super) const fn acknowledged() -> Self {
        Self::new(OutcomeKind::Acknowledged, Reason::None, false)
    }

    /// Nothing was done, and it was not for want of a process. `detail` is printable.
    pub(super) fn refused(detail: impl Into<Arc<str>>) -> Self {
        Self::new(OutcomeKind::Failed, Reason::Refused, true).told(detail)
    }

    /// It was done, and does not show in time.
    pub(super) fn overdue(detail: impl Into<Arc<str>>) -> Self {
        Self::new(OutcomeKind::Failed, Reason::Timeout, false).told(detail)
    }

    /// The other side says no or breaks off, and may have done it all the same. `detail` is printable.
    pub(super) fn doubtful(detail: impl Into<Arc<str>>) -> Self {
        Self::new(OutcomeKind::Failed, Reason::Refused, false).told(detail)
    }

    /// The time was over before anything was asked. `detail` is printable.
    pub(super) fn unreached(detail: impl Into<Arc<str>>) -> Self {
        Self::new(OutcomeKind::Failed, Reason::Timeout, true).told(detail)
    }

    /// Too much is under way: it was not taken.
    pub(super) const fn queue_full() -> Self {
        Self::new(OutcomeKind::Failed, Reason::QueueFull, true)
    }

    /// What the kernel said to a try to reach the process; `remedy` is for where a right is missing.
    pub(super) fn from_error(error: Error, remedy: &str) -> Self {
        match error {
            Error::Gone => Self::gone(),
            Error::Denied => Self::refused(format!("permission denied: {remedy}")),
            Error::Malformed(_) | Error::Os(_) => Self::refused(error.to_string()),
        }
    }

    /// The same, with words for people. `detail` is printable.
    pub(super) fn told(self, detail: impl Into<Arc<str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The outcome of `order`.
    pub(super) fn of(self, order: &Order, at: Moment) -> Outcome {
        let Self { kind, reason, untouched, detail } = self;
        Outcome { order: order.id, member: order.member, kind, reason, at, untouched, detail }
    }
}
