//! Cookie -> who holds it: the memory of [`Attribution`](super::Attribution).
//!
//! A socket without holder is an open question until its candidates were asked; then it is settled
//! that nobody holds it, which is what keeps the sockets of bystanders cheap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Slot;
use crate::kernel::sock_diag::Socket;

/// Spreads numbers that the kernel counts up by itself: nobody outside chooses them, so there is
/// nobody to defend the table against, and each socket of the host is looked up twice a pass.
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

    fn remove(&mut self, slot: Slot) {
        match self {
            Self::Nobody => {}
            Self::One([one]) if *one != slot => {}
            Self::One(_) => *self = Self::Nobody,
            Self::Many(many) => {
                many.retain(|&other| other != slot);
                if let [one] = many[..] {
                    *self = Self::One([one]);
                }
            }
        }
    }
}

#[derive(Debug)]
struct Claim {
    inode: u32,
    /// The pass whose dump last listed it.
    seen: u32,
    /// Candidates were asked, and none holds it.
    settled: bool,
    holders: Holders,
}

/// What a socket of the dump is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Listed before in the same dump.
    Twice,
    /// Nothing to ask.
    Known,
    /// Its candidates are to be asked.
    Open,
}

#[derive(Debug, Default)]
pub(super) struct Claims {
    pass: u32,
    by_cookie: Numbered<u64, Claim>,
    /// How many different sockets this pass's dump listed.
    listed: usize,
    /// Inode -> cookie of this pass's dump; made when links are first read in a pass.
    by_inode: Numbered<u32, u64>,
    indexed: bool,
    reopened: bool,
}

impl Claims {
    pub(super) fn open(&mut self, pass: u32) {
        (self.pass, self.listed, self.indexed) = (pass, 0, false);
    }

    /// Notes that the dump lists `socket`. One that was accepted or closed since the last dump has
    /// another inode: its claims are void, and `lost` is told whose they were.
    pub(super) fn see(&mut self, socket: &Socket, lost: &mut dyn FnMut(&[Slot])) -> Seen {
        let (pass, inode) = (self.pass, socket.inode);
        let fresh = || Claim { inode, seen: pass.wrapping_sub(1), settled: false, holders: Holders::Nobody };
        let claim = self.by_cookie.entry(socket.cookie).or_insert_with(fresh);
        if claim.seen == pass {
            return Seen::Twice;
        }
        claim.seen = pass;
        self.listed += 1;
        if claim.inode != inode {
            lost(claim.holders.as_slice());
            *claim = Claim { seen: pass, ..fresh() };
        }
        if claim.is_open() { Seen::Open } else { Seen::Known }
    }

    /// Forgets the sockets that the dump did not list, and tells `lost` whose they were.
    pub(super) fn forget(&mut self, lost: &mut dyn FnMut(&[Slot])) {
        if self.by_cookie.len() == self.listed {
            return;
        }
        self.by_cookie.retain(|_, claim| {
            let listed = claim.seen == self.pass;
            if !listed {
                lost(claim.holders.as_slice());
            }
            listed
        });
    }

    pub(super) fn holders(&self, cookie: u64) -> &[Slot] {
        self.by_cookie.get(&cookie).map_or(&[], |claim| claim.holders.as_slice())
    }

    pub(super) fn is_open(&self, socket: &Socket) -> bool {
        self.by_cookie.get(&socket.cookie).is_some_and(Claim::is_open)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_cookie.len()
    }

    /// Everybody who may hold it was asked.
    pub(super) fn settle(&mut self, cookie: u64) {
        if let Some(claim) = self.by_cookie.get_mut(&cookie) {
            claim.settled = true;
        }
    }

    /// Whether a socket lost its last holder since this was last asked: it is an open question.
    pub(super) fn take_reopened(&mut self) -> bool {
        std::mem::take(&mut self.reopened)
    }

    pub(super) fn index(&mut self, dump: &[Socket]) {
        if !self.indexed {
            self.by_inode.clear();
            let held = dump.iter().filter(|socket| socket.inode != 0);
            self.by_inode.extend(held.map(|socket| (socket.inode, socket.cookie)));
            self.indexed = true;
        }
    }

    /// Replaces what `slot` held by the sockets with these inodes; `held` are their cookies.
    pub(super) fn renew(&mut self, slot: Slot, inodes: &[u64], held: &mut Vec<u64>) {
        for cookie in &*held {
            if let Some(claim) = self.by_cookie.get_mut(cookie) {
                claim.holders.remove(slot);
            }
        }
        let before = std::mem::take(held);
        for inode in inodes.iter().filter_map(|&inode| u32::try_from(inode).ok()) {
            let Some(cookie) = self.by_inode.get(&inode) else { continue };
            if let Some(claim) = self.by_cookie.get_mut(cookie)
                && claim.holders.add(slot)
            {
                held.push(*cookie);
            }
        }
        self.reopen(&before);
    }

    /// `slot` is no holder any more.
    pub(super) fn release(&mut self, slot: Slot, held: &[u64]) {
        for cookie in held {
            if let Some(claim) = self.by_cookie.get_mut(cookie) {
                claim.holders.remove(slot);
            }
        }
        self.reopen(held);
    }

    /// A socket that lives on without its holder is somebody else's now.
    fn reopen(&mut self, cookies: &[u64]) {
        for cookie in cookies {
            if let Some(claim) = self.by_cookie.get_mut(cookie)
                && claim.holders.as_slice().is_empty()
            {
                claim.settled = false;
                self.reopened = true;
            }
        }
    }
}

impl Claim {
    fn is_open(&self) -> bool {
        self.inode != 0 && !self.settled && self.holders.as_slice().is_empty()
    }
}
