//! Samples as a reader sees them: row after row in the order of time, some 10 s apart whatever resolution they are
//! left in. Where only the highest of a minute is left it stands in each of its rows: it may have been so high at any
//! time of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params};

use super::left_out::LeftOut;
use super::read::{HistoryError, Reader};
use crate::model::Value;
use crate::record::samples::{Damaged, STEP, Unpacking};

/// Blocks that are read at once.
const MOST: i64 = 32;

/// Which samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleFilter {
    /// Not before this, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Not after this, in milliseconds since 1970 (UTC).
    pub until: Option<i64>,
    /// Of this target alone, and the host.
    pub target: Option<String>,
}

/// What was read of one process, or of all of a target together, at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// Name of the target.
    pub target: Arc<str>,
    /// The seat, as the label `process`; none for all of the target together.
    pub slot: Option<u32>,
    /// When the process started, in milliseconds since 1970 (UTC).
    pub started: Option<i64>,
    /// One for each of [`Readings::metrics`]; none where there was no reading. What is the host's is in the first
    /// row of a time.
    pub cells: Vec<Option<Value>>,
}

/// When, and whose: the host comes first.
type Key = (i64, Option<Arc<str>>, Option<u32>);

/// A row that waits for its turn.
#[derive(Clone, Debug)]
struct Waiting {
    started: Option<i64>,
    cells: Vec<Option<Value>>,
    /// How often it comes again, a step later each time.
    again: i64,
}

/// Samples that are being read.
#[derive(Debug)]
pub struct Readings {
    reader: Reader,
    filter: SampleFilter,
    metrics: Vec<String>,
    /// For each list of metrics in the file, where they are in `metrics`.
    places: HashMap<i64, Vec<usize>>,
    /// The last block that was read: when it begins, and its number.
    last: (i64, i64),
    /// Blocks that were read and not unpacked yet.
    blocks: VecDeque<Packed>,
    /// Rows of blocks that overlap.
    rows: BTreeMap<Key, Waiting>,
    /// What was read of the host, for the next row.
    host: Option<Vec<Option<Value>>>,
    left_out: LeftOut,
    ended: bool,
}

#[derive(Debug)]
struct Packed {
    at: i64,
    until: i64,
    target: Option<Arc<str>>,
    metrics: i64,
    /// How often each of its rows comes again.
    again: i64,
    data: Vec<u8>,
}

impl Reader {
    /// Begins to read the samples that `filter` lets through.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn samples(self, filter: SampleFilter) -> Result<Readings, HistoryError> {
        let lists = self.lists(&filter).map_err(|error| self.unreadable(&error))?;
        let mut metrics: Vec<String> = Vec::new();
        for name in lists.iter().flat_map(|(_, names)| names.split_ascii_whitespace()) {
            if !metrics.iter().any(|other| other == name) {
                metrics.push(name.to_owned());
            }
        }
        let place = |name| metrics.iter().position(|other| other == name);
        let places = lists.iter().map(|(id, names)| (*id, names.split_ascii_whitespace().filter_map(place).collect()));
        let places = places.collect();
        let (blocks, rows, left_out) = (VecDeque::new(), BTreeMap::new(), LeftOut::default());
        let (last, host, ended) = ((i64::MIN, 0), None, false);
        Ok(Readings { reader: self, filter, metrics, places, last, blocks, rows, host, left_out, ended })
    }

    /// The lists of metrics of what is asked for. None in a file of before there were samples.
    fn lists(&self, filter: &SampleFilter) -> rusqlite::Result<Vec<(i64, String)>> {
        let there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'blocks'";
        if self.connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, names FROM metrics WHERE id IN (SELECT DISTINCT metrics FROM blocks \
                   WHERE (?1 IS NULL OR until >= ?1) AND (?2 IS NULL OR target IS NULL OR target = ?2)) ORDER BY id";
        let mut ask = self.connection.prepare(sql)?;
        let rows = ask.query_map(params![filter.since, filter.target], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }
}

