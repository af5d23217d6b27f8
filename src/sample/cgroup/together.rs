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
    /// Begins a pass. Where nobody is judged together nothing is noted. Who is not read in it counts with
    /// what was read last, as long as he is where he was.
    pub(super) fn open(&mut self, pass: &Pass<'_>) {
        if self.groups != pass.groups {
            self.groups = pass.groups.to_vec();
        }
        self.members.resize(if self.groups.is_empty() { 0 } else { pass.members.len() }, None);
        for (seen, seat) in self.members.iter_mut().zip(&*pass.seats) {
            seen.take_if(|(place, _)| seat.gone || seat.cgroups.value() != Ok(*place));
        }
    }

    /// Notes where a member is, and what was read there; none if that is not known.
    pub(super) fn put(&mut self, index: usize, found: Option<(Place, &Values)>) {
        if let Some(seen) = self.members.get_mut(index) {
            *seen = found.map(|(place, values)| (place, *values));
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
