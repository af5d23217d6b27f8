//! Who is watched now: owned by the watch loop.

use std::sync::Arc;

use super::{Change, Found, Member, Trouble};
use crate::config::{Config, Target};
use crate::kernel::{Error, Process};
use crate::model::{Event, Identity, MemberKey, Moment, Note};

/// A seat that somebody had in another roster: before the daemon was started anew, or a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedSeat {
    /// Name of the target.
    pub target: Arc<str>,
    /// The label `process`.
    pub slot: u32,
    /// Who had it.
    pub identity: Identity,
    /// When it was first seen.
    pub first_seen: Moment,
}

/// A remembered seat that is kept free until its process comes.
#[derive(Debug)]
struct Awaited {
    key: MemberKey,
    identity: Identity,
    first_seen: Moment,
}

/// The members of all targets in their seats.
///
/// The seat of a process is the lowest that is free in its target when it is found, and is free again
/// after its exit, so that the series of a service go on over its restart.
#[derive(Debug, Default)]
pub struct Roster {
    /// By index of the target.
    names: Vec<Arc<str>>,
    /// Targets that do more than observe.
    armed: Vec<bool>,
    /// By key.
    members: Vec<Member>,
    /// By key; nobody once the first scan was seen.
    awaited: Vec<Awaited>,
    /// What keeps discovery from seeing all there is, for as long as the daemon runs.
    troubles: Vec<Trouble>,
}

impl Roster {
    /// Nobody yet, for the targets of `config`.
    pub fn new(config: &Config) -> Self {
        let names = config.targets.iter().map(|target| target.name.clone()).collect();
        let armed = config.targets.iter().map(Target::has_ladder).collect();
        Self { names, armed, members: Vec::new(), awaited: Vec::new(), troubles: Vec::new() }
    }

    /// Keeps these seats for the processes that had them. Whoever comes and had one gets it back, and
    /// nobody is told; no other process gets it until [`forget_remembered`](Self::forget_remembered),
    /// or until its process is seen to be gone. Seats of targets that are no more are dropped.
    pub fn remember(&mut self, seats: Vec<RememberedSeat>) {
        for RememberedSeat { target, slot, identity, first_seen } in seats {
            let target = self.names.iter().position(|name| *name == target).and_then(|at| u16::try_from(at).ok());
            let Some(key) = target.map(|target| MemberKey { target, slot }).filter(|key| key.slot != MemberKey::ALL)
            else {
                continue;
            };
            if let Err(at) = self.awaited.binary_search_by_key(&key, |awaited| awaited.key) {
                self.awaited.insert(at, Awaited { key, identity, first_seen });
            }
        }
    }

    /// Lets go of the seats whose processes have not come: for when the first scan was applied.
    pub fn forget_remembered(&mut self, now: Moment, events: &mut Vec<Event>) {
        self.give_up(now, events, |_| true);
    }

    /// Everybody's seat, for the next roster.
    pub fn seats(&self) -> Vec<RememberedSeat> {
        let seat = |key: MemberKey, identity, first_seen| {
            let target = self.names.get(usize::from(key.target)).cloned().unwrap_or_default();
            RememberedSeat { target, slot: key.slot, identity, first_seen }
        };
        let members = self.members.iter().map(|m| seat(m.key, m.process.identity(), m.first_seen));
        members.chain(self.awaited.iter().map(|a| seat(a.key, a.identity, a.first_seen))).collect()
    }

    /// Takes what discovery saw, and leaves `changes` empty. Who exited is shown out first, so that
    /// its successor gets its seat.
    pub fn apply(&mut self, changes: &mut Vec<Change>, now: Moment, events: &mut Vec<Event>) {
        if !changes.is_empty() {
            self.show_out(now, events);
        }
        for change in changes.drain(..) {
            match change {
                Change::Found(found) => self.found(found, now, events),
                Change::Lost { target, identity } => {
                    self.leave(now, events, |m| m.key.target == target && m.process.identity() == identity);
                }
                Change::Way(way) => {
                    let note = Note::Daemon { text: way.to_string(), bad: false };
                    events.push(Event { at: now, note });
                }
                Change::Trouble(trouble) => {
                    self.troubles.extend(trouble.target.is_none().then(|| trouble.clone()));
                    let note = Note::Daemon { text: trouble.to_string(), bad: true };
                    events.push(Event { at: now, note });
                }
            }
        }
    }

    /// Shows out whoever has exited, as the pidfds say. Who is remembered and has exited in the
    /// meantime is told of too: its successor is to get its seat.
    pub fn show_out(&mut self, now: Moment, events: &mut Vec<Event>) {
        self.leave(now, events, |member| member.process.has_exited());
        self.give_up(now, events, |awaited| is_gone(awaited.identity));
    }

