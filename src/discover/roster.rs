//! Who is watched now: owned by the watch loop.

use std::sync::Arc;

use super::{Change, Found, Member, Trouble};
use crate::config::{Config, Target};
use crate::model::{Event, Identity, MemberKey, Moment, Note};

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
    /// What keeps discovery from seeing all there is, for as long as the daemon runs.
    troubles: Vec<Trouble>,
}

impl Roster {
    /// Nobody yet, for the targets of `config`.
    pub fn new(config: &Config) -> Self {
        let names = config.targets.iter().map(|target| target.name.clone()).collect();
        let armed = config.targets.iter().map(Target::has_ladder).collect();
        Self { names, armed, members: Vec::new(), troubles: Vec::new() }
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
                Change::Trouble(trouble) => {
                    self.troubles.extend(trouble.target.is_none().then(|| trouble.clone()));
                    let note = Note::Daemon { text: trouble.to_string(), bad: true };
                    events.push(Event { at: now, note });
                }
            }
        }
    }

    /// Shows out whoever has exited, as the pidfds say.
    pub fn show_out(&mut self, now: Moment, events: &mut Vec<Event>) {
        self.leave(now, events, |member| member.process.has_exited());
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
                let key = MemberKey { target: found.target, slot: self.free_slot(found.target) };
                self.seat(Member { key, process: found.process, facts: found.facts.clone(), first_seen: now });
                events.push(self.told(key, now, |target, member| Note::Found { target, member, identity }));
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

    /// The lowest slot of `target` that nobody has; its members are in the order of their slots.
    fn free_slot(&self, target: u16) -> u32 {
        let taken = self.members.iter().filter(|member| member.key.target == target);
        let gap = taken.map(|member| member.key.slot).zip(0..).find(|(slot, expected)| slot != expected);
        match gap {
            Some((_, free)) => free,
            None => u32::try_from(self.members.iter().filter(|m| m.key.target == target).count()).unwrap_or(u32::MAX),
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
