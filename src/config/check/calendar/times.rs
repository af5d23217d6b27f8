//! Days of the week, dates and hours, as they are written.

use jiff::civil::{Date, Weekday};

use super::super::super::Span;
use super::super::super::problem::Report;
use super::super::super::reader::Value;
use super::super::super::source::Place;
use super::super::super::text::{nearest, quoted};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

const NAMES: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `"mon-fri"` or `["mon", "wed", "sat-sun"]`.
pub(super) fn weekdays(value: Value<'_>, report: &mut Report) -> Option<Vec<Weekday>> {
    let items = match value.as_text() {
        Some(_) => vec![value],
        None => value.list("\"mon-fri\", or a list: [\"mon\", \"wed\"]", report)?,
    };
    let mut days = Vec::new();
    let mut sound = true;
    for item in &items {
        match range(*item, report) {
            Some(range) => days.extend(range),
            None => sound = false,
        }
    }
    if sound && days.is_empty() {
        report.missing(value.place, "no day of the week").help("write \"mon-fri\"; every day is \"mon-sun\"");
        return None;
    }
    days.sort_by_key(|day| day.to_monday_zero_offset());
    days.dedup();
    sound.then_some(days)
}

fn range(value: Value<'_>, report: &mut Report) -> Option<Vec<Weekday>> {
    let text = value.text("mon-fri", report)?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first, value.place, report)?, day(last, value.place, report)?);
    let mut days = vec![first];
    let mut at = first;
    while at != last {
        at = at.next();
        days.push(at);
    }
    Some(days)
}

fn day(name: &str, place: Place, report: &mut Report) -> Option<Weekday> {
    let name = name.trim();
    let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, day)| *day);
    if found.is_none() {
        let names = NAMES.map(|(name, _)| name);
        // Three letters are the beginning of the whole name.
        let begins = names.into_iter().find(|known| name.to_lowercase().starts_with(known));
        let help = match begins.or_else(|| nearest(name, names)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("days: {}", names.join(", ")),
        };
        report.error(place, format!("{} is no day of the week", quoted(name))).help(help);
    }
    found
}

/// A date, with or without quotes.
pub(super) fn date(value: Value<'_>, report: &mut Report) -> Option<Date> {
    match value.as_date().or_else(|| value.as_text().map(str::to_owned)) {
        Some(text) => date_of(&text, value.place, report),
        None => {
            value.refuse("a date", "write it as year-month-day: \"2026-12-25\"", report);
            None
        }
    }
}

/// A date that is a key, or was a value.
pub(super) fn date_of(text: &str, place: Place, report: &mut Report) -> Option<Date> {
    let whole = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let found = whole.then(|| text.parse::<Date>().ok()).flatten();
    if found.is_none() {
        let what = if whole { "is not in the calendar" } else { "is no date" };
        report.error(place, format!("{} {what}", quoted(text))).help("write year-month-day: \"2026-12-25\"");
    }
    found
}

/// `"09:30-16:00"`; what ends before it begins runs over midnight.
pub(super) fn span(value: Value<'_>, report: &mut Report) -> Option<Span> {
    let text = value.text("09:30-16:00", report)?;
    let span = text.split_once('-').and_then(|(from, to)| {
        let (from, to) = (minutes(from).filter(|from| *from < DAY)?, minutes(to)?);
        Some(Span { from, to: if to > from { to } else { to + DAY } })
    });
    if span.is_none() {
        report
            .error(value.place, format!("{} is not from when until when", quoted(text)))
            .help("write \"09:30-16:00\"; over midnight \"18:00-17:00\", a whole day \"00:00-24:00\"");
    }
    span
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Some(hours * 60 + minutes).filter(|all| *all <= DAY)
}
