//! The metrics of the host that files tell: memory, swap, pressure, open files. The same for every member,
//! and only what somebody asks for: once a pass where a threshold is about it, else seldom.

use std::time::Duration;

use super::fault::Fault;
use super::pace::Periods;
use super::probe::{Column, Pass, Probe, Reads, Row, Slow, asks_for, is_judged};
use super::rate::{Counted, Span};
use super::seldom::{Seldom, Turn};
use crate::config::Config;
use crate::kernel::host::{HostFiles, MemInfo, Swapped};
use crate::model::{Base, Metric, Moment, Value};

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
    interval: Duration,
    asked: Vec<Asked>,
    seen: Seen,
    /// What a rate starts from.
    paging: Counted<2>,
    span: Span,
}

/// A metric that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    base: Base,
    /// Whether a threshold is about it; else it is only shown.
    judged: bool,
}

/// What was last read of the files, each by itself: one that fails spoils its own metrics alone.
struct Seen {
    memory: Seldom<MemInfo>,
    pressure: Seldom<f64>,
    open_files: Seldom<u64>,
    /// Pages in and out, since boot and a second.
    swapped: Seldom<[u64; 2]>,
    paging: Result<[f64; 2], Fault>,
}

const MEMORY: &[Base] = &[Base::HostMemoryUsed, Base::HostSwapUsed];
const PAGING: &[Base] = &[Base::HostSwapIn, Base::HostSwapOut];

impl Seen {
    const NOTHING: Self = Self {
        memory: Seldom::UNREAD,
        pressure: Seldom::UNREAD,
        open_files: Seldom::UNREAD,
        swapped: Seldom::UNREAD,
        paging: Err(Fault::FIRST),
    };

    fn value(&self, base: Base) -> Result<f64, Fault> {
        if base == Base::HostMemoryPressure {
            return self.pressure.value();
        }
        if base == Base::HostOpenFiles {
            return self.open_files.value().map(|count| count as f64);
        }
        if PAGING.contains(&base) {
            return self.paging.map(|[pages_in, out]| if base == Base::HostSwapIn { pages_in } else { out });
        }
        let totals = self.memory.value()?;
        Ok(if base == Base::HostMemoryUsed { totals.memory_used() } else { totals.swap_used() })
    }

    /// When it was read.
    fn at(&self, base: Base) -> Moment {
        if base == Base::HostMemoryPressure {
            return self.pressure.at();
        }
        if base == Base::HostOpenFiles {
            return self.open_files.at();
        }
        if PAGING.contains(&base) { self.swapped.at() } else { self.memory.at() }
    }
}

impl Host {
    fn new(config: &Config, files: HostFiles) -> Self {
        let interval = config.daemon.interval;
        let asked = METRICS.into_iter().filter(|&base| asks_for(config, base));
        let asked = asked.map(|base| Asked { base, judged: is_judged(config, &Metric::plain(base)) }).collect();
        let span = Span::of(interval, interval);
        Self { files, interval, asked, seen: Seen::NOTHING, paging: Counted::NOTHING, span }
    }

    /// How often the file is read that these metrics are in; none where nobody asks for one.
    fn every(&self, bases: &[Base], periods: &Periods) -> Option<Duration> {
        let of_file = |asked: &&Asked| bases.contains(&asked.base);
        let judged = self.asked.iter().filter(of_file).map(|asked| asked.judged).max()?;
        Some(if judged { Duration::ZERO } else { periods.shown })
    }

    fn read_paging(&mut self, turn: Turn, periods: &Periods) {
        let Self { files, seen, paging, interval, span, .. } = self;
        *span = Span::of(*interval, if turn.every.is_zero() { periods.pass } else { turn.every });
        // The first rate need not wait for a whole period.
        let first = seen.paging == Err(Fault::FIRST);
        let turn = if first { turn.and_now() } else { turn };
        let mut is_new = false;
        let known = seen.swapped.refresh(turn, || {
            is_new = true;
            swapped(files)
        });
        seen.paging = match known {
            Ok(counts) if is_new => paging.rates(*span, turn.now, counts),
            Ok(_) => seen.paging,
            Err(fault) => Err(fault),
        };
        if let Some(counts) = known.ok().filter(|_| is_new) {
            paging.keep(*span, turn.now, counts);
        }
    }
}

fn swapped(files: &mut HostFiles) -> Result<[u64; 2], Fault> {
    let Swapped { pages_in, pages_out } = files.swapped()?;
    Ok([pages_in, pages_out])
}

fn pressure(files: &mut HostFiles) -> Result<f64, Fault> {
    files.memory_pressure()?.ok_or(Fault::UNSUPPORTED)
}

impl Probe for Host {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        let (now, periods) = (pass.now, &pass.periods);
        let turn = |place, every| Turn::once_in(every, now, place);
        if let Some(every) = self.every(MEMORY, periods) {
            let _ = self.seen.memory.refresh(turn(3, every), || Ok(self.files.memory()?));
        }
        if let Some(every) = self.every(&[Base::HostMemoryPressure], periods) {
            let _ = self.seen.pressure.refresh(turn(1, every), || pressure(&mut self.files));
        }
        if let Some(every) = self.every(&[Base::HostOpenFiles], periods) {
            let _ = self.seen.open_files.refresh(turn(2, every), || Ok(self.files.open_files()?));
        }
        if let Some(every) = self.every(PAGING, periods) {
            self.read_paging(turn(0, every), periods);
        }
        Ok(())
    }

    fn host(&self, column: Column) -> Result<f64, Fault> {
        self.seen.value(column.base)
    }

    fn slow_host(&self, pass: &Pass<'_>, column: Column) -> Option<Slow> {
        let value = self.seen.value(column.base).map(Value::Known);
        (!column.judged).then(|| Slow { at: self.seen.at(column.base), period: pass.periods.shown, value })
    }

    /// A rate still starts from a count of an earlier pass: there is no other.
    fn fresh_host(&mut self, now: Moment, column: Column) -> Result<f64, Fault> {
        let (mut seen, files, turn) = (Seen::NOTHING, &mut self.files, Turn::always(now));
        if MEMORY.contains(&column.base) {
            let _ = seen.memory.refresh(turn, || Ok(files.memory()?));
        } else if PAGING.contains(&column.base) {
            seen.paging = swapped(files).and_then(|counts| self.paging.rates(self.span, now, counts));
        } else if column.base == Base::HostMemoryPressure {
            let _ = seen.pressure.refresh(turn, || pressure(files));
        } else {
            let _ = seen.open_files.refresh(turn, || Ok(files.open_files()?));
        }
        seen.value(column.base)
    }
}
