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
mod near;
mod open_fds;
mod pace;
mod probe;
mod rate;
mod running;
mod seating;
mod seldom;
mod sockets;
mod stats;
mod tally;
mod together;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use pace::Ceiling;
use probe::{Group, PROBES, Pass, Seat};
use rate::Counted;
use running::{Running, Whom};

pub use fault::Fault;
use names::Names;
pub use names::{Lookup, NameNote, Wake};
pub use pace::{Part, Periods};
pub use stats::ProbeStats;

use crate::config::Config;
use crate::discover::{Member, Roster};
use crate::kernel;
use crate::model::{Base, HostName, Moment, Reading, Sample, Unknown, Value};

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
    ceiling: Ceiling,
    /// The probe that a pass begins with: the one at which the last pass was cut short.
    first: usize,
    /// Probes whose turn it is and that judge need not wait for: they read in the next tick, which is now.
    rest: Vec<usize>,
    /// Whether there is a loop with a next tick.
    detached: bool,
    /// When somebody was last read.
    read_at: Moment,
    /// When somebody is to be read before the next pass, because a bound is near.
    near: Option<Moment>,
    /// Readings that were missed before the last reload.
    missed: u64,
    /// Whether somebody was never read: he need not wait for what is stretched.
    newcomers: bool,
    /// Whom the last tick read, and what that used of the processor for parts that have a period of
    /// their own, until the loop tells what the tick has cost as a whole.
    read: Option<Whom>,
    apart: Duration,
}

impl Sampler {
    /// One that has read nobody yet. It opens nothing before the first pass, and resolves no names.
    pub fn new(config: Arc<Config>) -> Self {
        Self::over(config, Names::default())
    }

    fn over(config: Arc<Config>, mut names: Names) -> Self {
        let (probes, stats) = PROBES.iter().enumerate().map(|row| Running::new(row, &config)).unzip();
        names.follow(config.host_names());
        Self {
            ceiling: Ceiling::new(&config.daemon),
            config,
            probes,
            stats,
            seats: Vec::new(),
            groups: Vec::new(),
            sample: Sample::default(),
            names,
            first: 0,
            rest: Vec::new(),
            detached: false,
            read_at: Moment::default(),
            near: None,
            missed: 0,
            newcomers: false,
            read: None,
            apart: Duration::ZERO,
        }
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
        let missed = self.missed();
        Self { missed, ..Self::over(config, std::mem::take(&mut self.names)) }
    }

    /// For a loop that must not wait: what takes longest is read by a thread of its own, and is overdue until
    /// that has answered; what takes long is left for [`sample_near`](Self::sample_near) when somebody has
    /// reached a bound. It calls `wake` when it has answered what somebody waits for.
    #[must_use]
    pub fn detached(mut self, wake: &Wake) -> Self {
        self.probes.iter_mut().for_each(|running| running.detach(Arc::clone(wake)));
        self.detached = true;
        self
    }

    /// Whether such an answer is there: the next pass, which takes it in, is due now.
    pub fn is_awaited(&self) -> bool {
        self.probes.iter().any(Running::is_awaited)
    }

