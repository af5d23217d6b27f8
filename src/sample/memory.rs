//! `rss`, `swap`, `threads`. Never from smaps, which walks the page tables of the process under its own
//! lock and so stalls it.
//!
//! `rss` comes from `/proc/PID/statm` in each pass. `/proc/PID/status`, which has the other two, costs eight
//! times as much: it is read in each pass only where a threshold is about them, and about swap only while
//! something is in swap at all; else seldom.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row, Slow};
use super::seldom::Turn;
use crate::config::{Config, Target};
use crate::kernel::{Status, host};
use crate::model::Base;

#[cfg(test)]
mod tests;

pub(super) const PROBE: Row = Row {
    name: "memory",
    metrics: &[Base::Rss, Base::Swap, Base::Threads],
    make: |config| Box::new(Memory::new(config, host::swap_in_use)),
    reads: Reads::Each,
};

struct Memory {
    /// For each target what its thresholds are about.
    judged: Vec<Judged>,
    /// Asks whether anything on this host is in swap, and what it said in this pass.
    ask: Box<dyn Fn() -> bool>,
    swapping: bool,
    /// Of whom was last looked at: none for a kernel thread.
    resident: Result<Option<u64>, Fault>,
    status: Result<Status, Fault>,
    buffer: Vec<u8>,
}

/// What a target's thresholds are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    threads: bool,
    swap: bool,
}

impl Judged {
    fn by(target: &Target) -> Self {
        Self { threads: target.judges(Base::Threads), swap: target.judges(Base::Swap) }
    }
}

impl Memory {
    fn new(config: &Config, ask: impl Fn() -> bool + 'static) -> Self {
        Self {
            judged: config.targets.iter().map(Judged::by).collect(),
            ask: Box::new(ask),
            swapping: true,
            resident: Err(Fault::GONE),
            status: Err(Fault::GONE),
            buffer: Vec::new(),
        }
    }

    /// Whether the next pass needs the status of a member of this target.
    fn needs_status(&self, target: u16) -> bool {
        let judged = self.judged.get(usize::from(target)).copied().unwrap_or_default();
        judged.threads || (judged.swap && self.swapping)
    }

    fn swap(&self) -> Result<f64, Fault> {
        if self.resident == Err(Fault::GONE) {
            return Err(Fault::GONE);
        }
        if self.swapping { self.status.and_then(swap) } else { Ok(0.0) }
    }
}

impl Probe for Memory {
    fn prepare(&mut self, _: &mut Pass<'_>) -> Result<(), Fault> {
        self.swapping = (self.ask)();
        Ok(())
    }

    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let (process, now) = (&pass.members[index].process, pass.now);
        let seat = &mut pass.seats[index];
        (self.resident, self.status) = (Err(Fault::GONE), Err(Fault::GONE));
        if seat.gone {
            return;
        }
        let buffer = &mut self.buffer;
        self.resident = seat.resident.refresh(Turn::always(now), || Ok(process.resident(buffer)?));
        if self.resident != Err(Fault::GONE) {
            let turn = Turn::once_in(pass.periods.each, now, index);
            let turn = if self.needs_status(seat.key.target) { turn.and_now() } else { turn };
            let buffer = &mut self.buffer;
            self.status = seat.status.refresh(turn, || Ok(process.status(buffer)?));
            seat.uids = self.status.map_or(seat.uids, |status| status.uids);
        }
        seat.gone = [self.resident.err(), self.status.err()].contains(&Some(Fault::GONE));
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        if column.base == Base::Threads {
            return self.status.map(threads)?;
        }
        if column.base == Base::Swap {
            return self.swap();
        }
        // Nobody runs on no memory: from 6.2 to 6.15 the kernel's counters could be so far off on
        // hosts with many processors that they were cut to 0 (fixed by commit f1a7941243c1).
        self.resident?.filter(|&bytes| bytes > 0).map(|bytes| bytes as f64).ok_or(Fault::IMPOSSIBLE)
    }

    fn slow(&self, pass: &Pass<'_>, index: usize, column: Column) -> Option<Slow> {
        let seat = pass.seats.get(index).filter(|seat| !seat.gone && !column.judged)?;
        if column.base == Base::Threads {
            return Some(seat.status.slow(pass.periods.each, threads));
        }
        (column.base == Base::Swap && self.swapping).then(|| seat.status.slow(pass.periods.each, swap))
    }
}

const fn threads(status: Status) -> Result<f64, Fault> {
    Ok(status.threads as f64)
}

fn swap(status: Status) -> Result<f64, Fault> {
    status.swap.map(|bytes| bytes as f64).ok_or(Fault::IMPOSSIBLE)
}
