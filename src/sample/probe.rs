//! What a probe is: it reads a family of metrics, and nothing about itself.
//!
//! The framework (`Running`) decides when it is read, times it, and counts its errors, so that no
//! probe can forget to.

use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::{host, memory, open_fds, sockets};
use crate::config::Config;
use crate::discover::Member;
use crate::kernel;
use crate::model::{Base, Identity, MemberKey, Moment, Reading, Sample, Scope, Unknown, Value};

/// The probes, in the order in which they are read: sockets need what the two before them saw.
pub(super) const PROBES: &[Row] = &[open_fds::PROBE, memory::PROBE, sockets::PROBE, host::PROBE];

/// A row of the table of probes.
pub(super) struct Row {
    /// The label `probe`.
    pub(super) name: &'static str,
    /// The metrics it reads.
    pub(super) metrics: &'static [Base],
    /// Makes one; nothing is opened yet.
    pub(super) make: fn(&Config) -> Box<dyn Probe>,
}

/// Reads a family of metrics.
pub(super) trait Probe {
    /// Reads what is read once for all members. After an error nobody is looked at.
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        let _ = pass;
        Ok(())
    }

    /// Reads what is read of each member, and keeps it until the next look.
    fn look(&mut self, pass: &mut Pass<'_>, index: usize);

    /// One metric of the member that was last looked at.
    fn value(&self, column: Column) -> Result<f64, Fault>;

    /// One metric of one member, read anew and without anything remembered from earlier passes.
    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<f64, Fault> {
        self.prepare(pass)?;
        self.look(pass, 0);
        self.value(column)
    }

    /// Each state with how many sockets could not be attributed; empty if that is not known.
    fn unattributed(&self) -> &[(Base, u64)] {
        &[]
    }
}

/// Who is read, and when.
pub(super) struct Pass<'a> {
    pub(super) now: Moment,
    pub(super) members: &'a [&'a Member],
    /// What is remembered of each of them.
    pub(super) seats: &'a mut [Seat],
}

/// What is remembered of a member from pass to pass, for probes to share.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) key: MemberKey,
    pub(super) identity: Identity,
    /// Whether it was found dead in this pass: what is read of it from then on is not its own.
    pub(super) gone: bool,
    /// Its open descriptors when they were last counted.
    pub(super) fds: Option<u64>,
    /// Its limit of them, and when that was read.
    pub(super) max_fds: Option<(Moment, Option<u64>)>,
    /// Real and effective uid.
    pub(super) uids: (u32, u32),
}

impl Seat {
    pub(super) fn new(member: &Member) -> Self {
        let (key, identity) = (member.key, member.process.identity());
        Self { key, identity, gone: false, fds: None, max_fds: None, uids: member.facts.uids }
    }

    pub(super) fn is_of(&self, member: &Member) -> bool {
        self.key == member.key && self.identity == member.process.identity()
    }
}

/// One of a target's metrics, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Index into the target's metrics and a member's readings.
    pub(super) at: usize,
    /// The quantity.
    pub(super) base: Base,
    /// Index into the configuration's peers.
    pub(super) peer: Option<usize>,
}

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
        if fault.unknown == Unknown::Gone {
            return;
        }
        match self.errors.iter_mut().find(|(reason, _)| *reason == fault.reason) {
            Some((_, count)) => *count += 1,
            None => self.errors.push((fault.reason, 1)),
        }
    }
}

/// A probe at work, with what the framework knows about it.
pub(super) struct Running {
    probe: Box<dyn Probe>,
    period: Duration,
    /// For each target what it reads of a member.
    columns: Vec<Vec<Column>>,
    /// Those of its metrics that are the host's, with what was last read.
    host: Vec<(Base, Value)>,
}

impl Running {
    pub(super) fn new(row: &Row, config: &Config) -> (Self, ProbeStats) {
        let columns = config.targets.iter().map(|target| {
            let ours = target.metrics.iter().enumerate().filter(|(_, metric)| row.metrics.contains(&metric.base));
            let resolved = ours.map(|(at, metric)| {
                let by_name = |name: &Arc<str>| config.peers.iter().position(|peer| peer.name == *name);
                // A peer that nobody configured is past the end, where nobody counts.
                let peer = metric.peer.as_ref().map(|name| by_name(name).unwrap_or(config.peers.len()));
                Column { at, base: metric.base, peer }
            });
            resolved.collect()
        });
        let host = row.metrics.iter().filter(|base| base.info().scope == Scope::Host);
        let running = Self {
            probe: (row.make)(config),
            period: config.daemon.interval,
            columns: columns.collect(),
            host: host.map(|&base| (base, Value::Unknown(Unknown::Overdue))).collect(),
        };
        (running, ProbeStats::new(row.name))
    }

    /// Reads everybody and puts the readings where they belong.
    pub(super) fn read(&mut self, pass: &mut Pass<'_>, sample: &mut Sample, stats: &mut ProbeStats) {
        let begun = kernel::now();
        let prepared = self.probe.prepare(pass).inspect_err(|&fault| stats.count(fault));
        for (base, value) in &mut self.host {
            let column = Column { at: 0, base: *base, peer: None };
            *value = known(prepared.and_then(|()| self.probe.value(column)));
        }
        for (index, row) in sample.members.iter_mut().enumerate() {
            let columns = self.columns.get(usize::from(row.member.target)).map_or(&[][..], Vec::as_slice);
            if columns.is_empty() {
                continue;
            }
            if prepared.is_ok() {
                self.probe.look(pass, index);
            }
            let mut counted = prepared.err();
            for &column in columns {
                let value = prepared.and_then(|()| self.probe.value(column));
                // One failed look spoils several metrics; it is one error.
                if let Err(fault) = value
                    && counted.replace(fault) != Some(fault)
                {
                    stats.count(fault);
                }
                if let Some(reading) = row.readings.get_mut(column.at) {
                    *reading = self.reading(pass.now, value);
                }
            }
        }
        stats.last = kernel::now().since(begun);
    }

    /// Reads one metric of one member anew; none if this is not the probe of that metric.
    pub(super) fn fresh(&mut self, pass: &mut Pass<'_>, at: usize, stats: &mut ProbeStats) -> Option<Reading> {
        let target = pass.seats.first()?.key.target;
        let column = *self.columns.get(usize::from(target))?.iter().find(|column| column.at == at)?;
        let value = self.probe.fresh(pass, column).inspect_err(|&fault| stats.count(fault));
        Some(self.reading(pass.now, value))
    }

    pub(super) fn unattributed(&self) -> &[(Base, u64)] {
        self.probe.unattributed()
    }

    pub(super) fn host(&self, base: Base) -> Option<Value> {
        self.host.iter().find(|(of, _)| *of == base).map(|&(_, value)| value)
    }

    fn reading(&self, at: Moment, value: Result<f64, Fault>) -> Reading {
        Reading { at, period: self.period, value: known(value) }
    }
}

fn known(value: Result<f64, Fault>) -> Value {
    value.map_or_else(|fault| Value::Unknown(fault.unknown), Value::Known)
}
