//! A probe at work: when it is read, how long that takes, what it could not read, and where its
//! readings belong.

use std::time::Duration;

use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Row, Slow, is_judged};
use super::together::together;
use crate::config::Config;
use crate::kernel;
use crate::model::{Base, Metric, Moment, Reading, Sample, Scope, Unknown, Value};

/// How a probe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStats {
    /// The label `probe`.
    pub name: &'static str,
    /// How long its part of the last pass took.
    pub last: Duration,
    /// Readings that could not be had, by reason, since the start.
    pub errors: Vec<(&'static str, u64)>,
}

impl ProbeStats {
    fn new(name: &'static str) -> Self {
        // What can happen to any probe is there from the start: a series that appears together
        // with its first error is one that no alert has seen rise.
        let errors = ["denied", "malformed", "system"].map(|reason| (reason, 0)).to_vec();
        Self { name, last: Duration::ZERO, errors }
    }

    fn count(&mut self, fault: Fault) {
        if !fault.is_error() {
            return;
        }
        match self.errors.iter_mut().find(|(reason, _)| *reason == fault.reason) {
            Some((_, count)) => *count += 1,
            None => self.errors.push((fault.reason, 1)),
        }
    }

    /// Counts what failed in one look: it may spoil several metrics, and is one error.
    fn count_once(&mut self, value: Result<f64, Fault>, counted: &mut Option<Fault>) {
        if let Err(fault) = value
            && counted.replace(fault) != Some(fault)
        {
            self.count(fault);
        }
    }
}

/// A probe at work, with what the framework knows about it.
pub(super) struct Running {
    probe: Box<dyn Probe>,
    period: Duration,
    /// What it reads of the host.
    host: Vec<HostRow>,
    /// For each target what it reads of a member, and which of the host's metrics stand beside.
    targets: Vec<Columns>,
}

/// A metric of the host.
struct HostRow {
    metric: Metric,
    column: Column,
    /// Where it stands among the host's readings; none if only targets ask for it.
    place: Option<usize>,
    reading: Reading,
}

/// What a probe reads of the members of a target.
#[derive(Default)]
struct Columns {
    own: Vec<Column>,
    /// Indexes into the readings, and into what is read of the host.
    host: Vec<(usize, usize)>,
}

impl Running {
    pub(super) fn new(row: &Row, config: &Config) -> (Self, ProbeStats) {
        let mut running =
            Self { probe: (row.make)(config), period: config.daemon.interval, host: Vec::new(), targets: Vec::new() };
        for (at, metric) in of(row, &config.host.metrics).filter(|(_, metric)| is_host(metric)) {
            let index = running.host_row(config, metric);
            running.host[index].place = Some(at);
        }
        for target in &config.targets {
            let mut columns = Columns::default();
            for (at, metric) in of(row, &target.metrics) {
                if is_host(metric) {
                    columns.host.push((at, running.host_row(config, metric)));
                } else {
                    let judged = target.has_threshold_on(at);
                    columns.own.push(Column { judged, ..Column::new(config, at, metric) });
                }
            }
            running.targets.push(columns);
        }
        (running, ProbeStats::new(row.name))
    }

    /// The index of a metric among those that are read of the host.
    fn host_row(&mut self, config: &Config, metric: &Metric) -> usize {
        let known = self.host.iter().position(|row| row.metric == *metric);
        known.unwrap_or_else(|| {
            let column = Column { judged: is_judged(config, metric), ..Column::new(config, 0, metric) };
            let reading = self.reading(Moment::default(), Value::Unknown(Unknown::Overdue));
            self.host.push(HostRow { metric: metric.clone(), column, place: None, reading });
            self.host.len() - 1
        })
    }

    /// Reads everybody and puts the readings where they belong.
    pub(super) fn read(&mut self, pass: &mut Pass<'_>, sample: &mut Sample, stats: &mut ProbeStats) {
        let begun = kernel::now();
        let prepared = self.probe.prepare(pass).inspect_err(|&fault| stats.count(fault));
        self.read_host(prepared, pass, stats);
        self.show_host(sample);
        self.read_members(prepared, pass, (sample, stats));
        self.read_groups(pass, sample);
        stats.last = kernel::now().since(begun);
    }

    fn read_host(&mut self, prepared: Result<(), Fault>, pass: &Pass<'_>, stats: &mut ProbeStats) {
        let mut counted = prepared.err();
        for row in &mut self.host {
            if let Some(slow) = prepared.ok().and_then(|()| self.probe.slow_host(pass, row.column)) {
                let reading = std::slice::from_mut(&mut row.reading);
                put_slow(reading, 0, slow, |fault| stats.count_once(Err(fault), &mut counted));
                continue;
            }
            let value = prepared.and_then(|()| self.probe.host(row.column));
            stats.count_once(value, &mut counted);
            row.reading = Reading { at: pass.now, period: self.period, value: known(value) };
        }
    }

    /// Puts the host's readings where they are asked for: they are the same for everybody.
    fn show_host(&self, sample: &mut Sample) {
        for row in &self.host {
            if let Some(place) = row.place {
                put(&mut sample.host, place, row.reading);
            }
        }
        let members = sample.members.iter_mut().map(|row| (row.member.target, &mut row.readings));
        let groups = sample.groups.iter_mut().map(|row| (row.target, &mut row.readings));
        for (target, readings) in members.chain(groups) {
            let columns = self.targets.get(usize::from(target)).map_or(&[][..], |columns| &columns.host);
            for &(at, index) in columns {
                put(readings, at, self.host[index].reading);
            }
        }
    }

