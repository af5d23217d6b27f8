//! The cgroups that members are in, and those above them, each kept open once.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use super::facts::{Facts, When};
use crate::kernel::cgroup_memory::{MemoryTrees, Tree};
use crate::kernel::{Error, Process};
use crate::model::{Base, Moment};
use crate::sample::fault::Fault;

/// Groups within groups deeper than this are not looked at: whoever may make groups could make thousands.
const DEPTH: usize = 16;

/// Where a process is, or why that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sample) struct Place {
    /// Where its memory is kept account of.
    account: Result<Spot, Fault>,
    /// Where it is kept account of who waits: on hosts with v1 that is another tree.
    waiting: Result<Spot, Fault>,
}

/// A group in the books; the number tells it from one that has the same slot later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    slot: usize,
    number: u64,
}

#[derive(Debug)]
struct Group {
    number: u64,
    tree: Tree,
    path: Vec<u8>,
    facts: Facts,
    above: Option<Spot>,
    alive: bool,
    /// When a member was last seen to be in it, or below.
    used: Moment,
    /// The sum that it was last one of, and the one that it was last counted in.
    among: Cell<u64>,
    counted: Cell<u64>,
}

/// All of them.
pub(super) struct Books {
    mount: Box<dyn Fn() -> MemoryTrees>,
    trees: Option<MemoryTrees>,
    groups: Vec<Option<Group>>,
    slots: [HashMap<Vec<u8>, usize>; 2],
    /// How many there have been.
    number: u64,
    now: Moment,
    /// How many sums there have been.
    stamp: Cell<u64>,
    buffer: Vec<u8>,
    paths: Vec<u8>,
}

impl Books {
    pub(super) fn new(mount: Box<dyn Fn() -> MemoryTrees>) -> Self {
        Self {
            mount,
            trees: None,
            groups: Vec::new(),
            slots: [HashMap::new(), HashMap::new()],
            number: 0,
            now: Moment::default(),
            stamp: Cell::new(0),
            buffer: Vec::new(),
            paths: Vec::new(),
        }
    }

    /// Begins a pass: groups that nobody was in during the one before are closed. Passes come once in
    /// `period`; those in between read only some members.
    pub(super) fn open_pass(&mut self, now: Moment, period: Duration) {
        let unused = |group: &mut Group| now.since(group.used) > period + period / 2;
        for group in &mut self.groups {
            if let Some(group) = group.take_if(unused) {
                self.slots[group.tree as usize].remove(&group.path);
            }
        }
        self.now = now;
    }

    /// Whether what is remembered of a member's place still holds: a group that was removed is none, even if
    /// there is another under its path.
    pub(super) fn is_alive(&self, place: Place) -> bool {
        [place.account, place.waiting].into_iter().all(|part| match part {
            Ok(spot) => self.group(spot).is_some_and(|group| group.alive),
            Err(fault) => fault != Fault::GONE,
        })
    }

    /// Looks up where a process is now.
    pub(super) fn find(&mut self, process: &Process) -> Result<Place, Fault> {
        let mut text = std::mem::take(&mut self.paths);
        let found = self.find_in(process, &mut text);
        self.paths = text;
        found
    }

    fn find_in(&mut self, process: &Process, text: &mut Vec<u8>) -> Result<Place, Fault> {
        let cgroups = process.cgroups(text)?;
        let trees = self.trees.get_or_insert_with(&self.mount);
        let (account, waiting) = (trees.account(&cgroups), trees.waiting(&cgroups));
        let mut seat = |part: Option<(Tree, &[u8])>| match part {
            None => Err(Fault::UNSUPPORTED),
            Some((tree, path)) => self.seat(tree, path, 0).map_err(|error| match error {
                // The process is there, so its group is, too: it cannot be seen from here.
                Error::Gone | Error::Denied => Fault::NAMESPACE,
                Error::Malformed(_) | Error::Os(_) => error.into(),
            }),
        };
        let account = seat(account);
        Ok(Place { account, waiting: seat(waiting) })
    }

    /// The group at `path`, with all those above it.
    fn seat(&mut self, tree: Tree, path: &[u8], depth: usize) -> Result<Spot, Error> {
        if depth > DEPTH {
            return Err(Error::Malformed("a cgroup at most 16 deep"));
        }
        let slot = self.slots[tree as usize].get(path).copied();
        if let Some((slot, group)) = slot.and_then(|slot| Some((slot, self.groups.get(slot)?.as_ref()?)))
            && group.alive
        {
            return Ok(Spot { slot, number: group.number });
        }
        let trees = self.trees.get_or_insert_with(&self.mount);
        let files = trees.open(tree, path)?;
        let above = path.iter().rposition(|byte| *byte == b'/').filter(|_| path != b"/");
        let above = above.map(|end| self.seat(tree, if end == 0 { b"/" } else { &path[..end] }, depth + 1));
        let above = above.transpose()?;
        self.number += 1;
        let (number, path) = (self.number, path.to_vec());
        let facts = Facts::new(files, usize::try_from(number).unwrap_or(0));
        let slot = slot.or_else(|| self.groups.iter().position(Option::is_none)).unwrap_or(self.groups.len());
        if slot == self.groups.len() {
            self.groups.push(None);
        }
        self.slots[tree as usize].insert(path.clone(), slot);
        self.groups[slot] = Some(Group {
            number,
            tree,
            path,
            facts,
            above,
            alive: true,
            used: self.now,
            among: Cell::new(0),
            counted: Cell::new(0),
        });
        Ok(Spot { slot, number })
    }

