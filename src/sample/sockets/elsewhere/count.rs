//! One reading of another network namespace: its table of sockets held against the descriptors of
//! the members in it.
//!
//! Where their descriptors may not be looked at, the table and the number of descriptors of everybody
//! in the namespace still say something: a socket of it is held by somebody in it. So whoever is alone
//! there holds all of them; of several, one holds at least what the others have too few descriptors for;
//! and a state that no socket of the table is in is one that none of theirs is in.
//!
//! Left out: a process may hold sockets of a namespace that it has left, or was handed them. Those of
//! our own namespace are found where its descriptors may be read ([`Counted::add_strays`]).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::super::held::Held;
use super::super::places::Places;
use crate::discover::Member;
use crate::kernel::sock_diag::{Socket, TcpState};
use crate::kernel::{self, Error, Proc, Process};
use crate::model::{Base, Identity, Moment, Pid, Value};
use crate::sample::attribution::Slot;
use crate::sample::fault::Fault;
use crate::sample::probe::{Column, Group, Pass, Seat};
use crate::sample::tally::{Party, Tally};

/// Who is in a namespace, each with the index of his target.
pub(super) type People = Arc<[(u16, Arc<Process>)]>;

/// A namespace to read, and for whom.
pub(in crate::sample::sockets) struct Job {
    net: u64,
    members: People,
    peers: Arc<[Party]>,
}

impl Job {
    /// For these.
    pub(super) const fn of(net: u64, members: People, peers: Arc<[Party]>) -> Self {
        Self { net, members, peers }
    }

    /// Reads it.
    pub(super) fn run(&self) -> Counted {
        let (begun, used) = (kernel::now(), kernel::cpu_of_thread());
        let books = Books::read(self);
        let used = kernel::cpu_of_thread().saturating_sub(used);
        Counted { net: self.net, begun, at: kernel::now(), used, books }
    }
}

/// These members of `pass`.
pub(super) fn people(pass: &Pass<'_>, members: &[usize]) -> People {
    let member = |&index: &usize| {
        let member: &Member = pass.members[index];
        (member.key.target, member.process.clone())
    };
    members.iter().map(member).collect()
}

/// What was read of a namespace.
pub(in crate::sample::sockets) struct Counted {
    pub(super) net: u64,
    /// When that was begun, and when it was done.
    pub(super) begun: Moment,
    pub(super) at: Moment,
    /// What that used of the processor.
    pub(super) used: Duration,
    books: Result<Books, Fault>,
}

impl Counted {
    pub(super) fn books(&self) -> Option<&Books> {
        self.books.as_ref().ok()
    }

    /// What a member holds.
    pub(in crate::sample::sockets) fn member(&self, identity: Identity, column: Column) -> Result<Value, Fault> {
        let books = self.books.as_ref().map_err(|fault| *fault)?;
        books.member(identity, column)
    }

    /// What the members of a target hold together who are in this namespace.
    pub(in crate::sample::sockets) fn group(&self, of: (u16, &[&Seat]), column: Column) -> Result<Value, Fault> {
        let books = self.books.as_ref().map_err(|fault| *fault)?;
        books.group(of, column)
    }

    /// See [`Tally::take_met`].
    pub(super) fn take_met(&mut self, found: &mut dyn FnMut(&str, IpAddr)) {
        if let Ok(books) = &mut self.books {
            books.tally.take_met(found);
        }
    }

    /// Adds those of the members' sockets that are not in their namespace but in our own.
    pub(in crate::sample::sockets) fn add_strays(&mut self, dump: &[Socket]) {
        let Ok(books) = &mut self.books else { return };
        let Books { tally, places, strays, .. } = books;
        if strays.is_empty() {
            return;
        }
        for socket in dump {
            if let Some(slots) = strays.get(&u64::from(socket.inode)) {
                tally.add(places.of(slots), socket);
            }
        }
    }
}

/// Who is in the namespace, and how many descriptors each has.
type Crowd = HashMap<Pid, u64>;

