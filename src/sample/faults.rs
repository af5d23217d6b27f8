//! `major_faults`: how often a process had to wait for the disk to have its memory back.

use std::time::Duration;

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row};
use super::rate::Span;
use super::seldom::Turn;
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "faults",
    metrics: &[Base::MajorFaults],
    make: |config| {
        let interval = config.daemon.interval;
        Box::new(Faults { interval, rate: Err(Fault::FIRST), buffer: Vec::new() })
    },
    reads: Reads::InPasses,
};

struct Faults {
    interval: Duration,
    rate: Result<f64, Fault>,
    buffer: Vec<u8>,
}

impl Probe for Faults {
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let span = Span::of(self.interval, pass.periods.pass);
        let (member, seat) = (pass.members[index], &mut pass.seats[index]);
        let count = seat.faults.refresh(Turn::always(pass.now), || {
            let stat = member.process.stat(&mut self.buffer)?;
            // A zombie keeps its count, and will never fault again; one of whom only the main thread has ended may.
            let exited = stat.is_exiting() && stat.threads <= 1;
            if exited { Err(Fault::GONE) } else { Ok(stat.major_faults) }
        });
        let count = count.map(|count| [count]);
        self.rate = count.and_then(|count| seat.major_faults.rates(span, pass.now, count)).map(|[rate]| rate);
        count.into_iter().for_each(|count| seat.major_faults.keep(span, pass.now, count));
    }

    fn value(&self, _: Column) -> Result<f64, Fault> {
        self.rate
    }
}
