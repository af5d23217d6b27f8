//! `tradedog backtest`: what would have been ordered, had this configuration been there.

mod about;
mod document;
mod prometheus;
mod source;
mod timeline;
mod totals;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::lookup::{ConfigFile, shown};
use super::{Failure, Output};
use crate::config::{Config, nearest};
use crate::model::{Event, Level, MemberKey, Note};
use crate::replay::{Fault, LevelRow, OrderRow, Replay, Row, Survey, Tally, Told, survey};
use about::About;
use document::Document;
use prometheus::Prometheus;
use source::Source;
use timeline::Timeline;

/// By what to judge which readings, and how to tell.
#[derive(Args, Debug, Default)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The readings: CSV (time,open_fds,close_wait.postgres,...; times RFC 3339 or seconds since 1970), with a
    /// column `process` where several processes are told of, and `target` where those of several targets are
    #[arg(long, value_name = "FILE", required_unless_present = "prometheus", conflicts_with = "prometheus")]
    series: Option<PathBuf>,
    #[command(flatten)]
    prometheus: Prometheus,
    /// The target that the readings are of; needed where the configuration has several and the file does not
    /// say
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Print one JSON object: orders, levels, forecasts, summary
    #[arg(long)]
    json: bool,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::runtime(fault.to_string())
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    let source = arguments.source(&config)?;
    let mut series = source.open()?;
    let only = chosen(&config, arguments.target.as_deref(), series.names_targets())?;
    let survey = survey(&mut *series)?;
    if survey.rows == 0 {
        let name = source.name();
        return Err(Failure::runtime(format!("{name}: there is no reading in it: was it recorded at all?")));
    }
    let mut series = source.open()?;
    let mut about = About::of((&config, only), series.columns(), &survey);
    about.notes.extend_from_slice(source.notes());
    let mut replay = Replay::new(&config, only, (series.columns(), &survey));
    let mut report = if arguments.json { Report::json() } else { Report::text() };
    report.begin((&source.name(), &about), &survey, output)?;
    let (mut row, mut told, mut tally) = (Row::default(), Vec::new(), Tally::default());
    loop {
        let more = series.read(&mut row)?;
        if more {
            replay.take(&row, &mut told);
        } else {
            replay.end(&mut told);
        }
        for told in told.drain(..) {
            let news = News::of(&replay, told);
            news.count(&mut tally, &replay);
            report.tell(&news, &replay, output)?;
        }
        if !more {
            break;
        }
    }
    tally.end(survey.last);
    report.end((&tally, &about), &survey, output)
}

impl Arguments {
    /// Where the readings are.
    fn source(&self, config: &Config) -> Result<Source, Failure> {
        match &self.series {
            Some(path) => Ok(Source::file(path)),
            None => {
                let now = crate::kernel::wall_instant();
                Ok(Source::Recorded(self.prometheus.look(config, (self.target.as_deref(), now))?))
            }
        }
    }
}

/// The target that is looked at alone.
fn chosen(config: &Config, wanted: Option<&str>, named: bool) -> Result<Option<u16>, Failure> {
    let names: Vec<&str> = config.targets.iter().map(|target| &*target.name).collect();
    let index = |at: usize| u16::try_from(at).ok();
    let Some(wanted) = wanted else {
        return match names.len() {
            _ if named => Ok(None),
            0 | 1 => Ok(index(0).filter(|_| names.len() == 1)),
            _ => Err(Failure::usage(format!(
                "the configuration has {} targets, and the readings do not say whose they are: choose one of {} by \
                 --target, or add a column `target`",
                names.len(),
                names.join(", ")
            ))),
        };
    };
    let at = names.iter().position(|name| *name == wanted);
    at.map(index).ok_or_else(|| {
        let near = nearest(wanted, names.iter().copied()).map(|near| format!(" (did you mean {near}?)"));
        let wanted = crate::model::printable(wanted.as_bytes(), 64);
        Failure::usage(format!(
            "no target is called {wanted}{}: there is {}",
            near.unwrap_or_default(),
            names.join(", ")
        ))
    })
}

/// Something worth telling, with its rows.
pub(super) struct News {
    told: Told,
    order: Option<OrderRow>,
    level: Option<LevelRow>,
}

impl News {
    fn of(replay: &Replay, told: Told) -> Self {
        let event = if let Told::Event(event) = &told { Some(event) } else { None };
        let order = event.and_then(|event| replay.order_row(event));
        let level = event.and_then(|event| replay.level_row(event));
        Self { told, order, level }
    }

    fn count(&self, tally: &mut Tally, replay: &Replay) {
        if let (Some(row), Told::Event(Event { note: Note::Ended { order, .. } | Note::Held { order, .. }, .. })) =
            (&self.order, &self.told)
        {
            tally.order(row, order.measure.is_kill());
        }
        if let Some(row) = &self.level {
            tally.level(row);
        }
        match self.told {
            Told::Came { member, at } => begin(tally, replay, (member, replay.wall(at))),
            Told::Gap { from, to, .. } => tally.gap(to.since(from)),
            Told::Event(_) | Told::Left { .. } => {}
        }
    }
}

/// The ladders of a process begin at normal.
fn begin(tally: &mut Tally, replay: &Replay, (member, at): (MemberKey, jiff::Timestamp)) {
    let Some(target) = replay.config().targets.get(usize::from(member.target)) else { return };
    let whom = match target.per {
        crate::config::Per::Process => replay.name(member),
        crate::config::Per::Group => replay.name(MemberKey::all_of(member.target)),
    };
    for ladder in &target.ladders {
        let key = (Some(Arc::clone(&target.name)), Some(Arc::clone(&whom)), Arc::clone(&ladder.name));
        tally.begin(key, at);
    }
}

/// How it is told.
enum Report {
    Text(Timeline),
    Json(Box<Document>),
}

impl Report {
    fn json() -> Self {
        Self::Json(Box::default())
    }

    fn text() -> Self {
        Self::Text(Timeline::default())
    }

    fn begin(&mut self, about: (&str, &About), survey: &Survey, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(_) => Ok(timeline::head(about, survey, output)?),
            Self::Json(_) => Ok(()),
        }
    }

    fn tell(&mut self, news: &News, replay: &Replay, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(timeline) => Ok(timeline.tell(news, replay, output)?),
            Self::Json(document) => Ok(document.take(news)?),
        }
    }

    fn end(self, came: (&Tally, &About), survey: &Survey, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(timeline) => Ok(timeline.end(came, output)?),
            Self::Json(document) => Ok(document.print(came, survey, output)?),
        }
    }
}

/// Levels in the order of the columns.
const LEVELS: [Level; 5] = [Level::Normal, Level::Elevated, Level::Warning, Level::Critical, Level::Fatal];

#[cfg(test)]
mod tests;
