//! What is ahead: each level that a ladder has not come to, when it comes there as the readings grow now, and
//! what is done there behind which brakes.
//!
//! What belongs here: arithmetic on a snapshot. What a level leads to is decided by judge when it is
//! there; a veto, or another measure that helps before, is not foreseen.

mod brakes;
mod escalation;
mod then;

use std::cmp::Ordering;

use super::Scene;
use super::next::share;
use super::seats::{Row, Seat};
use crate::config::{self, Action, Bound};
use crate::export::Snapshot;
use crate::model::{ActionScope, Derived, Level, MemberKey, Moment, Reason, Unknown, Value};
pub(in crate::export::status) use brakes::Closed;
pub(in crate::export::status) use escalation::StepUp;
pub(in crate::export::status) use then::Then;

/// A level ahead.
#[derive(Clone)]
pub(in crate::export::status) struct Coming<'a> {
    /// Whose: a seat; none of the host.
    pub(in crate::export::status) key: Option<MemberKey>,
    /// The reading that comes to it first.
    pub(super) row: Row<'a>,
    /// Index of the ladder, and its name; an empty one where there is no ladder.
    pub(super) ladder: (usize, &'a str),
    /// Which.
    pub(in crate::export::status) level: Level,
    /// The bound that enters it; that of a higher level where that comes sooner.
    pub(in crate::export::status) bound: Bound,
    /// When.
    pub(in crate::export::status) when: When,
    /// What is done there, in this order.
    pub(in crate::export::status) plans: Vec<Plan<'a>>,
    /// What a calendar makes of it before that.
    pub(in crate::export::status) then: Option<Then>,
}

/// When a level is entered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::export::status) enum When {
    /// In so many seconds from now, as it grows now; its hold is over then.
    In(f64),
    /// No growth goes on.
    Never,
    /// How it grows is not known.
    Unknown(Unknown),
    /// How it grows is not looked at: a rate, a growth.
    NotForetold,
}

/// A measure that would be taken.
#[derive(Clone)]
pub(in crate::export::status) struct Plan<'a> {
    /// Whose action it is.
    pub(in crate::export::status) target: &'a config::Target,
    /// Which.
    pub(in crate::export::status) action: &'a Action,
    /// Whether it is in force already, so that nothing is sent.
    pub(in crate::export::status) in_force: bool,
    /// What would hold it then; now, where it is not known when.
    pub(in crate::export::status) brakes: Vec<Closed>,
    /// What follows if it has no effect.
    pub(in crate::export::status) step_up: Option<StepUp<'a>>,
}

impl<'a> Coming<'a> {
    /// The name of the ladder.
    pub(in crate::export::status) const fn ladder(&self) -> &'a str {
        self.ladder.1
    }

    /// The threshold.
    pub(in crate::export::status) const fn row(&self) -> &Row<'a> {
        &self.row
    }

    /// Seconds until then, where that is known.
    pub(in crate::export::status) const fn seconds(&self) -> Option<f64> {
        match self.when {
            When::In(seconds) => Some(seconds),
            When::Never | When::Unknown(_) | When::NotForetold => None,
        }
    }

    /// When that is, seen from `now`; now where it is not known.
    pub(in crate::export::status) fn at(&self, now: Moment) -> Moment {
        now + span(self.seconds().unwrap_or_default())
    }

    /// Soonest first; what has no time comes after, nearest first.
    fn compare(&self, other: &Self) -> Ordering {
        let timeless = || nearness(&other.row).total_cmp(&nearness(&self.row));
        let level = || self.level.cmp(&other.level);
        match (self.seconds(), other.seconds()) {
            (Some(one), Some(two)) => one.total_cmp(&two).then_with(level),
            (None, None) => self.ladder.0.cmp(&other.ladder.0).then_with(level).then_with(timeless),
            (one, two) => two.is_some().cmp(&one.is_some()),
        }
    }
}

/// What has no value is further away than anything that has one.
fn nearness(row: &Row<'_>) -> f64 {
    share(row).unwrap_or(f64::NEG_INFINITY)
}

