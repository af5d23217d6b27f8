//! The list of `/proc`: all processes, or only those with some numbers.
//!
//! The kernel lists processes by number and leaves out mere threads. The place of each in the folder is its number
//! and a constant (`proc_pid_readdir` in fs/proc/base.c: `ctx->pos = iter.tgid + TGID_OFFSET`), so whoever
//! begins at a place gets those from a number on, at the cost of those alone: a whole list takes 1 to 1.5 us
//! a process. No kernel has promised that. So the constant is taken from a whole list, in which each entry
//! says the place of the next, and where one of them is elsewhere, all lists are whole ones.

use std::mem::MaybeUninit;
use std::ops::{ControlFlow, RangeInclusive};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, Mode, RawDir, SeekFrom};
use rustix::path::DecInt;

use super::super::Error;
use super::super::digits::number;
use super::super::source::{LIST, read_file};
use super::Proc;
use crate::model::Pid;

/// Room for the entries of a whole list that come at once.
const MANY: usize = 8192;
/// The same where the list ends somewhere: what the kernel has put there behind that was for nothing.
const FEW: usize = 512;

/// How far the place of an entry is behind its number; known from the first whole list on, none where that differs.
pub(super) type Distance = OnceLock<Option<u64>>;

/// By which a process is known again from outside: while its folder in `/proc` has the same inode, its number
/// stands for the same process. The kernel gives the folder of another process another inode; and that of the
/// same one, once it had forgotten the folder (`proc_pid_make_inode`, `pid_revalidate` in fs/proc/base.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    inode: u64,
}

/// An entry of the list.
#[derive(Clone, Copy)]
struct Listed {
    number: u64,
    inode: u64,
    place: u64,
}

impl Proc {
    /// All numbers that a process can have.
    pub const NUMBERS: RangeInclusive<u64> = 0..=u64::MAX;

    /// The numbers of all processes that can be seen, in place of what was in `pids`, ascending.
    pub fn pids(&self, pids: &mut Vec<Pid>) -> Result<(), Error> {
        let mut marked = Vec::new();
        self.marked(&Self::NUMBERS, &mut marked)?;
        pids.clear();
        pids.extend(marked.into_iter().map(|(pid, _)| pid));
        Ok(())
    }

    /// All processes with one of `numbers` that can be seen, in place of what was in `marked`, ascending. The list
    /// says what [`Proc::mark`] says, at no further call (`proc_fill_cache` in fs/proc/base.c).
    pub fn marked(&self, numbers: &RangeInclusive<u64>, marked: &mut Vec<(Pid, Mark)>) -> Result<(), Error> {
        marked.clear();
        let mut take = |entry: Listed| {
            let pid = i32::try_from(entry.number).ok().and_then(Pid::new);
            marked
                .extend(pid.filter(|_| numbers.contains(&entry.number)).map(|pid| (pid, Mark { inode: entry.inode })));
        };
        if let Some(place) = self.place(numbers) {
            entries(self.root.as_fd(), place, &mut [MaybeUninit::uninit(); FEW], &mut |entry| {
                take(entry);
                if entry.number < *numbers.end() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        } else {
            self.whole(&mut take)?;
        }
        marked.sort_unstable_by_key(|(pid, _)| *pid);
        Ok(())
    }

    /// Where the list of `numbers` begins; none where all are meant, or where that cannot be told.
    fn place(&self, numbers: &RangeInclusive<u64>) -> Option<u64> {
        let distance = self.distance.get().copied().flatten().filter(|_| *numbers != Self::NUMBERS)?;
        numbers.start().checked_add(distance)
    }

    /// Calls `take` with every entry, and learns how far they are behind their numbers.
    fn whole(&self, take: &mut dyn FnMut(Listed)) -> Result<(), Error> {
        let (mut least, mut most, mut count) = (u64::MAX, 0, 0_usize);
        entries(self.root.as_fd(), 0, &mut [MaybeUninit::uninit(); MANY], &mut |entry| {
            let distance = entry.place.wrapping_sub(entry.number);
            (least, most, count) = (least.min(distance), most.max(distance), count + 1);
            take(entry);
            ControlFlow::Continue(())
        })?;
        // One entry alone shows nothing.
        self.distance.get_or_init(|| (count > 1 && least == most).then_some(least));
        Ok(())
    }

    /// Whether a list of some numbers costs those alone.
    #[cfg(test)]
    pub(crate) fn lists_by_number(&self) -> bool {
        self.distance.get().copied().flatten().is_some()
    }

    /// The number that the last new process or thread was given (`/proc/loadavg`, last field): while
    /// it stands still, nothing was forked.
    pub fn last_pid(&self, buffer: &mut Vec<u8>) -> Result<u64, Error> {
        read_file(self.root.as_fd(), c"loadavg", buffer)?;
        let last = buffer.trim_ascii_end().rsplit(|byte| *byte == b' ').next();
        last.and_then(number).ok_or(Error::Malformed("/proc/loadavg that ends in the last pid"))
    }

    /// What can be told of a number in one call, without a look at the process. None if it is not there.
    pub fn mark(&self, pid: Pid) -> Option<Mark> {
        let stat = rustix::fs::statat(&self.root, DecInt::new(pid.get()), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Mark { inode: stat.st_ino })
    }
}

/// Calls `visit` with the processes of the list from the place `from` on, until it has enough of them.
fn entries(
    root: BorrowedFd<'_>,
    from: u64,
    space: &mut [MaybeUninit<u8>],
    visit: &mut dyn FnMut(Listed) -> ControlFlow<()>,
) -> Result<(), Error> {
    let folder = rustix::fs::openat(root, c".", LIST, Mode::empty())?;
    rustix::fs::seek(&folder, SeekFrom::Start(from))?;
    let mut place = from;
    let mut entries = RawDir::new(&folder, space);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if let Some(number) = number(entry.file_name().to_bytes())
            && visit(Listed { number, inode: entry.ino(), place }).is_break()
        {
            break;
        }
        place = entry.next_entry_cookie();
    }
    Ok(())
}
