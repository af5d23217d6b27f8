//! What is remembered of a holder, and what follows from it: whether its links are to be read.

use std::cmp::Ordering;
use std::time::Duration;

use super::claims::At;
use super::{Holder, RETRY_DENIED, VERIFY};
use crate::model::{Moment, Unknown};
use crate::sample::fault::Fault;

/// A reading that explained nothing makes the next one wait for this many more descriptors at most.
const MOST_FRUITLESS: u32 = 6;
/// What asking for the links of a process costs beside the links.
const LEAST_LINKS: u64 = 10;

#[derive(Clone, Copy, Debug)]
pub(super) enum Links {
    /// Never, or not as the user that it is now.
    Unread,
    Read {
        at: Moment,
    },
    Failed {
        at: Moment,
        fault: Fault,
    },
}

/// How the number of its descriptors has moved since its links were read, against what its sockets
/// account for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Motion {
    Still,
    Moved,
    /// It let go of more than of the sockets that are known to be gone.
    Fell,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) holder: Holder,
    /// Where it stands among this pass's holders.
    pub(super) index: usize,
    /// The pass it was last a holder in.
    pub(super) seen: u32,
    /// The pass its links were last asked for.
    pub(super) asked: u32,
    pub(super) links: Links,
    fds_before: Option<u64>,
    motion: Motion,
    /// By so many more than it had then, those gone included.
    growth: i64,
    /// Readings in a row that explained nothing.
    fruitless: u32,
    /// It may hold other sockets than remembered.
    pub(super) in_doubt: bool,
    /// It may hold a listed socket that nobody is known to hold, and has not been asked yet.
    pub(super) owed: bool,
    /// The inodes of all its sockets when its links were last read, ascending.
    pub(super) inodes: Vec<u32>,
}

impl Books {
    pub(super) const fn new(holder: Holder, pass: u32) -> Self {
        Self {
            holder,
            index: 0,
            seen: pass,
            asked: pass,
            links: Links::Unread,
            fds_before: holder.fds,
            motion: Motion::Moved,
            growth: 0,
            fruitless: 0,
            in_doubt: false,
            owed: false,
            inodes: Vec::new(),
        }
    }

    /// It is a holder in this pass too.
    pub(super) fn meet(&mut self, holder: Holder, index: usize, pass: u32) {
        self.fds_before = self.holder.fds;
        if self.holder.uids != holder.uids {
            // What it opened as another user is its own too.
            self.links = Links::Unread;
        }
        (self.holder, self.index, self.seen) = (holder, index, pass);
        self.owed = false;
    }

    /// Takes in how its count moved, with `vanished` of its sockets gone and `held` left.
    pub(super) fn weigh(&mut self, vanished: u32, held: u32) {
        let Some((before, now)) = self.fds_before.zip(self.holder.fds) else {
            self.motion = self.motion.max(Motion::Moved);
            return;
        };
        let delta = now.saturating_add(u64::from(vanished)).cast_signed().saturating_sub(before.cast_signed());
        self.growth = self.growth.saturating_add(delta);
        self.motion = self.motion.max(match delta.cmp(&0) {
            Ordering::Less => Motion::Fell,
            Ordering::Equal => Motion::Still,
            Ordering::Greater => Motion::Moved,
        });
        self.in_doubt |= self.motion == Motion::Fell && held > 0;
    }

    /// Takes in that its links were read and say `inodes`; the buffer gets what was remembered before.
    pub(super) fn note_read(&mut self, now: Moment, inodes: &mut Vec<u32>) {
        self.links = Links::Read { at: now };
        (self.motion, self.growth) = (Motion::Still, 0);
        (self.in_doubt, self.owed) = (false, false);
        std::mem::swap(&mut self.inodes, inodes);
        // Half a million of them are remembered on a large host: nothing is kept in reserve.
        if self.inodes.capacity() != self.inodes.len() {
            self.inodes.shrink_to_fit();
        }
    }

    /// Takes in how many open questions that answered, where it was asked because its count moved.
    pub(super) fn note_found(&mut self, found: usize, was_asked: bool) {
        if found > 0 {
            self.fruitless = 0;
        } else if was_asked {
            self.fruitless = (self.fruitless + 1).min(MOST_FRUITLESS);
        }
    }

