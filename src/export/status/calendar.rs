//! The calendars: which sessions are held, and what is next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{self, Doubt};
use crate::export::Snapshot;

/// A calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// The zone whose hours it has.
    pub zone: String,
    /// The sessions that are held now.
    pub held: Vec<String>,
    /// When a session begins or ends next; absent where that does not come within a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes: Option<f64>,
    /// When it is out of date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_until: Option<f64>,
    /// Why no kill is based upon it: out_of_date, no_clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub doubt: Option<String>,
}

/// All of them.
pub(super) fn calendars(snapshot: &Snapshot) -> Vec<Calendar> {
    let config = &snapshot.config;
    let almanac = config.almanac(snapshot.wall.instant(snapshot.taken));
    let shown = |(calendar, page): (&config::Calendar, &config::Page)| {
        let held = calendar.sessions.iter().zip(&page.held).filter(|(_, held)| **held);
        Calendar {
            name: calendar.name.to_string(),
            zone: calendar.zone_name().to_owned(),
            held: held.map(|(session, _)| session.name.to_string()).collect(),
            changes: page.changes.map(seconds),
            valid_until: calendar.ends().map(seconds),
            doubt: page.doubt.map(|doubt| word(doubt).to_owned()),
        }
    };
    config.calendars.iter().zip(&almanac.pages).map(shown).collect()
}

/// Seconds since 1970 (UTC).
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

const fn word(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::OutOfDate => "out_of_date",
        Doubt::NoClock => "no_clock",
    }
}
