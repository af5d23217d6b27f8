//! `[calendar.NAME]`: whose hours they are, which sessions are held on which days, and until when that is
//! known.

mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::source::Place;
use super::super::text::{is_name, quoted, suggest};
use super::super::value::named;
use super::super::{Calendar, Hours, Session, Span};
use times::{date, span, weekdays};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// All calendars.
#[derive(Debug, Default)]
pub(super) struct Calendars {
    /// Those in which nothing is wrong.
    pub list: Vec<Calendar>,
    /// Names of the others.
    broken: Vec<String>,
}

impl Calendars {
    /// The hours of that name, `nyse` or `nyse.open`; none where that was reported.
    pub(super) fn hours(&self, name: &str, place: Place, report: &mut Report) -> Option<Hours> {
        let (calendar, session) = name.split_once('.').map_or((name, None), |(name, session)| (name, Some(session)));
        if self.broken.iter().any(|broken| broken == calendar) {
            return None;
        }
        let Some(index) = self.list.iter().position(|known| *known.name == *calendar) else {
            let help = self.suggest(calendar);
            let draft = report.missing(place, format!("no calendar {}", quoted(calendar)));
            draft.help(format!("{help} (a new one: [calendar.NAME])"));
            return None;
        };
        let Some(session) = session else { return Some(Hours { calendar: index, session: None }) };
        let sessions = &self.list[index].sessions;
        let found = sessions.iter().position(|known| *known.name == *session);
        if found.is_none() {
            let help = suggest(session, "sessions", sessions.iter().map(|known| &*known.name));
            report.missing(place, format!("calendar `{calendar}` has no session {}", quoted(session))).help(help);
        }
        Some(Hours { calendar: index, session: Some(found?) })
    }

    /// What may have been meant. Those with errors count: they are there, and are told of.
    fn suggest(&self, calendar: &str) -> String {
        let broken = self.broken.iter().map(String::as_str).filter(|name| is_name(name));
        let known: Vec<&str> = self.list.iter().map(|known| &*known.name).chain(broken).collect();
        if known.is_empty() && !self.broken.is_empty() {
            return "those that are there have errors".to_owned();
        }
        suggest(calendar, "calendars", known)
    }
}

/// Reads the section.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Calendars {
    let mut calendars = Calendars::default();
    let Some(table) = value.table("[calendar.NAME]", report) else { return calendars };
    for entry in table.rest() {
        let before = report.errors();
        let calendar = named(entry.key, entry.key_place, report).then(|| calendar(&entry, report)).flatten();
        match calendar.filter(|_| report.errors() == before) {
            Some(calendar) => calendars.list.push(calendar),
            None => calendars.broken.push(entry.key.to_owned()),
        }
    }
    calendars
}

fn calendar(entry: &Entry<'_>, report: &mut Report) -> Option<Calendar> {
    let mut table = entry.value.table("[calendar.NAME]", report)?;
    let place = table.place;
    let [zone, days, held] = ["zone", "days", "sessions"].map(|key| (key, table.take(key)));
    let [holidays, half_days] = ["holidays", "half_days"].map(|key| table.take(key));
    let valid_until = table.entry("valid_until");
    if table.finish(&keys::CALENDAR, report) {
        for (key, example) in
            [(zone, ZONE), (days, DAYS), (held, SESSIONS)].into_iter().filter(|((_, v), _)| v.is_none())
        {
            let draft = report.missing(place, format!("calendar `{}` has no `{}`", entry.key, key.0));
            draft.help(format!("write {} = {example}", key.0));
        }
    }
    let zone = zone.1.and_then(|value| read_zone(value, report));
    let days = days.1.and_then(|value| weekdays(value, report));
    let sessions = held.1.and_then(|value| sessions(value, report));
    let known = sessions.as_deref().unwrap_or_default();
    let holidays = holidays.map_or_else(|| Some(BTreeSet::new()), |value| read_holidays(value, report));
    let half_days = half_days.map_or_else(|| Some(BTreeMap::new()), |value| read_half_days(value, known, report));
    let until = valid_until.map(|entry| (date(entry.value, report), entry.value.place));
    if let (Some(holidays), Some(half_days)) = (&holidays, &half_days) {
        agree(Dates { holidays, half_days, until }, place, report);
    }
    if let (Some(days), Some(sessions)) = (&days, &sessions) {
        over_midnight(days, sessions, place, report);
    }
    Some(Calendar {
        name: entry.key.into(),
        zone: zone?,
        days: days?,
        sessions: sessions?.into_iter().map(|(session, _)| session).collect(),
        holidays: holidays?,
        half_days: half_days?,
        valid_until: until.map_or(Some(None), |(until, _)| until.map(Some))?,
    })
}

