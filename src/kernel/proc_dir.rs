//! `/proc` as a whole, and the folder of one process in it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode};
use rustix::param::page_size;

use super::digits::{number, words};
use super::net_tcp::TcpLines;
use super::sock_diag::Socket;
use super::source::{Counting, FOLDER, File, Link, NetTable, Os, Source, exists};
use super::{Cgroups, Error, Process, Stat, Status, boot_id, max_open_files, own_pid, resident_pages};
use crate::model::{BootId, Identity, Pid};

mod list;

use list::Distance;
pub use list::Mark;

/// Inodes of the first namespaces, fixed in the kernel (linux/proc_ns.h).
const PROC_PID_INIT_INO: u64 = 0xEFFF_FFFC;
const PROC_USER_INIT_INO: u64 = 0xEFFF_FFFD;

/// `/proc`, held open.
pub struct Proc {
    root: OwnedFd,
    boot: BootId,
    counting: Counting,
    distance: Distance,
    #[cfg(test)]
    plan: Option<std::sync::Arc<super::faulty::Plan>>,
}

impl Proc {
    /// The live one. It must show our own pid namespace: numbers of another one would name other
    /// processes than `pidfd_open` does.
    pub fn live() -> Result<Self, Error> {
        let root = rustix::fs::openat(CWD, c"/proc", FOLDER, Mode::empty())?;
        let mut space = [std::mem::MaybeUninit::uninit(); 16];
        let (own, _) = rustix::fs::readlinkat_raw(&root, c"self", &mut space)?;
        let pid = u64::try_from(own_pid().get()).unwrap_or(0);
        if number(own) != Some(pid) {
            return Err(Error::Malformed("/proc of the pid namespace that the daemon runs in"));
        }
        Ok(Self::at(root, boot_id()?, Counting::of_kernel()))
    }

    fn at(root: OwnedFd, boot: BootId, counting: Counting) -> Self {
        Self {
            root,
            boot,
            counting,
            distance: Distance::new(),
            #[cfg(test)]
            plan: None,
        }
    }

    /// A copy of some `/proc` in a folder: readable, but without processes behind it.
    #[cfg(test)]
    pub(crate) fn captured(root: &std::path::Path) -> Result<Self, Error> {
        let root = rustix::fs::openat(CWD, root, FOLDER, Mode::empty())?;
        Ok(Self::at(root, BootId(1), Counting::Entries))
    }

    /// The live one, counting descriptors as on a kernel before 6.2.
    #[cfg(test)]
    pub(crate) fn before_6_2(self) -> Self {
        Self { counting: Counting::Entries, ..self }
    }

    /// With every read counted, and the planned one failing.
    #[cfg(test)]
    pub(crate) fn with_faults(self, plan: std::sync::Arc<super::faulty::Plan>) -> Self {
        Self { plan: Some(plan), ..self }
    }

    /// The boot it belongs to.
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    /// Whether others' processes are hidden from us (mount option `hidepid`): everybody else sees pid 1.
    pub fn hides_others(&self) -> bool {
        !exists(self.root.as_fd(), c"1/stat")
    }

    /// Whether every process of the host can be seen here, so that who is not seen is not there: no
    /// `hidepid`, and the first pid namespace.
    pub fn shows_everybody(&self) -> bool {
        self.is_own(Link::PidNamespace, b"pid:[", PROC_PID_INIT_INO) && !self.hides_others()
    }

    /// Whether the daemon is in the first pid and user namespace, the host's own.
    pub fn is_of_first_namespaces(&self) -> bool {
        self.is_own(Link::PidNamespace, b"pid:[", PROC_PID_INIT_INO)
            && self.is_own(Link::UserNamespace, b"user:[", PROC_USER_INIT_INO)
    }

    fn is_own(&self, link: Link, prefix: &[u8], inode: u64) -> bool {
        let mut text = Vec::new();
        let own = self.entry(own_pid()).and_then(|own| own.source.link(link, &mut text));
        own.is_ok() && bracketed(&text, prefix) == Some(inode)
    }

