//! `actions`: exactly one delivery each, and how often.

use std::str::FromStr;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal as Name;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::source::Place;
use super::super::text::{capped, nearest, quoted};
use super::super::value::{duration, named, word};
use super::super::{Action, units};
use super::{Named, Setting, removes};
use crate::model::{KillScope, Measure, Signal};

/// Default of `cooldown`.
const COOLDOWN: Duration = Duration::from_secs(60);
/// Default of `max_attempts`.
const ATTEMPTS: u32 = 5;
/// Default of a kill's `grace`: what most services need to close their connections.
const GRACE: Duration = Duration::from_secs(30);

/// Reads a table of actions; none where it is no table.
pub(super) fn read<'a>(value: Value<'a>, report: &mut Report) -> Option<Vec<Named<'a, Action>>> {
    let table = value.table("[target.NAME.actions.ACTION]", report)?;
    let actions = table.rest().into_iter().map(|entry| {
        let (name, place) = (entry.key, entry.key_place);
        let setting = if removes(entry.value) { Setting::Removed } else { action(&entry, report).into() };
        Named { name, place, setting }
    });
    Some(actions.collect())
}

fn action(entry: &Entry<'_>, report: &mut Report) -> Option<Action> {
    let right_name = named(entry.key, entry.key_place, report);
    let mut table = entry.value.table("{ signal = \"SIGUSR1\" } or { kill = {} }", report)?;
    let cooldown = table.take("cooldown").map_or(Some(COOLDOWN), |value| duration(value, "0s"..="30d", report));
    let repeat = repeat(&mut table, cooldown, report);
    let attempts = table.take("max_attempts").map_or(Some(u64::from(ATTEMPTS)), |value| value.whole(1..=1000, report));
    scope(&mut table, report);
    let measure = delivery(&mut table, entry, report);
    table.finish(&keys::ACTION, report);
    Some(Action {
        name: right_name.then(|| entry.key.into())?,
        measure: measure?,
        cooldown: cooldown?,
        repeat: repeat?,
        max_attempts: u32::try_from(attempts?).ok()?,
        ..Action::default()
    })
}

/// The outer none is a mistake, the inner one that it is not given.
fn repeat(table: &mut Table<'_>, cooldown: Option<Duration>, report: &mut Report) -> Option<Option<Duration>> {
    let Some(value) = table.take("repeat") else { return Some(None) };
    let repeat = duration(value, "1s"..="30d", report)?;
    if let Some(cooldown) = cooldown.filter(|cooldown| repeat < *cooldown) {
        let cooldown = units::Duration(cooldown);
        report
            .warning(value.place, format!("`repeat` is shorter than `cooldown` (\"{cooldown}\"), which holds it back"))
            .help("give the action a shorter `cooldown`, or a longer `repeat`");
    }
    Some(Some(repeat))
}

fn scope(table: &mut Table<'_>, report: &mut Report) {
    let Some(value) = table.take("scope") else { return };
    if value.as_text() == Some("target") {
        report
            .error(value.place, "`scope = \"target\"` is not available in this version")
            .help("a signal and a kill concern one process: write \"process\"");
        return;
    }
    word(value, &["process"], report);
}

fn delivery(table: &mut Table<'_>, entry: &Entry<'_>, report: &mut Report) -> Option<Measure> {
    let assume_handled = table.take("assume_handled").map(|value| (value.flag(report), value.place));
    let alone = assume_handled.is_none();
    let signal = table.entry("signal");
    let kill = table.entry("kill");
    if let (Some(signal), Some(kill)) = (&signal, &kill) {
        let (first, second) = if signal.key_place < kill.key_place { (signal, kill) } else { (kill, signal) };
        report
            .error(second.key_place, "two deliveries in one action: `signal` and `kill`")
            .also(first.key_place, "the other one")
            .help("keep one of the two, and make a second action of the other");
    }
    if let (None, Some(kill), Some((_, place))) = (&signal, &kill, assume_handled) {
        report
            .error(place, "`assume_handled` belongs to `signal`")
            .also(kill.key_place, "a kill asks nobody")
            .help("remove it");
    }
    match (signal, kill) {
        (Some(entry), other) => {
            let signal = number(entry.value, report);
            if let Some(kill) = &other {
                read_kill(kill.value, report);
            }
            let assume_handled = assume_handled.map_or(Some(false), |(flag, _)| flag)?;
            Some(Measure::Signal { signal: signal?, assume_handled }).filter(|_| other.is_none())
        }
        (None, Some(kill)) => read_kill(kill.value, report).filter(|_| alone),
        (None, None) => {
            undelivered(table, entry, report);
            None
        }
    }
}

fn undelivered(table: &Table<'_>, entry: &Entry<'_>, report: &mut Report) {
    let near = |key: &str| keys::DELIVERY_LATER.contains(&key) || nearest(key, keys::DELIVERY).is_some();
    if !table.keys().any(near) {
        let draft = report.missing(table.place, format!("action {} delivers nothing", quoted(entry.key)));
        draft.help("add one of: signal = \"SIGUSR1\", kill = { grace = \"30s\" }");
    }
}

fn read_kill(value: Value<'_>, report: &mut Report) -> Option<Measure> {
    let mut table = value.table("kill = { grace = \"30s\" }", report)?;
    let grace = table.take("grace").map_or(Some(GRACE), |value| duration(value, "0s"..="1h", report));
    let scope = table.take("scope").map_or(Some(KillScope::Process), |value| kill_scope(value, report));
    table.finish(&keys::KILL, report);
    Some(Measure::Kill { grace: grace?, scope: scope? })
}

fn kill_scope(value: Value<'_>, report: &mut Report) -> Option<KillScope> {
    if value.as_text() == Some("cgroup") {
        report
            .error(value.place, "`scope = \"cgroup\"` is not available in this version")
            .help("write \"process\", or \"tree\" for its descendants too");
        return None;
    }
    match word(value, &["process", "tree"], report)? {
        "tree" => Some(KillScope::Tree),
        _ => Some(KillScope::Process),
    }
}

/// What to do instead of sending a signal that is no request.
const NO_REQUEST: [(&[Name], &str); 3] = [
    (
        &[Name::SIGKILL, Name::SIGTERM, Name::SIGINT],
        "it ends the process: use kill = { grace = \"30s\" }, which confirms and is budgeted",
    ),
    (
        &[Name::SIGSTOP, Name::SIGTSTP, Name::SIGTTIN, Name::SIGTTOU, Name::SIGCONT],
        "`freeze` is not available in this version",
    ),
    (
        &[Name::SIGSEGV, Name::SIGBUS, Name::SIGFPE, Name::SIGILL, Name::SIGABRT, Name::SIGTRAP, Name::SIGSYS],
        "it tells of a fault and ends the process: use kill = { grace = \"30s\" }",
    ),
];

fn number(value: Value<'_>, report: &mut Report) -> Option<Signal> {
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
