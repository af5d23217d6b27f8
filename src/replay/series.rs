//! What a series of readings is, wherever it comes from.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Metric, Unit, Unknown, Value, printable};

/// Longest piece of a series that is shown.
const SHOWN: usize = 64;

/// Readings in the order of time.
pub trait Series {
    /// What is read, in the order of the cells of each row.
    fn columns(&self) -> &[Column];

    /// Whether its rows say whose processes they are of.
    fn names_targets(&self) -> bool {
        false
    }

    /// How far apart its readings are at least, though a last one may follow sooner: no period is shorter.
    fn least_period(&self) -> Duration {
        Duration::ZERO
    }

    /// What of it could not be read so far, in words.
    fn left_out(&self) -> Option<String> {
        None
    }

    /// Reads the next row; false when there is none. Its time is that of the row before or later.
    ///
    /// # Errors
    /// What is wrong with the series, and where.
    fn read(&mut self, row: &mut Row) -> Result<bool, Fault>;
}

/// A column of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As it is called there, fit to be printed.
    pub name: String,
    /// The metric of that name, if there is one.
    pub metric: Option<Metric>,
}

impl Column {
    /// The column of that name.
    pub fn named(name: &str) -> Self {
        Self { name: shown(name.as_bytes()), metric: Metric::try_from(name.to_owned()).ok() }
    }
}

/// What was read of one process at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// When.
    pub at: Timestamp,
    /// Of whose process; none where the series does not say.
    pub target: Option<Arc<str>>,
    /// Which process, as the series calls it; [`Row::ALL`] for all of the target together, [`Row::NOBODY`] where
    /// only the host was read.
    pub process: Arc<str>,
    /// When the process started, where the series says so: another start is another process.
    pub started: Option<Timestamp>,
    /// In the order of the columns; none where there is no new reading.
    pub cells: Vec<Option<Value>>,
}

impl Row {
    /// What all processes of a target are called together.
    pub const ALL: &'static str = "all";
    /// What a row is of that only tells of the host.
    pub const NOBODY: &'static str = "";
    /// What the process is called where a series does not say.
    pub const ONLY: &'static str = "0";
}

/// Why a series cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}: {help}")]
pub struct Fault {
    /// Where: `leak.csv, line 12, column 2 (open_fds)`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// Seconds since 1970 beyond this are milliseconds: it is the year 5138.
pub(super) const LATEST_SECOND: f64 = 1e11;

/// Seconds since 1970, to the millisecond: as much as a float of today's size tells exactly.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the check before it")]
pub(super) fn instant(seconds: f64) -> Option<Timestamp> {
    let millis = (0.0..LATEST_SECOND).contains(&seconds).then(|| (seconds * 1000.0).round() as i64)?;
    Timestamp::from_millisecond(millis).ok()
}

/// The reason of that name that a series may give for a reading that is not there.
pub(super) fn unknown(name: &str) -> Option<Unknown> {
    let whys = [Unknown::Gone, Unknown::Denied, Unknown::Malformed, Unknown::Overdue];
    whys.into_iter().find(|why| why.name() == name)
}

/// A share beyond this was meant in percent: twice of a limit may be in use where the limit was lowered.
const HIGHEST_SHARE: f64 = 2.0;

/// What keeps a number from being a reading of `metric`, in words that follow it.
pub fn implausible(value: f64, metric: &Metric) -> Option<&'static str> {
    let is_too_much = metric.info().unit == Unit::Ratio && value > HIGHEST_SHARE;
    if value < 0.0 { Some("is negative") } else { is_too_much.then_some("is more than all") }
}

/// A piece of a series, fit to be printed.
pub(super) fn shown(text: &[u8]) -> String {
    printable(text, SHOWN)
}
