//! Whom a socket counts for: the places of a tally.

use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;
use crate::sample::probe::Group;

/// The host has the first place, then come the groups, then whoever holds sockets.
#[derive(Default)]
pub(super) struct Places {
    /// Of each slot the groups that who is in it belongs to.
    groups: Vec<Vec<usize>>,
    /// The place of slot 0.
    first: Slot,
    places: Vec<Slot>,
}

impl Places {
    /// The host's place.
    pub(super) const HOST: Slot = 0;

    /// A group's place.
    pub(super) const fn of_group(index: usize) -> Slot {
        Self::HOST + 1 + index
    }

    /// The place of who is in a slot.
    pub(super) const fn of_slot(&self, slot: Slot) -> Slot {
        self.first + slot
    }

    /// Makes places for `groups` and for `width` slots, of which each member has the one in `slots`.
    /// One without a slot is unknown or gone, and nothing of it counts for its group.
    pub(super) fn set(&mut self, groups: &[Group], (slots, width): (&[Result<Slot, Fault>], usize)) {
        self.first = Self::of_group(groups.len());
        self.groups.iter_mut().for_each(Vec::clear);
        if groups.is_empty() {
            return;
        }
        self.groups.resize_with(width.max(self.groups.len()), Vec::new);
        for (index, group) in groups.iter().enumerate() {
            let slots = group.members.iter().filter_map(|&member| slots.get(member)?.ok());
            for slot in slots {
                self.groups[slot].push(index);
            }
        }
    }

    /// The places that a socket counts for which these hold: theirs, and once that of each group that
    /// one of them belongs to.
    pub(super) fn of(&mut self, holders: &[Slot]) -> &mut Vec<Slot> {
        let Self { groups, first, places } = self;
        places.clear();
        places.extend(holders.iter().map(|slot| *first + slot));
        let of_groups = places.len();
        for place in holders.iter().filter_map(|&slot| groups.get(slot)).flatten().map(|&index| Self::of_group(index)) {
            if !places[of_groups..].contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// The places that a socket counts for that one of these has, nobody knows which: what they have in
    /// common.
    pub(super) fn of_any(&mut self, slots: &[Slot]) -> &mut Vec<Slot> {
        if let [_] = slots {
            return self.of(slots);
        }
        let Self { groups, places, .. } = self;
        places.clear();
        let of = |slot: Slot| groups.get(slot).map_or(&[][..], Vec::as_slice);
        if let Some((&first, others)) = slots.split_first() {
            let common = |index: &&usize| others.iter().all(|&slot| of(slot).contains(index));
            places.extend(of(first).iter().filter(common).map(|&index| Self::of_group(index)));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(members: &[usize]) -> Group {
        Group { target: 0, members: members.to_vec() }
    }

    #[test]
    fn a_group_without_a_known_member_has_a_place_where_nothing_counts() {
        let mut places = Places::default();
        let slots = [Ok(1), Err(Fault::GONE), Err(Fault::NAMESPACE)];
        places.set(&[group(&[1, 2]), group(&[0])], (&slots, 2));
        let of_slots = [places.of_slot(0), places.of_slot(1)];
        assert_eq!(places.of(&[0]), &of_slots[..1]);
        assert_eq!(places.of(&[1]), &[of_slots[1], Places::of_group(1)]);
        // Without groups nothing of the pass before is left.
        places.set(&[], (&slots, 2));
        assert_eq!(places.of(&[1]), &[Places::HOST + 2]);
        assert!(places.of(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn each_holder_counts_and_each_of_their_groups_once(
            groups in proptest::collection::vec(proptest::collection::vec(0_usize..6, 0..5), 0..4),
            slots in proptest::collection::vec(proptest::option::of(0_usize..8), 6),
            held in proptest::collection::btree_set(0_usize..8, 0..8),
        ) {
            let slots: Vec<_> = slots.into_iter().map(|slot| slot.ok_or(Fault::GONE)).collect();
            let groups: Vec<_> = groups.iter().map(|members| group(members)).collect();
            let held: Vec<_> = held.into_iter().collect();
            let mut places = Places::default();
            places.set(&groups, (&slots, 8));
            let mut wanted: Vec<_> = held.iter().map(|&slot| 1 + groups.len() + slot).collect();
            let holds = |member: &usize| slots[*member].is_ok_and(|slot| held.contains(&slot));
            wanted.extend((0..groups.len()).filter(|&index| groups[index].members.iter().any(holds)).map(|index| 1 + index));
            let mut found = places.of(&held).clone();
            found.sort_unstable();
            wanted.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}
