//! What ends an order: it must not happen at all. One list, asked right before delivery, on the
//! process as it is then.

mod strangers;

use std::sync::Arc;

use super::Errand;
use super::end::End;
use crate::config::{Per, Target};
use crate::discover::{Member, recheck};
use crate::kernel::{Error, Process, Status};
use crate::model::{ActionScope, Measure, Order, Reason};

pub(super) use strangers::admit as admit_cgroup;

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
        return Err(End::gone());
    }
    recheck(member, target, buffer).map_err(End::vetoed)?;
    let status = status(&member.process, buffer)?;
    let case = Case { order, member, status };
    let veto = VETOES.iter().find(|(_, speaks)| speaks(&case));
    veto.map_or(Ok(()), |(reason, _)| Err(End::vetoed(*reason)))
}

/// What an order is asked that takes a measure back: nothing about the target, which may match the
/// process no more or may be gone from the configuration, and nothing about a process where the measure
/// was for the whole target.
pub(super) fn admit_undo(order: &Order, find: impl FnOnce() -> Result<Arc<Process>, End>) -> Result<(), End> {
    match order.measure {
        Measure::Http(_) | Measure::Command(_) if order.scope == ActionScope::Target => Ok(()),
        Measure::Http(_) | Measure::Command(_) | Measure::Thaw { .. } => find().map(drop),
        Measure::Signal { signal, assume_handled } => {
            let handles = status(&*find()?, &mut Vec::new())?.handles(signal);
            if assume_handled || handles { Ok(()) } else { Err(End::vetoed(Reason::Unhandled)) }
        }
        Measure::Kill { .. } | Measure::Freeze { .. } => Err(End::refused("a kill or a freeze takes nothing back")),
    }
}

fn status(process: &Process, buffer: &mut Vec<u8>) -> Result<Status, End> {
    process.status(buffer).map_err(|error| match error {
        Error::Gone => End::gone(),
        Error::Denied | Error::Malformed(_) | Error::Os(_) => End::vetoed(Reason::Identity),
    })
}

/// Two targets claim the process and do not both share: whose it is, is not known.
fn contested(case: &Case<'_>) -> bool {
    case.member.facts.contested
}

fn protected(case: &Case<'_>) -> bool {
    case.member.facts.protected.is_some()
}

/// What ends or stops a process needs an anchor that another local user cannot imitate.
fn imitable(case: &Case<'_>) -> bool {
    let measure = &case.order.measure;
    (measure.is_kill() || measure.is_freeze()) && !case.member.facts.anchored
}

/// What a group comes to is the sum of all its members: whoever could put one beside them could have the
/// largest of them ended.
pub(super) fn admit_together(errand: Errand<'_>, target: &Target) -> Result<(), End> {
    let Errand { order, member, roster } = errand;
    let dangerous = order.measure.is_kill() || order.measure.is_freeze();
    if target.per != Per::Group || !dangerous || order.by.is_some() {
        return Ok(());
    }
    let ours = roster.members().iter().filter(|other| other.key.target == member.key.target);
    let loose = ours.filter(|other| !other.facts.anchored).find(|other| !other.process.has_exited());
    loose.map_or(Ok(()), |other| {
        let pid = other.process.identity().pid;
        Err(End::vetoed(Reason::Imitable)
            .told(format!("pid {pid}, which counts with it, is one that others could imitate")))
    })
}

/// A signal without a handler ends the process or is lost: its default action, ignored, blocked.
fn unhandled(case: &Case<'_>) -> bool {
    let Measure::Signal { signal, assume_handled } = case.order.measure else { return false };
    !assume_handled && !case.status.handles(signal)
}
