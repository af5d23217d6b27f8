//! `[host]`: thresholds of the host's own metrics, and the one ladder that they feed, whose entries
//! are actions of targets.

use std::sync::Arc;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Value};
use super::super::source::Place;
use super::super::text::{quoted, suggest};
use super::super::{Forecasts, Host, HostStep, Target, Threshold};
use super::ladder::{self, Step, Steps};
use super::peers::Peers;
use super::row::{self, Owner, Row};
use super::{Common, Named, Setting};
use crate::model::{Base, Level, METRICS, Metric, PerLevel, Scope};

/// What is written, its entries not yet looked up.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    /// Something in it is wrong: what seems to be missing may be in it.
    broken: bool,
    rows: Vec<Row<'a>>,
    levels: PerLevel<Option<Steps<'a>>>,
}

/// Reads the section.
pub(super) fn read<'a>(value: Value<'a>, peers: &Peers, report: &mut Report) -> Written<'a> {
    let mut host = Written::default();
    let before = report.errors();
    if let Some(mut table) = value.table("[host.thresholds]", report) {
        let (rows, ladder) = (table.take("thresholds"), table.take("ladder"));
        table.finish(&keys::HOST, report);
        let rows = rows.and_then(|value| row::read(value, peers, Owner::Host, report)).unwrap_or_default();
        let said = rows.iter().filter_map(|row| Some((row.name, row.setting.said()?)));
        row::ending(&said.collect::<Vec<_>>(), report);
        host.rows = rows.into_iter().filter_map(|row| own(row, report)).collect();
        host.levels = ladder.map_or_else(PerLevel::default, |value| levels(value, report));
    }
    host.broken = report.errors() > before;
    if !host.broken {
        reached(&host, report);
    }
    host
}

/// The row, if it says something: there is nothing that it could take out.
fn own<'a>(row: Named<'a, Row<'a>>, report: &mut Report) -> Option<Row<'a>> {
    match row.setting {
        Setting::Is(set) => Some(set),
        Setting::Broken => None,
        Setting::Removed => {
            nothing_to_remove(row.place, report);
            None
        }
    }
}

fn nothing_to_remove(place: Place, report: &mut Report) {
    report
        .error(place, "\"none\" in [host], which inherits nothing")
        .help("remove the line; in a target \"none\" takes out what [defaults] gives");
}

fn levels<'a>(value: Value<'a>, report: &mut Report) -> PerLevel<Option<Steps<'a>>> {
    let mut levels = PerLevel::default();
    let Some(table) = value.table("[host.ladder]", report) else { return levels };
    for entry in table.rest() {
        match ladder::level_of(entry.key).and_then(|level| levels.get_mut(level)) {
            Some(slot) => *slot = Some(steps(&entry, report)),
            None if entry.value.is_table() => {
                let draft = report.error(entry.key_place, format!("a ladder {} of the host", quoted(entry.key)));
                draft.help("the host has one ladder: move its levels to [host.ladder] itself");
            }
            None => ladder::no_level(&entry, report),
        }
    }
    levels
}

fn steps<'a>(entry: &Entry<'a>, report: &mut Report) -> Steps<'a> {
    let steps = ladder::steps(entry, "trader.pause", report);
    if matches!(steps.setting, Setting::Removed) {
        nothing_to_remove(steps.place, report);
    }
    if let Setting::Is(named) = &steps.setting {
        for step in named.iter().filter(|step| step.action.split_once('.').is_none()) {
            report
                .error(step.place, format!("{} is not TARGET.ACTION", quoted(step.action)))
                .help("say whose action it is: \"trader.pause\"");
        }
    }
    steps
}

/// Reports levels that no bound reaches.
fn reached(host: &Written<'_>, report: &mut Report) {
    let reach = host.rows.iter().map(Row::reach).max().unwrap_or_default();
    let why = if reach == Level::Normal {
        "no threshold of [host.thresholds] has a bound".to_owned()
    } else {
        format!("the highest bound of [host.thresholds] is `{reach}`")
    };
    for (level, steps) in host.levels.iter().filter(|(level, _)| *level > reach) {
        let Some(steps) = steps else { continue };
        report
            .missing(steps.place, format!("`{level}` is never reached: {why}"))
            .help(format!("give a threshold the bound `{level}`, or move the actions to a lower level"));
    }
}

