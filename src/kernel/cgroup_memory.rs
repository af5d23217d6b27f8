//! What the kernel keeps account of for one cgroup: its memory, its swap, its limit, who waits.
//!
//! v2: Documentation/admin-guide/cgroup-v2.rst of the kernel; v1: Documentation/admin-guide/cgroup-v1/memory.rst.
//! What belongs here: those files, kept open, and their parsers. What does not: which group a process is in
//! (`cgroup`), and what the groups above say (`sample`).

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::cgroup_tree::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC};
use super::host::some_avg10;
use super::source::{FOLDER, exists, read_record};
use super::{Cgroups, Error};

mod parse;
mod subject;
#[cfg(test)]
mod tests;

pub use parse::MemoryStat;
use parse::{bytes, limit_in_bytes, max};
pub use subject::Subject;

/// Which tree of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tree {
    /// v1, the hierarchy of the memory controller.
    Memory,
    /// v2.
    Unified,
}

/// A file of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupFile {
    Current,
    Stat,
    Max,
    Swap,
    Pressure,
}

impl GroupFile {
    const COUNT: usize = 5;

    /// Its name; none where the tree has no such file.
    const fn name(self, tree: Tree) -> Option<&'static CStr> {
        match (self, tree) {
            (Self::Current, Tree::Unified) => Some(c"memory.current"),
            (Self::Current, Tree::Memory) => Some(c"memory.usage_in_bytes"),
            (Self::Stat, _) => Some(c"memory.stat"),
            (Self::Max, Tree::Unified) => Some(c"memory.max"),
            (Self::Max, Tree::Memory) => Some(c"memory.limit_in_bytes"),
            (Self::Swap, Tree::Unified) => Some(c"memory.swap.current"),
            (Self::Pressure, Tree::Unified) => Some(c"memory.pressure"),
            (Self::Swap | Self::Pressure, Tree::Memory) => None,
        }
    }
}

/// None of them is longer, but a hostile file system's.
const LONGEST: usize = 64 * 1024;

/// Where the texts come from: the kernel, or a test's idea of it.
pub(crate) trait GroupSource {
    /// The file's text, in place of what was in `buffer`. ENOENT where the group has no such file, ENODEV
    /// where the group is no more.
    fn read(&mut self, file: GroupFile, buffer: &mut Vec<u8>) -> Result<(), Errno>;
}

/// The kernel, through descriptors that are opened when first needed and kept. They pin the group: one
/// made anew under the same path is another.
struct GroupOs {
    tree: Tree,
    folder: OwnedFd,
    files: [Option<OwnedFd>; GroupFile::COUNT],
}

impl GroupSource for GroupOs {
    fn read(&mut self, file: GroupFile, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        let Some(name) = file.name(self.tree) else { return Err(Errno::NOENT) };
        let slot = &mut self.files[file as usize];
        let kept = match slot.take() {
            Some(kept) => kept,
            None => match rustix::fs::openat(&self.folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
                // Nothing is found in the folder of a group that is no more; one that is there has this.
                Err(Errno::NOENT) if !exists(self.folder.as_fd(), c"cgroup.procs") => return Err(Errno::NODEV),
                opened => opened?,
            },
        };
        read_record(&kept, LONGEST, buffer)?;
        *slot = Some(kept);
        Ok(())
    }
}

/// The mounted trees that keep account of memory.
#[derive(Debug, Default)]
pub struct MemoryTrees {
    memory: Option<OwnedFd>,
    unified: Option<OwnedFd>,
    #[cfg(test)]
    plan: Option<std::sync::Arc<super::faulty::Plan>>,
}

impl MemoryTrees {
    /// What is mounted now, where service managers mount it; none on a host without.
    pub fn mounted() -> Self {
        let open = |path: &str, magic: u64| {
            let folder = rustix::fs::openat(CWD, path, FOLDER, Mode::empty()).ok()?;
            let filesystem = u64::try_from(rustix::fs::fstatfs(&folder).ok()?.f_type).ok()?;
            (filesystem == magic).then_some(folder)
        };
        let unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        Self {
            memory: open("/sys/fs/cgroup/memory", CGROUP_SUPER_MAGIC),
            unified: unified.into_iter().find_map(|path| open(path, CGROUP2_SUPER_MAGIC)),
            #[cfg(test)]
            plan: None,
        }
    }

    /// Copies of such trees in folders.
    #[cfg(test)]
    pub(crate) fn captured(memory: Option<&std::path::Path>, unified: Option<&std::path::Path>) -> Self {
        let open = |path| rustix::fs::openat(CWD, path, FOLDER, Mode::empty()).ok();
        Self { memory: memory.and_then(open), unified: unified.and_then(open), plan: None }
    }

    /// With every read of a group counted, and the planned one failing.
    #[cfg(test)]
    pub(crate) fn with_faults(self, plan: std::sync::Arc<super::faulty::Plan>) -> Self {
        Self { plan: Some(plan), ..self }
    }

