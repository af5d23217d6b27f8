//! Sockets counted from nothing remembered: a new dump held against all links of some processes.

use super::counted::{known, number};
use super::held::Held;
use super::links::Links;
use super::places::Places;
use crate::kernel::sock_diag::{SockDiag, Socket};
use crate::model::{Identity, Value};
use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;
use crate::sample::probe::{Column, Fresh, Group, Pass};
use crate::sample::tally::{Tally, states_of};
use crate::sample::together::together;

/// What it takes.
pub(super) struct Anew<'a> {
    pub(super) links: &'a mut Links,
    pub(super) diag: &'a mut SockDiag,
    pub(super) tally: &'a mut Tally,
    /// What was listed, for whoever looks for more in it.
    pub(super) dump: &'a mut Vec<Socket>,
}

impl Anew<'_> {
    /// One metric of each member of `pass`, and of all of those in our namespace with each socket once.
    pub(super) fn count(mut self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let mut held = Held::default();
        let members = pass.members.len();
        let read = |index| held.take(index, |inodes| self.links.read(pass, index, inodes));
        let mut slots: Vec<Result<Slot, Fault>> = (0..members).map(read).collect();
        held.sort();
        // The dump comes last: what counts is the state that the sockets are in at the end.
        let states = states_of(column.base);
        self.diag.dump(states, self.dump)?;
        self.links.homes.find(pass.now, (self.dump, states, true), pass.members);
        for (index, slot) in slots.iter_mut().enumerate() {
            let seated = self.links.homes.settle(&pass.seats[index], *slot, Some(index));
            *slot = if pass.members[index].process.has_exited() { Err(Fault::GONE) } else { seated };
        }
        let places = self.tally(pass, &mut held, &slots);
        Ok(self.sum_up(pass, (&slots, &places), column))
    }

    fn tally(&mut self, pass: &Pass<'_>, held: &mut Held, slots: &[Result<Slot, Fault>]) -> Places {
        let Self { links, tally, dump, .. } = self;
        let target = pass.seats.first().map_or(0, |seat| seat.key.target);
        let all = Group { target, members: (0..slots.len()).collect() };
        let mut places = Places::default();
        // Who is in a group's cgroup counts for the group.
        let covered = |(at, slot): (usize, &Result<Slot, Fault>)| match *slot {
            Err(Fault::CGROUP) => Ok(at),
            slot => slot,
        };
        let seats: Vec<_> = slots.iter().enumerate().map(covered).collect();
        places.set(&[all], (&seats, slots.len()));
        tally.open(places.of_slot(slots.len()));
        let slot_of = |identity: &Identity| pass.seats.iter().position(|seat| seat.identity == *identity);
        let mut owners = Vec::new();
        for socket in dump.iter() {
            let holders = if socket.inode == 0 { &[][..] } else { held.holders(u64::from(socket.inode)) };
            if holders.is_empty() {
                owners.clear();
                owners.extend(links.homes.of(socket).iter().filter_map(slot_of));
                tally.add(places.of_any(&owners), socket);
            } else {
                tally.add(places.of(holders), socket);
            }
        }
        places
    }

    fn sum_up(&self, pass: &Pass<'_>, (slots, places): (&[Result<Slot, Fault>], &Places), column: Column) -> Fresh {
        // What its cgroup holds may be another's.
        let own = |slot: &Result<Slot, Fault>| {
            slot.map_err(|fault| if fault == Fault::CGROUP { Fault::DENIED } else { fault })
        };
        let value = |slot| number(self.tally, places.of_slot(own(slot)?), column);
        let each: Vec<Result<f64, Fault>> = slots.iter().map(value).collect();
        let once = number(self.tally, Places::of_group(0), column).ok();
        let here = (0..slots.len()).filter(|&index| pass.seats[index].other_net().is_none());
        let mut parts = here.map(|index| match slots[index] {
            // It is in the sum.
            Err(Fault::CGROUP) => Value::Known(0.0),
            _ => known(each[index].map(Value::Known)),
        });
        let whole = parts.next().map(|first| together(column.base, once, std::iter::once(first).chain(parts)));
        Fresh { each, once, whole }
    }
}