    fn read_members(
        &mut self,
        prepared: Result<(), Fault>,
        pass: &mut Pass<'_>,
        (sample, stats): (&mut Sample, &mut ProbeStats),
    ) {
        for (index, row) in sample.members.iter_mut().enumerate() {
            let columns = self.targets.get(usize::from(row.member.target)).map_or(&[][..], |columns| &columns.own);
            if columns.is_empty() {
                continue;
            }
            if prepared.is_ok() {
                self.probe.look(pass, index);
            }
            let mut counted = prepared.err();
            for &column in columns {
                if let Some(slow) = prepared.ok().and_then(|()| self.probe.slow(pass, index, column)) {
                    put_slow(&mut row.readings, column.at, slow, |fault| stats.count_once(Err(fault), &mut counted));
                    continue;
                }
                let value = prepared.and_then(|()| self.probe.value(column));
                stats.count_once(value, &mut counted);
                put(&mut row.readings, column.at, self.reading(pass.now, known(value)));
            }
        }
    }

    /// From what was just read of the members.
    fn read_groups(&self, pass: &Pass<'_>, sample: &mut Sample) {
        let Sample { members, groups, .. } = sample;
        for (index, (group, row)) in pass.groups.iter().zip(groups).enumerate() {
            let columns = self.targets.get(usize::from(group.target)).map_or(&[][..], |columns| &columns.own);
            for &column in columns {
                if let Some(slow) = self.probe.slow_group(pass, index, column) {
                    put_slow(&mut row.readings, column.at, slow, |_| ());
                    continue;
                }
                let value = |&member: &usize| Some(members.get(member)?.readings.get(column.at)?.value);
                let once = self.probe.once(index, column);
                let value = together(column.base, once, group.members.iter().filter_map(value));
                put(&mut row.readings, column.at, self.reading(pass.now, value));
            }
        }
    }

    /// Reads one metric of the members of `pass` anew, who are of one target: what they come to
    /// together. None if this is not the probe of that metric.
    pub(super) fn fresh(&mut self, pass: &mut Pass<'_>, at: usize, stats: &mut ProbeStats) -> Option<Reading> {
        let columns = self.targets.get(usize::from(pass.seats.first()?.key.target))?;
        if let Some(&(_, index)) = columns.host.iter().find(|(place, _)| *place == at) {
            return Some(self.fresh_row(index, pass.now, stats));
        }
        let column = *columns.own.iter().find(|column| column.at == at)?;
        let value = match self.probe.fresh(pass, column) {
            Ok(fresh) => {
                fresh.each.iter().filter_map(|value| value.err()).for_each(|fault| stats.count(fault));
                fresh.whole.unwrap_or_else(|| together(column.base, fresh.once, fresh.each.into_iter().map(known)))
            }
            Err(fault) => {
                stats.count(fault);
                Value::Unknown(fault.unknown)
            }
        };
        Some(self.reading(pass.now, value))
    }

    /// Reads the metric at this place among the host's anew; none if this is not its probe.
    pub(super) fn fresh_host(&mut self, place: usize, now: Moment, stats: &mut ProbeStats) -> Option<Reading> {
        let index = self.host.iter().position(|row| row.place == Some(place))?;
        Some(self.fresh_row(index, now, stats))
    }

    fn fresh_row(&mut self, index: usize, now: Moment, stats: &mut ProbeStats) -> Reading {
        let value = self.probe.fresh_host(now, self.host[index].column).inspect_err(|&fault| stats.count(fault));
        self.reading(now, known(value))
    }

    pub(super) fn detach(&mut self) {
        self.probe.detach();
    }

    pub(super) fn unattributed(&self) -> &[(Base, u64)] {
        self.probe.unattributed()
    }

    const fn reading(&self, at: Moment, value: Value) -> Reading {
        Reading { at, period: self.period, value }
    }
}

/// Those of `metrics` that are the probe's, with their indexes.
fn of<'m>(row: &Row, metrics: &'m [Metric]) -> impl Iterator<Item = (usize, &'m Metric)> {
    metrics.iter().enumerate().filter(|(_, metric)| row.metrics.contains(&metric.base))
}

fn is_host(metric: &Metric) -> bool {
    metric.info().scope == Scope::Host
}

fn put(readings: &mut [Reading], at: usize, reading: Reading) {
    if let Some(place) = readings.get_mut(at) {
        *place = reading;
    }
}

/// A failed reading is counted once, however many passes see it.
fn put_slow(readings: &mut [Reading], at: usize, slow: Slow, count: impl FnOnce(Fault)) {
    let is_new = readings.get(at).is_some_and(|before| before.at != slow.at);
    if let Some(fault) = slow.value.err().filter(|_| is_new) {
        count(fault);
    }
    let value = slow.value.unwrap_or_else(|fault| Value::Unknown(fault.unknown));
    put(readings, at, Reading { at: slow.at, period: slow.period, value });
}

fn known(value: Result<f64, Fault>) -> Value {
    value.map_or_else(|fault| Value::Unknown(fault.unknown), Value::Known)
}
