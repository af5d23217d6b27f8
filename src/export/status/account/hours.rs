//! Which bounds hold by the hour, and what is wrong with a calendar.

use super::Scene;
use crate::config::Doubt;
use crate::export::Snapshot;
use crate::record::show_duration;

/// So long before a calendar is out of date that is told, in seconds.
const AHEAD: i64 = 30 * 24 * 3600;

/// `the bounds of nyse.open hold; that may change in 2h, Mon 2026-11-30 16:00 America/New_York`
pub(super) fn of_target(scene: &Scene<'_>) -> Option<String> {
    let first = scene.target.during.first()?;
    let config = &scene.snapshot.config;
    let at = scene.snapshot.wall.instant(scene.now());
    let hold = match scene.target.inside_names().as_slice() {
        [] => "the usual bounds hold".to_owned(),
        names => format!("the bounds of {} hold", names.join(" and ")),
    };
    let calendar = config.calendars.get(first.hours.calendar)?;
    let change = config.bounds_change(scene.target, at).map(|change| {
        let left = change.duration_since(at).unsigned_abs();
        let left = show_duration(std::time::Duration::from_secs(left.as_secs()));
        format!("; other bounds may hold in {left}, {} {}", calendar.shown(change), calendar.zone_name())
    });
    Some(hold + &change.unwrap_or_default())
}

/// What somebody has to do about a calendar.
pub(super) fn troubles(snapshot: &Snapshot) -> Vec<String> {
    let at = snapshot.wall.instant(snapshot.taken);
    let told = |calendar: &crate::config::Calendar| {
        let name = &calendar.name;
        match calendar.doubt(at) {
            Some(Doubt::OutOfDate) => Some(format!(
                "{name} is out of date: kills that have to do with it are held; write the holidays to come and a later \
                 valid_until, then tradedog reload"
            )),
            Some(Doubt::NoClock) => Some(format!(
                "{name}: the wall clock cannot be right; kills that have to do with it are held until it is set"
            )),
            None => calendar.ends_soon(at, AHEAD).map(|until| {
                format!(
                    "{name} is valid until {until}, then kills that have to do with it are held: write what comes after"
                )
            }),
        }
    };
    snapshot.config.calendars.iter().filter_map(told).collect()
}
