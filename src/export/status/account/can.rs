//! Commands that make sense now, to copy. None that would be refused.

use std::cmp::Reverse;

use super::Scene;
use super::seats::Seat;
use crate::export::{LeaseStanding, RungOf, Snapshot, Standing};
use crate::model::{ActionScope, Level, Reason, RungView};

pub(super) fn of_target(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(thaw(scene));
    lines.extend(undo(scene));
    lines.extend(release(scene));
    if seats.iter().any(|seat| seat.level() > Level::Normal) {
        lines.extend(act(scene));
    }
    lines.extend(inhibit(scene));
    lines.extend(explain(scene.rungs()));
    lines.extend(metric(seats));
    if lines.is_empty() || scene.count() == 0 {
        lines.insert(0, "tradedog check".to_owned());
    }
    lines
}

/// The metric that is worst.
fn metric(seats: &[Seat<'_>]) -> Option<String> {
    let worst = seats.iter().flat_map(Seat::raised).min_by_key(|row| Reverse(row.view.level))?;
    Some(format!("tradedog explain {}", worst.metric))
}

pub(super) fn of_host(snapshot: &Snapshot, seat: &Seat<'_>) -> Vec<String> {
    let mut lines = explain(snapshot.rungs.iter().filter(|rung| rung.ladder == RungOf::Host));
    lines.extend(metric(std::slice::from_ref(seat)));
    if lines.is_empty() {
        lines.push("tradedog check".to_owned());
    }
    lines
}

fn thaw(scene: &Scene<'_>) -> Option<String> {
    let frozen = scene.leases().any(|lease| lease.freeze && lease.standing != LeaseStanding::Undoing);
    frozen.then(|| "tradedog thaw".to_owned())
}

fn undo(scene: &Scene<'_>) -> Vec<String> {
    let due = scene.leases().filter(|lease| !lease.freeze && lease.standing != LeaseStanding::Undoing);
    let mut lines: Vec<String> = due.map(|lease| format!("tradedog undo {} {}", lease.target, lease.action)).collect();
    lines.dedup();
    lines
}

fn release(scene: &Scene<'_>) -> Vec<String> {
    let name = &scene.target.name;
    let line = |action: Option<&str>| match action {
        Some(action) => format!("tradedog release {name} {action}"),
        None => format!("tradedog release {name}"),
    };
    if scene.inhibitions().any(|inhibition| inhibition.action.is_none()) {
        // It ends those of single actions, too.
        return vec![line(None)];
    }
    scene.inhibitions().map(|inhibition| line(inhibition.action.as_deref())).collect()
}

/// What would be done anyway: measures that were given up, or wait for a brake which the operator stands
/// above.
fn act(scene: &Scene<'_>) -> Vec<String> {
    let (target, alone) = (scene.target, scene.count() == 1);
    let held = scene.rungs().filter(|rung| waits_in_vain(rung.standing));
    let mut lines = Vec::new();
    for rung in held.filter(|_| !scene.is_dry()) {
        let Some(action) = target.actions.get(usize::from(rung.action)) else { continue };
        if scene.inhibitions().any(|inhibition| inhibition.concerns(&target.name, &action.name)) {
            continue;
        }
        let whom = match action.scope {
            ActionScope::Process if !alone => format!(" --process {}", rung.member.slot),
            ActionScope::Process | ActionScope::Target => String::new(),
        };
        lines.push(format!("tradedog act {} {}{whom}", target.name, action.name));
    }
    lines.dedup();
    lines
}

/// Whether an operator's order goes where the ladder's does not.
const fn waits_in_vain(standing: Standing) -> bool {
    match standing {
        Standing::Held { reason, .. } => gives_way(reason),
        Standing::GaveUp { .. } => true,
        Standing::Waiting
        | Standing::InFlight
        | Standing::Retrying { .. }
        | Standing::Vetoed { .. }
        | Standing::InForce { .. }
        | Standing::Done { .. } => false,
    }
}

/// Whether an operator's order passes that brake.
const fn gives_way(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Cooldown
            | Reason::StartupGrace
            | Reason::Settling
            | Reason::KillBudget
            | Reason::CrashLoop
            | Reason::Needs
            | Reason::Unknown
            | Reason::Unconfirmed
    )
}

fn inhibit(scene: &Scene<'_>) -> Option<String> {
    let held = scene.inhibitions().any(|inhibition| inhibition.action.is_none());
    (scene.target.has_ladder() && !held && !scene.is_dry())
        .then(|| format!("tradedog inhibit {} --for 30m", scene.target.name))
}

/// The reasons that are told of.
fn explain<'a>(rungs: impl Iterator<Item = &'a RungView>) -> Vec<String> {
    let reasons = rungs.filter_map(|rung| reason(rung.standing)).filter(|reason| *reason != Reason::None);
    let mut reasons: Vec<Reason> = reasons.collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.iter().map(|reason| format!("tradedog explain {reason}")).collect()
}

const fn reason(standing: Standing) -> Option<Reason> {
    match standing {
        Standing::Held { reason, .. }
        | Standing::Retrying { reason, .. }
        | Standing::Vetoed { reason }
        | Standing::GaveUp { reason } => Some(reason),
        Standing::Waiting | Standing::InFlight | Standing::InForce { .. } | Standing::Done { .. } => None,
    }
}
