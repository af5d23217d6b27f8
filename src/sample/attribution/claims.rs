//! Cookie -> who holds it: the memory of [`Attribution`](super::Attribution).
//!
//! A socket without holder is an open question until everybody who could hold it was asked; then it is
//! settled that nobody does, which is what keeps the sockets of bystanders cheap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Slot;
use crate::kernel::sock_diag::{Socket, States, TcpState};

/// Spreads numbers that the kernel counts up by itself: nobody outside chooses them, so there is
/// nobody to defend the table against, and each socket is looked up in each list that is not as before.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    /// 2^64 divided by the golden ratio. The table uses bits of both ends, the product is good at
    /// its upper end only.
    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

#[derive(Debug)]
enum Holders {
    Nobody,
    One([Slot; 1]),
    /// Forked processes share.
    Many(Vec<Slot>),
}

impl Holders {
    fn as_slice(&self) -> &[Slot] {
        match self {
            Self::Nobody => &[],
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }

    /// Whether `slot` is new. Two descriptors of one process on one socket are one claim.
    fn add(&mut self, slot: Slot) -> bool {
        if self.as_slice().contains(&slot) {
            return false;
        }
        match self {
            Self::Nobody => *self = Self::One([slot]),
            Self::One([other]) => *self = Self::Many(vec![*other, slot]),
            Self::Many(many) => many.push(slot),
        }
        true
    }

    /// Whether `slot` was one.
    fn remove(&mut self, slot: Slot) -> bool {
        if !self.as_slice().contains(&slot) {
            return false;
        }
        match self {
            Self::Nobody | Self::One(_) => *self = Self::Nobody,
            Self::Many(many) => {
                many.retain(|&other| other != slot);
                if let [one] = many[..] {
                    *self = Self::One([one]);
                }
            }
        }
        true
    }
}

/// Where a claim stands; stable while its socket is remembered.
pub(super) type At = u32;

#[derive(Debug)]
struct Claim {
    cookie: u64,
    inode: u32,
    uid: u32,
    /// The pass whose dump last listed it.
    seen: u32,
    state: TcpState,
    /// Nobody holds it, as far as can be told.
    settled: bool,
    /// It stands for a socket.
    live: bool,
    holders: Holders,
}

impl Claim {
    fn is_open(&self) -> bool {
        self.live && self.inode != 0 && !self.settled && self.holders.as_slice().is_empty()
    }
}

/// What a socket of the dump is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Listed before in the same dump.
    Twice,
    /// Nothing to ask.
    Known,
    /// It is not known who holds it, since now or since an earlier pass.
    New(At),
    Open(At),
}

/// What a slot has of them.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    held: u32,
    vanished: u32,
}

#[derive(Debug, Default)]
pub(super) struct Claims {
    pass: u32,
    claims: Vec<Claim>,
    free: Vec<At>,
    by_cookie: Numbered<u64, At>,
    by_inode: Numbered<u32, At>,
    /// The claims of this pass's dump, in its order.
    order: Vec<At>,
    shares: Vec<Share>,
    /// Those that lost their last holder and live on.
    reopened: Vec<At>,
    /// How often a socket was looked up.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Claims {
    pub(super) fn open(&mut self, pass: u32) {
        self.pass = pass;
        self.order.clear();
        self.stand();
    }

    /// This pass's dump is that of the last one.
    pub(super) fn stand(&mut self) {
        self.shares.iter_mut().for_each(|share| share.vanished = 0);
    }

    /// Notes that the dump lists `socket`. One that was accepted or closed since the last dump has
    /// another inode: its claims are void.
    pub(super) fn see(&mut self, socket: &Socket) -> Seen {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let Some(&at) = self.by_cookie.get(&socket.cookie) else {
            let at = self.insert(socket);
            self.order.push(at);
            return if socket.inode == 0 { Seen::Known } else { Seen::New(at) };
        };
        let Some(claim) = self.claims.get_mut(at as usize) else { return Seen::Twice };
        if claim.seen == self.pass {
            return Seen::Twice;
        }
        claim.seen = self.pass;
        claim.state = socket.state;
        self.order.push(at);
        if claim.inode == socket.inode {
            return if claim.is_open() { Seen::Open(at) } else { Seen::Known };
        }
        self.void(at);
        let claim = &mut self.claims[at as usize];
        (claim.inode, claim.uid, claim.settled) = (socket.inode, socket.uid, false);
        if socket.inode == 0 {
            return Seen::Known;
        }
        self.by_inode.insert(socket.inode, at);
        Seen::New(at)
    }

    fn insert(&mut self, socket: &Socket) -> At {
        let &Socket { cookie, inode, uid, state, .. } = socket;
        let (seen, holders) = (self.pass, Holders::Nobody);
        let claim = Claim { cookie, inode, uid, seen, state, settled: false, live: true, holders };
        let at = match self.free.pop() {
            Some(at) => {
                self.claims[at as usize] = claim;
                at
            }
            None => {
                self.claims.push(claim);
                At::try_from(self.claims.len() - 1).unwrap_or(At::MAX)
            }
        };
        self.by_cookie.insert(cookie, at);
        if inode != 0 {
            self.by_inode.insert(inode, at);
        }
        at
    }

