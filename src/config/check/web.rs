//! `[web]`: addresses, certificate, users. Whether the files are there is asked at the start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use bcrypt::HashParts;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Value};
use super::super::source::Place;
use super::super::text::quoted;
use super::super::web::{PasswordHash, Tls, Web, WebUser};

const TLS: &str = "{ cert = \"/etc/tradedog/tls/cert.pem\", key = \"/etc/tradedog/tls/key.pem\" }";
const HASH: &str = "write what htpasswd -nBC 10 NAME prints behind the colon, such as \"$2y$10$...\"";
/// Costs that a host can bear: each step doubles the time for every password that is tried.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;
/// Below this a stolen hash is soon a password.
const WEAK: u32 = 8;
/// Longest name of a user.
const NAME: usize = 64;
/// More than anybody needs; each costs nothing but memory.
const MOST_USERS: usize = 100;

/// Reads the section.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Web {
    let mut web = Web::default();
    let Some(mut table) = value.table("[web]", report) else { return web };
    let listen = table.take("listen");
    if let Some(list) = listen.and_then(|value| value.list("[\"127.0.0.1:7911\"]", report)) {
        web.listen = addresses(&list, report);
    }
    let series = table.take("max_series").and_then(|value| value.whole(1..=10_000_000, report));
    if let Some(series) = series.and_then(|n| usize::try_from(n).ok()) {
        web.max_series = series;
    }
    let given = (table.take("tls"), table.take("users"));
    web.tls = given.0.and_then(|value| tls(value, report));
    web.users = given.1.map_or_else(Vec::new, |value| users(value, report));
    table.finish(&keys::WEB, report);
    if let Some(value) = listen {
        exposed((value.place, &web), (given.0.is_some(), given.1.is_some()), report);
    }
    web
}

fn addresses(list: &[Value<'_>], report: &mut Report) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for value in list {
        match address(*value, report) {
            Some(address) if addresses.contains(&address) => {
                report.error(value.place, format!("`{address}` is written twice")).help("keep one of the two");
            }
            address => addresses.extend(address),
        }
    }
    addresses
}

fn address(value: Value<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = value.text("127.0.0.1:7911", report)?;
    let address = text.parse().ok();
    if address.is_none() {
        report
            .error(value.place, format!("{} is not an IP address with a port", quoted(text)))
            .help("write \"127.0.0.1:7911\" or \"[::1]:7911\"");
    }
    address
}

/// Warns of what other hosts may read, and of passwords that travel in the clear.
fn exposed((place, web): (Place, &Web), (tls, users): (bool, bool), report: &mut Report) {
    let Some(open) = web.listen.iter().find(|address| !address.ip().is_loopback()) else { return };
    match (tls, users) {
        (_, false) => {
            let what = format!("whoever reaches {open} may read everything here");
            report.warning(place, what).help("add `users` and `tls`, or listen on loopback behind a proxy");
        }
        (false, true) => {
            let what = format!("passwords come to {open} in the clear");
            report.warning(place, what).help("add `tls`, or listen on loopback behind a proxy that speaks TLS");
        }
        (true, true) => {}
    }
}

fn tls(value: Value<'_>, report: &mut Report) -> Option<Tls> {
    let mut table = value.table(&format!("tls = {TLS}"), report)?;
    let place = table.place;
    let (cert, key, client_ca) = (table.take("cert"), table.take("key"), table.take("client_ca"));
    let whole = table.finish(&keys::TLS, report);
    for (name, given) in [("cert", cert.is_some()), ("key", key.is_some())] {
        if whole && !given {
            report.missing(place, format!("`tls` without `{name}`")).help(format!("write both: tls = {TLS}"));
        }
    }
    let cert = cert.and_then(|value| path(value, "/etc/tradedog/tls/cert.pem", report));
    let key = key.and_then(|value| path(value, "/etc/tradedog/tls/key.pem", report));
    let client_ca = client_ca.map_or(Some(None), |value| path(value, "/etc/tradedog/tls/ca.pem", report).map(Some));
    Some(Tls { cert: cert?, key: key?, client_ca: client_ca? })
}

fn path(value: Value<'_>, example: &str, report: &mut Report) -> Option<PathBuf> {
    let text = value.text(example, report)?;
    if text.starts_with('/') && !text.contains('\0') {
        return Some(PathBuf::from(text));
    }
    // It may be the key itself, which is not said once more.
    report
        .error(value.place, "not an absolute path")
        .help(format!("write the path of the file, such as \"{example}\""));
    None
}

fn users(value: Value<'_>, report: &mut Report) -> Vec<WebUser> {
    let Some(table) = value.table("users = { prometheus = \"$2y$10$...\" }", report) else { return Vec::new() };
    let entries = table.rest();
    if entries.is_empty() {
        report.error(value.place, "nobody could look").help("name those who may, or leave `users` out");
    }
    if let Some(one) = entries.get(MOST_USERS) {
        report.error(one.key_place, format!("more than {MOST_USERS} users")).help("let a proxy ask for passwords");
    }
    entries.iter().filter_map(|entry| user(entry, report)).collect()
}

fn user(entry: &Entry<'_>, report: &mut Report) -> Option<WebUser> {
    let name = entry.key;
    let sound = !name.is_empty() && name.len() <= NAME && !name.contains(':') && !name.chars().any(char::is_control);
    if !sound {
        report
            .error(entry.key_place, format!("{} cannot be the name of a user", quoted(name)))
            .help(format!("1 to {NAME} characters, none of them a colon"))
            .hidden();
    }
    let text = entry.value.text("$2y$10$...", report)?;
    // It may be the password itself, which is neither said nor shown once more.
    let place = entry.value.place;
    let Ok(parts) = HashParts::from_str(text) else {
        let what = format!("what stands for the password of {} is no bcrypt hash", quoted(name));
        report.error(place, what).help(HASH).hidden();
        return None;
    };
    let cost = parts.get_cost();
    if !COSTS.contains(&cost) {
        let (least, most) = (COSTS.start(), COSTS.end());
        report
            .error(place, format!("the bcrypt hash of {} has cost {cost}", quoted(name)))
            .help(format!("costs from {least} to {most} are borne, 10 is usual: htpasswd -nBC 10 NAME"))
            .hidden();
        return None;
    }
    if cost < WEAK {
        report
            .warning(place, format!("the bcrypt hash of {} is soon guessed: it has cost {cost}", quoted(name)))
            .help("10 is usual: htpasswd -nBC 10 NAME")
            .hidden();
    }
    sound.then(|| WebUser { name: name.into(), hash: PasswordHash::new(text) })
}
