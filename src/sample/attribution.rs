//! Whose socket is it? The kernel lists sockets with an inode, and descriptors with an inode, but
//! not who holds what: that takes the links of a process's descriptors, at 2 us each.
//!
//! So the answer is remembered, by the socket's cookie, and links are read only when something
//! new has to be explained, and only of processes that could explain it:
//!
//! - a process is read when it is first seen, when that failed, and when its user changed;
//! - a new socket makes those candidates be read (same user; root may act in any name) whose
//!   descriptor count moved; if that does not explain it, the other candidates, once;
//! - a socket that no candidate holds is nobody's from then on and costs one look-up a pass;
//! - a process whose count fell by more than the sockets it lost has let go of something that
//!   lives on elsewhere (a fork, a passed descriptor): it is read again;
//! - as a last resort each is read again after [`VERIFY`].
//!
//! What may stay unseen until then: a known socket that is passed to a process, or is let go of
//! while another descriptor is opened between the same two passes. A measure that cannot be undone
//! is therefore never based on this memory (see `Sampler::fresh`).
//!
//! What belongs here: that bookkeeping. What does not: reading links (a closure does), counting
//! (`tally` does), clocks.

use std::collections::HashMap;
use std::time::Duration;

use super::fault::Fault;
use crate::kernel::sock_diag::{Socket, TcpState};
use crate::model::{Identity, Moment, Unknown};

mod claims;
#[cfg(test)]
mod tests;

use claims::{Claims, Seen};

/// Every holder of sockets is read again after this at the latest, one a pass.
const VERIFY: Duration = Duration::from_secs(30 * 60);
/// A right that is missing is not back in the next second.
const RETRY_DENIED: Duration = Duration::from_secs(10);

/// A process that sockets may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub identity: Identity,
    /// Real and effective uid.
    pub uids: (u32, u32),
    /// Its open descriptors, counted no later than the dump was taken; none where unknown.
    pub fds: Option<u64>,
}

impl Holder {
    fn may_hold(&self, uid: u32) -> bool {
        let (real, effective) = self.uids;
        real == uid || effective == uid || real == 0 || effective == 0
    }
}

/// Reads the links of the holder with this index: appends the inodes of all its sockets.
pub type ReadLinks<'a> = dyn FnMut(usize, &mut Vec<u64>) -> Result<(), Fault> + 'a;

/// The seat of a process in the books, stable while it is a holder.
pub type Slot = usize;

#[derive(Clone, Copy, Debug)]
enum Links {
    Unread,
    Read { at: Moment, fds: Option<u64> },
    Failed { at: Moment, fault: Fault },
}

#[derive(Debug)]
struct Books {
    holder: Holder,
    /// Where it stands among this pass's holders.
    index: usize,
    /// The pass it was last a holder in.
    seen: u32,
    /// The pass its links were last asked for.
    asked: u32,
    fds_before: Option<u64>,
    links: Links,
    /// It runs as another user than in the pass before: what it opened as that one is its own too.
    changed_user: bool,
    /// How many of its sockets are no more since the pass before.
    vanished: u64,
    /// The cookies that its last reading gave it; some may be gone by now.
    held: Vec<u64>,
}

impl Books {
    fn let_go_of_more_than_vanished(&self) -> bool {
        let fell = self.fds_before.zip(self.holder.fds).map_or(0, |(before, now)| before.saturating_sub(now));
        fell > self.vanished && !self.held.is_empty()
    }

    fn has_moved(&self) -> bool {
        match self.links {
            Links::Read { fds: Some(then), .. } => self.holder.fds != Some(then) || self.vanished > 0,
            Links::Read { fds: None, .. } | Links::Unread | Links::Failed { .. } => true,
        }
    }
}

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// These hold it.
    Of(&'a [Slot]),
    /// No holder does.
    Nobody,
    /// It cannot be said: it waits to be accepted, or a process that may hold it cannot be read.
    Unclear,
}

