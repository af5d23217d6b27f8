//! How many sockets of which state and peer a process holds, a group, the host.
//!
//! What belongs here: the table of states with an owner, matching against `[peers]`, counting.
//! What does not: whose a socket is (`attribution`).

use super::attribution::Slot;
use crate::config::{End, Network, Peer};
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

/// What the kernel is asked for.
pub(super) const OWNED_STATES: States = {
    let mut states = [TcpState::CloseWait; OWNED.len()];
    let mut index = 0;
    while index < states.len() {
        states[index] = OWNED[index].0;
        index += 1;
    }
    States::of(&states)
};

/// The counts of one pass.
#[derive(Debug)]
pub(super) struct Tally {
    peers: Vec<Peer>,
    /// For each slot a row for all sockets and one for each peer, each with [`COLUMNS`] columns.
    counts: Vec<u32>,
    unclear: [u64; OWNED.len()],
}

impl Tally {
    pub(super) const fn new(peers: Vec<Peer>) -> Self {
        Self { peers, counts: Vec::new(), unclear: [0; OWNED.len()] }
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
            if is_with(&self.peers[peer], socket) {
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

fn is_with(peer: &Peer, socket: &Socket) -> bool {
    let Endpoint { address, port } = match peer.end {
        End::Remote => socket.remote,
        End::Local => socket.local,
    };
    peer.port.is_none_or(|wanted| wanted == port) && peer.address.is_none_or(|network| contains(network, address))
}

/// Whether `address` is in `network`. Addresses of sockets are never IPv4 in IPv6 notation.
fn contains(network: Network, address: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    let (wanted, found, bits) = match (network.address, address) {
        (V4(wanted), V4(found)) => (u128::from(wanted.to_bits()), u128::from(found.to_bits()), 32),
        (V6(wanted), V6(found)) => (wanted.to_bits(), found.to_bits(), 128),
        (V4(_), V6(_)) | (V6(_), V4(_)) => return false,
    };
    let host_bits = u32::from(u8::saturating_sub(bits, network.prefix));
    // A prefix of 0 leaves nothing to compare: shifting all 128 bits out is none, not a wrap.
    wanted.checked_shr(host_bits) == found.checked_shr(host_bits)
}
