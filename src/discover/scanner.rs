//! One scan: who is there, who is new, who changed, and what of that the watch loop must hear.
//!
//! Everybody is looked at twice a minute. In between only those are who can have changed: new
//! processes while the kernel gives out numbers, young ones (a fork that is to exec looks like its
//! parent), newcomers in the cgroups and pidfiles of targets. A look reads cmdline and exe once an exec.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Change;
use super::cidfiles::Cidfiles;
use super::containers::{Place, in_container};
use super::facts::{Facts, Own, is_anchored};
use super::groups::Groups;
use super::known::Known;
use super::pidfiles::{Pidfiles, Says};
use super::relate::relate;
use super::selector::{holds_cheaply, holds_slowly, is_slow};
use super::trouble::{Trouble, Troubles};
use super::view::View;
use crate::config::{Config, Container};
use crate::kernel::{Entry, Error, Proc, Process, fd_limit, resolved};
use crate::model::{Moment, Pid};

/// Between two looks at everybody.
const FULL: Duration = Duration::from_secs(30);

/// Descriptors kept for everything but held processes: the looks themselves, the sockets, the log.
const RESERVE: u64 = 64;

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
    /// Whom every scan looks at.
    young: Vec<Pid>,
    last_pid: Option<u64>,
    last_full: Option<Moment>,
    /// How many processes may be held. With one too many, all of them would lose their readings.
    room: usize,
    buffer: Vec<u8>,
}

/// What one scan is about.
struct Scope {
    now: Moment,
    full: bool,
    /// Whom to look at.
    look: Vec<Pid>,
}

