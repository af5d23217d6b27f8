//! Sockets counted from nothing remembered: a new dump held against all links of some processes.

use super::counted::{known, number};
use super::held::Held;
use super::links::Links;
use super::places::Places;
use super::queue;
use crate::kernel::sock_diag::{SockDiag, Socket, States};
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
    /// One metric of each member of `pass`, and of all of them with each socket once.
    pub(super) fn count(self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let Self { links, diag, tally, dump } = self;
        let states: States = states_of(column.base);
        let mut held = Held::default();
        let members = pass.members.len();
        let read = |index| held.take(index, |inodes| links.read(pass, index, inodes));
        let mut slots: Vec<Result<Slot, Fault>> = (0..members).map(read).collect();
        // The dump comes last: what counts is the state that the sockets are in at the end.
        diag.dump(states, dump)?;
        held.sort();
        find_homes(links, pass, dump);
        for (index, member) in pass.members.iter().enumerate() {
            if member.process.has_exited() {
                slots[index] = Err(Fault::GONE);
            } else if slots[index] == Err(Fault::CGROUP) && links.homes.is_alone(&member.process.identity()) {
                slots[index] = Ok(index);
            }
        }
        if !links.homes.are_told() {
            slots.iter_mut().for_each(|slot| *slot = slot.map_err(told));
        }
        let target = pass.seats.first().map_or(0, |seat| seat.key.target);
        let all = Group { target, members: (0..slots.len()).collect() };
        let mut places = Places::default();
        // Who is in a group's cgroup counts for the group.
        let seats: Vec<_> = slots.iter().enumerate().map(|(at, slot)| slot.or(covered(*slot, at))).collect();
        places.set(&[all], (&seats, slots.len()));
        tally.open(places.of_slot(slots.len()));
        let slot_of = |identity: &Identity| pass.seats.iter().position(|seat| seat.identity == *identity);
        let mut owners = Vec::new();
        for socket in dump.iter() {
            let holders = if socket.inode == 0 { &[][..] } else { held.holders(u64::from(socket.inode)) };
            if !holders.is_empty() {
                tally.add(places.of(holders), socket);
            } else if socket.inode != 0 || queue::waits(socket) {
                owners.clear();
                owners.extend(links.homes.of(socket).iter().filter_map(slot_of));
                tally.add(places.of_any(&owners), socket);
            }
        }
        let each: Vec<_> = slots
            .iter()
            .map(|slot| slot.map_err(told))
            .map(|slot| number(tally, places.of_slot(slot?), column))
            .collect();
        let once = number(tally, Places::of_group(0), column).ok();
        let parts = slots.iter().zip(&each).map(|(slot, value)| match slot {
            Err(Fault::CGROUP) => Value::Known(0.0),
            _ => known(value.map(Value::Known)),
        });
        let whole = slots.contains(&Err(Fault::CGROUP)).then(|| together(column.base, once, parts));
        Ok(Fresh { each, once, whole })
    }
}

fn covered(slot: Result<Slot, Fault>, at: Slot) -> Result<Slot, Fault> {
    slot.or_else(|fault| if fault == Fault::CGROUP { Ok(at) } else { Err(fault) })
}

/// Why it is not known what one holds: what its cgroup holds may be another's.
fn told(fault: Fault) -> Fault {
    if fault == Fault::CGROUP { Fault::DENIED } else { fault }
}

/// Finds out whose what waits to be accepted is.
fn find_homes(links: &mut Links, pass: &Pass<'_>, dump: &[Socket]) {
    links.homes.note(dump);
    let waiting = dump.iter().filter(|socket| queue::waits(socket));
    let mut wanted: Vec<u64> = waiting.filter_map(|socket| socket.cgroup).collect();
    wanted.sort_unstable();
    wanted.dedup();
    links.homes.find(pass.now, &wanted, pass.members);
}
