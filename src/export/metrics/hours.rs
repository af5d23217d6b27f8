//! Series of calendars.

use super::scrape::Scrape;
use super::{Family, Series, gauge};

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_session_held",
        &["calendar", "session"],
        "Whether the session of the calendar is held now.",
        sessions,
    ),
    gauge(
        "tradedog_calendar_valid_until_timestamp_seconds",
        &["calendar"],
        "When the calendar is out of date, in seconds since 1970; from then on kills that have to do with it are held.",
        |scrape, series| {
            for calendar in &scrape.snapshot.config.calendars {
                series.push_known(&[&calendar.name], calendar.ends().map(|ends| ends.as_second() as f64));
            }
        },
    ),
];

fn sessions(scrape: &Scrape<'_>, series: &mut Series) {
    let snapshot = scrape.snapshot;
    if snapshot.config.calendars.is_empty() {
        return;
    }
    let almanac = snapshot.config.almanac(snapshot.wall.instant(snapshot.taken));
    for (calendar, page) in snapshot.config.calendars.iter().zip(&almanac.pages) {
        for (session, held) in calendar.sessions.iter().zip(&page.held) {
            series.push(&[&calendar.name, &session.name], f64::from(u8::from(*held)));
        }
    }
}
