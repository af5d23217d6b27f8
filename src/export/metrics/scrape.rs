//! What every family needs of the snapshot, worked out once a scrape.

use std::collections::BTreeMap;

use crate::config::Target;
use crate::export::{MemberView, Snapshot};
use crate::model::{Base, Level, MemberKey, Moment};

/// A snapshot, seen by one scrape.
pub(super) struct Scrape<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// The targets with what their members add up to.
    pub(super) targets: Vec<TargetSeen<'a>>,
    /// The members that `max_series` has room for.
    pub(super) members: Vec<MemberSeen<'a>>,
}

pub(super) struct TargetSeen<'a> {
    pub(super) target: &'a Target,
    /// Live members.
    pub(super) members: usize,
    /// The highest level among them.
    pub(super) level: Level,
    /// Names of its metrics, in their order.
    pub(super) metrics: Vec<String>,
}

pub(super) struct MemberSeen<'a> {
    pub(super) view: &'a MemberView,
    pub(super) target: &'a Target,
    pub(super) metrics: usize,
    /// The label `process`.
    pub(super) slot: String,
}

impl<'a> Scrape<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let seen = |target: &'a Target| TargetSeen {
            target,
            members: 0,
            level: Level::Normal,
            metrics: target.metrics.iter().map(ToString::to_string).collect(),
        };
        let mut targets: Vec<_> = snapshot.config.targets.iter().map(seen).collect();
        for member in snapshot.members() {
            if let Some(seen) = targets.get_mut(usize::from(member.key.target)) {
                seen.members += 1;
                seen.level = seen.level.max(snapshot.level(member));
            }
        }
        let room = Room::of(snapshot);
        let shown = |view: &'a MemberView| {
            let index = usize::from(view.key.target);
            let target = snapshot.config.targets.get(index).filter(|_| room.has(view.key))?;
            Some(MemberSeen { view, target, metrics: index, slot: view.key.slot.to_string() })
        };
        let members = snapshot.members().iter().filter_map(shown).collect();
        Self { snapshot, targets, members }
    }

    /// About how many series there will be.
    pub(super) fn room(&self) -> usize {
        let of_members: usize = self.members.iter().map(|member| series_per_member(member.target)).sum();
        of_members + 64 * (1 + self.targets.len())
    }

    /// The names of the member's metrics, in the order of its readings.
    pub(super) fn metric_names(&self, member: &MemberSeen<'_>) -> &[String] {
        self.targets.get(member.metrics).map_or(&[], |seen| &seen.metrics)
    }

    /// The number that was read of a member; none when it is unknown.
    pub(super) fn number(&self, member: &MemberSeen<'_>, base: Base) -> Option<f64> {
        let index = member.target.metrics.iter().position(|metric| metric.base == base && metric.peer.is_none())?;
        self.snapshot.readings(member.view).get(index)?.value.number()
    }

    pub(super) fn unix_seconds(&self, moment: Moment) -> f64 {
        self.snapshot.wall.unix_seconds(moment)
    }
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
    super::process::PLAIN + sockets + 2 * target.ladders.len() + 2 * target.thresholds.len()
}

/// How many live members `max_series` leaves no room for on `/metrics`.
pub fn left_out(snapshot: &Snapshot) -> usize {
    let room = Room::of(snapshot);
    snapshot.members().iter().filter(|member| !room.has(member.key)).count()
}
