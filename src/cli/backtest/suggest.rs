//! `--suggest`: bounds by what is usual in calm times, and how often each would have been reached; beside them
//! those of the configuration.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::super::output::{Table, WARNING};
use super::super::{Failure, Output};
use super::propose;
use super::side::Side;
use super::source::Source;
use crate::config::{Bound, Config, Host, Ladder, Per, Target, Threshold, Usual as UsualBounds, units};
use crate::model::{Level, Metric, PerLevel, Unit};
use crate::record::show_duration;
use crate::replay::{Calm, Column, Row, Survey, Tally, Usual};

/// Levels that are suggested where the configuration has no bound on a metric.
const USUAL_LEVELS: [Level; 2] = [Level::Elevated, Level::Warning];
/// Less than this in calm says little.
const LITTLE: f64 = 0.5;

/// What is suggested for a metric of a target.
#[derive(Debug, Serialize)]
struct Suggestion {
    target: Arc<str>,
    metric: String,
    /// How long it was calm, and how long it was told of.
    calm_seconds: f64,
    seconds: f64,
    median: f64,
    quantile_99: f64,
    quantile_999: f64,
    highest: f64,
    expected: f64,
    bounds: Vec<Proposed>,
    #[serde(skip)]
    index: u16,
    #[serde(skip)]
    name: Metric,
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

/// How often a level of a target's ladder was entered.
type Entered = BTreeMap<(Arc<str>, Arc<str>, Level), u64>;

/// What is suggested, and where it comes from.
pub(super) struct Wanted<'a> {
    pub(super) config: &'a Config,
    /// The target that is looked at alone.
    pub(super) only: Option<u16>,
    pub(super) source: &'a Source,
    pub(super) survey: &'a Survey,
}

impl Wanted<'_> {
    /// Reads the series twice more, and prints what comes of it.
    pub(super) fn tell(&self, json: bool, output: &mut Output) -> Result<(), Failure> {
        let mut series = self.source.open()?;
        let mut calm = Calm::new(self.survey);
        let mut row = Row::default();
        while series.read(&mut row)? {
            calm.take(&row);
        }
        let mut suggestions = self.suggestions(&calm, series.columns());
        self.count(&mut suggestions)?;
        if !json {
            return Ok(self.print(&suggestions, output)?);
        }
        let (first, last) = (self.survey.first.to_string(), self.survey.last.to_string());
        let (suggestions, notes) = (suggestions.as_slice(), self.source.notes());
        Ok(output.json(&Document { series: self.source.name(), first, last, suggestions, notes })?)
    }

    fn targets(&self) -> impl Iterator<Item = (u16, &Target)> {
        let all = (0_u16..).zip(&self.config.targets);
        all.filter(|(index, _)| self.only.is_none_or(|only| only == *index))
    }

    fn suggestions(&self, calm: &Calm, columns: &[Column]) -> Vec<Suggestion> {
        let mut all = Vec::new();
        for (index, target) in self.targets() {
            for (at, column) in columns.iter().enumerate() {
                let Some(metric) = column.metric.as_ref().filter(|metric| metric.info().bounded) else { continue };
                let place = (target.per == Per::Group, at);
                let named = calm.usual(Some(&target.name), place);
                let Some(usual) = named.or_else(|| calm.usual(None, place)) else { continue };
                all.push(suggestion((index, target), metric, &usual));
            }
        }
        all
    }

    /// How often each bound would have been reached.
    fn count(&self, suggestions: &mut [Suggestion]) -> Result<(), Failure> {
        let (entered, tally) = self.played(&trial(self.config, suggestions))?;
        let of = |target: &Arc<str>, ladder: Arc<str>, level: Level| {
            let count = entered.get(&(Arc::clone(target), Arc::clone(&ladder), level)).copied().unwrap_or_default();
            (count, held(&tally, (target, &ladder), level))
        };
        for suggestion in suggestions {
            let name = suggestion.name.to_string();
            for bound in &mut suggestion.bounds {
                (bound.entered, bound.entered_seconds) = of(&suggestion.target, name.as_str().into(), bound.at);
                if let Some(now) = &mut bound.now {
                    (now.entered, now.entered_seconds) = of(&suggestion.target, present(&name), bound.at);
                }
            }
        }
        Ok(())
    }

    /// Judged by the very same judge, each row on a ladder of its own on which nothing is done: how often which
    /// level was entered, and how long it held.
    fn played(&self, trial: &Config) -> Result<(Entered, Tally), Failure> {
        let mut series = self.source.open()?;
        let mut side = Side::new((trial, self.only), (series.columns(), self.survey));
        let mut entered = Entered::new();
        let mut row = Row::default();
        loop {
            let more = series.read(&mut row)?;
            side.step(more.then_some(&row));
            for level in side.news.iter().filter_map(|news| news.level.as_ref()) {
                let Some(target) = &level.target else { continue };
                for passed in Level::ABOVE_NORMAL.into_iter().filter(|one| level.from < *one && *one <= level.to) {
                    *entered.entry((Arc::clone(target), Arc::clone(&level.ladder), passed)).or_default() += 1;
                }
            }
            if !more {
                break;
            }
        }
        side.tally.end(self.survey.last);
        Ok((entered, side.tally))
    }

    fn print(&self, suggestions: &[Suggestion], output: &mut Output) -> io::Result<()> {
        let length = show_duration(super::totals::length(self.survey));
        output.line(format!("{}: {length}, from {} to {}", self.source.name(), self.survey.first, self.survey.last))?;
        for note in self.source.notes() {
            output.styled(WARNING, note)?;
        }
        let grouped =
            |target: &Target| target.per == Per::Group && !suggestions.iter().any(|one| one.target == target.name);
        for (_, target) in self.targets().filter(|(_, target)| grouped(target)) {
            let what = "is judged as a group, and nothing tells what its processes come to (process `all`)";
            output.styled(WARNING, format!("{} {what}: nothing is suggested for it", target.name))?;
        }
        if suggestions.is_empty() {
            return output
                .styled(WARNING, "Nothing was read of any metric that may have a bound: nothing is suggested.");
        }
        output.line("")?;
        output.table(&usual_table(suggestions))?;
        for one in suggestions.iter().filter(|one| one.calm_seconds < one.seconds * LITTLE) {
            output.styled(WARNING, format!("{} was hardly ever calm: what is usual of it is a guess", one.metric))?;
        }
        output.line("")?;
        output.table(&bounds_table(suggestions))?;
        for (_, target) in self.targets() {
            let ours: Vec<&Suggestion> = suggestions.iter().filter(|one| one.target == target.name).collect();
            if !ours.is_empty() {
                output
                    .line(format!("\n[target.{}.thresholds] # hold, clear and ladder stay as they are", target.name))?;
            }
            for one in ours {
                output.line(line(one))?;
            }
        }
        Ok(())
    }
}

