//! How an action is delivered, and how it is taken back: one of the kinds, with what stands beside it.

use std::time::Duration;

use super::super::super::keys;
use super::super::super::problem::Report;
use super::super::super::reader::{Entry, Table, Value};
use super::super::super::source::Place;
use super::super::super::text::{nearest, quoted};
use super::super::super::value::{duration, word};
use super::{http, signal};
use crate::model::{Command, FreezeBy, KillScope, Measure};

/// Default of a kill's `grace`: what most services need to close their connections.
const GRACE: Duration = Duration::from_secs(30);
/// Default of a command's `timeout`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The kinds of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signal,
    Http,
    Command,
    Freeze,
    Kill,
}

impl Kind {
    /// Those of an action.
    const ALL: [Self; 5] = [Self::Signal, Self::Http, Self::Command, Self::Freeze, Self::Kill];
    /// Those that take something back.
    pub(super) const UNDO: [Self; 3] = [Self::Signal, Self::Http, Self::Command];

    /// Its key.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Http => "http",
            Self::Command => "command",
            Self::Freeze => "freeze",
            Self::Kill => "kill",
        }
    }
}

/// The delivery of a table; what it does is none where that is wrong.
#[derive(Debug)]
pub(super) struct Given {
    pub kind: Kind,
    pub place: Place,
    pub measure: Option<Measure>,
}

/// What a table delivers by.
pub(super) enum Found {
    Nothing,
    One(Given),
    Several,
}

/// The one delivery of an action.
pub(super) fn of_action(
    table: &mut Table<'_>,
    action: &Entry<'_>,
    assume_handled: bool,
    report: &mut Report,
) -> Option<Given> {
    match read(table, &Kind::ALL, assume_handled, report) {
        Found::One(given) => Some(given),
        Found::Several => None,
        Found::Nothing => {
            let meant = |key: &str| nearest(key, keys::DELIVERY).is_some();
            if !table.keys().any(meant) {
                report
                    .missing(table.place, format!("action {} delivers nothing", quoted(action.key)))
                    .help(format!("add one of {}, such as signal = \"SIGUSR1\"", keys::DELIVERY.join(", ")));
            }
            None
        }
    }
}

/// Takes every delivery out of a table, and what stands beside one.
pub(super) fn read(table: &mut Table<'_>, kinds: &[Kind], assume_handled: bool, report: &mut Report) -> Found {
    let timeout = table.entry("timeout");
    let span = timeout.map_or(Some(TIMEOUT), |entry| duration(entry.value, "100ms"..="1h", report));
    let mut entries: Vec<(Kind, Entry<'_>)> =
        kinds.iter().filter_map(|kind| Some((*kind, table.entry(kind.key())?))).collect();
    entries.sort_by_key(|(_, entry)| entry.key_place.start);
    let mut found = Vec::new();
    for (kind, entry) in entries {
        let measure = match kind {
            Kind::Signal => signal::read(entry.value, report).map(|signal| Measure::Signal { signal, assume_handled }),
            Kind::Http => http::read(entry.value, report).map(|http| Measure::Http(http.into())),
            Kind::Command => command(entry.value, span, report),
            Kind::Freeze => freeze(entry.value, report),
            Kind::Kill => kill(entry.value, report),
        };
        found.push(Given { kind, place: entry.key_place, measure });
    }
    if let (Some(timeout), Some(first)) = (timeout, found.first())
        && found.iter().all(|given| given.kind != Kind::Command)
    {
        misplaced(timeout, first, report);
    }
    several(&found, kinds, report);
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Found::Nothing,
        (Some(given), None) => Found::One(given),
        (Some(_), Some(_)) => Found::Several,
    }
}

fn misplaced(timeout: Entry<'_>, beside: &Given, report: &mut Report) {
    let help = match beside.kind {
        Kind::Http => "move it into the table: http = { post = ..., timeout = \"2s\" }",
        Kind::Freeze => "remove it: `deadline` says when the process is thawed at the latest",
        Kind::Kill => "remove it: `grace` says how long the process has to end by itself",
        Kind::Signal | Kind::Command => "remove it: nobody answers to a signal",
    };
    report.error(timeout.key_place, "`timeout` belongs to `command`").also(beside.place, "the delivery").help(help);
}

