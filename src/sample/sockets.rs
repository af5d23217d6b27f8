//! `close_wait`, `established` and the other states, `sockets`; `host_established`, `host_time_wait`:
//! of all sockets and per peer.

use super::attribution::{Attribution, Holder, Slot, Whose};
use super::fault::Fault;
use super::probe::{Column, Fresh, Pass, Probe, Reads, Row, Slow, asks_for};
use super::tally::{OWNED_STATES, Tally};
use super::together::together;
use crate::config::Config;
use crate::discover::Member;
use crate::kernel::sock_diag::{SockDiag, Socket, States, TcpState};
use crate::model::{Base, Moment, SOCKET_STATES, Value};

mod anew;
mod by_cgroup;
mod elsewhere;
mod held;
mod links;
mod places;

use anew::Anew;
use elsewhere::Elsewhere;
use links::Links;
use places::Places;

/// Each state by itself, all of them together, and those of the host.
const METRICS: [Base; SOCKET_STATES.len() + 3] = {
    let mut all = [Base::Sockets; SOCKET_STATES.len() + 3];
    all.split_at_mut(SOCKET_STATES.len()).0.copy_from_slice(&SOCKET_STATES);
    all[SOCKET_STATES.len() + 1] = Base::HostEstablished;
    all[SOCKET_STATES.len() + 2] = Base::HostTimeWait;
    all
};

pub(super) const PROBE: Row =
    Row { name: "sockets", metrics: &METRICS, make: |config| Box::new(Sockets::new(config)), reads: Reads::Together };

struct Sockets {
    diag: SockDiag,
    /// What the kernel is asked for.
    states: States,
    /// Whether the host's sockets are asked for: then there is a dump even without a member.
    host: bool,
    dump: Vec<Socket>,
    holders: Vec<Holder>,
    attribution: Attribution,
    links: Links,
    elsewhere: Elsewhere,
    /// Of each member its slot in the books, or why its sockets are not known.
    slots: Vec<Result<Slot, Fault>>,
    places: Places,
    tally: Tally,
    unattributed: Vec<(Base, u64)>,
    /// For readings that rest on nothing remembered.
    fresh: Tally,
    current: Result<Slot, Fault>,
}

impl Sockets {
    fn new(config: &Config) -> Self {
        let time_wait = asks_for(config, Base::HostTimeWait);
        Self {
            diag: SockDiag::new(),
            states: if time_wait { OWNED_STATES.and(TcpState::TimeWait) } else { OWNED_STATES },
            host: time_wait || asks_for(config, Base::HostEstablished),
            dump: Vec::new(),
            holders: Vec::new(),
            attribution: Attribution::default(),
            links: Links::new(),
            elsewhere: Elsewhere::new(config),
            slots: Vec::new(),
            places: Places::default(),
            tally: Tally::new(&config.peers),
            unattributed: Vec::new(),
            fresh: Tally::new(&config.peers),
            current: Err(Fault::GONE),
        }
    }

    /// Counts the sockets in TIME_WAIT, which nobody holds, and takes them out of the dump.
    fn count_time_wait(&mut self) {
        let Self { dump, tally, .. } = self;
        tally.open(Places::HOST + 1);
        if self.states == OWNED_STATES {
            return;
        }
        dump.retain(|socket| {
            let waits = socket.state == TcpState::TimeWait;
            if waits {
                tally.add(&[Places::HOST], socket);
            }
            !waits
        });
    }

    /// Finds out whose each socket of the dump is.
    fn attribute(&mut self, pass: &mut Pass<'_>) {
        self.holders.clear();
        self.holders.extend(pass.seats.iter().map(|seat| {
            let (identity, uids, fds) = (seat.identity, seat.uids, seat.fds);
            Holder { identity, uids, fds }
        }));
        if !pass.members.is_empty() {
            self.links.note(&self.dump);
        }
        let (links, members, seats) = (&mut self.links, pass.members, &mut *pass.seats);
        let mut read = |index: usize, inodes: &mut Vec<u64>| links.read(members[index], &mut seats[index], inodes);
        // Where nobody is watched there is nothing to remember of all the sockets of the host.
        let mut nothing = Vec::new();
        let dump = if members.is_empty() { &mut nothing } else { &mut self.dump };
        self.attribution.update(pass.now, (dump, &self.holders), &mut read);
    }

    /// Which member is in which slot, and whose sockets are known.
    fn seat(&mut self, pass: &Pass<'_>) {
        let slot = |(index, member): (usize, &&Member)| {
            // The dead have no sockets, which is not the good news that a count of 0 would be. It is
            // looked for where sockets are missing: elsewhere it changes nothing that was counted.
            let dead = || self.attribution.lost_some(index) && member.process.has_exited();
            if pass.seats[index].gone || dead() { Err(Fault::GONE) } else { self.attribution.slot(index) }
        };
        self.slots.clear();
        self.slots.extend(pass.members.iter().enumerate().map(slot));
        self.places.set(pass.groups, (&self.slots, self.attribution.width()));
    }

