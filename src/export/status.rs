//! `/api/v1/status`: all that the last snapshot knows, as JSON.
//!
//! The field names are an interface: fields are added, never renamed. Times are seconds since 1970
//! (UTC), values are in the base unit of their metric (count, bytes, ratio between 0 and 1). What
//! is not known is absent or says why; it is never zero.

mod account;
mod ahead;
mod build;
mod calendar;
mod daemon;
mod orders;
mod peer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use account::{Account, Banner, Inhibited, summaries};
pub use ahead::{Ahead, BoundsThen, Braked, Planned, StepsUp};
pub use calendar::Calendar;
pub use daemon::Daemon;
pub use orders::{EndedOrder, Escalated};
pub use peer::Peer;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// When the snapshot was made.
    pub time: f64,
    /// Whether measures are only told of, not taken.
    pub dry_run: bool,
    /// Why the daemon is not ready; empty when it is.
    pub not_ready: Vec<String>,
    /// What must be known before all else.
    #[serde(default)]
    pub banners: Vec<Banner>,
    /// What the operator holds back.
    #[serde(default)]
    pub inhibitions: Vec<Inhibited>,
    /// Processes that `/metrics` leaves out because of `web.max_series`.
    pub processes_left_out: usize,
    /// The last pass.
    pub pass: Pass,
    /// What the daemon itself takes.
    #[serde(default)]
    pub daemon: Daemon,
    /// Where the configuration came from.
    pub configuration: Configuration,
    /// The host.
    pub host: Host,
    /// Sockets for which no process could be found, by state.
    pub unattributed_sockets: BTreeMap<String, u64>,
    /// The peers of the configuration.
    #[serde(default)]
    pub peers: Vec<Peer>,
    /// The calendars of the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub calendars: Vec<Calendar>,
    /// The targets, in the order of the configuration.
    pub targets: Vec<Target>,
    /// Measures in force, which must be undone; of targets that are no longer configured too.
    #[serde(default)]
    pub leases: Vec<Lease>,
    /// Undos that failed since the start, by action and reason; none where none did.
    #[serde(default)]
    pub undo_failures: Vec<UndoFailures>,
    /// The orders that ended last, the latest first.
    pub recent_orders: Vec<EndedOrder>,
}

/// The last pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// How long it took.
    pub duration_seconds: f64,
    /// How much later than planned it began.
    pub late_seconds: f64,
    /// When targets were sampled; absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_sample: Option<f64>,
}

/// Where the configuration came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The files, the main one first.
    pub files: Vec<String>,
    /// Whether the last attempt to read them succeeded.
    pub last_reload_successful: bool,
    /// When they were last read with success.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_reload_success: Option<f64>,
    /// Files that were left out because of their errors.
    pub files_set_aside: u32,
    /// Which they are, and why.
    #[serde(default)]
    pub set_aside: Vec<SetAside>,
    /// The files that are there could not be used when the daemon started, and those that were used last
    /// took their place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_good: Option<LastGood>,
}

/// A file that was left out because of its errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// Which.
    pub file: String,
    /// Its errors, the first of them.
    pub problems: Vec<String>,
}

/// The configuration of an earlier time is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastGood {
    /// When it was read.
    pub kept: f64,
    /// The errors of the one that is there, the first of them.
    pub problems: Vec<String>,
}

/// The host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Share of memory that is not available.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_used_ratio: Option<f64>,
    /// Share of swap in use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub swap_used_ratio: Option<f64>,
    /// The level of its ladder; absent when it has no thresholds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<f64>,
    /// What was read of it, by metric.
    #[serde(default)]
    pub readings: BTreeMap<String, Reading>,
    /// What is foretold of it, by metric.
    #[serde(default)]
    pub forecasts: BTreeMap<String, Forecast>,
    /// Its thresholds; their ladder is `host`.
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    /// Why its ladder stands higher than its readings ask for, where it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalated: Option<Escalated>,
    /// The levels that its ladder has not come to, soonest first.
    #[serde(default)]
    pub ahead: Vec<Ahead>,
    /// The rungs of its ladder that are not idle. Those of a live process are in its own list too.
    #[serde(default)]
    pub rungs: Vec<HostRung>,
    /// The same in words.
    #[serde(default)]
    pub account: Account,
}

