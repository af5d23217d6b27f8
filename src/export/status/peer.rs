//! The peers of the configuration: who is meant by the name behind the dot of a metric.

use serde::{Deserialize, Serialize};

use crate::config::{self, Address, End};
use crate::export::Snapshot;
use crate::model::printable;

/// Longest text about a host name.
const MOST_CHARS: usize = 300;

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Which end of a socket is compared: remote, local.
    pub end: String,
    /// `ADDRESS:PORT`, as in the configuration.
    pub address: String,
    /// How many addresses its host name has now; absent where it has none, or is not resolved yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub addresses: Option<usize>,
    /// Why its host name could not be resolved the last time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}

/// All of them, in the order of the configuration.
pub(super) fn peers(snapshot: &Snapshot) -> Vec<Peer> {
    snapshot.config.peers.iter().map(|peer| Peer::of(peer, snapshot)).collect()
}

impl Peer {
    fn of(peer: &config::Peer, snapshot: &Snapshot) -> Self {
        let resolved = match &peer.address {
            Address::Name(name) => snapshot.host_names.iter().find(|known| known.name == *name),
            Address::Any | Address::Network(_) => None,
        };
        let trouble = resolved.and_then(|known| known.trouble.as_deref());
        Self {
            name: peer.name.to_string(),
            end: match peer.end {
                End::Remote => "remote".to_owned(),
                End::Local => "local".to_owned(),
            },
            address: written(peer),
            addresses: resolved.and_then(|known| known.addresses),
            trouble: trouble.map(|why| printable(why.as_bytes(), MOST_CHARS)),
        }
    }
}

fn written(peer: &config::Peer) -> String {
    let address = match &peer.address {
        Address::Any => "*".to_owned(),
        Address::Name(name) => name.to_string(),
        Address::Network(network) => {
            let whole = if network.address.is_ipv4() { 32 } else { 128 };
            let prefix = if network.prefix == whole { String::new() } else { format!("/{}", network.prefix) };
            if network.address.is_ipv4() {
                format!("{}{prefix}", network.address)
            } else {
                format!("[{}{prefix}]", network.address)
            }
        }
    };
    format!("{address}:{}", peer.port.map_or_else(|| "*".to_owned(), |port| port.to_string()))
}
