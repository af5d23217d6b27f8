//! What is remembered of one process from scan to scan, so that it need not be read again.

use std::sync::Arc;
use std::time::Duration;

use super::{Change, Execs, Facts, Found};
use crate::kernel::{Comm, Error, Mark, Process, Stat, started};
use crate::model::{Moment, Pid};

/// A process younger than this is looked at in every scan: it may be about to exec, to change its
/// user, to be moved to its cgroup or to give itself another command line.
const YOUNG: Duration = Duration::from_secs(5);

/// One process that was seen.
pub(super) struct Known {
    pub(super) pid: Pid,
    pub(super) start_ticks: u64,
    pub(super) ppid: i32,
    /// As it was just before it was last looked at.
    pub(super) mark: Option<Mark>,
    /// Which program, as far as can be told.
    program: (Option<u64>, Comm),
    /// As the kernel tells of them.
    pub(super) execs: Execs,
    /// Something could not be read: look again.
    pub(super) unsure: bool,
    /// From the first match on.
    pub(super) held: Option<Arc<Process>>,
    pub(super) facts: Option<Facts>,
    /// One for each target.
    targets: Vec<State>,
}

/// What is known of a process and a target.
#[derive(Clone, Default)]
struct State {
    /// Whether exe and cmdline hold; none until read for this program.
    slow: Option<bool>,
    matches: bool,
    anchored: bool,
    /// The whole id of the container that a target means by a part of it, where only root can have made it.
    container: Option<Box<[u8]>>,
    /// What the watch loop was told last.
    told: Option<Facts>,
}

impl Known {
    pub(super) fn new(pid: Pid, stat: &Stat, targets: usize) -> Self {
        Self {
            pid,
            start_ticks: stat.start_ticks,
            ppid: stat.ppid,
            mark: None,
            program: program(stat),
            execs: Execs::default(),
            unsure: false,
            held: None,
            facts: None,
            targets: vec![State::default(); targets],
        }
    }

    /// Whether `stat` can be of the same process.
    pub(super) fn is_still(&self, stat: &Stat) -> bool {
        self.start_ticks == stat.start_ticks && !self.holds_dead()
    }

    /// Whether `stat` shows the program that was matched.
    pub(super) fn is_program(&self, stat: &Stat) -> bool {
        self.program == program(stat)
    }

    pub(super) fn is_young(&self, now: Moment) -> bool {
        self.unsure || self.age(now) < YOUNG
    }

    /// Takes what a look at `stat` shows. What was read of exe and cmdline counts no more where there
    /// was an exec, or may have been one that the kernel hides.
    pub(super) fn note(&mut self, stat: &Stat, now: Moment, full: bool) {
        let may_hide_exec = stat.exec_generation.is_none() && full;
        if !self.is_program(stat) || self.is_young(now) || may_hide_exec {
            self.targets.iter_mut().for_each(|state| state.slow = None);
        }
        self.program = program(stat);
        self.ppid = stat.ppid;
        self.unsure = false;
    }

    /// The kernel told of `count` execs: what was read of exe and cmdline counts no more, and whoever
    /// has facts of it hears that they are old.
    pub(super) fn exec(&mut self, count: u32) {
        if count > 0 {
            self.execs.add(count);
            self.targets.iter_mut().for_each(|state| state.slow = None);
        }
    }

    /// How long it has been there.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(started(self.start_ticks))
    }

    /// Whether exe and cmdline hold for a target: as remembered, or as `read` says now.
    pub(super) fn slowly(&mut self, target: usize, read: impl FnOnce() -> Result<bool, Error>) -> Result<bool, Error> {
        let Some(state) = self.targets.get_mut(target) else { return Ok(false) };
        match state.slow {
            Some(holds) => Ok(holds),
            None => Ok(*state.slow.insert(read()?)),
        }
    }

    pub(super) fn set_matches(&mut self, target: usize, matches: bool) {
        if let Some(state) = self.targets.get_mut(target) {
            state.matches = matches;
        }
    }

    pub(super) fn set_anchored(&mut self, target: usize, anchored: bool) {
        if let Some(state) = self.targets.get_mut(target) {
            state.anchored = anchored;
        }
    }

    pub(super) fn set_container(&mut self, target: usize, id: Option<&[u8]>) {
        if let Some(state) = self.targets.get_mut(target)
            && state.container.as_deref() != id
        {
            state.container = id.map(Into::into);
        }
    }

    pub(super) fn container(&self, target: usize) -> Option<&[u8]> {
        self.targets.get(target).filter(|state| state.matches)?.container.as_deref()
    }

    pub(super) fn matches(&self, target: usize) -> bool {
        self.targets.get(target).is_some_and(|state| state.matches)
    }

    pub(super) fn is_anchored(&self, target: usize) -> bool {
        self.targets.get(target).is_some_and(|state| state.anchored)
    }

    /// Whether any target matches it.
    pub(super) fn is_wanted(&self) -> bool {
        self.targets.iter().any(|state| state.matches)
    }

    /// Whether the watch loop has something to hear or was told something.
    pub(super) fn concerns(&self) -> bool {
        self.targets.iter().any(|state| state.matches || state.told.is_some())
    }

    /// Whether somebody who is watched has changed in a way that nothing told of, or cannot be told to be the same.
    /// Of who is nobody's that is not looked for.
    pub(super) fn may_be_another(&self, buffer: &mut Vec<u8>) -> bool {
        let is_same = |stat: &Stat| !stat.is_exiting() && self.is_program(stat) && self.ppid == stat.ppid;
        let looks_the_same = |held: &Arc<Process>| held.stat(buffer).is_ok_and(|stat| is_same(&stat));
        self.concerns() && !self.held.as_ref().is_some_and(looks_the_same)
    }

    pub(super) fn holds_dead(&self) -> bool {
        self.held.as_ref().is_some_and(|process| process.has_exited())
    }

    pub(super) fn holds_living(&self) -> bool {
        self.held.as_ref().is_some_and(|process| !process.has_exited())
    }

    /// Tells what changed: `seats` is what is to be known for each target, none where it is no member.
    pub(super) fn tell(&mut self, seats: Vec<Option<Facts>>, changes: &mut Vec<Change>) {
        let Some(process) = self.held.clone() else { return };
        for ((target, state), facts) in (0..).zip(&mut self.targets).zip(seats) {
            match (&state.told, &facts) {
                (before, Some(facts)) if before.as_ref() != Some(facts) => {
                    changes.push(Change::Found(Found { target, process: process.clone(), facts: facts.clone() }));
                }
                (Some(_), None) => changes.push(Change::Lost { target, identity: process.identity() }),
                _ => {}
            }
            state.told = facts;
        }
        if !self.concerns() {
            self.held = None;
            self.facts = None;
        }
    }
}

fn program(stat: &Stat) -> (Option<u64>, Comm) {
    (stat.exec_generation, stat.comm)
}
