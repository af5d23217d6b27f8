//! `--suggest`: bounds by what is usual in calm times, and how often each would have been reached; beside them
//! those of the configuration.

mod tables;
mod trial;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Serialize;

use super::super::output::WARNING;
use super::super::{Failure, Output};
use super::propose;
use super::source::Source;
use crate::config::{Config, Per, Target, Threshold};
use crate::model::{Level, Metric, Moment, Scope};
use crate::record::show_duration;
use crate::replay::{Calm, Column, Replay, Row, Series, Survey, Told, Usual};
use trial::{row_of, trial};

/// Levels that are suggested where the configuration has no bound on a metric.
const USUAL_LEVELS: [Level; 2] = [Level::Elevated, Level::Warning];
/// Less than this in calm says little.
const LITTLE: f64 = 0.5;

/// What is suggested for a metric of a target.
#[derive(Debug, Serialize)]
struct Suggestion {
    /// None for the host.
    target: Option<Arc<str>>,
    metric: String,
    /// How long it was calm, and how long it was told of.
    calm_seconds: f64,
    seconds: f64,
    median: f64,
    quantile_99: f64,
    quantile_999: f64,
    highest: f64,
    /// Whether it has grown nearly all the time, so that nothing of it is usual.
    grows: bool,
    expected: f64,
    bounds: Vec<Proposed>,
    /// Index of the target.
    #[serde(skip)]
    index: u16,
    #[serde(skip)]
    name: Metric,
    /// Whether the configuration has a row of its own on it.
    #[serde(skip)]
    has_own: bool,
}

impl Suggestion {
    /// `trader open_fds`; of the host the metric alone.
    fn title(&self) -> String {
        self.target.as_ref().map_or_else(|| self.metric.clone(), |target| format!("{target} {}", self.metric))
    }
}

/// A bound of a level: suggested, and as configured.
#[derive(Debug, Serialize)]
struct Proposed {
    level: &'static str,
    bound: f64,
    /// How often it would have been entered, and how long it would have held, of all processes together.
    entered: u64,
    entered_seconds: f64,
    /// The same of the bound of the configuration; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Now>,
    #[serde(skip)]
    at: Level,
}

#[derive(Debug, Serialize)]
struct Now {
    bound: f64,
    entered: u64,
    entered_seconds: f64,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    series: String,
    first: String,
    last: String,
    suggestions: &'a [Suggestion],
    notes: &'a [String],
}

/// What is suggested, and where it comes from.
pub(super) struct Wanted<'a> {
    pub(super) config: &'a Config,
    /// The target that is looked at alone.
    pub(super) only: Option<u16>,
    pub(super) source: &'a Source,
    pub(super) survey: &'a Survey,
    /// What somebody should know who reads the result.
    pub(super) notes: &'a [String],
}

