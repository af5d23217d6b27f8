//! The sockets of a member whose descriptors may not be looked at: a socket says in which cgroup it was
//! made, so whoever is alone in a cgroup holds those that were made there. That is how a service or a
//! container of one process is counted without any right.
//!
//! Left out: what it was handed by others, or made before it was moved into its cgroup, and what waits
//! to be accepted.

use crate::kernel::sock_diag::Socket;
use crate::kernel::{CgroupTree, Error, Process, own_rights};
use crate::model::Capability;

/// Which sockets were made where.
#[derive(Default)]
pub(super) struct ByCgroup {
    /// The cgroups of this host; none where descriptors may be looked at, so that nobody asks.
    tree: Option<CgroupTree>,
    /// Each cgroup with the inode of a socket that was made in it; in this order once somebody asked.
    made: Vec<(u64, u64)>,
    sorted: bool,
    /// Whether the kernel says where they were made (Linux 5.9).
    told: bool,
    buffer: Vec<u8>,
}

impl ByCgroup {
    pub(super) fn new() -> Self {
        let rights = own_rights();
        let reads = rights.has(Capability::DacReadSearch) || rights.has(Capability::DacOverride);
        let blind = !(reads && rights.has(Capability::SysPtrace));
        Self { tree: blind.then(CgroupTree::mounted), ..Self::default() }
    }

    /// Whether anybody may be looked up here.
    pub(super) const fn is_needed(&self) -> bool {
        self.tree.is_some()
    }

    /// Takes in where the sockets of a dump were made.
    pub(super) fn note(&mut self, dump: &[Socket]) {
        if self.tree.is_none() {
            return;
        }
        self.made.clear();
        let held = dump.iter().filter(|socket| socket.inode != 0);
        self.made.extend(held.filter_map(|socket| Some((socket.cgroup?, u64::from(socket.inode)))));
        self.told = dump.is_empty() || dump.iter().any(|socket| socket.cgroup.is_some());
        self.sorted = false;
    }

    /// Appends the inodes of the sockets that `process` holds.
    ///
    /// # Errors
    /// [`Error::Denied`] where that cannot be told: it is not alone in a cgroup of its own.
    pub(super) fn read(&mut self, process: &Process, inodes: &mut Vec<u64>) -> Result<(), Error> {
        let Some(tree) = self.tree.as_ref().filter(|_| self.told) else { return Err(Error::Denied) };
        let group = tree.unified_of(process, &mut self.buffer)?.filter(|group| !group.is_root());
        let group = group.ok_or(Error::Denied)?;
        if group.pids(&mut self.buffer)? != [process.identity().pid] {
            return Err(Error::Denied);
        }
        if !std::mem::replace(&mut self.sorted, true) {
            self.made.sort_unstable();
        }
        let from = self.made.partition_point(|&(cgroup, _)| cgroup < group.id());
        let its = self.made[from..].iter().take_while(|&&(cgroup, _)| cgroup == group.id());
        inodes.extend(its.map(|&(_, inode)| inode));
        Ok(())
    }
}
