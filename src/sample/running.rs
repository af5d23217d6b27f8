//! A probe at work: when it is read, how long that takes, what it could not read, and where its
//! readings belong.

use std::time::Duration;

use super::fault::Fault;
use super::names::Wake;
use super::near::{Bounds, Trail, ahead, make_room, reached};
use super::pace::{Part, Periods};
use super::probe::{Column, Group, Pass, Probe, Reads, Row, Seat, Slow, is_judged};
use super::stats::ProbeStats;
use super::together::together;
use crate::config::Config;
use crate::kernel;
use crate::model::{Base, MemberSample, Metric, Moment, Reading, Sample, Scope, Unknown, Value};

/// Whom a probe is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    Everybody,
    /// Between two passes: those that are near a bound.
    Near,
}

/// One round over the members.
struct Round<'a> {
    prepared: Result<(), Fault>,
    stats: &'a mut ProbeStats,
    whom: Whom,
    deadline: Moment,
}

/// A probe at work, with what the framework knows about it.
pub(super) struct Running {
    probe: Box<dyn Probe>,
    reads: Reads,
    /// Its place in the table of probes.
    index: usize,
    period: Duration,
    /// When it last read everybody.
    last: Option<Moment>,
    /// Where the last pass was cut short, and this one begins.
    begin: usize,
    /// Readings of members that were due and not made, since the start.
    missed: u64,
    /// Whether a member has reached a bound since that was last asked.
    reached: bool,
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
    /// Of those of its own that a threshold is about.
    bounds: Vec<Bounds>,
    /// Of the members as a group.
    trails: Vec<Trail>,
}

/// A pass looks at the clock after so many members.
const LOOK_AT_CLOCK: usize = 16;

