//! Sockets counted from nothing remembered: a new dump held against all links of some processes.

use super::held::Held;
use super::links::Links;
use super::number;
use super::places::Places;
use crate::discover::Member;
use crate::kernel::sock_diag::{SockDiag, Socket};
use crate::sample::fault::Fault;
use crate::sample::probe::{Column, Fresh, Group, Pass};
use crate::sample::tally::{OWNED_STATES, Tally};

/// What it takes.
pub(super) struct Anew<'a> {
    pub(super) links: &'a mut Links,
    pub(super) diag: &'a mut SockDiag,
    pub(super) tally: &'a mut Tally,
    /// What was listed, for whoever looks for more in it.
    pub(super) dump: &'a mut Vec<Socket>,
}

impl Anew<'_> {
    /// One metric of each member of `pass`, and of all of them with each socket once.
    pub(super) fn count(self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let Self { links, diag, tally, dump } = self;
        let mut held = Held::default();
        if links.need_dump() {
            diag.dump(OWNED_STATES, dump)?;
            links.note(dump);
        }
        let (members, seats) = (|| pass.members.iter().enumerate(), &mut *pass.seats);
        let read = |(index, member): (usize, &&Member)| {
            held.take(index, |inodes| links.read(member, &mut seats[index], inodes))
        };
        let mut slots: Vec<_> = members().map(read).collect();
        // The dump comes last: what counts is the state that the sockets are in at the end.
        diag.dump(OWNED_STATES, dump)?;
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
        Ok(Fresh { each, once: number(tally, Places::of_group(0), column).ok(), whole: None })
    }
}
