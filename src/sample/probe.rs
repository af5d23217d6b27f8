//! What a probe is: it reads a family of metrics, and nothing about itself.
//!
//! The framework (`running`) decides when it is read, times it, and counts its errors, so that no
//! probe can forget to.

use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::names::{Names, Wake};
use super::near::Trail;
use super::pace::{Part, Periods};
use super::rate::Counted;
use super::seldom::Seldom;
use super::{cgroup, faults, host, memory, open_fds, sockets};
use crate::config::Config;
use crate::discover::Member;
use crate::kernel::Status;
use crate::model::{Base, Identity, MemberKey, Metric, Moment, Value};

/// The probes, in the order in which they are read: sockets need what the two before them saw.
pub(super) const PROBES: &[Row] =
    &[open_fds::PROBE, memory::PROBE, faults::PROBE, cgroup::PROBE, sockets::PROBE, host::PROBE];

/// A row of the table of probes.
pub(super) struct Row {
    /// The label `probe`.
    pub(super) name: &'static str,
    /// The metrics it reads.
    pub(super) metrics: &'static [Base],
    /// Makes one; nothing is opened yet.
    pub(super) make: fn(&Config) -> Box<dyn Probe>,
    /// Who is read when.
    pub(super) reads: Reads,
}

/// Whom a probe reads when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Each member by itself: those that are near a bound between the passes too.
    Each,
    /// All of them in one go: between the passes too, where one of them is near a bound.
    Together,
    /// In passes alone: what is read is a rate between two of them, or the host's.
    InPasses,
}

/// Reads a family of metrics, of processes or of the host.
pub(super) trait Probe {
    /// Reads what is read once for all members, the host's metrics included. After an error nobody
    /// is looked at.
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        let _ = pass;
        Ok(())
    }

    /// Reads what is read of each member, and keeps it until the next look.
    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        let _ = (pass, index);
    }

    /// One metric of the member that was last looked at.
    fn value(&self, column: Column) -> Result<f64, Fault> {
        let _ = column;
        Err(Fault::IMPOSSIBLE)
    }

    /// One metric of the host, as of the last `prepare`.
    fn host(&self, column: Column) -> Result<f64, Fault> {
        let _ = column;
        Err(Fault::IMPOSSIBLE)
    }

    /// One metric of the member with this index, where it is not read in each pass; none where
    /// [`Probe::value`] says it.
    fn slow(&self, pass: &Pass<'_>, index: usize, column: Column) -> Option<Slow> {
        let _ = (pass, index, column);
        None
    }

    /// One metric of the host, where it is not read in each pass; none where [`Probe::host`] says it.
    fn slow_host(&self, pass: &Pass<'_>, column: Column) -> Option<Slow> {
        let _ = (pass, column);
        None
    }

    /// One metric of the group with this index, where that of a member is slow; none where it follows
    /// from what its members hold.
    fn slow_group(&self, pass: &Pass<'_>, group: usize, column: Column) -> Option<Slow> {
        let _ = (pass, group, column);
        None
    }

    /// Which part of the work the last reading was, for the ceiling on ourselves.
    fn part(&self) -> Part {
        Part::Pass
    }

    /// What a thread of its own has used of the processor for a run of another part, once that is over.
    fn beside(&mut self) -> Option<(Part, Duration)> {
        None
    }

    /// From now on what takes long is read by a thread of its own, and `wake` called when it has read
    /// what somebody waits for.
    fn detach(&mut self, wake: Wake) {
        drop(wake);
    }

    /// Whether that is there, so that the next pass need not wait for its time.
    fn is_awaited(&self) -> bool {
        false
    }

    /// How much of it the group with this index holds, each thing once; none where members hold
    /// nothing in common, so that their values add up.
    fn once(&self, group: usize, column: Column) -> Option<f64> {
        let _ = (group, column);
        None
    }

    /// One metric of the members of `pass`, read anew and without anything remembered from earlier
    /// passes.
    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        self.prepare(pass)?;
        let members = pass.members.len();
        let read = |index| {
            self.look(pass, index);
            self.value(column)
        };
        Ok(Fresh { each: (0..members).map(read).collect(), once: None, whole: None })
    }

    /// One metric of the host, read anew.
    fn fresh_host(&mut self, now: Moment, column: Column) -> Result<f64, Fault> {
        let _ = (now, column);
        Err(Fault::IMPOSSIBLE)
    }

    /// Each state with how many sockets could not be attributed; empty if that is not known.
    fn unattributed(&self) -> &[(Base, u64)] {
        &[]
    }
}

