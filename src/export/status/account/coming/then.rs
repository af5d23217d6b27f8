//! What a calendar makes of a level before the metric comes to it: other bounds, other measures.

use super::{Coming, When, span};
use crate::config::{Action, Bound, Target};
use crate::export::status::account::Scene;
use crate::export::status::account::seats::Seat;
use crate::model::{Level, Moment};

/// So many changes of hours are looked through.
const MOST: usize = 8;

/// Other bounds or measures of a level.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::export::status) struct Then {
    /// From when on.
    pub(in crate::export::status) from: Moment,
    /// The hours that last then: none where the usual bounds hold.
    pub(in crate::export::status) during: Vec<String>,
    /// The bound that enters the level then; none where it has none.
    pub(in crate::export::status) bound: Option<Bound>,
    /// When that is, in seconds; none where the metric does not come to it.
    pub(in crate::export::status) seconds: Option<f64>,
    /// What is done there then.
    pub(in crate::export::status) actions: Vec<String>,
}

/// The target as its hours will make it.
struct Hours {
    from: Moment,
    target: Target,
}

/// Looks up, for each level, the first change of hours that concerns it.
pub(super) fn look_up<'a>(scene: &Scene<'a>, seats: &[Seat<'a>], all: &mut [Coming<'a>]) {
    if scene.target.during.is_empty() || all.is_empty() {
        return;
    }
    let latest = all.iter().filter(|one| one.seconds().is_some()).map(|one| one.at(scene.now())).max();
    let hours = ahead(scene, latest.unwrap_or(scene.now()));
    for coming in all {
        let seat = seats.iter().find(|seat| seat.key == coming.key);
        coming.then = seat.and_then(|seat| hours.iter().find_map(|hours| of(scene.target, (seat, coming), hours)));
    }
}

/// The next change, and those behind it until `latest`.
fn ahead(scene: &Scene<'_>, latest: Moment) -> Vec<Hours> {
    let (config, wall) = (&scene.snapshot.config, &scene.snapshot.wall);
    let now = wall.instant(scene.now());
    let mut all = Vec::new();
    let mut at = now;
    while let Some(change) = config.bounds_change(scene.target, at) {
        let from = scene.now() + span(change.duration_since(now).as_secs_f64());
        if all.len() >= MOST || (!all.is_empty() && from > latest) {
            break;
        }
        // Where hours meet, what holds after them may be what holds now.
        let target = config.target_at(scene.target, change).unwrap_or_else(|| scene.target.clone());
        all.push(Hours { from, target });
        at = change;
    }
    all
}

/// What becomes of a level in those hours, if that is not what holds now and comes before the level does.
fn of(target: &Target, (seat, coming): (&Seat<'_>, &Coming<'_>), hours: &Hours) -> Option<Then> {
    let row = hours.target.thresholds.iter().find(|row| row.name == *coming.row.metric);
    let bound = row.and_then(|row| *row.bounds.get(coming.level)?);
    let until = hours.from.since(seat.now).as_secs_f64();
    let past = |bound: Bound| {
        let direction = coming.row.metric.direction();
        coming.row.value().is_some_and(|value| direction.is_past(value, bound.at))
    };
    match coming.when {
        When::In(seconds) if seconds >= until => {}
        // It stays where it is, and the bound comes to it.
        When::Never | When::NotForetold if bound.is_some_and(past) => {}
        When::In(_) | When::Never | When::NotForetold | When::Unknown(_) => return None,
    }
    let own = coming.row.threshold.bounds.get(coming.level).copied().flatten();
    let (measures, before) = (names(&hours.target, coming), names(target, coming));
    if bound == own && measures == before {
        return None;
    }
    let entered = bound.map(|bound| (bound, seat.when(&coming.row, &bound)));
    let seconds = entered.and_then(|(bound, when)| match when {
        When::In(seconds) => Some(seconds.max(until + bound.hold.as_secs_f64())),
        When::Never | When::Unknown(_) | When::NotForetold => None,
    });
    let during = hours.target.inside_names().into_iter().map(str::to_owned).collect();
    Some(Then { from: hours.from, during, bound, seconds, actions: measures })
}

fn names(target: &Target, coming: &Coming<'_>) -> Vec<String> {
    let level: Level = coming.level;
    target.rungs(coming.ladder.0, level).map(|(_, action): (usize, &Action)| action.name.to_string()).collect()
}