const ZONE: &str = "\"America/New_York\", a name of the IANA database";
const DAYS: &str = "\"mon-fri\"; for a market that never closes \"mon-sun\"";
const SESSIONS: &str = "{ open = \"09:30-16:00\" }";

fn read_zone(value: Value<'_>, report: &mut Report) -> Option<TimeZone> {
    let text = value.text("America/New_York", report)?;
    let zones = TimeZoneDatabase::bundled();
    // As it is written in the database: it is shown.
    let exact = zones.available().find(|known| known.as_str() == text);
    if let Some(zone) = exact.and_then(|known| zones.get(known.as_str()).ok()) {
        return Some(zone);
    }
    let names: Vec<String> = zones.available().map(|known| known.as_str().to_owned()).collect();
    let near = super::super::text::nearest(text, names.iter().map(String::as_str));
    let help = near.map_or_else(
        || {
            "write a name such as \"America/New_York\" or \"Asia/Hong_Kong\": an offset or EST knows nothing of summer"
                .to_owned()
        },
        |near| format!("did you mean \"{near}\"?"),
    );
    report.error(value.place, format!("{} is no zone of the IANA database", quoted(text))).help(help);
    None
}

/// The sessions with their places, in the order of their beginning.
fn sessions(value: Value<'_>, report: &mut Report) -> Option<Vec<(Session, Place)>> {
    let table = value.table(SESSIONS, report)?;
    let place = table.place;
    let mut sessions = Vec::new();
    let mut sound = true;
    for entry in table.rest() {
        let span = named(entry.key, entry.key_place, report).then(|| span(entry.value, report)).flatten();
        sound &= span.is_some();
        sessions.extend(span.map(|span| (Session { name: Arc::from(entry.key), span }, entry.value.place)));
    }
    if sound && sessions.is_empty() {
        report.missing(place, "a calendar without a session").help(format!("write {SESSIONS}"));
        return None;
    }
    sessions.sort_by_key(|(session, _)| session.span.from);
    let spans = sessions.iter().map(|(session, place)| (&*session.name, session.span, *place)).collect::<Vec<_>>();
    (apart(&spans, report) && sound).then_some(sessions)
}

/// Whether no two of a day's sessions overlap; they come in the order of their beginning.
fn apart(spans: &[(&str, Span, Place)], report: &mut Report) -> bool {
    let mut apart = true;
    for pair in spans.windows(2) {
        let [(first, one, first_place), (second, other, place)] = pair else { continue };
        if other.from < one.to {
            apart = false;
            report
                .error(*place, format!("session `{second}` ({other}) overlaps `{first}` ({one})"))
                .also(*first_place, "the one before")
                .help("let it begin when the other ends, or make a calendar of its own for it");
        }
    }
    apart
}

/// The last session of a day may run into the first one of the next.
fn over_midnight(days: &[Weekday], sessions: &[(Session, Place)], place: Place, report: &mut Report) {
    let follows = days.iter().any(|day| days.contains(&day.next()));
    let (Some((first, _)), Some((last, at))) = (sessions.first(), sessions.last()) else { return };
    if follows && last.span.to > DAY + first.span.from {
        let (last, first) = (format!("`{}` ({})", last.name, last.span), format!("`{}` ({})", first.name, first.span));
        report
            .error(*at, format!("session {last} overlaps {first} of the day after"))
            .also(place, "on days that follow one another")
            .help("a session that ends before it begins runs over midnight: is its end meant so?");
    }
}

