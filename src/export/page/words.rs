//! The words of the page: values in their unit, times, levels.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use crate::config::units;
use crate::export::status::Reading;
use crate::model::{Direction, Level, Metric, Unit, printable};
use crate::record::show_duration;

/// Longest text shown of what comes from outside.
const MOST_CHARS: usize = 300;

const DAY: f64 = 86_400.0;

/// Text fit to be shown: no character in it hides, or turns the reading direction.
pub(super) fn text(text: &str) -> String {
    printable(text.as_bytes(), MOST_CHARS)
}

/// What is to be copied: fit to be shown as it comes, or else as [`text`]; a backslash that was doubled is not doubled
/// once more.
pub(super) fn command(line: &str) -> String {
    let shown = text(line);
    if shown == line.replace('\\', r"\\") { line.to_owned() } else { shown }
}

/// The level of that name; normal of what is none.
pub(super) fn level(name: &str) -> Level {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == name).unwrap_or(Level::Normal)
}

/// A level, as a word that also has a colour.
pub(super) fn badge(name: &str) -> Markup {
    html! { strong class={ "level " (level(name).name()) } { (text(name)) } }
}

fn named(metric: &str) -> Option<Metric> {
    Metric::try_from(metric.to_owned()).ok()
}

/// What a metric counts, by its name with or without peer.
pub(super) fn unit(metric: &str) -> Unit {
    named(metric).map_or(Unit::Count, |metric| metric.unit())
}

/// Which way is worse for a metric.
pub(super) fn direction(metric: &str) -> Direction {
    named(metric).map_or(Direction::Up, |metric| metric.direction())
}

/// What a metric is, in a line.
pub(super) fn help(metric: &str) -> &'static str {
    named(metric).map_or("", |metric| metric.info().help)
}

/// A value in the unit of its metric.
pub(super) fn amount(metric: &str, value: f64) -> String {
    units::show(value, unit(metric))
}

/// A reading: what it is, or why it is not known; never a zero that nobody counted.
pub(super) fn reading(metric: &str, readings: &BTreeMap<String, Reading>) -> Markup {
    match readings.get(metric) {
        Some(reading) => known(metric, reading),
        None => html! { span.unknown { "not read yet" } },
    }
}

/// As [`reading`], of one that is there. The value itself is kept beside its text.
pub(super) fn known(metric: &str, reading: &Reading) -> Markup {
    match (reading.value, &reading.unknown) {
        (Some(value), _) if reading.at_least => {
            html! { "at least " data value=(value) { (amount(metric, value)) } }
        }
        (Some(value), _) => html! { data value=(value) { (amount(metric, value)) } },
        (None, Some(why)) => html! { span.unknown { "unknown: " (text(why)) } },
        (None, None) if reading.unlimited && unit(metric) == Unit::Seconds => {
            html! { data value="Infinity" { "never" } }
        }
        (None, None) if reading.unlimited => html! { data value="Infinity" { "unlimited" } },
        (None, None) => html! { span.unknown { "unknown" } },
    }
}

/// A span of time in seconds: `4m`.
pub(super) fn span(seconds: f64) -> String {
    show_duration(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
}

/// A time in seconds since 1970: the time of day, with the date when that is not today's.
pub(super) fn time(at: f64, now: f64) -> Markup {
    let (date, clock) = utc(at);
    let shown = if (at / DAY).floor().total_cmp(&(now / DAY).floor()).is_eq() {
        format!("{clock} UTC")
    } else {
        format!("{date} {clock} UTC")
    };
    html! { time datetime=(format!("{date}T{clock}Z")) { (shown) } }
}

/// A time that is past, and how long ago.
pub(super) fn since(at: f64, now: f64) -> Markup {
    html! { (time(at, now)) " (" (span(now - at)) " ago)" }
}

/// Date and time of day in UTC.
fn utc(unix: f64) -> (String, String) {
    let unix = unix.clamp(0.0, 253_402_300_799.0);
    let second = (unix % DAY).floor();
    let clock = format!("{:02}:{:02}:{:02}", (second / 3600.0).floor(), (second / 60.0 % 60.0).floor(), second % 60.0);
    let (year, month, day) = date((unix / DAY).floor());
    (format!("{year:04}-{month:02}-{day:02}"), clock)
}

/// Year, month and day of a number of days since 1970 in the Gregorian calendar, whose rules repeat
/// every 146,097 days. Years are counted from March, so that the leap day is the last of its year.
fn date(days: f64) -> (f64, f64, f64) {
    let days = days + 719_468.0;
    let era = (days / 146_097.0).floor();
    let of_era = days - era * 146_097.0;
    let year = ((of_era - (of_era / 1_460.0).floor() + (of_era / 36_524.0).floor() - (of_era / 146_096.0).floor())
        / 365.0)
        .floor();
    let of_year = of_era - (365.0 * year + (year / 4.0).floor() - (year / 100.0).floor());
    let month = ((5.0 * of_year + 2.0) / 153.0).floor();
    let day = of_year - ((153.0 * month + 2.0) / 5.0).floor() + 1.0;
    let (month, next) = if month < 10.0 { (month + 3.0, 0.0) } else { (month - 9.0, 1.0) };
    (year + era * 400.0 + next, month, day)
}

/// `1 process`, `2 processes`
pub(super) fn processes(count: usize) -> String {
    format!("{count} process{}", if count == 1 { "" } else { "es" })
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix, date, clock) in [
            (0.0, "1970-01-01", "00:00:00"),
            (951_782_399.9, "2000-02-28", "23:59:59"),
            (951_782_400.0, "2000-02-29", "00:00:00"),
            (1_709_251_199.0, "2024-02-29", "23:59:59"),
            (1_709_251_200.0, "2024-03-01", "00:00:00"),
            (1_789_999_760.0, "2026-09-21", "14:09:20"),
            (4_107_542_400.0, "2100-03-01", "00:00:00"),
            (f64::INFINITY, "9999-12-31", "23:59:59"),
            (f64::NEG_INFINITY, "1970-01-01", "00:00:00"),
        ] {
            assert_eq!(utc(unix), (date.to_owned(), clock.to_owned()), "{unix}");
        }
    }
}
