//! `tradedog status`: asks the running daemon.

pub(super) mod access;
pub(super) mod client;
mod host;
mod view;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;

use super::columns::text;
use super::daemon::Daemon;
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
    /// Only this target; without it, all of them and the host, worst first
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
    /// Address of the daemon; without it, the daemon is asked over its control socket, and where that is not
    /// open to this user, at the first address of [web] listen
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    url: Option<String>,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the daemon's answer as it is, as JSON
    #[arg(long, conflicts_with = "target")]
    json: bool,
}

/// What the daemon said, and whether it runs on this host.
struct Answer {
    json: String,
    is_here: bool,
    /// Who said it, for sentences about him.
    from: String,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let answer = ask(arguments)?;
    let from = &answer.from;
    let stranger = || Failure::runtime(format!("{from} answers, but not as tradedog does: is it the right port?"));
    let mut status: Status = serde_json::from_str(&answer.json).map_err(|_| stranger())?;
    if arguments.json {
        return Ok(output.text(&answer.json)?);
    }
    if let Some(name) = &arguments.target {
        only(&mut status, name)?;
    }
    // Of another host nothing is known here, not even that its clock shows the same time.
    let here = answer.is_here.then(|| (unix_now(), host::Host::look()));
    let (now, host) = here.as_ref().map_or((status.time, None), |(now, host)| (*now, Some(host)));
    let view = if arguments.target.is_some() { view::Whom::Target } else { view::Whom::All };
    Ok(view::print((&status, view), (now, host), output)?)
}

/// Over the control socket where nobody says which daemon; else, or where that is not to be had, over HTTP.
fn ask(arguments: &Arguments) -> Result<Answer, Failure> {
    if let Some(url) = &arguments.url {
        let address = Address::parse(url).map_err(Failure::usage)?;
        return get(&(address, arguments.access.or_configured(None)));
    }
    if arguments.file.is_given() {
        return get(&configured(arguments)?);
    }
    match arguments.daemon.status() {
        Ok(json) => Ok(Answer { json, is_here: true, from: "the daemon".to_owned() }),
        // Of the daemon of that directory no configuration is known.
        Err(unanswered) if arguments.daemon.is_given() => Err(unanswered.into()),
        Err(unanswered) => match configured(arguments) {
            // What keeps us from the socket is told where there is no other way.
            Err(_) => Err(unanswered.into()),
            Ok(place) => get(&place),
        },
    }
}

fn get((address, access): &(Address, Access)) -> Result<Answer, Failure> {
    let json = client::get_as(access, address, ("/api/v1/status", PATIENCE)).map_err(Failure::runtime)?;
    Ok(Answer { json, is_here: address.is_here(), from: address.to_string() })
}

/// Leaves that target alone.
fn only(status: &mut Status, name: &str) -> Result<(), Failure> {
    let names: Vec<String> = status.targets.iter().map(|target| text(&target.name)).collect();
    status.targets.retain(|target| target.name == name);
    if status.targets.is_empty() {
        let there = names.join(", ");
        return Err(Failure::usage(format!("no target is called {}: there is {there}", text(name))));
    }
    Ok(())
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
