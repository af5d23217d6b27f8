//! What holds in which hours: `[target.NAME.during.HOURS]` replaces whole entries of a target's thresholds
//! and ladders while the hours last.
//!
//! What belongs here: which bounds are in force at an instant, as a function of the configuration and that
//! instant. What does not: what a switch of bounds means for who is watched (`judge`).

use std::sync::Arc;

use jiff::Timestamp;

use super::{Action, Calendar, Config, Doubt, Hours, Ladder, Target, Threshold};
use crate::model::{Level, Metric};

/// `[target.NAME.during.HOURS]`
#[derive(Clone, Debug, PartialEq)]
pub struct During {
    /// HOURS, as written: `nyse` or `nyse.open`.
    pub name: Arc<str>,
    /// What that is.
    pub hours: Hours,
    /// By name of the metric: the row that stands in place of the usual one; none takes it out.
    pub thresholds: Vec<(Metric, Option<Threshold>)>,
    /// By index of the ladder: what is done at a level in place of the usual.
    pub steps: Vec<(usize, Level, Vec<usize>)>,
}

/// What holds outside of all such hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usual {
    /// The thresholds.
    pub thresholds: Vec<Threshold>,
    /// The ladders: as many as at any other hour.
    pub ladders: Vec<Ladder>,
}

/// All calendars at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Almanac {
    /// The instant.
    pub at: Timestamp,
    /// As the configuration's calendars.
    pub pages: Vec<Page>,
    /// When another one is due at the latest.
    pub until: Timestamp,
}

/// A calendar at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Which of its sessions are held.
    pub held: Vec<bool>,
    /// When any of its sessions begins or ends next.
    pub changes: Option<Timestamp>,
    /// Why no kill may be based upon it.
    pub doubt: Option<Doubt>,
}

/// An almanac is made anew at least this often, in seconds.
const FRESH: i64 = 24 * 3600;

impl Almanac {
    /// `calendars` at the instant `at`.
    pub fn of(calendars: &[Calendar], at: Timestamp) -> Self {
        let pages: Vec<Page> = calendars.iter().map(|calendar| Page::of(calendar, at)).collect();
        let ends = calendars.iter().filter_map(Calendar::ends).filter(|ends| *ends > at);
        let tomorrow = Timestamp::from_second(at.as_second().saturating_add(FRESH)).unwrap_or(Timestamp::MAX);
        let until = pages.iter().filter_map(|page| page.changes).chain(ends).fold(tomorrow, Timestamp::min);
        Self { at, pages, until }
    }

    /// Whether it still holds at `at`: not if the clock was set back behind its own instant.
    pub fn is_of(&self, at: Timestamp) -> bool {
        self.at <= at && at < self.until
    }

    /// Whether the hours last.
    pub fn is_held(&self, hours: Hours) -> bool {
        let Some(page) = self.pages.get(hours.calendar).filter(|page| page.doubt != Some(Doubt::NoClock)) else {
            return false;
        };
        match hours.session {
            Some(session) => page.held.get(session).copied().unwrap_or_default(),
            None => page.held.contains(&true),
        }
    }

    /// Why one of the calendars behind the hours says nothing.
    pub fn doubt(&self, hours: impl IntoIterator<Item = Hours>) -> Option<Doubt> {
        hours.into_iter().find_map(|hours| self.pages.get(hours.calendar)?.doubt)
    }
}

impl Page {
    fn of(calendar: &Calendar, at: Timestamp) -> Self {
        let sessions = 0..calendar.sessions.len();
        let changes = sessions.clone().filter_map(|session| calendar.changes(Some(session), at)).min();
        Self {
            held: sessions.map(|session| calendar.is_held(Some(session), at)).collect(),
            changes,
            doubt: calendar.doubt(at),
        }
    }
}

impl Config {
    /// The calendars at an instant.
    pub fn almanac(&self, at: Timestamp) -> Almanac {
        Almanac::of(&self.calendars, at)
    }

    /// The same with the bounds and ladders that hold by the almanac; none where those are in force already.
    pub fn in_hours(&self, almanac: &Almanac) -> Option<Self> {
        let inside: Vec<Vec<usize>> = self.targets.iter().map(|target| target.inside_at(almanac)).collect();
        if inside.iter().zip(&self.targets).all(|(inside, target)| *inside == target.inside) {
            return None;
        }
        let mut config = self.clone();
        for (target, inside) in config.targets.iter_mut().zip(inside) {
            if inside != target.inside {
                target.enter(inside);
            }
        }
        Some(config)
    }

