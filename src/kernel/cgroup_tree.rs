//! The cgroup file systems: which groups there are, and who is in them.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{CWD, Mode};

use super::cgroup_dir::Hierarchy;
use super::digits::number;
use super::source::{FOLDER, each_folder, read_file};
use super::{Cgroup, Error, Process};
use crate::model::Pid;

/// Where service managers mount what they keep: v2 alone, v2 beside v1, v1 of systemd
/// (systemd's `CGROUP_DELEGATION` names the three).
const PLACES: [(&str, Hierarchy); 3] = [
    ("/sys/fs/cgroup", Hierarchy::Unified),
    ("/sys/fs/cgroup/unified", Hierarchy::Unified),
    ("/sys/fs/cgroup/systemd", Hierarchy::Systemd),
];
/// `include/uapi/linux/magic.h` of the kernel.
pub(super) const CGROUP_SUPER_MAGIC: u64 = 0x0027_e0eb;
pub(super) const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;

/// Groups within groups deeper than this are not looked for.
const DEPTH: usize = 16;

/// The mounted trees; paths begin with `/` at the root of each, as in `/proc/PID/cgroup`.
#[derive(Debug, Default)]
pub struct CgroupTree {
    mounts: Vec<(Hierarchy, OwnedFd)>,
}

/// What to do about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It and all groups below are wanted.
    All,
    /// It is wanted; ask about those below.
    This,
    /// It is not; ask about those below.
    Below,
    /// Neither it nor any below.
    Nothing,
}

impl CgroupTree {
    /// What is mounted now; empty on a host without.
    pub fn mounted() -> Self {
        let open = |(path, hierarchy)| {
            let folder = rustix::fs::openat(CWD, path, FOLDER, Mode::empty()).ok()?;
            let filesystem = u64::try_from(rustix::fs::fstatfs(&folder).ok()?.f_type).ok()?;
            let magic = match hierarchy {
                Hierarchy::Unified => CGROUP2_SUPER_MAGIC,
                Hierarchy::Systemd | Hierarchy::Memory => CGROUP_SUPER_MAGIC,
            };
            (filesystem == magic).then_some((hierarchy, folder))
        };
        Self { mounts: PLACES.into_iter().filter_map(open).collect() }
    }

    /// The paths of all groups that `wanted`, asked from the root down, says yes to. A path that is
    /// in both trees is there once.
    pub fn groups(&self, wanted: &mut dyn FnMut(&[u8]) -> Visit) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for (_, mount) in &self.mounts {
            let mut ask = vec![(b"/".to_vec(), false, 0)];
            while let Some((path, taken, depth)) = ask.pop() {
                let visit = if taken { Visit::All } else { wanted(&path) };
                if visit != Visit::Nothing && depth < DEPTH {
                    let below = each_child(mount, &path);
                    ask.extend(below.into_iter().map(|child| (child, visit == Visit::All, depth + 1)));
                }
                if matches!(visit, Visit::All | Visit::This) {
                    found.push(path);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The group of `process` in the unified hierarchy, the only one that can be frozen and killed as a
    /// whole; none on a host without.
    ///
    /// # Errors
    /// [`Error::Gone`] where the process is.
    pub fn unified_of(&self, process: &Process, buffer: &mut Vec<u8>) -> Result<Option<Cgroup>, Error> {
        self.group_of(process, Hierarchy::Unified, buffer)
    }

    /// The group that says with whom `process` belongs together. Where v1 is mounted beside v2 it may be
    /// in the root of one and in a group of the other: the root says nothing.
    ///
    /// # Errors
    /// As [`CgroupTree::unified_of`].
    pub fn own_of(&self, process: &Process, buffer: &mut Vec<u8>) -> Result<Option<Cgroup>, Error> {
        match self.unified_of(process, buffer)? {
            Some(group) if !group.is_root() => Ok(Some(group)),
            root => Ok(self.group_of(process, Hierarchy::Systemd, buffer)?.or(root)),
        }
    }

    fn group_of(&self, process: &Process, of: Hierarchy, buffer: &mut Vec<u8>) -> Result<Option<Cgroup>, Error> {
        let Some((_, mount)) = self.mounts.iter().find(|(hierarchy, _)| *hierarchy == of) else { return Ok(None) };
        let cgroups = process.cgroups(buffer)?;
        of.path(&cgroups).map(|path| Cgroup::open(mount, of, path)).transpose()
    }

    /// Adds the processes in the group at `path`, not those in groups below. A group that is no more
    /// has none.
    pub fn pids(&self, path: &[u8], buffer: &mut Vec<u8>, pids: &mut Vec<Pid>) -> Result<(), Error> {
        let Ok(name) = CString::new([b".", path, b"/cgroup.procs"].concat()) else { return Ok(()) };
        for (_, mount) in &self.mounts {
            match read_file(mount.as_fd(), &name, buffer).map_err(Error::from) {
                Ok(()) => {}
                Err(Error::Gone) => continue,
                // A threaded group of v2 says EOPNOTSUPP: its processes are listed in the group above.
                Err(Error::Os(code)) if code == libc::EOPNOTSUPP => continue,
                Err(error) => return Err(error),
            }
            let lines = buffer.split(|byte| *byte == b'\n');
            // 0 stands for a process of another pid namespace.
            pids.extend(lines.filter_map(number).filter_map(|pid| i32::try_from(pid).ok().and_then(Pid::new)));
        }
        Ok(())
    }
}

/// The groups right below `path`.
fn each_child(mount: &OwnedFd, path: &[u8]) -> Vec<Vec<u8>> {
    let relative = Path::new(OsStr::from_bytes(path)).strip_prefix("/").unwrap_or(Path::new(""));
    let place = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let above: &[u8] = if path == b"/" { b"" } else { path };
    let mut found = Vec::new();
    // A group that goes while it is looked at has none.
    let Ok(folder) = rustix::fs::openat(mount, place, FOLDER, Mode::empty()) else { return found };
    let _ = each_folder(folder.as_fd(), &mut |name| found.push([above, b"/", name.to_bytes()].concat()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_holds_the_own_process() {
        let tree = CgroupTree::mounted();
        let text = super::super::Proc::live().unwrap().entry(super::super::own_pid()).unwrap();
        let mut buffer = Vec::new();
        let cgroups = text.cgroups(&mut buffer).unwrap();
        let (mut pids, mut lines) = (Vec::new(), Vec::new());
        for path in cgroups.paths() {
            tree.pids(path, &mut lines, &mut pids).unwrap();
        }
        assert!(tree.mounts.is_empty() || pids.contains(&super::super::own_pid()));
    }

    #[test]
    fn groups_are_asked_about_from_the_root_down() {
        let tree = CgroupTree::mounted();
        assert!(tree.groups(&mut |_| Visit::Nothing).is_empty());
        let top = tree.groups(&mut |path| if path == b"/" { Visit::This } else { Visit::Nothing });
        assert!(tree.mounts.is_empty() || top == [b"/".to_vec()]);
        let (mut pids, mut buffer) = (Vec::new(), Vec::new());
        assert_eq!(tree.pids(b"/no/such\0group", &mut buffer, &mut pids), Ok(()));
        assert_eq!(tree.pids(b"/no/such/group", &mut buffer, &mut pids), Ok(()));
        assert!(pids.is_empty());
    }
}
