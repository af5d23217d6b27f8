//! What was read of whom: the members of every target, each with its latest readings.
//!
//! Probes: one file a metric family and one line in `PROBES` (`probe.rs`). What belongs here:
//! reading, and remembering what makes reading cheap. What does not: any opinion about a value.
//!
//! No probe opens, allocates or forgets anything per process in a pass where nothing changed.

pub mod attribution;
mod cgroup;
mod fault;
mod faults;
mod host;
mod memory;
mod names;
mod open_fds;
mod pace;
mod probe;
mod rate;
mod running;
mod seldom;
mod sockets;
mod tally;
mod together;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pace::Periods;
use probe::{Group, PROBES, Pass, Seat};
use rate::Counted;
use running::Running;

pub use fault::Fault;
use names::Names;
pub use names::{Lookup, NameNote, Wake};
pub use running::ProbeStats;

use crate::config::{Config, Per};
use crate::discover::{Member, Roster};
use crate::kernel;
use crate::model::{Base, GroupSample, HostName, MemberSample, Moment, Reading, Sample, Unknown, Value};

/// Reads the members, pass by pass.
pub struct Sampler {
    config: Arc<Config>,
    probes: Vec<Running>,
    stats: Vec<ProbeStats>,
    /// What is remembered of each member, in the order of the sample's.
    seats: Vec<Seat>,
    /// Who is judged together, in the order of the sample's groups.
    groups: Vec<Group>,
    sample: Sample,
    names: Names,
}

impl Sampler {
    /// One that has read nobody yet. It opens nothing before the first pass, and resolves no names.
    pub fn new(config: Arc<Config>) -> Self {
        Self::over(config, Names::default())
    }

    fn over(config: Arc<Config>, mut names: Names) -> Self {
        let (probes, stats) = PROBES.iter().map(|row| Running::new(row, &config)).unzip();
        names.follow(config.host_names());
        Self { config, probes, stats, seats: Vec::new(), groups: Vec::new(), sample: Sample::default(), names }
    }

    /// From now on the host names of peers are resolved by `lookup`, on threads of their own, and `wake` is
    /// called when an answer is there. What is counted by a name is unknown until then.
    pub fn resolve_by(&mut self, lookup: Lookup, wake: Wake) {
        self.names.resolve_by(lookup, wake);
    }

    /// Waits for the names to be resolved, `most` long. For commands, not for the loop.
    pub fn await_names(&mut self, most: Duration) {
        self.names.wait(most);
    }

    /// Takes in what was found out about names. True where a peer is known that was not.
    pub fn hear_names(&mut self, now: Moment) -> bool {
        self.names.take_in(now)
    }

    /// The names, for people.
    pub fn names(&self) -> impl Iterator<Item = HostName> {
        self.names.views()
    }

    /// What people should hear of the names and have not heard.
    pub fn name_notes(&mut self, now: Moment) -> Vec<NameNote> {
        self.names.notes(now)
    }

    /// One for another configuration, that has read nobody yet and knows the names that this one knows.
    pub fn reconfigured(&mut self, config: Arc<Config>) -> Self {
        Self::over(config, std::mem::take(&mut self.names))
    }

    /// For a loop that must not wait: what takes long is read by a thread of its own, and is overdue
    /// until that has answered.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.probes.iter_mut().for_each(Running::detach);
        self
    }

    /// One pass at `now` over all members, in their order, each with all readings of its target.
    /// Readings that could not be had say why; nothing here fails.
    pub fn sample<'a>(&mut self, listed: impl Iterator<Item = &'a Member>, now: Moment) -> &Sample {
        // One allocation, however many they are.
        let mut members = Vec::with_capacity(self.seats.len());
        members.extend(listed);
        self.names.take_in(now);
        self.follow(&members, now);
        let (seats, groups, names) = (&mut self.seats, &self.groups, &mut self.names);
        let periods = Periods::unhurried(&self.config.daemon);
        let mut pass = Pass { now, members: &members, seats, groups, names, periods };
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
        self.group();
    }

    /// One metric of one member, read anew and from nothing remembered: the proof before a measure
    /// that cannot be undone. `metric` is an index into the target's `metrics`.
    pub fn fresh(&mut self, member: &Member, metric: usize, now: Moment) -> Reading {
        self.fresh_group(&[member], metric, now)
    }

    /// One metric of these members of one target, read anew, as a group's in [`Sample::groups`].
    /// `metric` is an index into the target's `metrics`.
    pub fn fresh_group(&mut self, members: &[&Member], metric: usize, now: Moment) -> Reading {
        let mut seats: Vec<Seat> = members.iter().map(|member| self.seat_anew(member)).collect();
        let periods = Periods::unhurried(&self.config.daemon);
        let mut pass = Pass { now, members, seats: &mut seats, groups: &[], names: &mut self.names, periods };
        let mut probes = self.probes.iter_mut().zip(&mut self.stats);
        let reading = probes.find_map(|(running, stats)| running.fresh(&mut pass, metric, stats));
        reading.unwrap_or_else(|| self.never_read(now))
    }

    /// A seat that remembers nothing but what a rate must start from.
    fn seat_anew(&self, member: &Member) -> Seat {
        let before = self.seats.iter().find(|seat| seat.is_of(member));
        Seat { major_faults: before.map_or(Counted::NOTHING, |seat| seat.major_faults), ..Seat::new(member) }
    }

    /// One metric of the host, read anew. `metric` is an index into the configuration's
    /// `host.metrics`. A rate still starts from a count of an earlier pass.
    pub fn fresh_host(&mut self, metric: usize, now: Moment) -> Reading {
        let mut probes = self.probes.iter_mut().zip(&mut self.stats);
        let reading = probes.find_map(|(running, stats)| running.fresh_host(metric, now, stats));
        reading.unwrap_or_else(|| self.never_read(now))
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
    fn follow(&mut self, members: &[&Member], now: Moment) {
        if self.sample.host.is_empty() {
            self.sample.host = vec![self.never_read(now); self.config.host.metrics.len()];
        }
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
        self.group();
    }

    /// Makes the groups those of the seats. One that stays keeps its readings until the next pass:
    /// what its members come to is not known better before they are read.
    fn group(&mut self) {
        self.groups.clear();
        for (index, _) in (0_u16..).zip(&self.config.targets).filter(|(_, target)| target.per == Per::Group) {
            let seats = self.seats.iter().enumerate().filter(|(_, seat)| seat.key.target == index);
            let members: Vec<usize> = seats.map(|(member, _)| member).collect();
            if !members.is_empty() {
                self.groups.push(Group { target: index, members });
            }
        }
        let mut before = std::mem::take(&mut self.sample.groups);
        let groups = self.groups.iter().map(|&Group { target, ref members }| {
            let same = before.iter().position(|row| row.target == target);
            same.map_or_else(|| self.new_group(target, members), |at| before.swap_remove(at))
        });
        self.sample.groups = groups.collect();
    }

    fn new_group(&self, target: u16, members: &[usize]) -> GroupSample {
        let first = members.first().and_then(|&member| self.sample.members.get(member));
        let readings = first.map_or(0, |member| member.readings.len());
        let never_read = self.never_read(first.map_or_else(Moment::default, |member| member.first_seen));
        GroupSample { target, readings: vec![never_read; readings] }
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
