//! Which group a number is about, held open to see who is in it: for measures, so nothing is remembered.

use super::{MemoryGroup, MemoryTrees, Tree};
use crate::kernel::cgroup_dir::Hierarchy;
use crate::kernel::{Cgroup, Error, Process};
use crate::model::Base;

/// What is asked of the groups of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The one that its memory is charged to.
    Account,
    /// The one whose limit is nearest to being hit, that one or one above.
    Limit,
    /// The one that it waits in.
    Waiting,
}

impl Subject {
    /// Which one a metric of cgroups is about.
    pub fn of(base: Base) -> Self {
        if base == Base::CgroupMemoryUsage {
            return Self::Limit;
        }
        if base == Base::CgroupMemoryPressure { Self::Waiting } else { Self::Account }
    }
}

impl MemoryTrees {
    /// The group that `subject` of a process is about; none where there is no such group, or it is the root
    /// of all.
    ///
    /// # Errors
    /// Where the process is gone, or not all that must be looked at can be.
    pub fn subject(&self, process: &Process, subject: Subject, buffer: &mut Vec<u8>) -> Result<Option<Cgroup>, Error> {
        let mut text = Vec::new();
        let cgroups = process.cgroups(&mut text)?;
        let place = if subject == Subject::Waiting { self.waiting(&cgroups) } else { self.account(&cgroups) };
        let Some((tree, path)) = place else { return Ok(None) };
        let path = match subject {
            Subject::Waiting => Some(path).filter(|path| *path != b"/"),
            Subject::Account => self.charged(tree, path, buffer)?,
            Subject::Limit => match self.charged(tree, path, buffer)? {
                Some(charged) => self.nearest_limit(tree, charged, buffer)?,
                None => None,
            },
        };
        path.map(|path| self.cgroup(tree, path)).transpose()
    }

    fn charged<'p>(&self, tree: Tree, path: &'p [u8], buffer: &mut Vec<u8>) -> Result<Option<&'p [u8]>, Error> {
        for path in upwards(path) {
            if self.open(tree, path)?.current(buffer)?.is_some() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn nearest_limit<'p>(&self, tree: Tree, path: &'p [u8], buffer: &mut Vec<u8>) -> Result<Option<&'p [u8]>, Error> {
        let mut nearest: Option<(&[u8], f64)> = None;
        for path in upwards(path) {
            let share = self.open(tree, path)?.share_of_limit(buffer)?;
            if let Some(share) = share.filter(|share| nearest.is_none_or(|(_, most)| *share > most)) {
                nearest = Some((path, share));
            }
        }
        Ok(nearest.map(|(path, _)| path))
    }

    fn cgroup(&self, tree: Tree, path: &[u8]) -> Result<Cgroup, Error> {
        let (mount, hierarchy) = match tree {
            Tree::Memory => (&self.memory, Hierarchy::Memory),
            Tree::Unified => (&self.unified, Hierarchy::Unified),
        };
        Cgroup::open(mount.as_ref().ok_or(Error::Gone)?, hierarchy, path)
    }
}

impl MemoryGroup {
    /// Its working set as a share of its own limit; none where it has no limit.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a host stay far below 2^53")]
    fn share_of_limit(&mut self, buffer: &mut Vec<u8>) -> Result<Option<f64>, Error> {
        let Some(Some(limit)) = self.limit(buffer)? else { return Ok(None) };
        let used = self.working_set(buffer)?;
        Ok(used.map(|used| used as f64 / limit.max(1) as f64))
    }
}

/// A path, the one above it, and so on up to the root.
fn upwards(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |path| {
        let end = path.iter().rposition(|byte| *byte == b'/').filter(|_| *path != b"/")?;
        Some(if end == 0 { &path[..1] } else { &path[..end] })
    })
}