/// What was read anew of some members.
pub(super) struct Fresh {
    /// Of each of them.
    pub(super) each: Vec<Result<f64, Fault>>,
    /// Of all of them, if that is not the sum; see [`Probe::once`].
    pub(super) once: Option<f64>,
    /// What all of them come to, where that does not follow from the two.
    pub(super) whole: Option<Value>,
}

/// What was read at another time than that of the pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slow {
    pub(super) at: Moment,
    /// How often it is read.
    pub(super) period: Duration,
    pub(super) value: Result<Value, Fault>,
}

/// Who is read, and when.
pub(super) struct Pass<'a> {
    pub(super) now: Moment,
    pub(super) members: &'a [&'a Member],
    /// What is remembered of each of them.
    pub(super) seats: &'a mut [Seat],
    /// Those who are judged together.
    pub(super) groups: &'a [Group],
    /// The addresses behind the host names of peers.
    pub(super) names: &'a mut Names,
    /// How often what is read now.
    pub(super) periods: Periods,
}

/// A target that is judged as a group and has a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Index of the target.
    pub(super) target: u16,
    /// Indexes of its members in the pass.
    pub(super) members: Vec<usize>,
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
    /// The same, or why they could not be counted.
    pub(super) open: Seldom<u64>,
    /// Its limit of them; the inner none is unlimited.
    pub(super) max_fds: Seldom<Option<u64>>,
    /// Its memory that is not swapped out.
    pub(super) resident: Seldom<Option<u64>>,
    /// What its status said when that was last read.
    pub(super) status: Seldom<Status>,
    /// Real and effective uid as of then.
    pub(super) uids: (u32, u32),
    /// Its major faults when they were last counted, or why they could not be, and what a rate starts from.
    pub(super) faults: Seldom<u64>,
    pub(super) major_faults: Counted<1>,
    /// Its cgroups in the books of their probe.
    pub(super) cgroups: Seldom<cgroup::Place>,
    /// Its network namespace, none for our own.
    pub(super) net: Seldom<Option<u64>>,
    /// What tells how near its metrics are to their bounds.
    pub(super) trails: Vec<Trail>,
    /// When each probe is to read it at the latest because a bound is near.
    pub(super) near: [Option<Moment>; PROBES.len()],
}

impl Seat {
    pub(super) fn new(member: &Member) -> Self {
        let (key, identity) = (member.key, member.process.identity());
        Self {
            key,
            identity,
            gone: false,
            fds: None,
            open: Seldom::UNREAD,
            max_fds: Seldom::UNREAD,
            resident: Seldom::UNREAD,
            status: Seldom::UNREAD,
            uids: member.facts.uids,
            faults: Seldom::UNREAD,
            major_faults: Counted::NOTHING,
            cgroups: Seldom::UNREAD,
            net: Seldom::UNREAD,
            trails: Vec::new(),
            near: [None; PROBES.len()],
        }
    }

    /// The network namespace it is in, if that is known and not ours.
    pub(super) fn other_net(&self) -> Option<u64> {
        self.net.value().ok()?
    }

    pub(super) fn is_of(&self, member: &Member) -> bool {
        self.key == member.key && self.identity == member.process.identity()
    }
}

/// A metric, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Index into the metrics that it is one of, and into their readings.
    pub(super) at: usize,
    /// The quantity.
    pub(super) base: Base,
    /// Index into the configuration's peers.
    pub(super) peer: Option<usize>,
    /// Whether a threshold is about it: it is read in each pass. What is only shown may be read every
    /// [`Periods::shown`].
    pub(super) judged: bool,
}

impl Column {
    pub(super) fn new(config: &Config, at: usize, metric: &Metric) -> Self {
        let by_name = |name: &Arc<str>| config.peers.iter().position(|peer| peer.name == *name);
        // A peer that nobody configured is past the end, where nobody counts.
        let peer = metric.peer.as_ref().map(|name| by_name(name).unwrap_or(config.peers.len()));
        Self { at, base: metric.base, peer, judged: true }
    }
}

/// Whether a threshold is about a metric of the host: its own, or one of a target.
pub(super) fn is_judged(config: &Config, metric: &Metric) -> bool {
    let is = |metrics: &[Metric], at: usize| metrics.get(at) == Some(metric);
    let mut targets = config.targets.iter();
    config.host.thresholds.iter().any(|threshold| is(&config.host.metrics, threshold.metric))
        || targets.any(|target| target.rows_at_any_hour().any(|threshold| is(&target.metrics, threshold.metric)))
}

/// Whether a metric of the host is read at all: the host's own thresholds, a target's or those who
/// look on may ask for it.
pub(super) fn asks_for(config: &Config, base: Base) -> bool {
    let targets = config.targets.iter().flat_map(|target| &target.metrics);
    config.host.metrics.iter().chain(targets).any(|metric| metric.base == base)
}
