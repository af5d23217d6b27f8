//! A minute of everybody, on its way to the history: a block a target, and one of the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::block::{Packing, Whom};
use super::cell::Cell;
use super::hour::Whose;
use super::{MINUTE, STEP};
use crate::model::{BootId, Identity, MemberKey, Moment};

/// Of a target that is not there yet, so much is made room for.
const SOME: usize = 256;

/// What was read of a target, or of the host, in a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Name of the target; none for the host.
    pub target: Option<Arc<str>>,
    /// The boot that the identities are of; none where no process is in it.
    pub boot: Option<BootId>,
    /// Names of the metrics, one space apart.
    pub names: Arc<str>,
    /// When the first row was read.
    pub first: Moment,
    /// When the last one was.
    pub last: Moment,
    /// The rows: [`super::Unpacking`] reads them.
    pub bytes: Vec<u8>,
}

/// Where somebody stands in the block of this minute.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Which minute that was, by number.
    minute: u64,
    number: usize,
    identity: Option<Identity>,
    row: u64,
}

/// Of whom something was read.
#[derive(Debug)]
pub(super) struct Seated<'a> {
    pub(super) whose: Whose,
    /// Who sits there, and when he started; none where nobody alone does.
    pub(super) life: Option<(Identity, Moment)>,
    pub(super) place: &'a mut Place,
}

/// A target in this minute.
#[derive(Debug)]
struct Open {
    packing: Packing,
    boot: Option<BootId>,
    first: Moment,
    last: Moment,
    row: u64,
}

/// What was read in this minute.
#[derive(Debug, Default)]
pub(super) struct Minute {
    open: BTreeMap<Whose, Open>,
    begun: Option<Moment>,
    /// Minutes that were given away.
    number: u64,
    /// How large the blocks of the minute before were.
    sizes: BTreeMap<Whose, usize>,
}

impl Minute {
    /// Whether what is read at `now` belongs to the next one.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        // A pass comes some milliseconds before or after its time.
        self.begun.is_some_and(|begun| now.since(begun) + STEP / 2 >= MINUTE)
    }

    /// Adds what was read of somebody: `before` in the row before this one, `now` in this one.
    pub(super) fn push(
        &mut self,
        Seated { whose, life, place }: Seated<'_>,
        (row, at): (u64, Moment),
        (before, now): (&[Cell], &[Cell]),
    ) {
        self.begun.get_or_insert(at);
        let (number, sizes) = (self.number + 1, &self.sizes);
        let slot = match whose {
            Whose::Seat(MemberKey { slot, .. }) if slot != MemberKey::ALL => Some(slot),
            Whose::Host | Whose::Seat(_) => None,
        };
        let block = whose.block();
        let open = self.open.entry(block).or_insert_with(|| Open::of(now.len(), at, sizes.get(&block).copied()));
        open.begin(row, at);
        let identity = life.map(|(identity, _)| identity);
        if place.minute == number && place.identity == identity {
            let before = (place.row + 1 == row).then_some(before);
            open.packing.again(place.number, before, now);
        } else {
            let whom = slot.zip(life).map(|(slot, (identity, started))| {
                open.boot = Some(identity.boot);
                Whom::of(slot, identity, millis(started, open.first))
            });
            place.number = open.packing.add(&whom.unwrap_or(Whom::ALL), now);
        }
        (place.minute, place.identity, place.row) = (number, identity, row);
    }

    /// Gives all of it away, and begins the next one.
    pub(super) fn seal(&mut self, named: impl Fn(Whose) -> Option<(Option<Arc<str>>, Arc<str>)>) -> Vec<Block> {
        self.number += 1;
        self.begun = None;
        self.sizes.clear();
        let mut sealed = Vec::with_capacity(self.open.len());
        for (whose, open) in std::mem::take(&mut self.open) {
            let Open { packing, boot, first, last, .. } = open;
            let (bytes, Some((target, names))) = (packing.finish(), named(whose)) else { continue };
            self.sizes.insert(whose, bytes.len());
            sealed.push(Block { target, boot, names, first, last, bytes });
        }
        sealed
    }
}

impl Open {
    fn of(metrics: usize, at: Moment, size: Option<usize>) -> Self {
        let capacity = size.map_or(SOME, |size| size + size / 8);
        Self { packing: Packing::of(metrics, capacity), boot: None, first: at, last: at, row: 0 }
    }

    fn begin(&mut self, row: u64, at: Moment) {
        if self.row != row {
            (self.row, self.last) = (row, at);
            self.packing.row(u64::try_from(at.since(self.first).as_millis()).unwrap_or(0));
        }
    }
}

impl Whose {
    /// Whose block it is in: all of a target are in one.
    const fn block(self) -> Self {
        match self {
            Self::Host => self,
            Self::Seat(MemberKey { target, .. }) => Self::Seat(MemberKey::all_of(target)),
        }
    }
}

/// Milliseconds from one moment to the other.
fn millis(from: Moment, to: Moment) -> i64 {
    let forth = i64::try_from(to.since(from).as_millis()).unwrap_or(i64::MAX);
    let back = i64::try_from(from.since(to).as_millis()).unwrap_or(i64::MAX);
    forth - back
}
