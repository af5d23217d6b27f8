//! `major_faults`: how often a process had to wait for the disk to have its memory back.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row};
use super::rate::Span;
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "faults",
    metrics: &[Base::MajorFaults],
    make: |config| {
        let span = Span::of(config.daemon.interval);
        Box::new(Faults { span, rate: Err(Fault::FIRST), buffer: Vec::new() })
    },
    reads: Reads::InPasses,
};

struct Faults {
    span: Span,
    rate: Result<f64, Fault>,
    buffer: Vec<u8>,
}

impl Probe for Faults {
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let (member, seat) = (pass.members[index], &mut pass.seats[index]);
        let stat = member.process.stat(&mut self.buffer).map_err(Fault::from);
        // A zombie keeps its count, and will never fault again; one of whom only the main thread has ended may.
        let count = stat.and_then(|stat| match stat.is_exiting() && stat.threads <= 1 {
            true => Err(Fault::GONE),
            false => Ok([stat.major_faults]),
        });
        self.rate = count.and_then(|count| seat.major_faults.rates(self.span, pass.now, count)).map(|[rate]| rate);
        count.into_iter().for_each(|count| seat.major_faults.keep(self.span, pass.now, count));
    }

    fn value(&self, _: Column) -> Result<f64, Fault> {
        self.rate
    }
}