    /// When other bounds may hold for the target; none where that does not come within a year.
    pub fn bounds_change(&self, target: &Target, at: Timestamp) -> Option<Timestamp> {
        let next = |hours: Hours| self.calendars.get(hours.calendar)?.changes(hours.session, at);
        target.hours().filter_map(next).min()
    }

    /// The target with the bounds and ladders that hold at that instant; none where those are in force already.
    pub fn target_at(&self, target: &Target, at: Timestamp) -> Option<Target> {
        let inside = target.inside_at(&self.almanac(at));
        (inside != target.inside).then(|| {
            let mut then = target.clone();
            then.enter(inside);
            then
        })
    }

    /// `nyse` or `nyse.open`.
    pub fn hours_name(&self, hours: Hours) -> String {
        let Some(calendar) = self.calendars.get(hours.calendar) else { return "?".to_owned() };
        match hours.session.and_then(|session| calendar.sessions.get(session)) {
            Some(session) => format!("{}.{}", calendar.name, session.name),
            None => calendar.name.to_string(),
        }
    }

    /// When none of the hours lasts any more; none where that does not come within a year, or none lasts.
    pub fn hours_end(&self, all: &[Hours], at: Timestamp) -> Option<Timestamp> {
        let held = |at: Timestamp| {
            let ends = all.iter().filter_map(|hours| {
                let calendar = self.calendars.get(hours.calendar)?;
                calendar.is_held(hours.session, at).then(|| calendar.changes(hours.session, at))
            });
            ends.collect::<Vec<_>>()
        };
        let mut end = at;
        // Hours of several calendars may follow one another; not for ever.
        for _ in 0..16 {
            let ends = held(end);
            if ends.is_empty() {
                break;
            }
            end = ends.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()?;
        }
        (end > at).then_some(end)
    }
}

impl Target {
    /// What it asks a calendar for: all hours in which other bounds hold.
    pub fn hours(&self) -> impl Iterator<Item = Hours> {
        self.during.iter().map(|during| during.hours)
    }

    /// What holds outside of all hours.
    pub fn usual(&self) -> (&[Threshold], &[Ladder]) {
        // A target that has no other hours keeps nothing apart.
        if self.during.is_empty() {
            (&self.thresholds, &self.ladders)
        } else {
            (&self.usual.thresholds, &self.usual.ladders)
        }
    }

    /// Every row that holds at some hour.
    pub fn rows_at_any_hour(&self) -> impl Iterator<Item = &Threshold> {
        let replaced = self.during.iter().flat_map(|during| &during.thresholds);
        self.usual().0.iter().chain(replaced.filter_map(|(_, row)| row.as_ref()))
    }

    /// Those of `during` that hold by the almanac.
    fn inside_at(&self, almanac: &Almanac) -> Vec<usize> {
        let all = self.during.iter().enumerate();
        all.filter(|(_, during)| almanac.is_held(during.hours)).map(|(index, _)| index).collect()
    }

    /// Puts in force what holds inside of these; where several replace an entry, the one written first does.
    fn enter(&mut self, inside: Vec<usize>) {
        let usual = self.usual.thresholds.iter();
        let mut rows: Vec<(&Metric, Option<Threshold>)> = usual.map(|row| (&row.name, Some(row.clone()))).collect();
        let mut ladders = self.usual.ladders.clone();
        for during in inside.iter().rev().filter_map(|index| self.during.get(*index)) {
            for (metric, row) in &during.thresholds {
                match rows.iter_mut().find(|(other, _)| *other == metric) {
                    Some((_, slot)) => slot.clone_from(row),
                    None => rows.push((metric, row.clone())),
                }
            }
            for (ladder, level, steps) in &during.steps {
                if let Some(slot) = ladders.get_mut(*ladder).and_then(|ladder| ladder.steps.get_mut(*level)) {
                    slot.clone_from(steps);
                }
            }
        }
        self.thresholds = rows.into_iter().filter_map(|(_, row)| row).collect();
        self.forecasts.end_at(&self.thresholds);
        self.ladders = ladders;
        self.inside = inside;
    }

    /// The names of the hours that last now.
    pub fn inside_names(&self) -> Vec<&str> {
        self.inside.iter().filter_map(|index| Some(&*self.during.get(*index)?.name)).collect()
    }

    /// All hours that have a say in whether a kill by the action goes out.
    pub fn hours_of(&self, action: &Action) -> impl Iterator<Item = Hours> {
        self.hours().chain(action.not_during.iter().copied())
    }
}
