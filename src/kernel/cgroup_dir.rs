//! One cgroup, held open: who is in it, and the files of v2 that stop, let go and end all of them at
//! once (the kernel's `Documentation/admin-guide/cgroup-v2.rst`).

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::retry_on_intr;

use super::digits::{number, words};
use super::source::{FOLDER, each_folder, read_file};
use super::{Cgroups, Error, Process};
use crate::model::Pid;

/// Groups within groups deeper than this are not looked at, and not more of them than that: whoever
/// may make groups could make thousands to keep the loop busy.
const DEPTH: usize = 16;
const MOST_GROUPS: usize = 256;

/// Which tree of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hierarchy {
    /// v2.
    Unified,
    /// v1 as systemd keeps it: it tells who belongs together, and can do nothing about them.
    Systemd,
    /// v1 of the memory controller.
    Memory,
}

impl Hierarchy {
    /// The path of a process in this tree.
    pub(super) const fn path<'a>(self, cgroups: &Cgroups<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Unified => cgroups.unified,
            Self::Systemd => cgroups.systemd,
            Self::Memory => cgroups.memory,
        }
    }
}

/// One group. The descriptor pins it: one made anew under the same path is another.
#[derive(Debug)]
pub struct Cgroup {
    folder: OwnedFd,
    hierarchy: Hierarchy,
    path: Vec<u8>,
    inode: u64,
}

impl Cgroup {
    /// The group at `path` below the root of a mounted tree.
    pub(super) fn open(mount: &OwnedFd, hierarchy: Hierarchy, path: &[u8]) -> Result<Self, Error> {
        // Whoever is outside our cgroup namespace has a path that leads out of it.
        if path.split(|byte| *byte == b'/').any(|name| name == b"..") {
            return Err(Error::Malformed("a cgroup inside the cgroup namespace of the daemon"));
        }
        let place = CString::new([b".", path].concat()).map_err(|_| Error::Malformed("the path of a cgroup"))?;
        let folder = rustix::fs::openat(mount, place, FOLDER, Mode::empty())?;
        let inode = rustix::fs::fstat(&folder)?.st_ino;
        Ok(Self { folder, hierarchy, path: path.to_vec(), inode })
    }

    /// Its folder.
    pub(super) const fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// Its path from the root of our cgroup namespace, as in `/proc/PID/cgroup`.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Whether it holds everybody who is in no other.
    pub fn is_root(&self) -> bool {
        self.path == b"/"
    }

    /// Its number in v2, by which a socket names the group that it was made in (`INET_DIAG_CGROUP_ID`).
    pub const fn id(&self) -> u64 {
        self.inode
    }

    /// Whether both are one and the same: never true of two groups within a boot.
    pub fn is(&self, other: &Self) -> bool {
        (self.hierarchy, self.inode) == (other.hierarchy, other.inode)
    }

