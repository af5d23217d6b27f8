//! What things are called: states of sockets, kinds of descriptors, peers.

use std::net::IpAddr;

use crate::config::{Address, End, Network, Peer};
use crate::kernel::sock_diag::Endpoint;

/// The states of TCP by the kernel's number (include/net/tcp_states.h).
pub(super) const fn tcp_state(number: u8) -> &'static str {
    match number {
        1 => "ESTABLISHED",
        2 => "SYN_SENT",
        3 => "SYN_RECV",
        4 => "FIN_WAIT1",
        5 => "FIN_WAIT2",
        6 => "TIME_WAIT",
        7 => "CLOSE",
        8 => "CLOSE_WAIT",
        9 => "LAST_ACK",
        10 => "LISTEN",
        11 => "CLOSING",
        12 => "NEW_SYN_RECV",
        _ => "?",
    }
}

/// A UDP socket is connected to a peer, or not.
pub(super) const fn udp_state(number: u8) -> &'static str {
    if number == 1 { "connected" } else { "unconnected" }
}

/// The states of a Unix socket (include/uapi/linux/net.h).
pub(super) const fn unix_state(number: u64, listens: bool) -> &'static str {
    match (number, listens) {
        (_, true) => "LISTEN",
        (1, _) => "unconnected",
        (2, _) => "connecting",
        (3, _) => "connected",
        (4, _) => "disconnecting",
        _ => "?",
    }
}

/// The kinds of Unix sockets.
pub(super) const fn unix_kind(number: u64) -> &'static str {
    match number {
        1 => "unix stream",
        2 => "unix dgram",
        5 => "unix seqpacket",
        _ => "unix",
    }
}

/// The peer whose pattern a connection fits, where that is an address: names are not looked up here.
pub(super) fn peer<'a>(peers: &'a [Peer], local: &Endpoint, remote: &Endpoint) -> Option<&'a str> {
    let fits = |peer: &&Peer| {
        let end = match peer.end {
            End::Remote => remote,
            End::Local => local,
        };
        peer.port.is_none_or(|port| port == end.port)
            && match &peer.address {
                Address::Any => true,
                Address::Network(network) => contains(*network, end.address),
                Address::Name(_) => false,
            }
    };
    peers.iter().find(fits).map(|peer| &*peer.name)
}

fn contains(network: Network, address: IpAddr) -> bool {
    let shared = |one: u128, other: u128, width: u32| {
        let host = width.saturating_sub(u32::from(network.prefix));
        (one ^ other).checked_shr(host).unwrap_or(0) == 0
    };
    match (network.address, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => shared(u32::from(one).into(), u32::from(other).into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => shared(one.into(), other.into(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
