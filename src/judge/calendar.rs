//! What the wall clock says: which sessions are held, which bounds that puts in force, and whether a kill
//! may be based upon it. The wall clock is an argument; decisions count by the other one, which never steps.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::rung::Hold;
use super::{Pass, State, Verdicts};
use crate::config::{Action, Almanac, Calendar, Config, Doubt, Target};
use crate::model::{Moment, Note, Reason, Sample};

/// A wall clock that moves by more against the other one was set.
const STEP: i128 = 60 * 1_000_000_000;
/// So long after that no kill is based upon a calendar.
const DISTRUST: Duration = Duration::from_secs(5 * 60);
/// So long before a calendar is out of date somebody is told, in seconds.
pub(super) const AHEAD: i64 = 30 * 24 * 3600;
/// He is told again after so long, in seconds.
const AGAIN: i64 = 23 * 3600;

/// What is known of the wall clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// How far it is ahead of the other one, in nanoseconds; none before it was first told.
    ahead: Option<i128>,
    /// It was set: no kill is based upon it sooner.
    distrusted: Option<Moment>,
    almanac: Option<Almanac>,
    /// When somebody was last told that a calendar will be out of date; as the configuration's calendars.
    warned: Vec<Option<Timestamp>>,
}

impl Clock {
    /// The same clock under another configuration.
    pub(super) fn anew(&self) -> Self {
        Self { ahead: self.ahead, distrusted: self.distrusted, ..Self::default() }
    }

    /// The instant of a moment.
    fn instant(&self, now: Moment) -> Option<Timestamp> {
        Timestamp::from_nanosecond(self.ahead? + i128::from(now.as_nanos())).ok()
    }

    /// The moment of an instant.
    fn moment(&self, at: Timestamp) -> Option<Moment> {
        u64::try_from(at.as_nanosecond() - self.ahead?).ok().map(Moment::from_nanos)
    }
}

impl State {
    /// The wall clock stands at `wall`: to be told before each pass. Other bounds come into force here, and
    /// nowhere else. None while nothing has changed.
    pub fn tell_time(&mut self, wall: Timestamp, sample: &Sample, now: Moment) -> Option<Verdicts> {
        if self.config.calendars.is_empty() {
            return None;
        }
        let mut verdicts = Verdicts::default();
        let mut pass = Pass { now, sample, verdicts: &mut verdicts };
        let ahead = wall.as_nanosecond() - i128::from(now.as_nanos());
        let before = self.clock.ahead.replace(ahead);
        if let Some(before) = before.filter(|before| (ahead - before).abs() > STEP) {
            self.clock.distrusted = Some(now + DISTRUST);
            pass.tell(set_by(ahead - before));
        }
        if self.clock.almanac.as_ref().is_none_or(|almanac| !almanac.is_of(wall)) {
            self.turn_page(wall, &mut pass);
        }
        (!verdicts.events.is_empty()).then_some(verdicts)
    }

    /// The configuration with the bounds that are in force.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The calendars as of the last time that was told; none before.
    pub const fn almanac(&self) -> Option<&Almanac> {
        self.clock.almanac.as_ref()
    }

    fn turn_page(&mut self, wall: Timestamp, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let almanac = config.almanac(wall);
        self.clock.warned.resize(config.calendars.len(), None);
        let before = self.clock.almanac.replace(almanac.clone());
        for (index, calendar) in config.calendars.iter().enumerate() {
            let (page, before) = (&almanac.pages[index], before.as_ref().and_then(|before| before.pages.get(index)));
            for (session, held) in page.held.iter().enumerate() {
                let was = before.is_some_and(|before| before.held.get(session) == Some(&true));
                if *held != was {
                    pass.tell(session_note(calendar, session, wall));
                }
            }
            if let Some(doubt) = page.doubt.filter(|doubt| before.and_then(|before| before.doubt) != Some(*doubt)) {
                pass.tell(doubt_note(calendar, doubt));
            }
            let warned = &mut self.clock.warned[index];
            let due = warned.is_none_or(|at| wall.as_second() - at.as_second() >= AGAIN);
            if let Some(note) = ending_note(calendar, wall).filter(|_| due && page.doubt.is_none()) {
                *warned = Some(wall);
                pass.tell(note);
            }
        }
        if let Some(config) = config.in_hours(&almanac) {
            self.switch(&Arc::new(config), pass);
        }
    }

