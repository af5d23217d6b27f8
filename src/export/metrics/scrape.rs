//! What every family needs of the snapshot, worked out once a scrape.

use std::collections::BTreeMap;

use super::process::of_peer_in_any_state;
use crate::config::Target;
use crate::export::{Lists, Snapshot};
use crate::model::{ActionScope, Base, Level, MemberKey, Metric, Moment, Pid};

/// A snapshot, seen by one scrape.
pub(super) struct Scrape<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// The targets with what their members add up to.
    pub(super) targets: Vec<TargetSeen<'a>>,
    /// The members that `max_series` has room for, then the groups.
    pub(super) seats: Vec<Seat<'a>>,
}

pub(super) struct TargetSeen<'a> {
    pub(super) target: &'a Target,
    /// Live members.
    pub(super) members: usize,
    /// The highest level among them.
    pub(super) level: Level,
    /// Names of its metrics, in their order.
    pub(super) metrics: Vec<String>,
    /// What its thresholds are about, in their order.
    pub(super) thresholds: Vec<String>,
}

/// What the label `process` names: a process, or all of a target that is judged as a group.
pub(super) struct Seat<'a> {
    pub(super) lists: &'a Lists,
    pub(super) target: &'a Target,
    /// Pid and start of the process; none for a group.
    pub(super) process: Option<(Pid, Moment)>,
    /// Index of the target.
    index: usize,
    /// The label `process`.
    pub(super) slot: String,
}

/// The label `process` of a group.
pub(super) const ALL: &str = "all";

impl<'a> Scrape<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let seen = |target: &'a Target| TargetSeen {
            target,
            members: 0,
            level: Level::Normal,
            metrics: target.metrics.iter().map(ToString::to_string).collect(),
            thresholds: target.thresholds.iter().map(|threshold| threshold.name.to_string()).collect(),
        };
        let mut targets: Vec<_> = snapshot.config.targets.iter().map(seen).collect();
        for member in snapshot.members() {
            if let Some(seen) = targets.get_mut(usize::from(member.key.target)) {
                seen.members += 1;
                seen.level = seen.level.max(snapshot.level(&member.lists));
            }
        }
        for group in snapshot.groups() {
            if let Some(seen) = targets.get_mut(usize::from(group.target)) {
                seen.level = seen.level.max(snapshot.level(&group.lists));
            }
        }
        Self { snapshot, targets, seats: seats(snapshot) }
    }

    /// About how many series there will be.
    pub(super) fn room(&self) -> usize {
        let of_seats: usize = self.seats.iter().map(|seat| series_per_member(seat.target)).sum();
        of_seats + 64 * (1 + self.targets.len())
    }

    /// The names of the metrics, in the order of the seat's readings.
    pub(super) fn metric_names(&self, seat: &Seat<'_>) -> &[String] {
        self.targets.get(seat.index).map_or(&[], |seen| &seen.metrics)
    }

    /// The names of what the thresholds are about, in their order.
    pub(super) fn threshold_names(&self, seat: &Seat<'_>) -> &[String] {
        self.targets.get(seat.index).map_or(&[], |seen| &seen.thresholds)
    }

    /// The number that was read; none when it is unknown.
    pub(super) fn number(&self, seat: &Seat<'_>, base: Base) -> Option<f64> {
        let index = seat.target.metrics.iter().position(|metric| metric.base == base && metric.peer.is_none())?;
        self.snapshot.readings(seat.lists).get(index)?.value.number()
    }

    pub(super) fn unix_seconds(&self, moment: Moment) -> f64 {
        self.snapshot.wall.unix_seconds(moment)
    }
}

fn seats(snapshot: &Snapshot) -> Vec<Seat<'_>> {
    let room = Room::of(snapshot);
    let target = |index: u16| snapshot.config.targets.get(usize::from(index));
    let members = snapshot.members().iter().filter(|view| room.has(view.key)).filter_map(|view| {
        Some(Seat {
            lists: &view.lists,
            target: target(view.key.target)?,
            process: Some((view.pid, view.started)),
            index: view.key.target.into(),
            slot: view.key.slot.to_string(),
        })
    });
    let groups = snapshot.groups().iter().filter_map(|view| {
        Some(Seat {
            lists: &view.lists,
            target: target(view.target)?,
            process: None,
            index: view.target.into(),
            slot: ALL.to_owned(),
        })
    });
    members.chain(groups).collect()
}

/// Which members fit into `max_series`: whole ones, the lowest slots of all targets first, so that
/// no target is left out altogether before another one is shown in full.
struct Room {
    /// Slot and target of the first member that does not fit.
    end: Option<(u32, u16)>,
}

impl Room {
    fn of(snapshot: &Snapshot) -> Self {
        let most = snapshot.config.web.max_series;
        let sizes: Vec<usize> = snapshot.config.targets.iter().map(series_per_member).collect();
        let size = |key: MemberKey| sizes.get(usize::from(key.target)).copied().unwrap_or(0);
        let total: usize = snapshot.members().iter().map(|member| size(member.key)).sum();
        if total <= most {
            return Self { end: None };
        }
        let in_order: BTreeMap<_, _> =
            snapshot.members().iter().map(|m| ((m.key.slot, m.key.target), size(m.key))).collect();
        let mut used = 0;
        let first_out = in_order.into_iter().find(|(_, size)| {
            used += size;
            used > most
        });
        Self { end: first_out.map(|(place, _)| place) }
    }

    fn has(&self, key: MemberKey) -> bool {
        self.end.is_none_or(|end| (key.slot, key.target) < end)
    }
}

/// The most series that one member of `target` can have.
fn series_per_member(target: &Target) -> usize {
    let sockets = target.metrics.iter().filter(|metric| metric.base.is_socket_state()).count();
    let read = |metric: &&Metric| super::process::WHERE_READ.contains(&metric.base) || of_peer_in_any_state(metric);
    let where_read = target.metrics.iter().filter(read).count();
    let leases = super::leases::undone(target, ActionScope::Process).count();
    let ending = target.forecasts.rows.iter().filter(|row| row.ends()).count();
    let forecasts = target.forecasts.rows.len() + ending;
    super::process::PLAIN
        + sockets
        + where_read
        + forecasts
        + 2 * (target.ladders.len() + target.thresholds.len() + leases)
}

/// How many live members `max_series` leaves no room for on `/metrics`.
pub fn left_out(snapshot: &Snapshot) -> usize {
    let room = Room::of(snapshot);
    snapshot.members().iter().filter(|member| !room.has(member.key)).count()
}
