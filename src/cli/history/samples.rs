//! `tradedog history --samples`: what was read, as comma-separated values.

use jiff::Timestamp;

use super::super::{Failure, Output};
use super::failure;
use crate::model::{Unknown, Value, printable};
use crate::record::history::{Reader, SampleFilter, Told};

/// Longest name shown.
const MOST_CHARS: usize = 200;

/// Prints the samples that `filter` lets through; in the end says what could not be read of them.
pub(super) fn print(reader: Reader, filter: SampleFilter, output: &mut Output) -> Result<(), Failure> {
    let mut readings = reader.samples(filter).map_err(failure)?;
    let mut heads = vec!["time".to_owned(), "target".to_owned(), "process".to_owned(), "started".to_owned()];
    heads.extend(readings.metrics().iter().map(|name| field(name)));
    output.line(heads.join(","))?;
    while let Some(told) = readings.next_row().map_err(failure)? {
        output.line(line(&told))?;
    }
    let left_out = readings.left_out();
    if left_out.is_none() { Ok(()) } else { Err(Failure::runtime(left_out.to_string())) }
}

fn line(told: &Told) -> String {
    let Told { at, target, slot, started, cells } = told;
    let process = slot.map_or_else(|| "all".to_owned(), |slot| slot.to_string());
    let mut fields = vec![time(*at), field(target), process, started.map_or_else(String::new, time)];
    fields.extend(cells.iter().map(|cell| cell.map_or_else(String::new, value)));
    fields.join(",")
}

fn time(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// As the backtest reads it.
fn value(value: Value) -> String {
    match value {
        Value::Known(number) => number.to_string(),
        Value::AtLeast(number) => format!(">={number}"),
        // Of a forecast, and none is kept.
        Value::Unknown(Unknown::TooShort) => String::new(),
        Value::Unknown(why) => why.name().to_owned(),
    }
}

/// A name; a file that somebody else has written is not believed.
fn field(text: &str) -> String {
    let text = printable(text.as_bytes(), MOST_CHARS);
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
