//! The metrics of the host that files tell: memory, swap, pressure, open files. Read once a pass, the
//! same for every member, and only what somebody asks for.

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Reads, Row, asks_for};
use super::rate::{Counted, Span};
use crate::config::Config;
use crate::kernel::host::{HostFiles, MemInfo, Swapped};
use crate::model::{Base, Moment};

#[cfg(test)]
mod tests;

const METRICS: [Base; 6] = [
    Base::HostMemoryUsed,
    Base::HostSwapUsed,
    Base::HostSwapIn,
    Base::HostSwapOut,
    Base::HostMemoryPressure,
    Base::HostOpenFiles,
];

pub(super) const PROBE: Row = Row {
    name: "host",
    metrics: &METRICS,
    make: |config| Box::new(Host::new(config, HostFiles::new())),
    reads: Reads::InPasses,
};

struct Host {
    files: HostFiles,
    asked: Vec<Base>,
    paging: Counted<2>,
    span: Span,
    seen: Seen,
}

/// What one look at the files gave.
struct Seen {
    memory: Result<MemInfo, Fault>,
    pressure: Result<f64, Fault>,
    open_files: Result<f64, Fault>,
    /// Pages in and out, a second.
    paging: Result<[f64; 2], Fault>,
}

impl Seen {
    const NOTHING: Self = Self {
        memory: Err(Fault::FIRST),
        pressure: Err(Fault::FIRST),
        open_files: Err(Fault::FIRST),
        paging: Err(Fault::FIRST),
    };

    fn value(&self, base: Base) -> Result<f64, Fault> {
        if base == Base::HostMemoryPressure {
            return self.pressure;
        }
        if base == Base::HostOpenFiles {
            return self.open_files;
        }
        if base == Base::HostSwapIn || base == Base::HostSwapOut {
            return self.paging.map(|[pages_in, out]| if base == Base::HostSwapIn { pages_in } else { out });
        }
        let totals = self.memory?;
        Ok(if base == Base::HostMemoryUsed { totals.memory_used() } else { totals.swap_used() })
    }
}

impl Host {
    fn new(config: &Config, files: HostFiles) -> Self {
        let asked = METRICS.into_iter().filter(|&base| asks_for(config, base)).collect();
        let span = Span::of(config.daemon.interval);
        Self { files, asked, paging: Counted::NOTHING, span, seen: Seen::NOTHING }
    }
}

/// Reads the files that the `asked` metrics are in, each by itself: one that fails spoils its own
/// metrics alone. Gives back the counts that the next rates may start from, too.
fn read(files: &mut HostFiles, rates: (&Counted<2>, Span), now: Moment, asked: &[Base]) -> (Seen, Option<[u64; 2]>) {
    let any = |of: &[Base]| asked.iter().any(|base| of.contains(base));
    let mut seen = Seen::NOTHING;
    if any(&[Base::HostMemoryUsed, Base::HostSwapUsed]) {
        seen.memory = files.memory().map_err(Fault::from);
    }
    if any(&[Base::HostMemoryPressure]) {
        let pressure = files.memory_pressure().map_err(Fault::from);
        seen.pressure = pressure.and_then(|known| known.ok_or(Fault::UNSUPPORTED));
    }
    if any(&[Base::HostOpenFiles]) {
        seen.open_files = files.open_files().map(|count| count as f64).map_err(Fault::from);
    }
    if !any(&[Base::HostSwapIn, Base::HostSwapOut]) {
        return (seen, None);
    }
    let counts = files.swapped().map(|Swapped { pages_in, pages_out }| [pages_in, pages_out]).map_err(Fault::from);
    let (before, span) = rates;
    seen.paging = counts.and_then(|counts| before.rates(span, now, counts));
    (seen, counts.ok())
}

impl Probe for Host {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        let (seen, counts) = read(&mut self.files, (&self.paging, self.span), pass.now, &self.asked);
        self.seen = seen;
        counts.into_iter().for_each(|counts| self.paging.keep(self.span, pass.now, counts));
        Ok(())
    }

    fn host(&self, column: Column) -> Result<f64, Fault> {
        self.seen.value(column.base)
    }

    /// A rate still starts from a count of an earlier pass: there is no other.
    fn fresh_host(&mut self, now: Moment, column: Column) -> Result<f64, Fault> {
        let (seen, _) = read(&mut self.files, (&self.paging, self.span), now, &[column.base]);
        seen.value(column.base)
    }
}
