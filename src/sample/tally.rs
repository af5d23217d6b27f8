//! How many sockets of which state and peer a process holds, a group, the host.
//!
//! What belongs here: the table of states with an owner, matching against `[peers]`, counting.
//! What does not: whose a socket is (`attribution`).

use std::net::IpAddr;
use std::sync::Arc;

use super::attribution::Slot;
use super::names::Names;
use crate::config::{Address, End, Network, Peer};
use crate::kernel::sock_diag::{Endpoint, Socket, States, TcpState};
use crate::model::Base;

#[cfg(test)]
mod tests;

/// The states in which a socket belongs to a process, and the metric of each. `TIME_WAIT`, half
/// open requests (`SYN_RECV`) and `CLOSE` are the kernel's own.
pub(super) const OWNED: [(TcpState, Base); 8] = [
    (TcpState::CloseWait, Base::CloseWait),
    (TcpState::Established, Base::Established),
    (TcpState::SynSent, Base::SynSent),
    (TcpState::FinWait1, Base::FinWait1),
    (TcpState::FinWait2, Base::FinWait2),
    (TcpState::LastAck, Base::LastAck),
    (TcpState::Closing, Base::Closing),
    (TcpState::Listen, Base::Listen),
];

/// Behind the columns of those states stands one for `TIME_WAIT`: nobody's, but the host's.
const COLUMNS: usize = OWNED.len() + 1;

/// The states that the sockets are in that `base` counts.
pub(super) fn states_of(base: Base) -> States {
    if base == Base::HostTimeWait {
        return States::of(&[TcpState::TimeWait]);
    }
    let base = if base == Base::HostEstablished { Base::Established } else { base };
    let counted = OWNED.iter().filter(|(_, of)| base == Base::Sockets || *of == base);
    counted.fold(States::NONE, |states, (state, _)| states.and(*state))
}

/// The counts of one pass.
#[derive(Debug)]
pub(super) struct Tally {
    peers: Vec<Party>,
    /// As of which version of the names their addresses are.
    names: Option<u64>,
    /// For each slot a row for all sockets and one for each peer, each with [`COLUMNS`] columns.
    counts: Vec<u32>,
    unclear: [u64; OWNED.len()],
}

impl Tally {
    pub(super) fn new(peers: &[Peer]) -> Self {
        Self::over(peers.iter().map(Party::new).collect())
    }

    /// One that counts by these peers, as they were resolved when they were taken from another.
    pub(super) const fn over(peers: Vec<Party>) -> Self {
        Self { peers, names: None, counts: Vec::new(), unclear: [0; OWNED.len()] }
    }

    /// The peers, as they are resolved now.
    pub(super) fn parties(&self) -> &[Party] {
        &self.peers
    }

    /// From now on host names have the addresses that they have now. Whether that is news.
    pub(super) fn follow(&mut self, names: &Names) -> bool {
        if self.names.replace(names.version()) == Some(names.version()) {
            return false;
        }
        for party in &mut self.peers {
            if let Whom::Name { name, known, addresses, met } = &mut party.whom {
                *known = names.addresses(name, addresses);
                met.clear();
                met.resize(addresses.len(), false);
            }
        }
        true
    }

    /// Whether it is not known who that peer is.
    pub(super) fn is_unresolved(&self, peer: Option<usize>) -> bool {
        let party = peer.and_then(|peer| self.peers.get(peer));
        party.is_some_and(|party| matches!(party.whom, Whom::Name { known: false, .. }))
    }

    /// Calls `met` with each host name and address of it that a socket was counted by, and forgets that.
    pub(super) fn take_met(&mut self, found: &mut dyn FnMut(&str, IpAddr)) {
        for party in &mut self.peers {
            if let Whom::Name { name, addresses, met, .. } = &mut party.whom {
                for (address, met) in addresses.iter().zip(met) {
                    if std::mem::take(met) {
                        found(name, *address);
                    }
                }
            }
        }
    }

    /// Forgets the counts and makes room for `slots` of them: processes, and whoever else is counted for.
    pub(super) fn open(&mut self, slots: usize) {
        self.counts.clear();
        self.unclear = [0; OWNED.len()];
        self.grow(slots);
    }

    /// Makes room for `slots` in all, and keeps what was counted.
    pub(super) fn grow(&mut self, slots: usize) {
        self.counts.resize(self.cell(slots, 0, 0), 0);
    }

