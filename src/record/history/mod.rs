//! What happened, kept on disk: every event that gets a line of the log is a row of `history.db`, and what was read
//! is beside it, a block a target and minute.
//!
//! Each row carries a number and the hash of itself and the one before, so that a gap or an edit shows
//! (`tradedog history --verify`). A thread of its own writes; the loop hands over at most once a pass and
//! never waits. While the disk does not take them rows wait in memory, so many and no more, and what finds
//! no room there is counted. History is what that costs, never a decision.
//!
//! What belongs here: the file, what is in it and how it is read. What does not: anything that a decision
//! needs, and any opinion of what happened. `docs/history.md` is the reference of the format.

mod aside;
mod blocks;
mod entry;
mod handle;
mod left_out;
mod prune;
mod read;
mod samples;
mod standing;
mod store;
mod thin;
mod trouble;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use handle::{Clock, History};
pub use left_out::LeftOut;
pub use read::{Filter, HistoryError, Reader, state_file as history_path};
pub use samples::{Readings, SampleFilter, Told};
pub use standing::{Figures, Standing};
pub use trouble::{CAUSES, Cause};
pub use verify::Verdict;
pub use writer::{HistoryWriter, Place};

/// The file in the state directory.
pub const FILE: &str = "history.db";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events older than this are removed, in milliseconds.
    pub events: i64,
    /// Samples older than this are thinned, in milliseconds: those that are 10 s apart, those a minute apart; the
    /// last ones, 10 minutes apart, are removed.
    pub samples: [i64; 3],
    /// Largest that the file may become, in bytes.
    pub size: i64,
}

impl Limits {
    /// Those of the configuration.
    pub fn of(history: &crate::config::History) -> Self {
        let millis = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let samples = history.samples.map(|samples| samples.all().map(millis)).unwrap_or_default();
        let size = i64::try_from(history.max_size).unwrap_or(i64::MAX);
        Self { events: millis(history.events), samples, size }
    }
}
