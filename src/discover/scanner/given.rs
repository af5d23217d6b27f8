//! The numbers that were given out of late: whoever came without a word has one of them.
//!
//! To list everybody takes 1 to 1.5 us a process, and there is hardly a host on which nobody is started for half a
//! minute. Where the kernel tells of forks, a rescan lists nobody but those with the numbers that were given since
//! the one before: [`Proc::marked`] does it at no cost for all others. The kernel gives numbers ascending, to
//! threads as well (`alloc_pid` in kernel/pid.c: `idr_alloc_cyclic`), and says which was the last
//! (`loadavg_proc_show` in fs/proc/loadavg.c: the cursor less one). It gives one before its owner can be seen
//! (`copy_process` in kernel/fork.c), so each is asked for by two rescans.
//!
//! Everybody is listed where the last number is not known or lower than before, and where not everybody can be seen,
//! for then somebody may come out with any number. Left to the rescan that looks at everybody are numbers that
//! somebody chose (`clone3` with `set_tid`, `ns_last_pid`), a host that gives out all numbers there are between two
//! rescans, and bystanders who ended unheard; a member's end shows in what it is held by.

use std::collections::BTreeSet;
use std::mem::take;
use std::ops::RangeInclusive;

use super::{Reach, Scanner, Scope};
use crate::kernel::Proc;
use crate::model::Pid;

/// Numbers of processes, from one to another.
pub(super) type Numbers = RangeInclusive<u64>;

/// What is remembered of the numbers that were given out.
#[derive(Default)]
pub(super) struct Given {
    /// The last one when it was asked for last, and the time before.
    last: Option<u64>,
    before: Option<u64>,
    /// Not everybody can be seen.
    pub(super) hidden: bool,
    /// Who was gone in a look, which may not have been the end of it; given no later than `last`.
    gone: BTreeSet<Pid>,
}

impl Given {
    /// Takes the last number that was given. Whether it is another one than before, or cannot be told.
    fn moved(&mut self, last: Option<u64>) -> bool {
        self.before = std::mem::replace(&mut self.last, last);
        last.is_none() || last != self.before
    }

    /// The same. Who may have been given a number that nobody has asked for twice.
    fn since(&mut self, last: Option<u64>) -> Option<Numbers> {
        let earlier = self.before;
        let moved = self.moved(last);
        if self.hidden {
            return moved.then_some(Proc::NUMBERS);
        }
        let (Some(before), Some(last)) = (self.before, last) else { return Some(Proc::NUMBERS) };
        let from = earlier.unwrap_or(before);
        // All numbers up to the highest were given out, and it begins anew with low ones.
        if before < from || last < before {
            return Some(Proc::NUMBERS);
        }
        (from < last).then(|| from + 1..=last)
    }

    /// The next time everybody is to be listed.
    pub(super) const fn forget(&mut self) {
        self.last = None;
    }

    /// Somebody was gone in a look. Where nothing is heard everybody is listed for it in the next scan.
    pub(super) fn miss(&mut self, pid: Pid, hears: bool) {
        if !hears {
            self.forget();
        } else if self.last.is_some_and(|last| number(pid) <= last) {
            self.gone.insert(pid);
        }
    }
}

impl Scanner {
    /// Whom to list; none where nobody can be new. Adds to `scope.look` who only seemed to be gone.
    pub(super) fn newcomers(&mut self, scope: &mut Scope) -> Option<Numbers> {
        match (scope.reach, scope.hears) {
            (Reach::Nobody, true) => return self.missed.then_some(Proc::NUMBERS),
            (Reach::Everybody, false) => return Some(Proc::NUMBERS),
            _ => {}
        }
        let last = self.proc.last_pid(&mut self.buffer).ok();
        let gone = take(&mut self.given.gone);
        match scope.reach {
            Reach::Everybody => {
                self.given.moved(last);
                Some(Proc::NUMBERS)
            }
            // While no number was given out since the last list, another would show nobody new.
            Reach::Nobody => (self.given.moved(last) || !gone.is_empty()).then_some(Proc::NUMBERS),
            Reach::Changed => {
                scope.look.extend(gone.iter().filter(|pid| self.is_another(**pid)));
                self.given.since(last)
            }
        }
    }

    /// Takes `last` for the last number that was given out.
    #[cfg(test)]
    pub(in super::super) fn given_up_to(&mut self, last: u64) {
        self.given = Given { last: Some(last), ..Given::default() };
    }

    /// As if the number of `pid` had another owner since it was looked at.
    #[cfg(test)]
    pub(in super::super) fn forget_mark(&mut self, pid: Pid) {
        self.known.get_mut(&pid).unwrap().mark = None;
    }

    /// Whether somebody is there who is not known.
    fn is_another(&self, pid: Pid) -> bool {
        let mark = self.proc.mark(pid);
        mark.is_some() && mark != self.known.get(&pid).and_then(|known| known.mark)
    }
}

/// As the kernel counts them.
pub(super) fn number(pid: Pid) -> u64 {
    u64::from(pid.get().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(earlier: Option<u64>, before: Option<u64>) -> Given {
        Given { last: before, before: earlier, ..Given::default() }
    }

    #[test]
    fn each_number_is_asked_for_twice() {
        let mut given = given(None, Some(10));
        assert_eq!(given.since(Some(20)), Some(11..=20));
        assert_eq!(given.since(Some(30)), Some(11..=30));
        assert_eq!(given.since(Some(30)), Some(21..=30));
        assert_eq!(given.since(Some(30)), None);
        assert_eq!(given.since(Some(31)), Some(31..=31));
    }

    #[test]
    fn everybody_is_asked_for_where_numbers_do_not_tell() {
        for (before, last) in [(None, Some(20)), (Some(20), None), (Some(20), Some(19)), (None, None)] {
            assert_eq!(given(None, before).since(last), Some(Proc::NUMBERS), "{before:?} {last:?}");
        }
        let mut wrapped = given(Some(500), Some(30_000));
        assert_eq!(wrapped.since(Some(400)), Some(Proc::NUMBERS), "the highest was come to");
        assert_eq!(wrapped.since(Some(410)), Some(Proc::NUMBERS), "for the second time");
        assert_eq!(wrapped.since(Some(420)), Some(401..=420));
        wrapped.forget();
        assert_eq!(wrapped.since(Some(430)), Some(Proc::NUMBERS));
        assert_eq!(wrapped.since(Some(440)), Some(431..=440));
    }

    #[test]
    fn somebody_hidden_may_come_out_with_any_number() {
        let mut given = Given { hidden: true, ..given(None, Some(10)) };
        assert_eq!(given.since(Some(20)), Some(Proc::NUMBERS));
        assert_eq!(given.since(Some(20)), None);
    }

    #[test]
    fn who_was_gone_is_asked_for_once_more_unless_its_number_is_anyway() {
        let pid = |number| Pid::new(number).unwrap();
        let mut given = given(None, Some(10));
        for number in [9, 10, 11] {
            given.miss(pid(number), true);
        }
        assert_eq!(given.gone, BTreeSet::from([pid(9), pid(10)]));
        given.miss(pid(9), false);
        assert_eq!(given.last, None, "where nothing is heard, everybody is");
    }
}
