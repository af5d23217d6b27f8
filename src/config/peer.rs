//! Whom a socket belongs to.

use std::net::IpAddr;
use std::sync::Arc;

use super::Config;

/// `[peers]`: a name for the other side of sockets, or for an own listening side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name after the dot of a metric.
    pub name: Arc<str>,
    /// Which end of the socket the pattern is held against.
    pub end: End,
    /// Which addresses.
    pub address: Address,
    /// Port; none for `*`.
    pub port: Option<u16>,
}

/// Which addresses belong to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `*`
    Any,
    /// An address or a network.
    Network(Network),
    /// Those that this name resolves to, again and again. In lower case, without a dot at its end.
    Name(Arc<str>),
}

/// An end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side: connections that the process made.
    Remote,
    /// The own side: connections that others made to it.
    Local,
}

/// An address or a CIDR network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Config {
    /// The host names that stand in `[peers]`, each once.
    pub fn host_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for peer in &self.peers {
            if let Address::Name(name) = &peer.address
                && !names.contains(name)
            {
                names.push(Arc::clone(name));
            }
        }
        names
    }
}
