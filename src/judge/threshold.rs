//! One threshold of one member: bounds with hold on the way up, clear bound and `clear_hold` on
//! the way down. Each threshold keeps its own state, so that no metric hides another.

use std::time::Duration;

use crate::config::{Bound, Threshold};
use crate::model::{Direction, Level, Metric, Moment, PerLevel, Reading, ThresholdMemory, Unknown, Value};

/// No new reading for this many of its periods is a gap.
const GAP_PERIODS: u32 = 3;
/// A gap is never shorter than this: a loop at 100 ms may stumble.
const SHORTEST_GAP: Duration = Duration::from_secs(2);

/// What a threshold is judged by.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    /// Its bounds.
    pub(super) threshold: &'a Threshold,
    /// Which way is worse: the metric's own.
    pub(super) direction: Direction,
}

/// Where one threshold stands.
#[derive(Clone, Debug, Default)]
pub(super) struct ThresholdState {
    /// Looked at where something is entered or pending, or a value is no good one: apart from what a pass touches.
    steps: Box<PerLevel<Step>>,
    level: Level,
    since: Moment,
    last: Option<Reading>,
    /// Finite, for it is written down: never is the longest time there is.
    last_known: Option<f64>,
    /// It was restored under other bounds than these, which it had been judged by: the next reading
    /// sets it.
    rebase: Option<Box<PerLevel<Option<f64>>>>,
    /// When that reading was.
    rebased: Option<Moment>,
    /// There was no reading for too long.
    overdue: bool,
    /// Why it is blind, as last told.
    pub(super) told_unknown: Option<Unknown>,
    /// While it is at normal and nothing is pending: every value on the good side of this changes nothing. Not
    /// known after a change, until the next value that is looked at in full.
    calm: Option<f64>,
}

/// One bound of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Step {
    entered: bool,
    /// Since when every reading spoke for a change: for entering, or once entered for leaving.
    pending: Option<Moment>,
}

impl ThresholdState {
    /// The highest level entered and not left.
    pub(super) const fn level(&self) -> Level {
        self.level
    }

    /// Since when that is so.
    pub(super) const fn since(&self) -> Moment {
        self.since
    }

    /// The last reading it stepped on.
    pub(super) const fn last(&self) -> Option<&Reading> {
        self.last.as_ref()
    }

    /// Whether its last reading is a value, not too old to be one, and judged by the bounds that it has.
    pub(super) fn is_known(&self) -> bool {
        !self.overdue && self.rebase.is_none() && self.last.is_some_and(|last| last.value.number().is_some())
    }

    /// When its level was set by one reading because its bounds had changed; none once it was left.
    pub(super) const fn rebased(&self) -> Option<Moment> {
        self.rebased
    }

    /// What must be remembered of it.
    pub(super) fn memory(&self, threshold: &Threshold, metric: Metric) -> ThresholdMemory {
        let bounds = self.rebase.as_deref().cloned().unwrap_or_else(|| bounds_of(threshold));
        ThresholdMemory {
            metric,
            level: self.level,
            since: self.since,
            bounds,
            value: self.last_known,
            escalations: Vec::new(),
        }
    }

    /// As it was remembered: its level holds until readings clear it. Under other bounds the next
    /// reading sets it.
    pub(super) fn restore(threshold: &Threshold, memory: &ThresholdMemory) -> Self {
        let mut state = Self {
            level: memory.level,
            since: memory.since,
            last_known: memory.value,
            rebase: (bounds_of(threshold) != memory.bounds).then(|| Box::new(memory.bounds.clone())),
            ..Self::default()
        };
        for (level, step) in state.steps.iter_mut() {
            let bounded = threshold.bounds.get(level).is_some_and(Option::is_some);
            step.entered = bounded && level <= memory.level;
        }
        state
    }

    /// The same under other bounds: its level holds until the next reading sets it, which the last one is not.
    pub(super) fn under(&self, threshold: &Threshold, memory: &ThresholdMemory) -> Self {
        let Self { last, overdue, told_unknown, .. } = *self;
        Self { last, overdue, told_unknown, ..Self::restore(threshold, memory) }
    }

    /// What it leads to has changed: no kill before the hold has passed from `now` on, and what was pending
    /// begins again.
    pub(super) fn begin_anew(&mut self, now: Moment) {
        self.forget_pending();
        self.rebased = (self.level > Level::Normal).then_some(now);
    }

    /// The last value that was known, however old.
    pub(super) const fn last_known(&self) -> Option<f64> {
        self.last_known
    }

    /// Why nothing is known about it now: the last reading says so, or there was none for too long.
    pub(super) fn unknown(&self, now: Moment) -> Option<Unknown> {
        let last = self.last.as_ref()?;
        match last.value {
            Value::Unknown(why) => Some(why),
            Value::Known(_) | Value::AtLeast(_) => overdue(last, now).then_some(Unknown::Overdue),
        }
    }

