//! The calendars: what is held now, what comes next, and how long they are valid.

use std::io;

use jiff::Timestamp;

use super::Report;
use crate::config::{Calendar, Config, Doubt};

/// So long before a calendar is out of date that is a warning, in seconds.
const AHEAD: i64 = 30 * 24 * 3600;

/// A line for each, and what has to be done about it.
pub(super) fn tell(config: &Config, now: Timestamp, report: &mut Report<'_>) -> io::Result<()> {
    for (index, calendar) in config.calendars.iter().enumerate() {
        report.line(standing(calendar, now))?;
        let name = &calendar.name;
        match calendar.doubt(now) {
            Some(Doubt::OutOfDate) => report.warn(
                "",
                format!("calendar {name} is out of date: kills that have to do with it will be held; write the holidays to come and a later valid_until"),
            )?,
            Some(Doubt::NoClock) => report.warn("", format!("calendar {name}: the wall clock of this host cannot be right"))?,
            None => {
                if let Some(until) = calendar.ends_soon(now, AHEAD) {
                    let what = "then kills that have to do with it will be held: write what comes after";
                    report.warn("", format!("calendar {name} is valid until {until}, {what}"))?;
                }
            }
        }
        let asked = |target: &crate::config::Target| {
            let of_actions = target.actions.iter().flat_map(|action| &action.not_during).copied();
            target.hours().chain(of_actions).any(|hours| hours.calendar == index)
        };
        if !config.targets.iter().any(asked) {
            report.note("", format!("calendar {name} is asked by nobody: no `during` and no `not_during` names it"))?;
        }
    }
    Ok(())
}

/// `calendar nyse (America/New_York): pre is held, until Mon 2026-11-30 09:30; next open, Mon 2026-11-30 09:30`
fn standing(calendar: &Calendar, now: Timestamp) -> String {
    let sessions = calendar.sessions.iter().enumerate();
    let mut held = sessions.filter(|(index, _)| calendar.is_held(Some(*index), now));
    let held = held.next().map_or_else(
        || "no session is held".to_owned(),
        |(index, session)| {
            let until = calendar.changes(Some(index), now);
            let until =
                until.map_or_else(|| ", without end".to_owned(), |at| format!(", until {}", calendar.shown(at)));
            format!("{} is held{until}", session.name)
        },
    );
    let next = calendar.next(now);
    let next = next.map_or_else(String::new, |(next, at)| format!("; next {}, {}", next.name, calendar.shown(at)));
    format!("calendar {} ({}): {held}{next}", calendar.name, calendar.zone_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Output;
    use crate::config::{Source, parse};

    const TEXT: &str = r#"
[calendar.nyse]
zone = "America/New_York"
days = "mon-fri"
sessions = { open = "09:30-16:00" }
holidays = ["2026-12-25"]
valid_until = "2026-12-31"
"#;

    fn told(now: &str) -> String {
        let config = parse(vec![Source::new("watchdog.toml", TEXT)]).unwrap();
        Output::captured(|output| {
            tell(&config, now.parse().unwrap(), &mut Report { output, warnings: 0, errors: 0 }).unwrap();
        })
    }

    #[test]
    fn what_is_held_and_what_is_next() {
        let open = told("2026-11-20T15:00:00Z");
        let line = "calendar nyse (America/New_York): open is held, until Fri 2026-11-20 16:00; next open, Mon 2026-11-23 09:30";
        assert!(open.contains(line), "{open}");
        assert!(open.contains("asked by nobody"), "{open}");
        assert!(!open.contains("warning"), "{open}");
        let closed = told("2026-11-21T15:00:00Z");
        assert!(closed.contains("no session is held; next open, Mon 2026-11-23 09:30"), "{closed}");
    }

    #[test]
    fn how_long_it_is_valid() {
        let soon = told("2026-12-02T15:00:00Z");
        assert!(soon.contains("valid until 2026-12-31"), "{soon}");
        let over = told("2027-01-04T15:00:00Z");
        assert!(over.contains("out of date"), "{over}");
        assert!(told("1970-01-01T00:00:10Z").contains("cannot be right"));
    }
}
