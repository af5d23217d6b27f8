//! What comes next, when, and what holds it back.

mod ahead;

use std::cmp::Reverse;
use std::sync::Arc;

use super::coming::Coming;
use super::words::{because, level_of, within};
use super::{Scene, hours};
use crate::config::{Action, Otherwise, Target};
use crate::export::{LeaseStanding, LeaseView, RungOf, RungView, Snapshot, Standing, WindowView};
use crate::model::{ActionScope, Level, Measure, MemberKey, Moment, Reason, UndoBy};
use crate::record::{show_duration, show_measure};

pub(super) use ahead::share;

pub(super) fn of_target(scene: &Scene<'_>, coming: &[Coming<'_>]) -> Vec<String> {
    let own = scene.rungs().filter(|rung| rung.ladder != RungOf::Host);
    let mut lines = rungs(own.collect(), |rung| line(scene, rung));
    lines.extend(scene.leases().map(|lease| ending(lease, scene.now())));
    lines.extend(scene.rungs().filter_map(|rung| again(scene, rung)));
    lines.extend(scene.windows().map(|window| judged(scene, window)));
    lines.extend(ahead::of_target(scene, coming));
    lines.extend(budget(scene));
    lines.extend(hours::of_target(scene));
    lines.extend(scheduled(scene.target));
    if lines.is_empty() {
        lines.push("nothing: the target is only observed".to_owned());
    }
    lines
}

pub(super) fn of_host(snapshot: &Snapshot, coming: &[Coming<'_>]) -> Vec<String> {
    let own = snapshot.rungs.iter().filter(|rung| rung.ladder == RungOf::Host);
    let mut lines = rungs(own.collect(), |rung| {
        let target = snapshot.config.targets.get(usize::from(rung.member.target))?;
        let line = line(&Scene { snapshot, target, index: rung.member.target }, rung)?;
        Some(format!("{}.{line}", target.name))
    });
    lines.extend(ahead::of_host(snapshot, coming));
    if lines.is_empty() {
        lines.push("nothing: the host is only observed".to_owned());
    }
    lines
}

/// Highest level first.
fn rungs(mut rungs: Vec<&RungView>, line: impl Fn(&RungView) -> Option<String>) -> Vec<String> {
    rungs.sort_by_key(|rung| Reverse(rung.level));
    rungs.into_iter().filter_map(line).collect()
}

/// `kill (fatal) held, process 0, pid 4711: the kill budget is spent (kill_budget), opens in 34s`
fn line(scene: &Scene<'_>, rung: &RungView) -> Option<String> {
    let target = scene.target;
    let action = target.actions.get(usize::from(rung.action))?;
    let whom = match action.scope {
        ActionScope::Process => scene.which(rung.member),
        ActionScope::Target => String::new(),
    };
    let name = format!("{} ({})", action.name, place(target, rung));
    Some(match rung.standing {
        Standing::Done { .. } | Standing::InForce { .. } => return None,
        Standing::Waiting => format!("{name} as soon as the order before it is through{whom}"),
        Standing::InFlight if waits_for_evidence(scene, rung, action) => {
            format!("{name} as soon as its evidence is collected{whom}")
        }
        Standing::InFlight => format!("{name} under way{whom}: {}", under_way(action)),
        Standing::Held { reason, opens } => {
            format!("{name} {}{whom}", held(scene, action, (reason, opens)))
        }
        Standing::Retrying { reason, at } => {
            format!("{name} again {}{whom}: it failed, {}", within(scene.now(), at), because(reason))
        }
        Standing::Vetoed { reason } => format!("{name} vetoed{whom}: {}; asked again on each reading", because(reason)),
        Standing::GaveUp { reason } => {
            let until = if rung.level == Level::Normal {
                "it is due again".to_owned()
            } else {
                format!("{} is left", rung.level)
            };
            let why = if reason == Reason::None { "it had no effect".to_owned() } else { because(reason) };
            format!("{name} given up until {until}{whom}: {why}")
        }
    })
}

/// What a rung is due for.
fn place(target: &Target, rung: &RungView) -> String {
    match rung.ladder {
        RungOf::Ladder(index) => {
            let name = target.ladders.get(usize::from(index)).map_or("", |ladder| &*ladder.name);
            level_of(rung.level, name)
        }
        RungOf::Host => format!("{} of the host", rung.level),
        RungOf::Schedule => "scheduled".to_owned(),
        RungOf::Operator => "asked for by the operator".to_owned(),
    }
}

/// Whether nothing of it was sent yet: what the process has open is looked at first.
fn waits_for_evidence(scene: &Scene<'_>, rung: &RungView, action: &Action) -> bool {
    let seat = |member: MemberKey| rung.member.slot == MemberKey::ALL || member == rung.member;
    let same = |(member, name): &(MemberKey, Arc<str>)| {
        member.target == rung.member.target && seat(*member) && *name == action.name
    };
    scene.snapshot.incidents.awaited.iter().any(same)
}

fn under_way(action: &Action) -> String {
    if let Measure::Kill { grace, .. } = &action.measure {
        return format!("SIGTERM is out, SIGKILL follows after {}", show_duration(*grace));
    }
    format!("{}, waits for the answer", show_measure(&action.measure))
}

/// What holds it, and when that opens.
fn held(scene: &Scene<'_>, action: &Action, (reason, opens): (Reason, Option<Moment>)) -> String {
    let opening = opens.map(|opens| within(scene.now(), opens));
    if let (Reason::Needs, Some(needs)) = (reason, action.needs) {
        let needed = scene.target.actions.get(needs.action).map_or("", |needed| &*needed.name);
        return match (needs.otherwise, opening) {
            (Otherwise::Kill, Some(time)) => format!("{time}, sooner if {needed} is acknowledged before"),
            (Otherwise::Kill | Otherwise::Hold, _) => format!("held until {needed} is acknowledged ({reason})"),
        };
    }
    let opening = opening.map(|time| format!("opens {time}")).or_else(|| opens_when(reason).map(str::to_owned));
    let opening = opening.map_or_else(String::new, |opening| format!(", {opening}"));
    format!("held: {}{opening}", because(reason))
}

/// When a brake opens that does not know its hour.
const fn opens_when(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Inhibited => Some("opens with tradedog release"),
        Reason::KeepAtLeast => Some("opens when more processes are there"),
        Reason::Killing => Some("opens when that kill is over"),
        Reason::StateUnwritable => Some("opens when it can be written again"),
        Reason::Unknown => Some("opens with the next known reading"),
        Reason::Unconfirmed => Some("asked again on the next reading"),
        Reason::KillBudget => Some("max = 0 allows none"),
        Reason::None
        | Reason::Cooldown
        | Reason::StartupGrace
        | Reason::Settling
        | Reason::Calendar
        | Reason::Breaker
        | Reason::Needs
        | Reason::CrashLoop
        | Reason::Identity
        | Reason::Protected
        | Reason::Imitable
        | Reason::Unhandled
        | Reason::Timeout
        | Reason::Refused
        | Reason::QueueFull
        | Reason::LevelLeft => None,
    }
}

