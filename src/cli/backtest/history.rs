//! What the daemon has kept of what it read, as a series.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::Failure;
use super::super::lookup::shown;
use crate::record::history::{Reader, Readings, SampleFilter};
use crate::replay::{Column, Fault, Row, Series};

/// The samples of a history.
pub(super) struct Samples {
    name: String,
    readings: Readings,
    columns: Vec<Column>,
    /// What the processes are called, by their seats.
    names: HashMap<Option<u32>, Arc<str>>,
}

impl Samples {
    /// Those of one target, or of all.
    pub(super) fn open(place: &Path, target: Option<&str>) -> Result<Self, Failure> {
        let filter = SampleFilter { since: None, target: target.map(str::to_owned) };
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
