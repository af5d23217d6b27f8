//! What would hold a measure at a time that is still to come.

use super::{Plan, span};
use crate::config::{Action, Hours, Target};
use crate::export::Snapshot;
use crate::model::{BrakeView, Holds, MemberKey, Moment, Reason};

/// A brake that is closed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export::status) struct Closed {
    /// Which.
    pub(in crate::export::status) reason: Reason,
    /// When it opens, where that is known.
    pub(in crate::export::status) opens: Option<Moment>,
}

/// Every brake that is closed at `at` for a measure at a seat; of the host's ladder, none is known which.
pub(super) fn of(snapshot: &Snapshot, (key, plan): (Option<MemberKey>, &Plan<'_>), at: Moment) -> Vec<Closed> {
    let Some(target) = snapshot.config.targets.iter().position(|target| target.name == plan.target.name) else {
        return Vec::new();
    };
    let target = u16::try_from(target).unwrap_or(u16::MAX);
    let key = key.unwrap_or(MemberKey::all_of(target));
    let all_of = MemberKey::all_of(target);
    let together = key.slot == MemberKey::ALL;
    let concerns = |whom: MemberKey| whom == key || whom == all_of || (together && whom.target == target);
    let closed = snapshot.brakes.iter().filter(|brake| brake.whom.is_none_or(concerns));
    let closed: Vec<&BrakeView> = closed.filter(|brake| holds(brake, plan) && brake.is_closed(at)).collect();
    let mut all: Vec<Closed> = Vec::new();
    for brake in closed.iter().filter(|brake| brake.whom.is_none_or(|whom| whom == key || whom == all_of)) {
        push(&mut all, Closed { reason: brake.reason, opens: brake.opens });
    }
    if together {
        of_each(snapshot, target, &closed, &mut all);
    }
    if let Some(hours) = by_the_hour(snapshot, plan, at) {
        push(&mut all, hours);
    }
    all
}

/// One of a kind, the one that opens last.
fn push(all: &mut Vec<Closed>, closed: Closed) {
    match all.iter_mut().find(|one| one.reason == closed.reason) {
        Some(one) => one.opens = one.opens.zip(closed.opens).map(|(one, other)| one.max(other)),
        None => all.push(closed),
    }
}

/// All processes together are held by what holds each of them, until the first is free.
fn of_each(snapshot: &Snapshot, target: u16, closed: &[&BrakeView], all: &mut Vec<Closed>) {
    let members = || snapshot.members().iter().filter(|member| member.key.target == target);
    let reasons: Vec<Reason> = closed.iter().filter(|brake| brake.whom.is_some()).map(|brake| brake.reason).collect();
    for reason in reasons {
        let of = |key: MemberKey| closed.iter().find(|brake| brake.reason == reason && brake.whom == Some(key));
        let each: Vec<_> = members().map(|member| of(member.key)).collect();
        if !each.is_empty() && each.iter().all(Option::is_some) && !all.iter().any(|one| one.reason == reason) {
            let opens = each.into_iter().flatten().filter_map(|brake| brake.opens).min();
            all.push(Closed { reason, opens });
        }
    }
}

fn holds(brake: &BrakeView, plan: &Plan<'_>) -> bool {
    let measure = &plan.action.measure;
    let index =
        |at: u16| plan.target.actions.get(usize::from(at)).is_some_and(|action| action.name == plan.action.name);
    // What names an action by its index means one of that target alone.
    match brake.holds {
        Holds::Any => true,
        Holds::Action(at) => index(at),
        Holds::Kills => measure.is_kill(),
        Holds::Deadly => measure.is_kill() || measure.is_freeze(),
        Holds::Hours => measure.is_kill() && plan.target.hours_of(plan.action).next().is_some(),
    }
}

/// Hours in which it is not taken, and calendars that no kill may be based upon.
fn by_the_hour(snapshot: &Snapshot, plan: &Plan<'_>, at: Moment) -> Option<Closed> {
    let (config, then) = (&snapshot.config, snapshot.wall.instant(at));
    let Plan { target, action, .. } = *plan;
    let is_held = |hours: &Hours| {
        config.calendars.get(hours.calendar).is_some_and(|calendar| calendar.is_held(hours.session, then))
    };
    if action.not_during.iter().any(is_held) {
        let end = config.hours_end(&action.not_during, then);
        let opens = end.map(|end| at + span(end.duration_since(then).as_secs_f64()));
        return Some(Closed { reason: Reason::Calendar, opens });
    }
    let doubtful = |target: &Target, action: &Action| {
        let mut calendars = target.hours_of(action).filter_map(|hours| config.calendars.get(hours.calendar));
        calendars.any(|calendar| calendar.doubt(then).is_some())
    };
    let held = action.measure.is_kill() && doubtful(target, action);
    held.then_some(Closed { reason: Reason::Calendar, opens: None })
}