    /// The folder of one process.
    pub fn entry(&self, pid: Pid) -> Result<Entry, Error> {
        let dir = rustix::fs::openat(&self.root, pid.to_string(), FOLDER, Mode::empty())?;
        let os = Os::new(dir, self.counting);
        #[cfg(test)]
        if let Some(plan) = self.plan.as_ref().filter(|plan| plan.is_about(pid)) {
            return Ok(Entry { pid, source: Box::new(super::faulty::Faulty::new(os, plan.clone())) });
        }
        Ok(Entry { pid, source: Box::new(os) })
    }

    /// One process, held open.
    pub fn open(&self, pid: Pid) -> Result<Process, Error> {
        Process::hold(self.entry(pid)?, self.boot)
    }

    /// The process of that identity, held open; [`Error::Gone`] where it is no more, whoever has its
    /// number now.
    pub fn reopen(&self, identity: Identity) -> Result<Process, Error> {
        let process = self.open(identity.pid)?;
        if process.identity() == identity { Ok(process) } else { Err(Error::Gone) }
    }
}

/// The folder of one process, pinned: what is read here is of one and the same process, or
/// [`Error::Gone`].
pub struct Entry {
    pid: Pid,
    source: Box<dyn Source>,
}

impl Entry {
    /// The number by which it was opened.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// `/proc/PID/stat`, of zombies too.
    pub fn stat(&self, buffer: &mut Vec<u8>) -> Result<Stat, Error> {
        self.source.read(File::Stat, buffer)?;
        Stat::parse(filled(buffer)?)
    }

    /// `/proc/PID/status`. A process without memory of its own is a kernel thread or dead: never
    /// one that uses none.
    pub fn status(&self, buffer: &mut Vec<u8>) -> Result<Status, Error> {
        self.read(File::Status, buffer)?;
        let status = Status::parse(filled(buffer)?)?;
        if status.rss.is_none() {
            self.without_memory(buffer)?;
        }
        Ok(status)
    }

    /// Its memory that is not swapped out, in bytes, by `/proc/PID/statm`; none for a kernel thread.
    pub fn resident(&self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        self.read(File::Statm, buffer)?;
        match resident_pages(filled(buffer)?)? {
            None => self.without_memory(buffer).map(|()| None),
            Some(pages) => {
                let bytes = u64::try_from(page_size()).ok().and_then(|size| pages.checked_mul(size));
                bytes.map(Some).ok_or(Error::Malformed("/proc/PID/statm with pages that can be counted in bytes"))
            }
        }
    }

    /// Who has no memory is a kernel thread, or it is an error that says why.
    fn without_memory(&self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        if self.live_stat(buffer)?.is_kernel_thread() {
            return Ok(());
        }
        Err(Error::Malformed("the memory of a process whose main thread lives"))
    }