    /// Whether `process` is in it, or in a group below.
    pub fn holds(&self, process: &Process, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        let cgroups = process.cgroups(buffer)?;
        let rest = self.hierarchy.path(&cgroups).and_then(|path| path.strip_prefix(&*self.path));
        Ok(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || self.is_root()))
    }

    /// The processes in it and in all groups below.
    ///
    /// # Errors
    /// [`Error::Gone`] where the group was removed; anything else where not all of them can be told.
    pub fn pids(&self, buffer: &mut Vec<u8>) -> Result<Vec<Pid>, Error> {
        let mut pids = Vec::new();
        self.add_pids(b".", buffer, &mut pids)?;
        let mut ask = self.below(b".")?;
        let mut groups = 0;
        while let Some(place) = ask.pop() {
            groups += 1;
            let depth = place.iter().filter(|byte| **byte == b'/').count();
            if depth > DEPTH || groups > MOST_GROUPS {
                return Err(Error::Malformed("a cgroup with at most 256 groups below it, 16 deep"));
            }
            match self.add_pids(&place, buffer, &mut pids) {
                // A threaded group: its processes are listed in the group above.
                Ok(()) | Err(Error::Os(libc::EOPNOTSUPP)) => ask.extend(self.below(&place)?),
                Err(Error::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pids)
    }

    fn add_pids(&self, place: &[u8], buffer: &mut Vec<u8>, pids: &mut Vec<Pid>) -> Result<(), Error> {
        let name = CString::new([place, b"/cgroup.procs"].concat()).map_err(|_| Error::Gone)?;
        read_file(self.folder.as_fd(), &name, buffer)?;
        pids.extend(parse_pids(buffer)?);
        Ok(())
    }

    /// The groups right below one of its own.
    fn below(&self, place: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let mut found = Vec::new();
        let folder = match rustix::fs::openat(&self.folder, place, FOLDER, Mode::empty()).map_err(Error::from) {
            Ok(folder) => folder,
            Err(Error::Gone) => return Ok(found),
            Err(error) => return Err(error),
        };
        match each_folder(folder.as_fd(), &mut |name| found.push([place, b"/", name.to_bytes()].concat())) {
            Ok(()) | Err(Error::Gone) => Ok(found),
            Err(error) => Err(error),
        }
    }

    /// What has come of a freeze, and whether anybody is in it. Linux 5.2.
    pub fn events(&self, buffer: &mut Vec<u8>) -> Result<CgroupEvents, Error> {
        read_file(self.folder.as_fd(), c"cgroup.events", buffer)?;
        CgroupEvents::parse(buffer)
    }

    /// Whether it is stopped or about to be, by its own freeze or that of a group above.
    pub fn is_frozen(&self, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        read_file(self.folder.as_fd(), c"cgroup.freeze", buffer)?;
        Ok(buffer.trim_ascii() != b"0" || self.events(buffer)?.frozen)
    }

    /// Asks the kernel to stop everything in it and below, or to let it run again. It answers at once;
    /// [`Cgroup::events`] says when it is so.
    pub fn set_frozen(&self, frozen: bool) -> Result<(), Error> {
        self.write(c"cgroup.freeze", if frozen { b"1" } else { b"0" })
    }

    /// SIGKILL to everything in it and below, whatever is forked meanwhile. Linux 5.14.
    pub fn kill(&self) -> Result<(), Error> {
        self.write(c"cgroup.kill", b"1")
    }

    /// Whether we may stop it and let it run again; it does neither.
    ///
    /// # Errors
    /// [`Error::Denied`] where we may not, [`Error::Gone`] where there is nothing to write to.
    pub fn may_freeze(&self) -> Result<(), Error> {
        self.may_write(c"cgroup.freeze")
    }

    /// Whether we may kill all of it at once.
    ///
    /// # Errors
    /// As [`Cgroup::may_freeze`].
    pub fn may_kill(&self) -> Result<(), Error> {
        self.may_write(c"cgroup.kill")
    }

    fn may_write(&self, name: &CStr) -> Result<(), Error> {
        Ok(rustix::fs::accessat(&self.folder, name, Access::WRITE_OK, AtFlags::EACCESS)?)
    }

    fn write(&self, name: &CStr, text: &[u8]) -> Result<(), Error> {
        let file = rustix::fs::openat(&self.folder, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        retry_on_intr(|| rustix::io::write(&file, text))?;
        Ok(())
    }
}

/// `cgroup.procs`, a number a line; 0 stands for a process of another pid namespace, which nobody here
/// could name.
pub(super) fn parse_pids(text: &[u8]) -> Result<Vec<Pid>, Error> {
    let expected = Error::Malformed("a cgroup whose processes are all of our pid namespace");
    let pid = |line| number(line).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::new).ok_or(expected);
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(pid).collect()
}

/// `cgroup.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupEvents {
    /// Whether any process is in it or below.
    pub populated: bool,
    /// Whether all of them have stopped.
    pub frozen: bool,
}

impl CgroupEvents {
    /// Reads what the kernel printed; it may print more than we know of.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let expected = Error::Malformed("cgroup.events with populated and frozen (Linux 5.2)");
        let value = |key: &[u8]| {
            let line = text.split(|byte| *byte == b'\n').find(|line| words(line).next() == Some(key))?;
            words(line).nth(1).and_then(number)
        };
        match (value(b"populated"), value(b"frozen")) {
            (Some(populated), Some(frozen)) => Ok(Self { populated: populated != 0, frozen: frozen != 0 }),
            (None, _) | (_, None) => Err(expected),
        }
    }
}
