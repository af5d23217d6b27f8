//! `tradedog status`: asks the running daemon.

mod access;
pub(super) mod client;
mod host;
mod view;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output};
use crate::export::status::Status;
use crate::kernel;
use access::Access;
use client::Address;

/// Time for the whole exchange.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom to ask, and how to tell.
#[derive(Args, Debug, Default)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Address of the daemon; without it the first one of [web] listen
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    url: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Print the daemon's answer as it is, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let (address, access) = match &arguments.url {
        Some(url) => (Address::parse(url).map_err(Failure::usage)?, arguments.access.or_configured(None)),
        None => configured(arguments)?,
    };
    let answer = client::get_as(&access, &address, ("/api/v1/status", PATIENCE)).map_err(Failure::runtime)?;
    let stranger = || Failure::runtime(format!("{address} answers, but not as tradedog does: is it the right port?"));
    let status: Status = serde_json::from_str(&answer).map_err(|_| stranger())?;
    if arguments.json {
        return Ok(output.text(&answer)?);
    }
    // Of another host nothing is known here, not even that its clock shows the same time.
    let here = address.is_here().then(|| (unix_now(), host::Host::look()));
    let (now, host) = here.as_ref().map_or((status.time, None), |(now, host)| (*now, Some(host)));
    Ok(view::print(&status, (now, host), output)?)
}

fn unix_now() -> f64 {
    kernel::wall_now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The first address that the configuration makes the daemon listen on.
fn configured(arguments: &Arguments) -> Result<(Address, Access), Failure> {
    let web = arguments.file.load()?.web;
    let first = web.listen.first().copied().ok_or_else(|| {
        Failure::usage("[web] listen is empty, so the daemon has no address to be asked at: add one, or give --url")
    })?;
    if !web.users.is_empty() && !arguments.access.has_user() {
        return Err(Failure::usage("the daemon asks for a user of [web] users: give --user and --password-file"));
    }
    let cert = web.tls.as_ref().map(|tls| &*tls.cert);
    Ok((Address::from(reachable(first)).with_tls(cert.is_some()), arguments.access.or_configured(cert)))
}

/// An address to connect to: a server that listens on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
