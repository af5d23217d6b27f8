//! From what was written to what it means, every problem on the way collected.
//!
//! One file a section. Nothing here looks at the live host, but for the names of its users.

mod action;
mod calendar;
mod daemon;
mod defaults;
mod during;
mod history;
mod host;
mod incidents;
mod join;
mod ladder;
mod metric;
mod peers;
mod row;
mod schedule;
mod select;
mod target;
mod web;

use std::time::Duration;

use super::keys;
use super::problem::Report;
use super::reader::{Entry, Table, Value};
use super::source::Place;
use super::text::quoted;
use super::value::named;
use super::{Config, Daemon, History, Incidents, Target, Web};
use calendar::Calendars;
use daemon::daemon;
use defaults::Defaults;
use peers::Peers;

/// What all targets share.
struct Common<'a> {
    peers: Peers,
    calendars: Calendars,
    defaults: Defaults<'a>,
    host: host::Written<'a>,
    /// `[daemon] forecast_window`
    window: Duration,
}

/// Something under a name: set, taken out by `"none"`, or wrong and already reported.
#[derive(Clone, Debug)]
struct Named<'a, T> {
    name: &'a str,
    place: Place,
    setting: Setting<T>,
}

#[derive(Clone, Debug)]
enum Setting<T> {
    Is(T),
    Removed,
    Broken,
}

impl<T> Setting<T> {
    /// What is said, as far as it could be read; none where it is taken out.
    const fn said(&self) -> Option<Option<&T>> {
        match self {
            Self::Is(value) => Some(Some(value)),
            Self::Broken => Some(None),
            Self::Removed => None,
        }
    }
}

impl<T> From<Option<T>> for Setting<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Broken, Self::Is)
    }
}

/// Whether the value is the word that removes what [defaults] gives.
fn removes(value: Value<'_>) -> bool {
    value.as_text() == Some("none")
}

/// Whether a setting is inherited or the target's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Own,
    Inherited,
}

/// Checks all files, the main one first. What it gives is only good if nothing was reported.
pub(super) fn check(mut files: Vec<Table<'_>>, report: &mut Report) -> Config {
    let mut targets = Vec::new();
    let drop_ins = files.split_off(files.len().min(1));
    let mut main = files.pop();
    let mut take = |key: &str| main.as_mut().and_then(|main| main.take(key));
    let daemon = take("daemon").map_or_else(Daemon::default, |value| daemon(value, report));
    let web = take("web").map_or_else(Web::default, |value| web::read(value, report));
    let history = take("history").map_or_else(History::default, |value| history::read(value, report));
    let incidents = take("incidents").map_or_else(Incidents::default, |value| incidents::read(value, report));
    let peers = take("peers").map_or_else(Peers::default, |value| peers::read(value, report));
    let host = take("host").map_or_else(host::Written::default, |value| host::read(value, &peers, report));
    let calendars = take("calendar").map_or_else(Calendars::default, |value| calendar::read(value, report));
    let known = (&peers, &calendars);
    let defaults = take("defaults").map_or_else(Defaults::default, |value| defaults::read(value, known, report));
    targets.extend(take("target"));
    if let Some(main) = main {
        main.finish(&keys::ROOT, report);
    }
    targets.extend(drop_ins.into_iter().filter_map(|file| drop_in(file, report)));
    let common = Common { peers, calendars, defaults, host, window: daemon.forecast_window };
    let names = distinct(&targets, report);
    let mut targets: Vec<Target> = names.iter().filter_map(|entry| target::read(entry, &common, report)).collect();
    let host = host::resolve(&common, &targets, &names, report);
    for step in host.ladder.iter().flat_map(|(_, steps)| steps) {
        targets[step.target].on_host_ladder = true;
    }
    let calendars = common.calendars.list;
    let peers = common.peers.list;
    Config { daemon, web, history, incidents, peers, calendars, host, targets, ..Config::default() }
}

/// The targets of a drop-in, which may hold nothing else.
fn drop_in<'a>(mut file: Table<'a>, report: &mut Report) -> Option<Value<'a>> {
    let targets = file.take("target");
    for entry in file.rest() {
        report
            .error(entry.key_place, format!("{} in a drop-in, which may hold only [target.NAME]", quoted(entry.key)))
            .help("move it to the main file");
    }
    targets
}

/// All targets of all files; a name that was taken already is reported with both places.
fn distinct<'a>(tables: &[Value<'a>], report: &mut Report) -> Vec<Entry<'a>> {
    let mut targets: Vec<Entry<'a>> = Vec::new();
    for value in tables {
        let Some(table) = value.table("[target.NAME]", report) else { continue };
        for entry in table.rest() {
            match targets.iter().find(|other| other.key == entry.key) {
                Some(first) => {
                    report
                        .error(entry.key_place, format!("target {} is defined twice", quoted(entry.key)))
                        .also(first.key_place, "first here")
                        .help("rename or remove one of the two");
                }
                None if named(entry.key, entry.key_place, report) => targets.push(entry),
                None => {}
            }
        }
    }
    if let Some(entry) = targets.get(usize::from(u16::MAX)) {
        report
            .error(entry.key_place, format!("more than {} targets", u16::MAX))
            .help("let one target match more processes");
    }
    targets
}
