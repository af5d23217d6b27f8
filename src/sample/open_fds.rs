//! `open_fds`, `max_fds`, `fd_usage`.

use std::time::Duration;

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Row};
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "open_fds",
    metrics: &[Base::OpenFds, Base::MaxFds, Base::FdUsage],
    make: |_| Box::new(OpenFds { open: Err(Fault::GONE), limit: Err(Fault::GONE), buffer: Vec::new() }),
};

/// The limit changes hardly ever and costs ten times the count: it is read this seldom, and counts
/// as known in between.
const LIMIT_EVERY: Duration = Duration::from_secs(10);

struct OpenFds {
    open: Result<u64, Fault>,
    /// None is unlimited.
    limit: Result<Option<u64>, Fault>,
    buffer: Vec<u8>,
}

impl Probe for OpenFds {
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let (member, seat) = (pass.members[index], &mut pass.seats[index]);
        self.open = member.process.open_fds().map_err(Fault::from);
        seat.fds = self.open.ok();
        seat.gone = self.open == Err(Fault::GONE);
        if seat.gone {
            // A zombie still shows a limit, but there is nothing left to limit.
            self.limit = Err(Fault::GONE);
            return;
        }
        if let Some((at, limit)) = seat.max_fds
            && pass.now.since(at) < LIMIT_EVERY
        {
            self.limit = Ok(limit);
            return;
        }
        self.limit = member.process.max_fds(&mut self.buffer).map_err(Fault::from);
        seat.max_fds = self.limit.ok().map(|limit| (pass.now, limit));
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        if column.base == Base::OpenFds {
            return self.open.map(|open| open as f64);
        }
        // Unlimited is what the kernel calls RLIM_INFINITY, and as large: its share is next to none.
        let limit = self.limit?.unwrap_or(u64::MAX);
        if column.base == Base::MaxFds {
            return Ok(limit as f64);
        }
        // With a limit of 0 the first descriptor is one too many.
        Ok(self.open? as f64 / limit.max(1) as f64)
    }
}
