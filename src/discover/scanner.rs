//! One scan: who is there, who is new, who changed, and what of that the watch loop must hear.
//!
//! Everybody is looked at at the start, every `rescan`, and when events were lost. In between only
//! those are who can have changed: those that the kernel tells of, or, where it does not, new processes
//! while it gives out numbers; young ones (a fork that is to exec looks like its parent); newcomers in
//! the cgroups and pidfiles of targets. A look reads cmdline and exe once an exec. While nothing
//! happens to anybody, a round with events costs one call, however many processes there are; a rescan with
//! events, but for each tenth, makes no call about bystanders who were there before.

mod given;
mod look;

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Change;
use super::cidfiles::Cidfiles;
use super::ears::Ears;
use super::facts::Own;
use super::groups::Groups;
use super::known::Known;
use super::news::News;
use super::pidfiles::Pidfiles;
use super::relate::relate;
use super::trouble::{Trouble, Troubles};
use crate::config::Config;
use crate::kernel::{Error, Mark, Proc, Process, fd_limit, resolved};
use crate::model::{Moment, Pid};
use given::{Given, Numbers, number};

/// Where events are lost all the time, everybody is looked at no more often than this, and in between
/// `/proc` is listed as if there were none.
const BREATH: Duration = Duration::from_secs(5);

/// With events, a rescan passes over whoever looks the same from outside; but each so manieth does not.
const THOROUGH: u32 = 10;

/// Descriptors kept for everything but held processes: sixty that are always open, and the looks themselves.
const RESERVE: u64 = 64;

/// Kept beside that for who asks; under a narrow limit fewer, for whoever is watched comes first.
const ASKING: u64 = 32;

/// Everything that is remembered from scan to scan.
pub(super) struct Scanner {
    config: Arc<Config>,
    proc: Proc,
    own: Own,
    known: HashMap<Pid, Known>,
    pidfiles: Pidfiles,
    cidfiles: Cidfiles,
    groups: Groups,
    /// What `match.exe` of each target leads to now.
    exes: Vec<Option<PathBuf>>,
    troubles: Troubles,
    ears: Ears,
    /// Events were lost, and not everybody was looked at since.
    missed: bool,
    /// When that was last made good.
    caught_up: Option<Moment>,
    crowded: bool,
    /// Whom to look at again, and when.
    young: Vec<(Pid, Moment)>,
    given: Given,
    last_full: Option<Moment>,
    /// How many rescans may still pass over somebody before one does not.
    superficial: u32,
    /// How many processes may be held. With one too many, all of them would lose their readings.
    room: usize,
    buffer: Vec<u8>,
    /// How often somebody was looked at.
    #[cfg(test)]
    pub(super) looks: usize,
    /// How often everybody was listed.
    #[cfg(test)]
    pub(super) lists: usize,
}

/// What one scan is about.
struct Scope {
    now: Moment,
    reach: Reach,
    /// Whether the kernel tells who is new.
    hears: bool,
    /// Whom to look at.
    look: Vec<Pid>,
}

/// Whom a scan looks at beside those that it was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nobody,
    /// Whoever does not look the same from outside.
    Changed,
    Everybody,
}

impl Scope {
    fn is_full(&self) -> bool {
        self.reach != Reach::Nobody
    }

    /// When a process is looked at again that may still become another one. Where its execs are told,
    /// only arguments and cgroup change unheard, and that soon: each time when it is twice as old.
    fn again(&self, known: &Known) -> Moment {
        if self.hears && !known.unsure { self.now + known.age(self.now) } else { self.now }
    }
}

impl Scanner {
    /// For one scan.
    pub(super) fn new(config: Arc<Config>) -> Result<Self, Error> {
        Ok(Self::over(config, Proc::live()?))
    }

    /// For many, by events where they are to be had; they come to the calling thread.
    pub(super) fn listening(config: Arc<Config>) -> Result<Self, Error> {
        let proc = Proc::live()?;
        let ears = Ears::of_kernel(&proc);
        Ok(Self { ears, ..Self::over(config, proc) })
    }

