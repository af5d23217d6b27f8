//! One look at one process: whose it is, and what must be known about it.

use std::sync::Arc;

use super::super::containers::{Place, in_container};
use super::super::facts::{Facts, is_anchored};
use super::super::known::Known;
use super::super::pidfiles::Says;
use super::super::selector::{holds_cheaply, holds_slowly, is_slow};
use super::super::trouble::Trouble;
use super::super::view::View;
use super::{Scanner, Scope};
use crate::config::Container;
use crate::kernel::{Entry, Error, Process};
use crate::model::{Moment, Pid};

impl Scanner {
    /// Looks at one process, whoever it is now.
    pub(super) fn look(&mut self, pid: Pid, scope: &Scope) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        // Taken before the look: what changes meanwhile shows as another mark.
        let mark = self.proc.mark(pid);
        // After an exec in the middle of a look, the next one sees the new program whole.
        for _ in 0..3 {
            match self.proc.entry(pid).and_then(|entry| self.look_at(entry, &mut buffer, scope)) {
                Ok(Looked::Changed) => continue,
                Ok(Looked::Done) => {}
                // The next list or rescan has it again if that was not the end of it.
                Err(Error::Gone) => {
                    self.known.remove(&pid);
                    self.given.miss(pid, scope.hears);
                }
                // Unknown is not gone: it stays what it was, and is looked at again.
                Err(error) => self.postpone(pid, error, scope.now),
            }
            break;
        }
        self.buffer = buffer;
        if let Some(known) = self.known.get_mut(&pid) {
            known.mark = mark;
        }
    }

    /// Asks every target about the process in `entry`, and holds it if one wants it.
    fn look_at(&mut self, entry: Entry, buffer: &mut Vec<u8>, scope: &Scope) -> Result<Looked, Error> {
        let pid = entry.pid();
        let mut view = View::new(&entry, buffer)?;
        // A pidfile may name it, or it has the number of somebody who ended unheard.
        if view.stat.is_thread {
            self.known.remove(&pid);
            return Ok(Looked::Done);
        }
        if view.stat.is_exiting() {
            return Err(Error::Gone);
        }
        let known = self.known.remove(&pid).filter(|known| known.is_still(&view.stat));
        let mut known = known.unwrap_or_else(|| Known::new(pid, &view.stat, self.config.targets.len()));
        known.note(&view.stat, scope.now, scope.is_full());
        self.match_all(&mut known, &mut view)?;
        let looked = if known.is_wanted() && known.held.is_none() {
            self.hold(entry, &mut known, buffer)
        } else {
            Ok(Looked::Done)
        };
        if looked != Err(Error::Gone) {
            self.young.extend(known.is_young(scope.now).then(|| (pid, scope.again(&known))));
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
            match Facts::of(view, &self.own, known.execs.clone()) {
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
    fn postpone(&mut self, pid: Pid, error: Error, now: Moment) {
        if is_passing(error) {
            if let Some(known) = self.known.get_mut(&pid) {
                known.unsure = true;
            }
            self.young.push((pid, now));
        }
    }
}

/// Where the process is in a container, if it is in that one; a place of root's before others.
fn place<'a>(view: &'a mut View<'_>, container: &Container) -> Result<Option<Place<'a>>, Error> {
    let places = view.cgroups()?.iter().filter_map(|path| in_container(path, container));
    Ok(places.max_by_key(|place| place.roots))
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
