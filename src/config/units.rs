//! Values with a unit, as they are written: durations, sizes, shares, rates.
//!
//! One parser each; [`Duration`], [`Size`], [`Share`], [`Rate`] and [`Growth`] print what they parse. What does not
//! belong here: where a value stands in a file, and which values make sense there.

mod growth;

use std::fmt;
use std::str::FromStr;
use std::time;

pub use growth::{Counted, Growth};

use crate::model::Unit;

/// Longest duration that may be written: far beyond any sense, far from any overflow.
const LONGEST: time::Duration = time::Duration::from_secs(3650 * 86_400);

/// Largest size and count that may be written: whole numbers stay exact in a reading.
const LARGEST: u64 = 1 << 53;

/// Why a value does not parse: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// A clause about the value, without the value.
    pub what: String,
    /// What to write.
    pub help: String,
}

impl Wrong {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// A span of time: whole numbers with `d`, `h`, `m`, `s`, `ms`, largest first ("1h30m").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub time::Duration);

/// Units of time in milliseconds, largest first.
const TIME: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Duration {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let mut rest = text;
        let mut millis: u64 = 0;
        let mut below = usize::MIN;
        while !rest.is_empty() || text.is_empty() {
            let (number, unit, after) = part(rest).ok_or_else(|| no_duration(text))?;
            let index = TIME.iter().position(|(name, _)| *name == unit).ok_or_else(|| no_duration(text))?;
            if index < below {
                return Err(Wrong::new("has its units in the wrong order", "write the largest first: \"1h30m\""));
            }
            below = index + 1;
            millis = number.checked_mul(TIME[index].1).and_then(|n| millis.checked_add(n)).ok_or_else(too_long)?;
            rest = after;
        }
        let span = time::Duration::from_millis(millis);
        if span > LONGEST { Err(too_long()) } else { Ok(Self(span)) }
    }
}

/// Splits "30m15s" into 30, "m" and "15s".
fn part(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, tail) = text.split_at(digits);
    let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
    let (unit, after) = tail.split_at(letters);
    Some((number.parse().ok()?, unit, after))
}

fn no_duration(text: &str) -> Wrong {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Wrong::new("has no unit", format!("write \"{text}s\" for seconds; units are ms, s, m, h, d"));
    }
    let meant = short_units(text);
    if meant != text && meant.parse::<Duration>().is_ok() {
        return Wrong::new("is not a duration", format!("write \"{meant}\""));
    }
    Wrong::new("is not a duration", "write whole numbers with ms, s, m, h or d: \"500ms\", \"30s\", \"1h30m\"")
}

/// "2 minutes" as "2m".
fn short_units(text: &str) -> String {
    const LONG: [(&str, &str); 6] =
        [("millisecond", "ms"), ("second", "s"), ("sec", "s"), ("minute", "m"), ("min", "m"), ("hour", "h")];
    let text: String = text.chars().filter(|c| !c.is_whitespace()).take(40).collect();
    let text = LONG
        .iter()
        .fold(text.to_lowercase(), |text, (long, short)| text.replace(&format!("{long}s"), short).replace(long, short));
    text.replace("days", "d").replace("day", "d")
}

fn too_long() -> Wrong {
    Wrong::new("is too long", format!("write at most \"{}\"", Duration(LONGEST)))
}

impl fmt::Display for Duration {
    /// Drops what is below a millisecond, which cannot be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let mut text = String::new();
        for (name, millis) in TIME {
            if left >= millis {
                text.push_str(&format!("{}{name}", left / millis));
                left %= millis;
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

/// A number of bytes: "512MiB" (1024), "800MB" (1000), "1.5GiB".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const BYTES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
        if unit.is_empty() && decimal(text, 1 << 20).is_some() {
            return Err(Wrong::new("has no unit", format!("write \"{text}MiB\" or \"{text}MB\"")));
        }
        let Some((_, factor)) = BYTES.iter().find(|(name, _)| *name == unit) else {
            return Err(no_size(number, unit));
        };
        let bytes = bytes(number, *factor).ok_or_else(|| no_size(number, unit))?;
        if bytes > LARGEST {
            return Err(Wrong::new("is too large", format!("write at most \"{}\"", Self(LARGEST))));
        }
        Ok(Self(bytes))
    }
}

/// `number` times `factor`; a part of a byte is dropped, but not where bytes are written.
fn bytes(number: &str, factor: u64) -> Option<u64> {
    decimal(number, factor).filter(|(_, rest)| *rest == 0 || factor > 1).map(|(bytes, _)| bytes)
}

/// `number` times `factor`: the whole part, and what is left behind the point.
fn decimal(number: &str, factor: u64) -> Option<(u64, u128)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || (number.contains('.') && !digits(fraction)) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let value = format!("{whole}{fraction}").parse::<u128>().ok()? * u128::from(factor);
    Some((u64::try_from(value / scale).ok()?, value % scale))
}

fn no_size(number: &str, unit: &str) -> Wrong {
    let (number, unit) = (number.trim(), unit.trim());
    let near = BYTES.iter().find(|(name, _)| {
        let name = name.to_ascii_lowercase();
        let unit = unit.to_ascii_lowercase();
        name == unit || name == format!("{unit}b") || name == format!("{unit}ib")
    });
    match near {
        Some((name, factor)) if bytes(number, *factor).is_some() => {
            Wrong::new("is not a size", format!("write \"{number}{name}\""))
        }
        _ => Wrong::new("is not a size", "write a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB: \"512MiB\""),
    }
}

