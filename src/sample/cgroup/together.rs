//! What the cgroups of a group's members come to: each cgroup once, however many members are in it.

use super::METRICS;
use super::books::{Books, Place};
use crate::model::{Base, Unit};
use crate::sample::fault::Fault;
use crate::sample::probe::{Group, Pass};

/// What was read of a cgroup, in the order of the metrics.
pub(super) type Values = [Result<f64, Fault>; METRICS.len()];

/// Where each member of the pass is, and what was read there.
#[derive(Debug, Default)]
pub(super) struct Together {
    groups: Vec<Group>,
    members: Vec<Option<(Place, Values)>>,
}

impl Together {
    /// Begins a pass. Where nobody is judged together nothing is noted.
    pub(super) fn open(&mut self, pass: &Pass<'_>) {
        if self.groups != pass.groups {
            self.groups = pass.groups.to_vec();
        }
        self.members.clear();
        if !self.groups.is_empty() {
            self.members.resize(pass.members.len(), None);
        }
    }

    /// Notes where a member is, and what was read there.
    pub(super) fn put(&mut self, index: usize, place: Place, values: &Values) {
        if let Some(seen) = self.members.get_mut(index) {
            *seen = Some((place, *values));
        }
    }

    /// What the cgroups of a group's members come to; none where nothing is known of any, or where it is a
    /// share or a limit.
    pub(super) fn once(&self, group: usize, base: Base, books: &Books) -> Option<f64> {
        let column = METRICS.iter().position(|metric| *metric == base)?;
        if base.info().unit != Unit::Bytes || base == Base::CgroupMemoryLimit {
            return None;
        }
        let members = &self.groups.get(group)?.members;
        books.sum(members.iter().filter_map(|member| {
            let (place, values) = (*self.members.get(*member)?)?;
            Some((place, values[column].ok()?))
        }))
    }
}
