//! `[calendar.NAME]`: which of its sessions is held at an instant, and when that changes.
//!
//! What belongs here: from an instant to sessions, by the rules of the calendar's zone. What does not: a
//! clock (the instant is an argument), and what follows from a session (`judge`).
//!
//! Hours are those on the wall of the zone. An hour that the clocks skip is the instant at which they skip
//! it, one that comes twice is its first: so sessions that meet on the wall meet on both days on which the
//! clocks change, and never overlap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// How many days ahead a change is looked for.
const AHEAD: usize = 400;
/// A wall clock before this has not been set: 2024-01-01.
const EARLIEST: i64 = 1_704_067_200;

/// `[calendar.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// NAME
    pub name: Arc<str>,
    /// Whose hours they are.
    pub zone: TimeZone,
    /// The days of the week on which sessions begin.
    pub days: Vec<Weekday>,
    /// Its sessions, in the order of their beginning.
    pub sessions: Vec<Session>,
    /// Days on which no session begins.
    pub holidays: BTreeSet<Date>,
    /// Days with hours of their own: the sessions that are held, by index, whatever the day of the week.
    pub half_days: BTreeMap<Date, Vec<(usize, Span)>>,
    /// The last day of which its holidays are known; none where they always are.
    pub valid_until: Option<Date>,
}

/// A session of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub name: Arc<str>,
    /// From when until when.
    pub span: Span,
}

/// From when until when, in minutes since the day began; beyond 24 hours it is the day after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first minute of it.
    pub from: u16,
    /// The first minute after it.
    pub to: u16,
}

/// Some hours of a calendar: those of one session, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// Index into the configuration's `calendars`.
    pub calendar: usize,
    /// Index into its `sessions`; none for any of them.
    pub session: Option<usize>,
}

/// Why a calendar says nothing that a kill may be based upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Its last day is over.
    OutOfDate,
    /// The wall clock cannot be right.
    NoClock,
}

impl Calendar {
    /// Whether the session, or any, is held at `at`. Of an instant that cannot be right, that none is.
    pub fn is_held(&self, session: Option<usize>, at: Timestamp) -> bool {
        self.holding(session, at).is_some()
    }

    /// The next instant after `at` at which that changes; none within a year.
    pub fn changes(&self, session: Option<usize>, at: Timestamp) -> Option<Timestamp> {
        let Some(mut end) = self.holding(session, at) else {
            return self.spans(session, at).map(|(from, _)| from).find(|from| *from > at);
        };
        let mut ahead = self.spans(session, at).filter(|(_, to)| *to > at).peekable();
        while let Some((from, to)) = ahead.next() {
            if from > end {
                return Some(end);
            }
            end = end.max(to);
            if ahead.peek().is_none() {
                break;
            }
        }
        // Sessions that meet until as far as was looked do not end.
        let horizon = self.horizon(at)?;
        (end < horizon).then_some(end)
    }

    /// The session that begins next after `at`, and when; none where that does not come within a year.
    pub fn next(&self, at: Timestamp) -> Option<(&Session, Timestamp)> {
        let begins = |session: usize| {
            let change = self.changes(Some(session), at)?;
            // One that is held has to end first.
            if self.is_held(Some(session), at) { self.changes(Some(session), change) } else { Some(change) }
        };
        let all = self.sessions.iter().enumerate().filter_map(|(index, session)| Some((session, begins(index)?)));
        all.min_by_key(|(_, begins)| *begins)
    }

    /// Why nothing may be based upon it at `at`.
    pub fn doubt(&self, at: Timestamp) -> Option<Doubt> {
        if at.as_second() < EARLIEST || self.date(at).is_none() {
            return Some(Doubt::NoClock);
        }
        let ends = self.ends()?;
        (at >= ends).then_some(Doubt::OutOfDate)
    }

    /// When its last day is over.
    pub fn ends(&self) -> Option<Timestamp> {
        self.instant(self.valid_until?, DAY)
    }

    /// The last day of which it is valid, if that is less than `ahead` seconds away and not over.
    pub fn ends_soon(&self, at: Timestamp, ahead: i64) -> Option<Date> {
        let left = self.ends()?.as_second() - at.as_second();
        self.valid_until.filter(|_| 0 < left && left < ahead)
    }

    /// Name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// An instant as the wall of its zone shows it: `Mon 2026-11-30 09:30`.
    pub fn shown(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    fn date(&self, at: Timestamp) -> Option<Date> {
        // Two days from either end of time there is room for arithmetic.
        let within = (Timestamp::MIN.as_second() + 1_000_000)..(Timestamp::MAX.as_second() - 50_000_000);
        within.contains(&at.as_second()).then(|| self.zone.to_datetime(at).date())
    }

    /// The end of the span that `at` is in.
    fn holding(&self, session: Option<usize>, at: Timestamp) -> Option<Timestamp> {
        let mut near = self.spans_of(session, at, 3);
        near.find(|(from, to)| *from <= at && at < *to).map(|(_, to)| to)
    }

    fn spans(&self, session: Option<usize>, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.spans_of(session, at, AHEAD)
    }

    fn horizon(&self, at: Timestamp) -> Option<Timestamp> {
        let last = self.date(at)?.checked_add(i64::try_from(AHEAD).ok()?.saturating_sub(4).days()).ok()?;
        self.instant(last, 0)
    }

    /// The spans that begin on `days` days, of which the first is two days before `at`: none is longer than
    /// a day, and no zone has ever skipped two.
    fn spans_of(
        &self,
        session: Option<usize>,
        at: Timestamp,
        days: usize,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.date(at).and_then(|date| date.checked_sub(2.days()).ok());
        let dates = std::iter::successors(first, |date| date.tomorrow().ok()).take(days);
        dates.flat_map(move |date| self.spans_on(session, date))
    }

    fn spans_on(&self, session: Option<usize>, date: Date) -> Vec<(Timestamp, Timestamp)> {
        let ours = |index: usize| session.is_none_or(|session| session == index);
        let instants = |span: Span| Some((self.instant(date, span.from)?, self.instant(date, span.to)?));
        if self.holidays.contains(&date) {
            return Vec::new();
        }
        if let Some(half) = self.half_days.get(&date) {
            return half.iter().filter(|(index, _)| ours(*index)).filter_map(|(_, span)| instants(*span)).collect();
        }
        if !self.days.contains(&date.weekday()) {
            return Vec::new();
        }
        let all = self.sessions.iter().enumerate().filter(|(index, _)| ours(*index));
        all.filter_map(|(_, session)| instants(session.span)).collect()
    }

    /// The instant so many minutes into a day, as its wall clock counts them.
    fn instant(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let date = date.checked_add(i64::from(minutes / DAY).days()).ok()?;
        let (hour, minute) = ((minutes % DAY) / 60, minutes % 60);
        let wall = date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok(),
            // Read by the offset of afterwards it lies before the change.
            AmbiguousOffset::Gap { after, .. } => {
                let before = after.to_timestamp(wall).ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minutes: u16| (minutes / 60, minutes % 60);
        let ((from, after_from), (to, after_to)) = (time(self.from), time(self.to));
        let to = if self.to > DAY { to - 24 } else { to };
        write!(f, "{from:02}:{after_from:02}-{to:02}:{after_to:02}")
    }
}

#[cfg(test)]
mod tests;
