//! Which cgroups members have to themselves. A socket says in which cgroup it was made, so whoever is
//! alone in a cgroup holds those that were made there: that tells whose a connection is that nobody has
//! accepted yet, and it is how a service or a container is counted whose descriptors may not be looked at.
//!
//! Who is in a cgroup is looked at now and then, and whenever what was made in it is not what it was: a
//! number that falls is never believed of somebody who has moved on.
//!
//! Left out of the latter: what it was handed by others, or made before it was moved into its cgroup.

use std::collections::HashMap;
use std::time::Duration;

use super::queue;
use crate::discover::Member;
use crate::kernel::sock_diag::{Socket, States, TcpState};
use crate::kernel::{Cgroup, CgroupTree, Error};
use crate::model::{Identity, Moment};
use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;
use crate::sample::probe::Seat;

/// Processes hardly move to another cgroup.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// So long a cgroup is remembered that is not looked at again.
const REMEMBER: Duration = Duration::from_secs(30);

/// A cgroup that members are in.
struct Home {
    id: u64,
    looked: Moment,
    /// All processes in it and below, by pid; empty where others than members are among them.
    all: Vec<Identity>,
    /// The targets that all of them are of.
    targets: Vec<u16>,
    /// When the descriptors of one of them could not be looked at.
    denied: Option<Moment>,
    /// What of it counts for them: when it was looked at, and now.
    seen: Print,
    print: Print,
}

impl Home {
    /// One that was never looked at.
    fn new(id: u64) -> Self {
        let (looked, seen, print) = (Moment::default(), Print::NOTHING, Print::NOTHING);
        Self { id, looked, all: Vec::new(), targets: Vec::new(), denied: None, seen, print }
    }

    fn holds(&self, identity: &Identity) -> bool {
        let found = self.all.binary_search_by_key(&identity.pid, |one| one.pid);
        found.is_ok_and(|at| self.all[at] == *identity)
    }
}

/// Which sockets there are, in CLOSE_WAIT and in the other states, however they are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Print([u64; 2]);

impl Print {
    const NOTHING: Self = Self([0; 2]);

    const fn of(state: TcpState) -> usize {
        if matches!(state, TcpState::CloseWait) { 0 } else { 1 }
    }