fn suggestion((index, target): (u16, &Target), metric: &Metric, usual: &Usual) -> Suggestion {
    let unit = metric.info().unit;
    let row = row_of(target, metric);
    let configured = |level: Level| row.and_then(|row| row.bounds.get(level)?.as_ref()).map(|bound| bound.at);
    let levels: Vec<Level> = match row {
        Some(_) => Level::ABOVE_NORMAL.into_iter().filter(|level| configured(*level).is_some()).collect(),
        None => USUAL_LEVELS.to_vec(),
    };
    let proposed = |(at, bound): (Level, f64)| {
        let now = configured(at).map(|bound| Now { bound, entered: 0, entered_seconds: 0.0 });
        Proposed { level: at.name(), bound, entered: 0, entered_seconds: 0.0, now, at }
    };
    Suggestion {
        target: Arc::clone(&target.name),
        metric: metric.to_string(),
        calm_seconds: usual.calm.as_secs_f64(),
        seconds: usual.whole.as_secs_f64(),
        median: usual.median,
        quantile_99: usual.most,
        quantile_999: usual.nearly_all,
        highest: usual.highest,
        expected: propose::expected(usual, unit),
        bounds: propose::bounds(usual, unit, &levels).into_iter().map(proposed).collect(),
        index,
        name: metric.clone(),
    }
}

/// The usual row of a metric.
fn row_of<'a>(target: &'a Target, metric: &Metric) -> Option<&'a Threshold> {
    let (rows, _) = target.usual();
    rows.iter().find(|row| row.name == *metric)
}

/// The ladder of the bounds that the configuration has now.
fn present(metric: &str) -> Arc<str> {
    format!("{metric} now").into()
}