    /// Its number in the innermost pid namespace that it is in, where that is another one than ours
    /// (`NSpid`, Linux 4.1).
    pub fn inner_pid(&self, buffer: &mut Vec<u8>) -> Result<Option<Pid>, Error> {
        self.read(File::Status, buffer)?;
        let mut lines = filled(buffer)?.split(|byte| *byte == b'\n');
        let pids =
            lines.find_map(|line| line.strip_prefix(b"NSpid:")).ok_or(Error::Malformed("a status with NSpid"))?;
        let inner = words(pids).skip(1).last();
        let pid = inner.map(|pid| number(pid).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::new));
        pid.map(|pid| pid.ok_or(Error::Malformed("a status with numbers in NSpid"))).transpose()
    }

    /// The number of the process that it is a thread of: its own, unless it is no process.
    pub(crate) fn leader(&self, buffer: &mut Vec<u8>) -> Result<Pid, Error> {
        self.read(File::Status, buffer)?;
        let mut lines = filled(buffer)?.split(|byte| *byte == b'\n');
        let leader = lines.find_map(|line| line.strip_prefix(b"Tgid:")).and_then(|text| number(words(text).next()?));
        let leader = leader.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::new);
        leader.ok_or(Error::Malformed("a status with Tgid"))
    }

    /// Its folder once more, opened to be read: what a signal can go through.
    pub(crate) fn folder(&self) -> Result<OwnedFd, Error> {
        self.source.folder()
    }

    /// `/proc/PID/cgroup`.
    pub fn cgroups<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<Cgroups<'a>, Error> {
        self.read(File::Cgroup, buffer)?;
        Cgroups::parse(filled(buffer)?)
    }

    /// Soft limit of descriptors; none is unlimited. Changes seldom and costs far more than to
    /// count them.
    pub fn max_fds(&self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        self.read(File::Limits, buffer)?;
        max_open_files(filled(buffer)?)
    }

    /// Number of open descriptors.
    pub fn open_fds(&self) -> Result<u64, Error> {
        match self.source.count_fds()? {
            // A zombie has none either; a live process may have closed all of its own.
            0 => self.live_stat(&mut Vec::new()).map(|_| 0),
            count => Ok(count),
        }
    }

    /// Calls `visit` with the inode of every socket among its descriptors, twice for one that is
    /// held twice. Needs the right to trace the process, and takes 2 to 3 us a descriptor.
    pub fn socket_inodes(&self, visit: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let mut empty = true;
        self.source.fd_links(&mut |target| {
            empty = false;
            if let Some(inode) = bracketed(target, b"socket:[") {
                visit(inode);
            }
        })?;
        if empty {
            self.live_stat(&mut Vec::new())?;
        }
        Ok(())
    }

    /// The path of its program, as the kernel prints it (` (deleted)` behind a replaced one). Needs
    /// the right to trace the process.
    pub fn exe<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Error> {
        self.source.link(Link::Exe, buffer)?;
        filled(buffer)
    }

    /// Its arguments, each ended by a 0 byte; at most 128 KiB of them; empty for a kernel thread.
    ///
    /// Not for the loop: it touches the memory of the process and may wait for it to come back from swap.
    pub fn cmdline<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Error> {
        self.source.read(File::Cmdline, buffer)?;
        if buffer.is_empty() {
            self.live_stat(&mut Vec::new())?;
        }
        Ok(buffer)
    }

    /// A number that its network namespace shares with no other one that is there now: the inode of
    /// the namespace's own `net/tcp`, which unlike `ns/net` everybody may look at. The kernel numbers
    /// what it registers in /proc from one pool (`proc_alloc_inum`), for each namespace anew.
    pub fn net_namespace(&self) -> Result<u64, Error> {
        self.unless_missing(self.source.net_inode(NetTable::Tcp))
    }

    /// Calls `visit` with each TCP socket of its network namespace, of both families. Needs no right;
    /// for what it costs and what may be missing see [`TcpLines`].
    pub fn tcp_sockets(&self, buffer: &mut Vec<u8>, visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        let mut lines = TcpLines::default();
        let mut read = |table| {
            self.source.net_table(table, buffer, &mut |piece| lines.take(piece, visit))?;
            lines.end()
        };
        let four = read(NetTable::Tcp);
        self.unless_missing(four)?;
        match read(NetTable::Tcp6) {
            // A kernel without IPv6, or one where it was switched off.
            Err(Error::Gone) => self.live_stat(&mut Vec::new()).map(drop),
            six => six,
        }
    }

    /// Its stat, if it lives: has a main thread that has not ended.
    fn live_stat(&self, buffer: &mut Vec<u8>) -> Result<Stat, Error> {
        let stat = self.stat(buffer)?;
        if stat.is_exiting() {
            // The main thread may end long before the others do; then its files and memory cannot
            // be seen here, but the process is there.
            let others = stat.threads > 1;
            return Err(if others { Error::Malformed("a process whose main thread lives") } else { Error::Gone });
        }
        Ok(stat)
    }

    fn read(&self, file: File, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.unless_missing(self.source.read(file, buffer))
    }

    /// A file that a live process does not have is missing from this kernel, not a sign of death.
    fn unless_missing<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        read.map_err(|error| {
            let missing = error == Error::Gone && self.live_stat(&mut Vec::new()).is_ok();
            if missing { Error::MISSING } else { error }
        })
    }
}

/// An emptied file is that of a process that just went.
fn filled(buffer: &[u8]) -> Result<&[u8], Error> {
    if buffer.is_empty() { Err(Error::Gone) } else { Ok(buffer) }
}

/// The number in `PREFIX[NUMBER]`.
fn bracketed(text: &[u8], prefix: &[u8]) -> Option<u64> {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(b"]")).and_then(number)
}
