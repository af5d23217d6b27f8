//! Values with a unit where they stand: [`units`](super::units) parses, this says where it did not.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time;

use super::Budget;
use super::keys::Section;
use super::problem::Report;
use super::reader::Value;
use super::text::{is_name, quoted};
use super::units::{Counted, Duration, Growth, Rate, Share, Size, Wrong};
use crate::model::Unit;

/// A duration from `range`, as written with its unit.
pub(super) fn duration(value: Value<'_>, range: RangeInclusive<&str>, report: &mut Report) -> Option<time::Duration> {
    let span: Duration = parsed(value, "30s", report)?;
    let end = |text: &str| text.parse::<Duration>().ok();
    if end(range.start()).is_some_and(|low| span < low) || end(range.end()).is_some_and(|high| span > high) {
        report.error(value.place, format!("\"{span}\" is out of range")).help(format!(
            "write a duration from \"{}\" to \"{}\"",
            range.start(),
            range.end()
        ));
        return None;
    }
    Some(span.0)
}

/// A number of bytes from `range`, as written with its unit.
pub(super) fn size(value: Value<'_>, range: RangeInclusive<&str>, report: &mut Report) -> Option<u64> {
    let size: Size = parsed(value, "512MiB", report)?;
    let end = |text: &str| text.parse::<Size>().ok();
    if end(range.start()).is_some_and(|low| size < low) || end(range.end()).is_some_and(|high| size > high) {
        report.error(value.place, format!("\"{size}\" is out of range")).help(format!(
            "write a size from \"{}\" to \"{}\"",
            range.start(),
            range.end()
        ));
        return None;
    }
    Some(size.0)
}

/// A share, such as "90%".
pub(super) fn share(value: Value<'_>, report: &mut Report) -> Option<f64> {
    parsed::<Share>(value, "90%", report).map(|share| share.0)
}

/// A bound in the unit of its metric.
pub(super) fn quantity(value: Value<'_>, unit: Unit, report: &mut Report) -> Option<f64> {
    match unit {
        Unit::Count => count(value, report),
        Unit::PerSecond => parsed::<Rate>(value, "500/s", report).map(|rate| rate.0),
        Unit::Ratio => share(value, report),
        #[expect(clippy::cast_precision_loss, reason = "the parser refuses what is not exact")]
        Unit::Bytes => parsed::<Size>(value, "512MiB", report).map(|size| size.0 as f64),
        Unit::Seconds => parsed::<Duration>(value, "20m", report).map(|span| span.0.as_secs_f64()),
        Unit::CountPerMinute => parsed::<Growth<Counted>>(value, "20/min", report).map(|growth| growth.0.0),
        Unit::RatioPerMinute => parsed::<Growth<Share>>(value, "1%/min", report).map(|growth| growth.0.0),
        Unit::RatePerMinute => parsed::<Growth<Rate>>(value, "10/s/min", report).map(|growth| growth.0.0),
        #[expect(clippy::cast_precision_loss, reason = "the parser refuses what is not exact")]
        Unit::BytesPerMinute => parsed::<Growth<Size>>(value, "5MiB/min", report).map(|growth| growth.0.0 as f64),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the range ends where floats stop being exact")]
fn count(value: Value<'_>, report: &mut Report) -> Option<f64> {
    if value.as_text().is_some() {
        value.refuse(
            "a bare number",
            "this metric counts things: write a whole number without unit and quotes",
            report,
        );
        return None;
    }
    value.whole(0..=1 << 53, report).map(|n| n as f64)
}

fn parsed<T: FromStr<Err = Wrong> + Display>(value: Value<'_>, example: &str, report: &mut Report) -> Option<T> {
    let Some(text) = value.as_text() else {
        match value.as_number().map(|number| (number.parse::<T>(), number)) {
            Some((Err(wrong), number)) => {
                report.error(value.place, format!("`{number}` {}", wrong.what)).help(wrong.help);
            }
            _ => value.refuse("a value with its unit", format!("write it in quotes: \"{example}\""), report),
        }
        return None;
    };
    match text.parse() {
        Ok(parsed) => Some(parsed),
        Err(wrong) => {
            report.error(value.place, format!("{} {}", quoted(text), wrong.what)).help(wrong.help);
            None
        }
    }
}

/// One of a few words.
pub(super) fn word<'w>(value: Value<'_>, words: &[&'w str], report: &mut Report) -> Option<&'w str> {
    let text = value.text(words.first()?, report)?;
    let found = words.iter().copied().find(|word| *word == text);
    if found.is_none() {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let words = match words.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => words.concat(),
        };
        report.error(value.place, format!("{} means nothing here", quoted(text))).help(format!("write {words}"));
    }
    found
}

/// `{ max, per }` of `kill_budget` or `max_cycles`.
pub(super) fn budget(value: Value<'_>, section: &Section, report: &mut Report) -> Option<Budget> {
    let mut table = value.table("{ max = 3, per = \"1h\" }", report)?;
    let place = table.place;
    let (max, per) = (table.take("max"), table.take("per"));
    let whole = table.finish(section, report);
    for (key, given) in [("max", max.is_some()), ("per", per.is_some())] {
        if whole && !given {
            report.missing(place, format!("`{key}` is missing")).help("write both: { max = 3, per = \"1h\" }");
        }
    }
    let max = max.and_then(|value| value.whole(0..=1_000_000, report)).and_then(|n| u32::try_from(n).ok());
    let per = per.and_then(|value| duration(value, "1s"..="365d", report));
    Some(Budget { max: max?, per: per? })
}

/// Whether `name` may be a name; says so if not.
pub(super) fn named(name: &str, place: super::source::Place, report: &mut Report) -> bool {
    if !is_name(name) {
        report
            .error(place, format!("{} is not a name", quoted(name)))
            .help("names begin with a small letter and go on with small letters, digits and _; at most 64 characters");
    }
    is_name(name)
}