/// A rung of the host's ladder that is not idle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostRung {
    /// The target whose action it is.
    pub target: String,
    /// The slot of the process; absent where it concerns all processes of the target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<u32>,
    /// The rung itself.
    #[serde(flatten)]
    pub rung: Rung,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// The highest level among its members, and of all together if they are judged as a group.
    pub level: String,
    /// Whether it has measures that would really be taken.
    pub armed: bool,
    /// Fewest members there should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_min: Option<u32>,
    /// Most members there should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_max: Option<u32>,
    /// The hours whose bounds hold now in place of the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub during: Vec<String>,
    /// When other bounds may hold; absent where that does not come within a year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bounds_change: Option<f64>,
    /// Kills that its budget still allows.
    pub kill_budget_remaining: u32,
    /// Whether nobody has come after a kill within `expect_successor`.
    #[serde(skip_serializing_if = "is_false", default)]
    pub successor_missing: bool,
    /// When the first order of its incident went out; absent where it is in none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incident_since: Option<f64>,
    /// All of its processes together, if they are judged as a group and there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<Judged>,
    /// The levels that its ladders have not come to, soonest first: those of every process that have a time, and
    /// of each ladder those of the nearest process that have none.
    #[serde(default)]
    pub ahead: Vec<Ahead>,
    /// How it stands, in words.
    #[serde(default)]
    pub account: Account,
    /// Its live members.
    pub members: Vec<Member>,
}

/// A live member of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its slot: the label `process` of the metrics.
    pub process: u32,
    /// Its pid.
    pub pid: i32,
    /// When it started.
    pub started: f64,
    /// How it stands.
    #[serde(flatten)]
    pub judged: Judged,
}

/// How a process stands, or all of a target that is judged as a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The highest level among its ladders; of a member of a group, the group's.
    pub level: String,
    /// Its ladders; a member of a group has none of its own.
    pub ladders: Vec<Ladder>,
    /// What was read of it, by metric.
    pub readings: BTreeMap<String, Reading>,
    /// What is foretold of it, by metric: of every one that has a threshold.
    #[serde(default)]
    pub forecasts: BTreeMap<String, Forecast>,
    /// Its thresholds; a member of a group has none of its own.
    pub thresholds: Vec<Threshold>,
    /// Its rungs that are not idle.
    pub rungs: Vec<Rung>,
}

/// A measure in force, which must be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Its target.
    pub target: String,
    /// Its action.
    pub action: String,
    /// The slot of the process; absent where it concerns all processes of the target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<u32>,
    /// Since when.
    pub since: f64,
    /// The level that it was taken at.
    pub level: String,
    /// Whether it stops the process.
    #[serde(skip_serializing_if = "is_false", default)]
    pub freeze: bool,
    /// It is undone so long after nobody needs it any more.
    pub undo_after_seconds: f64,
    /// Who undoes it: daemon, operator.
    pub undo_by: String,
    /// doubtful, needed, undone (at `time`), operator, waiting, cycling, undoing, retrying.
    pub standing: String,
    /// When something comes of it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<f64>,
}

/// How often the undo of an action failed for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoFailures {
    /// Its target.
    pub target: String,
    /// The action that was to be undone.
    pub action: String,
    /// Why it was not.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A ladder of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: String,
    /// Since when.
    pub since: f64,
    /// Why it stands higher than its readings ask for, where it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalated: Option<Escalated>,
}

/// One reading: exactly one of `value`, `unlimited`, `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// Whether the value is only a lower bound.
    #[serde(skip_serializing_if = "is_false", default)]
    pub at_least: bool,
    /// Whether there is no limit (JSON has no infinity).
    #[serde(skip_serializing_if = "is_false", default)]
    pub unlimited: bool,
    /// Why there is no value: gone, denied, malformed, overdue; of a forecast too_short.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unknown: Option<String>,
    /// When it was read, or found to be unknown.
    pub at: f64,
}

/// What is foretold of a metric by how it grows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// How fast it grows, in its unit a minute; 0 while no growth goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub growth_per_minute: Option<f64>,
    /// Seconds until it is at its end, `unlimited` for never; absent where it ends nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_left: Option<Reading>,
    /// Which end comes first: `fatal`, its bound, or `limit`, the process's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<String>,
    /// Why nothing is foretold now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unknown: Option<String>,
    /// When it was foretold.
    pub at: f64,
}

/// A threshold of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Its metric.
    pub metric: String,
    /// Its ladder.
    pub ladder: String,
    /// Its level.
    pub level: String,
    /// Since when.
    pub since: f64,
    /// Why it sees nothing now; the level is then the one before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unknown: Option<String>,
    /// Where the normal range ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<f64>,
    /// Where each level begins.
    pub bounds: BTreeMap<String, f64>,
}

/// A rung that is not idle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Its ladder; `host` of the host's, `schedule` of what no level causes.
    pub ladder: String,
    /// Its level.
    pub level: String,
    /// Its action.
    pub action: String,
    /// waiting, in_flight, held, retrying, vetoed, gave_up, in_force, done.
    pub standing: String,
    /// Why, as in the label `reason`.
    pub reason: String,
    /// When it may go out, where that is known; of one that is done or in force, since when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests;
