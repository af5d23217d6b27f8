//! What ends an order: it must not happen at all. One list, asked right before delivery, on the
//! process as it is then.

use super::End;
use crate::config::Target;
use crate::discover::{Member, recheck};
use crate::kernel::{Error, Status};
use crate::model::{Measure, Order, OutcomeKind, Reason};

/// What the vetoes look at.
struct Case<'a> {
    order: &'a Order,
    member: &'a Member,
    /// `/proc/PID/status`, read for this order.
    status: Status,
}

/// Whether it speaks against the order.
type Veto = fn(&Case<'_>) -> bool;

/// Every veto that needs no further look at the kernel, in the order in which they are asked. The
/// identity is asked before them.
const VETOES: &[(Reason, Veto)] = &[
    (Reason::Identity, contested),
    (Reason::Protected, protected),
    (Reason::Imitable, imitable),
    (Reason::Unhandled, unhandled),
];

/// Lets the order pass, or says how it ends.
pub(super) fn admit(order: &Order, member: &Member, target: &Target, buffer: &mut Vec<u8>) -> Result<(), End> {
    if member.process.has_exited() {
        return Err((OutcomeKind::Gone, Reason::None));
    }
    recheck(member, target, buffer).map_err(|reason| (OutcomeKind::Vetoed, reason))?;
    let status = member.process.status(buffer).map_err(|error| match error {
        Error::Gone => (OutcomeKind::Gone, Reason::None),
        Error::Denied | Error::Malformed(_) | Error::Os(_) => (OutcomeKind::Vetoed, Reason::Identity),
    })?;
    let case = Case { order, member, status };
    let veto = VETOES.iter().find(|(_, speaks)| speaks(&case));
    veto.map_or(Ok(()), |(reason, _)| Err((OutcomeKind::Vetoed, *reason)))
}

/// Two targets claim the process and do not both share: whose it is, is not known.
fn contested(case: &Case<'_>) -> bool {
    case.member.facts.contested
}

fn protected(case: &Case<'_>) -> bool {
    case.member.facts.protected.is_some()
}

/// A kill needs an anchor that another local user cannot imitate.
fn imitable(case: &Case<'_>) -> bool {
    case.order.measure.is_kill() && !case.member.facts.anchored
}

/// A signal without a handler ends the process or is lost: its default action, ignored, blocked.
fn unhandled(case: &Case<'_>) -> bool {
    let Measure::Signal { signal, assume_handled } = case.order.measure else { return false };
    !assume_handled && !case.status.handles(signal)
}
