//! A watchdog for trading processes on Linux.
//!
//! It sees a resource leak coming, steps the process down a ladder of ever stronger measures, and
//! shows on Prometheus what it saw and what it did.
//!
//! # The flow
//!
//! ```text
//! discover -> sample -> judge -> act -> record -> export
//! ```
//!
//! One direction, one folder a stage. The modules below stand in the order in which they may know
//! each other: each imports only from those above it, and `tests/layers.rs` fails when one does not.
//!
//! - [`model`] holds the nouns, [`config`] what the operator asked for, [`kernel`] the only door to
//!   Linux.
//! - [`discover`] finds the processes that the configuration means, and notices when they are gone.
//! - [`sample`] reads their metrics: a value, or why there is none.
//! - [`judge`] decides. It is a function of state, sample, outcomes and time, and of nothing else.
//! - [`replay`] plays recorded readings to the same judge, for a backtest.
//! - [`act`] checks once more that it is the right process, then delivers.
//! - [`record`] turns every event into a log line and a count; [`export`] shows them over HTTP.
//! - [`watch`] is the only module that knows all stages, and its `tick` reads as the sentence above.
//! - [`cli`] is what a shell sees.
//!
//! One plain thread owns all state and waits in one place. What could keep it waiting happens
//! elsewhere: scanning `/proc` and matching names on a thread of its own, logging on another, HTTP on
//! tokio. They hand over finished values.

pub mod model;

pub mod config;

pub mod kernel;

pub mod discover;

pub mod sample;

pub mod judge;

pub mod replay;

pub mod act;

pub mod record;

pub mod export;

pub mod watch;

pub mod cli;