fn several(found: &[Given], kinds: &[Kind], report: &mut Report) {
    let Some((first, others)) = found.split_first() else { return };
    let (whole, help) = if kinds.contains(&Kind::Kill) {
        ("action", "keep one of the two, and make a second action of the other")
    } else {
        ("undo", "keep one of the two")
    };
    for other in others {
        let (one, two) = (first.kind.key(), other.kind.key());
        report
            .error(other.place, format!("two deliveries in one {whole}: `{one}` and `{two}`"))
            .also(first.place, "the other one")
            .help(help);
    }
}

fn command(value: Value<'_>, timeout: Option<Duration>, report: &mut Report) -> Option<Measure> {
    let argv = command_line(value, report)?;
    Some(Measure::Command(Command { argv, timeout: timeout? }.into()))
}

/// A program with its arguments.
pub(in crate::config::check) fn command_line(value: Value<'_>, report: &mut Report) -> Option<Vec<String>> {
    const EXAMPLE: &str = "[\"/usr/local/bin/trader-ctl\", \"pause\"]";
    if value.as_text().is_some() {
        value.refuse("a list", format!("no shell takes it apart: write {EXAMPLE}"), report);
        return None;
    }
    let items = value.list(EXAMPLE, report)?;
    let mut argv = Vec::with_capacity(items.len());
    for item in &items {
        argv.push(argument(*item, argv.is_empty(), report));
    }
    if argv.is_empty() {
        report.error(value.place, "a command without a program").help(format!("write {EXAMPLE}"));
        return None;
    }
    argv.into_iter().collect()
}

fn argument(value: Value<'_>, program: bool, report: &mut Report) -> Option<String> {
    let text = value.text("pause", report)?;
    if text.contains('\0') {
        report
            .error(value.place, format!("{} has a zero byte, where every argument ends", quoted(text)))
            .help("leave it out");
        return None;
    }
    if program && !text.starts_with('/') {
        report.error(value.place, format!("{} is not an absolute path", quoted(text))).help(
            "write the whole path of the program, as `command -v` tells it: no PATH is searched, no shell is asked",
        );
        return None;
    }
    if program && text.contains(char::is_whitespace) {
        report
            .warning(value.place, format!("{} has a blank in its path", quoted(text)))
            .help("each argument is a string of its own: [\"/usr/local/bin/trader-ctl\", \"pause\"]");
    }
    if !program && text.contains("{pid}") && text != "{pid}" {
        report
            .warning(value.place, format!("`{{pid}}` is not replaced within {}", quoted(text)))
            .help("only a whole argument \"{pid}\" is; the program also finds it in TRADEDOG_PID");
    }
    Some(text.to_owned())
}

fn freeze(value: Value<'_>, report: &mut Report) -> Option<Measure> {
    let mut table = value.table("freeze = { deadline = \"30s\" }", report)?;
    let place = table.place;
    let by = table.take("by").map_or(Some("signal"), |value| word(value, &["signal", "cgroup"], report));
    let deadline = table.take("deadline");
    if table.finish(&keys::FREEZE, report) && deadline.is_none() {
        report
            .missing(place, "a freeze without `deadline`")
            .help("say when it is thawed at the latest: freeze = { deadline = \"30s\" }");
    }
    let deadline = deadline.and_then(|value| duration(value, "100ms"..="1d", report));
    let by = if by? == "cgroup" { FreezeBy::Cgroup } else { FreezeBy::Signal };
    Some(Measure::Freeze { by, deadline: deadline? })
}

fn kill(value: Value<'_>, report: &mut Report) -> Option<Measure> {
    let mut table = value.table("kill = { grace = \"30s\" }", report)?;
    let grace = table.take("grace").map_or(Some(GRACE), |value| duration(value, "0s"..="1h", report));
    let scope =
        table.take("scope").map_or(Some("process"), |value| word(value, &["process", "tree", "cgroup"], report));
    table.finish(&keys::KILL, report);
    let scope = match scope? {
        "tree" => KillScope::Tree,
        "cgroup" => KillScope::Cgroup,
        _ => KillScope::Process,
    };
    Some(Measure::Kill { grace: grace?, scope })
}