impl Scanner {
    pub(super) fn new(config: Arc<Config>) -> Result<Self, Error> {
        Ok(Self::over(config, Proc::live()?))
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
            young: Vec::new(),
            last_pid: None,
            last_full: None,
            room: room(fd_limit()),
            buffer: Vec::new(),
            config,
            proc,
        }
    }

    /// Scans and adds what changed. A process that goes while it is looked at is simply not there; one
    /// that cannot be read stays what it was.
    pub(super) fn scan(&mut self, now: Moment, changes: &mut Vec<Change>) {
        // Whoever is in the container that a cidfile names now may have been seen long ago.
        let renamed = self.cidfiles.refresh(&self.config, &mut self.troubles);
        let full = renamed || self.last_full.is_none_or(|last| now.since(last) >= FULL);
        let mut scope = Scope { now, full, look: Vec::new() };
        if full {
            self.refresh();
        }
        self.pidfiles.refresh(&self.config, &mut self.troubles, &mut scope.look);
        let forked = self.forked();
        self.groups.refresh(forked || full, &mut scope.look);
        let vanished = if forked || full { self.list(&mut scope) } else { false };
        scope.look.append(&mut self.young);
        scope.look.sort_unstable();
        scope.look.dedup();
        for pid in &scope.look {
            self.look(*pid, &scope);
        }
        if vanished || !scope.look.is_empty() {
            relate(&self.config, &mut self.known, &mut self.troubles, changes);
        }
        self.troubles.say(full, changes);
        if full {
            self.last_full = Some(now);
        }
    }

    /// What is looked up again only when everybody is.
    fn refresh(&mut self) {
        self.own = Own::look(&self.proc);
        self.groups.find(&self.config, &self.cidfiles);
        let targets = self.config.targets.iter();
        self.exes = targets.map(|target| target.selector.exe.as_deref().and_then(resolved)).collect();
        if self.proc.hides_others() {
            self.troubles.note(Trouble::hidden());
        }
    }

    /// Whether there may be new processes.
    fn forked(&mut self) -> bool {
        let last = self.proc.last_pid(&mut self.buffer).ok();
        let forked = last.is_none() || last != self.last_pid;
        self.last_pid = last;
        forked
    }

    /// Lists `/proc`: adds to `scope.look` who is new, and forgets who is not there any more. Says
    /// whether somebody was forgotten.
    fn list(&mut self, scope: &mut Scope) -> bool {
        let mut pids = Vec::new();
        if let Err(error) = self.proc.pids(&mut pids) {
            self.troubles.note(Trouble::no_proc(error));
            self.last_pid = None;
            return false;
        }
        let before = self.known.len();
        // One that we hold and that lives has only become invisible.
        self.known.retain(|pid, known| pids.binary_search(pid).is_ok() || known.holds_living());
        let known = &self.known;
        let is_due = |pid: &Pid| scope.full || known.get(pid).is_none_or(Known::holds_dead);
        scope.look.extend(pids.into_iter().filter(is_due));
        self.known.len() != before
    }

    /// Looks at one process, whoever it is now.
    fn look(&mut self, pid: Pid, scope: &Scope) {
        let mut buffer = std::mem::take(&mut self.buffer);
        // After an exec in the middle of a look, the next one sees the new program whole.
        for _ in 0..3 {
            match self.proc.entry(pid).and_then(|entry| self.look_at(entry, &mut buffer, scope)) {
                Ok(Looked::Changed) => continue,
                Ok(Looked::Done) => {}
                // The next list has it again if that was not the end of it.
                Err(Error::Gone) => {
                    self.known.remove(&pid);
                    self.last_pid = None;
                }
                // Unknown is not gone: it stays what it was, and is looked at again.
                Err(error) => self.postpone(pid, error),
            }
            break;
        }
        self.buffer = buffer;
    }

    /// Asks every target about the process in `entry`, and holds it if one wants it.
    fn look_at(&mut self, entry: Entry, buffer: &mut Vec<u8>, scope: &Scope) -> Result<Looked, Error> {
        let pid = entry.pid();
        let mut view = View::new(&entry, buffer)?;
        if view.stat.is_exiting() {
            return Err(Error::Gone);
        }
        let known = self.known.remove(&pid).filter(|known| known.is_still(&view.stat));
        let mut known = known.unwrap_or_else(|| Known::new(pid, &view.stat, self.config.targets.len()));
        known.note(&view.stat, scope.now, scope.full);
        self.match_all(&mut known, &mut view)?;
        let looked = if known.is_wanted() && known.held.is_none() {
            self.hold(entry, &mut known, buffer)
        } else {
            Ok(Looked::Done)
        };
        if looked != Err(Error::Gone) {
            self.young.extend(known.is_young(scope.now).then_some(pid));
            self.known.insert(pid, known);
        }
        looked
    }

    /// Only that it is gone is an error: what cannot be told now stays as it was.
    fn match_all(&mut self, known: &mut Known, view: &mut View<'_>) -> Result<(), Error> {
        let config = self.config.clone();
        for (index, target) in config.targets.iter().enumerate() {
            match self.matches(index, known, view) {
                Ok(matches) => known.set_matches(index, matches),
                Err(Error::Gone) => return Err(Error::Gone),
                Err(error) => {
                    known.unsure |= is_passing(error);
                    if error == Error::Denied && target.selector.exe.is_some() {
                        self.troubles.note(Trouble::exe(number(index), target, error));
                    }
                }
            }
        }
        if known.is_wanted() {
            match Facts::of(view, &self.own) {
                Ok(facts) => known.facts = Some(facts),
                Err(Error::Gone) => return Err(Error::Gone),
                Err(_) => known.unsure = true,
            }
        }
        Ok(())
    }

    fn matches(&mut self, index: usize, known: &mut Known, view: &mut View<'_>) -> Result<bool, Error> {
        let config = self.config.clone();
        let Some(target) = config.targets.get(index) else { return Ok(false) };
        let Some(by_file) = self.by_file(index, known, view)? else { return Ok(false) };
        if !holds_cheaply(&target.selector, view)? {
            return Ok(false);
        }
        if is_slow(&target.selector) {
            let resolved = self.exes.get(index).and_then(Option::as_deref);
            if !known.slowly(index, || holds_slowly(&target.selector, resolved, view))? {
                return Ok(false);
            }
        }
        let place = target.selector.container.as_ref().map_or(Ok(None), |container| place(view, container))?;
        let roots = place.filter(|place| place.roots);
        known.set_anchored(index, is_anchored(&target.selector, by_file || roots.is_some()));
        known.set_container(index, roots.and_then(|place| place.id));
        Ok(true)
    }

    /// What the files say that somebody wrote for a target: none where they mean others, else whether
    /// only root can have meant this process.
    fn by_file(&mut self, index: usize, known: &Known, view: &mut View<'_>) -> Result<Option<bool>, Error> {
        let Some(target) = self.config.targets.get(index) else { return Ok(None) };
        let mut by_root = false;
        if target.selector.pidfile.is_some() {
            match self.pidfiles.says(index, known.pid, known.start_ticks) {
                Says::Yes { roots } => by_root |= roots,
                Says::No => return Ok(None),
                Says::Stale => {
                    self.troubles.note(Trouble::stale(number(index), target, known.pid));
                    return Ok(None);
                }
            }
        }
        if target.selector.cidfile.is_some() {
            let Some(noted) = self.cidfiles.of(index) else { return Ok(None) };
            let Some(place) = place(view, &noted.container)? else { return Ok(None) };
            by_root |= noted.roots && place.roots;
        }
        Ok(Some(by_root))
    }

    /// Opens the pidfd of the very process that was matched, and makes sure that it is still the same
    /// program.
    fn hold(&mut self, entry: Entry, known: &mut Known, buffer: &mut Vec<u8>) -> Result<Looked, Error> {
        if self.known.values().filter(|other| other.held.is_some()).count() >= self.room {
            self.troubles.note(Trouble::full(self.room));
            return Ok(Looked::Done);
        }
        let process = Process::hold(entry, self.proc.boot())?;
        if !known.is_program(&process.stat(buffer)?) {
            return Ok(Looked::Changed);
        }
        known.held = Some(Arc::new(process));
        Ok(Looked::Done)
    }

    /// Sees to it that a process that could not be read is looked at again soon.
    fn postpone(&mut self, pid: Pid, error: Error) {
        if is_passing(error) {
            match self.known.get_mut(&pid) {
                Some(known) => {
                    known.unsure = true;
                    self.young.push(pid);
                }
                // Not known yet: only a list brings it up again.
                None => self.last_pid = None,
            }
        }
    }
}

/// Where the process is in a container, if it is in that one; a place of root's before others.
fn place<'a>(view: &'a mut View<'_>, container: &Container) -> Result<Option<Place<'a>>, Error> {
    let places = view.cgroups()?.iter().filter_map(|path| in_container(path, container));
    Ok(places.max_by_key(|place| place.roots))
}

/// How many processes a limit of descriptors leaves room for.
fn room(limit: Option<u64>) -> usize {
    let room = limit.map(|limit| limit.saturating_sub(RESERVE) / Process::DESCRIPTORS);
    room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX)
}

/// Whether the next look may go better: a right that is missing now will be missing then.
const fn is_passing(error: Error) -> bool {
    matches!(error, Error::Os(_) | Error::Malformed(_))
}

/// The index of a target as changes carry it; a configuration has far fewer.
fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Done,
    /// It became another program meanwhile.
    Changed,
}