/// Who holds which socket.
#[derive(Debug, Default)]
pub struct Attribution {
    pass: u32,
    now: Moment,
    claims: Claims,
    books: Vec<Option<Books>>,
    slots: HashMap<Identity, Slot>,
    /// The slot of each of this pass's holders.
    order: Vec<Slot>,
    /// Sockets that candidates are to be asked for, as indexes into the dump.
    wanted: Vec<usize>,
    /// Uids whose sockets may belong to somebody who could not be read.
    blind: Vec<(u32, u32)>,
    inodes: Vec<u64>,
}

impl Attribution {
    /// Takes in a complete dump of the sockets in states that have an owner, and who may hold
    /// them. A socket that the dump lists twice is left in it once.
    pub fn update(&mut self, now: Moment, (dump, holders): (&mut Vec<Socket>, &[Holder]), links: &mut ReadLinks<'_>) {
        self.pass = self.pass.wrapping_add(1);
        self.now = now;
        self.admit(holders);
        self.dismiss();
        self.take_in(dump);
        self.read_due(dump, links);
        if self.claims.take_reopened() {
            self.wanted.clear();
            self.wanted.extend((0..dump.len()).filter(|&at| self.claims.is_open(&dump[at])));
        }
        self.explain(dump, links);
        self.note_blind();
    }

    /// The slot of the holder at `index`, or why its sockets are not known.
    pub fn slot(&self, index: usize) -> Result<Slot, Fault> {
        let slot = self.order.get(index).copied().ok_or(Fault::GONE)?;
        match self.books.get(slot).and_then(Option::as_ref).map(|books| books.links) {
            Some(Links::Read { .. }) => Ok(slot),
            Some(Links::Failed { fault, .. }) => Err(fault),
            Some(Links::Unread) | None => Err(Fault::GONE),
        }
    }

    /// Whether the holder at `index` has fewer sockets than before, some or all of them: it closed
    /// them, or it died.
    pub fn lost_some(&self, index: usize) -> bool {
        let slot = self.order.get(index).and_then(|&slot| self.books.get(slot));
        slot.and_then(Option::as_ref).is_some_and(|books| books.vanished > 0)
    }

