//! Whose socket is it? The kernel lists sockets with an inode, and descriptors with an inode, but
//! not who holds what: that takes the links of a process's descriptors, at 2 us each.
//!
//! So the answer is remembered, by the socket's cookie; so are the inodes of all sockets that a process
//! had when its links were last read, for a socket that is new in a list has often been open for long.
//! Links are read only when something new has to be explained that this does not explain, and only of
//! processes that could explain it:
//!
//! - a process is read when it is first seen, when that failed, and when its user or program changed;
//! - a new socket makes those candidates be read (same user; root may act in any name) whose number of
//!   descriptors is another than when they were read, those of their sockets that are gone allowed for:
//!   who opened most comes first, and who was read for nothing needs to have opened more the next time;
//! - a socket that this does not explain is nobody's from then on, costs one look-up a list that is not as before, and
//!   leaves its other candidates in doubt: one of them may have closed a file and opened it;
//! - in doubt, too, is who let go of more descriptors than its lost sockets (a shared or passed one
//!   lives on elsewhere), and who was not read for long (`VERIFY`).
//!
//! In one pass no more links are read than `MOST_LINKS`, or of one process alone. A candidate for whom
//! that was not enough is owed an answer: until it is read, a socket that may be its own is an open
//! question, and its count a lower bound ([`Attribution::owed`]).
//!
//! Doubts are settled at once, but only within a small allowance of links (`Allowance`), so that a
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
use crate::kernel::sock_diag::{Socket, States, TcpState};
use crate::model::{Identity, Moment, Unknown};

mod asking;
mod books;
mod claims;
mod terms;
#[cfg(test)]
mod tests;

use books::{Allowance, Books, Links};
use claims::{At, Claims, Seen};
pub use terms::{Holder, Listed, ReadLinks, Slot, Whose};

/// Every holder of sockets is in doubt this long after it was read.
const VERIFY: Duration = Duration::from_secs(30 * 60);
/// A right that is missing is not back in the next second.
const RETRY_DENIED: Duration = Duration::from_secs(10);
/// No more links are read in a pass for sockets that are not explained: 50 milliseconds.
const MOST_LINKS: u64 = 20_000;
/// Nor of processes that are new, while there is nothing to explain: 5 milliseconds.
const CALM_LINKS: u64 = 2_000;

/// Who holds which socket.
#[derive(Debug, Default)]
pub struct Attribution {
    pass: u32,
    now: Moment,
    claims: Claims,
    books: Vec<Option<Books>>,
    slots: HashMap<Identity, Slot>,
    /// The slot of each of this pass's holders, and of the pass before.
    order: Vec<Slot>,
    before: Vec<Slot>,
    /// The states in which the last list had all there were.
    complete: States,
    /// Whether a question was left open.
    is_open: bool,
    /// Sockets that are new in the list, by inode.
    fresh: Vec<(u32, At)>,
    /// Sockets that candidates are to be asked for, and their uids, ascending.
    wanted: Vec<At>,
    uids: Vec<u32>,
    /// Those of them that nobody could be asked for in an earlier pass, and their uids, ascending.
    news: Vec<At>,
    new_uids: Vec<u32>,
    /// Who may be asked for them, the most promising one last.
    turns: Vec<(Turn, Slot)>,
    /// Links that this pass has read.
    spent: u64,
    doubts: Allowance,
    /// Uids whose sockets may belong to somebody who could not be read.
    blind: Vec<(u32, u32)>,
    inodes: Vec<u64>,
    found: Vec<At>,
    swap: Vec<u32>,
}

/// Why a holder is read, in ascending order of promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// It has never been, or not as it is now.
    Due(u64),
    /// Its count moved by so much.
    Moved(i64),
}

impl Attribution {
    /// Takes in a complete dump of the sockets in some states that have an owner, and who may hold
    /// them.
    pub fn update(&mut self, now: Moment, listed: Listed<'_>, links: &mut ReadLinks<'_>) {
        let Listed { sockets, complete, same, holders } = listed;
        self.pass = self.pass.wrapping_add(1);
        self.now = now;
        self.spent = 0;
        self.dismiss(holders);
        if same && complete == self.complete && !self.is_open {
            self.stand();
        } else {
            self.take_in(sockets, complete);
        }
        self.weigh();
        self.recall();
        self.explain(links);
        // Who turned out to have let go of a socket leaves the question who has it now.
        self.claims.take_reopened(&mut self.news);
        if !self.news.is_empty() {
            self.wanted.clear();
            self.wanted.extend(self.claims.listed_open());
            self.explain(links);
        }
        self.decide();
        self.note_blind();
    }

    /// The slot of the holder at `index`, or why its sockets are not known.
    pub fn slot(&self, index: usize) -> Result<Slot, Fault> {
        let slot = self.seat_of(index).ok_or(Fault::GONE)?;
        match self.of(slot).map(|books| books.links) {
            Some(Links::Read { .. } | Links::Unread) => Ok(slot),
            Some(Links::Failed { fault, .. }) => Err(fault),
            None => Err(Fault::GONE),
        }
    }

    /// The slot of the holder at `index`, whether its sockets are known or not.
    pub fn seat_of(&self, index: usize) -> Option<Slot> {
        self.order.get(index).copied()
    }

    /// The slot of this process, if it is a holder.
    pub fn slot_of(&self, identity: &Identity) -> Option<Slot> {
        self.slots.get(identity).copied()
    }

    /// Whether the holder at `index` may have a socket that is an open question.
    pub fn owed(&self, index: usize) -> Option<&Holder> {
        let books = self.of(self.seat_of(index)?)?;
        books.owed.then_some(&books.holder)
    }

