//! What goes with a kill alone: what it needs first, and whom it expects afterwards.

use std::time::Duration;

use super::super::super::Otherwise;
use super::super::super::keys;
use super::super::super::problem::Report;
use super::super::super::reader::{Table, Value};
use super::super::super::source::Place;
use super::super::super::value::{duration, word};
use super::deliver::{Given, Kind};

/// What a kill needs, by name.
#[derive(Clone, Copy, Debug)]
pub(in crate::config::check) struct Wanted<'a> {
    pub action: &'a str,
    pub place: Place,
    pub within: Duration,
    pub otherwise: Otherwise,
}

/// What is said about a kill. A none is a mistake, an inner one that it is not said.
pub(super) struct Around<'a> {
    pub needs: Option<Option<Wanted<'a>>>,
    pub successor: Option<Option<Duration>>,
}

/// Reads `needs` and `expect_successor`.
pub(super) fn read<'a>(table: &mut Table<'a>, given: Option<&Given>, report: &mut Report) -> Around<'a> {
    let (needs, successor) = (table.entry("needs"), table.entry("expect_successor"));
    if let Some(given) = given.filter(|given| given.kind != Kind::Kill) {
        for entry in [needs, successor].into_iter().flatten() {
            let draft = report.error(entry.key_place, format!("`{}` belongs to `kill`", entry.key));
            draft.also(given.place, "the delivery").help("move it to the kill that it is meant for, or remove it");
        }
    }
    Around {
        needs: needs.map_or(Some(None), |entry| wanted(entry.value, report).map(Some)),
        successor: successor.map_or(Some(None), |entry| duration(entry.value, "1s"..="1d", report).map(Some)),
    }
}

fn wanted<'a>(value: Value<'a>, report: &mut Report) -> Option<Wanted<'a>> {
    const EXAMPLE: &str = "{ action = \"pause\", within = \"20s\", otherwise = \"kill\" }";
    let mut table = value.table(&format!("needs = {EXAMPLE}"), report)?;
    let place = table.place;
    let [action, within, otherwise] = ["action", "within", "otherwise"].map(|key| (key, table.take(key)));
    if table.finish(&keys::NEEDS, report) {
        for (key, _) in [action, within, otherwise].iter().filter(|(_, value)| value.is_none()) {
            report.missing(place, format!("`needs` without `{key}`")).help(format!("write all three: {EXAMPLE}"));
        }
    }
    let name = action.1.and_then(|value| Some((value.text("pause", report)?, value.place)));
    let within = within.1.and_then(|value| duration(value, "100ms"..="1h", report));
    let otherwise = otherwise.1.and_then(|value| word(value, &["kill", "hold"], report));
    let (action, place) = name?;
    let otherwise = if otherwise? == "hold" { Otherwise::Hold } else { Otherwise::Kill };
    Some(Wanted { action, place, within: within?, otherwise })
}