fn read_holidays(value: Value<'_>, report: &mut Report) -> Option<BTreeSet<Date>> {
    let mut holidays = BTreeSet::new();
    let mut sound = true;
    for item in value.list("[\"2026-12-25\"]", report)? {
        let Some(day) = date(item, report) else {
            sound = false;
            continue;
        };
        if !holidays.insert(day) {
            report.error(item.place, format!("holiday {day} is written twice")).help("remove one of the two");
        }
    }
    sound.then_some(holidays)
}

const HALF_DAYS: &str = "half_days = { \"2026-11-27\" = { open = \"09:30-13:00\" } }";

type HalfDays = BTreeMap<Date, Vec<(usize, Span)>>;

fn read_half_days(value: Value<'_>, sessions: &[(Session, Place)], report: &mut Report) -> Option<HalfDays> {
    let mut half_days = BTreeMap::new();
    let mut sound = true;
    for entry in value.table(HALF_DAYS, report)?.rest() {
        let day = times::date_of(entry.key, entry.key_place, report);
        let table = entry.value.table(HALF_DAYS, report);
        let spans = table.and_then(|table| half_day(table, sessions, report));
        match day.zip(spans) {
            Some((day, spans)) => {
                half_days.insert(day, spans);
            }
            None => sound = false,
        }
    }
    sound.then_some(half_days)
}

fn half_day(table: Table<'_>, sessions: &[(Session, Place)], report: &mut Report) -> Option<Vec<(usize, Span)>> {
    let place = table.place;
    let mut spans = Vec::new();
    let mut sound = true;
    for entry in table.rest() {
        let index = sessions.iter().position(|(session, _)| *session.name == *entry.key);
        // Where the sessions are wrong themselves, that was reported.
        if index.is_none() && !sessions.is_empty() {
            let help = suggest(entry.key, "sessions", sessions.iter().map(|(session, _)| &*session.name));
            report.error(entry.key_place, format!("no session {}", quoted(entry.key))).help(help);
        }
        let span = span(entry.value, report);
        sound &= index.is_some() && span.is_some();
        spans.extend(index.zip(span).map(|(index, span)| (index, span, entry.value.place)));
    }
    if sound && spans.is_empty() {
        report.missing(place, "a half day without a session").help(
            "say which are held, and when: { open = \"09:30-13:00\" }; a day on which none is belongs to `holidays`",
        );
        return None;
    }
    spans.sort_by_key(|(_, span, _)| span.from);
    let name = |index: usize| sessions.get(index).map_or("?", |(session, _)| &*session.name);
    let named: Vec<_> = spans.iter().map(|(index, span, place)| (name(*index), *span, *place)).collect();
    let sound = sound && apart(&named, report);
    sound.then(|| spans.into_iter().map(|(index, span, _)| (index, span)).collect())
}

/// The dates of a calendar.
#[derive(Clone, Copy)]
struct Dates<'a> {
    holidays: &'a BTreeSet<Date>,
    half_days: &'a HalfDays,
    until: Option<(Option<Date>, Place)>,
}

/// Days that are both, and days of which nobody will notice that they have passed.
fn agree(dates: Dates<'_>, place: Place, report: &mut Report) {
    let Dates { holidays, half_days, until } = dates;
    if let Some(day) = half_days.keys().find(|day| holidays.contains(day)) {
        report
            .error(place, format!("{day} is a holiday and a half day"))
            .help("remove it from `holidays`, or from `half_days`");
    }
    let last = holidays.iter().chain(half_days.keys()).max();
    match (last, until) {
        (Some(_), None) => {
            report
                .warning(place, "nobody will notice when its holidays are over: it has no `valid_until`")
                .help("write the last day that they are known for: valid_until = \"2026-12-31\"");
        }
        (Some(last), Some((Some(until), at))) if *last > until => {
            report
                .error(at, format!("`valid_until` ({until}) is before {last}, which is a holiday or a half day"))
                .help("write the last day that the holidays are known for");
        }
        _ => {}
    }
}