    /// Over some `/proc`, which may be a test's.
    pub(super) fn over(config: Arc<Config>, proc: Proc) -> Self {
        Self {
            own: Own::look(&proc),
            groups: Groups::of(&config),
            pidfiles: Pidfiles::default(),
            cidfiles: Cidfiles::default(),
            exes: Vec::new(),
            known: HashMap::new(),
            troubles: Troubles::default(),
            ears: Ears::default(),
            missed: false,
            caught_up: None,
            crowded: false,
            young: Vec::new(),
            given: Given::default(),
            last_full: None,
            superficial: 0,
            room: room(fd_limit()),
            buffer: Vec::new(),
            #[cfg(test)]
            looks: 0,
            #[cfg(test)]
            lists: 0,
            config,
            proc,
        }
    }

    /// Hears `ears` from now on.
    #[cfg(test)]
    pub(super) fn listen_to(&mut self, ears: Ears) {
        self.ears = ears;
    }

    #[cfg(test)]
    pub(super) fn knows(&self, pid: Pid) -> bool {
        self.known.contains_key(&pid)
    }

    /// Scans and adds what changed. A process that goes while it is looked at is simply not there; one
    /// that cannot be read stays what it was.
    pub(super) fn scan(&mut self, now: Moment, changes: &mut Vec<Change>) {
        // Whoever is in the container that a cidfile names now may have been seen long ago.
        let renamed = self.cidfiles.refresh(&self.config, &mut self.troubles);
        let mut scope = Scope { now, reach: Reach::Nobody, hears: false, look: Vec::new() };
        let mut vanished = self.hear(&mut scope);
        if renamed || self.is_full_due(now) {
            self.refresh();
            let changed = scope.hears && !self.missed && !renamed && self.may_pass_over();
            scope.reach = if changed { Reach::Changed } else { Reach::Everybody };
        }
        let full = scope.is_full();
        self.pidfiles.refresh(&self.config, &mut self.troubles, &mut scope.look);
        let newcomers = self.newcomers(&mut scope);
        self.groups.refresh(full || (newcomers.is_some() && !scope.hears), &mut scope.look);
        let listed = newcomers.map_or(Some(false), |numbers| self.list(&numbers, &mut scope));
        vanished |= listed == Some(true);
        if scope.reach == Reach::Changed {
            self.doubt(&mut scope);
        }
        scope.look.extend(self.young.extract_if(.., |(_, due)| *due <= now).map(|(pid, _)| pid));
        scope.look.sort_unstable();
        scope.look.dedup();
        for pid in &scope.look {
            self.look(*pid, &scope);
        }
        if vanished || !scope.look.is_empty() {
            relate(&self.config, &mut self.known, &mut self.troubles, changes);
        }
        self.troubles.say(full, changes);
        changes.extend(self.ears.way().map(Change::Way));
        if full {
            self.last_full = Some(now);
            if std::mem::replace(&mut self.missed, listed.is_none()) {
                self.caught_up = Some(now);
            }
            self.ears.test();
        }
    }

    /// Whether the next scan should come soon: there is more to hear than was expected.
    pub(super) const fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// How long there is nothing to scan for unless something can be read here; none where only scans show it.
    pub(super) fn is_told(&self, now: Moment) -> Option<(BorrowedFd<'_>, Duration)> {
        let told = self.ears.descriptor().filter(|_| !self.missed)?;
        let selectors = || self.config.targets.iter().map(|target| &target.selector);
        let by_file = selectors().any(|selector| selector.pidfile.is_some() || selector.cidfile.is_some());
        if by_file || !self.groups.is_empty() {
            return None;
        }
        let rescan = self.last_full? + self.config.daemon.rescan;
        let due = self.young.iter().map(|(_, due)| *due).fold(rescan, Moment::min);
        Some((told, due.since(now)))
    }

    fn is_full_due(&self, now: Moment) -> bool {
        let is_over = |last: Option<Moment>, pause| last.is_none_or(|last| now.since(last) >= pause);
        is_over(self.last_full, self.config.daemon.rescan) || self.missed && is_over(self.caught_up, BREATH)
    }

