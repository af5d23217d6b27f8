//! Blocks of a finer resolution made into one of a coarser: each becomes a row.
//!
//! What is kept is the highest of each metric: who looks at a week asks how high it went. It is a lower bound where
//! some reading of the span was unknown, and unknown where all were.

use super::block::{Damaged, Packing, Unpacking, Whom};
use super::cell::Cell;
use crate::model::Value;

/// A block of a coarser resolution that is being made.
#[derive(Debug)]
pub struct Folding {
    packing: Packing,
    metrics: usize,
    members: Vec<Member>,
    /// Where the next one of a block most likely is: they mostly come in the same order.
    next: usize,
    first: i64,
    last: i64,
    row: usize,
}

#[derive(Debug)]
struct Member {
    whom: Whom,
    /// His number, once he has been written.
    number: Option<usize>,
    /// His last row, and which that was.
    cells: Vec<Cell>,
    row: usize,
    /// What the block that is being read comes to; none of whom it tells nothing.
    now: Option<Vec<Option<Value>>>,
}

impl Folding {
    /// Begins one of so many metrics, whose first row is of `first`, in milliseconds since 1970.
    pub fn of(metrics: usize, first: i64) -> Self {
        Self { packing: Packing::of(metrics, 0), metrics, members: Vec::new(), next: 0, first, last: first, row: 0 }
    }

    /// Adds a block, whose first row is of `at`, as a row.
    ///
    /// # Errors
    /// Where it is not as it was written: nothing is added.
    pub fn add(&mut self, at: i64, block: &[u8]) -> Result<(), Damaged> {
        let mut unpacking = Unpacking::of(block)?;
        if unpacking.metrics() != self.metrics {
            return Err(Damaged);
        }
        while unpacking.next_row().inspect_err(|_| self.forget())?.is_some() {
            self.next = 0;
            for (_, whom, cells) in unpacking.told() {
                let started_before = whom.started_before.saturating_add(self.first.saturating_sub(at));
                let now =
                    self.member(Whom { started_before, ..*whom }).now.get_or_insert_with(|| vec![None; cells.len()]);
                now.iter_mut().zip(cells).for_each(|(highest, cell)| *highest = higher(*highest, cell.value()));
            }
        }
        self.write(at);
        Ok(())
    }

    fn forget(&mut self) {
        self.members.iter_mut().for_each(|member| member.now = None);
    }

    fn member(&mut self, whom: Whom) -> &mut Member {
        let is_him = |member: &Member| member.whom.is_same(&whom);
        let expected = self.members.get(self.next).filter(|member| is_him(member)).map(|_| self.next);
        let at = expected.or_else(|| self.members.iter().position(is_him)).unwrap_or_else(|| {
            let cells = vec![Cell::NOTHING; self.metrics];
            self.members.push(Member { whom, number: None, cells, row: 0, now: None });
            self.members.len() - 1
        });
        self.next = at + 1;
        &mut self.members[at]
    }

    fn write(&mut self, at: i64) {
        self.row += 1;
        self.last = self.last.max(at);
        self.packing.row(u64::try_from(at.saturating_sub(self.first)).unwrap_or(0));
        for member in &mut self.members {
            let Some(now) = member.now.take() else { continue };
            let cells: Vec<Cell> = now
                .iter()
                .zip(&member.cells)
                .map(|(value, before)| value.map_or(Cell::NOTHING, |value| Cell::of(value, *before)))
                .collect();
            match member.number {
                None => member.number = Some(self.packing.add(&member.whom, &cells)),
                Some(number) => {
                    let before = (member.row + 1 == self.row).then_some(&*member.cells);
                    self.packing.again(number, before, &cells);
                }
            }
            (member.cells, member.row) = (cells, self.row);
        }
    }

    /// The time of its last row, and the block; none where nothing was added.
    pub fn finish(self) -> Option<(i64, Vec<u8>)> {
        (self.row > 0).then(|| (self.last, self.packing.finish()))
    }
}

/// What both come to.
fn higher(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
    Some(match (one, other) {
        (Value::Known(one), Value::Known(other)) => Value::Known(one.max(other)),
        (one, other) => match (one.number(), other.number()) {
            (Some(one), Some(other)) => Value::AtLeast(one.max(other)),
            (Some(number), None) | (None, Some(number)) => Value::AtLeast(number),
            (None, None) => other,
        },
    })
}
