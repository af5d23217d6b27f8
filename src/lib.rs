//! A watchdog for trading processes on Linux.
//!
//! `discover -> sample -> judge -> act -> record -> export`: one direction, one folder a stage.
//! `watch` is the only module that knows them all.

pub mod act;
pub mod cli;
pub mod config;
pub mod discover;
pub mod export;
pub mod judge;
pub mod kernel;
pub mod model;
pub mod record;
pub mod sample;
pub mod watch;
