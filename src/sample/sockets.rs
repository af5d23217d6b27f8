//! `close_wait`, `established` and the other states, `sockets`: of all sockets and per peer.

use super::attribution::{Attribution, Holder, Slot, Whose};
use super::fault::Fault;
use super::probe::{Column, Pass, Probe, Row};
use super::tally::{OWNED_STATES, Tally};
use crate::config::Config;
use crate::discover::Member;
use crate::kernel::sock_diag::{SockDiag, Socket};
use crate::kernel::{self, Proc};
use crate::model::{Base, SOCKET_STATES};

/// Each state by itself, and all of them together.
const METRICS: [Base; SOCKET_STATES.len() + 1] = {
    let mut all = [Base::Sockets; SOCKET_STATES.len() + 1];
    all.split_at_mut(SOCKET_STATES.len()).0.copy_from_slice(&SOCKET_STATES);
    all
};

pub(super) const PROBE: Row = Row { name: "sockets", metrics: &METRICS, make: |config| Box::new(Sockets::new(config)) };

struct Sockets {
    diag: SockDiag,
    dump: Vec<Socket>,
    holders: Vec<Holder>,
    attribution: Attribution,
    links: Links,
    tally: Tally,
    unattributed: Vec<(Base, u64)>,
    /// For readings that rest on nothing remembered.
    fresh: Tally,
    current: Result<Slot, Fault>,
}

impl Sockets {
    fn new(config: &Config) -> Self {
        Self {
            diag: SockDiag::new(),
            dump: Vec::new(),
            holders: Vec::new(),
            attribution: Attribution::default(),
            links: Links::default(),
            tally: Tally::new(config.peers.clone()),
            unattributed: Vec::new(),
            fresh: Tally::new(config.peers.clone()),
            current: Err(Fault::GONE),
        }
    }

    fn count(&mut self) {
        self.tally.open(self.attribution.width());
        for socket in &self.dump {
            match self.attribution.whose(socket) {
                Whose::Of(slots) => self.tally.add(slots, socket),
                Whose::Unclear => self.tally.add_unclear(socket),
                Whose::Nobody => {}
            }
        }
        self.unattributed.extend(self.tally.unclear());
    }
}

impl Probe for Sockets {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        self.unattributed.clear();
        self.dump.clear();
        if !pass.members.is_empty() {
            self.diag.dump(OWNED_STATES, &mut self.dump)?;
        }
        self.holders.clear();
        self.holders.extend(pass.seats.iter().map(|seat| {
            let (identity, uids, fds) = (seat.identity, seat.uids, seat.fds);
            Holder { identity, uids, fds }
        }));
        let (links, members) = (&mut self.links, pass.members);
        let mut read = |index: usize, inodes: &mut Vec<u64>| links.read(members[index], inodes);
        self.attribution.update(pass.now, (&mut self.dump, &self.holders), &mut read);
        if !pass.members.is_empty() {
            self.count();
        }
        Ok(())
    }

    fn look(&mut self, pass: &mut Pass<'_>, index: usize) {
        // The dead have no sockets, which is not the good news that a count of 0 would be. It is
        // looked for where sockets are missing: elsewhere it changes nothing that was counted.
        let dead = || self.attribution.lost_some(index) && pass.members[index].process.has_exited();
        let gone = pass.seats[index].gone || dead();
        self.current = if gone { Err(Fault::GONE) } else { self.attribution.slot(index) };
    }

    fn value(&self, column: Column) -> Result<f64, Fault> {
        let count = self.tally.get(self.current?, column.base, column.peer);
        count.map(|count| count as f64).ok_or(Fault::IMPOSSIBLE)
    }

    /// A new dump held against all links of this one process.
    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<f64, Fault> {
        let mut inodes = Vec::new();
        let mut dump = Vec::new();
        // The dump comes last: what counts is the state that the sockets are in at the end.
        self.links.read(pass.members[0], &mut inodes)?;
        self.diag.dump(OWNED_STATES, &mut dump)?;
        if pass.members[0].process.has_exited() {
            return Err(Fault::GONE);
        }
        inodes.sort_unstable();
        self.fresh.open(1);
        for socket in &dump {
            if socket.inode != 0 && inodes.binary_search(&u64::from(socket.inode)).is_ok() {
                self.fresh.add(&[0], socket);
            }
        }
        let count = self.fresh.get(0, column.base, column.peer);
        count.map(|count| count as f64).ok_or(Fault::IMPOSSIBLE)
    }

    fn unattributed(&self) -> &[(Base, u64)] {
        &self.unattributed
    }
}

/// Reads the descriptor links of members in our own network namespace.
#[derive(Default)]
struct Links {
    /// The inode of our own network namespace, which is the one that the dump is of.
    namespace: Option<u64>,
    buffer: Vec<u8>,
}

impl Links {
    fn read(&mut self, member: &Member, inodes: &mut Vec<u64>) -> Result<(), Fault> {
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
