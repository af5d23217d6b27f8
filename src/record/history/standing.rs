//! How the history stands: written by its thread, read by the loop, without a lock.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use super::trouble::{CAUSES, Cause, Trouble};

/// How the history stands.
#[derive(Debug, Default)]
pub struct Standing {
    /// Rows on their way: in the queue, or in the buffer of the writer.
    pub(super) waiting: AtomicUsize,
    pub(super) stored: AtomicU64,
    pub(super) dropped: AtomicU64,
    /// How many of those a row tells of.
    pub(super) said_dropped: AtomicU64,
    /// Blocks of samples on their way, and how many bytes these are.
    pub(super) waiting_blocks: AtomicUsize,
    pub(super) block_bytes: AtomicUsize,
    pub(super) stored_blocks: AtomicU64,
    pub(super) dropped_blocks: AtomicU64,
    pub(super) damaged_blocks: AtomicU64,
    pub(super) size: AtomicU64,
    pub(super) errors: [AtomicU64; CAUSES.len()],
    /// Milliseconds since 1970; 0 for never.
    pub(super) last_error: AtomicI64,
    /// When the writer turned to the disk, in nanoseconds since boot; 0 while it does not.
    pub(super) busy_since: AtomicU64,
    /// Why it cannot be written now; none when it can.
    pub(super) trouble: ArcSwapOption<Trouble>,
}

/// How the history stood at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rows that wait to be written.
    pub buffered: usize,
    /// Rows written since the start.
    pub stored: u64,
    /// Rows that found no room and are lost, since the start.
    pub dropped: u64,
    /// Blocks of samples that wait to be written.
    pub buffered_blocks: usize,
    /// Blocks of samples written since the start.
    pub stored_blocks: u64,
    /// Blocks of samples that found no room and are lost, since the start.
    pub dropped_blocks: u64,
    /// Blocks of samples that could not be read any more when they were to become coarser, and are lost, since the
    /// start.
    pub damaged_blocks: u64,
    /// What the file holds, in bytes.
    pub size: u64,
    /// How often it could not be written since the start, in the order of [`CAUSES`].
    pub errors: [u64; CAUSES.len()],
    /// When it could not be written last, in milliseconds since 1970.
    pub last_error: Option<i64>,
    /// Whether it can be written.
    pub is_written: bool,
}

impl Standing {
    /// The figures now.
    pub fn figures(&self) -> Figures {
        let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            buffered: self.waiting.load(Ordering::Relaxed),
            stored: now(&self.stored),
            dropped: now(&self.dropped),
            buffered_blocks: self.waiting_blocks.load(Ordering::Relaxed),
            stored_blocks: now(&self.stored_blocks),
            dropped_blocks: now(&self.dropped_blocks),
            damaged_blocks: now(&self.damaged_blocks),
            size: now(&self.size),
            errors: self.errors.each_ref().map(now),
            last_error: Some(self.last_error.load(Ordering::Relaxed)).filter(|at| *at != 0),
            is_written: self.trouble.load().is_none(),
        }
    }

    /// Why it cannot be written now, as a sentence.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.load().as_ref().map(|trouble| trouble.sentence())
    }

    /// The same, as a clause.
    pub(super) fn clause(&self) -> Option<String> {
        self.trouble.load().as_ref().map(|trouble| trouble.clause())
    }

    /// Events that no row has or tells of, and blocks of samples that were not written.
    pub(super) fn unwritten(&self) -> (u64, u64) {
        let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let waiting = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64;
        let untold = now(&self.dropped).saturating_sub(now(&self.said_dropped));
        (waiting(&self.waiting) + untold, waiting(&self.waiting_blocks))
    }

    /// Since when the disk has not answered, in nanoseconds since boot.
    pub fn busy_since(&self) -> Option<u64> {
        Some(self.busy_since.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    pub(super) fn fail(&self, cause: Cause, at: i64) {
        if let Some(count) = self.errors.get(cause as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.last_error.store(at.max(1), Ordering::Relaxed);
    }
}
