//! The very same judge on suggested bounds: each metric twice, by those and by its own, where nothing is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::super::Failure;
use super::super::side::Side;
use super::{Suggestion, Wanted};
use crate::config::{Bound, Config, Host, Ladder, Target, Threshold, Usual as UsualBounds};
use crate::model::{Level, Metric, Moment, PerLevel, ThresholdView};
use crate::replay::{Row, Tally};

/// How often a level of a target's ladder was entered.
type Entered = BTreeMap<(Arc<str>, Arc<str>, Level), u64>;

/// What a trial has shown.
struct Shown {
    entered: Entered,
    tally: Tally,
    /// As the host's thresholds of the trial.
    host: Vec<Steps>,
}

/// How a threshold of the host has stepped.
#[derive(Clone, Debug, Default)]
struct Steps {
    level: Level,
    since: Option<Moment>,
    /// By the number of the level.
    entered: [u64; 5],
    spent: [Duration; 5],
}

impl Wanted<'_> {
    /// How often each bound would have been reached.
    pub(super) fn count(&self, suggestions: &mut [Suggestion]) -> Result<(), Failure> {
        let trial = trial(self.config, suggestions);
        let shown = self.played(&trial)?;
        let mut host = shown.host.iter();
        for suggestion in suggestions {
            let name = suggestion.name.to_string();
            let (by_suggested, by_own) = match &suggestion.target {
                Some(_) => (None, None),
                None => (host.next(), suggestion.has_own.then(|| host.next()).flatten()),
            };
            for bound in &mut suggestion.bounds {
                let of = |ladder: Arc<str>, steps: Option<&Steps>| match (&suggestion.target, steps) {
                    (Some(target), _) => shown.of(target, ladder, bound.at),
                    (None, Some(steps)) => steps.of(bound.at),
                    (None, None) => (0, 0.0),
                };
                let (entered, seconds) = of(name.as_str().into(), by_suggested);
                let of_now = of(present(&name), by_own);
                (bound.entered, bound.entered_seconds) = (entered, seconds);
                if let Some(now) = &mut bound.now {
                    (now.entered, now.entered_seconds) = of_now;
                }
            }
        }
        Ok(())
    }

    /// Each row on a ladder of its own on which nothing is done: how often which level was entered, and how
    /// long it held.
    fn played(&self, trial: &Config) -> Result<Shown, Failure> {
        let mut series = self.source.open()?;
        let mut side = Side::new((trial, self.only), (series.columns(), self.survey));
        let mut entered = Entered::new();
        let mut host = vec![Steps::default(); trial.host.thresholds.len()];
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
            let now = side.replay.now();
            let views = side.replay.player().state().host().thresholds(now);
            host.iter_mut().zip(views).for_each(|(steps, view)| steps.follow(view));
            if !more {
                break;
            }
        }
        side.tally.end(self.survey.last);
        let end = side.replay.now();
        host.iter_mut().for_each(|steps| steps.spend(end));
        Ok(Shown { entered, tally: side.tally, host })
    }
}

impl Shown {
    /// How often a ladder has entered the level, and for how long it stood there or higher, in seconds, of all
    /// processes together.
    fn of(&self, target: &Arc<str>, ladder: Arc<str>, level: Level) -> (u64, f64) {
        let ours =
            self.tally.ladders.iter().filter(|((whose, _, name), _)| whose.as_ref() == Some(target) && *name == ladder);
        let above = ours.flat_map(|(_, ladder)| ladder.spent.iter().skip(usize::from(level.number())));
        let seconds = above.sum::<Duration>().as_secs_f64();
        (self.entered.get(&(Arc::clone(target), ladder, level)).copied().unwrap_or_default(), seconds)
    }
}

impl Steps {
    fn follow(&mut self, view: ThresholdView) {
        self.since.get_or_insert(view.since);
        if view.level == self.level {
            return;
        }
        self.spend(view.since);
        for level in Level::ABOVE_NORMAL.into_iter().filter(|level| self.level < *level && *level <= view.level) {
            self.entered[usize::from(level.number())] += 1;
        }
        self.level = view.level;
    }

