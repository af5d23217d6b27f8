//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! A hash is slow on purpose, so whoever tries passwords must cost neither the processor nor the
//! other clients their time: one is compared at a time, by a thread of its own; a wrong one is
//! followed by a pause nine times as long, so that all guessing together takes a tenth of one
//! processor; few wait for that, one an address. A password that was right is remembered, not in
//! the clear, so that a scrape costs one hash in the life of the daemon.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::config::{PasswordHash, WebUser};

/// So many passwords that were right are remembered.
const KNOWN: usize = 100;
/// So many wait for their password to be compared; further ones are sent away.
const WAITING: usize = 4;
/// How much longer than the comparison the pause after a wrong password is.
const PAUSE: u32 = 9;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered.
    Welcome,
    /// No name and password that belong together.
    Stranger,
    /// Too many are being compared.
    Busy,
}

/// The doorkeeper.
#[derive(Debug)]
pub(super) struct Gate {
    /// Drawn at the start: what is remembered says nothing to anybody else.
    secret: hmac::Key,
    known: Mutex<VecDeque<hmac::Tag>>,
    waiting: Mutex<Vec<IpAddr>>,
    one: Semaphore,
}

/// A name and a password that were given, and the hash that they are held against.
struct Claim {
    password: Vec<u8>,
    hash: PasswordHash,
    tag: hmac::Tag,
    /// Whether there is such a user. If not, somebody else's hash is compared all the same: the
    /// answer, and the time that it takes, do not tell who exists.
    exists: bool,
}

impl Gate {
    pub(super) fn new() -> std::io::Result<Self> {
        let secret = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let secret = secret.map_err(|_| std::io::Error::other("the kernel gives no random bytes"))?;
        Ok(Self { secret, known: Mutex::default(), waiting: Mutex::default(), one: Semaphore::new(1) })
    }

    /// Whether a request from `address` may be answered; everybody's where there are no users.
    pub(super) async fn admit(
        self: &Arc<Self>,
        header: Option<&HeaderValue>,
        (users, address): (&[WebUser], IpAddr),
    ) -> Verdict {
        if users.is_empty() {
            return Verdict::Welcome;
        }
        let Some(claim) = header.and_then(|header| self.claim(header, users)) else { return Verdict::Stranger };
        if self.knows(&claim) {
            return Verdict::Welcome;
        }
        let Some(place) = Place::take(self, address) else { return Verdict::Busy };
        // A task of its own: who asks and hangs up does not get the next comparison the sooner.
        tokio::spawn(place.compare(claim)).await.unwrap_or(Verdict::Busy)
    }

    fn claim(&self, header: &HeaderValue, users: &[WebUser]) -> Option<Claim> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (name, password) = (decoded.get(..colon)?, decoded.get(colon + 1..)?);
        let user = users.iter().find(|user| user.name.as_bytes() == name);
        let hash = user.or(users.first())?.hash.clone();
        let mut parts = hmac::Context::with_key(&self.secret);
        for part in [name, password, hash.reveal().as_bytes()] {
            parts.update(&(part.len() as u64).to_be_bytes());
            parts.update(part);
        }
        Some(Claim { password: password.to_owned(), hash, tag: parts.sign(), exists: user.is_some() })
    }

    fn knows(&self, claim: &Claim) -> bool {
        claim.exists && lock(&self.known).iter().any(|tag| tag.as_ref() == claim.tag.as_ref())
    }

    fn remember(&self, tag: hmac::Tag) {
        let mut known = lock(&self.known);
        known.truncate(KNOWN - 1);
        known.push_front(tag);
    }
}

/// A place among those that wait, given back when it is dropped.
pub(super) struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Place {
    pub(super) fn take(gate: &Arc<Gate>, address: IpAddr) -> Option<Self> {
        let mut waiting = lock(&gate.waiting);
        if waiting.len() >= WAITING || waiting.contains(&address) {
            return None;
        }
        waiting.push(address);
        Some(Self { gate: Arc::clone(gate), address })
    }

    async fn compare(self, claim: Claim) -> Verdict {
        let Ok(_turn) = self.gate.one.acquire().await else { return Verdict::Busy };
        let Claim { password, hash, tag, exists } = claim;
        let begun = Instant::now();
        let same = spawn_blocking(move || bcrypt::verify(password, hash.reveal()).unwrap_or(false)).await;
        if same.unwrap_or(false) && exists {
            self.gate.remember(tag);
            return Verdict::Welcome;
        }
        sleep(begun.elapsed() * PAUSE).await;
        Verdict::Stranger
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.gate.waiting);
        if let Some(index) = waiting.iter().position(|address| *address == self.address) {
            waiting.swap_remove(index);
        }
    }
}

/// Nothing panics while it holds the lock, and what it guards is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
