//! `host_memory_used`, `host_swap_used`: read once a pass, the same for every member.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Row};
use crate::kernel::host::{HostMemory, MemInfo};
use crate::model::Base;

pub(super) const PROBE: Row = Row {
    name: "host",
    metrics: &[Base::HostMemoryUsed, Base::HostSwapUsed],
    make: |_| Box::new(Host { memory: HostMemory::new(), totals: Err(Fault::GONE) }),
};

struct Host {
    memory: HostMemory,
    totals: Result<MemInfo, Fault>,
}

impl Probe for Host {
    fn prepare(&mut self, _: &mut Pass<'_>) -> Result<(), Fault> {
        self.totals = self.memory.read().map_err(Fault::from);
        self.totals.map(drop)
    }

    fn look(&mut self, _: &mut Pass<'_>, _: usize) {}

    fn value(&self, column: Column) -> Result<f64, Fault> {
        let totals = self.totals?;
        Ok(if column.base == Base::HostMemoryUsed { totals.memory_used() } else { totals.swap_used() })
    }
}