    /// What the cgroups at these places come to: each once, and what is below another of them not at all, for
    /// it counts there. None where there is none.
    pub(super) fn sum(&self, values: impl Iterator<Item = (Place, f64)> + Clone) -> Option<f64> {
        let stamp = self.stamp.get() + 1;
        self.stamp.set(stamp);
        let spots = values.filter_map(|(place, value)| Some((self.account(place)?, value)));
        spots.clone().for_each(|(group, _)| group.among.set(stamp));
        let counts = |group: &Group| {
            let above = std::iter::successors(group.above, |spot| self.group(*spot)?.above);
            group.counted.replace(stamp) != stamp
                && !above.filter_map(|spot| self.group(spot)).any(|group| group.among.get() == stamp)
        };
        spots.filter(|(group, _)| counts(group)).map(|(_, value)| value).reduce(|sum, value| sum + value)
    }

    /// How many groups are kept open.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.groups.iter().flatten().count()
    }

    /// The group that the memory of whoever is at that place was last seen to be charged to.
    fn account(&self, place: Place) -> Option<&Group> {
        let chain = std::iter::successors(self.group(place.account.ok()?), |group| self.group(group.above?));
        chain.into_iter().find(|group| group.facts.is_account())
    }

    fn group(&self, spot: Spot) -> Option<&Group> {
        self.groups.get(spot.slot)?.as_ref().filter(|group| group.number == spot.number)
    }

    /// Somebody is in these groups in this pass, and so in all above.
    pub(super) fn use_all(&mut self, place: Place) {
        for part in [place.account, place.waiting] {
            let mut next = part.ok();
            while let Some(spot) = next {
                let Some(group) = self.groups.get_mut(spot.slot).and_then(Option::as_mut) else { break };
                group.used = self.now;
                next = group.above;
            }
        }
    }

    /// A metric of whoever is at that place.
    pub(super) fn value(&mut self, place: Place, base: Base, when: When) -> Result<f64, Fault> {
        if base == Base::CgroupMemoryPressure {
            let pressure = self.read(place.waiting?, |facts, buffer| facts.pressure(when, buffer))?;
            return pressure.ok_or(Fault::UNSUPPORTED);
        }
        let spot = self.charged(place, when)?;
        if base == Base::CgroupMemoryUsage {
            return self.usage(spot, when);
        }
        if base == Base::CgroupMemoryLimit {
            return self.limit(spot, when);
        }
        let bytes = self.read(spot, |facts, buffer| {
            if base == Base::CgroupWorkingSet {
                return facts.working_set(when, buffer);
            }
            if base == Base::CgroupSwap { facts.swap(when, buffer) } else { facts.current(when, buffer) }
        });
        bytes?.map(|bytes| bytes as f64).ok_or(Fault::UNSUPPORTED)
    }

    /// The group that the memory of a process is charged to: in v2 a group whose controller is off counts
    /// for the one above.
    fn charged(&mut self, place: Place, when: When) -> Result<Spot, Fault> {
        let mut next = Some(place.account?);
        while let Some(spot) = next {
            if self.read(spot, |facts, buffer| facts.current(when, buffer))?.is_some() {
                return Ok(spot);
            }
            next = self.group(spot).and_then(|group| group.above);
        }
        Err(Fault::UNSUPPORTED)
    }

    /// The lowest limit there and above; infinite where there is none.
    fn limit(&mut self, spot: Spot, when: When) -> Result<f64, Fault> {
        let mut lowest = f64::INFINITY;
        self.each_limit(spot, when, &mut |_, _, limit| {
            lowest = lowest.min(limit);
            Ok(())
        })?;
        Ok(lowest)
    }

    /// The share of the limit that is hit first, there or above.
    fn usage(&mut self, spot: Spot, when: When) -> Result<f64, Fault> {
        let mut highest: Option<f64> = None;
        self.each_limit(spot, when, &mut |books, spot, limit| {
            let used = books.read(spot, |facts, buffer| facts.working_set(when, buffer))?;
            // With a limit of 0 the first byte is one too many.
            let share = used.ok_or(Fault::UNSUPPORTED)? as f64 / limit.max(1.0);
            highest = Some(highest.map_or(share, |highest| highest.max(share)));
            Ok(())
        })?;
        highest.ok_or(Fault::UNSUPPORTED)
    }

    fn each_limit(&mut self, spot: Spot, when: When, each: &mut EachLimit<'_>) -> Result<(), Fault> {
        // A limit changes hardly ever.
        let seldom = When { every: when.seldom, ..when };
        let mut next = Some(spot);
        while let Some(spot) = next {
            if let Some(limit) = self.read(spot, |facts, buffer| facts.limit(seldom, buffer))? {
                each(self, spot, limit as f64)?;
            }
            next = self.group(spot).and_then(|group| group.above);
        }
        Ok(())
    }

    fn read<T>(
        &mut self,
        spot: Spot,
        read: impl FnOnce(&mut Facts, &mut Vec<u8>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let group = self.groups.get_mut(spot.slot).and_then(Option::as_mut);
        let group = group.filter(|group| group.number == spot.number).ok_or(Fault::GONE)?;
        let value = read(&mut group.facts, &mut self.buffer);
        group.alive &= !value.as_ref().is_err_and(|fault| *fault == Fault::GONE);
        value
    }
}

/// What is done with each group that has a limit.
type EachLimit<'a> = dyn FnMut(&mut Books, Spot, f64) -> Result<(), Fault> + 'a;
