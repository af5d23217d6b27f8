//! `during`: thresholds and ladders in place of the usual ones, in the hours of a calendar or of one of its
//! sessions.

use super::super::Hours;
use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::source::Place;
use super::calendar::Calendars;
use super::ladder::Written;
use super::peers::Peers;
use super::row::{Owner, Row};
use super::{Named, ladder, row};

/// What holds in some hours, its ladders and actions not yet looked up.
#[derive(Clone, Debug)]
pub(super) struct Block<'a> {
    /// As written: `nyse`, `nyse.open`.
    pub name: String,
    pub place: Place,
    pub hours: Hours,
    pub rows: Vec<Named<'a, Row<'a>>>,
    pub ladders: Vec<Written<'a>>,
}

/// What it refers to.
pub(super) type Known<'k> = (&'k Peers, &'k Calendars);

/// Reads the table: those of sessions come before those of whole calendars, which they are a part of. None
/// where one of them is wrong.
pub(super) fn read<'a>(value: Value<'a>, known: Known<'_>, report: &mut Report) -> Option<Vec<Block<'a>>> {
    let table = value.table("[target.NAME.during.CALENDAR.thresholds]", report)?;
    let before = report.errors();
    let mut blocks: Vec<Block<'a>> = Vec::new();
    let mut sound = true;
    for entry in table.rest() {
        let of_entry = of_entry(&entry, known, report);
        sound &= of_entry.is_some();
        for block in of_entry.unwrap_or_default() {
            match blocks.iter().find(|other| other.hours == block.hours) {
                Some(first) => {
                    let draft = report.error(block.place, format!("`{}` is written twice", block.name));
                    draft.also(first.place, "first here").help("keep one of the two");
                }
                None => blocks.push(block),
            }
        }
    }
    blocks.sort_by_key(|block| block.hours.session.is_none());
    (sound && report.errors() == before).then_some(blocks)
}

/// `during.nyse`, `during."nyse.open"`, and `during.nyse.open` without quotes. None where its calendar is
/// wrong.
fn of_entry<'a>(entry: &Entry<'a>, known: Known<'_>, report: &mut Report) -> Option<Vec<Block<'a>>> {
    let (peers, calendars) = known;
    let hours = calendars.hours(entry.key, entry.key_place, report);
    let mut table = entry.value.table("[target.NAME.during.CALENDAR.thresholds]", report)?;
    let Some(hours) = hours else {
        Parts::take(&mut table).look(peers, report);
        return None;
    };
    let place = table.place;
    let parts = Parts::take(&mut table);
    let mut blocks = Vec::new();
    let calendar = calendars.list.get(hours.calendar).filter(|_| hours.session.is_none());
    for session in calendar.iter().flat_map(|calendar| &calendar.sessions) {
        let Some(inner) = table.entry(&session.name) else { continue };
        let name = format!("{}.{}", entry.key, session.name);
        let hours = calendars.hours(&name, inner.key_place, report)?;
        let Some(mut table) = inner.value.table("[target.NAME.during.CALENDAR.SESSION.thresholds]", report) else {
            continue;
        };
        let (place, parts) = (table.place, Parts::take(&mut table));
        let whole = table.finish(&keys::DURING, report);
        blocks.extend(parts.block((name, place, hours), (known, whole), report));
    }
    let alone = table.finish(&keys::DURING, report) && blocks.is_empty();
    if alone || parts.any() {
        blocks.extend(parts.block((entry.key.to_owned(), place, hours), (known, alone), report));
    }
    Some(blocks)
}

/// What is written of it.
struct Parts<'a> {
    thresholds: Option<Value<'a>>,
    ladder: Option<Value<'a>>,
}

impl<'a> Parts<'a> {
    fn take(table: &mut Table<'a>) -> Self {
        Self { thresholds: table.take("thresholds"), ladder: table.take("ladder") }
    }

    const fn any(&self) -> bool {
        self.thresholds.is_some() || self.ladder.is_some()
    }

    /// Tells what is wrong with it, whatever its hours are.
    fn look(self, peers: &Peers, report: &mut Report) {
        self.thresholds.and_then(|value| row::read(value, peers, Owner::Target, report));
        self.ladder.and_then(|value| ladder::read(value, report));
    }

    /// `whole`: that nothing else was written may be told.
    fn block(
        self,
        (name, place, hours): (String, Place, Hours),
        ((peers, _), whole): (Known<'_>, bool),
        report: &mut Report,
    ) -> Option<Block<'a>> {
        let rows =
            self.thresholds.map_or_else(|| Some(Vec::new()), |value| row::read(value, peers, Owner::Target, report));
        let ladders = self.ladder.map_or_else(|| Some(Vec::new()), |value| ladder::read(value, report));
        let (rows, ladders) = (rows?, ladders?);
        let empty =
            ladders.iter().all(|ladder| !ladder.removed && ladder.levels.iter().all(|(_, steps)| steps.is_none()));
        if whole && rows.is_empty() && empty {
            report
                .missing(place, format!("in the hours of `{name}` nothing is different"))
                .help("write what is: thresholds, ladder or both; or remove it");
            return None;
        }
        Some(Block { name, place, hours, rows, ladders })
    }
}
