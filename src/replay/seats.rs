//! Which seat a process of a series has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{MemberKey, Moment};

/// Who sits where, by target and name.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: HashMap<(u16, Arc<str>), Seat>,
    /// Also of those who have left, until somebody else has the seat.
    names: BTreeMap<MemberKey, Arc<str>>,
}

/// A seat that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) member: MemberKey,
    /// When the process was last told of.
    pub(super) last: Moment,
    /// When it started, where the series says so.
    started: Option<Timestamp>,
}

/// Starts that are told as so much apart at most are the same: they are worked out of a clock that is corrected.
const SAME_START: i64 = 2;

impl Seat {
    /// Whether somebody else sits here now, who started at `started`. Who has said it first is the same.
    pub(super) fn is_another(&mut self, started: Option<Timestamp>) -> bool {
        let apart = |(one, other): (Timestamp, Timestamp)| (one.as_second() - other.as_second()).abs() > SAME_START;
        let another = self.started.zip(started).is_some_and(apart);
        self.started = started.or(self.started);
        another
    }
}

impl Seats {
    /// The seat of a process.
    pub(super) fn of(&mut self, target: u16, process: &Arc<str>) -> Option<&mut Seat> {
        self.taken.get_mut(&(target, Arc::clone(process)))
    }

    /// Gives a process the lowest free seat.
    pub(super) fn take(
        &mut self,
        (target, process): (u16, &Arc<str>),
        (now, started): (Moment, Option<Timestamp>),
    ) -> MemberKey {
        let free = |slot: &u32| self.taken.values().all(|seat| seat.member != MemberKey { target, slot: *slot });
        let member = MemberKey { target, slot: (0..MemberKey::ALL).find(free).unwrap_or(0) };
        self.taken.insert((target, Arc::clone(process)), Seat { member, last: now, started });
        self.names.insert(member, Arc::clone(process));
        member
    }

    /// Takes the seats of those who were last told of before `since`, of a target of which somebody was told
    /// at `now`.
    pub(super) fn clear(&mut self, since: Moment, now: Moment) -> Vec<MemberKey> {
        if self.taken.len() < 2 || self.taken.values().all(|seat| seat.last >= since) {
            return Vec::new();
        }
        let read: Vec<u16> =
            self.taken.values().filter(|seat| seat.last == now).map(|seat| seat.member.target).collect();
        let over = |seat: &Seat| seat.last < since && read.contains(&seat.member.target);
        let mut left: Vec<MemberKey> = self.taken.values().filter(|seat| over(seat)).map(|seat| seat.member).collect();
        self.taken.retain(|_, seat| !over(seat));
        left.sort_unstable();
        left
    }

    /// What the process in a seat is called.
    pub(super) fn name(&self, member: MemberKey) -> Option<&Arc<str>> {
        self.names.get(&member)
    }

    /// Who sits in a target, in the order of the seats.
    pub(super) fn of_target(&self, target: u16) -> Vec<MemberKey> {
        let mut members: Vec<MemberKey> = self.taken.values().map(|seat| seat.member).collect();
        members.retain(|member| member.target == target);
        members.sort_unstable();
        members
    }

    /// Whether anybody sits in a target.
    pub(super) fn has_any(&self, target: u16) -> bool {
        self.taken.keys().any(|(other, _)| *other == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_seat_is_given_again_and_nobody_leaves_alone() {
        let mut seats = Seats::default();
        let at = Moment::from_secs;
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        let (first, second) = (seats.take((0, &a), (at(0), None)), seats.take((0, &b), (at(0), None)));
        assert_eq!((first.slot, second.slot), (0, 1));
        assert!(seats.clear(at(50), at(100)).is_empty(), "nobody was told of at 100s");
        seats.of(0, &b).unwrap().last = at(100);
        assert_eq!(seats.clear(at(50), at(100)), [first]);
        assert_eq!(seats.name(first), Some(&a), "what was told of it is still told by its name");
        assert_eq!(seats.take((0, &c), (at(100), None)), first);
        assert_eq!(seats.name(first), Some(&c));
        assert!(seats.of(0, &a).is_none() && seats.has_any(0) && !seats.has_any(1));
    }
}
