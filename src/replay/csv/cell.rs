//! What stands in one field: a time, or a reading.

use std::str;

use jiff::Timestamp;

use crate::config::units::{Rate, Share, Size};
use crate::model::{Metric, Unit, Value};
use crate::replay::series::{LATEST_SECOND, implausible, instant, shown, unknown};

/// A clause about what is wrong, and what to write.
pub(super) type Wrong = (String, String);

/// RFC 3339, or seconds since 1970.
pub(super) fn time(text: &[u8]) -> Result<Timestamp, Wrong> {
    let written = str::from_utf8(text).map_err(|_| no_time(text))?;
    if written.bytes().all(|byte| byte.is_ascii_digit()) && written.len() < 12 && !written.is_empty() {
        let second = written.parse().map_err(|_| no_time(text))?;
        return Timestamp::from_second(second).map_err(|_| no_time(text));
    }
    if let Ok(seconds) = written.parse::<f64>() {
        return instant(seconds).ok_or_else(|| no_time(text));
    }
    written.parse().map_err(|_| no_time(text))
}

fn no_time(text: &[u8]) -> Wrong {
    let number = str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let help = match number {
        Some(number) if number >= LATEST_SECOND => "write seconds since 1970, not milliseconds",
        Some(_) => "write seconds since 1970",
        None if text.is_ascii() && has_no_zone(text) => {
            "write the zone behind it: 2026-03-02T09:30:00Z, or +01:00 for Z"
        }
        None => "write RFC 3339 (2026-03-02T09:30:00Z) or seconds since 1970",
    };
    (format!("`{}` is not a time", shown(text)), help.to_owned())
}

/// Whether it is a date and a time of day, and nothing behind them.
fn has_no_zone(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| text.parse::<jiff::civil::DateTime>().is_ok())
}

/// A reading of `metric`; none where there is no new one.
pub(super) fn value(text: &[u8], metric: &Metric) -> Result<Option<Value>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    let written = str::from_utf8(text).map_err(|_| no_value(text, metric))?;
    if text.first().is_some_and(u8::is_ascii_digit) {
        return number(written, metric).map(|value| Some(Value::Known(value)));
    }
    if let Some(why) = unknown(written) {
        return Ok(Some(Value::Unknown(why)));
    }
    if written.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    if let Some(least) = written.strip_prefix(">=") {
        return number(least.trim_ascii(), metric).map(|least| Some(Value::AtLeast(least)));
    }
    number(written, metric).map(|value| Some(Value::Known(value)))
}

fn number(text: &str, metric: &Metric) -> Result<f64, Wrong> {
    let no_value = || no_value(text.as_bytes(), metric);
    let value = text.parse::<f64>().ok().or_else(|| with_unit(text, metric.info().unit)).ok_or_else(no_value)?;
    if !value.is_finite() {
        return Err(no_value());
    }
    if let Some(what) = implausible(value, metric) {
        let text = shown(text.as_bytes());
        let help = match value < 0.0 {
            true => "leave the field empty where nothing was read".to_owned(),
            false => format!("a share is written as 0.85 or 85%: is it \"{text}%\"?"),
        };
        return Err((format!("{text} {what}"), help));
    }
    Ok(value)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are at most 2^53")]
fn with_unit(text: &str, unit: Unit) -> Option<f64> {
    if unit == Unit::Bytes {
        text.parse::<Size>().ok().map(|size| size.0 as f64)
    } else if unit == Unit::Ratio {
        text.parse::<Share>().ok().map(|share| share.0)
    } else if unit == Unit::PerSecond {
        text.parse::<Rate>().ok().map(|rate| rate.0)
    } else {
        None
    }
}

fn no_value(text: &[u8], metric: &Metric) -> Wrong {
    let unit = metric.info().unit;
    let example = if unit == Unit::Bytes {
        "bytes (1048576) or a size (\"512MiB\")"
    } else if unit == Unit::Ratio {
        "a share (0.85) or percent (85%)"
    } else if unit == Unit::PerSecond {
        "a number a second (500) or a rate (\"500/s\")"
    } else {
        "a number"
    };
    (
        format!("`{}` is not a reading", shown(text)),
        format!("write {example}, >= and a lower bound, denied or another reason, or nothing"),
    )
}
