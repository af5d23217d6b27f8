//! What attribution is told, and what it answers.

use crate::kernel::sock_diag::{Socket, States};
use crate::model::Identity;
use crate::sample::fault::Fault;

/// A process that sockets may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub identity: Identity,
    /// Which program it runs: another number after an exec.
    pub program: u64,
    /// Real and effective uid.
    pub uids: (u32, u32),
    /// Its open descriptors, counted no later than the dump was taken; none where unknown.
    pub fds: Option<u64>,
}

impl Holder {
    /// Whether it may have made or accepted a socket of `uid`.
    pub fn may_hold(&self, uid: u32) -> bool {
        let (real, effective) = self.uids;
        real == uid || effective == uid || real == 0 || effective == 0
    }

    /// Whether it may hold one of any of these, which are ascending.
    pub(super) fn may_hold_any(&self, uids: &[u32]) -> bool {
        let (real, effective) = self.uids;
        match (real, effective) {
            (0, _) | (_, 0) => !uids.is_empty(),
            _ => uids.binary_search(&real).is_ok() || uids.binary_search(&effective).is_ok(),
        }
    }
}

/// What one pass goes by.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The sockets listed. One that is there twice is left in it once.
    pub sockets: &'a mut Vec<Socket>,
    /// The states in which they are all there are.
    pub complete: States,
    /// Whether they are those that the last update left, in the same order.
    pub same: bool,
    /// Who may hold them.
    pub holders: &'a [Holder],
}

/// Reads the links of the holder with this index: appends the inodes of all its sockets.
pub type ReadLinks<'a> = dyn FnMut(usize, &mut Vec<u64>) -> Result<(), Fault> + 'a;

/// The seat of a process in the books, stable while it is a holder.
pub type Slot = usize;

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// These hold it.
    Of(&'a [Slot]),
    /// No holder does.
    Nobody,
    /// A holder of this user may, who has not been asked yet.
    Open(u32),
    /// It cannot be said: it waits to be accepted, or a process that may hold it cannot be read.
    Unclear,
}
