//! `[peers]`: names for the other side of sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Value};
use super::super::text::quoted;
use super::super::units::Wrong;
use super::super::value::named;
use super::super::{Address, End, Network, Peer};
use crate::model::Derived;

mod name;

/// Every peer, and every name that was tried to be one.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// The section is no table: which names it was meant to hold is unknown.
    pub unknown: bool,
    /// Those that are right.
    pub list: Vec<Peer>,
    /// All names, so that a broken peer is told once and not at each metric.
    pub names: Vec<Arc<str>>,
}

const EXAMPLE: &str = "10.0.5.10:5432";

/// Reads the section.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Peers {
    let mut peers = Peers::default();
    let Some(table) = value.table("[peers]", report) else { return Peers { unknown: true, ..peers } };
    for entry in table.rest() {
        if named(entry.key, entry.key_place, report) && !is_taken(&entry, report) {
            let name: Arc<str> = entry.key.into();
            peers.names.push(Arc::clone(&name));
            peers.list.extend(peer(name, &entry, report));
        }
    }
    peers
}

/// `close_wait.growth` is the growth of all.
fn is_taken(entry: &Entry<'_>, report: &mut Report) -> bool {
    let taken = Derived::by_name(entry.key).is_some();
    if taken {
        report
            .error(entry.key_place, format!("a peer cannot be called `{}`: NAME.{0} is a forecast", entry.key))
            .help("give it another name");
    }
    taken
}

fn peer(name: Arc<str>, entry: &Entry<'_>, report: &mut Report) -> Option<Peer> {
    if !entry.value.is_table() {
        let (address, port) = pattern(entry.value, report)?;
        return Some(Peer { name, end: End::Remote, address, port });
    }
    let mut table = entry.value.table("{ local = \"*:8443\" }", report)?;
    let (place, local) = (table.place, table.take("local"));
    if table.finish(&keys::PEER, report) && local.is_none() {
        report.missing(place, "an empty peer").help("write \"ADDRESS:PORT\", or { local = \"ADDRESS:PORT\" }");
    }
    let (address, port) = pattern(local?, report)?;
    Some(Peer { name, end: End::Local, address, port })
}

fn pattern(value: Value<'_>, report: &mut Report) -> Option<(Address, Option<u16>)> {
    let text = value.text(EXAMPLE, report)?;
    match parse(text) {
        Ok(pattern) => Some(pattern),
        Err(wrong) => {
            report.error(value.place, format!("{} {}", quoted(text), wrong.what)).help(wrong.help);
            None
        }
    }
}

fn wrong(what: &str, help: impl Into<String>) -> Wrong {
    Wrong { what: what.to_owned(), help: help.into() }
}

fn parse(text: &str) -> Result<(Address, Option<u16>), Wrong> {
    if text.is_empty() {
        return Err(wrong("is empty", format!("write ADDRESS:PORT, such as \"{EXAMPLE}\"")));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(wrong(
            "is an IPv6 address without brackets",
            format!("write \"[{text}]:PORT\", or \"[{text}]:*\""),
        ));
    }
    let Some((address, port)) = text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Err(wrong("has no port", format!("write ADDRESS:PORT, or \"{text}:*\" for every port")));
    };
    let port = match port {
        "*" => None,
        number => match number.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            Ok(_) | Err(_) => return Err(wrong("has no port", "a port is a number from 1 to 65535, or *")),
        },
    };
    let address = whom(address)?;
    if address == Address::Any && port.is_none() {
        return Err(wrong("is every socket", "give an address or a port"));
    }
    Ok((address, port))
}

fn whom(text: &str) -> Result<Address, Wrong> {
    if text == "*" {
        return Ok(Address::Any);
    }
    if name::is_meant(text) {
        return name::parse(text).map(|name| Address::Name(name.into()));
    }
    network(text).map(Address::Network)
}

fn network(text: &str) -> Result<Network, Wrong> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let (address, prefix) = match inner.unwrap_or(text).split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (inner.unwrap_or(text), None),
    };
    let address: IpAddr = match (inner, address.parse::<IpAddr>()) {
        (Some(_), Ok(IpAddr::V6(v6))) if v6.to_ipv4_mapped().is_some() => {
            return Err(wrong(
                "is an IPv4 address written as IPv6",
                "write the IPv4 address: such sockets count as IPv4",
            ));
        }
        (Some(_), Ok(v6 @ IpAddr::V6(_))) => v6,
        (None, Ok(v4 @ IpAddr::V4(_))) => v4,
        (None, Ok(IpAddr::V6(_))) => {
            return Err(wrong("is an IPv6 address without brackets", format!("write \"[{text}]:PORT\"")));
        }
        (_, Ok(_) | Err(_)) => return Err(no_address(text)),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix.map(str::parse::<u8>) {
        None => most,
        Some(Ok(prefix)) if prefix <= most => prefix,
        Some(_) => return Err(wrong("has no such prefix", format!("a prefix is a number from 0 to {most}"))),
    };
    let first = first(address, prefix);
    if first == address {
        return Ok(Network { address, prefix });
    }
    let network = if first.is_ipv4() { format!("{first}/{prefix}") } else { format!("[{first}/{prefix}]") };
    Err(wrong("has bits behind its prefix", format!("write {network} for the network, or no prefix for the address")))
}

fn no_address(text: &str) -> Wrong {
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return wrong("has no IP address", "an IPv4 address is four numbers from 0 to 255: 10.0.5.10");
    }
    let help = "ADDRESS is *, 10.0.5.10, 10.0.5.0/24, [::1], [fd00::/8] or a host name; PORT is a number or *";
    wrong("is not ADDRESS:PORT", help)
}

/// The first address of the network that `address` is in.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let keep = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !u32::MAX.checked_shr(keep).unwrap_or(0)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::MAX.checked_shr(keep).unwrap_or(0)).into(),
    }
}
