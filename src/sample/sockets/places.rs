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
}