impl Written<'_> {
    /// Whether an entry may name the action; one that is broken may.
    pub(super) fn names(&self, target: &str, action: &str) -> bool {
        let mut steps = self.levels.iter().filter_map(|(_, steps)| steps.as_ref());
        self.broken
            || steps.any(|steps| match &steps.setting {
                Setting::Is(named) => named.iter().any(|step| step.action.split_once('.') == Some((target, action))),
                Setting::Removed | Setting::Broken => false,
            })
    }
}

/// What it means: entries are looked up among the targets, of which `names` are all, the broken too.
pub(super) fn resolve(common: &Common<'_>, targets: &[Target], names: &[Entry<'_>], report: &mut Report) -> Host {
    let host = &common.host;
    let mut ladder = PerLevel::<Vec<HostStep>>::default();
    for (level, steps) in host.levels.iter().filter_map(|(level, steps)| Some((level, steps.as_ref()?))) {
        let Setting::Is(named) = &steps.setting else { continue };
        if let Some(slot) = ladder.get_mut(level) {
            *slot = named.iter().filter_map(|step| look_up(step, targets, names, report)).collect();
        }
    }
    let named = || host.rows.iter().map(|row| &row.metric).chain(targets.iter().flat_map(|target| &target.metrics));
    let metrics = metrics(&common.peers.names, &|base| named().any(|metric| metric.base == base));
    let thresholds = host.rows.iter().filter_map(|row| {
        let metric = metrics.iter().position(|metric| *metric == row.metric.with(None))?;
        let (expected, bounds, clear_hold) = (row.expected, row.bounds.clone(), row.clear_hold);
        Some(Threshold { metric, name: row.metric.clone(), ladder: 0, expected, bounds, clear_hold })
    });
    let thresholds: Vec<Threshold> = thresholds.collect();
    let mut forecasts = Forecasts::of(common.window, &thresholds.iter().collect::<Vec<_>>(), &metrics);
    forecasts.end_at(&thresholds);
    Host { metrics, thresholds, forecasts, ladder }
}

fn look_up(step: &Step<'_>, targets: &[Target], names: &[Entry<'_>], report: &mut Report) -> Option<HostStep> {
    let (name, action) = step.action.split_once('.')?;
    if !names.iter().any(|entry| entry.key == name) {
        if report.is_left_out(name) {
            report
                .warning(step.place, format!("{} is passed over: its file is set aside", quoted(step.action)))
                .help("correct that file, then tradedog reload");
            return None;
        }
        let help = suggest(name, "targets", names.iter().map(|entry| entry.key));
        report.missing(step.place, format!("no target {}", quoted(name))).help(help);
        return None;
    }
    // One that is not there was wrong, and is told of.
    let target = targets.iter().position(|target| *target.name == *name)?;
    let actions = &targets.get(target)?.actions;
    let found = actions.iter().position(|other| *other.name == *action);
    if found.is_none() {
        let help = suggest(action, "actions", actions.iter().map(|action| &*action.name));
        report.missing(step.place, format!("target `{name}` has no action {}", quoted(action))).help(help);
    }
    Some(HostStep { target, action: found? })
}

/// What is read of the host: what is exported always, then what is expensive and only read for the
/// threshold that names it.
fn metrics(peers: &[Arc<str>], asks_for: &dyn Fn(Base) -> bool) -> Vec<Metric> {
    let cheap = METRICS.iter().filter(|row| row.scope == Scope::Host && !row.base.is_other_state());
    let mut metrics: Vec<Metric> = cheap.map(|row| Metric::plain(row.base)).collect();
    let established = !peers.is_empty() || asks_for(Base::HostEstablished);
    for (base, _) in [(Base::HostEstablished, established), (Base::HostTimeWait, asks_for(Base::HostTimeWait))]
        .into_iter()
        .filter(|(_, asked)| *asked)
    {
        metrics.push(Metric::plain(base));
        metrics.extend(peers.iter().map(|peer| Metric::of(base, Some(Arc::clone(peer)))));
    }
    metrics
}
