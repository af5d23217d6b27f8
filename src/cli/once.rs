//! `tradedog once`: one sample of what the configuration matches, without a daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::UNIX_EPOCH;

use clap::Args;
use serde::Serialize;

use super::live::{Live, level_of};
use super::lookup::ConfigFile;
use super::output::{Table, WARNING};
use super::{Failure, Output, columns};
use crate::config::{Config, Threshold};
use crate::discover::Member;
use crate::export::WallClock;
use crate::export::status::Reading;
use crate::kernel;
use crate::model::{Base, Level, MemberSample, Metric, Unknown, remedy};

/// What to sample, and how to tell.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// The document of `--json`. Times are seconds since 1970 (UTC), values in the base unit of their
/// metric; a reading that could not be had says why.
#[derive(Debug, Serialize)]
struct Document {
    time: f64,
    targets: Vec<TargetRow>,
    /// Why there may be more processes than were found, and what this kernel does not have.
    trouble: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TargetRow {
    name: String,
    processes: Vec<ProcessRow>,
}

#[derive(Debug, Serialize)]
struct ProcessRow {
    process: u32,
    pid: i32,
    /// The name, escaped.
    comm: String,
    started: f64,
    /// The highest level whose bound is reached now, whatever its hold; absent when no threshold
    /// could be looked at.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "by_name")]
    level: Option<Level>,
    /// Metrics with a threshold that could not be read.
    blind: Vec<String>,
    readings: BTreeMap<String, Reading>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    Ok(show(&arguments.file.load()?, arguments.json, output)?)
}

/// Samples and shows.
pub(super) fn show(config: &Config, json: bool, output: &mut Output) -> io::Result<()> {
    // By the bounds of this hour.
    let at_this_hour = config.in_hours(&config.almanac(kernel::wall_instant()));
    let config = at_this_hour.as_ref().unwrap_or(config);
    let document = Document::of(config, &Live::look(config));
    if json { output.json(&document) } else { print(&document, output) }
}

impl Document {
    fn of(config: &Config, live: &Live) -> Self {
        let mut wall = WallClock::default();
        wall.observe(live.at, kernel::wall_now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let row = |(member, sample): (&Member, &MemberSample)| process_row(config, (member, sample), &wall);
        let of_target = |index: usize| {
            let both = live.roster.members().iter().zip(&live.sample.members);
            both.filter(move |(member, _)| usize::from(member.key.target) == index)
        };
        let targets = config.targets.iter().enumerate().map(|(index, target)| TargetRow {
            name: target.name.to_string(),
            processes: of_target(index).map(row).collect(),
        });
        let (lacks, trouble) = (kernel::lacks(), live.trouble.iter().map(ToString::to_string));
        let lost = live.names.iter().filter(|name| name.addresses.is_none()).map(ToString::to_string);
        Self {
            time: wall.unix_seconds(live.at),
            targets: targets.collect(),
            trouble: lacks.iter().map(ToString::to_string).chain(trouble).chain(lost).collect(),
        }
    }
}

fn process_row(config: &Config, (member, sample): (&Member, &MemberSample), wall: &WallClock) -> ProcessRow {
    let target = config.targets.get(usize::from(member.key.target));
    let metrics = target.map_or(&[][..], |target| &target.metrics);
    let thresholds = target.map_or(&[][..], |target| &target.thresholds);
    // One look foretells nothing.
    let seen = thresholds.iter().filter(|threshold| threshold.name.derived.is_none());
    let levels = seen.map(|threshold| {
        let reading = sample.readings.get(threshold.metric);
        (threshold, reading.and_then(|reading| level_of(reading, threshold)))
    });
    let levels: Vec<(&Threshold, Option<Level>)> = levels.collect();
    let name = |threshold: &Threshold| metrics.get(threshold.metric).map(ToString::to_string);
    ProcessRow {
        process: member.key.slot,
        pid: sample.identity.pid.get(),
        comm: member.facts.comm.clone(),
        started: wall.unix_seconds(sample.started),
        level: levels.iter().filter_map(|(_, level)| *level).max(),
        blind: levels.iter().filter(|(_, level)| level.is_none()).filter_map(|(row, _)| name(row)).collect(),
        readings: metrics.iter().zip(&sample.readings).map(|(m, r)| (m.to_string(), Reading::of(r, wall))).collect(),
    }
}

/// What would make those readable that are denied, each sentence once.
fn missing(row: &ProcessRow) -> String {
    let denied = |name: &&String| {
        row.readings.get(*name).is_some_and(|reading| reading.unknown.as_deref() == Some(Unknown::Denied.name()))
    };
    let metrics = row.blind.iter().filter(denied).filter_map(|name| Metric::try_from(name.clone()).ok());
    let remedies: BTreeSet<&str> = metrics.filter_map(|metric| remedy(metric.base, Unknown::Denied)).collect();
    remedies.into_iter().map(|remedy| format!("; {remedy}")).collect()
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn by_name<S: serde::Serializer>(level: &Option<Level>, serializer: S) -> Result<S::Ok, S::Error> {
    level.map(Level::name).serialize(serializer)
}

fn print(document: &Document, output: &mut Output) -> io::Result<()> {
    for trouble in &document.trouble {
        output.styled(WARNING, trouble)?;
    }
    let heads = ["target", ">process", ">pid", "name", "level"].into_iter();
    let shown = document.targets.iter().flat_map(|target| target.processes.iter().map(|row| &row.readings));
    let without: Vec<Base> = columns::idle(shown).into_iter().collect();
    let mut table = Table::new(&heads.chain(columns::heads(&without)).collect::<Vec<_>>());
    for target in &document.targets {
        if target.processes.is_empty() {
            let dash = || String::from("-");
            table.row(Level::Normal, vec![target.name.clone(), dash(), dash(), "no process matches".into()]);
        }
        for row in &target.processes {
            let mut cells = vec![target.name.clone(), row.process.to_string(), row.pid.to_string(), row.comm.clone()];
            cells.push(row.level.map_or("-", Level::name).to_owned());
            cells.extend(columns::cells(&row.readings, &without));
            table.row(row.level.unwrap_or_default(), cells);
        }
    }
    output.table(&table)?;
    for target in &document.targets {
        for row in target.processes.iter().filter(|row| !row.blind.is_empty()) {
            let metrics = row.blind.join(", ");
            let text = format!("{}[{}]: not readable, so not judged: {metrics}", target.name, row.process);
            output.styled(WARNING, text + &missing(row))?;
        }
    }
    if document.targets.iter().all(|target| target.processes.is_empty()) {
        output.line("Nothing matches now: tradedog check says what to look at.")?;
    }
    Ok(())
}