    /// Steps on `reading` if it is new; an old one, or none for too long, only resets what is
    /// pending. Returns whether it was new.
    pub(super) fn step(&mut self, rule: Rule<'_>, reading: &Reading, now: Moment) -> bool {
        self.overdue = overdue(reading, now);
        if self.last.as_ref().is_some_and(|last| overdue(last, reading.at.max(now))) {
            self.forget_pending();
        }
        if self.last.as_ref().is_some_and(|last| reading.at <= last.at) {
            return false;
        }
        if self.last.is_none() && self.level == Level::Normal {
            self.since = reading.at;
        }
        self.last = Some(*reading);
        if let (Some(value), Some(mildest)) = (reading.value.number(), self.calm)
            && is_better(value, mildest, rule.direction)
        {
            self.last_known = Some(value.min(f64::MAX));
            return true;
        }
        match reading.value {
            Value::Unknown(_) => self.forget_pending(),
            Value::Known(value) => self.read(rule, &Evidence { value, exact: true, at: reading.at }),
            Value::AtLeast(value) => self.read(rule, &Evidence { value, exact: false, at: reading.at }),
        }
        true
    }

    fn read(&mut self, rule: Rule<'_>, evidence: &Evidence) {
        self.last_known = Some(evidence.value.min(f64::MAX));
        if self.rebase.take().is_some() {
            self.set_by(rule, evidence);
        }
        for (level, bound) in rule.threshold.bounds.iter() {
            if let (Some(bound), Some(step)) = (bound, self.steps.get_mut(level)) {
                step.read(bound, rule, evidence);
            }
        }
        let highest = self.steps.iter().rev().find(|(_, step)| step.entered).map_or(Level::Normal, |(level, _)| level);
        if highest > self.level {
            self.enter_below(rule.threshold, highest);
        }
        if highest != self.level {
            self.level = highest;
            self.since = evidence.at;
            if highest == Level::Normal {
                self.rebased = None;
            }
        }
        self.calm = self.mildest(rule);
    }

    /// The bound that the worst of the good values comes to first; none where something is entered or pending.
    fn mildest(&self, rule: Rule<'_>) -> Option<f64> {
        let calm = self.level == Level::Normal && self.steps.iter().all(|(_, step)| *step == Step::default());
        let bounds = rule.threshold.bounds.iter().filter_map(|(_, bound)| *bound).map(|bound| bound.at);
        let milder = |a: f64, b: f64| if is_better(a, b, rule.direction) { a } else { b };
        bounds.reduce(milder).filter(|_| calm)
    }

    /// Its bounds have changed: levels up to the old one are kept if the reading is past their new
    /// bound and else left at once; higher ones need their hold anew.
    fn set_by(&mut self, rule: Rule<'_>, evidence: &Evidence) {
        self.rebased = self.rebased.max(Some(evidence.at));
        for (level, step) in self.steps.iter_mut() {
            let bound = rule.threshold.bounds.get(level).and_then(Option::as_ref);
            let past = bound.is_some_and(|bound| at_or_past(evidence.value, bound.at, rule.direction));
            // A lower bound clears nothing.
            step.entered &= past || !evidence.exact;
        }
        self.level = self.steps.iter().rev().find(|(_, step)| step.entered).map_or(Level::Normal, |(level, _)| level);
    }

    /// Whoever is at a level has passed those below, whatever their own hold says.
    fn enter_below(&mut self, threshold: &Threshold, highest: Level) {
        for (level, step) in self.steps.iter_mut() {
            let bounded = threshold.bounds.get(level).is_some_and(Option::is_some);
            if level < highest && bounded && !step.entered {
                *step = Step { entered: true, pending: None };
            }
        }
    }

    fn forget_pending(&mut self) {
        for (_, step) in self.steps.iter_mut() {
            step.pending = None;
        }
    }
}

/// What a known reading says.
struct Evidence {
    value: f64,
    /// A lower bound may raise a level, never clear one.
    exact: bool,
    at: Moment,
}

impl Step {
    fn read(&mut self, bound: &Bound, rule: Rule<'_>, evidence: &Evidence) {
        let (speaks, hold) = if self.entered {
            (evidence.exact && !at_or_past(evidence.value, bound.clear, rule.direction), rule.threshold.clear_hold)
        } else {
            (at_or_past(evidence.value, bound.at, rule.direction), bound.hold)
        };
        if !speaks {
            self.pending = None;
            return;
        }
        let since = *self.pending.get_or_insert(evidence.at);
        if evidence.at.since(since) >= hold {
            *self = Self { entered: !self.entered, pending: None };
        }
    }
}

/// Whether `value` is at `bound` or on its bad side.
pub(super) fn at_or_past(value: f64, bound: f64, direction: Direction) -> bool {
    direction.is_past(value, bound)
}

/// Whether `value` is on the good side of `bound`, and surely not at it.
fn is_better(value: f64, bound: f64, direction: Direction) -> bool {
    match direction {
        Direction::Up => value < bound,
        Direction::Down => value > bound,
    }
}

fn bounds_of(threshold: &Threshold) -> PerLevel<Option<f64>> {
    let mut bounds = PerLevel::default();
    for (level, slot) in bounds.iter_mut() {
        *slot = threshold.bounds.get(level).and_then(Option::as_ref).map(|bound| bound.at);
    }
    bounds
}

fn overdue(last: &Reading, now: Moment) -> bool {
    let gap = now.since(last.at);
    gap > SHORTEST_GAP && gap > last.period * GAP_PERIODS
}
