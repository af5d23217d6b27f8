//! Writes down for whom each socket of a list counts, and for whom it may.

use super::counted::Counted;
use super::homes::Homes;
use super::places::Places;
use super::queue::{self, Queue};
use crate::kernel::sock_diag::{Socket, TcpState};
use crate::sample::attribution::{Attribution, Slot, Whose};

/// Writes down whose a socket is.
pub(super) struct Clerk<'a> {
    pub(super) attribution: &'a Attribution,
    pub(super) homes: &'a Homes,
    pub(super) queue: &'a Queue,
    pub(super) dump: &'a [Socket],
    pub(super) owners: &'a mut Vec<Slot>,
}

impl Clerk<'_> {
    /// Counts the socket at this place of the dump for whoever holds it.
    pub(super) fn count(&mut self, place: usize, counted: &mut Counted) {
        let socket = &self.dump[place];
        let whose = self.attribution.whose(place, socket);
        let places = match whose {
            Whose::Of(slots) => counted.places.of(slots),
            Whose::Nobody | Whose::Open(_) | Whose::Unclear => {
                let owners = self.homes.of(socket).iter();
                self.owners.clear();
                self.owners.extend(owners.filter_map(|identity| self.attribution.slot_of(identity)));
                counted.places.of_any(self.owners)
            }
        };
        let is_nobodys = places.is_empty();
        if socket.state == TcpState::Established {
            places.push(Places::HOST);
        }
        counted.tally.add(places, socket);
        if is_nobodys {
            self.count_unclear(whose, socket, counted);
        }
    }

    fn count_unclear(&self, whose: Whose<'_>, socket: &Socket, counted: &mut Counted) {
        match whose {
            Whose::Of(_) | Whose::Nobody => return,
            Whose::Open(uid) => counted.add_open(uid, socket),
            Whose::Unclear => {}
        }
        counted.tally.add_unclear(socket);
        if !queue::waits(socket) {
            return;
        }
        for listener in self.queue.who_accepts(socket, self.dump) {
            match self.attribution.whose(listener, &self.dump[listener]) {
                Whose::Of(slots) => counted.add_maybe(slots, socket),
                Whose::Open(uid) => counted.add_open(uid, socket),
                Whose::Nobody | Whose::Unclear => {}
            }
        }
    }
}
