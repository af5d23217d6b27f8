//! What was read of whom: the members of every target, each with its latest readings.
//!
//! Probes: one file a metric family and one line in `PROBES` (`probe.rs`). What belongs here:
//! reading, and remembering what makes reading cheap. What does not: any opinion about a value.
//!
//! No probe opens, allocates or forgets anything per process in a pass where nothing changed.

pub mod attribution;
mod fault;
mod host;
mod memory;
mod open_fds;
mod probe;
mod sockets;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use probe::{PROBES, Pass, Running, Seat};

pub use fault::Fault;
pub use probe::ProbeStats;

use crate::config::Config;
use crate::discover::{Member, Roster};
use crate::kernel;
use crate::model::{Base, MemberSample, Moment, Reading, Sample, Unknown, Value};

/// Reads the members, pass by pass.
pub struct Sampler {
    config: Arc<Config>,
    probes: Vec<Running>,
    stats: Vec<ProbeStats>,
    /// What is remembered of each member, in the order of the sample's.
    seats: Vec<Seat>,
    sample: Sample,
}

impl Sampler {
    /// One that has read nobody yet. It opens nothing before the first pass.
    pub fn new(config: Arc<Config>) -> Self {
        let (probes, stats) = PROBES.iter().map(|row| Running::new(row, &config)).unzip();
        Self { config, probes, stats, seats: Vec::new(), sample: Sample::default() }
    }

    /// One pass at `now` over all members, in their order, each with all readings of its target.
    /// Readings that could not be had say why; nothing here fails.
    pub fn sample<'a>(&mut self, members: impl Iterator<Item = &'a Member>, now: Moment) -> &Sample {
        let members: Vec<_> = members.collect();
        self.follow(&members);
        let mut pass = Pass { now, members: &members, seats: &mut self.seats };
        for (running, stats) in self.probes.iter_mut().zip(&mut self.stats) {
            running.read(&mut pass, &mut self.sample, stats);
        }
        &self.sample
    }

    /// The members with what was last read of each.
    pub const fn latest(&self) -> &Sample {
        &self.sample
    }

    /// Between passes: whoever has left the roster is no more in the sample. Newcomers wait for the
    /// next pass, so that nobody is judged before he was read.
    pub fn forget_departed(&mut self, roster: &Roster) {
        let stays = |seat: &Seat| roster.get(seat.key).is_some_and(|member| seat.is_of(member));
        if self.seats.iter().all(stays) {
            return;
        }
        let members = &mut self.sample.members;
        let mut index = 0;
        self.seats.retain(|seat| {
            let stays = stays(seat);
            if stays {
                index += 1;
            } else {
                members.remove(index);
            }
            stays
        });
    }

    /// One metric of one member, read anew and from nothing remembered: the proof before a measure
    /// that cannot be undone. `metric` is an index into the target's `metrics`.
    pub fn fresh(&mut self, member: &Member, metric: usize, now: Moment) -> Reading {
        let mut seats = [Seat::new(member)];
        let mut pass = Pass { now, members: &[member], seats: &mut seats };
        let mut probes = self.probes.iter_mut().zip(&mut self.stats);
        let reading = probes.find_map(|(running, stats)| running.fresh(&mut pass, metric, stats));
        reading.unwrap_or_else(|| self.never_read(now))
    }

    /// A metric of the host in the last pass, whether or not a target asks for it; none for one
    /// that is not the host's.
    pub fn host(&self, metric: Base) -> Option<Value> {
        self.probes.iter().find_map(|running| running.host(metric))
    }

    /// How each probe did, in the order of `PROBES`.
    pub fn stats(&self) -> &[ProbeStats] {
        &self.stats
    }

    /// Each TCP state with the number of sockets of which it cannot be said whose they are: not
    /// accepted yet, or perhaps of a process that may not be read. Empty while there is no answer.
    pub fn unattributed(&self) -> impl Iterator<Item = (Base, u64)> {
        self.probes.iter().flat_map(|running| running.unattributed().iter().copied())
    }

    /// Makes seats and sample hold exactly `members`, in this order. Who stays keeps his readings.
    fn follow(&mut self, members: &[&Member]) {
        if members.len() == self.seats.len() && self.seats.iter().zip(members).all(|(seat, member)| seat.is_of(member))
        {
            return;
        }
        let before = self.seats.drain(..).zip(self.sample.members.drain(..));
        let mut before: HashMap<_, _> = before.map(|both| ((both.0.key, both.0.identity), both)).collect();
        for member in members {
            let (seat, row) = before
                .remove(&(member.key, member.process.identity()))
                .unwrap_or_else(|| (Seat::new(member), self.newcomer(member)));
            self.seats.push(seat);
            self.sample.members.push(row);
        }
    }

    fn newcomer(&self, member: &Member) -> MemberSample {
        let identity = member.process.identity();
        let target = self.config.targets.get(usize::from(member.key.target));
        MemberSample {
            member: member.key,
            identity,
            started: kernel::started(identity.start_ticks),
            first_seen: member.first_seen,
            readings: vec![self.never_read(member.first_seen); target.map_or(0, |target| target.metrics.len())],
        }
    }

    fn never_read(&self, at: Moment) -> Reading {
        Reading { at, period: self.config.daemon.interval, value: Value::Unknown(Unknown::Overdue) }
    }
}
