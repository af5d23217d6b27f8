//! The addresses behind the host names of `[peers]`, as they were last known.
//!
//! What belongs here: which address counts for a name, and for how long. What does not: asking for it, which
//! may take a minute and is done by threads of its own (`resolver`); matching sockets (`tally`).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::kernel;
use crate::model::{HostName, Moment};

mod resolver;
#[cfg(test)]
mod tests;

use resolver::{Answer, Resolver};
pub use resolver::{Lookup, Wake};

/// An address that its name has no more still counts for so long, and for as long as a socket of a process has
/// it: a connection outlives the answer of DNS that led to it.
const KEEP: Duration = Duration::from_secs(3600);
/// No more addresses than this count for a name.
const MOST: usize = 512;
/// That a name that was known cannot be resolved is told after so long: DNS may be down for a while.
const PATIENCE: Duration = Duration::from_secs(600);

/// An address of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    ip: IpAddr,
    /// When its name last had it, or a socket did.
    last: Moment,
}

/// A name, and what is known of it.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    /// By address; none before the first answer.
    addresses: Option<Vec<Address>>,
    /// Why the last attempt failed, since when they fail, and whether that was told.
    failing: Option<(Arc<str>, Moment)>,
    told: bool,
}

/// Something about a name that people should hear once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameNote {
    /// A sentence.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
}

/// All names. They outlive a reload.
#[derive(Default)]
pub(super) struct Names {
    known: Vec<Known>,
    /// Changes whenever an address does.
    version: u64,
    /// How names are resolved, and who is woken by an answer; none where nobody resolves them.
    by: Option<(Lookup, Wake)>,
    resolver: Option<Resolver>,
    /// What could not be started.
    refused: Option<String>,
}

impl Names {
    /// From now on `lookup` answers for the names, on other threads; `wake` is called when there is one.
    pub(super) fn resolve_by(&mut self, lookup: Lookup, wake: Wake) {
        self.by = Some((lookup, wake));
        self.ask();
    }

    /// From now on it is about these names. Of those that stay, everything known stays.
    pub(super) fn follow(&mut self, names: Vec<Arc<str>>) {
        let mut before = std::mem::take(&mut self.known);
        let known = |name: Arc<str>| match before.iter().position(|known| known.name == name) {
            Some(at) => before.swap_remove(at),
            None => Known { name, addresses: None, failing: None, told: false },
        };
        self.known = names.into_iter().map(known).collect();
        self.version += 1;
        self.ask();
    }

    /// Says which names are to be resolved; starts the threads when there is one.
    fn ask(&mut self) {
        let names: Vec<Arc<str>> = self.known.iter().map(|known| Arc::clone(&known.name)).collect();
        let Some((lookup, wake)) = &self.by else { return };
        if self.resolver.is_none() && !names.is_empty() {
            match Resolver::start(Arc::clone(lookup), Arc::clone(wake)) {
                Ok(resolver) => self.resolver = Some(resolver),
                Err(error) => self.refused = Some(format!("no thread for the host names of [peers]: {error}")),
            }
        }
        if let Some(resolver) = &self.resolver {
            resolver.ask(names);
        }
    }

    /// Takes in what was answered since. True where a name has its first addresses.
    pub(super) fn take_in(&mut self, now: Moment) -> bool {
        let mut first = false;
        while let Some(answer) = self.resolver.as_ref().and_then(Resolver::answer) {
            first |= self.hear(answer, now);
        }
        first
    }

    fn hear(&mut self, Answer { name, found }: Answer, now: Moment) -> bool {
        // One that was asked for before a reload may be wanted no more.
        let Some(known) = self.known.iter_mut().find(|known| known.name == name) else { return false };
        match found {
            Ok(found) => {
                let first = known.addresses.is_none();
                self.version += u64::from(known.update(found, now));
                first
            }
            Err(why) => {
                let since = known.failing.as_ref().map_or(now, |(_, since)| *since);
                known.failing = Some((why.into(), since));
                false
            }
        }
    }

