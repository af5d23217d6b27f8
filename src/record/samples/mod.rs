//! What was read: the last hour of everybody in memory, older readings on their way to the history.
//!
//! Every 10 s ([`STEP`]) the loop keeps the latest readings of each process, each group and the host
//! ([`Hour::keep`]): of every metric that is read, unknown as unknown. They are written as the difference to the
//! ones before (`cell.rs`), so that a metric that stays as it is takes a bit. A steady process of 30 metrics takes some
//! 1.5 KiB for its hour, one of which a third change in every row 10 KiB; together they take at most [`ROOM`], however
//! many there are, and of a process never more than [`MOST`]: where that is not enough, its hour is shorter.
//!
//! **Who wants to read it** (a chart, an incident) asks [`Hour::of`] for a [`LastHour`]: a copy of some KiB, still
//! packed, which any other thread unpacks ([`LastHour::series`], [`LastHour::columns`]). The loop neither unpacks nor
//! waits.
//!
//! What the history gets is the same, a minute of each target in one piece ([`Block`], `minute.rs`), which later is
//! made into fewer rows ([`Folding`]).
//!
//! What belongs here: packing, the hour, and nothing that touches a disk. What does not: what becomes of it in the
//! history (`history/`), and any opinion of it.

mod block;
mod cell;
mod fold;
mod hour;
mod last_hour;
mod minute;
mod stream;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use block::{Damaged, Unpacking, Whom};
pub use fold::Folding;
pub use hour::Hour;
pub use last_hour::{LastHour, Life};
pub use minute::Block;

/// How far apart the readings are that are kept; more where passes are further apart.
pub const STEP: Duration = Duration::from_secs(10);

/// How long a block for the history is filled.
pub const MINUTE: Duration = Duration::from_secs(60);

/// How far back they go in memory.
pub const SPAN: Duration = Duration::from_secs(3600);

/// Most that the readings of everybody take, in bytes.
pub const ROOM: usize = 8 << 20;

/// Most that those of one process take, in bytes.
pub const MOST: usize = 64 << 10;
