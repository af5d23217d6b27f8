//! The execs that the kernel's events tell of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many execs of a process were told of when its facts were read. Two are the same if that number
/// is. All copies see at once that there was another one.
#[derive(Clone, Debug, Default)]
pub struct Execs {
    then: u32,
    /// One for each process: those until now.
    now: Arc<AtomicU32>,
}

impl Execs {
    /// Grows with each exec; 0 where events are not heard.
    pub const fn count(&self) -> u32 {
        self.then
    }

    /// Whether there was none since: what is known of its program is then not outdated.
    pub fn are_known(&self) -> bool {
        self.then == self.now.load(Ordering::Acquire)
    }

    /// There were `count` more; the facts that are read next include them.
    pub(super) fn add(&mut self, count: u32) {
        self.then = self.then.wrapping_add(count);
        self.now.store(self.then, Ordering::Release);
    }
}

impl PartialEq for Execs {
    fn eq(&self, other: &Self) -> bool {
        self.then == other.then
    }
}

impl Eq for Execs {}
