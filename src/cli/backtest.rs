//! `tradedog backtest`: what would have been ordered, had this configuration been there.

mod about;
mod ahead;
mod chart;
mod document;
mod history;
mod prometheus;
mod propose;
mod report;
mod side;
mod source;
mod span;
mod suggest;
mod timeline;
mod totals;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::lookup::{ConfigFile, shown};
use super::{Failure, Output};
use crate::config::{self, Config, nearest};
use crate::model::{Level, printable};
use crate::replay::{Fault, Row, Series, Survey, survey};
use chart::Chart;
use history::Part;
use prometheus::Prometheus;
use report::Report;
use side::Side;
use source::Source;
use span::Span;

/// By what to judge which readings, and how to tell.
#[derive(Args, Debug, Default)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Another configuration: show only what would have been ordered otherwise than by it
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The readings: CSV (time,open_fds,close_wait.postgres,...; times RFC 3339 or seconds since 1970), with a
    /// column `process` where several processes are told of, `target` where those of several targets are, and
    /// `started` where they tell one process from the next; or what `tradedog status --json` has printed again and
    /// again
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["prometheus", "history"],
        conflicts_with_all = ["prometheus", "history"]
    )]
    series: Option<PathBuf>,
    /// Folder of history.db, or the file itself: what the daemon has read
    #[arg(long, value_name = "DIR", conflicts_with = "prometheus")]
    history: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    prometheus: Prometheus,
    /// The target that the readings are of; needed where the configuration has several and the file does not
    /// say
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Suggest bounds by quantiles of calm times, and say how often each would have been reached
    #[arg(long, conflicts_with_all = ["against", "svg"])]
    suggest: bool,
    /// Print one JSON object: orders, levels, forecasts, summary
    #[arg(long)]
    json: bool,
    /// Draw the readings, the bounds and the orders into this file too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// How much of what a Prometheus has recorded is replayed where the command line says nothing.
const USUAL_RANGE: Duration = Duration::from_secs(24 * 3600);

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::runtime(fault.to_string())
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    let old = arguments.against.as_ref().map(|path| config::load(path).map_err(Failure::Configuration)).transpose()?;
    let source = arguments.source((&config, old.as_ref()))?;
    let mut series = source.open()?;
    let named = series.names_targets();
    let only = chosen(&config, arguments.target.as_deref(), named)?;
    let survey = survey(&mut *series)?;
    let (name, left_out) = (source.name(), series.left_out());
    if survey.rows == 0 {
        let why = left_out.unwrap_or_else(|| "was it recorded at all?".to_owned());
        return Err(Failure::runtime(format!("{name}: there is no reading in it: {why}")));
    }
    let notes: Vec<String> = source.notes().iter().cloned().chain(left_out).collect();
    if arguments.suggest {
        let (config, source, survey, notes) = (&config, &source, &survey, notes.as_slice());
        return suggest::Wanted { config, only, source, survey, notes }.tell(arguments.json, output);
    }
    let mut series = source.open()?;
    let mut new = Side::new((&config, only), (series.columns(), &survey));
    new.about.notes.extend(notes);
    let old = match &old {
        Some(old) => Some(Side::new((old, same(old, &config, only)?), (series.columns(), &survey))),
        None => None,
    };
    let chart = arguments.svg.as_ref().map(|_| Chart::new(new.replay.config(), series.columns(), &survey));
    let mut stage = Stage { new, old, chart };
    let mut report = Report::new(arguments.json);
    report.begin((&name, &stage), &survey, output)?;
    stage.play(&mut *series, &mut report, output)?;
    stage.end(&survey);
    if let (Some(path), Some(chart)) = (&arguments.svg, &stage.chart) {
        chart::save(path, &chart.draw(&stage.new))?;
    }
    report.end(&stage, &survey, output)
}

impl Arguments {
    /// Where the readings are that one of the configurations is about.
    fn source(&self, (config, old): (&Config, Option<&Config>)) -> Result<Source, Failure> {
        let now = crate::kernel::wall_instant();
        match (&self.series, &self.history) {
            (Some(path), _) => Ok(Source::file(path, config)),
            (None, Some(place)) => {
                let part = Part { target: self.target.clone(), span: self.span.said(now)? };
                Ok(Source::History(place.clone(), part))
            }
            (None, None) => {
                let span = self.span.or(USUAL_RANGE, now)?;
                Ok(Source::Recorded(self.prometheus.look((config, old), (self.target.as_deref(), span))?))
            }
        }
    }
}

/// All that is played.
pub(super) struct Stage {
    new: Side,
    old: Option<Side>,
    chart: Option<Chart>,
}

impl Stage {
    /// Plays the whole series.
    fn play(&mut self, series: &mut dyn Series, report: &mut Report, output: &mut Output) -> Result<(), Failure> {
        let mut row = Row::default();
        loop {
            let more = series.read(&mut row)?;
            let row = more.then_some(&row);
            self.new.step(row);
            if let Some(old) = &mut self.old {
                old.step(row);
            }
            if let Some(chart) = &mut self.chart {
                chart.take(row, &self.new);
            }
            report.tell(self, output)?;
            if row.is_none() {
                return Ok(());
            }
        }
    }

    fn end(&mut self, survey: &Survey) {
        self.new.tally.end(survey.last);
        if let Some(old) = &mut self.old {
            old.tally.end(survey.last);
        }
    }
}

/// The target that is looked at alone.
fn chosen(config: &Config, wanted: Option<&str>, named: bool) -> Result<Option<u16>, Failure> {
    let names: Vec<&str> = config.targets.iter().map(|target| &*target.name).collect();
    let Some(wanted) = wanted else {
        return match names.len() {
            _ if named => Ok(None),
            0 | 1 => Ok(index_of(config, names.first().copied().unwrap_or_default())),
            _ => Err(Failure::usage(format!(
                "the configuration has {} targets, and the readings do not say whose they are: choose one of {} by \
                 --target, or add a column `target`",
                names.len(),
                names.join(", ")
            ))),
        };
    };
    index_of(config, wanted).map(Some).ok_or_else(|| {
        let near = nearest(wanted, names.iter().copied()).map(|near| format!(" (did you mean {near}?)"));
        let wanted = printable(wanted.as_bytes(), 64);
        Failure::usage(format!(
            "no target is called {wanted}{}: there is {}",
            near.unwrap_or_default(),
            names.join(", ")
        ))
    })
}

fn index_of(config: &Config, name: &str) -> Option<u16> {
    let at = config.targets.iter().position(|target| *target.name == *name)?;
    u16::try_from(at).ok()
}

/// The same target in the other configuration.
fn same(old: &Config, config: &Config, only: Option<u16>) -> Result<Option<u16>, Failure> {
    let Some(target) = only.and_then(|only| config.targets.get(usize::from(only))) else { return Ok(None) };
    let missing = || {
        let file = old.files.first().map(|file| shown(file)).unwrap_or_default();
        Failure::usage(format!("{file} has no target {}, so that there is nothing to compare with", target.name))
    };
    index_of(old, &target.name).map(Some).ok_or_else(missing)
}

/// Levels in the order of the columns.
const LEVELS: [Level; 5] = [Level::Normal, Level::Elevated, Level::Warning, Level::Critical, Level::Fatal];

#[cfg(test)]
mod tests;