    /// Its inode is another's, and nobody holds it any more.
    fn void(&mut self, at: At) {
        let claim = &mut self.claims[at as usize];
        for &slot in claim.holders.as_slice() {
            if let Some(share) = self.shares.get_mut(slot) {
                share.held = share.held.saturating_sub(1);
                share.vanished += 1;
            }
        }
        claim.holders = Holders::Nobody;
        if self.by_inode.get(&claim.inode) == Some(&at) {
            self.by_inode.remove(&claim.inode);
        }
    }

    /// Forgets the sockets in a state that the dump was `complete` in and did not list.
    pub(super) fn forget(&mut self, complete: States) {
        if self.by_cookie.len() == self.order.len() {
            return;
        }
        for at in 0..At::try_from(self.claims.len()).unwrap_or(At::MAX) {
            let claim = &self.claims[at as usize];
            if claim.live && claim.seen != self.pass && complete.has(claim.state) {
                self.void(at);
                let claim = &mut self.claims[at as usize];
                claim.live = false;
                self.by_cookie.remove(&claim.cookie);
                self.free.push(at);
            }
        }
    }

    /// Of the socket at this place of the dump.
    pub(super) fn at(&self, place: usize) -> Option<At> {
        self.order.get(place).copied()
    }

    pub(super) fn holders(&self, at: At) -> &[Slot] {
        self.claims.get(at as usize).map_or(&[], |claim| claim.holders.as_slice())
    }

    pub(super) fn is_open(&self, at: At) -> bool {
        self.claims.get(at as usize).is_some_and(Claim::is_open)
    }

    pub(super) fn uid(&self, at: At) -> u32 {
        self.claims[at as usize].uid
    }

    /// The open questions of this pass's dump.
    pub(super) fn listed_open(&self) -> impl Iterator<Item = At> {
        self.order.iter().copied().filter(|&at| self.is_open(at))
    }

    /// How many of them `slot` holds.
    pub(super) fn held(&self, slot: Slot) -> u32 {
        self.shares.get(slot).map_or(0, |share| share.held)
    }

    /// How many of its sockets are no more since the pass before.
    pub(super) fn vanished(&self, slot: Slot) -> u32 {
        self.shares.get(slot).map_or(0, |share| share.vanished)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_cookie.len() + self.free.len(), self.claims.len());
        assert!(self.by_inode.len() <= self.by_cookie.len());
        self.by_cookie.len()
    }

    /// Everybody who may hold it was asked.
    pub(super) fn settle(&mut self, at: At) {
        if let Some(claim) = self.claims.get_mut(at as usize) {
            claim.settled = true;
        }
    }

    /// Puts those sockets in `reopened` that lost their last holder since this was last asked: who has them now
    /// is an open question.
    pub(super) fn take_reopened(&mut self, reopened: &mut Vec<At>) {
        reopened.clear();
        reopened.append(&mut self.reopened);
    }

    /// `slot` holds it. Whether that is news, and it was nobody's.
    pub(super) fn add(&mut self, at: At, slot: Slot) -> bool {
        let Some(claim) = self.claims.get_mut(at as usize) else { return false };
        let was_nobodys = claim.holders.as_slice().is_empty();
        if !claim.holders.add(slot) {
            return false;
        }
        if self.shares.len() <= slot {
            self.shares.resize(slot + 1, Share::default());
        }
        self.shares[slot].held += 1;
        was_nobodys
    }

    /// `slot`, which held the sockets with the inodes `before`, now holds those in `now`. Both are
    /// ascending. How many of them nobody was known to hold.
    pub(super) fn renew(&mut self, slot: Slot, before: &[u32], now: &[u32]) -> usize {
        let mut found = 0;
        for inode in now {
            if let Some(&at) = self.by_inode.get(inode) {
                found += usize::from(self.add(at, slot));
            }
        }
        let left = before.iter().filter(|inode| now.binary_search(inode).is_err());
        left.for_each(|inode| self.take_from(slot, *inode));
        found
    }

    /// `slot` is no holder any more of what has these inodes.
    pub(super) fn release(&mut self, slot: Slot, inodes: &[u32]) {
        inodes.iter().for_each(|inode| self.take_from(slot, *inode));
    }

    /// A socket that lives on without its holder is somebody else's now.
    fn take_from(&mut self, slot: Slot, inode: u32) {
        let Some(&at) = self.by_inode.get(&inode) else { return };
        let Some(claim) = self.claims.get_mut(at as usize) else { return };
        if !claim.holders.remove(slot) {
            return;
        }
        if let Some(share) = self.shares.get_mut(slot) {
            share.held = share.held.saturating_sub(1);
        }
        if claim.holders.as_slice().is_empty() {
            claim.settled = false;
            self.reopened.push(at);
        }
    }
}
