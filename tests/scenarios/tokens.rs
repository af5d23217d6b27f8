//! Series in the notation of promtool: `85+9x60 _x5 950`, with words for what is no value.

use tradedog::model::{Unknown, Value};

/// Readings, none where there is no new one.
pub(crate) fn readings(text: &str) -> Result<Vec<Option<Value>>, String> {
    let mut readings = Vec::new();
    for token in text.split_whitespace() {
        readings.extend(expand(token).ok_or_else(|| format!("{token:?} is no token of a series"))?);
    }
    Ok(readings)
}

/// `7`, `7x3` (7 and 7 three times more), `1+2x3` (1 3 5 7), `9-1x2`, `_`, `_x5`, `>=7`, `denied`, `denied x3`.
fn expand(token: &str) -> Option<Vec<Option<Value>>> {
    let (word, times) = match token.rsplit_once('x') {
        Some((word, times)) => (word, Some(times.parse::<usize>().ok()?)),
        None => (token, None),
    };
    if word == "_" {
        return Some(vec![None; times.unwrap_or(1)]);
    }
    let whys = [Unknown::Denied, Unknown::Gone, Unknown::Malformed, Unknown::Overdue];
    if let Some(why) = whys.into_iter().find(|why| why.name() == word) {
        return Some(vec![Some(Value::Unknown(why)); times.unwrap_or(1)]);
    }
    if let Some(least) = word.strip_prefix(">=") {
        let least = least.parse().ok()?;
        return Some(vec![Some(Value::AtLeast(least)); times.unwrap_or(0) + 1]);
    }
    let step_at = word.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (first, step) = match step_at {
        Some(at) => (&word[..at], word[at..].parse::<f64>().ok()?),
        None => (word, 0.0),
    };
    let first: f64 = first.parse().ok()?;
    let value =
        |index: usize| u32::try_from(index).ok().map(|index| Value::Known(step.mul_add(f64::from(index), first)));
    (0..=times.unwrap_or(0)).map(|index| value(index).map(Some)).collect()
}
