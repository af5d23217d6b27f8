//! Readings that are watched: the thresholds of one process, of a group, or of the host, and the
//! ladders that they feed. What the levels lead to is not known here.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::effect::Stairs;
use super::forecast::Series;
use super::threshold::{Rule, ThresholdState};
use crate::config::{Bound, Config, Forecasts, Host, Target, Threshold};
use crate::model::{Cause, Course, Escalation, LadderView, Level, Metric, Moment, Reading, ThresholdMemory, Unknown};

/// How long a metric may take to have its first value.
const BEGINNING: Duration = Duration::from_secs(10);

/// Where the thresholds and ladders of one subject stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// As the rules' thresholds.
    pub(super) thresholds: Vec<ThresholdState>,
    /// As the rules' ladders.
    pub(super) ladders: Vec<LadderView>,
    /// Ladders that stand higher than the thresholds ask for.
    pub(super) escalations: Vec<Escalation>,
    /// As the rules' thresholds: how each metric went, where a measure is to stop its growth.
    pub(super) courses: Vec<Option<Box<Coursed>>>,
    /// As the rules' forecasts.
    pub(super) forecasts: Vec<Series>,
    /// Nothing is foretold by what was read before: the start-up grace.
    pub(super) quiet_until: Moment,
}

/// How a metric went.
#[derive(Clone, Debug)]
pub(super) struct Coursed {
    pub(super) metric: Metric,
    pub(super) course: Course,
}

/// What is watched, and by which bounds.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) thresholds: &'a [Threshold],
    pub(super) metrics: &'a [Metric],
    pub(super) forecasts: &'a Forecasts,
    /// How many ladders there are.
    pub(super) ladders: usize,
    /// What stands on them.
    pub(super) stairs: Stairs<'a>,
}

/// Why a rung is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grounds {
    /// The reading that made its level; none for a scheduled order.
    pub(super) cause: Option<Cause>,
    /// Whether the reading behind it is known now.
    pub(super) known: bool,
    /// When the causing metric was last read.
    pub(super) read: Moment,
    /// No kill sooner: the bound was changed under the level.
    pub(super) kill_from: Option<Moment>,
}

impl Grounds {
    /// That a threshold is at this bound now; a kill for it waits so long after the bounds were others.
    pub(super) fn of((threshold, state): (&Threshold, &ThresholdState), bound: Bound, hold: Duration) -> Option<Self> {
        Some(Self {
            cause: Some(Cause {
                metric: threshold.name.clone(),
                value: state.last_known()?,
                bound: bound.at,
                since: state.since(),
                escalated: None,
            }),
            known: state.is_known(),
            read: state.last().map_or(state.since(), |last| last.at),
            kill_from: state.rebased().map(|at| at + hold),
        })
    }
}

/// A ladder has stepped.
#[derive(Clone, Debug)]
pub(super) struct Stepped {
    pub(super) ladder: usize,
    pub(super) from: Level,
    pub(super) to: Level,
    pub(super) cause: Option<Cause>,
}

/// A metric has become unknown, or known again.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) metric: Arc<str>,
    pub(super) why: Option<Unknown>,
}

impl<'a> Rules<'a> {
    pub(super) fn of_target(target: &'a Target) -> Self {
        let Target { thresholds, metrics, forecasts, .. } = target;
        Self { thresholds, metrics, forecasts, ladders: target.ladders.len(), stairs: Stairs::Target(target) }
    }

    pub(super) fn of_host(config: &'a Config) -> Self {
        let Host { thresholds, metrics, forecasts, .. } = &config.host;
        Self { thresholds, metrics, forecasts, ladders: 1, stairs: Stairs::Host(config) }
    }
}

impl Watched {
    /// Nothing read yet.
    pub(super) fn new(rules: Rules<'_>, now: Moment) -> Self {
        let mut watched = Self {
            thresholds: vec![ThresholdState::default(); rules.thresholds.len()],
            ladders: vec![LadderView { level: Level::Normal, since: now }; rules.ladders],
            escalations: Vec::new(),
            courses: Vec::new(),
            forecasts: rules.forecasts.rows.iter().map(|_| Series::new(rules.forecasts.window)).collect(),
            quiet_until: Moment::default(),
        };
        watched.lay_courses(rules);
        watched
    }

    /// The same, of a process that was started then: nothing is foretold by what is read in its start-up
    /// grace, and its buckets close at a time of its own.
    pub(super) fn of_process(mut self, started: Moment, grace: Duration) -> Self {
        self.quiet_until = started + grace;
        self.forecasts.iter_mut().for_each(|series| series.begin_at(started));
        self
    }

    /// As it stood when it was remembered, as far as `rules` still have it.
    pub(super) fn restore(rules: Rules<'_>, memory: &[ThresholdMemory], now: Moment) -> Self {
        let mut watched = Self::new(rules, now);
        for (threshold, state) in rules.thresholds.iter().zip(&mut watched.thresholds) {
            if let Some(before) = memory.iter().find(|memory| memory.metric == threshold.name) {
                *state = ThresholdState::restore(threshold, before);
            }
        }
        for before in memory.iter().filter(|memory| rules.position(&memory.metric).is_some()) {
            watched.take_escalations(rules, before);
        }
        for ladder in 0..watched.ladders.len() {
            let level = watched.highest(rules, ladder);
            let holding = rules.thresholds.iter().zip(&watched.thresholds);
            let holding = holding.filter(|(threshold, state)| threshold.ladder == ladder && state.level() == level);
            let since = holding.map(|(_, state)| state.since()).min().filter(|_| level > Level::Normal);
            let since = since.or_else(|| watched.raised_since(rules, (ladder, level)));
            watched.ladders[ladder] = LadderView { level, since: since.unwrap_or(now) };
        }
        watched
    }

