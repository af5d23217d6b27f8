//! Descriptors kept for the moment when there are none left.
//!
//! A measure is due just when its process has eaten them up: the last look at a process, the state file and a
//! command need some, and on a host without any (ENFILE), or under our own limit (EMFILE), there would be none.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// As many as an order needs: the looks at a process one after the other, the state file, a command's pipes.
const COUNT: usize = 8;

/// Those of the loop: they are held until they are lent, and taken again when there are some.
#[derive(Debug, Default)]
pub struct Reserve {
    held: Vec<OwnedFd>,
}

/// Whether the loop has lent some that it does not have back.
static LENT: AtomicBool = AtomicBool::new(false);

impl Reserve {
    /// Takes what is missing, as far as it can be had; then what is missing of those for evidence.
    pub fn refill(&mut self) {
        while self.held.len() < COUNT {
            match nothing() {
                Ok(descriptor) => self.held.push(descriptor),
                Err(_) => return,
            }
        }
        LENT.store(false, Ordering::SeqCst);
        // Whoever has them now does that himself: the loop does not wait for him.
        if let Ok(mut aside) = ASIDE.try_lock() {
            aside.refill();
        }
    }

    /// Gives them back, for whoever needs one now.
    pub fn lend(&mut self) {
        LENT.store(true, Ordering::SeqCst);
        self.held.clear();
    }
}

/// A descriptor that stands for nothing, and costs a file of the host's.
fn nothing() -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// Those of whoever looks at a process beside the loop, for evidence. The loop comes first: who looks at a process opens
/// in the place of one of these, and what he has read is kept in that place, so that neither takes one that was lent.
struct Aside {
    held: Vec<OwnedFd>,
    /// How many have all of them at the moment.
    away: usize,
}

static ASIDE: Mutex<Aside> = Mutex::new(Aside { held: Vec::new(), away: 0 });

impl Aside {
    fn now() -> MutexGuard<'static, Self> {
        ASIDE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is missing, as far as it can be had, but not while the loop has lent its own: one that was taken in
    /// that very moment is given back, so that it is never more than one.
    fn refill(&mut self) {
        while self.away == 0 && self.held.len() < COUNT && !LENT.load(Ordering::SeqCst) {
            match nothing() {
                Ok(descriptor) if !LENT.load(Ordering::SeqCst) => self.held.push(descriptor),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// Opens something in the place of one of them, if there is one left.
pub(super) fn open_aside<E>(open: impl FnOnce() -> Result<OwnedFd, E>) -> Result<OwnedFd, E> {
    let place = Aside::now().held.pop();
    drop(place);
    let opened = open();
    if opened.is_err() {
        Aside::now().refill();
    }
    opened
}

/// Keeps what was opened in the place of one of them, whatever it stands for: closed and taken anew, others could have
/// it in between. Only for files of `/proc`, which cost nobody anything.
pub(super) fn keep_aside(opened: OwnedFd) {
    let mut aside = Aside::now();
    if aside.away == 0 && aside.held.len() < COUNT {
        aside.held.push(opened);
    }
}

/// Gives all of them back for as long as `work` takes, which opens several at a time: what starts a child, or writes.
pub fn lend_aside<T>(work: impl FnOnce() -> T) -> T {
    let mut aside = Aside::now();
    aside.away += 1;
    aside.held.clear();
    drop(aside);
    let done = work();
    let mut aside = Aside::now();
    aside.away -= 1;
    aside.refill();
    done
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::*;

    fn can_open() -> bool {
        nothing().is_ok()
    }

    /// Takes what there is: numbers are given out from the lowest, so that none is left below the limit.
    fn use_up() -> Vec<OwnedFd> {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(128), ..limit }).unwrap();
        let others = std::iter::from_fn(|| nothing().ok()).collect();
        assert!(!can_open());
        others
    }

    #[test]
    fn what_is_lent_can_be_opened_when_nothing_else_can() {
        let mut reserve = Reserve::default();
        reserve.refill();
        assert_eq!(reserve.held.len(), COUNT);
        let others = use_up();
        reserve.lend();
        assert!(can_open());
        reserve.refill();
        assert!(!can_open());
        drop(others);
        assert!(can_open());
    }

    #[test]
    fn evidence_has_its_own_and_never_takes_what_the_loop_has_lent() {
        let mut reserve = Reserve::default();
        reserve.refill();
        let others = use_up();
        for _ in 0..3 {
            let opened: Vec<OwnedFd> = std::iter::from_fn(|| open_aside(nothing).ok()).collect();
            assert_eq!(opened.len(), COUNT);
            opened.into_iter().for_each(keep_aside);
            assert!(!can_open(), "what was read is kept in its place");
        }
        assert!(lend_aside(can_open) && !can_open(), "they are taken back");
        let lent_twice = lend_aside(|| {
            lend_aside(|| ());
            can_open()
        });
        assert!(lent_twice && !can_open(), "nobody takes them back before all are done with them");

        reserve.lend();
        assert!(open_aside(|| Err::<OwnedFd, _>(Errno::NOENT)).is_err());
        assert_eq!(Aside::now().held.len(), COUNT - 1);
        lend_aside(|| ());
        assert!(Aside::now().held.is_empty());
        let taken: Vec<OwnedFd> = std::iter::from_fn(|| nothing().ok()).take(COUNT).collect();
        reserve.refill();
        assert_eq!((reserve.held.len(), Aside::now().held.len()), (COUNT, 0), "the loop comes first");
        drop(taken);
        reserve.refill();
        assert_eq!(Aside::now().held.len(), COUNT);
        assert!(!can_open());
        drop(others);
    }
}