    /// Takes the kernel's events: adds to `scope.look` whom they are about, and forgets who ended. Says
    /// whether somebody was forgotten that others depend on.
    fn hear(&mut self, scope: &mut Scope) -> bool {
        let mut news = News::default();
        let Some(drained) = self.ears.hear(&self.proc, &mut news) else {
            self.crowded = false;
            return false;
        };
        scope.hears = true;
        self.missed |= drained.lost;
        self.crowded = drained.crowded;
        let mut vanished = false;
        for pid in news.ended {
            // One that we hold and that lives has lost only its main thread.
            if self.known.get(&pid).is_some_and(|known| !known.holds_living()) {
                vanished |= self.known.remove(&pid).is_some_and(|known| known.concerns());
            }
        }
        for (pid, execs) in news.seen {
            if let Some(known) = self.known.get_mut(&pid) {
                known.exec(execs);
            }
            scope.look.push(pid);
        }
        vanished
    }

    /// Whether this rescan may pass over those of whom the kernel has told nothing since they were looked at.
    /// It tells of forks, execs, new users and names, and the groups of targets are looked through anyway; that
    /// somebody was moved into a container which nobody knew shows only in a look.
    fn may_pass_over(&mut self) -> bool {
        let selectors = || self.config.targets.iter().map(|target| &target.selector);
        if selectors().any(|selector| selector.container.is_some() || selector.cidfile.is_some()) {
            return false;
        }
        let may = self.superficial > 0;
        self.superficial = if may { self.superficial - 1 } else { THOROUGH - 1 };
        may
    }

    /// What is looked up again only when everybody is.
    fn refresh(&mut self) {
        self.own = Own::look(&self.proc);
        self.groups.find(&self.config, &self.cidfiles);
        let targets = self.config.targets.iter();
        self.exes = targets.map(|target| target.selector.exe.as_deref().and_then(resolved)).collect();
        self.given.hidden = self.proc.hides_others();
        if self.given.hidden {
            self.troubles.note(Trouble::hidden());
        }
    }

    /// Lists who has one of `numbers`: adds to `scope.look` who is new, and forgets who is not there any more. Says
    /// whether somebody was forgotten; none where `/proc` cannot be listed.
    fn list(&mut self, numbers: &Numbers, scope: &mut Scope) -> Option<bool> {
        #[cfg(test)]
        {
            self.lists += usize::from(*numbers == Proc::NUMBERS);
        }
        let mut marked = Vec::new();
        if let Err(error) = self.proc.marked(numbers, &mut marked) {
            self.troubles.note(Trouble::no_proc(error));
            self.given.forget();
            return None;
        }
        let before = self.known.len();
        let is_listed = |pid: &Pid| marked.binary_search_by_key(pid, |(pid, _)| *pid).is_ok();
        // One that we hold and that lives has only become invisible.
        let stays =
            |pid: &Pid, known: &Known| !numbers.contains(&number(*pid)) || is_listed(pid) || known.holds_living();
        self.known.retain(|pid, known| stays(pid, known));
        let is_due = |(pid, mark): &(Pid, Mark)| {
            let Some(known) = self.known.get(pid) else { return true };
            match scope.reach {
                Reach::Nobody => known.holds_dead(),
                Reach::Changed => known.mark != Some(*mark),
                Reach::Everybody => true,
            }
        };
        scope.look.extend(marked.iter().filter(|one| is_due(one)).map(|(pid, _)| pid));
        Some(self.known.len() != before)
    }

    /// Adds to `scope.look` who is known but may have changed without a word.
    fn doubt(&mut self, scope: &mut Scope) {
        let buffer = &mut self.buffer;
        let doubtful = self.known.iter().filter(|(_, known)| known.unsure || known.may_be_another(buffer));
        scope.look.extend(doubtful.map(|(pid, _)| pid));
    }
}

/// How many processes a limit of descriptors leaves room for.
fn room(limit: Option<u64>) -> usize {
    // Under a very narrow one some are better watched than nobody.
    let left = limit.map(|limit| limit - RESERVE.min(limit / 4 * 3));
    let room = left.map(|left| (left - ASKING.min(left / 32)) / Process::DESCRIPTORS);
    room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX)
}
