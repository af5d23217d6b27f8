//! What the daemon has kept of what it read, as a series.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Failure;
use super::super::lookup::shown;
use crate::record::history::{Reader, Readings, SampleFilter};
use crate::record::samples::STEP;
use crate::replay::{Column, Fault, Row, Series};

/// Which part of a history.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Of this target alone, and the host; none for all.
    pub(super) target: Option<String>,
    /// From when to when; none for all.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

impl Part {
    /// `, from 2026-03-02T09:30:00Z to 2026-03-02T10:00:00Z`
    pub(super) fn told(&self) -> String {
        let second = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.span.map_or_else(String::new, |(from, to)| format!(", from {} to {}", second(from), second(to)))
    }
}

/// The samples of a history.
pub(super) struct Samples {
    name: String,
    readings: Readings,
    columns: Vec<Column>,
    /// What the processes are called, by their seats.
    names: HashMap<Option<u32>, Arc<str>>,
}

impl Samples {
    /// A part of those at `place`.
    pub(super) fn open(place: &Path, part: &Part) -> Result<Self, Failure> {
        let (since, until) = part.span.map(|(from, to)| (from.as_millisecond(), to.as_millisecond())).unzip();
        let filter = SampleFilter { since, until, target: part.target.clone() };
        let readings = Reader::open(place).and_then(|reader| reader.samples(filter));
        let readings = readings.map_err(|error| Failure::runtime(error.to_string()))?;
        let columns = readings.metrics().iter().map(|name| Column::named(name)).collect();
        Ok(Self { name: shown(place), readings, columns, names: HashMap::new() })
    }
}

impl Series for Samples {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn names_targets(&self) -> bool {
        true
    }

    /// A daemon that ends keeps what it read last, however soon that is after the row before.
    fn least_period(&self) -> Duration {
        STEP
    }

    fn left_out(&self) -> Option<String> {
        let left_out = self.readings.left_out();
        (!left_out.is_none()).then(|| left_out.to_string())
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Fault> {
        let told = self.readings.next_row().map_err(|error| Fault {
            place: self.name.clone(),
            what: error.to_string(),
            help: "tradedog history --verify says whether it is sound".to_owned(),
        })?;
        let Some(told) = told else { return Ok(false) };
        let name = |slot: Option<u32>| slot.map_or_else(|| Row::ALL.into(), |slot| slot.to_string().into());
        let name = self.names.entry(told.slot).or_insert_with(|| name(told.slot));
        *row = Row {
            at: Timestamp::from_millisecond(told.at).unwrap_or_default(),
            target: Some(told.target),
            process: Arc::clone(name),
            started: told.started.and_then(|started| Timestamp::from_millisecond(started).ok()),
            cells: told.cells,
        };
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