    fn spend(&mut self, until: Moment) {
        let since = self.since.replace(until).unwrap_or(until);
        self.spent[usize::from(self.level.number())] += until.since(since);
    }

    fn of(&self, level: Level) -> (u64, f64) {
        let at = usize::from(level.number());
        let above: Duration = self.spent.iter().skip(at).sum();
        (self.entered[at], above.as_secs_f64())
    }
}

/// The usual row of a metric.
pub(super) fn row_of<'a>(rows: &'a [Threshold], metric: &Metric) -> Option<&'a Threshold> {
    rows.iter().find(|row| row.name == *metric)
}

/// The ladder of the bounds that the configuration has now.
fn present(metric: &str) -> Arc<str> {
    format!("{metric} now").into()
}

/// Each metric twice, by the suggested bounds and by its own, on ladders without actions; those of the host, of
/// which there is one ladder only, in the order of the suggestions.
pub(super) fn trial(config: &Config, suggestions: &[Suggestion]) -> Config {
    let mut trial = Config { calendars: Vec::new(), host: Host::default(), ..config.clone() };
    for (index, target) in (0_u16..).zip(&mut trial.targets) {
        let own = target.usual().0.to_vec();
        let ours = suggestions.iter().filter(|one| one.target.is_some() && one.index == index);
        let (metrics, rows) = rows((&target.metrics, &own), ours);
        let ladders = rows.iter().map(|(name, _)| Ladder { name: Arc::clone(name), steps: PerLevel::default() });
        let thresholds = rows.iter().enumerate().map(|(ladder, (_, row))| Threshold { ladder, ..row.clone() });
        *target = Target {
            metrics,
            thresholds: thresholds.collect(),
            ladders: ladders.collect(),
            actions: Vec::new(),
            schedule: Vec::new(),
            during: Vec::new(),
            usual: UsualBounds::default(),
            inside: Vec::new(),
            on_host_ladder: false,
            ..target.clone()
        };
    }
    let ours = suggestions.iter().filter(|one| one.target.is_none());
    let (metrics, rows) = rows((&config.host.metrics, &config.host.thresholds), ours);
    let thresholds = rows.into_iter().map(|(_, row)| Threshold { ladder: 0, ..row }).collect();
    trial.host = Host { metrics, thresholds, ..Host::default() };
    trial
}

/// The metrics that are to be read, and the rows, each with the name of its ladder.
fn rows<'a>(
    (metrics, own): (&[Metric], &[Threshold]),
    suggestions: impl Iterator<Item = &'a Suggestion>,
) -> (Vec<Metric>, Vec<(Arc<str>, Threshold)>) {
    let (mut metrics, mut rows) = (metrics.to_vec(), Vec::new());
    for suggestion in suggestions {
        let metric = metrics.iter().position(|metric| *metric == suggestion.name).unwrap_or_else(|| {
            metrics.push(suggestion.name.clone());
            metrics.len() - 1
        });
        let own = row_of(own, &suggestion.name);
        rows.push((suggestion.metric.as_str().into(), suggested(suggestion, (metric, own))));
        if let Some(own) = own {
            rows.push((present(&suggestion.metric), Threshold { metric, ..own.clone() }));
        }
    }
    (metrics, rows)
}

/// The suggested bounds, with what else the row of the configuration says of each.
fn suggested(suggestion: &Suggestion, (metric, own): (usize, Option<&Threshold>)) -> Threshold {
    let mut bounds = PerLevel::default();
    for proposed in &suggestion.bounds {
        let like = own.and_then(|own| own.bounds.get(proposed.at)?.as_ref());
        let share = like.filter(|like| like.at > 0.0).map_or(0.9, |like| like.clear / like.at);
        let hold = like.map_or(Duration::ZERO, |like| like.hold);
        if let Some(slot) = bounds.get_mut(proposed.at) {
            *slot = Some(Bound { at: proposed.bound, clear: proposed.bound * share, hold });
        }
    }
    let clear_hold = own.map_or(Duration::from_secs(30), |own| own.clear_hold);
    Threshold { metric, name: suggestion.name.clone(), ladder: 0, expected: None, bounds, clear_hold }
}
