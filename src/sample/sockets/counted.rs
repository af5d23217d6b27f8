//! What one list of sockets came to: of each member, of each group, of the host.

use std::time::Duration;

use super::homes::Homes;
use super::places::Places;
use crate::config::Config;
use crate::kernel::sock_diag::Socket;
use crate::model::{Identity, Moment, Unknown, Value};
use crate::sample::attribution::{Attribution, Slot};
use crate::sample::fault::Fault;
use crate::sample::names::Names;
use crate::sample::probe::{Column, Group, Pass, Slow};
use crate::sample::tally::Tally;
use crate::sample::together::together;

/// How exactly passes come.
const EARLY: Duration = Duration::from_millis(50);

/// The counts of a list, and of whom and of when they are.
pub(super) struct Counted {
    pub(super) at: Option<Moment>,
    /// How often it is made.
    pub(super) period: Duration,
    pub(super) tally: Tally,
    pub(super) places: Places,
    members: Vec<Row>,
    slots: Vec<Result<Slot, Fault>>,
    /// The targets that were judged together, in the order of their places.
    groups: Vec<u16>,
    undecided: Undecided,
}

/// A member at the time.
#[derive(Clone, Copy)]
struct Row {
    identity: Identity,
    slot: Result<Slot, Fault>,
    /// Its uids, if it was owed an answer.
    owed: Option<(u32, u32)>,
    /// What it holds is known by its cgroup alone, and it was in another before.
    moved: bool,
}

impl Counted {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            at: None,
            period: Duration::ZERO,
            tally: Tally::new(&config.peers),
            places: Places::default(),
            members: Vec::new(),
            slots: Vec::new(),
            groups: Vec::new(),
            undecided: Undecided { tally: Tally::new(&config.peers), uids: Vec::new(), width: 0, is_any: false },
        }
    }

    /// Peers have the addresses that they have now. Whether that is news.
    pub(super) fn follow(&mut self, names: &Names) -> bool {
        self.undecided.tally.follow(names);
        self.tally.follow(names)
    }

    /// Whether it is due in this pass, being made every `period`.
    pub(super) fn is_due(&self, now: Moment, period: Duration) -> bool {
        // A pass that comes a little early is not put off to the next.
        self.at.is_none_or(|at| now.since(at) + EARLY >= period)
    }

    /// Whether there was nobody to count for.
    pub(super) const fn is_of_nobody(&self) -> bool {
        self.members.is_empty()
    }

    /// Forgets what it came to, and makes room for the members of `pass` with these slots.
    pub(super) fn open(&mut self, pass: &Pass<'_>, (slots, of, homes): (&[Result<Slot, Fault>], &Attribution, &Homes)) {
        self.at = Some(pass.now);
        self.members.clear();
        let owed = |index| of.owed(index).map(|holder| holder.uids);
        let rows = slots.iter().zip(pass.seats.iter()).enumerate();
        self.members.extend(rows.map(|(index, (&slot, seat))| Row {
            identity: seat.identity,
            slot,
            owed: owed(index),
            moved: of.slot(index) == Err(Fault::CGROUP) && homes.has_moved(&seat.identity),
        }));
        self.groups.clear();
        self.groups.extend(pass.groups.iter().map(|group| group.target));
        self.slots.clear();
        let seat = |index, slot: Result<Slot, Fault>| match slot {
            // What its cgroup holds counts for the group.
            Err(Fault::CGROUP) => of.seat_of(index).ok_or(Fault::GONE),
            slot => slot,
        };
        self.slots.extend(slots.iter().enumerate().map(|(index, &slot)| seat(index, slot)));
        self.places.set(pass.groups, (&self.slots, of.width()));
        self.tally.open(self.places.of_slot(of.width()));
        self.undecided.open(of.width());
    }

    /// Notes that one of these may come to have `socket`.
    pub(super) fn add_maybe(&mut self, slots: &[Slot], socket: &Socket) {
        self.undecided.add_slots(slots, socket);
    }

    /// Notes that somebody of this user who was not asked yet may have `socket`.
    pub(super) fn add_open(&mut self, uid: u32, socket: &Socket) {
        self.undecided.add_uid(uid, socket);
    }

    /// One metric of the member with this identity, which is at `index` in the pass.
    pub(super) fn member(&self, (index, identity): (usize, Identity), column: Column) -> Slow {
        let row = self.row(index, identity).ok_or(Fault::FIRST);
        self.slow(row.and_then(|row| self.value(row, column)))
    }

    /// Of the member with this identity, which most likely stands where it stood.
    fn row(&self, index: usize, identity: Identity) -> Option<&Row> {
        let same = |row: &&Row| row.identity == identity;
        self.members.get(index).filter(same).or_else(|| self.members.iter().find(same))
    }

    fn value(&self, row: &Row, column: Column) -> Result<Value, Fault> {
        let slot = row.slot.map_err(|fault| if fault == Fault::CGROUP { Fault::DENIED } else { fault })?;
        let count = number(&self.tally, self.places.of_slot(slot), column)?;
        let is_bound = row.moved || (self.undecided.is_any && self.undecided.of((slot, row.owed), column));
        Ok(if is_bound { Value::AtLeast(count) } else { Value::Known(count) })
    }

    /// One metric of those members of `group` who are at these indexes of the pass, each socket once;
    /// none if there is no such member.
    pub(super) fn group(&self, pass: &Pass<'_>, (group, members): (&Group, &[usize]), column: Column) -> Option<Slow> {
        let at = self.groups.iter().position(|&target| target == group.target);
        let once = at.and_then(|at| number(&self.tally, Places::of_group(at), column).ok());
        let part = |&index: &usize| {
            let seat = pass.seats.get(index)?;
            Some(match self.row(index, seat.identity) {
                // Whoever has gone since the list was made is still in its sum, as long as anybody is.
                _ if seat.gone => Value::Unknown(Unknown::Gone),
                None => Value::Unknown(Fault::FIRST.unknown),
                // What its cgroup holds is in the sum.
                Some(row) if row.slot == Err(Fault::CGROUP) => {
                    if row.moved {
                        Value::AtLeast(0.0)
                    } else {
                        Value::Known(0.0)
                    }
                }
                Some(row) => known(self.value(row, column)),
            })
        };
        let value = together(column.base, once, members.iter().filter_map(part));
        (!members.is_empty()).then(|| self.slow(Ok(value)))
    }

    /// One metric of the host.
    pub(super) fn host(&self, column: Column) -> Slow {
        self.slow(number(&self.tally, Places::HOST, column).map(Value::Known))
    }

    fn slow(&self, value: Result<Value, Fault>) -> Slow {
        Slow { at: self.at.unwrap_or_default(), period: self.period, value }
    }
}