    /// Nothing can be said about it before it is read.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        match self.links {
            Links::Unread => true,
            Links::Failed { at, fault } => fault.unknown != Unknown::Denied || now.since(at) >= RETRY_DENIED,
            Links::Read { .. } => false,
        }
    }

    /// What it holds is not known from before.
    pub(super) const fn is_unread(&self) -> bool {
        matches!(self.links, Links::Unread)
    }

    /// Whether it may have opened or let go of something since it was read.
    pub(super) const fn has_moved(&self) -> bool {
        matches!(self.links, Links::Read { .. }) && !matches!(self.motion, Motion::Still)
    }

    /// Whether that is worth a look. Each look that explained nothing asks for twice as many new
    /// descriptors, so that one that opens and closes files all day beside a bystander who opens
    /// connections all day is looked at as often as the allowance for doubts has it.
    pub(super) const fn is_promising(&self) -> bool {
        self.fruitless == 0 || self.growth >= (1 << self.fruitless) - 1
    }

    pub(super) const fn growth(&self) -> i64 {
        self.growth
    }

    /// Since when it has been in doubt, as far as that matters for who comes first.
    pub(super) fn doubt(&self, now: Moment, (pass, held): (u32, u32)) -> Option<Moment> {
        if self.asked == pass {
            return None;
        }
        match self.links {
            Links::Read { at } => (self.in_doubt || (held > 0 && now.since(at) >= VERIFY)).then_some(at),
            Links::Unread => self.in_doubt.then(Moment::default),
            Links::Failed { .. } => None,
        }
    }

    /// How many links are to be read.
    pub(super) fn cost(&self) -> u64 {
        // Where the first one is denied the others are not tried.
        let is_denied = matches!(self.links, Links::Failed { fault, .. } if fault.unknown == Unknown::Denied);
        let links = if is_denied { 0 } else { self.holder.fds.unwrap_or(0) };
        links.max(LEAST_LINKS)
    }

    /// Of the questions `fresh`, ascending by inode, those that its memory answers.
    pub(super) fn recall(&self, fresh: &[(u32, At)], found: &mut Vec<At>) {
        let (Some(&first), Some(&last)) = (self.inodes.first(), self.inodes.last()) else { return };
        // What is new has a higher inode than anything that was open when the links were read.
        let from = fresh.partition_point(|&(inode, _)| inode < first);
        let to = fresh.partition_point(|&(inode, _)| inode <= last);
        let mut rest = &self.inodes[..];
        for &(inode, at) in fresh.get(from..to).unwrap_or(&[]) {
            let skip = gallop(rest, inode);
            rest = &rest[skip..];
            match rest.first() {
                None => return,
                Some(&next) if next == inode => found.push(at),
                Some(_) => {}
            }
        }
    }
}

/// How many of `sorted` are below `inode`: cheap where that is few.
fn gallop(sorted: &[u32], inode: u32) -> usize {
    let mut step = 1;
    while sorted.get(step).is_some_and(|&other| other < inode) {
        step *= 2;
    }
    let within = &sorted[..sorted.len().min(step + 1)];
    within.partition_point(|&other| other < inode)
}

/// The allowance for doubts: so many links a second, some saved up.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    paid_until: Moment,
}

/// Each link that a doubt costs uses up this much time: 200 links, half a millisecond, a second.
const DOUBT_LINK: Duration = Duration::from_millis(5);
/// So much unused time is saved up for later: 4,000 links, ten milliseconds.
const DOUBT_SAVED: Duration = Duration::from_secs(20);

impl Allowance {
    /// Whether any is left.
    pub(super) fn is_left(&mut self, now: Moment) -> bool {
        self.paid_until = self.paid_until.max(now - DOUBT_SAVED);
        self.paid_until <= now
    }

    pub(super) fn pay(&mut self, links: u64) {
        self.paid_until = self.paid_until + DOUBT_LINK * u32::try_from(links).unwrap_or(u32::MAX);
    }
}
