//! What was read of a target in a span of time, as one piece for the history.
//!
//! A version, the number of metrics, then row after row: its offset in milliseconds from the first, and for everybody
//! of whom something was read his number in this block (plus one) and the difference to his row before; a zero ends
//! the row. Who comes for the first time has the next free number, and says who he is. Who was not in the row
//! before, or is another process now, is written in full.

use super::cell::{Bytes, Cell, MOST_METRICS, pack, put, unpack, unzigzag, zigzag};
use crate::model::{Identity, Pid, Value};

/// The format.
const VERSION: u8 = 1;

/// Most cells of one block, over all who are in it: what is beyond was not written by us.
const MOST_CELLS: usize = 1 << 20;

/// Who was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whom {
    /// His seat, the label `process`; none for all processes of a target together, and for the host.
    pub slot: Option<u32>,
    /// His pid; 0 where nobody alone is meant.
    pub pid: i32,
    /// When he started, in clock ticks since boot.
    pub start_ticks: u64,
    /// The inode of his pidfd, where the kernel has such.
    pub pidfs_inode: Option<u64>,
    /// When he started, in milliseconds before the first row of the block; below zero after it.
    pub started_before: i64,
}

impl Whom {
    /// All processes of a target together; the host.
    pub const ALL: Self = Self { slot: None, pid: 0, start_ticks: 0, pidfs_inode: None, started_before: 0 };

    pub(super) const fn of(slot: u32, identity: Identity, started_before: i64) -> Self {
        let Identity { pid, start_ticks, pidfs_inode, .. } = identity;
        Self { slot: Some(slot), pid: pid.get(), start_ticks, pidfs_inode, started_before }
    }

    /// Whether they are one process in one seat.
    pub fn is_same(&self, other: &Self) -> bool {
        let known = |whom: &Self| (whom.slot, whom.pid, whom.start_ticks, whom.pidfs_inode);
        known(self) == known(other)
    }

    fn write(&self, out: &mut Vec<u8>) {
        put(out, self.slot.map_or(0, |slot| u64::from(slot) + 1));
        if self.slot.is_some() {
            put(out, u64::from(self.pid.unsigned_abs()));
            put(out, self.start_ticks);
            put(out, self.pidfs_inode.unwrap_or(0));
            put(out, zigzag(self.started_before));
        }
    }

    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let Some(slot) = bytes.number()?.checked_sub(1) else { return Some(Self::ALL) };
        Some(Self {
            slot: Some(u32::try_from(slot).ok()?),
            pid: i32::try_from(bytes.number()?).ok().and_then(Pid::new)?.get(),
            start_ticks: bytes.number()?,
            pidfs_inode: Some(bytes.number()?).filter(|inode| *inode != 0),
            started_before: unzigzag(bytes.number()?),
        })
    }
}

/// A block that is being written.
#[derive(Debug)]
pub(super) struct Packing {
    bytes: Vec<u8>,
    /// How many are in it.
    members: usize,
    /// Whether a row is begun.
    open: bool,
}

impl Packing {
    /// Without a row yet, of so many metrics.
    pub(super) fn of(metrics: usize, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(VERSION);
        put(&mut bytes, metrics as u64);
        Self { bytes, members: 0, open: false }
    }

    /// Begins a row, so many milliseconds after the first.
    pub(super) fn row(&mut self, offset: u64) {
        self.end_row();
        put(&mut self.bytes, offset);
        self.open = true;
    }

    fn end_row(&mut self) {
        if std::mem::take(&mut self.open) {
            self.bytes.push(0);
        }
    }

    /// Somebody who is not in it yet; his number.
    pub(super) fn add(&mut self, whom: &Whom, cells: &[Cell]) -> usize {
        let number = self.members;
        self.members += 1;
        put(&mut self.bytes, number as u64 + 1);
        whom.write(&mut self.bytes);
        self.cells(None, cells);
        number
    }

    /// Somebody who is in it; `before` is his row before, if that is the row before.
    pub(super) fn again(&mut self, number: usize, before: Option<&[Cell]>, cells: &[Cell]) {
        put(&mut self.bytes, number as u64 + 1);
        self.cells(before, cells);
    }

    fn cells(&mut self, before: Option<&[Cell]>, cells: &[Cell]) {
        match before {
            Some(before) => pack(&mut self.bytes, before, cells),
            None => pack(&mut self.bytes, &[Cell::NOTHING; MOST_METRICS][..cells.len().min(MOST_METRICS)], cells),
        }
    }

    /// The block.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.end_row();
        self.bytes
    }
}

/// A block that is being read, row by row.
#[derive(Debug)]
pub struct Unpacking<'a> {
    bytes: Bytes<'a>,
    metrics: usize,
    members: Vec<Member>,
    row: usize,
}

#[derive(Debug)]
struct Member {
    whom: Whom,
    cells: Vec<Cell>,
    /// The last row in which he is.
    row: usize,
}

/// A block is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block of samples is not as it was written")]
pub struct Damaged;

impl<'a> Unpacking<'a> {
    /// Begins to read.
    ///
    /// # Errors
    /// Where it is no block.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let mut bytes = Bytes(bytes);
        let begun = bytes.byte().filter(|version| *version == VERSION).and_then(|_| bytes.number());
        let metrics = begun.and_then(|metrics| usize::try_from(metrics).ok()).ok_or(Damaged)?;
        if metrics > MOST_METRICS {
            return Err(Damaged);
        }
        Ok(Self { bytes, metrics, members: Vec::new(), row: 0 })
    }

    /// How many metrics it is of.
    pub const fn metrics(&self) -> usize {
        self.metrics
    }

    /// Goes on to the next row: its offset from the first in milliseconds; none where there is no more.
    ///
    /// # Errors
    /// Where the block is not as it was written.
    pub fn next_row(&mut self) -> Result<Option<u64>, Damaged> {
        if self.bytes.0.is_empty() {
            return Ok(None);
        }
        self.row += 1;
        self.read_row().map(Some).ok_or(Damaged)
    }

    fn read_row(&mut self) -> Option<u64> {
        let offset = self.bytes.number()?;
        while let Some(number) = self.bytes.number()?.checked_sub(1) {
            let number = usize::try_from(number).ok()?;
            if number == self.members.len() {
                let whom = Whom::read(&mut self.bytes)?;
                ((number + 1) * self.metrics.max(1) <= MOST_CELLS).then_some(())?;
                self.members.push(Member { whom, cells: vec![Cell::NOTHING; self.metrics], row: 0 });
            }
            let member = self.members.get_mut(number).filter(|member| member.row != self.row)?;
            if member.row + 1 != self.row {
                member.cells.fill(Cell::NOTHING);
            }
            member.row = self.row;
            unpack(&mut self.bytes, &mut member.cells)?;
        }
        Some(offset)
    }

    pub(super) fn told(&self) -> impl Iterator<Item = (usize, &Whom, &[Cell])> {
        let members = self.members.iter().enumerate().filter(|(_, member)| member.row == self.row);
        members.map(|(number, member)| (number, &member.whom, &*member.cells))
    }

    /// Everybody of whom something was read in this row, with a value for each metric; none where there was no
    /// reading yet.
    pub fn members(&self) -> impl Iterator<Item = (&Whom, impl Iterator<Item = Option<Value>>)> {
        self.told().map(|(_, whom, cells)| (whom, cells.iter().map(|cell| cell.value())))
    }
}