    /// Counts a socket for each of its holders, once for all sockets and once for each peer that
    /// it is a connection with. A listening socket is a connection with nobody.
    pub(super) fn add(&mut self, holders: &[Slot], socket: &Socket) {
        // Most sockets of a host are nobody's: they are not held against the peers.
        let Some(column) = column(socket.state).filter(|_| !holders.is_empty()) else { return };
        for &slot in holders {
            self.count(self.cell(slot, 0, column));
        }
        if socket.state == TcpState::Listen {
            return;
        }
        for peer in 0..self.peers.len() {
            if self.peers[peer].is_with(socket) {
                for &slot in holders {
                    self.count(self.cell(slot, peer + 1, column));
                }
            }
        }
    }

    /// Counts a socket of which it cannot be said whose it is.
    pub(super) fn add_unclear(&mut self, socket: &Socket) {
        if let Some(count) = column(socket.state).and_then(|column| self.unclear.get_mut(column)) {
            *count += 1;
        }
    }

    /// How many sockets count for `slot`, of the state that `base` names or, for `sockets`, of any;
    /// with the peer of that index, or with anybody. None if nobody counts that.
    pub(super) fn get(&self, slot: Slot, base: Base, peer: Option<usize>) -> Option<u64> {
        let row = match peer {
            None => 0,
            Some(peer) if peer < self.peers.len() => peer + 1,
            Some(_) => return None,
        };
        let start = self.cell(slot, row, 0);
        let states = self.counts.get(start..start + COLUMNS)?;
        if base == Base::Sockets {
            return Some(states[..OWNED.len()].iter().map(|&count| u64::from(count)).sum());
        }
        let owned = if base == Base::HostEstablished { Base::Established } else { base };
        let column =
            if base == Base::HostTimeWait { Some(OWNED.len()) } else { OWNED.iter().position(|&(_, of)| of == owned) };
        states.get(column?).map(|&count| u64::from(count))
    }

    /// Each state with how many of its sockets could not be attributed.
    pub(super) fn unclear(&self) -> impl Iterator<Item = (Base, u64)> {
        OWNED.iter().zip(self.unclear).map(|(&(_, base), count)| (base, count))
    }

    const fn cell(&self, slot: Slot, row: usize, column: usize) -> usize {
        (slot * (self.peers.len() + 1) + row) * COLUMNS + column
    }

    fn count(&mut self, cell: usize) {
        if let Some(count) = self.counts.get_mut(cell) {
            *count += 1;
        }
    }
}

fn column(state: TcpState) -> Option<usize> {
    if state == TcpState::TimeWait {
        return Some(OWNED.len());
    }
    OWNED.iter().position(|&(owned, _)| owned == state)
}

/// A peer, as sockets are held against it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    end: End,
    port: Option<u16>,
    whom: Whom,
}

#[derive(Clone, Debug)]
enum Whom {
    Anybody,
    Network(Network),
    /// Whoever has one of these addresses, ascending; and which of them a socket was counted by.
    Name {
        name: Arc<str>,
        known: bool,
        addresses: Vec<IpAddr>,
        met: Vec<bool>,
    },
}

impl Party {
    fn new(peer: &Peer) -> Self {
        let whom = match &peer.address {
            Address::Any => Whom::Anybody,
            Address::Network(network) => Whom::Network(*network),
            Address::Name(name) => {
                Whom::Name { name: Arc::clone(name), known: false, addresses: Vec::new(), met: Vec::new() }
            }
        };
        Self { end: peer.end, port: peer.port, whom }
    }

    fn is_with(&mut self, socket: &Socket) -> bool {
        let Endpoint { address, port } = match self.end {
            End::Remote => socket.remote,
            End::Local => socket.local,
        };
        if self.port.is_some_and(|wanted| wanted != port) {
            return false;
        }
        match &mut self.whom {
            Whom::Anybody => true,
            Whom::Network(network) => contains(*network, address),
            Whom::Name { addresses, met, .. } => {
                let found = addresses.binary_search(&address);
                found.is_ok_and(|at| {
                    met[at] = true;
                    true
                })
            }
        }
    }
}

/// Whether `address` is in `network`. Addresses of sockets are never IPv4 in IPv6 notation.
fn contains(network: Network, address: IpAddr) -> bool {
    use IpAddr::{V4, V6};
    let (wanted, found, bits) = match (network.address, address) {
        (V4(wanted), V4(found)) => (u128::from(wanted.to_bits()), u128::from(found.to_bits()), 32),
        (V6(wanted), V6(found)) => (wanted.to_bits(), found.to_bits(), 128),
        (V4(_), V6(_)) | (V6(_), V4(_)) => return false,
    };
    let host_bits = u32::from(u8::saturating_sub(bits, network.prefix));
    // A prefix of 0 leaves nothing to compare: shifting all 128 bits out is none, not a wrap.
    wanted.checked_shr(host_bits) == found.checked_shr(host_bits)
}
