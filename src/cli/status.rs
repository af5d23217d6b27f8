//! `tradedog status`: asks the running daemon.

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
use client::Address;

/// Time for the whole exchange.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom to ask, and how to tell.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Address of the daemon; without it the first one of [web] listen
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    url: Option<String>,
    /// Print the daemon's answer as it is, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let address = match &arguments.url {
        Some(url) => Address::parse(url).map_err(Failure::usage)?,
        None => configured(&arguments.file)?,
    };
    let answer = client::get(&address, "/api/v1/status", PATIENCE).map_err(Failure::runtime)?;
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
fn configured(file: &ConfigFile) -> Result<Address, Failure> {
    let config = file.load()?;
    let first = config.web.listen.first().copied();
    first.map(reachable).map(Address::from).ok_or_else(|| {
        Failure::usage("[web] listen is empty, so the daemon has no address to be asked at: add one, or give --url")
    })
}

/// An address to connect to: a server that listens on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