    /// Its thresholds that are not at normal, under their names.
    pub(super) fn memory(&self, rules: Rules<'_>) -> Vec<ThresholdMemory> {
        let both = rules.thresholds.iter().zip(&self.thresholds);
        let raised = both.filter(|(_, state)| state.level() > Level::Normal);
        let memory = raised.map(|(threshold, state)| {
            let metric = threshold.name.clone();
            let escalations = self.escalations_of(&metric);
            ThresholdMemory { escalations, ..state.memory(threshold, metric) }
        });
        memory.collect()
    }

    /// Steps every threshold on its reading; tells which goes blind or sees again, and whether any
    /// level has changed.
    pub(super) fn observe(&mut self, rules: Rules<'_>, readings: &[Reading], now: Moment) -> (Vec<Sight>, bool) {
        let (mut sights, mut stepped) = (Vec::new(), false);
        if now >= self.quiet_until {
            for (row, series) in rules.forecasts.rows.iter().zip(&mut self.forecasts) {
                series.observe(row, readings, now);
            }
        }
        let rows = self.thresholds.iter_mut().zip(&mut self.courses);
        for (threshold, (state, course)) in rules.thresholds.iter().zip(rows) {
            let foretold = threshold.name.derived.and_then(|derived| {
                let at = rules.forecasts.position(threshold.metric)?;
                Some(self.forecasts.get(at)?.reading(derived))
            });
            let Some(reading) = foretold.as_ref().or_else(|| readings.get(threshold.metric)) else { continue };
            let before = state.level();
            let rule = Rule { threshold, direction: threshold.name.direction() };
            if state.step(rule, reading, now)
                && let Some(course) = course
            {
                course.push(reading);
            }
            stepped |= state.level() != before;
            let unknown = state.unknown(now);
            let why = unknown.filter(|why| !why.is_expected());
            if unknown.is_some() && why.is_none() && state.told_unknown.is_some() {
                // Not known again yet.
                continue;
            }
            if why == Some(Unknown::Overdue) && is_still_beginning(state, now) {
                continue;
            }
            if why != state.told_unknown {
                state.told_unknown = why;
                sights.push(Sight { metric: threshold.name.to_string().into(), why });
            }
        }
        self.end_escalations(rules);
        (sights, stepped)
    }

    /// Moves every ladder to the highest level of its thresholds.
    pub(super) fn climb(&mut self, rules: Rules<'_>, now: Moment) -> Vec<Stepped> {
        let mut steps = Vec::new();
        for ladder in 0..self.ladders.len() {
            let (from, to) = (self.ladders[ladder].level, self.highest(rules, ladder));
            if to != from {
                self.ladders[ladder] = LadderView { level: to, since: now };
                let cause = self.grounds(rules, ladder, to).and_then(|grounds| grounds.cause);
                steps.push(Stepped { ladder, from, to, cause });
            }
        }
        steps
    }

    /// What a metric is foretold by, if one of the thresholds is about that.
    pub(super) fn series(&self, rules: Rules<'_>, metric: &Metric) -> Option<&Series> {
        let threshold = rules.thresholds.iter().find(|threshold| threshold.name == *metric)?;
        self.forecasts.get(rules.forecasts.position(threshold.metric)?)
    }

    /// The level of a ladder; normal for one that is not there.
    pub(super) fn level(&self, ladder: usize) -> Level {
        self.ladders.get(ladder).map_or(Level::Normal, |ladder| ladder.level)
    }

    /// The reading that holds `ladder` at or above `level`: a known one if there is one, then the
    /// worst, then the one that has been there longest. Where none does, one whose measures were in vain.
    pub(super) fn grounds(&self, rules: Rules<'_>, ladder: usize, level: Level) -> Option<Grounds> {
        self.own_grounds(rules, ladder, level).or_else(|| self.raised_grounds(rules, ladder, level))
    }

    fn own_grounds(&self, rules: Rules<'_>, ladder: usize, level: Level) -> Option<Grounds> {
        let holds = |index: &usize| {
            level > Level::Normal
                && rules.thresholds[*index].ladder == ladder
                && self.thresholds[*index].level() >= level
        };
        let best = (0..rules.thresholds.len()).filter(holds).min_by_key(|&index| {
            let state = &self.thresholds[index];
            (!state.is_known(), Reverse(state.level()), state.since())
        })?;
        let (threshold, state) = (&rules.thresholds[best], &self.thresholds[best]);
        let bound =
            threshold.bounds.iter().find(|(l, bound)| *l >= level && bound.is_some()).and_then(|(_, bound)| *bound)?;
        Grounds::of((threshold, state), bound, bound.hold)
    }

    fn highest(&self, rules: Rules<'_>, ladder: usize) -> Level {
        let feeding = rules.thresholds.iter().zip(&self.thresholds).filter(|(threshold, _)| threshold.ladder == ladder);
        feeding.map(|(_, state)| state.level()).max().unwrap_or_default().max(self.raised(rules, ladder))
    }
}

/// A rate has no value before its second reading: that it is not there yet is not worth telling.
fn is_still_beginning(state: &ThresholdState, now: Moment) -> bool {
    state.last_known().is_none() && now.since(state.since()) < BEGINNING
}