    /// Changes whenever an address does.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// The addresses of a name, ascending, in place of what was in `addresses`. False before the first answer.
    pub(super) fn addresses(&self, name: &str, addresses: &mut Vec<IpAddr>) -> bool {
        addresses.clear();
        let known = self.known.iter().find(|known| *known.name == *name);
        let Some(found) = known.and_then(|known| known.addresses.as_ref()) else { return false };
        addresses.extend(found.iter().map(|address| address.ip));
        true
    }

    /// A socket of a process has this address of a name.
    pub(super) fn touch(&mut self, name: &str, ip: IpAddr, now: Moment) {
        let known = self.known.iter_mut().find(|known| *known.name == *name);
        let Some(addresses) = known.and_then(|known| known.addresses.as_mut()) else { return };
        if let Ok(at) = addresses.binary_search_by_key(&ip, |address| address.ip) {
            addresses[at].last = now;
        }
    }

    /// All of them, for people.
    pub(super) fn views(&self) -> impl Iterator<Item = HostName> {
        self.known.iter().map(Known::view)
    }

    /// What people should hear and have not heard.
    pub(super) fn notes(&mut self, now: Moment) -> Vec<NameNote> {
        let refused = self.refused.take().map(|text| NameNote { text, bad: true });
        refused.into_iter().chain(self.known.iter_mut().filter_map(|known| known.note(now))).collect()
    }

    /// Waits until each name was answered for or failed, `most` long. For commands; never call it from the loop.
    pub(super) fn wait(&mut self, most: Duration) {
        let begun = kernel::now();
        loop {
            let now = kernel::now();
            self.take_in(now);
            let open = self.known.iter().any(|known| known.addresses.is_none() && known.failing.is_none());
            let left = most.saturating_sub(now.since(begun));
            let Some(resolver) = self.resolver.as_ref().filter(|_| open && !left.is_zero()) else { return };
            if let Some(answer) = resolver.wait(left) {
                self.hear(answer, kernel::now());
            }
        }
    }
}

impl Known {
    /// Takes in an answer. Whether other addresses count than before.
    fn update(&mut self, mut found: Vec<IpAddr>, now: Moment) -> bool {
        self.failing = None;
        found.sort_unstable();
        found.dedup();
        found.truncate(MOST);
        let before = self.addresses.take();
        let named = found.iter().map(|ip| Address { ip: *ip, last: now });
        let old = before.iter().flatten().filter(|old| found.binary_search(&old.ip).is_err());
        let mut old: Vec<Address> = old.filter(|old| now.since(old.last) < KEEP).copied().collect();
        // Where there are too many those go first that were last had longest ago.
        old.sort_unstable_by_key(|old| std::cmp::Reverse(old.last));
        old.truncate(MOST - found.len());
        let mut addresses: Vec<Address> = named.chain(old).collect();
        addresses.sort_unstable_by_key(|address| address.ip);
        let ips = |addresses: &[Address]| addresses.iter().map(|address| address.ip).collect::<Vec<_>>();
        let changed = before.is_none_or(|before| ips(&before) != ips(&addresses));
        self.addresses = Some(addresses);
        changed
    }

    fn view(&self) -> HostName {
        HostName {
            name: Arc::clone(&self.name),
            addresses: self.addresses.as_ref().map(Vec::len),
            trouble: self.failing.as_ref().map(|(why, _)| Arc::clone(why)),
        }
    }

    /// What is to be told of it now: that it fails, once, and that this is over.
    fn note(&mut self, now: Moment) -> Option<NameNote> {
        let bad = match &self.failing {
            Some((_, since)) => self.addresses.is_none() || now.since(*since) >= PATIENCE,
            None => false,
        };
        if bad == self.told || (!bad && self.failing.is_some()) {
            return None;
        }
        self.told = bad;
        let tail = if bad { "" } else { " again" };
        Some(NameNote { text: format!("{}{tail}", self.view()), bad })
    }
}