impl Readings {
    /// The metrics of each row, by name.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// The blocks that could not be read so far.
    pub const fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The next row, in the order of time; none where there is no more. A block that is damaged is left out.
    ///
    /// # Errors
    /// Where the file cannot be read to the end.
    pub fn next_row(&mut self) -> Result<Option<Told>, HistoryError> {
        if self.metrics.is_empty() {
            return Ok(None);
        }
        while let Some(((at, target, slot), row)) = self.next_waiting()? {
            let Waiting { started, mut cells, .. } = row;
            if self.filter.until.is_some_and(|until| at > until) {
                return Ok(None);
            }
            let Some(target) = target else {
                self.host = Some(cells);
                continue;
            };
            for (cell, host) in cells.iter_mut().zip(self.host.take().into_iter().flatten()) {
                *cell = cell.or(host);
            }
            return Ok(Some(Told { at, target, slot, started, cells }));
        }
        Ok(None)
    }

    fn next_waiting(&mut self) -> Result<Option<(Key, Waiting)>, HistoryError> {
        loop {
            if self.blocks.is_empty() && !self.ended {
                self.more().map_err(|error| self.reader.unreadable(&error))?;
            }
            // What is before the next block comes before all that is in it and in those behind it.
            let next = self.blocks.front().map(|block| block.at);
            let is_due = self.rows.first_key_value().is_some_and(|((at, ..), _)| next.is_none_or(|next| *at < next));
            if is_due {
                let row = self.rows.pop_first();
                row.iter().for_each(|row| self.again(row));
                return Ok(row);
            }
            let Some(block) = self.blocks.pop_front() else { return Ok(None) };
            match self.unpack(&block) {
                Ok(rows) => self.rows.extend(rows),
                Err(Damaged) => self.left_out.add(block.at, block.until),
            }
        }
    }

    /// Puts a row of a coarser resolution where it comes next, if nothing newer is there.
    fn again(&mut self, ((at, target, slot), row): &(Key, Waiting)) {
        if row.again > 0 {
            let key = (at.saturating_add(millis_of_step()), target.clone(), *slot);
            self.rows.entry(key).or_insert_with(|| Waiting { again: row.again - 1, ..row.clone() });
        }
    }

    fn more(&mut self) -> rusqlite::Result<()> {
        let sql = "SELECT id, at, target, metrics, step, data, until FROM blocks \
                   WHERE (at, id) > (?1, ?2) AND (?3 IS NULL OR until >= ?3) \
                   AND (?4 IS NULL OR target IS NULL OR target = ?4) AND (?6 IS NULL OR at <= ?6) \
                   ORDER BY at, id LIMIT ?5";
        let mut ask = self.reader.connection.prepare(sql)?;
        let Self { last, filter, blocks, .. } = self;
        let mut rows = ask.query(params![last.0, last.1, filter.since, filter.target, MOST, filter.until])?;
        while let Some(row) = rows.next()? {
            let (id, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let target: Option<String> = row.get(2)?;
            let (target, again) = (target.map(Arc::from), row.get::<_, i64>(4)? / millis_of_step() - 1);
            let (metrics, data, until) = (row.get(3)?, row.get(5)?, row.get(6)?);
            blocks.push_back(Packed { at, until, target, metrics, again, data });
            *last = (at, id);
        }
        self.ended = blocks.is_empty();
        Ok(())
    }

    /// All rows of a block, or none: what comes before the damage is not believed either.
    fn unpack(&self, block: &Packed) -> Result<Vec<(Key, Waiting)>, Damaged> {
        let Packed { at: first, target, metrics, again, data, .. } = block;
        let mut rows = Vec::new();
        let places = self.places.get(metrics).ok_or(Damaged)?;
        let mut unpacking = Unpacking::of(data)?;
        while let Some(offset) = unpacking.next_row()? {
            let at = first.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX));
            if self.filter.since.is_some_and(|since| at < since) {
                continue;
            }
            for (whom, values) in unpacking.members() {
                let mut cells = vec![None; self.metrics.len()];
                for (place, value) in places.iter().zip(values) {
                    cells.get_mut(*place).into_iter().for_each(|cell| *cell = value);
                }
                let started = whom.slot.map(|_| first.saturating_sub(whom.started_before));
                rows.push(((at, target.clone(), whom.slot), Waiting { started, cells, again: *again }));
            }
        }
        Ok(rows)
    }
}

fn millis_of_step() -> i64 {
    i64::try_from(STEP.as_millis()).unwrap_or(1)
}
