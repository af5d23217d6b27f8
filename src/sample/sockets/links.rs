//! The descriptor links of members in our own network namespace.

use crate::discover::Member;
use crate::kernel::{self, Proc};
use crate::sample::fault::Fault;

/// Reads them.
#[derive(Default)]
pub(super) struct Links {
    /// The inode of our own network namespace, which is the one that the dump is of.
    namespace: Option<u64>,
    buffer: Vec<u8>,
}

impl Links {
    /// Appends the inodes of all sockets that `member` holds.
    pub(super) fn read(&mut self, member: &Member, inodes: &mut Vec<u64>) -> Result<(), Fault> {
        let ours = match self.namespace {
            Some(known) => known,
            None => *self.namespace.insert(Proc::live()?.entry(kernel::own_pid())?.net_namespace(&mut self.buffer)?),
        };
        if member.process.entry().net_namespace(&mut self.buffer)? != ours {
            return Err(Fault::NAMESPACE);
        }
        Ok(member.process.socket_inodes(&mut |inode| inodes.push(inode))?)
    }
}
