//! `open_fds`, `max_fds`, `fd_usage`.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row, Slow};
use super::seldom::Turn;
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "open_fds",
    metrics: &[Base::OpenFds, Base::MaxFds, Base::FdUsage],
    make: |_| Box::new(OpenFds { open: Err(Fault::GONE), limit: Err(Fault::GONE), buffer: Vec::new() }),
    reads: Reads::Each,
};

struct OpenFds {
    open: Result<u64, Fault>,
    /// None is unlimited.
    limit: Result<Option<u64>, Fault>,
    buffer: Vec<u8>,
}

impl Probe for OpenFds {
    /// The limit changes hardly ever and costs ten times the count: it is read seldom, and counts as known in
    /// between.
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let (now, every) = (pass.now, pass.periods.shown);
        let (member, seat) = (pass.members[index], &mut pass.seats[index]);
        self.open = seat.open.refresh(Turn::always(now), || Ok(member.process.open_fds()?));
        seat.fds = self.open.ok();
        seat.gone = self.open == Err(Fault::GONE);
        // A zombie still shows a limit, but there is nothing left to limit.
        self.limit = match seat.gone {
            true => Err(Fault::GONE),
            false => seat
                .max_fds
                .refresh(Turn::once_in(every, now, index), || Ok(member.process.max_fds(&mut self.buffer)?)),
        };
    }

    fn slow(&self, pass: &Pass<'_>, index: usize, column: Column) -> Option<Slow> {
        let seat = pass.seats.get(index).filter(|seat| !seat.gone && column.base == Base::MaxFds)?;
        Some(seat.max_fds.slow(pass.periods.shown, |limit| Ok(number(limit))))
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        if column.base == Base::OpenFds {
            return self.open.map(|open| open as f64);
        }
        let limit = number(self.limit?);
        if column.base == Base::MaxFds {
            return Ok(limit);
        }
        // With a limit of 0 the first descriptor is one too many.
        Ok(self.open? as f64 / limit.max(1.0))
    }
}

/// Unlimited is what the kernel calls RLIM_INFINITY, and as large: a share of it is next to none.
fn number(limit: Option<u64>) -> f64 {
    limit.unwrap_or(u64::MAX) as f64
}
