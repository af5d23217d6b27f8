//! Host names, by the C library: /etc/hosts, DNS, whatever nsswitch.conf says.

use std::net::{IpAddr, ToSocketAddrs as _};

use crate::model::printable;

/// As much of an error as is shown.
const SHOWN: usize = 200;

/// All addresses of a host name, IPv4 and IPv6. An IPv4 address in IPv6 notation is the IPv4 address, as it is
/// with sockets.
///
/// It may take a minute, or more: getaddrinfo(3) has no deadline. Never call it from the loop.
///
/// # Errors
/// What the C library says, fit to be printed.
pub fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    // The port is not asked for.
    match (name, 0_u16).to_socket_addrs() {
        Ok(found) => Ok(found.map(|address| address.ip().to_canonical()).collect()),
        Err(error) => {
            let text = error.to_string();
            let said = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
            Err(printable(said.as_bytes(), SHOWN))
        }
    }
}
