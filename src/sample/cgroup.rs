//! `cgroup_memory`, `cgroup_working_set`, `cgroup_memory_usage`, `cgroup_swap`, `cgroup_memory_pressure`:
//! of the cgroup that a process is in, read once for all who are in it.
//!
//! What a threshold names is read in each pass. What is only exported is read seldom, and counts as known in
//! between, for `memory.stat` makes the kernel add up what each processor counted. Which cgroup a process is in
//! is asked seldom, too: the answer takes a lock that all cgroups share.

use std::time::Duration;

use super::fault::Fault;
use super::probe::{Column, Fresh, Group, Pass, Probe, Reads, Row};
use super::seldom::{Seldom, Turn};
use crate::config::{Config, Target};
use crate::kernel::cgroup_memory::MemoryTrees;
use crate::model::Base;

mod books;
mod facts;
#[cfg(test)]
mod tests;
mod together;

use books::Books;
pub(super) use books::Place;
use facts::When;
use together::{Together, Values};

const METRICS: [Base; 6] = [
    Base::CgroupMemory,
    Base::CgroupWorkingSet,
    Base::CgroupMemoryLimit,
    Base::CgroupMemoryUsage,
    Base::CgroupSwap,
    Base::CgroupMemoryPressure,
];

pub(super) const PROBE: Row = Row {
    name: "cgroup",
    metrics: &METRICS,
    make: |config| Box::new(Cgroups::new(config, MemoryTrees::mounted)),
    reads: Reads::Each,
};

/// So many members whose threshold names a metric of cgroups are asked in a pass which one they are in; the
/// next ones in the next pass.
const ASKED_A_PASS: usize = 16;

/// How urgently a member's target wants each metric, in the order of [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    No,
    Seldom,
    Always,
}

struct Cgroups {
    wanted: Vec<[Wanted; METRICS.len()]>,
    books: Books,
    /// Whose turn it is to be asked where it is.
    turn: usize,
    /// Which reading it is of everything: what was read in it is not read again.
    round: u32,
    /// Nothing remembered counts.
    anew: bool,
    current: Values,
    together: Together,
}

impl Cgroups {
    fn new(config: &Config, mount: impl Fn() -> MemoryTrees + 'static) -> Self {
        Self {
            wanted: config.targets.iter().map(wanted).collect(),
            books: Books::new(Box::new(mount)),
            turn: 0,
            round: 0,
            anew: false,
            current: [Err(Fault::GONE); METRICS.len()],
            together: Together::default(),
        }
    }

    fn wanted(&self, target: u16) -> [Wanted; METRICS.len()] {
        self.wanted.get(usize::from(target)).copied().unwrap_or([Wanted::No; METRICS.len()])
    }

    /// When a member is asked which cgroups it is in: at once where the one it was in is no more.
    fn turn(&self, index: usize, pass: &Pass<'_>) -> Turn {
        let (now, seat, members) = (pass.now, &pass.seats[index], pass.members.len());
        let turn = (index + members - self.turn % members) % members < ASKED_A_PASS;
        let urgent = turn && self.wanted(seat.key.target).contains(&Wanted::Always);
        let left = seat.cgroups.value().is_ok_and(|place| !self.books.is_alive(place));
        let seldom = Turn::once_in(pass.periods.shown, now, index);
        if left || urgent { seldom.and_now() } else { seldom }
    }

    /// Where a member is: as remembered, unless it is to be asked.
    fn place(&mut self, pass: &mut Pass<'_>, index: usize) -> Result<Place, Fault> {
        let turn = self.turn(index, pass);
        let process = &pass.members[index].process;
        let place = pass.seats[index].cgroups.refresh(turn, || self.books.find(process))?;
        self.books.use_all(place);
        Ok(place)
    }

    fn look_at(&mut self, pass: &mut Pass<'_>, index: usize) -> Result<Place, Fault> {
        let place = self.place(pass, index)?;
        self.read(pass, index, place);
        Ok(place)
    }

    /// Everything that its target wants of the cgroup of a member.
    fn read(&mut self, pass: &Pass<'_>, index: usize, place: Place) {
        let wanted = self.wanted(pass.seats[index].key.target);
        let (round, now, seldom, anew) = (self.round, pass.now, pass.periods.shown, self.anew);
        for ((base, wanted), value) in METRICS.into_iter().zip(wanted).zip(&mut self.current) {
            let every = match wanted {
                Wanted::No => continue,
                Wanted::Seldom if !anew => seldom,
                Wanted::Seldom | Wanted::Always => Duration::ZERO,
            };
            *value = self.books.value(place, base, When { round, now, every, seldom, anew });
        }
    }
}

impl Probe for Cgroups {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        self.round = self.round.wrapping_add(1);
        if !self.anew {
            self.books.open_pass(pass.now, pass.periods.pass);
            self.turn = (self.turn + ASKED_A_PASS) % pass.members.len().max(1);
        }
        self.together.open(pass);
        Ok(())
    }

    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        self.current = [Err(Fault::GONE); METRICS.len()];
        // A zombie is in a cgroup, too, but uses nothing of it.
        if pass.seats[index].gone || (self.anew && pass.members[index].process.has_exited()) {
            return;
        }
        let place = self.look_at(pass, index);
        // A group that is found removed while its process lives was left by it.
        let place = match place {
            Ok(place) if !self.books.is_alive(place) => {
                pass.seats[index].cgroups = Seldom::UNREAD;
                self.look_at(pass, index)
            }
            place => place,
        };
        match place {
            Ok(place) => self.together.put(index, Some((place, &self.current))),
            Err(fault) => {
                self.current = [Err(fault); METRICS.len()];
                self.together.put(index, None);
            }
        }
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        let at = METRICS.iter().position(|base| *base == column.base).ok_or(Fault::IMPOSSIBLE)?;
        self.current[at]
    }

    fn once(&self, group: usize, column: Column) -> Option<f64> {
        self.together.once(group, column.base, &self.books)
    }

    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        self.anew = true;
        let of_passes = std::mem::take(&mut self.together);
        let target = pass.seats.first().map_or(0, |seat| seat.key.target);
        let all = [Group { target, members: (0..pass.members.len()).collect() }];
        let Pass { now, members, .. } = *pass;
        let mut pass = Pass {
            now,
            members,
            seats: &mut *pass.seats,
            groups: &all,
            names: &mut *pass.names,
            periods: pass.periods,
        };
        let prepared = self.prepare(&mut pass);
        let read = |index| {
            self.look(&mut pass, index);
            self.value(column)
        };
        let each = (0..all[0].members.len()).map(read).collect();
        let once = self.once(0, column);
        (self.anew, self.together) = (false, of_passes);
        prepared.map(|()| Fresh { each, once, whole: None })
    }
}

/// What a target wants of cgroups.
fn wanted(target: &Target) -> [Wanted; METRICS.len()] {
    METRICS.map(|base| {
        let is = |metric: usize| target.metrics.get(metric).is_some_and(|metric| metric.base == base);
        if target.rows_at_any_hour().any(|threshold| is(threshold.metric)) {
            Wanted::Always
        } else if (0..target.metrics.len()).any(is) {
            Wanted::Seldom
        } else {
            Wanted::No
        }
    })
}
