//! One JSON object for programs. What there may be many of is kept in files that nobody else sees until the
//! object is written, so that memory does not grow.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use serde::Serialize;
use tempfile::SpooledTempFile;

use super::super::Output;
use super::News;
use super::about::About;
use super::totals::Summary;
use crate::replay::{Survey, Tally};

/// So much of a list is kept in memory.
const KEPT: usize = 1 << 20;

/// The object, being collected.
#[derive(Default)]
pub(super) struct Document {
    orders: List,
    levels: List,
    forecasts: List,
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
        news.level.as_ref().map_or(Ok(()), |row| self.levels.push(row))
    }

    /// Prints all of it.
    pub(super) fn print(self, came: (&Tally, &About), survey: &Survey, output: &mut Output) -> io::Result<()> {
        output.text("{\n")?;
        self.orders.print("orders", output)?;
        self.levels.print("levels", output)?;
        self.forecasts.print("forecasts", output)?;
        let summary = serde_json::to_string_pretty(&Summary::of(came, survey))?;
        output.text(&format!("  \"summary\": {}\n}}\n", summary.replace('\n', "\n  ")))
    }
}