/// The counts: of each member, of each target's members, and in the place of the host of the whole
/// namespace.
pub(super) struct Books {
    tally: Tally,
    places: Places,
    groups: Vec<Group>,
    /// Each member with its slot, or why its descriptors could not be looked at.
    members: Vec<(Identity, Result<Slot, Fault>)>,
    /// None where nobody asked, or not all of it can be seen.
    crowd: Option<Crowd>,
    /// Sockets among the members' descriptors that are not in the table, of whatever kind.
    strays: HashMap<u64, Vec<Slot>>,
}

impl Books {
    fn read(job: &Job) -> Result<Self, Fault> {
        let mut held = Held::default();
        let read = |(slot, (_, process)): (Slot, &(u16, Arc<Process>))| {
            (process.identity(), held.take(slot, |inodes| links(process, job.net, inodes)))
        };
        let members: Vec<_> = job.members.iter().enumerate().map(read).collect();
        held.sort();
        let slots: Vec<_> = members.iter().map(|(_, slot)| *slot).collect();
        let groups = groups(job);
        let mut places = Places::default();
        places.set(&groups, (&slots, slots.len()));
        let mut tally = Tally::over(job.peers.to_vec());
        tally.open(places.of_slot(slots.len()));
        let hidden = slots.iter().any(|slot| slot.is_err_and(|fault| fault != Fault::GONE));
        let before = if hidden { crowd(job.net) } else { None };
        let mut books = Self { tally, places, groups, members, crowd: None, strays: HashMap::new() };
        let seen = books.table(job, &mut held)?;
        // Who came or went meanwhile may have held what the table showed.
        books.crowd = before.and_then(|before| Some(joined(before, crowd(job.net)?)));
        for (inode, slot) in held.pairs().filter(|(inode, _)| !seen.contains(inode)) {
            books.strays.entry(inode).or_default().push(slot);
        }
        Ok(books)
    }

    /// Counts the sockets of the table; gives the inodes that were there.
    fn table(&mut self, job: &Job, held: &mut Held) -> Result<HashSet<u64>, Fault> {
        let hidden = self.members.iter().any(|(_, slot)| slot.is_err());
        let (mut seen, mut buffer) = (HashSet::new(), Vec::new());
        let Self { tally, places, .. } = self;
        let mut count = |socket: &Socket| {
            if socket.inode == 0 {
                // It waits to be accepted; in the other states the process has closed it already.
                if matches!(socket.state, TcpState::Established | TcpState::CloseWait) {
                    tally.add_unclear(socket);
                }
                return;
            }
            // One that moved in the kernel's table while that was read is there twice.
            if !seen.insert(u64::from(socket.inode)) {
                return;
            }
            let holders = held.holders(u64::from(socket.inode));
            let nobody = holders.is_empty();
            let whose = places.of(holders);
            if nobody && hidden {
                tally.add_unclear(socket);
            }
            if !is_resolver(socket) {
                whose.push(Places::HOST);
            }
            tally.add(whose, socket);
        };
        // Any of them opens the same table; the first may have just gone.
        let mut fault = Fault::GONE;
        for (_, process) in &*job.members {
            match in_net(process, job.net).and_then(|()| Ok(process.entry().tcp_sockets(&mut buffer, &mut count)?)) {
                Ok(()) => return Ok(seen),
                Err(other) if [Fault::GONE, Fault::NAMESPACE].contains(&other) => fault = other,
                Err(other) => return Err(other),
            }
        }
        Err(fault)
    }

    fn member(&self, identity: Identity, column: Column) -> Result<Value, Fault> {
        let (_, slot) = self.members.iter().find(|(one, _)| *one == identity).ok_or(Fault::FIRST)?;
        match slot {
            Ok(slot) => self.number(self.places.of_slot(*slot), column).map(|count| Value::Known(count as f64)),
            Err(Fault::GONE) => Err(Fault::GONE),
            Err(fault) => self.bounded(&[identity.pid], column)?.ok_or(*fault),
        }
    }