impl Running {
    pub(super) fn new((index, row): (usize, &Row), config: &Config) -> (Self, ProbeStats) {
        let mut running = Self {
            probe: (row.make)(config),
            reads: row.reads,
            index,
            period: config.daemon.interval,
            last: None,
            begin: 0,
            missed: 0,
            reached: false,
            host: Vec::new(),
            targets: Vec::new(),
        };
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
                    columns.bounds.extend(Bounds::of(target, at));
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

    /// Whether its turn has come in a pass at `now`.
    pub(super) fn is_due(&self, now: Moment, periods: &Periods) -> bool {
        // Half a pass too early is nearer to its time than half a pass too late.
        let in_time = |last| now + periods.pass / 2 >= last + periods.close_wait;
        self.reads != Reads::Together || periods.close_wait <= periods.pass || self.last.is_none_or(in_time)
    }

    /// Reads everybody, or whoever is near a bound, until `deadline`, and puts the readings where they
    /// belong. Says which part of the work that was.
    pub(super) fn read(
        &mut self,
        pass: &mut Pass<'_>,
        (sample, stats): (&mut Sample, &mut ProbeStats),
        (whom, deadline): (Whom, Moment),
    ) -> Part {
        let begun = kernel::now();
        self.period = if self.reads == Reads::Together { pass.periods.close_wait } else { pass.periods.pass };
        let everybody = whom == Whom::Everybody || self.reads == Reads::Together;
        let prepared = self.probe.prepare(pass).inspect_err(|&fault| stats.count(fault));
        if everybody {
            self.last = Some(pass.now);
            self.read_host(prepared, pass, stats);
            self.show_host(sample);
        }
        let whom = if everybody { Whom::Everybody } else { Whom::Near };
        self.read_members((pass, sample), &mut Round { prepared, stats, whom, deadline });
        self.read_groups(pass, sample);
        stats.last = kernel::now().since(begun);
        self.probe.part()
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

    /// From where the last pass was cut short, until everybody was read or the time is up.
    fn read_members(&mut self, (pass, sample): (&mut Pass<'_>, &mut Sample), round: &mut Round<'_>) {
        let count = sample.members.len();
        let begin = std::mem::take(&mut self.begin).min(count);
        for (done, index) in (begin..count).chain(0..begin).enumerate() {
            let is_meant = round.whom == Whom::Everybody
                || pass.seats[index].near[self.index].is_some_and(|near| near <= pass.now);
            let row = &mut sample.members[index];
            let is_read = self.columns(row.member.target).is_some_and(|columns| !columns.own.is_empty());
            if !is_meant || !is_read {
                continue;
            }
            if done % LOOK_AT_CLOCK == LOOK_AT_CLOCK - 1 && kernel::now() > round.deadline {
                self.begin = index;
                self.missed += u64::try_from(count - done).unwrap_or(u64::MAX);
                return;
            }
            self.read_member((pass, index), row, round);
            self.look_ahead((pass, index), row);
        }
    }

    fn read_member(&mut self, (pass, index): (&mut Pass<'_>, usize), row: &mut MemberSample, round: &mut Round<'_>) {
        let Round { prepared, stats, .. } = round;
        if prepared.is_ok() {
            self.probe.look(pass, index);
        }
        let mut counted = prepared.err();
        let columns = self.targets.get(usize::from(row.member.target)).map_or(&[][..], |columns| &columns.own);
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

    /// When the member is to be read next, if a bound is near.
    fn look_ahead(&mut self, (pass, index): (&mut Pass<'_>, usize), row: &MemberSample) {
        let (soonest, interval) = self.soonest(&pass.periods);
        let Some(columns) = self.targets.get(usize::from(row.member.target)) else { return };
        if self.reads == Reads::InPasses || columns.bounds.is_empty() {
            return;
        }
        let Seat { near, trails, .. } = &mut pass.seats[index];
        make_room(trails, &columns.bounds);
        self.reached |= reached(&columns.bounds, trails, &row.readings);
        near[self.index] = ahead(&columns.bounds, trails, &row.readings, interval)
            .map(|wait| wait.max(soonest))
            .filter(|wait| *wait < interval)
            .map(|wait| pass.now + wait);
    }

    /// How soon it may read again, and when it does anyway.
    fn soonest(&self, periods: &Periods) -> (Duration, Duration) {
        if self.reads == Reads::Together {
            (periods.near_sockets, periods.close_wait)
        } else {
            (periods.near, periods.pass)
        }
    }

    fn columns(&self, target: u16) -> Option<&Columns> {
        self.targets.get(usize::from(target))
    }

    /// From what was last read of the members, as old as the newest of it.
    fn read_groups(&mut self, pass: &mut Pass<'_>, sample: &mut Sample) {
        let Sample { members, groups, .. } = sample;
        for (index, row) in groups.iter_mut().enumerate() {
            let Some(group) = pass.groups.get(index) else { return };
            let columns = self.targets.get(usize::from(group.target)).map_or(&[][..], |columns| &columns.own);
            for &column in columns {
                if let Some(slow) = self.probe.slow_group(pass, index, column) {
                    put_slow(&mut row.readings, column.at, slow, |_| ());
                    continue;
                }
                let reading = |&member: &usize| members.get(member)?.readings.get(column.at);
                let readings = || group.members.iter().filter_map(reading);
                let once = self.probe.once(index, column);
                let value = together(column.base, once, readings().map(|reading| reading.value));
                // Where nobody was read in this pass, it says nothing that was not said before.
                let newest = readings().max_by_key(|reading| reading.at);
                let (at, period) = newest.map_or((pass.now, self.period), |newest| (newest.at, newest.period));
                put(&mut row.readings, column.at, Reading { at, period, value });
            }
            self.look_ahead_of_group(pass, (group, &row.readings));
        }
    }

    /// A group that is near a bound has all of its members read.
    fn look_ahead_of_group(&mut self, pass: &mut Pass<'_>, (group, readings): (&Group, &[Reading])) {
        let (soonest, interval) = self.soonest(&pass.periods);
        let Some(columns) = self.targets.get_mut(usize::from(group.target)) else { return };
        if self.reads == Reads::InPasses || columns.bounds.is_empty() {
            return;
        }
        let Columns { bounds, trails, .. } = columns;
        make_room(trails, bounds);
        self.reached |= reached(bounds, trails, readings);
        let wait = ahead(bounds, trails, readings, interval).map(|wait| wait.max(soonest));
        let near = wait.filter(|wait| *wait < interval).map(|wait| pass.now + wait);
        for &member in &group.members {
            pass.seats[member].near[self.index] = near;
        }
    }

    /// Readings of members that were due and not made, since the start.
    pub(super) const fn missed(&self) -> u64 {
        self.missed
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

    /// Whether a member has reached a bound since this was last asked.
    pub(super) const fn take_reached(&mut self) -> bool {
        std::mem::replace(&mut self.reached, false)
    }

    /// Whether its readings are parts of the work with a period of their own.
    pub(super) fn has_parts(&self) -> bool {
        self.reads == Reads::Together
    }

    /// What a thread of its own has used for a run of another part.
    pub(super) fn beside(&mut self) -> Option<(Part, Duration)> {
        self.probe.beside()
    }

    pub(super) fn detach(&mut self, wake: Wake) {
        self.probe.detach(wake);
    }

    /// See [`Probe::is_awaited`].
    pub(super) fn is_awaited(&self) -> bool {
        self.probe.is_awaited()
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