/// `pause undone in 3m`
fn ending(lease: &LeaseView, now: Moment) -> String {
    let name = match lease.process {
        Some(slot) => format!("{} of process {slot}", lease.action),
        None => lease.action.to_string(),
    };
    match lease.standing {
        LeaseStanding::Undone { at } => format!("{name} undone {}", within(now, at)),
        LeaseStanding::Operator => format!("{name} stays until the operator undoes it; nothing needs it any more"),
        LeaseStanding::Waiting => format!("{name} undone as soon as a process is there"),
        LeaseStanding::Cycling { opens: Some(at) } => {
            format!("{name} stays, taken and undone too often (max_cycles): undone {}", within(now, at))
        }
        LeaseStanding::Cycling { opens: None } => format!("{name} stays, taken and undone too often (max_cycles)"),
        LeaseStanding::Undoing => format!("{name} is being undone"),
        LeaseStanding::Retrying { at } => format!("{name}: its undo failed, tried again {}", within(now, at)),
        LeaseStanding::Doubtful | LeaseStanding::Needed => match lease.by {
            UndoBy::Operator => format!("{name} stays until the operator undoes it"),
            UndoBy::Daemon if lease.after.is_zero() => format!("{name} undone when {} is left", lease.level),
            UndoBy::Daemon => format!("{name} undone {} after {} is left", show_duration(lease.after), lease.level),
        },
    }
}

/// `whether reset_pool has helped is known in 34s`
fn judged(scene: &Scene<'_>, window: &WindowView) -> String {
    let whom = scene.which(window.member);
    let name = &window.action;
    match put_off(scene, window) {
        Some(action) => format!(
            "whether {name} has helped cannot be told while it comes again before its patience of {} is over{whom}",
            show_duration(action.patience)
        ),
        None => format!("whether {name} has helped is known {}{whom}", within(scene.now(), window.until)),
    }
}

/// The action of a window that its next order will put off, for they are judged as one.
fn put_off<'a>(scene: &Scene<'a>, window: &WindowView) -> Option<&'a Action> {
    let (index, action) = scene.target.actions.iter().enumerate().find(|(_, action)| action.name == window.action)?;
    let repeat = action.repeat.filter(|_| action.undo.is_none())?;
    let next = |rung: &RungView| match rung.standing {
        Standing::Done { at } => Some(at + repeat.max(action.cooldown)),
        Standing::Held { reason: Reason::Cooldown, opens } => opens,
        Standing::Waiting
        | Standing::InFlight
        | Standing::Held { .. }
        | Standing::Retrying { .. }
        | Standing::Vetoed { .. }
        | Standing::GaveUp { .. }
        | Standing::InForce { .. } => None,
    };
    let mut own = scene.rungs().filter(|rung| usize::from(rung.action) == index && rung.level > Level::Normal);
    let same = |rung: &RungView| rung.member == window.member || action.scope == ActionScope::Target;
    own.any(|rung| same(rung) && next(rung).is_some_and(|at| at < window.until)).then_some(action)
}

/// A measure that is done, and comes again while its level holds.
fn again(scene: &Scene<'_>, rung: &RungView) -> Option<String> {
    let Standing::Done { at } = rung.standing else { return None };
    let action = scene.target.actions.get(usize::from(rung.action))?;
    let repeat = action.repeat.filter(|_| rung.level > Level::Normal)?;
    let would = if scene.is_dry() { "would be done again" } else { "again" };
    let level = place(scene.target, rung);
    Some(format!("{} {would} {} while {level} holds", action.name, within(scene.now(), at + repeat)))
}

/// `reset_pool every 5m, whatever the level`
fn scheduled(target: &Target) -> impl Iterator<Item = String> {
    target.schedule.iter().filter_map(|entry| {
        let action = target.actions.get(entry.action)?;
        Some(format!("{} every {}, whatever the level", action.name, show_duration(entry.every)))
    })
}

/// Kills that are left, where there may be any.
fn budget(scene: &Scene<'_>) -> Option<String> {
    scene.target.actions.iter().find(|action| action.measure.is_kill())?;
    let view = scene.snapshot.targets.get(usize::from(scene.index))?;
    let budget = scene.target.kill_budget;
    let left = view.kill_budget_remaining;
    Some(format!("kill budget: {left} left ({} per {})", budget.max, show_duration(budget.per)))
}