/// Of a target: of each process all levels that have a time, soonest first; then of each ladder those that
/// have none, by the process that is nearest.
pub(super) fn of_target<'a>(scene: &Scene<'a>, seats: &[Seat<'a>]) -> Vec<Coming<'a>> {
    let target = scene.target;
    let mut all = Vec::new();
    for seat in seats {
        let plans = |ladder, level| target.rungs(ladder, level).map(|(_, action)| (target, action)).collect();
        all.extend(of_seat(seat, plans));
    }
    let mut all = finish(scene.snapshot, all);
    then::look_up(scene, seats, &mut all);
    all
}

/// Of the host.
pub(super) fn of_host<'a>(snapshot: &'a Snapshot, seat: &Seat<'a>) -> Vec<Coming<'a>> {
    let config = &*snapshot.config;
    let plans = |_, level| {
        let steps = config.host.ladder.get(level).into_iter().flatten();
        let plan = |step: &config::HostStep| {
            let target = config.targets.get(step.target)?;
            Some((target, target.actions.get(step.action)?))
        };
        steps.filter_map(plan).collect()
    };
    finish(snapshot, of_seat(seat, plans))
}

fn of_seat<'a>(
    seat: &Seat<'a>,
    plans: impl Fn(usize, Level) -> Vec<(&'a config::Target, &'a Action)>,
) -> Vec<Coming<'a>> {
    let highest = || seat.rows.iter().map(|row| row.view.level).max().unwrap_or_default();
    let ladders: Vec<(&str, Level)> = if seat.ladders.is_empty() {
        vec![("", highest())]
    } else {
        seat.ladders.iter().map(|(name, view)| (*name, view.level)).collect()
    };
    let mut all = Vec::new();
    for (index, (name, level)) in ladders.into_iter().enumerate() {
        let own = |coming: &Coming<'a>| {
            let at = |level| plans(index, level);
            let plan = |(target, action)| {
                let step_up = escalation::of(coming, action, at);
                Plan { target, action, in_force: false, brakes: Vec::new(), step_up }
            };
            plans(index, coming.level).into_iter().map(plan).collect()
        };
        let mut ahead = levels(seat, (index, name), level);
        ahead.iter_mut().for_each(|coming| coming.plans = own(coming));
        ahead.retain(|coming| coming.is_own() || !coming.plans.is_empty());
        all.extend(ahead);
    }
    all
}

/// The levels above `from`, each with the reading that comes to it, or past it, first.
fn levels<'a>(seat: &Seat<'a>, ladder: (usize, &'a str), from: Level) -> Vec<Coming<'a>> {
    let mut first: Option<Coming<'a>> = None;
    let mut all = Vec::new();
    for level in Level::ABOVE_NORMAL.into_iter().rev().filter(|level| *level > from) {
        let rows = seat.rows.iter().filter(|row| row.threshold.ladder == ladder.0 && row.view.level < level);
        let comings = rows.filter_map(|row| {
            let bound = (*row.threshold.bounds.get(level)?)?;
            let when = seat.when(row, &bound);
            Some(Coming { key: seat.key, row: *row, ladder, level, bound, when, plans: Vec::new(), then: None })
        });
        // Whoever enters a level has passed those below.
        let passed = first.take().map(|above| Coming { level, ..above });
        let sooner = |one: &Coming<'a>, other: &Coming<'a>| match (one.seconds(), other.seconds()) {
            (None, None) => nearness(&other.row).total_cmp(&nearness(&one.row)),
            (one, two) => one.unwrap_or(f64::INFINITY).total_cmp(&two.unwrap_or(f64::INFINITY)),
        };
        let own = comings.min_by(sooner);
        first = match (own, passed) {
            (Some(own), Some(passed)) if passed.seconds().is_some() && sooner(&passed, &own).is_lt() => Some(passed),
            (Some(own), _) => Some(own),
            (None, passed) => passed,
        };
        all.extend(first.clone());
    }
    all.reverse();
    all
}

impl Coming<'_> {
    /// Whether the level has a bound of its own that enters it.
    fn is_own(&self) -> bool {
        let bound = self.row.threshold.bounds.get(self.level).copied().flatten();
        bound == Some(self.bound)
    }
}