    /// Whose a socket of the last dump is.
    pub fn whose(&self, socket: &Socket) -> Whose<'_> {
        if socket.inode == 0 {
            // Past these states an inode is missing because the process has closed the socket.
            let waits = matches!(socket.state, TcpState::Established | TcpState::CloseWait);
            return if waits { Whose::Unclear } else { Whose::Nobody };
        }
        match self.claims.holders(socket.cookie) {
            [] if self.blind.iter().any(|&(a, b)| a == socket.uid || b == socket.uid || a == 0 || b == 0) => {
                Whose::Unclear
            }
            [] => Whose::Nobody,
            slots => Whose::Of(slots),
        }
    }

    /// Every slot is below this.
    pub fn width(&self) -> usize {
        self.books.len()
    }

    fn admit(&mut self, holders: &[Holder]) {
        self.order.clear();
        for (index, holder) in holders.iter().enumerate() {
            let slot = self.slots.get(&holder.identity).copied().unwrap_or_else(|| self.seat(*holder));
            self.order.push(slot);
            let Some(books) = self.books.get_mut(slot).and_then(Option::as_mut) else { continue };
            // A process may be a member of several targets: the first mention counts.
            if books.seen != self.pass {
                books.fds_before = books.holder.fds;
                books.changed_user = books.holder.uids != holder.uids;
                (books.holder, books.index, books.seen, books.vanished) = (*holder, index, self.pass, 0);
            }
        }
    }

    fn seat(&mut self, holder: Holder) -> Slot {
        let slot = self.books.iter().position(Option::is_none).unwrap_or(self.books.len());
        if slot == self.books.len() {
            self.books.push(None);
        }
        let before = self.pass.wrapping_sub(1);
        self.books[slot] = Some(Books {
            holder,
            index: 0,
            seen: before,
            asked: before,
            fds_before: holder.fds,
            links: Links::Unread,
            changed_user: false,
            vanished: 0,
            held: Vec::new(),
        });
        self.slots.insert(holder.identity, slot);
        slot
    }

    fn dismiss(&mut self) {
        for (slot, seat) in self.books.iter_mut().enumerate() {
            if let Some(books) = seat.take_if(|books| books.seen != self.pass) {
                self.slots.remove(&books.holder.identity);
                self.claims.release(slot, &books.held);
            }
        }
    }

    fn take_in(&mut self, dump: &mut Vec<Socket>) {
        let mut lost = |slots: &[Slot]| {
            for &slot in slots {
                if let Some(books) = self.books.get_mut(slot).and_then(Option::as_mut) {
                    books.vanished += 1;
                }
            }
        };
        self.claims.open(self.pass);
        self.wanted.clear();
        let mut at = 0;
        dump.retain(|socket| {
            let seen = self.claims.see(socket, &mut lost);
            if seen == Seen::Open {
                self.wanted.push(at);
            }
            at += usize::from(seen != Seen::Twice);
            seen != Seen::Twice
        });
        self.claims.forget(&mut lost);
    }

    /// Reads those who are due whatever the sockets say.
    fn read_due(&mut self, dump: &[Socket], links: &mut ReadLinks<'_>) {
        let mut oldest = None;
        for slot in 0..self.books.len() {
            let Some(books) = &self.books[slot] else { continue };
            let due = match books.links {
                Links::Unread => true,
                Links::Failed { at, fault } => fault.unknown != Unknown::Denied || self.now.since(at) >= RETRY_DENIED,
                Links::Read { at, .. } => {
                    let late = self.now.since(at) >= VERIFY && !books.held.is_empty();
                    if late && oldest.is_none_or(|(then, _)| at < then) {
                        oldest = Some((at, slot));
                    }
                    books.changed_user || books.let_go_of_more_than_vanished()
                }
            };
            if due {
                self.read(slot, dump, links);
            }
        }
        if let Some((_, slot)) = oldest {
            self.read(slot, dump, links);
        }
    }

    /// Reads candidates for the sockets that are asked for: first those whose descriptors moved,
    /// then, for what that leaves unexplained, the others.
    fn explain(&mut self, dump: &[Socket], links: &mut ReadLinks<'_>) {
        self.wanted.retain(|&at| self.claims.is_open(&dump[at]));
        for only_moved in [true, false] {
            for slot in 0..self.books.len() {
                let Some(books) = &self.books[slot] else { continue };
                let can_tell = matches!(books.links, Links::Read { .. }) && books.asked != self.pass;
                if can_tell
                    && (books.has_moved() || !only_moved)
                    && self.wanted.iter().any(|&at| books.holder.may_hold(dump[at].uid))
                {
                    self.read(slot, dump, links);
                    self.wanted.retain(|&at| self.claims.is_open(&dump[at]));
                }
            }
        }
        for &at in &self.wanted {
            self.claims.settle(dump[at].cookie);
        }
    }

    /// Reads the links of one holder.
    fn read(&mut self, slot: Slot, dump: &[Socket], links: &mut ReadLinks<'_>) {
        let Some(books) = self.books.get_mut(slot).and_then(Option::as_mut) else { return };
        books.asked = self.pass;
        self.inodes.clear();
        match links(books.index, &mut self.inodes) {
            Err(fault) => books.links = Links::Failed { at: self.now, fault },
            Ok(()) => {
                books.links = Links::Read { at: self.now, fds: books.holder.fds };
                self.claims.index(dump);
                self.claims.renew(slot, &self.inodes, &mut books.held);
            }
        }
    }

    /// One in another network namespace holds nothing of this dump, and one that is gone nothing.
    fn note_blind(&mut self) {
        self.blind.clear();
        for books in self.books.iter().flatten() {
            if let Links::Failed { fault, .. } = books.links
                && fault != Fault::NAMESPACE
                && fault.unknown != Unknown::Gone
                && !self.blind.contains(&books.holder.uids)
            {
                self.blind.push(books.holder.uids);
            }
        }
    }
}
