//! The other source of bytes: the kernel's, of which one read goes wrong. For tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::io::Errno;

use super::cgroup_memory::{GroupFile, GroupSource};
use super::host::{HostFile, HostFiles, HostOs, HostSource};
use super::source::{File, Link, NetTable, Os, Source};
use super::{Entry, Error, Proc, Process};
use crate::model::Pid;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is no more.
    Gone,
    /// The right was taken away.
    Denied,
    /// A part of the text.
    Truncated,
    /// No text.
    Emptied,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Gone, Self::Denied, Self::Truncated, Self::Emptied];
}

/// Which read goes wrong, counted over everything that shares the plan.
#[derive(Debug)]
pub(crate) struct Plan {
    fault: Fault,
    at: usize,
    /// Whose reads count; none for everybody's.
    pid: Option<Pid>,
    paused: AtomicBool,
    reads: AtomicUsize,
}

impl Plan {
    /// `fault` at the read number `at`, counted from 0, and at no other.
    pub(crate) fn new(fault: Fault, at: usize) -> Arc<Self> {
        Self::counting(fault, at, None)
    }

    /// The same, of the reads of one process.
    pub(crate) fn of(pid: Pid, fault: Fault, at: usize) -> Arc<Self> {
        Self::counting(fault, at, Some(pid))
    }

    fn counting(fault: Fault, at: usize, pid: Option<Pid>) -> Arc<Self> {
        Arc::new(Self { fault, at, pid, paused: AtomicBool::new(false), reads: AtomicUsize::new(0) })
    }

    /// Reads until `resume` do not count.
    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// Counts again.
    pub(crate) fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Whether it is about this process.
    pub(crate) fn is_about(&self, pid: Pid) -> bool {
        self.pid.is_none_or(|only| only == pid)
    }

    /// Whether the read that was to go wrong was reached.
    pub(crate) fn struck(&self) -> bool {
        self.reads.load(Ordering::Relaxed) > self.at
    }

    fn next(&self) -> Option<Fault> {
        if self.paused.load(Ordering::Relaxed) {
            return None;
        }
        (self.reads.fetch_add(1, Ordering::Relaxed) == self.at).then_some(self.fault)
    }
}

impl Process {
    /// The process `pid`, of which the planned read fails. Reads to open it count.
    pub(crate) fn open_faulty(pid: Pid, plan: &Arc<Plan>) -> Result<Self, Error> {
        let proc = Proc::live()?.with_faults(plan.clone());
        let entry: Entry = proc.entry(pid)?;
        Self::hold(entry, proc.boot())
    }
}

/// The kernel, with a plan.
pub(crate) struct Faulty {
    kernel: Os,
    plan: Arc<Plan>,
}

impl Faulty {
    pub(crate) const fn new(kernel: Os, plan: Arc<Plan>) -> Self {
        Self { kernel, plan }
    }

    /// Does `read`, then what the plan says to its text.
    fn text(&self, buffer: &mut Vec<u8>, read: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<(), Error> {
        match self.plan.next() {
            Some(Fault::Gone) => return Err(Error::Gone),
            Some(Fault::Denied) => return Err(Error::Denied),
            Some(Fault::Truncated) => {
                read(buffer)?;
                buffer.truncate(buffer.len() / 2);
            }
            Some(Fault::Emptied) => buffer.clear(),
            None => read(buffer)?,
        }
        Ok(())
    }
}

impl HostFiles {
    /// The files of the host, of which the planned read fails.
    pub(crate) fn faulty(plan: &Arc<Plan>) -> Self {
        Self::over(Box::new(FaultyHost { kernel: HostOs::default(), plan: plan.clone() }))
    }

