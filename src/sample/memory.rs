//! `rss`, `swap`, `threads`: from `/proc/PID/status`. Never from smaps, which walks the page tables
//! of the process under its own lock and so stalls it.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row};
use crate::kernel::Status;
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "memory",
    metrics: &[Base::Rss, Base::Swap, Base::Threads],
    make: |_| Box::new(Memory { status: Err(Fault::GONE), buffer: Vec::new() }),
    reads: Reads::Each,
};

struct Memory {
    status: Result<Status, Fault>,
    buffer: Vec<u8>,
}

impl Probe for Memory {
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        self.status = pass.members[index].process.status(&mut self.buffer).map_err(Fault::from);
        let seat = &mut pass.seats[index];
        seat.gone |= self.status == Err(Fault::GONE);
        seat.uids = self.status.map_or(seat.uids, |status| status.uids);
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        let status = self.status?;
        if column.base == Base::Threads {
            return Ok(status.threads as f64);
        }
        if column.base == Base::Swap {
            return status.swap.map(|bytes| bytes as f64).ok_or(Fault::IMPOSSIBLE);
        }
        // Nobody runs on no memory: from 6.2 to 6.15 the kernel's counters could be so far off on
        // hosts with many processors that they were cut to 0 (fixed by commit f1a7941243c1).
        status.rss.filter(|&bytes| bytes > 0).map(|bytes| bytes as f64).ok_or(Fault::IMPOSSIBLE)
    }
}