impl Wanted<'_> {
    /// Reads the series twice more, and prints what comes of it.
    pub(super) fn tell(&self, json: bool, output: &mut Output) -> Result<(), Failure> {
        let mut series = self.source.open()?;
        let calm = self.calm(&mut *series)?;
        let mut suggestions = self.suggestions(&calm, series.columns());
        self.count(&mut suggestions)?;
        if !json {
            return Ok(self.print(&suggestions, output)?);
        }
        let (first, last) = (self.survey.first.to_string(), self.survey.last.to_string());
        let (suggestions, notes) = (suggestions.as_slice(), self.notes);
        Ok(output.json(&Document { series: self.source.name(), first, last, suggestions, notes })?)
    }

    fn targets(&self) -> impl Iterator<Item = (u16, &Target)> {
        let all = (0_u16..).zip(&self.config.targets);
        all.filter(|(index, _)| self.only.is_none_or(|only| only == *index))
    }

    /// What is usual; of targets that are judged as a group also what their processes come to, where the
    /// series does not tell that itself.
    fn calm(&self, series: &mut dyn Series) -> Result<Calm, Failure> {
        let mut calm = Calm::new(self.survey, series.columns());
        let grouped = self.targets().any(|(_, target)| target.per == Per::Group);
        let mut sums = grouped.then(|| Sums {
            replay: Replay::new(&trial(self.config, &[]), self.only, (series.columns(), self.survey)),
            columns: series.columns().to_vec(),
            told: Vec::new(),
            noted: BTreeMap::new(),
        });
        let mut row = Row::default();
        while series.read(&mut row)? {
            calm.take(&row);
            if let Some(sums) = &mut sums {
                sums.replay.take(&row, &mut sums.told);
                sums.note(&mut calm);
            }
        }
        if let Some(sums) = &mut sums {
            sums.replay.end(&mut sums.told);
            sums.note(&mut calm);
        }
        Ok(calm)
    }

    fn suggestions(&self, calm: &Calm, columns: &[Column]) -> Vec<Suggestion> {
        let bounded = columns.iter().enumerate().filter_map(|(at, column)| Some((at, column.metric.as_ref()?)));
        let bounded = bounded.filter(|(_, metric)| metric.info().bounded && metric.derived.is_none());
        let bounded: Vec<(usize, &Metric)> = bounded.collect();
        let mut all = Vec::new();
        for (index, target) in self.targets() {
            for (at, metric) in bounded.iter().copied() {
                let own = row_of(target.usual().0, metric);
                let of_host = metric.info().scope == Scope::Host;
                let together = target.per == Per::Group && !of_host;
                let named = calm.usual(Some(&target.name), (together, at));
                // The host's are suggested for the host, and here only where they are judged here too.
                if let Some(usual) =
                    named.or_else(|| calm.usual(None, (together, at))).filter(|_| own.is_some() || !of_host)
                {
                    let suggestion = suggestion((metric, own), &usual);
                    all.push(Suggestion { target: Some(Arc::clone(&target.name)), index, ..suggestion });
                }
            }
        }
        for (at, metric) in bounded.into_iter().filter(|(_, metric)| metric.info().scope == Scope::Host) {
            let own = row_of(&self.config.host.thresholds, metric);
            all.extend(calm.usual(None, (false, at)).map(|usual| suggestion((metric, own), &usual)));
        }
        all
    }

    fn print(&self, suggestions: &[Suggestion], output: &mut Output) -> io::Result<()> {
        let length = show_duration(super::totals::length(self.survey));
        output.line(format!("{}: {length}, from {} to {}", self.source.name(), self.survey.first, self.survey.last))?;
        for note in self.notes {
            output.styled(WARNING, note)?;
        }
        if suggestions.is_empty() {
            return output
                .styled(WARNING, "Nothing was read of any metric that may have a bound: nothing is suggested.");
        }
        output.line("")?;
        output.table(&tables::usual(suggestions))?;
        for one in suggestions.iter().filter(|one| one.calm_seconds < one.seconds * LITTLE) {
            output.styled(WARNING, format!("{} was hardly ever calm: what is usual of it is a guess", one.title()))?;
        }
        for one in suggestions.iter().filter(|one| one.grows) {
            let what = "grew nearly all the time: what is suggested is beyond how far it came, and no bound";
            output.styled(WARNING, format!("{} {what}; take a series without the leak", one.title()))?;
        }
        output.line("")?;
        output.table(&tables::bounds(suggestions))?;
        let targets = self.targets().map(|(_, target)| Some(&target.name));
        for whose in targets.chain([None]) {
            let mut ours = suggestions.iter().filter(|one| one.target.as_ref() == whose).peekable();
            if ours.peek().is_some() {
                let table = whose.map_or_else(|| "host".to_owned(), |name| format!("target.{name}"));
                output.line(format!("\n[{table}.thresholds] # hold, clear and ladder stay as they are"))?;
            }
            for one in ours {
                output.line(tables::line(one))?;
            }
        }
        Ok(())
    }
}

/// What the processes of groups come to, added up as the daemon does.
struct Sums {
    replay: Replay,
    columns: Vec<Column>,
    told: Vec<Told>,
    /// When what was noted last was read, by target and column.
    noted: BTreeMap<(u16, usize), Moment>,
}

impl Sums {
    /// What was added up anew.
    fn note(&mut self, calm: &mut Calm) {
        self.told.clear();
        let Self { replay, columns, noted, .. } = self;
        let config = replay.config();
        for group in replay.player().groups().iter().filter(|group| replay.adds_up(group.target)) {
            let Some(target) = config.targets.get(usize::from(group.target)) else { continue };
            for (metric, reading) in target.metrics.iter().zip(&group.readings) {
                let column = columns.iter().position(|column| column.metric.as_ref() == Some(metric));
                let Some((column, value)) = column.zip(reading.value.number()) else { continue };
                if noted.insert((group.target, column), reading.at) != Some(reading.at) {
                    calm.note((Some(Arc::clone(&target.name)), true, column), (replay.wall(reading.at), value));
                }
            }
        }
    }
}

/// For the host, until somebody says otherwise.
fn suggestion((metric, own): (&Metric, Option<&Threshold>), usual: &Usual) -> Suggestion {
    let unit = metric.info().unit;
    let configured = |level: Level| own.and_then(|row| row.bounds.get(level)?.as_ref()).map(|bound| bound.at);
    let levels: Vec<Level> = match own {
        Some(_) => Level::ABOVE_NORMAL.into_iter().filter(|level| configured(*level).is_some()).collect(),
        None => USUAL_LEVELS.to_vec(),
    };
    let proposed = |(at, bound): (Level, f64)| {
        let now = configured(at).map(|bound| Now { bound, entered: 0, entered_seconds: 0.0 });
        Proposed { level: at.name(), bound, entered: 0, entered_seconds: 0.0, now, at }
    };
    Suggestion {
        target: None,
        metric: metric.to_string(),
        calm_seconds: usual.calm.as_secs_f64(),
        seconds: usual.whole.as_secs_f64(),
        median: usual.median,
        quantile_99: usual.most,
        quantile_999: usual.nearly_all,
        highest: usual.highest,
        grows: usual.grows,
        expected: propose::expected(usual, unit),
        bounds: propose::bounds(usual, unit, &levels).into_iter().map(proposed).collect(),
        index: 0,
        name: metric.clone(),
        has_own: own.is_some(),
    }
}

#[cfg(test)]
mod tests;
