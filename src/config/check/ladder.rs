//! `ladder`: which actions at which level.

use super::super::problem::Report;
use super::super::reader::{Entry, Value};
use super::super::source::Place;
use super::super::text::{nearest, quoted};
use super::super::value::named;
use super::{Setting, removes};
use crate::model::{Level, PerLevel};

/// One ladder, its actions not yet looked up.
#[derive(Clone, Debug)]
pub(super) struct Written<'a> {
    pub name: &'a str,
    pub place: Place,
    /// Taken out as a whole, by `NAME = "none"`.
    pub removed: bool,
    pub levels: PerLevel<Option<Steps<'a>>>,
}

/// The actions of one level.
#[derive(Clone, Debug)]
pub(super) struct Steps<'a> {
    pub place: Place,
    pub setting: Setting<Vec<Step<'a>>>,
}

/// The name of an action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub action: &'a str,
    pub place: Place,
}

/// The ladder that every target has.
pub(super) const DEFAULT: &str = "default";

/// An action of a target's ladder.
const EXAMPLE: &str = "reset_pool";

/// Reads `ladder`: the default one and those under names. None where it is no table.
pub(super) fn read<'a>(value: Value<'a>, report: &mut Report) -> Option<Vec<Written<'a>>> {
    let table = value.table("[target.NAME.ladder]", report)?;
    let mut default = Written { name: DEFAULT, place: table.place, removed: false, levels: PerLevel::default() };
    let mut others = Vec::new();
    for entry in table.rest() {
        if let Some(slot) = level_of(entry.key).and_then(|level| default.levels.get_mut(level)) {
            *slot = Some(steps(&entry, EXAMPLE, report));
        } else if entry.value.is_table() || removes(entry.value) {
            others.extend(other(&entry, report));
        } else {
            no_level(&entry, report);
        }
    }
    let mut ladders = vec![default];
    ladders.append(&mut others);
    Some(ladders)
}

/// The level of that name.
pub(super) fn level_of(name: &str) -> Option<Level> {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == name)
}

fn other<'a>(entry: &Entry<'a>, report: &mut Report) -> Option<Written<'a>> {
    let (name, place) = (entry.key, entry.key_place);
    if name == DEFAULT {
        report
            .error(place, "the default ladder is written without a name")
            .help("move its levels to [target.NAME.ladder] itself");
        return None;
    }
    if !named(name, place, report) {
        return None;
    }
    let mut ladder = Written { name, place, removed: removes(entry.value), levels: PerLevel::default() };
    if ladder.removed {
        return Some(ladder);
    }
    let table = entry.value.table("[target.NAME.ladder.LADDER]", report)?;
    for entry in table.rest() {
        match level_of(entry.key).and_then(|level| ladder.levels.get_mut(level)) {
            Some(slot) => *slot = Some(steps(&entry, EXAMPLE, report)),
            None => no_level(&entry, report),
        }
    }
    Some(ladder)
}

/// Reports a key of a ladder that is no level.
pub(super) fn no_level(entry: &Entry<'_>, report: &mut Report) {
    let levels = Level::ABOVE_NORMAL.map(Level::name);
    let help = match nearest(entry.key, levels) {
        Some(near) => format!("did you mean `{near}`?"),
        None if entry.key == Level::Normal.name() => {
            "at normal nothing is done; levels: elevated, warning, critical, fatal".to_owned()
        }
        None => format!("levels: {}", levels.join(", ")),
    };
    report.error(entry.key_place, format!("unknown level {} in a ladder", quoted(entry.key))).help(help);
}

/// Reads what is done at one level; `example` is the name of an action.
pub(super) fn steps<'a>(entry: &Entry<'a>, example: &str, report: &mut Report) -> Steps<'a> {
    let place = entry.key_place;
    let setting = if removes(entry.value) { Setting::Removed } else { names(entry.value, example, report).into() };
    Steps { place, setting }
}

fn names<'a>(value: Value<'a>, example: &str, report: &mut Report) -> Option<Vec<Step<'a>>> {
    let items = value.list(&format!("a list of actions: [\"{example}\"]"), report)?;
    if items.is_empty() {
        report
            .error(value.place, "a level without actions")
            .help("name one, or leave the level out; \"none\" takes out what [defaults] gives");
        return None;
    }
    let mut steps: Vec<Step<'a>> = Vec::new();
    for item in items {
        let action = item.text(example, report)?;
        if let Some(first) = steps.iter().find(|step| step.action == action) {
            report
                .error(item.place, format!("{} is named twice at this level", quoted(action)))
                .also(first.place, "first here")
                .help("name it once; `repeat` of the action does it again");
            continue;
        }
        steps.push(Step { action, place: item.place });
    }
    Some(steps)
}