    /// Whether the holder at `index` has fewer sockets than before, some or all of them: it closed
    /// them, or it died.
    pub fn lost_some(&self, index: usize) -> bool {
        self.seat_of(index).is_some_and(|slot| self.claims.vanished(slot) > 0)
    }

    /// Whose the socket at this place of the last dump is.
    pub fn whose(&self, place: usize, socket: &Socket) -> Whose<'_> {
        if socket.inode == 0 {
            // Past these states an inode is missing because the process has closed the socket.
            let waits = matches!(socket.state, TcpState::Established | TcpState::CloseWait);
            return if waits { Whose::Unclear } else { Whose::Nobody };
        }
        let Some(at) = self.claims.at(place) else { return Whose::Nobody };
        match self.claims.holders(at) {
            [] if self.claims.is_open(at) => Whose::Open(socket.uid),
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

    fn of(&self, slot: Slot) -> Option<&Books> {
        self.books.get(slot)?.as_ref()
    }

    /// Seats who is new, and lets go of who is no holder any more.
    fn dismiss(&mut self, holders: &[Holder]) {
        std::mem::swap(&mut self.order, &mut self.before);
        self.order.clear();
        for (index, holder) in holders.iter().enumerate() {
            let slot = self.slot_before(index, holder).unwrap_or_else(|| self.seat(*holder));
            self.order.push(slot);
            let Some(books) = self.books.get_mut(slot).and_then(Option::as_mut) else { continue };
            // A process may be a member of several targets: the first mention counts.
            if books.seen != self.pass {
                if books.holder.program != holder.program {
                    // What was open may have been closed by the exec.
                    self.claims.release(slot, &books.inodes);
                    (books.links, books.inodes) = (Links::Unread, Vec::new());
                }
                books.meet(*holder, index, self.pass);
            }
        }
        for (slot, seat) in self.books.iter_mut().enumerate() {
            if let Some(books) = seat.take_if(|books| books.seen != self.pass) {
                self.slots.remove(&books.holder.identity);
                self.claims.release(slot, &books.inodes);
            }
        }
    }

    /// The slot of a holder that has one: most stand where they stood in the pass before.
    fn slot_before(&self, index: usize, holder: &Holder) -> Option<Slot> {
        let is_its = |slot: &Slot| self.of(*slot).is_some_and(|books| books.holder.identity == holder.identity);
        let before = self.before.get(index).copied().filter(is_its);
        before.or_else(|| self.slot_of(&holder.identity))
    }

    fn seat(&mut self, holder: Holder) -> Slot {
        let slot = self.books.iter().position(Option::is_none).unwrap_or(self.books.len());
        if slot == self.books.len() {
            self.books.push(None);
        }
        self.books[slot] = Some(Books::new(holder, self.pass.wrapping_sub(1)));
        self.slots.insert(holder.identity, slot);
        slot
    }

    fn take_in(&mut self, dump: &mut Vec<Socket>, complete: States) {
        let Self { claims, fresh, wanted, news, .. } = self;
        claims.open(self.pass);
        self.complete = complete;
        fresh.clear();
        wanted.clear();
        news.clear();
        dump.retain(|socket| {
            let seen = claims.see(socket);
            match seen {
                Seen::New(at) => {
                    fresh.push((socket.inode, at));
                    wanted.push(at);
                    news.push(at);
                }
                Seen::Open(at) => wanted.push(at),
                Seen::Known | Seen::Twice => {}
            }
            seen != Seen::Twice
        });
        claims.forget(complete);
    }

    /// What was listed is what was listed before, of which nothing is left to be asked.
    fn stand(&mut self) {
        self.claims.stand();
        self.fresh.clear();
        self.wanted.clear();
        self.news.clear();
    }

    fn weigh(&mut self) {
        for (slot, books) in self.books.iter_mut().enumerate() {
            if let Some(books) = books {
                books.weigh(self.claims.vanished(slot), self.claims.held(slot));
            }
        }
    }

    /// Answers what can be answered from memory.
    fn recall(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        self.fresh.sort_unstable();
        for (slot, books) in self.books.iter().enumerate() {
            let Some(books) = books else { continue };
            self.found.clear();
            books.recall(&self.fresh, &mut self.found);
            for &at in &self.found {
                self.claims.add(at, slot);
            }
        }
    }

    /// Leaves open what somebody may hold who could not be asked; the rest is nobody's.
    fn decide(&mut self) {
        self.note_wanted();
        self.blind.clear();
        for books in self.books.iter_mut().flatten() {
            let unasked = books.asked != self.pass && (books.has_moved() || books.is_unread());
            books.owed = unasked && books.holder.may_hold_any(&self.uids);
            if books.owed && !self.blind.contains(&books.holder.uids) {
                self.blind.push(books.holder.uids);
            }
        }
        self.is_open = false;
        for at in self.wanted.drain(..) {
            let uid = self.claims.uid(at);
            if self.blind.iter().any(|&(a, b)| [a, b].contains(&uid) || a == 0 || b == 0) {
                self.is_open = true;
            } else {
                self.claims.settle(at);
            }
        }
    }

    /// One in another network namespace holds nothing of this dump, one that is gone nothing, and of
    /// one whose cgroup tells that is all.
    fn note_blind(&mut self) {
        self.blind.clear();
        for books in self.books.iter().flatten() {
            if let Links::Failed { fault, .. } = books.links
                && ![Fault::NAMESPACE, Fault::CGROUP].contains(&fault)
                && fault.unknown != Unknown::Gone
                && !self.blind.contains(&books.holder.uids)
            {
                self.blind.push(books.holder.uids);
            }
        }
    }
}
