//! Which slot holds which inode: all links of some processes, from nothing remembered.

use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;

/// Which slot holds which inode.
#[derive(Default)]
pub(super) struct Held {
    pairs: Vec<(u64, Slot)>,
    inodes: Vec<u64>,
    holders: Vec<Slot>,
}

impl Held {
    /// Takes what `read` appends as what `slot` holds; gives the slot, or why it could not be read.
    pub(super) fn take(
        &mut self,
        slot: Slot,
        read: impl FnOnce(&mut Vec<u64>) -> Result<(), Fault>,
    ) -> Result<Slot, Fault> {
        self.inodes.clear();
        read(&mut self.inodes)?;
        self.pairs.extend(self.inodes.drain(..).map(|inode| (inode, slot)));
        Ok(slot)
    }

    /// After the last one was taken.
    pub(super) fn sort(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.dedup();
    }

    /// Who holds `inode`.
    pub(super) fn holders(&mut self, inode: u64) -> &[Slot] {
        let from = self.pairs.partition_point(|&(other, _)| other < inode);
        let same = self.pairs[from..].iter().take_while(|(other, _)| *other == inode);
        self.holders.clear();
        self.holders.extend(same.map(|&(_, slot)| slot));
        &self.holders
    }

    /// All of them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u64, Slot)> {
        self.pairs.iter().copied()
    }
}
