//! Whose socket is it? The kernel lists sockets with an inode, and descriptors with an inode, but
//! not who holds what: that takes the links of a process's descriptors, at 2 us each.
//!
//! So the answer is remembered, by the socket's cookie, and links are read only when something
//! new has to be explained, and only of processes that could explain it:
//!
//! - a process is read when it is first seen, when that failed, and when its user changed;
//! - a new socket makes those candidates be read (same user; root may act in any name) that have
//!   opened something since the pass before: whose count rose, or fell by less than the sockets
//!   they lost;
//! - a socket that this does not explain is nobody's from then on, costs one look-up a pass, and
//!   leaves its other candidates in doubt: one of them may have closed a file and opened it;
//! - in doubt, too, is who let go of more descriptors than its lost sockets (a shared or passed one
//!   lives on elsewhere), and who was not read for long (`VERIFY`).
//!
//! Doubts are settled at once, but only within a small allowance of links (`DOUBT_LINK`), so that a
//! bystander who opens a thousand connections a second, or a process that opens and closes files all
//! day, does not cost a walk over all descriptors each time. What was missed in the meantime is
//! found when the doubt is settled or the process is read for another reason. A measure that cannot
//! be undone is therefore never based on this memory (see `Sampler::fresh`).
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

/// Every holder of sockets is in doubt this long after it was read.
const VERIFY: Duration = Duration::from_secs(30 * 60);
/// Each link that a doubt costs uses up this much time: 200 links, half a millisecond, a second.
const DOUBT_LINK: Duration = Duration::from_millis(5);
/// So much unused time is saved up for later: 4,000 links, ten milliseconds.
const DOUBT_SAVED: Duration = Duration::from_secs(20);
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
    Read { at: Moment },
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
    /// It may hold other sockets than remembered.
    in_doubt: bool,
    /// How many of its sockets are no more since the pass before.
    vanished: u64,
    /// The cookies that its last reading gave it; some may be gone by now.
    held: Vec<u64>,
}

impl Books {
    /// It must be read before anything can be said about it.
    fn is_due(&self, now: Moment) -> bool {
        match self.links {
            Links::Unread => true,
            Links::Failed { at, fault } => fault.unknown != Unknown::Denied || now.since(at) >= RETRY_DENIED,
            Links::Read { .. } => self.changed_user,
        }
    }

    fn has_opened_something(&self) -> bool {
        self.fds_before.zip(self.holder.fds).is_none_or(|(before, now)| now + self.vanished > before)
    }

    fn has_let_go_of_more_than_vanished(&self) -> bool {
        self.fds_before.zip(self.holder.fds).is_some_and(|(before, now)| now + self.vanished < before)
    }

    /// Since when it has been in doubt, as far as that matters for who comes first.
    fn doubt(&self, now: Moment, pass: u32) -> Option<Moment> {
        let Links::Read { at } = self.links else { return None };
        let old = now.since(at) >= VERIFY && !self.held.is_empty();
        ((self.in_doubt || old) && self.asked != pass).then_some(at)
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
    /// Up to when the allowance for doubts is used up.
    doubts_paid_until: Moment,
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
        self.explain(dump, links);
        self.settle_doubts(dump, links);
        // Who turned out to have let go of a socket leaves the question who has it now.
        self.explain(dump, links);
        self.settle_doubts(dump, links);
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
            in_doubt: false,
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

    /// Reads those of whom nothing is known yet.
    fn read_due(&mut self, dump: &[Socket], links: &mut ReadLinks<'_>) {
        for slot in 0..self.books.len() {
            let Some(books) = &mut self.books[slot] else { continue };
            books.in_doubt |= books.has_let_go_of_more_than_vanished() && !books.held.is_empty();
            if books.is_due(self.now) {
                self.read(slot, dump, links);
            }
        }
    }

    /// Reads the candidates for the open questions that have opened something. What remains open
    /// is nobody's, but not beyond doubt.
    fn explain(&mut self, dump: &[Socket], links: &mut ReadLinks<'_>) {
        if self.claims.take_reopened() {
            self.wanted.clear();
            self.wanted.extend(0..dump.len());
        }
        self.wanted.retain(|&at| self.claims.is_open(&dump[at]));
        for slot in 0..self.books.len() {
            let Some(books) = &mut self.books[slot] else { continue };
            if books.asked == self.pass || !matches!(books.links, Links::Read { .. }) {
                continue;
            }
            let may_hold = |&at: &usize| books.holder.may_hold(dump[at].uid);
            // Who is in doubt may have opened, just after it was counted, what was new a pass ago.
            let asked_for = self.wanted.iter().any(may_hold) || books.in_doubt;
            if asked_for && books.has_opened_something() {
                self.read(slot, dump, links);
                self.wanted.retain(|&at| self.claims.is_open(&dump[at]));
            }
        }
        for books in self.books.iter_mut().flatten().filter(|books| books.asked != self.pass) {
            books.in_doubt |= self.wanted.iter().any(|&at| books.holder.may_hold(dump[at].uid));
        }
        for at in self.wanted.drain(..) {
            self.claims.settle(dump[at].cookie);
        }
    }

    /// Reads who is in doubt, longest unread first, as far as the allowance goes.
    fn settle_doubts(&mut self, dump: &[Socket], links: &mut ReadLinks<'_>) {
        self.doubts_paid_until = self.doubts_paid_until.max(self.now - DOUBT_SAVED);
        while self.doubts_paid_until <= self.now {
            let seats = self.books.iter().enumerate();
            let doubts = seats.filter_map(|(slot, books)| Some((books.as_ref()?.doubt(self.now, self.pass)?, slot)));
            let Some((_, slot)) = doubts.min() else { return };
            let fds = self.books[slot].as_ref().and_then(|books| books.holder.fds);
            let cost = DOUBT_LINK * u32::try_from(fds.unwrap_or(0)).unwrap_or(u32::MAX).max(10);
            self.doubts_paid_until = self.doubts_paid_until + cost;
            self.read(slot, dump, links);
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
                (books.links, books.in_doubt) = (Links::Read { at: self.now }, false);
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
