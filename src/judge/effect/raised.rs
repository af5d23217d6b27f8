//! Ladders that stand higher than their readings ask for, and the course of the metrics that feed them.

use crate::config::Threshold;
use crate::judge::watched::{Coursed, Grounds, Rules, Watched};
use crate::model::{Course, Direction, Escalation, Level, Metric, Moment, Reading, ThresholdMemory, Value};

impl Rules<'_> {
    /// Where the row of a metric is.
    pub(in crate::judge) fn position(&self, metric: &Metric) -> Option<usize> {
        self.thresholds.iter().position(|row| row.name == *metric)
    }

    fn is_of(&self, escalation: &Escalation, ladder: usize) -> bool {
        self.stairs.name(ladder) == Some(&*escalation.ladder)
    }
}

impl Watched {
    /// Remembers the course of each metric on whose growth a measure is to have an effect; of one that was
    /// remembered before, what is known.
    pub(in crate::judge) fn lay_courses(&mut self, rules: Rules<'_>) {
        let mut before: Vec<Box<Coursed>> = std::mem::take(&mut self.courses).into_iter().flatten().collect();
        let course = |row: &Threshold| {
            let (span, metric) = (rules.stairs.span(row.ladder)?, &row.name);
            let same = |old: &Coursed| old.metric == *metric && old.course.is_over(span);
            let known = before.iter().position(|old| same(old)).map(|at| before.swap_remove(at));
            Some(known.unwrap_or_else(|| Box::new(Coursed { metric: metric.clone(), course: Course::over(span) })))
        };
        self.courses = rules.thresholds.iter().map(course).collect();
    }

    /// Takes over what is known of courses that are remembered here too.
    pub(in crate::judge) fn keep_courses(&mut self, before: &[Option<Box<Coursed>>]) {
        for course in self.courses.iter_mut().flatten() {
            let same = |old: &Coursed| old.metric == course.metric && old.course.spans_as(&course.course);
            if let Some(old) = before.iter().flatten().find(|old| same(old)) {
                course.clone_from(old);
            }
        }
    }

    /// How fast the metric of that row becomes worse, a second, where that is remembered and known: over all
    /// that is remembered or of late, whichever is faster.
    pub(super) fn growth(&self, row: usize, direction: Direction) -> Option<f64> {
        let course = &self.courses.get(row)?.as_ref()?.course;
        let (whole, late) = (course.growth()?, course.growth_of_late()?);
        Some(match direction {
            Direction::Up => whole.max(late),
            Direction::Down => whole.min(late),
        })
    }

    /// What must be remembered of the ladders that this metric has raised.
    pub(in crate::judge) fn escalations_of(&self, metric: &Metric) -> Vec<Escalation> {
        self.escalations.iter().filter(|one| one.why.metric == *metric).cloned().collect()
    }

    /// Takes up what was remembered, as far as the ladders still are so.
    pub(in crate::judge) fn take_escalations(&mut self, rules: Rules<'_>, memory: &ThresholdMemory) {
        let kept = memory.escalations.iter().filter(|one| rules.stairs.allows(one));
        self.escalations.extend(kept.cloned());
    }

    /// Other ladders: what they would not come to is over.
    pub(in crate::judge) fn review_escalations(&mut self, rules: Rules<'_>) {
        self.escalations.retain(|one| rules.stairs.allows(one) && rules.position(&one.why.metric).is_some());
    }

    /// Ends what has lost its reason: the own level of its metric has fallen.
    pub(in crate::judge) fn end_escalations(&mut self, rules: Rules<'_>) {
        if self.escalations.is_empty() {
            return;
        }
        let thresholds = &self.thresholds;
        self.escalations.retain_mut(|one| {
            let level = rules.position(&one.why.metric).and_then(|row| Some(thresholds.get(row)?.level()));
            let before = std::mem::replace(&mut one.own, level.unwrap_or_default());
            one.own > Level::Normal && one.own >= before
        });
    }

    /// How far a ladder is raised.
    pub(in crate::judge) fn raised(&self, rules: Rules<'_>, ladder: usize) -> Level {
        let raised = self.escalations.iter().filter(|one| rules.is_of(one, ladder));
        raised.map(|one| one.to).max().unwrap_or_default()
    }

    /// Since when a ladder is raised to that level.
    pub(in crate::judge) fn raised_since(&self, rules: Rules<'_>, (ladder, level): (usize, Level)) -> Option<Moment> {
        let raised = self.escalations.iter().filter(|one| rules.is_of(one, ladder) && one.to == level);
        raised.map(|one| one.since).min()
    }

    /// Why a ladder that is raised holds that level: the metric that caused the measure in vain, against the
    /// bound that it is itself at.
    pub(in crate::judge) fn raised_grounds(&self, rules: Rules<'_>, ladder: usize, level: Level) -> Option<Grounds> {
        let raised = self.escalations.iter().filter(|one| rules.is_of(one, ladder) && one.to >= level);
        let grounds = raised.filter_map(|one| self.grounds_of(rules, one));
        grounds.min_by_key(|grounds| !grounds.known)
    }

    fn grounds_of(&self, rules: Rules<'_>, escalation: &Escalation) -> Option<Grounds> {
        let row = rules.position(&escalation.why.metric)?;
        let (threshold, state) = (rules.thresholds.get(row)?, self.thresholds.get(row)?);
        let bound = threshold.bounds.get(state.level()).copied().flatten()?;
        // A kill that the bounds would order later has their longest hold to wait for.
        let hold = threshold.bounds.iter().filter_map(|(_, bound)| *bound).map(|bound| bound.hold).max()?;
        let mut grounds = Grounds::of((threshold, state), bound, hold)?;
        grounds.cause.iter_mut().for_each(|cause| cause.escalated = Some(escalation.why.clone()));
        Some(grounds)
    }
}

impl Coursed {
    /// Takes in a reading; what is only a lower bound says nothing about growth.
    pub(in crate::judge) fn push(&mut self, reading: &Reading) {
        if let Value::Known(value) = reading.value {
            self.course.push(reading.at, value);
        }
    }
}
