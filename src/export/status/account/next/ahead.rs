//! Which bound comes next, and what is done there.

use super::super::Scene;
use super::super::seats::{Row, Seat};
use super::super::words::{bound, level_of, until};
use crate::config::{Bound, units};
use crate::export::Snapshot;
use crate::model::{Direction, Level};

/// A bound that is not reached yet.
struct Ahead<'a> {
    row: Row<'a>,
    level: Level,
    bound: Bound,
    /// The value as a share of the bound: 1 is there. None where there is no value.
    share: Option<f64>,
}

/// Of each ladder, the bound that is nearest among all processes.
pub(super) fn of_target(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Vec<String> {
    let line = |(index, ladder): (usize, &crate::config::Ladder)| {
        let rows = seats.iter().flat_map(|seat| &seat.rows).filter(|row| row.threshold.ladder == index);
        let names = |level| scene.target.rungs(index, level).map(|(_, action)| action.name.to_string()).collect();
        told(rows, &ladder.name, (names, scene.is_dry()))
    };
    let watched = scene.target.ladders.iter().enumerate();
    let mut lines: Vec<String> = watched.filter_map(line).collect();
    if lines.is_empty() && scene.target.ladders.is_empty() {
        let rows = seats.iter().flat_map(|seat| &seat.rows);
        lines.extend(told(rows, "", (|_| Vec::new(), scene.is_dry())));
    }
    lines
}

pub(super) fn of_host(snapshot: &Snapshot, seat: &Seat<'_>) -> Option<String> {
    let config = &snapshot.config;
    let names = |level: Level| {
        let steps = config.host.ladder.get(level).into_iter().flatten();
        let names = steps.filter_map(|step| {
            let target = config.targets.get(step.target)?;
            Some(format!("{}.{}", target.name, target.actions.get(step.action)?.name))
        });
        names.collect()
    };
    told(seat.rows.iter(), "host", (names, config.daemon.dry_run))
}

/// `at open_fds 300 (elevated), now 92: reset_pool`
fn told<'a>(
    rows: impl Iterator<Item = &'a Row<'a>>,
    ladder: &str,
    (names, dry): (impl Fn(Level) -> Vec<String>, bool),
) -> Option<String> {
    let all: Vec<Ahead<'_>> = rows.filter_map(ahead).collect();
    let nearest = all.into_iter().max_by(|one, other| one.share.total_cmp_or_none(other.share))?;
    let Ahead { row, level, bound: next, .. } = nearest;
    let now = row.value().map_or_else(
        || ", unknown now".to_owned(),
        |value| format!(", now {}{}", units::show(value, row.metric.unit()), until(&row, next.at)),
    );
    let done = |level| Some(names(level).join(", then ")).filter(|names: &String| !names.is_empty());
    let would = if dry { "would take " } else { "" };
    let what = match (done(level), row.ahead().find_map(|(level, bound)| Some((level, bound.at, done(level)?)))) {
        (Some(names), _) => format!("{would}{names}"),
        (None, Some((level, at, names))) => {
            let at = units::show(at, row.metric.unit());
            format!("nothing is done there; at {at} ({level}): {would}{names}")
        }
        (None, None) => "nothing is done there".to_owned(),
    };
    Some(format!("at {} ({}){now}: {what}", bound(row.metric, &next), level_of(level, ladder)))
}

fn ahead<'a>(row: &Row<'a>) -> Option<Ahead<'a>> {
    let (level, bound) = row.ahead().next().map(|(level, bound)| (level, *bound))?;
    Some(Ahead { row: *row, level, bound, share: share(row) })
}

/// The value as a share of the next bound, or of the last where none is left.
pub(in crate::export::status::account) fn share(row: &Row<'_>) -> Option<f64> {
    let at = row.ahead().next().map(|(_, bound)| bound.at).or_else(|| row.held().map(|bound| bound.at))?;
    row.value().map(|value| match row.metric.direction() {
        Direction::Up => value / at,
        Direction::Down => at / value,
    })
}

/// What has no value is further away than anything that has one.
trait Nearness {
    fn total_cmp_or_none(&self, other: Option<f64>) -> std::cmp::Ordering;
}

impl Nearness for Option<f64> {
    fn total_cmp_or_none(&self, other: Option<f64>) -> std::cmp::Ordering {
        self.unwrap_or(f64::NEG_INFINITY).total_cmp(&other.unwrap_or(f64::NEG_INFINITY))
    }
}