    /// Cookies count up: each is spread over all bits, so that no two sets have one sum.
    const fn add(&mut self, socket: &Socket) {
        let number = (socket.cookie << 4 | socket.state as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let part = &mut self.0[Self::of(socket.state)];
        *part = part.wrapping_add((number ^ number >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    }
}

/// In which cgroup a member was when that was last looked at; none in the root.
struct Stay {
    looked: Moment,
    id: Option<u64>,
    /// It was in another before: what it made there it may still hold.
    moved: bool,
}

/// Which cgroup is whose.
#[derive(Default)]
pub(super) struct Homes {
    tree: Option<CgroupTree>,
    stays: HashMap<Identity, Stay>,
    /// By number.
    homes: Vec<Home>,
    /// Whether the kernel says where sockets were made (Linux 5.9).
    told: Option<bool>,
    missing: Vec<u64>,
    buffer: Vec<u8>,
}

impl Homes {
    /// Takes in whether the sockets of a dump say where they were made.
    pub(super) fn note(&mut self, dump: &[Socket]) {
        if self.told.is_none() && !dump.is_empty() {
            self.told = Some(dump.iter().any(|socket| socket.cgroup.is_some()));
        }
    }

    fn are_told(&self) -> bool {
        self.told != Some(false)
    }

    /// Finds out who has the cgroup of the member at `index`, whose descriptors may not be looked at.
    /// False where others than members are in it.
    pub(super) fn look(&mut self, now: Moment, (members, index): (&[&Member], usize)) -> Result<bool, Error> {
        if !self.are_told() {
            return Ok(false);
        }
        let Some(group) = self.stay(now, members[index])? else { return Ok(false) };
        let at = self.at(group.id());
        if self.homes[at].looked != now {
            self.visit(now, &group, members)?;
        }
        let home = &mut self.homes[at];
        home.denied = Some(now);
        Ok(!home.all.is_empty())
    }

    /// Looks at the cgroups in which what waits to be accepted was made, and at those where more or less
    /// was made than when they were last looked at. Of the states `listed` all sockets are in the dump, of which
    /// some may wait or none.
    pub(super) fn find(
        &mut self,
        now: Moment,
        (dump, listed, some_wait): (&[Socket], States, bool),
        members: &[&Member],
    ) {
        self.note(dump);
        self.forget(now, members.len());
        let waiting = if some_wait { dump } else { &[] };
        for socket in waiting.iter().filter(|socket| queue::waits(socket)) {
            if let Some(id) = socket.cgroup {
                let known = self.homes.len();
                let at = self.at(id);
                if self.homes.len() == known && now.since(self.homes[at].looked) < LOOK_AGAIN {
                    continue;
                }
                self.missing.push(id);
            }
        }
        self.take_prints(dump, listed);
        let changed = self.homes.iter().filter(|home| home.seen != home.print && home.looked != now);
        self.missing.extend(changed.map(|home| home.id));
        self.look_again(now, members);
        self.homes.iter_mut().filter(|home| home.looked == now).for_each(|home| home.seen = home.print);
    }

    fn forget(&mut self, now: Moment, members: usize) {
        self.homes.retain_mut(|home| {
            home.denied = home.denied.filter(|denied| now.since(*denied) < REMEMBER);
            now.since(home.looked) < REMEMBER
        });
        if self.stays.len() > members {
            self.stays.retain(|_, stay| now.since(stay.looked) < REMEMBER);
        }
    }

    fn take_prints(&mut self, dump: &[Socket], listed: States) {
        if self.homes.is_empty() {
            return;
        }
        let others = !listed.without(TcpState::CloseWait).is_empty();
        for home in &mut self.homes {
            let [close_wait, other] = home.print.0;
            home.print =
                Print([if listed.has(TcpState::CloseWait) { 0 } else { close_wait }, if others { 0 } else { other }]);
        }
        for socket in dump.iter().filter(|socket| listed.has(socket.state)) {
            if let Some(at) = self.place_of(socket) {
                self.homes[at].print.add(socket);
            }
        }
    }

    /// Looks at those that are missing. One that no member is in any more is nobody's.
    fn look_again(&mut self, now: Moment, members: &[&Member]) {
        if self.missing.is_empty() {
            return;
        }
        let mut missing = std::mem::take(&mut self.missing);
        missing.sort_unstable();
        missing.dedup();
        for &member in members {
            let stay = self.stays.get(&member.process.identity());
            let is_elsewhere = stay.is_some_and(|stay| {
                now.since(stay.looked) < LOOK_AGAIN && stay.id.is_none_or(|id| missing.binary_search(&id).is_err())
            });
            if is_elsewhere {
                continue;
            }
            // One that is gone, or cannot be looked at, is in none of them until it is looked at again.
            let Ok(Some(group)) = self.stay(now, member) else { continue };
            if missing.binary_search(&group.id()).is_err() {
                continue;
            }
            let at = self.at(group.id());
            if self.homes[at].looked != now {
                let _ = self.visit(now, &group, members);
            }
        }
        for &id in &missing {
            let at = self.at(id);
            let home = &mut self.homes[at];
            if home.looked != now {
                home.all.clear();
                home.looked = now;
            }
        }
        missing.clear();
        self.missing = missing;
    }

    /// The members who have the cgroup that `socket` was made in, if that says whose it is: none of
    /// them may be known to hold it.
    pub(super) fn of(&self, socket: &Socket) -> &[Identity] {
        self.place_of(socket).map_or(&[], |at| &self.homes[at].all)
    }

    fn place_of(&self, socket: &Socket) -> Option<usize> {
        let id = socket.cgroup.filter(|_| !self.homes.is_empty())?;
        let at = self.homes.binary_search_by_key(&id, |home| home.id).ok()?;
        (self.homes[at].denied.is_some() || queue::waits(socket)).then_some(at)
    }

    /// Whose sockets are known, of a member with this slot in the books: those of one whose links may not
    /// be read as far as its cgroup tells. [`Fault::CGROUP`] where it tells of all of the target's in it
    /// together.
    pub(super) fn settle(&self, seat: &Seat, slot: Result<Slot, Fault>, own: Option<Slot>) -> Result<Slot, Fault> {
        if slot != Err(Fault::CGROUP) {
            return slot;
        }
        let home = self.stays.get(&seat.identity).filter(|_| self.are_told()).and_then(|stay| stay.id);
        let at = home.and_then(|id| self.homes.binary_search_by_key(&id, |home| home.id).ok());
        let Some(home) = at.map(|at| &self.homes[at]).filter(|home| home.holds(&seat.identity)) else {
            return Err(Fault::DENIED);
        };
        if home.all.len() == 1 {
            return own.ok_or(Fault::GONE);
        }
        Err(if home.targets.contains(&seat.key.target) { Fault::CGROUP } else { Fault::DENIED })
    }

    /// Whether a member may hold what was made in a cgroup that it has left.
    pub(super) fn has_moved(&self, identity: &Identity) -> bool {
        self.stays.get(identity).is_some_and(|stay| stay.moved)
    }

    /// Where the cgroup with this number stands.
    fn at(&mut self, id: u64) -> usize {
        self.homes.binary_search_by_key(&id, |home| home.id).unwrap_or_else(|at| {
            self.homes.insert(at, Home::new(id));
            at
        })
    }

    /// Looks at where a member is.
    fn stay(&mut self, now: Moment, member: &Member) -> Result<Option<Cgroup>, Error> {
        let tree = self.tree.get_or_insert_with(CgroupTree::mounted);
        let group = tree.unified_of(&member.process, &mut self.buffer)?.filter(|group| !group.is_root());
        let id = group.as_ref().map(Cgroup::id);
        let stay = self.stays.entry(member.process.identity());
        let stay = stay.or_insert(Stay { looked: now, id, moved: false });
        stay.moved |= stay.id != id;
        (stay.looked, stay.id) = (now, id);
        Ok(group)
    }

    /// Looks at who is in a cgroup.
    fn visit(&mut self, now: Moment, group: &Cgroup, members: &[&Member]) -> Result<(), Error> {
        let pids = group.pids(&mut self.buffer)?;
        let at = self.at(group.id());
        let home = &mut self.homes[at];
        home.looked = now;
        home.all.clear();
        home.targets.clear();
        for (nth, pid) in pids.into_iter().enumerate() {
            let known = members.iter().filter(|member| member.process.identity().pid == pid);
            let Some(member) = known.clone().next() else {
                home.all.clear();
                return Ok(());
            };
            home.all.push(member.process.identity());
            let of = known.map(|member| member.key.target);
            if nth == 0 {
                home.targets.extend(of);
            } else {
                home.targets.retain(|&target| of.clone().any(|other| other == target));
            }
        }
        home.all.sort_unstable_by_key(|identity| identity.pid);
        Ok(())
    }
}
