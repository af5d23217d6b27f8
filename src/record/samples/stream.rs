//! The readings of one seat, row after row, in one piece of memory: a row in full, then differences.

use super::cell::{Bytes, Cell, pack, unpack};

/// By so much a stream grows: some rows, so that it does not grow in each.
const GROWTH: usize = 256;

/// The rows of one seat.
#[derive(Debug)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    rows: usize,
    /// The last row.
    last: Vec<Cell>,
}

impl Stream {
    /// Without a row yet, of so many metrics.
    pub(super) fn of(metrics: usize) -> Self {
        Self { bytes: Vec::new(), rows: 0, last: vec![Cell::NOTHING; metrics] }
    }

    /// Adds a row, which `now` makes of the one before; `packed` is a buffer.
    pub(super) fn push(&mut self, now: &[Cell], packed: &mut Vec<u8>) {
        packed.clear();
        pack(packed, &self.last, now);
        if self.bytes.capacity() - self.bytes.len() < packed.len() {
            self.bytes.reserve_exact(packed.len().max(GROWTH));
        }
        self.bytes.extend_from_slice(packed);
        self.last.copy_from_slice(now);
        self.rows += 1;
    }

    /// Forgets the first rows: all but the last `keep`.
    pub(super) fn keep(&mut self, keep: usize) {
        let Some(go) = self.rows.checked_sub(keep).filter(|go| *go > 0) else { return };
        let mut cells = vec![Cell::NOTHING; self.last.len()];
        let mut bytes = Bytes(&self.bytes);
        // The first row that stays is written in full, in place of those that go.
        for _ in 0..=go.min(self.rows - 1) {
            if unpack(&mut bytes, &mut cells).is_none() {
                // What was written here is read here: it cannot be otherwise.
                return self.clear();
            }
        }
        let rest = bytes.0.len();
        if go == self.rows {
            return self.clear();
        }
        let mut first = Vec::with_capacity(cells.len() * 4);
        pack(&mut first, &vec![Cell::NOTHING; cells.len()], &cells);
        let end = self.bytes.len() - rest;
        self.bytes.splice(..end, first);
        self.rows = keep;
    }

    fn clear(&mut self) {
        *self = Self::of(self.last.len());
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn last(&self) -> &[Cell] {
        &self.last
    }

    /// What it takes in memory, in bytes.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.last.capacity() * size_of::<Cell>()
    }
}