    /// What the hours hold of an action, and of a kill.
    pub(super) fn hours_hold(&self, target: &Target, action: &Action, now: Moment) -> Option<Hold> {
        if let Some(hold) = self.not_now(action, now) {
            return Some(hold);
        }
        if !action.measure.is_kill() || target.hours_of(action).next().is_none() {
            return None;
        }
        let held = |opens| Some(Hold { reason: Reason::Calendar, opens });
        let Some(almanac) = &self.clock.almanac else { return held(None) };
        if almanac.doubt(target.hours_of(action)).is_some() {
            return held(None);
        }
        self.distrusted(now).and_then(|until| held(Some(until)))
    }

    /// Until when no kill is based upon a calendar, because the wall clock was set.
    pub(super) fn distrusted(&self, now: Moment) -> Option<Moment> {
        self.clock.distrusted.filter(|until| now < *until)
    }

    /// Hours in which the action is not taken, and when they are over.
    fn not_now(&self, action: &Action, now: Moment) -> Option<Hold> {
        let almanac = self.clock.almanac.as_ref().filter(|_| !action.not_during.is_empty())?;
        action.not_during.iter().find(|hours| almanac.is_held(**hours))?;
        let at = self.clock.instant(now).unwrap_or(almanac.at);
        let opens = self.config.hours_end(&action.not_during, at).and_then(|end| self.clock.moment(end));
        Some(Hold { reason: Reason::Calendar, opens })
    }
}

fn daemon(text: String, bad: bool) -> Note {
    Note::Daemon { text, bad }
}

fn set_by(nanos: i128) -> Note {
    let seconds = (nanos.abs() / 1_000_000_000).min(i128::from(u32::MAX));
    let way = if nanos > 0 { "forward" } else { "back" };
    daemon(
        format!(
            "the wall clock was set {way} by {seconds}s: for {} minutes no kill is based upon a calendar",
            DISTRUST.as_secs() / 60
        ),
        true,
    )
}

fn session_note(calendar: &Calendar, session: usize, wall: Timestamp) -> Note {
    let name = calendar.sessions.get(session).map_or("?", |session| &*session.name);
    let changes = calendar.changes(Some(session), wall);
    let until = |word: &str| {
        changes.map_or_else(String::new, |at| format!(", {word} {} {}", calendar.shown(at), calendar.zone_name()))
    };
    let text = if calendar.is_held(Some(session), wall) {
        format!("session {}.{name} is held{}", calendar.name, until("until"))
    } else {
        format!("session {}.{name} is over{}", calendar.name, until("the next one begins"))
    };
    daemon(text, false)
}

fn doubt_note(calendar: &Calendar, doubt: Doubt) -> Note {
    let name = &calendar.name;
    daemon(
        match doubt {
            Doubt::OutOfDate => format!(
                "calendar {name} is out of date: kills that have to do with it are held; write the holidays to come and a later \
                 valid_until, then tradedog reload"
            ),
            Doubt::NoClock => {
                format!(
                    "calendar {name}: the wall clock cannot be right; kills that have to do with it are held until it is set"
                )
            }
        },
        true,
    )
}

fn ending_note(calendar: &Calendar, wall: Timestamp) -> Option<Note> {
    let until = calendar.ends_soon(wall, AHEAD)?;
    let name = &calendar.name;
    let text = format!(
        "calendar {name} is valid until {until}, then kills that have to do with it are held: write the holidays to come and a \
         later valid_until"
    );
    Some(daemon(text, true))
}