    /// Everybody, by target and slot.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Why there may be members that were not found, whatever the target.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.iter()
    }

    /// Who has this seat.
    pub fn get(&self, key: MemberKey) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&key, |member| member.key).ok()?;
        self.members.get(at)
    }

    /// Whether nobody is watched.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn found(&mut self, found: Found, now: Moment, events: &mut Vec<Event>) {
        let identity = found.process.identity();
        let same = |m: &&mut Member| m.key.target == found.target && m.process.identity() == identity;
        let (key, was_contested) = match self.members.iter_mut().find(same) {
            Some(member) => {
                let before = member.facts.contested;
                member.facts = found.facts.clone();
                (member.key, before)
            }
            // It came and went between two looks.
            None if found.process.has_exited() => return,
            None => {
                let (key, first_seen) = match self.seat_kept(found.target, identity) {
                    Some(awaited) => (awaited.key, awaited.first_seen),
                    None => {
                        let key = MemberKey { target: found.target, slot: self.free_slot(found.target) };
                        events.push(self.told(key, now, |target, member| Note::Found { target, member, identity }));
                        (key, now)
                    }
                };
                self.seat(Member { key, process: found.process, facts: found.facts.clone(), first_seen });
                let warning = found.facts.protected.and_then(|why| self.out_of_reach(key, identity, why));
                events.extend(warning.map(|note| Event { at: now, note }));
                (key, false)
            }
        };
        if found.facts.contested && !was_contested {
            events.push(self.told(key, now, |target, member| Note::Contested { target, member, identity }));
        }
    }

    /// A sentence about a member that no measure reaches, where measures are meant.
    fn out_of_reach(&self, key: MemberKey, identity: Identity, why: &str) -> Option<Note> {
        let index = usize::from(key.target);
        let name = self.armed.get(index).filter(|armed| **armed).and_then(|_| self.names.get(index))?;
        let (slot, pid) = (key.slot, identity.pid);
        let text = format!("{name}[{slot}] pid {pid} is {why}: no measure reaches it; narrow the match of {name}");
        Some(Note::Daemon { text, bad: true })
    }

    /// The lowest slot of `target` that nobody has and that is kept for nobody.
    fn free_slot(&self, target: u16) -> u32 {
        // In the order of their slots.
        let mut taken = self.members.iter().map(|member| member.key).filter(|key| key.target == target).peekable();
        let is_free = |slot: &u32| {
            let key = MemberKey { target, slot: *slot };
            taken.next_if_eq(&key).is_none() && self.awaited.binary_search_by_key(&key, |a| a.key).is_err()
        };
        (0..MemberKey::ALL).find(is_free).unwrap_or(MemberKey::ALL)
    }

    /// The seat that was kept for this process, if it is still free.
    fn seat_kept(&mut self, target: u16, identity: Identity) -> Option<Awaited> {
        let at = self.awaited.iter().position(|a| a.key.target == target && a.identity == identity)?;
        let awaited = self.awaited.remove(at);
        self.get(awaited.key).is_none().then_some(awaited)
    }

    fn give_up(&mut self, now: Moment, events: &mut Vec<Event>, is_over: impl Fn(&Awaited) -> bool) {
        let gone: Vec<Awaited> = self.awaited.extract_if(.., |awaited| is_over(awaited)).collect();
        for Awaited { key, identity, .. } in gone {
            events.push(self.told(key, now, |target, member| Note::Gone { target, member, identity }));
        }
    }

    fn seat(&mut self, member: Member) {
        let at = self.members.partition_point(|other| other.key < member.key);
        self.members.insert(at, member);
    }

    fn leave(&mut self, now: Moment, events: &mut Vec<Event>, leaves: impl Fn(&Member) -> bool) {
        let gone: Vec<Member> = self.members.extract_if(.., |member| leaves(member)).collect();
        for member in gone {
            let identity = member.process.identity();
            events.push(self.told(member.key, now, |target, member| Note::Gone { target, member, identity }));
        }
    }

    fn told(&self, key: MemberKey, at: Moment, note: impl FnOnce(Arc<str>, MemberKey) -> Note) -> Event {
        let name = self.names.get(usize::from(key.target)).cloned().unwrap_or_default();
        Event { at, note: note(name, key) }
    }
}

/// Whether whoever has its number now is somebody else, or nobody has it. What cannot be seen may
/// still be there.
fn is_gone(identity: Identity) -> bool {
    match Process::open(identity.boot, identity.pid) {
        Ok(process) => process.identity() != identity,
        Err(error) => error == Error::Gone,
    }
}
