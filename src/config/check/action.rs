//! `actions`: exactly one delivery each, how often it is taken, and how it is taken back.

mod deliver;
mod effect;
mod http;
mod idle;
mod needs;
mod signal;
mod undo;

use std::time::Duration;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::source::Place;
use super::super::value::{duration, named, word};
use super::super::{Action, units};
use super::{Named, Setting, removes};
use crate::model::ActionScope;
use deliver::{Given, Kind};
use undo::Back;

pub(super) use deliver::command_line;
pub(super) use effect::Said;
pub(super) use needs::Wanted;

/// An action; what its kill needs is not looked up yet.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    /// All the rest of it.
    pub action: Action,
    /// What is to be looked up.
    pub needs: Option<Wanted<'a>>,
    /// When it is not taken, by name.
    pub not_during: Vec<(&'a str, Place)>,
    /// Where it says something about its effect.
    pub effect: Said,
}

/// Reads a table of actions; none where it is no table.
pub(super) fn read<'a>(value: Value<'a>, report: &mut Report) -> Option<Vec<Named<'a, Plan<'a>>>> {
    let table = value.table("[target.NAME.actions.ACTION]", report)?;
    let actions = table.rest().into_iter().map(|entry| {
        let (name, place) = (entry.key, entry.key_place);
        let before = report.errors();
        let setting = if removes(entry.value) { Setting::Removed } else { action(&entry, report).into() };
        let setting = if report.errors() > before { Setting::Broken } else { setting };
        if let Setting::Is(plan) = &setting {
            idle::tell(&plan.action, &entry, report);
        }
        Named { name, place, setting }
    });
    Some(actions.collect())
}

fn action<'a>(entry: &Entry<'a>, report: &mut Report) -> Option<Plan<'a>> {
    let right_name = named(entry.key, entry.key_place, report);
    let mut table = entry.value.table("{ signal = \"SIGUSR1\" } or { kill = {} }", report)?;
    let pace = pace(&mut table, report);
    let assumed = table.entry("assume_handled").map(|entry| (entry.key_place, entry.value.flag(report)));
    let assume = assumed.and_then(|(_, flag)| flag).unwrap_or_default();
    let given = deliver::of_action(&mut table, entry, assume, report);
    let back = undo::read(&mut table, given.as_ref(), assume, report);
    let scope = scope(&mut table, given.as_ref(), back.way.as_ref(), report);
    let not_during = table.take("not_during").map_or(Some(Vec::new()), |value| not_during(value, report));
    let felt = effect::read(&mut table, given.as_ref(), back.undo.as_ref().is_some_and(Option::is_some), report);
    let after = needs::read(&mut table, given.as_ref(), report);
    if let Some((place, _)) = assumed {
        assumes(place, given.as_ref(), &back, report);
    }
    table.finish(&keys::ACTION, report);
    let action = Action {
        name: right_name.then(|| entry.key.into())?,
        measure: given?.measure?,
        undo: back.undo?,
        max_cycles: back.max_cycles?,
        scope: scope?,
        effect: felt.kind?,
        min_effect: felt.least?,
        escalate: felt.escalate?,
        expect_successor: after.successor?,
        ..pace?
    };
    Some(Plan { action, needs: after.needs?, not_during: not_during?, effect: felt.said })
}

/// One name or a list of them.
fn not_during<'a>(value: Value<'a>, report: &mut Report) -> Option<Vec<(&'a str, Place)>> {
    const EXAMPLE: &str = "\"nyse\", \"nyse.open\" or a list of them";
    if let Some(name) = value.as_text() {
        return Some(vec![(name, value.place)]);
    }
    let names = value.list(EXAMPLE, report)?;
    if names.is_empty() {
        report.error(value.place, "`not_during` without hours").help(format!("write {EXAMPLE}, or remove it"));
        return None;
    }
    names.into_iter().map(|name| Some((name.text("nyse.open", report)?, name.place))).collect()
}

/// An action with what it says about how often it is taken.
fn pace(table: &mut Table<'_>, report: &mut Report) -> Option<Action> {
    let default = Action::default();
    let cooldown = table.take("cooldown").map_or(Some(default.cooldown), |value| duration(value, "0s"..="30d", report));
    let repeat = repeat(table, cooldown, report);
    let patience = table.take("patience").map_or(Some(default.patience), |value| duration(value, "1s"..="1d", report));
    let attempts = table.take("max_attempts").map(|value| value.whole(1..=1000, report));
    let attempts = attempts.map_or(Some(default.max_attempts), |n| u32::try_from(n?).ok());
    Some(Action { cooldown: cooldown?, repeat: repeat?, patience: patience?, max_attempts: attempts?, ..default })
}

/// The outer none is a mistake, the inner one that it is not given.
fn repeat(table: &mut Table<'_>, cooldown: Option<Duration>, report: &mut Report) -> Option<Option<Duration>> {
    let Some(value) = table.take("repeat") else { return Some(None) };
    let repeat = duration(value, "1s"..="30d", report)?;
    if let Some(cooldown) = cooldown.filter(|cooldown| repeat < *cooldown) {
        let cooldown = units::Duration(cooldown);
        report
            .warning(value.place, format!("`repeat` is shorter than `cooldown` (\"{cooldown}\"), which holds it back"))
            .help("give the action a shorter `cooldown`, or a longer `repeat`");
    }
    Some(Some(repeat))
}

/// Whom one delivery serves: by its kind, unless it is said.
fn scope(
    table: &mut Table<'_>,
    given: Option<&Given>,
    undo: Option<&(Kind, Place)>,
    report: &mut Report,
) -> Option<ActionScope> {
    let own = |kind: Kind| matches!(kind, Kind::Signal | Kind::Freeze | Kind::Kill);
    let written = table.take("scope").map(|value| (word(value, &["process", "target"], report), value.place));
    let scope = match written {
        None if given.is_none_or(|given| own(given.kind)) => ActionScope::Process,
        None | Some((Some("target"), _)) => ActionScope::Target,
        Some((word, _)) => word.map(|_| ActionScope::Process)?,
    };
    if scope == ActionScope::Process {
        return Some(scope);
    }
    if let (Some(given), Some((_, place))) = (given.filter(|given| own(given.kind)), written) {
        report
            .error(place, "only `http` and `command` serve a whole target at once")
            .also(given.place, "this concerns one process")
            .help("write \"process\", or leave it out");
        return None;
    }
    if let Some((_, place)) = undo.filter(|(kind, _)| *kind == Kind::Signal) {
        report
            .error(*place, "a signal reaches one process, and this action serves all of the target")
            .help("undo it by `http` or `command`, or write scope = \"process\" beside it");
        return None;
    }
    Some(scope)
}

/// Only a signal asks for a handler, be it that of the action or that of its undo.
fn assumes(place: Place, given: Option<&Given>, back: &Back, report: &mut Report) {
    let signals = |kind: Kind| kind == Kind::Signal;
    let Some(given) = given.filter(|given| !signals(given.kind)) else { return };
    if !back.way.is_some_and(|(kind, _)| signals(kind)) {
        report
            .error(place, "`assume_handled` belongs to `signal`")
            .also(given.place, "this asks for no handler")
            .help("remove it");
    }
}