    fn count(&mut self) {
        self.tally.grow(self.places.of_slot(self.attribution.width()));
        for socket in &self.dump {
            let places = match self.attribution.whose(socket) {
                Whose::Of(slots) => self.places.of(slots),
                Whose::Nobody => self.places.of(&[]),
                Whose::Unclear => {
                    self.tally.add_unclear(socket);
                    self.places.of(&[])
                }
            };
            if self.host && socket.state == TcpState::Established {
                places.push(Places::HOST);
            }
            self.tally.add(places, socket);
        }
    }
}

impl Probe for Sockets {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        self.fresh.follow(pass.names);
        if self.tally.follow(pass.names) {
            self.elsewhere.follow_names(&self.tally);
        }
        self.unattributed.clear();
        self.slots.clear();
        self.dump.clear();
        if self.host || !pass.members.is_empty() {
            self.diag.dump(self.states, &mut self.dump)?;
        }
        self.count_time_wait();
        self.links.place(pass);
        self.attribute(pass);
        self.seat(pass);
        self.count();
        self.elsewhere.update(pass, &self.dump);
        self.tally.take_met(&mut |name, address| pass.names.touch(name, address, pass.now));
        if !pass.members.is_empty() {
            self.unattributed.extend(self.tally.unclear());
            self.elsewhere.add_unclear(&mut self.unattributed);
        }
        Ok(())
    }

    fn look(&mut self, _: &mut Pass<'_>, index: usize) {
        self.current = self.slots.get(index).copied().unwrap_or(Err(Fault::GONE));
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        number(&self.tally, self.places.of_slot(self.current?), column)
    }

    fn host(&self, column: Column) -> Result<f64, Fault> {
        number(&self.tally, Places::HOST, column)
    }

    fn once(&self, group: usize, column: Column) -> Option<f64> {
        number(&self.tally, Places::of_group(group), column).ok()
    }

    fn slow(&self, pass: &Pass<'_>, index: usize, column: Column) -> Option<Slow> {
        self.elsewhere.member(pass.seats.get(index)?, column)
    }

    fn slow_group(&self, pass: &Pass<'_>, group: usize, column: Column) -> Option<Slow> {
        let of = pass.groups.get(group)?;
        // Without a dump nothing is known of the members here, and nothing new of the others.
        if self.elsewhere.is_unused() || self.slots.len() != pass.members.len() {
            return None;
        }
        let here = of.members.iter().filter(|&&member| pass.seats[member].other_net().is_none());
        let each = here.map(|&member| number(&self.tally, self.places.of_slot(self.slots[member]?), column));
        let each: Vec<Value> = each.map(known).collect();
        let once = number(&self.tally, Places::of_group(group), column).ok();
        let here = (!each.is_empty()).then(|| together(column.base, once, each.into_iter()));
        self.elsewhere.group(pass, (of, column), here)
    }

    fn detach(&mut self) {
        self.elsewhere.detach();
    }

    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let Self { links, diag, fresh: tally, elsewhere, .. } = self;
        links.place(pass);
        let mut dump = Vec::new();
        let mut fresh = Anew { links, diag, tally, dump: &mut dump }.count(pass, column)?;
        if pass.seats.iter().any(|seat| seat.other_net().is_some()) {
            let here = pass.seats.iter().zip(&fresh.each).filter(|(seat, _)| seat.other_net().is_none());
            let here: Vec<Value> = here.map(|(_, value)| known(*value)).collect();
            let mut parts = elsewhere.anew(pass, column, &dump);
            parts.extend((!here.is_empty()).then(|| together(column.base, fresh.once, here.into_iter())));
            fresh.whole = Some(together(column.base, None, parts.into_iter()));
        }
        Ok(fresh)
    }

    fn fresh_host(&mut self, _: Moment, column: Column) -> Result<f64, Fault> {
        let mut dump = Vec::new();
        let state = if column.base == Base::HostTimeWait { TcpState::TimeWait } else { TcpState::Established };
        self.diag.dump(States::of(&[state]), &mut dump)?;
        self.fresh.open(Places::HOST + 1);
        dump.iter().for_each(|socket| self.fresh.add(&[Places::HOST], socket));
        number(&self.fresh, Places::HOST, column)
    }

    fn unattributed(&self) -> &[(Base, u64)] {
        &self.unattributed
    }
}

fn known(value: Result<f64, Fault>) -> Value {
    value.map_or_else(|fault| Value::Unknown(fault.unknown), Value::Known)
}

fn number(tally: &Tally, place: Slot, column: Column) -> Result<f64, Fault> {
    if tally.is_unresolved(column.peer) {
        return Err(Fault::UNRESOLVED);
    }
    let count = tally.get(place, column.base, column.peer);
    count.map(|count| count as f64).ok_or(Fault::IMPOSSIBLE)
}