    fn group(&self, (target, seats): (u16, &[&Seat]), column: Column) -> Result<Value, Fault> {
        let slot = |seat: &&Seat| self.members.iter().find(|(one, _)| *one == seat.identity).map(|(_, slot)| *slot);
        let slots: Vec<_> = seats.iter().map(slot).collect();
        let at = self.groups.iter().position(|group| group.target == target).ok_or(Fault::FIRST)?;
        let read = self.number(Places::of_group(at), column)?;
        if slots.contains(&None) {
            return if read > 0 { Ok(Value::AtLeast(read as f64)) } else { Err(Fault::FIRST) };
        }
        let Some(fault) = slots.iter().find_map(|slot| slot.and_then(Result::err)) else {
            return Ok(Value::Known(read as f64));
        };
        let pids: Vec<Pid> = seats.iter().map(|seat| seat.identity.pid).collect();
        let read = (read > 0).then_some(Value::AtLeast(read as f64));
        match self.bounded(&pids, column)?.or(read) {
            Some(Value::AtLeast(bound)) => {
                Ok(Value::AtLeast(read.and_then(Value::number).map_or(bound, |read| read.max(bound))))
            }
            value => value.ok_or(fault),
        }
    }

    /// What these processes hold together, of whom nobody may tell which; none where that is anything.
    fn bounded(&self, pids: &[Pid], column: Column) -> Result<Option<Value>, Fault> {
        let whole = self.number(Places::HOST, column)?;
        if whole == 0 {
            return Ok(Some(Value::Known(0.0)));
        }
        let Some(crowd) = &self.crowd else { return Ok(None) };
        let mut others = crowd.iter().filter(|(pid, _)| !pids.contains(pid)).map(|(_, fds)| *fds).peekable();
        if others.peek().is_none() {
            return Ok(Some(Value::Known(whole as f64)));
        }
        let bound = whole.saturating_sub(others.fold(0, u64::saturating_add));
        Ok((bound > 0).then_some(Value::AtLeast(bound as f64)))
    }

    fn number(&self, place: Slot, column: Column) -> Result<u64, Fault> {
        if self.tally.is_unresolved(column.peer) {
            return Err(Fault::UNRESOLVED);
        }
        self.tally.get(place, column.base, column.peer).ok_or(Fault::IMPOSSIBLE)
    }

    /// Each state with how many sockets nobody can be told to hold.
    pub(super) fn unclear(&self) -> impl Iterator<Item = (Base, u64)> {
        self.tally.unclear()
    }
}

/// Docker's daemon listens for names in each container's namespace, which it is not in itself.
fn is_resolver(socket: &Socket) -> bool {
    socket.state == TcpState::Listen && socket.local.address == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11))
}

/// Those of one target belong together.
fn groups(job: &Job) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (slot, &(target, _)) in job.members.iter().enumerate() {
        match groups.iter_mut().find(|group| group.target == target) {
            Some(group) => group.members.push(slot),
            None => groups.push(Group { target, members: vec![slot] }),
        }
    }
    groups
}

fn in_net(process: &Process, net: u64) -> Result<(), Fault> {
    if process.has_exited() {
        return Err(Fault::GONE);
    }
    if process.entry().net_namespace()? == net { Ok(()) } else { Err(Fault::NAMESPACE) }
}

fn links(process: &Process, net: u64, inodes: &mut Vec<u64>) -> Result<(), Fault> {
    in_net(process, net)?;
    Ok(process.socket_inodes(&mut |inode| inodes.push(inode))?)
}

/// Everybody in the namespace; none where somebody in it may be hidden from us, or uncounted.
fn crowd(net: u64) -> Option<Crowd> {
    let proc = Proc::live().ok().filter(Proc::shows_everybody)?;
    let (mut pids, mut crowd) = (Vec::new(), Crowd::new());
    proc.pids(&mut pids).ok()?;
    for pid in pids {
        let fds = proc.entry(pid).and_then(|entry| {
            let here = entry.net_namespace()? == net;
            if here { entry.open_fds().map(Some) } else { Ok(None) }
        });
        match fds {
            Ok(fds) => crowd.extend(fds.map(|fds| (pid, fds))),
            // It has closed everything.
            Err(Error::Gone) => {}
            Err(_) => return None,
        }
    }
    Some(crowd)
}

fn joined(mut one: Crowd, other: Crowd) -> Crowd {
    for (pid, fds) in other {
        let most = one.entry(pid).or_default();
        *most = fds.max(*most);
    }
    one
}
