//! Who has a seat: seats, groups and sample are made to hold exactly those who are there.

use std::collections::HashMap;

use super::Sampler;
use super::probe::{Group, Seat};
use crate::config::Per;
use crate::discover::Member;
use crate::kernel;
use crate::model::{GroupSample, MemberSample, Moment};

impl Sampler {
    /// Makes seats and sample hold exactly `members`, in this order. Who stays keeps his readings.
    pub(super) fn follow(&mut self, members: &[&Member], now: Moment) {
        if self.sample.host.is_empty() {
            self.sample.host = vec![self.never_read(now); self.config.host.metrics.len()];
        }
        if members.len() == self.seats.len() && self.seats.iter().zip(members).all(|(seat, member)| seat.is_of(member))
        {
            return;
        }
        let before = self.seats.drain(..).zip(self.sample.members.drain(..));
        let mut before: HashMap<_, _> = before.map(|both| ((both.0.key, both.0.identity), both)).collect();
        for member in members {
            let known = before.remove(&(member.key, member.process.identity()));
            self.newcomers |= known.is_none();
            let (seat, row) = known.unwrap_or_else(|| (Seat::new(member), self.newcomer(member)));
            self.seats.push(seat);
            self.sample.members.push(row);
        }
        self.group();
    }

    /// Makes the groups those of the seats. One that stays keeps its readings until the next pass:
    /// what its members come to is not known better before they are read.
    pub(super) fn group(&mut self) {
        self.groups.clear();
        for (index, _) in (0_u16..).zip(&self.config.targets).filter(|(_, target)| target.per == Per::Group) {
            let seats = self.seats.iter().enumerate().filter(|(_, seat)| seat.key.target == index);
            let members: Vec<usize> = seats.map(|(member, _)| member).collect();
            if !members.is_empty() {
                self.groups.push(Group { target: index, members });
            }
        }
        let mut before = std::mem::take(&mut self.sample.groups);
        let groups = self.groups.iter().map(|&Group { target, ref members }| {
            let same = before.iter().position(|row| row.target == target);
            same.map_or_else(|| self.new_group(target, members), |at| before.swap_remove(at))
        });
        self.sample.groups = groups.collect();
    }

    fn new_group(&self, target: u16, members: &[usize]) -> GroupSample {
        let first = members.first().and_then(|&member| self.sample.members.get(member));
        let readings = first.map_or(0, |member| member.readings.len());
        let never_read = self.never_read(first.map_or_else(Moment::default, |member| member.first_seen));
        GroupSample { target, readings: vec![never_read; readings] }
    }

    fn newcomer(&self, member: &Member) -> MemberSample {
        let identity = member.process.identity();
        let target = self.config.targets.get(usize::from(member.key.target));
        MemberSample {
            member: member.key,
            identity,
            started: kernel::started(identity.start_ticks),
            first_seen: member.first_seen,
            readings: vec![self.never_read(member.first_seen); target.map_or(0, |target| target.metrics.len())],
        }
    }
}
