//! `open_fds`, `max_fds`, `fd_usage`.

use std::time::Duration;

use super::fault::Fault;
use super::pace::Periods;
use super::probe::{Column, Pass, Probe, Reads, Row, Seat, Slow};
use super::seldom::Turn;
use crate::config::Config;
use crate::discover::Member;
use crate::model::{Base, Moment};

pub(super) const PROBE: Row = Row {
    name: "open_fds",
    metrics: &[Base::OpenFds, Base::MaxFds, Base::FdUsage],
    make: |config| Box::new(OpenFds::new(config)),
    reads: Reads::Each,
};

struct OpenFds {
    /// For each target whether a threshold is about a share of the limit.
    judged: Vec<bool>,
    open: Result<u64, Fault>,
    /// None is unlimited.
    limit: Result<Option<u64>, Fault>,
    buffer: Vec<u8>,
}

impl OpenFds {
    fn new(config: &Config) -> Self {
        let judged = config.targets.iter().map(|target| target.judges(Base::FdUsage)).collect();
        Self { judged, open: Err(Fault::GONE), limit: Err(Fault::GONE), buffer: Vec::new() }
    }

    /// How often the limit of a member of this target is read.
    fn limit_every(&self, target: u16, periods: &Periods) -> Duration {
        let judged = self.judged.get(usize::from(target)).is_some_and(|&judged| judged);
        if judged { periods.shown } else { periods.each }
    }
}

impl Probe for OpenFds {
    /// The limit changes hardly ever and costs ten times the count: it is read seldom, and counts as known in
    /// between.
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let (now, member, seat) = (pass.now, pass.members[index], &mut pass.seats[index]);
        let every = self.limit_every(seat.key.target, &pass.periods);
        self.open = count(now, member, seat);
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
        let every = self.limit_every(seat.key.target, &pass.periods);
        Some(seat.max_fds.slow(every, |limit| Ok(number(limit))))
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

/// Counts the descriptors of a member, for whoever needs them.
pub(super) fn count(now: Moment, member: &Member, seat: &mut Seat) -> Result<u64, Fault> {
    let open = seat.open.refresh(Turn::always(now), || Ok(member.process.open_fds()?));
    seat.fds = open.ok();
    seat.gone = open == Err(Fault::GONE);
    open
}

/// Unlimited is what the kernel calls RLIM_INFINITY, and as large: a share of it is next to none.
fn number(limit: Option<u64>) -> f64 {
    limit.unwrap_or(u64::MAX) as f64
}
