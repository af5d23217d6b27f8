//! What was done and what came of it, and what is in force since.

use super::Scene;
use super::words::{ago, because, lasting, level_of};
use crate::export::{LeaseStanding, LeaseView, Snapshot};
use crate::model::{ActionScope, Effect, Measure, Moment, Order, OutcomeKind, Reason};
use crate::record::{Ended, Told, show_effect, show_measure, show_reading};

/// Most orders that are told.
const MOST_ORDERS: usize = 5;

pub(super) fn of_target(scene: &Scene<'_>) -> Vec<String> {
    let mut lines: Vec<String> = scene.leases().map(|lease| in_force(lease, scene.now())).collect();
    let in_force = lines.len();
    let ours = |ended: &&Ended| ended.order.target == scene.target.name;
    lines.extend(orders(scene.snapshot, scene.snapshot.counters.recent().rev().filter(ours), told_of_target));
    if lines.is_empty() {
        let counted = scene.snapshot.counters.orders().filter(|(key, _)| key.target == scene.target.name);
        let ever = counted.filter(|(key, _)| key.outcome != OutcomeKind::Held).map(|(_, count)| count).sum();
        lines.push(nothing(scene.snapshot, ever));
    }
    if let Some(incident) = incident(scene) {
        lines.insert(in_force, incident);
    }
    lines
}

pub(super) fn of_host(snapshot: &Snapshot) -> Vec<String> {
    let ours = |ended: &&Ended| &*ended.order.ladder == "host";
    let mut lines = orders(snapshot, snapshot.counters.recent().rev().filter(ours), told_of_host);
    if lines.is_empty() {
        lines.push(nothing(snapshot, 0));
    }
    lines
}

fn nothing(snapshot: &Snapshot, ever: u64) -> String {
    if ever > 0 {
        return "nothing lately".to_owned();
    }
    let since = snapshot.own.started.map_or_else(String::new, |at| format!(", {}", ago(snapshot.taken, at)));
    format!("nothing since tradedog was started{since}")
}

/// `in an incident for 4m, from its first order until it is back at normal`
fn incident(scene: &Scene<'_>) -> Option<String> {
    let since = scene.snapshot.targets.get(usize::from(scene.index))?.incident?;
    let lasting = lasting(scene.now(), since);
    Some(format!("in an incident{lasting}, from its first order until it is back at normal"))
}

/// `pause in force for 4m, process 0`
fn in_force(lease: &LeaseView, now: Moment) -> String {
    let process = lease.process.map_or_else(String::new, |slot| format!(", process {slot}"));
    let doubt = if lease.standing == LeaseStanding::Doubtful { "perhaps in force (no answer)" } else { "in force" };
    format!("{} {doubt}{}{process}, taken at {}", lease.action, lasting(now, lease.since), lease.level)
}

/// Alike orders that follow each other are one line.
fn orders<'a>(
    snapshot: &Snapshot,
    latest_first: impl Iterator<Item = &'a Ended>,
    name: fn(&Order) -> String,
) -> Vec<String> {
    let mut runs: Vec<(&Ended, usize)> = Vec::new();
    for ended in latest_first {
        match runs.last_mut() {
            Some((last, count)) if is_alike(last, ended) => *count += 1,
            Some(_) | None => runs.push((ended, 1)),
        }
    }
    runs.iter().take(MOST_ORDERS).map(|(ended, count)| line(snapshot, (ended, *count), name)).collect()
}

fn is_alike(one: &Ended, other: &Ended) -> bool {
    let of = |ended: &Ended| (ended.order.member, ended.order.identity, ended.order.undo, ended.outcome, ended.reason);
    let effect = |ended: &Ended| ended.effect.as_ref().map(|told| told.effect);
    of(one) == of(other)
        && effect(one) == effect(other)
        && one.order.action == other.order.action
        && one.order.ladder == other.order.ladder
}

/// `reset_pool delivered 4s ago (SIGUSR1), process 0, pid 1234: open_fds 305 at or past 300 (elevated)`
fn line(snapshot: &Snapshot, (ended, times): (&Ended, usize), name: fn(&Order) -> String) -> String {
    let order = &*ended.order;
    let when = ago(snapshot.taken, ended.at);
    let when = if times > 1 { format!("{times} times, the last {when}") } else { when };
    let name = name(order);
    let by = order.by.as_ref().map_or_else(String::new, |by| format!(", asked for by {by}"));
    let whom = match order.scope {
        ActionScope::Process if !is_alone(snapshot, order) => {
            format!(", process {}, pid {}", order.member.slot, order.identity.pid)
        }
        ActionScope::Process | ActionScope::Target => String::new(),
    };
    let head = match ended.outcome {
        OutcomeKind::Delivered | OutcomeKind::Acknowledged => format!("{name} {} {when}", ended.outcome.name()),
        OutcomeKind::Gone if order.measure.is_kill() && ended.reason == Reason::None => {
            format!("{name}: process gone {when}")
        }
        OutcomeKind::Gone => format!("{name} pointless {when}, the process was gone before"),
        OutcomeKind::Failed => format!("{name} failed {when}"),
        OutcomeKind::Held => format!("{name} held {when}"),
        OutcomeKind::Vetoed => format!("{name} vetoed {when}"),
        OutcomeKind::Lapsed => format!("{name} lapsed {when}"),
        OutcomeKind::DryRun => format!("would have done {name} {when}"),
    };
    let why = if ended.reason == Reason::None { grounds(order) } else { format!(": {}", because(ended.reason)) };
    let effect = ended.effect.as_ref().map_or_else(String::new, |told| format!("; {}", did(told)));
    format!("{head}{}{whom}{by}{why}{effect}", sent(&order.measure))
}

/// What it did: `no effect in 60s (open_fds 640 -> 655)`.
fn did(told: &Told) -> String {
    let words = show_effect(told.effect, &told.measured);
    let action = &*told.measured.action;
    words.strip_prefix(action).map_or_else(|| words.clone(), |rest| rest.trim_start_matches([':', ' ']).to_owned())
}

/// Whether the process of the order is the only one of its target, now.
fn is_alone(snapshot: &Snapshot, order: &Order) -> bool {
    let mut members = snapshot.members().iter().filter(|member| member.key.target == order.member.target);
    members.next().is_some_and(|member| member.pid == order.identity.pid) && members.next().is_none()
}

/// ` (SIGUSR1)`; what is sent to others says no more than the name of the action.
fn sent(measure: &Measure) -> String {
    match measure {
        Measure::Http(_) | Measure::Command(_) => String::new(),
        Measure::Signal { .. } | Measure::Kill { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } => {
            format!(" ({})", show_measure(measure))
        }
    }
}

/// The reading that caused it.
fn grounds(order: &Order) -> String {
    match &order.cause {
        Some(_) if order.undo => String::new(),
        Some(cause) if let Some(in_vain) = &cause.escalated => {
            let why = show_effect(Some(Effect::Ineffective), in_vain);
            format!(": {why} ({})", level_of(order.level, &order.ladder))
        }
        Some(cause) => {
            let reading = show_reading(&cause.metric, cause.value, cause.bound);
            format!(": {reading} ({})", level_of(order.level, &order.ladder))
        }
        None if order.by.is_some() || order.undo => String::new(),
        None => ": as the schedule has it".to_owned(),
    }
}

fn told_of_target(order: &Order) -> String {
    if order.undo { format!("undo of {}", order.action) } else { order.action.to_string() }
}

fn told_of_host(order: &Order) -> String {
    let undo = if order.undo { "undo of " } else { "" };
    format!("{undo}{}.{}", order.target, order.action)
}
