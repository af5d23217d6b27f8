//! Names of signals, and which of them are requests that a process handles.

use std::str::FromStr;

use nix::libc;
use nix::sys::signal::Signal as Name;

use super::super::super::problem::Report;
use super::super::super::reader::Value;
use super::super::super::source::Place;
use super::super::super::text::{capped, nearest, quoted};
use crate::model::Signal;

/// What to do instead of sending a signal that is no request.
const NO_REQUEST: [(&[Name], &str); 3] = [
    (
        &[Name::SIGKILL, Name::SIGTERM, Name::SIGINT],
        "it ends the process: use kill = { grace = \"30s\" }, which confirms and is budgeted",
    ),
    (
        &[Name::SIGSTOP, Name::SIGTSTP, Name::SIGTTIN, Name::SIGTTOU, Name::SIGCONT],
        "use freeze = { deadline = \"30s\" }, which is thawed in any case",
    ),
    (
        &[Name::SIGSEGV, Name::SIGBUS, Name::SIGFPE, Name::SIGILL, Name::SIGABRT, Name::SIGTRAP, Name::SIGSYS],
        "it tells of a fault and ends the process: use kill = { grace = \"30s\" }",
    ),
];

/// The signal of that name.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Option<Signal> {
    if let Some(number) = value.as_number() {
        let name = number.parse().ok().and_then(|n: i32| Name::try_from(n).ok()).map_or("SIGUSR1", Name::as_str);
        report
            .error(value.place, format!("`{number}` is a number, which differs between systems"))
            .help(format!("write the name: \"{name}\""));
        return None;
    }
    let text = value.text("SIGUSR1", report)?;
    if let Some(signal) = real_time(text) {
        return Some(signal);
    }
    let Ok(name) = Name::from_str(text) else {
        no_signal(text, value.place, report);
        return None;
    };
    if let Some((_, help)) = NO_REQUEST.iter().find(|(names, _)| names.contains(&name)) {
        report.error(value.place, format!("`{text}` is not a request that a process handles")).help(*help);
        return None;
    }
    Signal::new(name as i32)
}

fn no_signal(text: &str, place: Place, report: &mut Report) {
    let upper = text.to_ascii_uppercase();
    let full = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    let help = if Name::from_str(&full).is_ok() || real_time(&full).is_some() {
        format!("write \"{}\"", capped(&full))
    } else {
        match nearest(&full, Name::iterator().map(Name::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "write a name such as \"SIGUSR1\", \"SIGHUP\" or \"SIGRTMIN+3\"".to_owned(),
        }
    };
    report.error(place, format!("no signal {}", quoted(text))).help(help);
}

/// SIGRTMIN, SIGRTMIN+n, SIGRTMAX, SIGRTMAX-n as the C library numbers them: that is what the
/// processes that handle them were built against.
fn real_time(text: &str) -> Option<Signal> {
    let offset = |rest: &str, sign: char| match rest.strip_prefix(sign) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<i32>().ok(),
        None if rest.is_empty() => Some(0),
        Some(_) | None => None,
    };
    let (low, high) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let up = text.strip_prefix("SIGRTMIN").and_then(|rest| offset(rest, '+')).and_then(|n| low.checked_add(n));
    let down = || text.strip_prefix("SIGRTMAX").and_then(|rest| offset(rest, '-')).and_then(|n| high.checked_sub(n));
    up.or_else(down).filter(|n| (low..=high).contains(n)).and_then(Signal::new)
}
