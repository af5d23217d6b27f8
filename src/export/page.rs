//! `/`: the status for people, whole without a script.
//!
//! What belongs here: how a [`Status`] looks. What does not: anything that is not in it; the page
//! and `/api/v1/status` are made of the same value and say the same. Whatever comes from outside is
//! escaped by the templates; levels are words first and colours second.

mod account;
mod ahead;
mod assets;
mod banner;
mod bar;
mod frame;
mod host;
mod judged;
mod measures;
mod members;
mod peers;
mod target;
mod words;

use maud::Markup;

use super::status::Status;

pub(super) use assets::{Asset, find};

/// When the page is looked at, and from when on a snapshot is too old.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Seconds since 1970 (UTC).
    pub(super) now: f64,
    /// Seconds after which the watch must have made a pass.
    pub(super) patience: f64,
}

/// How much of a big installation is shown; the rest is counted, and is in `/api/v1/status`.
#[derive(Debug)]
struct Room {
    /// Processes with all that is known of them.
    blocks: usize,
    /// Processes with a row in a table.
    rows: usize,
}

impl Room {
    const fn new() -> Self {
        Self { blocks: 40, rows: 1_000 }
    }
}

/// The page as HTML.
pub(super) fn html(status: &Status, seen: Seen) -> String {
    let markup: Markup = frame::page(status, seen);
    markup.into_string()
}

#[cfg(test)]
mod tests;