    /// Files that say what `text` says of each; none where it is missing.
    pub(crate) fn saying(text: impl FnMut(HostFile) -> Option<String> + 'static) -> Self {
        Self::over(Box::new(Saying(text)))
    }
}

struct FaultyHost {
    kernel: HostOs,
    plan: Arc<Plan>,
}

impl HostSource for FaultyHost {
    fn read(&mut self, file: HostFile, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        match self.plan.next() {
            Some(Fault::Gone) => return Err(Errno::NOENT),
            Some(Fault::Denied) => return Err(Errno::ACCESS),
            Some(Fault::Truncated) => {
                self.kernel.read(file, buffer)?;
                // What is used of them may stand in the first half.
                buffer.truncate(8);
            }
            Some(Fault::Emptied) => buffer.clear(),
            None => self.kernel.read(file, buffer)?,
        }
        Ok(())
    }
}

struct Saying<T>(T);

impl<T: FnMut(HostFile) -> Option<String>> HostSource for Saying<T> {
    fn read(&mut self, file: HostFile, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        buffer.clear();
        buffer.extend_from_slice(self.0(file).ok_or(Errno::NOENT)?.as_bytes());
        Ok(())
    }
}

impl Source for Faulty {
    fn read(&self, file: File, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.text(buffer, |buffer| self.kernel.read(file, buffer))
    }

    fn link(&self, link: Link, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.text(buffer, |buffer| self.kernel.link(link, buffer))
    }

    fn folder(&self) -> Result<std::os::fd::OwnedFd, Error> {
        match self.plan.next() {
            Some(Fault::Gone) => Err(Error::Gone),
            Some(Fault::Denied) => Err(Error::Denied),
            Some(Fault::Truncated | Fault::Emptied) => Err(Error::Os(libc::EIO)),
            None => self.kernel.folder(),
        }
    }

    fn count_fds(&self) -> Result<u64, Error> {
        match self.plan.next() {
            Some(Fault::Gone) => Err(Error::Gone),
            Some(Fault::Denied) => Err(Error::Denied),
            // A folder is neither cut nor emptied under a live process; it fails.
            Some(Fault::Truncated | Fault::Emptied) => Err(Error::Os(libc::EIO)),
            None => self.kernel.count_fds(),
        }
    }

    fn fd_links(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        match self.plan.next() {
            Some(Fault::Gone) => Err(Error::Gone),
            Some(Fault::Denied) => Err(Error::Denied),
            Some(Fault::Truncated | Fault::Emptied) => Err(Error::Os(libc::EIO)),
            None => self.kernel.fd_links(visit),
        }
    }

    fn net_inode(&self, table: NetTable) -> Result<u64, Error> {
        match self.plan.next() {
            Some(Fault::Gone) => Err(Error::Gone),
            Some(Fault::Denied) => Err(Error::Denied),
            Some(Fault::Truncated | Fault::Emptied) => Err(Error::Os(libc::EIO)),
            None => self.kernel.net_inode(table),
        }
    }

    fn net_table(
        &self,
        table: NetTable,
        buffer: &mut Vec<u8>,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.plan.next() {
            Some(Fault::Gone) => Err(Error::Gone),
            Some(Fault::Denied) => Err(Error::Denied),
            // Within a line, wherever that is.
            Some(Fault::Truncated) => visit(b"  sl  local_address rem_address   st tx_queue\n   0: 0100007F:1F"),
            Some(Fault::Emptied) => Ok(()),
            None => self.kernel.net_table(table, buffer, visit),
        }
    }
}

/// A group, with a plan.
pub(crate) struct FaultyGroup {
    kernel: Box<dyn GroupSource>,
    plan: Arc<Plan>,
}

impl FaultyGroup {
    pub(crate) const fn new(kernel: Box<dyn GroupSource>, plan: Arc<Plan>) -> Self {
        Self { kernel, plan }
    }
}

impl GroupSource for FaultyGroup {
    fn read(&mut self, file: GroupFile, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        match self.plan.next() {
            Some(Fault::Gone) => return Err(Errno::NODEV),
            Some(Fault::Denied) => return Err(Errno::ACCESS),
            Some(Fault::Truncated) => {
                self.kernel.read(file, buffer)?;
                buffer.truncate(buffer.len() / 2);
            }
            Some(Fault::Emptied) => buffer.clear(),
            None => self.kernel.read(file, buffer)?,
        }
        Ok(())
    }
}