/// Sockets of which it is not known yet whose they are: for whoever may have them, counts are lower bounds.
struct Undecided {
    /// A place for each slot, then one for each of `uids`.
    tally: Tally,
    uids: Vec<u32>,
    width: usize,
    is_any: bool,
}

impl Undecided {
    fn open(&mut self, width: usize) {
        self.uids.clear();
        (self.width, self.is_any) = (width, false);
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.is_any, true) {
            self.tally.open(self.width);
        }
    }

    fn add_slots(&mut self, slots: &[Slot], socket: &Socket) {
        self.begin();
        self.tally.add(slots, socket);
    }

    fn add_uid(&mut self, uid: u32, socket: &Socket) {
        self.begin();
        let at = self.uids.iter().position(|&other| other == uid).unwrap_or_else(|| {
            self.uids.push(uid);
            self.tally.grow(self.width + self.uids.len());
            self.uids.len() - 1
        });
        self.tally.add(&[self.width + at], socket);
    }

    /// Whether any of them may be of who is in that slot, and has these uids if it was not asked.
    fn of(&self, (slot, owed): (Slot, Option<(u32, u32)>), column: Column) -> bool {
        let any = |place| self.tally.get(place, column.base, column.peer).is_some_and(|count| count > 0);
        let its = |uid: u32| owed.is_some_and(|(a, b)| [a, b].contains(&uid) || a == 0 || b == 0);
        any(slot) || (0..).zip(&self.uids).any(|(at, &uid)| its(uid) && any(self.width + at))
    }
}

pub(super) fn known(value: Result<Value, Fault>) -> Value {
    value.unwrap_or_else(|fault| Value::Unknown(fault.unknown))
}

pub(super) fn number(tally: &Tally, place: Slot, column: Column) -> Result<f64, Fault> {
    if tally.is_unresolved(column.peer) {
        return Err(Fault::UNRESOLVED);
    }
    let count = tally.get(place, column.base, column.peer);
    count.map(|count| count as f64).ok_or(Fault::IMPOSSIBLE)
}
