//! Sockets counted from nothing remembered: a new dump held against all links of some processes.

use super::links::Links;
use super::number;
use super::places::Places;
use crate::kernel::sock_diag::SockDiag;
use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;
use crate::sample::probe::{Column, Fresh, Group, Pass};
use crate::sample::tally::{OWNED_STATES, Tally};

/// What it takes.
pub(super) struct Anew<'a> {
    pub(super) links: &'a mut Links,
    pub(super) diag: &'a mut SockDiag,
    pub(super) tally: &'a mut Tally,
}

impl Anew<'_> {
    /// One metric of each member of `pass`, and of all of them with each socket once.
    pub(super) fn count(self, pass: &Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let Self { links, diag, tally } = self;
        let (mut held, mut dump) = (Held::default(), Vec::new());
        let members = || pass.members.iter().enumerate();
        let mut slots: Vec<_> = members().map(|(index, member)| held.read(links, member, index)).collect();
        // The dump comes last: what counts is the state that the sockets are in at the end.
        diag.dump(OWNED_STATES, &mut dump)?;
        for (index, _) in members().filter(|(_, member)| member.process.has_exited()) {
            slots[index] = Err(Fault::GONE);
        }
        held.sort();
        let target = pass.seats.first().map_or(0, |seat| seat.key.target);
        let all = Group { target, members: (0..slots.len()).collect() };
        let mut places = Places::default();
        places.set(&[all], (&slots, slots.len()));
        tally.open(places.of_slot(slots.len()));
        for socket in dump.iter().filter(|socket| socket.inode != 0) {
            let holders = held.holders(u64::from(socket.inode));
            tally.add(places.of(holders), socket);
        }
        let each = slots.iter().map(|slot| number(tally, places.of_slot((*slot)?), column)).collect();
        Ok(Fresh { each, once: number(tally, Places::of_group(0), column).ok() })
    }
}

/// Which member holds which inode.
#[derive(Default)]
struct Held {
    pairs: Vec<(u64, Slot)>,
    inodes: Vec<u64>,
    holders: Vec<Slot>,
}

impl Held {
    fn read(&mut self, links: &mut Links, member: &crate::discover::Member, slot: Slot) -> Result<Slot, Fault> {
        self.inodes.clear();
        links.read(member, &mut self.inodes)?;
        self.pairs.extend(self.inodes.drain(..).map(|inode| (inode, slot)));
        Ok(slot)
    }

    fn sort(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.dedup();
    }

    fn holders(&mut self, inode: u64) -> &[Slot] {
        let from = self.pairs.partition_point(|&(other, _)| other < inode);
        let same = self.pairs[from..].iter().take_while(|(other, _)| *other == inode);
        self.holders.clear();
        self.holders.extend(same.map(|&(_, slot)| slot));
        &self.holders
    }
}