impl Seat<'_> {
    fn when(&self, row: &Row<'_>, bound: &Bound) -> When {
        let (now, hold) = (self.now, bound.hold.as_secs_f64());
        if let Some(why) = row.view.unknown {
            return When::Unknown(why);
        }
        let direction = row.metric.direction();
        if row.value().is_some_and(|value| direction.is_past(value, bound.at)) {
            return When::In(hold);
        }
        let Some(forecast) = row.forecast else { return When::NotForetold };
        let seconds = match (row.metric.derived, forecast.growth, forecast.time_left) {
            (_, Value::Unknown(why), _) | (Some(Derived::TimeLeft), _, Value::Unknown(why)) => {
                return When::Unknown(why);
            }
            (Some(Derived::Growth), ..) => return When::NotForetold,
            (Some(Derived::TimeLeft), _, Value::Known(left) | Value::AtLeast(left)) => {
                (left - now.since(forecast.at).as_secs_f64() - bound.at).max(0.0)
            }
            (None, ..) => forecast.until(bound.at, now).unwrap_or(f64::INFINITY),
        };
        if seconds.is_finite() { When::In(seconds + hold) } else { When::Never }
    }
}

/// In order, with what would hold each measure.
fn finish<'a>(snapshot: &Snapshot, mut all: Vec<Coming<'a>>) -> Vec<Coming<'a>> {
    all.sort_by(Coming::compare);
    let mut nearest: Vec<&Coming<'a>> = Vec::new();
    for coming in all.iter().filter(|coming| coming.seconds().is_none()) {
        match nearest.iter_mut().find(|one| one.ladder.0 == coming.ladder.0) {
            Some(one) if nearness(&one.row) < nearness(&coming.row) => *one = coming,
            Some(_) => {}
            None => nearest.push(coming),
        }
    }
    let nearest: Vec<_> = nearest.into_iter().map(|one| (one.ladder.0, one.key)).collect();
    let mut kept: Vec<Coming<'a>> = Vec::new();
    for coming in all {
        let same = |other: &Coming<'a>| other.ladder.0 == coming.ladder.0 && other.level == coming.level;
        let is_nearest = nearest.contains(&(coming.ladder.0, coming.key));
        if coming.seconds().is_some() || (is_nearest && !kept.iter().any(same)) {
            kept.push(coming);
        }
    }
    let mut planned = Vec::new();
    kept.iter_mut().for_each(|coming| look_ahead(snapshot, coming, &mut planned));
    kept
}

/// What would hold the measures of a level, and which are in force then: `planned` are those of before.
fn look_ahead<'a>(snapshot: &Snapshot, coming: &mut Coming<'a>, planned: &mut Vec<Planned<'a>>) {
    let (key, at, timed) = (coming.key, coming.at(snapshot.taken), coming.seconds().is_some());
    for plan in &mut coming.plans {
        let before: Vec<_> = planned.iter().filter(|one| timed && one.serves(key, plan)).collect();
        let taken = plan.action.undo.is_some() && !before.is_empty();
        plan.in_force = taken || is_in_force(snapshot, key, plan);
        plan.brakes = brakes::of(snapshot, (key, plan), at);
        let cooling = before.iter().map(|one| one.at + plan.action.cooldown).filter(|opens| at < *opens).max();
        let known = plan.brakes.iter().any(|closed| closed.reason == Reason::Cooldown);
        let cooling = cooling.filter(|_| !known && plan.action.undo.is_none());
        plan.brakes.extend(cooling.map(|opens| Closed { reason: Reason::Cooldown, opens: Some(opens) }));
        if timed && plan.brakes.is_empty() && !plan.in_force {
            planned.push(Planned { key, target: plan.target, action: plan.action, at });
        }
    }
}

/// A measure that is taken before, as it grows now.
struct Planned<'a> {
    key: Option<MemberKey>,
    target: &'a config::Target,
    action: &'a Action,
    at: Moment,
}

impl Planned<'_> {
    /// Whether it is the same delivery.
    fn serves(&self, key: Option<MemberKey>, plan: &Plan<'_>) -> bool {
        // The cheap question first: there may be thousands.
        (self.key == key || plan.action.scope == ActionScope::Target)
            && self.target.name == plan.target.name
            && self.action.name == plan.action.name
    }
}

/// Whether a lease of it is there, which nobody takes back meanwhile.
fn is_in_force(snapshot: &Snapshot, key: Option<MemberKey>, plan: &Plan<'_>) -> bool {
    let slot = key.map(|key| key.slot);
    snapshot.leases.iter().any(|lease| {
        lease.target == plan.target.name
            && lease.action == plan.action.name
            && (lease.process.is_none() || lease.process == slot)
    })
}

fn span(seconds: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX)
}