/// Each metric twice, by the suggested bounds and by its own, on ladders without actions.
fn trial(config: &Config, suggestions: &[Suggestion]) -> Config {
    let mut trial = Config { calendars: Vec::new(), host: Host::default(), ..config.clone() };
    for (index, target) in (0_u16..).zip(&mut trial.targets) {
        let mut metrics = target.metrics.clone();
        let (mut thresholds, mut ladders) = (Vec::new(), Vec::new());
        for suggestion in suggestions.iter().filter(|one| one.index == index) {
            let at = metrics.iter().position(|metric| *metric == suggestion.name).unwrap_or_else(|| {
                metrics.push(suggestion.name.clone());
                metrics.len() - 1
            });
            let own = row_of(target, &suggestion.name);
            let mut add = |name: Arc<str>, row: Threshold| {
                thresholds.push(Threshold { ladder: ladders.len(), ..row });
                ladders.push(Ladder { name, steps: PerLevel::default() });
            };
            add(suggestion.metric.as_str().into(), suggested(suggestion, (at, own)));
            if let Some(own) = own {
                add(present(&suggestion.metric), Threshold { metric: at, ..own.clone() });
            }
        }
        *target = Target {
            metrics,
            thresholds,
            ladders,
            actions: Vec::new(),
            schedule: Vec::new(),
            during: Vec::new(),
            usual: UsualBounds::default(),
            inside: Vec::new(),
            on_host_ladder: false,
            ..target.clone()
        };
    }
    trial
}

/// The suggested bounds, with what else the row of the configuration says of each.
fn suggested(suggestion: &Suggestion, (metric, own): (usize, Option<&Threshold>)) -> Threshold {
    let mut bounds = PerLevel::default();
    for proposed in &suggestion.bounds {
        let like = own.and_then(|own| own.bounds.get(proposed.at)?.as_ref());
        let (share, hold) = like.map_or((0.9, Duration::ZERO), |like| (like.clear / like.at, like.hold));
        if let Some(slot) = bounds.get_mut(proposed.at) {
            *slot = Some(Bound { at: proposed.bound, clear: proposed.bound * share, hold });
        }
    }
    let clear_hold = own.map_or(Duration::from_secs(30), |own| own.clear_hold);
    Threshold { metric, name: suggestion.name.clone(), ladder: 0, expected: None, bounds, clear_hold }
}

/// How long the ladder stood at the level or higher, in seconds, of all processes together.
fn held(tally: &Tally, (target, ladder): (&Arc<str>, &Arc<str>), level: Level) -> f64 {
    let ours = tally.ladders.iter().filter(|((whose, _, name), _)| whose.as_ref() == Some(target) && name == ladder);
    let above = ours.flat_map(|(_, ladder)| ladder.spent.iter().skip(usize::from(level.number())));
    above.sum::<Duration>().as_secs_f64()
}

fn usual_table(suggestions: &[Suggestion]) -> Table {
    let mut table = Table::new(&["in calm times", ">median", ">99 %", ">99.9 %", ">highest", ">calm for", ">of"]);
    for one in suggestions {
        let unit = one.name.info().unit;
        let numbers =
            [one.median, one.quantile_99, one.quantile_999, one.highest].map(|value| units::show(value, unit));
        let spans = [one.calm_seconds, one.seconds].map(span);
        let name = format!("{} {}", one.target, one.metric);
        table.row(Level::Normal, [name].into_iter().chain(numbers).chain(spans).collect());
    }
    table
}

fn bounds_table(suggestions: &[Suggestion]) -> Table {
    let heads = ["bound", "level", ">suggested", ">entered", ">held", ">now", ">entered", ">held"];
    let mut table = Table::new(&heads);
    for one in suggestions {
        let unit = one.name.info().unit;
        for bound in &one.bounds {
            let (name, level) = (format!("{} {}", one.target, one.metric), bound.level.to_owned());
            let mut cells = vec![name, level, units::show(bound.bound, unit)];
            cells.extend([times(bound.entered), span(bound.entered_seconds)]);
            match &bound.now {
                Some(now) => {
                    cells.extend([units::show(now.bound, unit), times(now.entered), span(now.entered_seconds)]);
                }
                None => cells.extend(["-", "-", "-"].map(str::to_owned)),
            }
            table.row(bound.at, cells);
        }
    }
    table
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

fn span(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_owned() } else { show_duration(Duration::from_secs_f64(seconds)) }
}

/// `open_fds = { expected = 110, elevated = 140 }`
fn line(one: &Suggestion) -> String {
    let unit: Unit = one.name.info().unit;
    let name = if one.metric.contains('.') { format!("\"{}\"", one.metric) } else { one.metric.clone() };
    let expected = std::iter::once(format!("expected = {}", propose::written(one.expected, unit)));
    let bounds = one.bounds.iter().map(|bound| format!("{} = {}", bound.level, propose::written(bound.bound, unit)));
    format!("{name} = {{ {} }}", expected.chain(bounds).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