    /// Where the memory of a process is kept account of, with its path there; none where nothing is.
    /// With the v1 controller v2 has none: a controller is in one tree.
    pub fn account<'a>(&self, cgroups: &Cgroups<'a>) -> Option<(Tree, &'a [u8])> {
        match cgroups.memory {
            Some(path) => self.memory.is_some().then_some((Tree::Memory, path)),
            None => self.waiting(cgroups),
        }
    }

    /// Where it is kept account of who waits: v2 alone does that, whether or not it has the memory.
    pub fn waiting<'a>(&self, cgroups: &Cgroups<'a>) -> Option<(Tree, &'a [u8])> {
        cgroups.unified.filter(|_| self.unified.is_some()).map(|path| (Tree::Unified, path))
    }

    /// The group at `path`, as in `/proc/PID/cgroup`.
    ///
    /// # Errors
    /// [`Error::Gone`] where there is none; [`Error::Denied`] where it is outside of our cgroup namespace.
    pub fn open(&self, tree: Tree, path: &[u8]) -> Result<MemoryGroup, Error> {
        // Whoever is outside our cgroup namespace has a path that leads out of it.
        if path.split(|byte| *byte == b'/').any(|name| name == b"..") {
            return Err(Error::Denied);
        }
        let mount = match tree {
            Tree::Memory => &self.memory,
            Tree::Unified => &self.unified,
        };
        let mount = mount.as_ref().ok_or(Error::Gone)?;
        let place = CString::new([b".", path].concat()).map_err(|_| Error::Malformed("the path of a cgroup"))?;
        let folder = rustix::fs::openat(mount, place, FOLDER, Mode::empty())?;
        let is_root = path == b"/" && is_root(tree, &folder);
        let source = GroupOs { tree, folder, files: [const { None }; GroupFile::COUNT] };
        #[cfg(test)]
        if let Some(plan) = &self.plan {
            let source = Box::new(super::faulty::FaultyGroup::new(Box::new(source), plan.clone()));
            return Ok(MemoryGroup { tree, is_root, source });
        }
        Ok(MemoryGroup { tree, is_root, source: Box::new(source) })
    }
}

/// Whether it is the root of all groups, and not only the root of a cgroup namespace: some files are
/// there or nowhere else.
fn is_root(tree: Tree, folder: &OwnedFd) -> bool {
    match tree {
        Tree::Memory => exists(folder.as_fd(), c"release_agent"),
        Tree::Unified => !exists(folder.as_fd(), c"cgroup.type"),
    }
}

/// The accounts of one group and all groups below. What is none is not kept account of here: the group is
/// the root of all, or its controller is off, or the kernel was built or started without.
pub struct MemoryGroup {
    tree: Tree,
    is_root: bool,
    source: Box<dyn GroupSource>,
}

impl MemoryGroup {
    /// Whether it holds everybody who is in no other. It has no account of its own: what it prints is the
    /// host's.
    pub const fn is_root(&self) -> bool {
        self.is_root
    }

    /// Memory in use, in bytes, page cache included.
    pub fn current(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        self.read(GroupFile::Current, buffer, bytes)
    }

    /// What that memory is used for.
    pub fn stat(&mut self, buffer: &mut Vec<u8>) -> Result<Option<MemoryStat>, Error> {
        let parse = match self.tree {
            Tree::Memory => MemoryStat::parse_v1,
            Tree::Unified => MemoryStat::parse_v2,
        };
        self.read(GroupFile::Stat, buffer, parse)
    }

    /// Memory in use without the page cache that was not used lately.
    pub fn working_set(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        let (stat, current) = (self.stat(buffer)?, self.current(buffer)?);
        Ok(stat.zip(current).map(|(stat, current)| stat.working_set(current)))
    }

    /// The limit of its memory in bytes, the inner none being no limit.
    pub fn limit(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Option<u64>>, Error> {
        let parse = match self.tree {
            Tree::Memory => limit_in_bytes,
            Tree::Unified => max,
        };
        self.read(GroupFile::Max, buffer, parse)
    }

    /// Memory in swap, in bytes.
    pub fn swap(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        match self.tree {
            // The difference of memsw.usage_in_bytes and usage_in_bytes would be of two moments.
            Tree::Memory => Ok(self.stat(buffer)?.and_then(|stat| stat.swap)),
            Tree::Unified => self.read(GroupFile::Swap, buffer, bytes),
        }
    }

    /// The share of the last 10 s in which some process of it waited for memory, 0 to 1.
    pub fn pressure(&mut self, buffer: &mut Vec<u8>) -> Result<Option<f64>, Error> {
        self.read(GroupFile::Pressure, buffer, some_avg10)
    }

    fn read<T>(
        &mut self,
        file: GroupFile,
        buffer: &mut Vec<u8>,
        parse: fn(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if self.is_root {
            return Ok(None);
        }
        match self.source.read(file, buffer) {
            Ok(()) => parse(buffer).map(Some),
            // EOPNOTSUPP: account of who waits is switched off (`psi=0`, `cgroup.pressure`).
            Err(Errno::NOENT | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl std::fmt::Debug for MemoryGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryGroup").field("tree", &self.tree).field("is_root", &self.is_root).finish_non_exhaustive()
    }
}