impl fmt::Display for Size {
    /// The shortest whole number; binary units where both are as short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = BYTES.iter().filter(|(_, factor)| self.0.is_multiple_of(*factor));
        let best = whole.map(|(name, factor)| (self.0 / factor, name)).min_by_key(|(number, _)| *number);
        match best {
            Some((number, name)) if self.0 > 0 => f.pad(&format!("{number}{name}")),
            _ => f.pad("0B"),
        }
    }
}

/// A share, written in percent ("85%", "99.5%"), kept as a number where 1 is all.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let Some(number) = text.strip_suffix('%') else {
            return Err(match text.parse::<f64>() {
                Ok(n) if n > 0.0 && n <= 1.0 => {
                    Wrong::new("has no unit", format!("write it in percent: \"{}\"", Self(n)))
                }
                Ok(n) if n > 1.0 && n <= 1000.0 => {
                    Wrong::new("has no unit", format!("write it in percent: \"{}\"", Self(n / 100.0)))
                }
                Ok(_) | Err(_) => no_share(),
            });
        };
        // Thousandths of a percent: exact, so that what is printed parses to the same number.
        let thousandths = decimal(number, 1000).filter(|(n, rest)| *n <= 1_000_000 && *rest == 0);
        let (thousandths, _) = thousandths.ok_or_else(no_share)?;
        let thousandths = u32::try_from(thousandths).map_err(|_| no_share())?;
        Ok(Self(f64::from(thousandths) / 100_000.0))
    }
}

fn no_share() -> Wrong {
    Wrong::new("is not a share", "write it in percent, at most three digits behind the point: \"85%\", \"99.5%\"")
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.3}", self.0 * 100.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.pad(&format!("{text}%"))
    }
}

/// So many in a time, written "500/s" or "20/min", kept as the number in a second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// Units of time of a rate in seconds.
const PER: [(&str, u64); 2] = [("s", 1), ("min", 60)];

/// What rates are counted in, thousandths a minute: exact, so that what is printed parses to the same number.
const PARTS: u64 = 60_000;

/// Largest rate in those parts: small enough that dividing and multiplying a float by them ends where it
/// began.
const LARGEST_RATE: u64 = 10_000_000_000 * PARTS;

impl FromStr for Rate {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (number, unit) = text.split_once('/').ok_or_else(|| no_rate(text, ""))?;
        let (_, seconds) = PER.iter().find(|(name, _)| *name == unit).ok_or_else(|| no_rate(number, unit))?;
        let (parts, rest) = decimal(number, PARTS / seconds).ok_or_else(|| no_rate(number, unit))?;
        if rest > 0 {
            return Err(Wrong::new("is finer than counted", "write at most three digits behind the point: \"0.5/s\""));
        }
        if parts > LARGEST_RATE {
            return Err(Wrong::new("is too large", "write at most \"10000000000/s\""));
        }
        #[expect(clippy::cast_precision_loss, reason = "bounded by the check before it")]
        Ok(Self(parts as f64 / PARTS as f64))
    }
}

fn no_rate(number: &str, unit: &str) -> Wrong {
    let (number, unit) = (number.trim(), unit.trim().to_ascii_lowercase());
    let what = if unit.is_empty() { "has no unit" } else { "is not a rate" };
    let meant = PER.iter().map(|(name, _)| name).find(|name| unit.is_empty() || unit.starts_with(&name[..1]));
    let written = decimal(number, 1000).is_some_and(|(parts, rest)| rest == 0 && parts <= LARGEST_RATE / PARTS);
    match meant.filter(|_| written) {
        Some(meant) => Wrong::new(what, format!("write \"{number}/{meant}\"")),
        None => Wrong::new("is not a rate", "write a number a second or a minute: \"500/s\", \"20/min\""),
    }
}

impl fmt::Display for Rate {
    /// A second, unless only a minute gives it exactly.
    #[expect(clippy::cast_precision_loss, reason = "a constant of five digits")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = (self.0 * PARTS as f64).round();
        let (number, unit) = if parts % 60.0 == 0.0 { (parts / 60.0, "s") } else { (parts, "min") };
        let text = format!("{:.3}", number / 1000.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.pad(&format!("{text}/{unit}"))
    }
}

/// A reading or a bound in its metric's unit, for people: "305", "870.1MiB", "85.2%".
///
/// Values that can be written exactly in few digits are ("900MB"); others are rounded to what is
/// worth reading, so that they still parse but not to the last byte.
pub fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => trimmed(value),
        Unit::Ratio => format!("{}%", trimmed(value * 100.0)),
        Unit::Bytes => show_bytes(value),
        Unit::PerSecond => format!("{}/s", trimmed(value)),
        Unit::CountPerMinute => format!("{}/min", trimmed(value)),
        Unit::BytesPerMinute => format!("{}/min", show_bytes(value)),
        Unit::RatioPerMinute => format!("{}%/min", trimmed(value * 100.0)),
        Unit::RatePerMinute => format!("{}/s/min", trimmed(value)),
        Unit::Seconds => show_seconds(value),
    }
}

/// Whole seconds; what is longer than could be written is never.
fn show_seconds(seconds: f64) -> String {
    let span = time::Duration::try_from_secs_f64(seconds.max(0.0).round()).ok().filter(|span| *span <= LONGEST);
    span.map_or_else(|| "never".to_owned(), |span| Duration(span).to_string())
}

/// At most one digit behind the point.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the checks before it")]
fn show_bytes(value: f64) -> String {
    if value >= 0.0 && value < LARGEST as f64 && value.fract() == 0.0 {
        let exact = Size(value as u64).to_string();
        if exact.len() <= 7 {
            return exact;
        }
    }
    let factor = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fit = factor.into_iter().find(|(factor, _)| value.abs() >= *factor as f64);
    let (factor, name) = fit.unwrap_or((1, "B"));
    format!("{}{name}", trimmed(value / factor as f64))
}

#[cfg(test)]
mod tests;
