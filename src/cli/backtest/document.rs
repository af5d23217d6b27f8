//! One JSON object for programs. What there may be many of is kept in files that nobody else sees until the
//! object is written, so that memory does not grow.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use serde::Serialize;
use tempfile::SpooledTempFile;

use super::super::Output;
use super::Stage;
use super::side::News;
use super::totals::Summary;
use crate::replay::{ForecastRow, Survey, Told};

/// So much of a list is kept in memory.
const KEPT: usize = 1 << 20;

/// An element of `forecasts`.
#[derive(Serialize)]
struct Forecast<'a> {
    time: String,
    target: Option<&'a str>,
    process: Option<&'a str>,
    metric: &'a str,
    level: &'a str,
    time_left_seconds: f64,
}

impl<'a> Forecast<'a> {
    fn of(row: &'a ForecastRow) -> Self {
        Self {
            time: row.time.to_string(),
            target: row.target.as_deref(),
            process: row.process.as_deref(),
            metric: &row.metric,
            level: row.level,
            time_left_seconds: row.left,
        }
    }
}

/// The object, being collected.
#[derive(Default)]
pub(super) struct Document {
    orders: List,
    levels: List,
    forecasts: List,
    only_new: List,
    only_old: List,
}

/// The elements of a list, written one by one.
struct List {
    to: BufWriter<SpooledTempFile>,
    any: bool,
}

impl Default for List {
    fn default() -> Self {
        Self { to: BufWriter::new(tempfile::spooled_tempfile(KEPT)), any: false }
    }
}

impl List {
    fn push(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.to.write_all(if std::mem::replace(&mut self.any, true) { b",\n    " } else { b"\n    " })?;
        Ok(serde_json::to_writer(&mut self.to, element)?)
    }

    fn print(self, name: &str, output: &mut Output) -> io::Result<()> {
        let any = self.any;
        let mut file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        output.text(&format!("  \"{name}\": ["))?;
        output.copy(&mut file)?;
        output.text(if any { "\n  ],\n" } else { "],\n" })
    }
}

impl Document {
    /// Takes in what was told.
    pub(super) fn take(&mut self, news: &News) -> io::Result<()> {
        if let Some(row) = &news.order {
            self.orders.push(row)?;
        }
        if let Told::Forecast(row) = &news.told {
            self.forecasts.push(&Forecast::of(row))?;
        }
        news.level.as_ref().map_or(Ok(()), |row| self.levels.push(row))
    }

    /// Takes in an order that only one of both configurations gives.
    pub(super) fn differ(&mut self, is_new: bool, news: &News) -> io::Result<()> {
        let list = if is_new { &mut self.only_new } else { &mut self.only_old };
        news.order.as_ref().map_or(Ok(()), |row| list.push(row))
    }

    /// Prints all of it.
    pub(super) fn print(self, stage: &Stage, survey: &Survey, output: &mut Output) -> io::Result<()> {
        output.text("{\n")?;
        self.orders.print("orders", output)?;
        self.levels.print("levels", output)?;
        self.forecasts.print("forecasts", output)?;
        if let Some(old) = &stage.old {
            self.only_new.print("only_new", output)?;
            self.only_old.print("only_old", output)?;
            summary("against", (&Summary::of(old, survey), ","), output)?;
        }
        summary("summary", (&Summary::of(&stage.new, survey), ""), output)?;
        output.text("}\n")
    }
}

fn summary(name: &str, (summary, behind): (&Summary, &str), output: &mut Output) -> io::Result<()> {
    let text = serde_json::to_string_pretty(summary)?.replace('\n', "\n  ");
    output.text(&format!("  \"{name}\": {text}{behind}\n"))
}