    /// One pass at `now` over all members, in their order, each with all readings of its target that are
    /// due. Readings that could not be had say why; nothing here fails.
    pub fn sample<'a>(&mut self, listed: impl Iterator<Item = &'a Member>, now: Moment) -> &Sample {
        // One allocation, however many they are.
        let mut members = Vec::with_capacity(self.seats.len());
        members.extend(listed);
        self.names.take_in(now);
        self.follow(&members, now);
        self.read_whom(&members, now, Whom::Everybody);
        &self.sample
    }

    /// Between two passes: reads what the last tick has left, or those members anew that a bound is near to.
    /// They must be those of the last pass; nobody else is read.
    pub fn sample_near<'a>(&mut self, members: impl Iterator<Item = &'a Member>, now: Moment) {
        let members: Vec<_> = members.collect();
        let same = |(seat, member): (&Seat, &&Member)| seat.is_of(member);
        if members.len() == self.seats.len() && self.seats.iter().zip(&members).all(same) {
            self.read_whom(&members, now, Whom::Near);
        } else {
            // Somebody came: the next pass reads everybody.
            self.near = None;
            self.rest.clear();
        }
    }

    /// When somebody is to be read before the next pass, because a bound is near.
    pub fn near(&self) -> Option<Moment> {
        if self.rest.is_empty() { self.near } else { Some(self.read_at) }
    }

    /// Has every probe whose turn it is read whom it is to read, until the pass has taken its whole period.
    /// When somebody has reached a bound, judge does not wait for the sockets of all, which take longest.
    fn read_whom(&mut self, members: &[&Member], now: Moment, whom: Whom) {
        let periods = self.periods();
        let deadline = kernel::now() + periods.pass;
        let count = self.probes.len();
        let begin = std::mem::take(&mut self.first);
        let left = std::mem::take(&mut self.rest);
        let goes_on = whom == Whom::Near && !left.is_empty();
        for index in (begin..count).chain(0..begin) {
            let is_due = if goes_on { left.contains(&index) } else { self.is_due((index, whom), now, &periods) };
            if !is_due {
                continue;
            }
            if self.detached && left.is_empty() && self.probes[index].has_parts() && self.take_reached() {
                self.rest.push(index);
            } else {
                self.read_by(index, (members, whom), (now, deadline));
            }
        }
        // What the sockets showed makes nobody wait.
        self.take_reached();
        self.newcomers = false;
        self.read_at = now;
        self.read = (!goes_on).then_some(whom);
        self.near = self.seats.iter().flat_map(|seat| seat.near).flatten().min();
    }

    /// Whether it is the turn of a probe.
    fn is_due(&self, (index, whom): (usize, Whom), now: Moment, periods: &Periods) -> bool {
        let probe = &self.probes[index];
        match whom {
            Whom::Everybody => self.newcomers || probe.is_awaited() || probe.is_due(now, periods),
            Whom::Near => self.seats.iter().any(|seat| seat.near[index].is_some_and(|near| near <= now)),
        }
    }

    /// Whether somebody has reached a bound since this was last asked.
    fn take_reached(&mut self) -> bool {
        let mut reached = false;
        for probe in &mut self.probes {
            reached |= probe.take_reached();
        }
        reached
    }

    /// Has one probe read.
    fn read_by(&mut self, index: usize, (members, whom): (&[&Member], Whom), (now, deadline): (Moment, Moment)) {
        let periods = self.periods();
        let (seats, groups, names) = (&mut self.seats, &self.groups, &mut self.names);
        let mut pass = Pass { now, members, seats, groups, names, periods };
        // The others are part of the pass, which the loop times.
        let before = self.probes[index].has_parts().then(kernel::cpu_of_thread);
        let (probe, to) = (&mut self.probes[index], (&mut self.sample, &mut self.stats[index]));
        let missed = probe.missed();
        let part = probe.read(&mut pass, to, (whom, deadline));
        if let Some((part, used)) = probe.beside() {
            self.ceiling.note(part, used);
        }
        if probe.missed() > missed && self.first == 0 {
            self.first = index;
        }
        if let Some(before) = before.filter(|_| part != Part::Pass) {
            let used = kernel::cpu_of_thread().saturating_sub(before);
            self.ceiling.note(part, used);
            self.apart += used;
        }
    }

    /// How often what is read now: as configured, or as far as `max_cpu` leaves it.
    pub fn periods(&self) -> Periods {
        self.ceiling.periods().over(self.seats.len())
    }

    /// Takes in what a tick that has read somebody has cost: `tick` of the processor in the loop; all
    /// threads have used `whole` since the start. Returns whether the periods are others from now on.
    pub fn note_cost(&mut self, now: Moment, (tick, whole): (Duration, Duration)) -> bool {
        let before = self.ceiling.periods();
        if let Some(whom) = self.read.take() {
            let part = if whom == Whom::Everybody { Part::Pass } else { Part::Near };
            self.ceiling.note(part, tick.saturating_sub(std::mem::take(&mut self.apart)));
        }
        self.ceiling.plan(now, whole);
        before != self.ceiling.periods()
    }

    /// Readings of members that were due and not made because the pass had taken its whole period, since
    /// the start.
    pub fn missed(&self) -> u64 {
        self.missed + self.probes.iter().map(Running::missed).sum::<u64>()
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
        let periods = self.ceiling.periods();
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

    fn never_read(&self, at: Moment) -> Reading {
        Reading { at, period: self.ceiling.periods().pass, value: Value::Unknown(Unknown::Overdue) }
    }
}
