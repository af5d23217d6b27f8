//! Why it stands as it does: readings against their bounds, and who should be there and is not.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use super::Scene;
use super::seats::{Row, Seat};
use super::words::{because_blind, lasting, level_of, outlook, processes};
use crate::config::{Selector, units};
use crate::export::Snapshot;
use crate::model::{Effect, Escalation, Level, Moment, Unknown, Value};
use crate::record::{show_duration, show_effect, show_reading};

pub(super) fn of_target(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Vec<String> {
    let mut lines = attendance(scene);
    if seats.is_empty() {
        return lines;
    }
    let raised = raised(seats, scene.now());
    if raised.is_empty() && lines.is_empty() {
        lines.push(calm(scene, seats));
    }
    lines.extend(raised);
    lines.extend(scene.escalations().map(|view| in_vain(&view.what, scene.now(), &scene.which_of(view))));
    lines.extend(blind(seats));
    lines.extend(not_known_yet(seats, scene.target.forecasts.window));
    lines
}

pub(super) fn of_host(snapshot: &Snapshot, seat: &Seat<'_>) -> Vec<String> {
    let Some(since) = seat.since() else { return vec!["no threshold: only shown".to_owned()] };
    let seats = std::slice::from_ref(seat);
    let mut lines = raised(seats, snapshot.taken);
    if lines.is_empty() {
        lines.push(format!("normal{}", lasting(snapshot.taken, since)));
    }
    let escalated = snapshot.escalations.iter().filter(|view| view.member.is_none());
    lines.extend(escalated.map(|view| in_vain(&view.what, snapshot.taken, "")));
    lines.extend(blind(seats));
    lines.extend(not_known_yet(seats, snapshot.config.host.forecasts.window));
    lines
}

/// Who should be there, and is not; or is there, and should not be.
fn attendance(scene: &Scene<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let view = scene.snapshot.targets.get(usize::from(scene.index)).copied().unwrap_or_default();
    if view.successor_missing {
        lines.push("killed, and nobody has come after it: does anything start it again?".to_owned());
    }
    let (count, expect) = (scene.count(), scene.target.expect);
    let there = u32::try_from(count).unwrap_or(u32::MAX);
    let few = expect.and_then(|expect| expect.min).filter(|min| there < *min);
    let few = few.map(|min| format!("at least {min} expected"));
    let many = expect.and_then(|expect| expect.max).filter(|max| there > *max);
    let many = many.map(|max| format!("at most {max} expected"));
    let expected = few.or(many).map_or_else(String::new, |expected| format!(", {expected}"));
    if count == 0 {
        let there = if scene.snapshot.begun { "nobody matches" } else { "nobody found yet" };
        lines.push(format!("{there}{expected}: {}", selector(&scene.target.selector)));
    } else if !expected.is_empty() {
        lines.push(format!("{}{expected}", processes(count)));
    }
    lines
}

fn selector(selector: &Selector) -> String {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let parts = [
        selector.unit.as_ref().map(|unit| format!("unit {unit}")),
        selector.cgroup.as_ref().map(|glob| format!("cgroup {}", glob.glob())),
        selector.container.as_ref().map(|container| format!("container {}", container.as_str())),
        selector.cidfile.as_deref().map(|file| format!("cidfile {}", path(file))),
        selector.exe.as_deref().map(|exe| format!("exe {}", path(exe))),
        selector.cmdline.as_ref().map(|regex| format!("cmdline {regex}")),
        selector.comm.as_ref().map(|comm| format!("comm {comm}")),
        selector.user.as_ref().map(|user| format!("user {}", user.name)),
        selector.pidfile.as_deref().map(|file| format!("pidfile {}", path(file))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn calm(scene: &Scene<'_>, seats: &[Seat<'_>]) -> String {
    let whom = match seats {
        [seat] => seat.name.clone(),
        seats => format!("all {}", processes(seats.len())),
    };
    let judged = seats.iter().any(|seat| !seat.rows.is_empty());
    match seats.iter().filter_map(Seat::since).max().filter(|_| judged) {
        Some(since) => format!("normal{}, {whom}", lasting(scene.now(), since)),
        None => format!("no threshold: only observed, {whom}"),
    }
}

/// Worst first.
fn raised(seats: &[Seat<'_>], now: Moment) -> Vec<String> {
    let mut rows: Vec<(&Seat<'_>, Row<'_>)> =
        seats.iter().flat_map(|seat| seat.raised().into_iter().map(move |row| (seat, row))).collect();
    rows.sort_by_key(|(_, row)| (Reverse(row.view.level), row.view.since));
    rows.iter().map(|(seat, row)| past(seat, row, now)).collect()
}

/// `open_fds 655 at or past 600 (warning) for 12m, growing by 9/min, fatal in 27m, process 0, pid 4711`
fn past(seat: &Seat<'_>, row: &Row<'_>, now: Moment) -> String {
    let level = level_of(row.view.level, row.ladder);
    let (since, whom) = (lasting(now, row.view.since), suffix(&seat.name));
    let at = row.held().map(|bound| bound.at);
    match (row.value().filter(|_| row.view.unknown.is_none()), at) {
        (Some(value), Some(at)) => {
            format!("{} ({level}){since}{}{whom}", show_reading(row.metric, value, at), outlook(row))
        }
        (_, Some(at)) => {
            let at = units::show(at, row.metric.unit());
            let (why, remedy) =
                row.view.unknown.map_or(("unknown", String::new()), |why| (why.name(), because_blind(row.metric, why)));
            format!("{} is {why}, was at or past {at} ({level}){since}: its level stays{whom}{remedy}", row.metric)
        }
        (_, None) => format!("{} ({level}){since}{whom}", row.metric),
    }
}

/// `warning for 4m: reset_pool had no effect in 60s (open_fds 640 -> 655)`
fn in_vain(what: &Escalation, now: Moment, whom: &str) -> String {
    let level = level_of(what.to, &what.ladder);
    let why = show_effect(Some(Effect::Ineffective), &what.why);
    format!("{level}{}{whom}: {why}; until {} leaves {}", lasting(now, what.since), what.why.metric, what.own)
}

/// What cannot be seen, and a threshold needs; those that hold a level are told of with it.
fn blind(seats: &[Seat<'_>]) -> Vec<String> {
    let told = |seat: &Seat<'_>, row: &Row<'_>| {
        let why = row.view.unknown.filter(|why| row.view.level == Level::Normal && !why.is_expected())?;
        Some(format!(
            "{} is {}: no level can be entered{}{}",
            row.metric,
            why.name(),
            suffix(&seat.name),
            because_blind(row.metric, why)
        ))
    };
    seats.iter().flat_map(|seat| seat.rows.iter().filter_map(move |row| told(seat, row))).collect()
}

/// `growth not known yet of open_fds, rss: that takes 15m of readings, process 1, pid 4712`
fn not_known_yet(seats: &[Seat<'_>], window: Duration) -> Option<String> {
    let is_young = |row: &&Row<'_>| {
        let growth = row.forecast.map(|forecast| forecast.growth);
        growth == Some(Value::Unknown(Unknown::TooShort))
    };
    let young: Vec<&Seat<'_>> = seats.iter().filter(|seat| seat.rows.iter().any(|row| is_young(&row))).collect();
    let mut metrics: Vec<String> = Vec::new();
    for row in young.iter().flat_map(|seat| &seat.rows).filter(is_young) {
        let name = row.metric.with(None).to_string();
        if !metrics.contains(&name) {
            metrics.push(name);
        }
    }
    let whom = match young.as_slice() {
        [] => return None,
        all if all.len() == seats.len() => String::new(),
        [seat] => suffix(&seat.name),
        some => format!(", {} of {}", some.len(), processes(seats.len())),
    };
    let needed = show_duration(window / 2);
    Some(format!("growth not known yet of {}: that takes {needed} of readings{whom}", metrics.join(", ")))
}

fn suffix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(", {name}") }
}
