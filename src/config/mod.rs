//! What the operator asked for.
//!
//! `load` reads the files, `read` takes them as a whole or sets some aside, `syntax` makes a tree of each, `reader` takes known keys out of it and
//! leaves the rest, `check` turns them into [`Config`], `units` parses the values. Whatever is wrong
//! becomes a [`Problem`] with its place, and all of them are told at once.
//!
//! What belongs here: the meaning of `watchdog.toml`. What does not: looking at the live host
//! (`cli::check` does), but for the names of its users.

mod action;
mod calendar;
mod check;
mod difference;
mod during;
mod forecast;
mod history;
mod incidents;
mod keys;
mod load;
mod peer;
mod problem;
mod read;
mod reader;
mod selector;
mod source;
mod syntax;
mod text;
pub mod units;
mod value;
mod veil;
mod web;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Base, Level, Metric, PerLevel};

pub use action::{Action, EffectKind, Escalate, Needs, Otherwise};
pub use calendar::{Calendar, Doubt, Hours, Session, Span};
pub use difference::difference;
pub use during::{Almanac, During, Page, Usual};
pub use forecast::{Forecast, Forecasts, Limit};
pub use history::{History, Samples};
pub use incidents::{Incidents, Wanted};
pub use peer::{Address, End, Network, Peer};
pub use problem::{Problem, Problems, Severity};
pub use read::{Fallback, SetAside, load, load_at_start, parse, says_dry_run};
pub use selector::{Container, Expect, Members, Selector, User};
pub use source::Source;
pub use text::{is_name, nearest};
pub use web::{PasswordHash, Tls, Web, WebUser};

/// The checked configuration: everything resolved, nothing left to default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[daemon]`
    pub daemon: Daemon,
    /// `[web]`
    pub web: Web,
    /// `[history]`
    pub history: History,
    /// `[incidents]`
    pub incidents: Incidents,
    /// `[peers]`
    pub peers: Vec<Peer>,
    /// `[host]`
    pub host: Host,
    /// `[calendar.*]`
    pub calendars: Vec<Calendar>,
    /// `[target.*]`, by name.
    pub targets: Vec<Target>,
    /// The files it was read from, the main one first.
    pub files: Vec<PathBuf>,
    /// What is hardly meant, and does not keep it from being used.
    pub warnings: Problems,
    /// Drop-ins that were left out when the daemon started.
    pub set_aside: Vec<SetAside>,
    /// Why it is not that of the files that are there, where the daemon started by those of before.
    pub fallback: Option<Fallback>,
}

/// `[daemon]`
#[derive(Clone, Debug, PartialEq)]
pub struct Daemon {
    /// How often targets are sampled that are far from every bound.
    pub interval: Duration,
    /// How often at most one is sampled that a bound is near to.
    pub min_interval: Duration,
    /// How often everybody is looked at, whatever the kernel has told of who came.
    pub rescan: Duration,
    /// How often at most sockets are listed in other states than CLOSE_WAIT.
    pub sockets_interval: Duration,
    /// The share of one processor, over a minute, that the daemon itself may use; none for no ceiling.
    pub max_cpu: Option<f64>,
    /// Say what would be done instead of doing it.
    pub dry_run: bool,
    /// Kills of all targets together.
    pub kill_budget: Budget,
    /// How often each target gets a line of the log that sums it up; zero for never.
    pub summary: Duration,
    /// Over how long growth is looked at, where a target does not say otherwise.
    pub forecast_window: Duration,
    /// A kill waits at most so long for the evidence; zero: not at all.
    pub evidence_timeout: Duration,
}

/// Default of `forecast_window`.
const FORECAST_WINDOW: Duration = Duration::from_secs(1800);

impl Default for Daemon {
    fn default() -> Self {
        let kill_budget = Budget { max: 10, per: Duration::from_secs(3600) };
        Self {
            interval: Duration::from_secs(1),
            min_interval: Duration::from_millis(100),
            rescan: Duration::from_secs(30),
            sockets_interval: Duration::from_secs(10),
            max_cpu: Some(0.02),
            dry_run: false,
            kill_budget,
            summary: Duration::from_secs(300),
            forecast_window: FORECAST_WINDOW,
            evidence_timeout: Duration::from_millis(500),
        }
    }
}

/// `[host]`: the host's own thresholds and ladder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// What is read of the host, in the order of its readings: every metric that is exported, then
    /// those that only a threshold names.
    pub metrics: Vec<Metric>,
    /// `[host.thresholds]`; they all feed the one ladder.
    pub thresholds: Vec<Threshold>,
    /// Whose growth is looked at.
    pub forecasts: Forecasts,
    /// `[host.ladder]`: in the written order, which is the order in which they are tried.
    pub ladder: PerLevel<Vec<HostStep>>,
}

/// An entry of the host's ladder: TARGET.ACTION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostStep {
    /// Index into the configuration's `targets`.
    pub target: usize,
    /// Index into that target's `actions`.
    pub action: usize,
}

/// At most `max` in any span of `per`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// How many.
    pub max: u32,
    /// In which span.
    pub per: Duration,
}

/// Where something is written, for sentences about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Index into the configuration's `files`.
    pub file: usize,
    /// Its line, from 1.
    pub line: usize,
}

/// `[target.NAME]`. The default one matches nobody and does nothing.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// NAME
    pub name: Arc<str>,
    /// Where it is written.
    pub written: Written,
    /// Which processes.
    pub selector: Selector,
    /// Which of those that match.
    pub members: Members,
    /// Whether its processes may be members of other shared targets too.
    pub shared: bool,
    /// How many members there should be; shown, never acted on.
    pub expect: Option<Expect>,
    /// No order sooner after the start of the process.
    pub startup_grace: Duration,
    /// No kill sooner after the process was first seen.
    pub settle: Duration,
    /// Kills of this target.
    pub kill_budget: Budget,
    /// No kill that would leave fewer live members.
    pub keep_at_least: u32,
    /// What is read of each member, in the order of its readings. Holds every metric that is
    /// exported, then those that only a threshold names.
    pub metrics: Vec<Metric>,
    /// Its thresholds, as they hold at this hour.
    pub thresholds: Vec<Threshold>,
    /// Whose growth is looked at.
    pub forecasts: Forecasts,
    /// Its ladders, as they hold at this hour; the first is `default`.
    pub ladders: Vec<Ladder>,
    /// What holds in which hours in place of the usual. Where several hold at once, the first does.
    pub during: Vec<During>,
    /// What holds outside of those; empty where there are none.
    pub usual: Usual,
    /// Indexes into `during`: what holds now, ascending.
    pub inside: Vec<usize>,
    /// Its actions.
    pub actions: Vec<Action>,
    /// Whether its processes are judged together.
    pub per: Per,
    /// What is done whatever the level.
    pub schedule: Vec<Schedule>,
    /// Whether the host's ladder names one of its actions.
    pub on_host_ladder: bool,
    /// What else goes into an incident.
    pub wanted: Wanted,
}

impl Target {
    /// Whether a threshold is about the metric at this index of `metrics`, at whatever hour; others are only
    /// shown, and need not be read in each pass.
    pub fn has_threshold_on(&self, metric: usize) -> bool {
        self.rows_at_any_hour().any(|threshold| threshold.metric == metric)
    }

    /// Whether a threshold is about this of its processes, whichever peer's.
    pub fn judges(&self, base: Base) -> bool {
        let is = |threshold: &Threshold| self.metrics.get(threshold.metric).is_some_and(|metric| metric.base == base);
        self.thresholds.iter().any(is)
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// Each process by itself.
    #[default]
    Process,
    /// All processes of the target together.
    Group,
}

/// `[[target.NAME.schedule]]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Index into the target's `actions`.
    pub action: usize,
    /// The time between two orders.
    pub every: Duration,
    /// The first order comes so long after the process was first seen; `every` if not written.
    pub phase: Duration,
    /// Each order is put off by up to this, differently each time.
    pub jitter: Duration,
}

/// One row of `[target.NAME.thresholds]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Index into the target's `metrics`: of the quantity, where the threshold is about its forecast.
    pub metric: usize,
    /// What it is about; the metric at that index, or what is foretold of it.
    pub name: Metric,
    /// Index into the target's `ladders`.
    pub ladder: usize,
    /// Where the normal range ends; shown, never acted on.
    pub expected: Option<f64>,
    /// A bound for some of the levels.
    pub bounds: PerLevel<Option<Bound>>,
    /// How long readings must be good before a level is left.
    pub clear_hold: Duration,
}

/// Where a level begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Entered at or past this.
    pub at: f64,
    /// Left on the good side of this.
    pub clear: f64,
    /// Entered when every reading for this long was at or past `at`.
    pub hold: Duration,
}

/// A ladder: what is done at which level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// `default`, or the name that thresholds join it by.
    pub name: Arc<str>,
    /// Indexes into the target's `actions`, in the written order.
    pub steps: PerLevel<Vec<usize>>,
}

impl Config {
    /// The files as they were read, the main one first.
    pub fn sources(&self) -> &[Source] {
        self.warnings.sources()
    }

    /// Where a target is written, as `watchdog.toml:12`.
    pub fn place(&self, target: &Target) -> String {
        let file = self.files.get(target.written.file).map(|file| text::escape(&file.to_string_lossy()));
        format!("{}:{}", file.as_deref().unwrap_or("?"), target.written.line)
    }
}

impl Target {
    /// Whether anything is ever done here, by a ladder of its own, the host's or a schedule; otherwise
    /// it is only observed.
    pub fn has_ladder(&self) -> bool {
        let own = |ladders: &[Ladder]| {
            ladders.iter().any(|ladder| ladder.steps.iter().any(|(_, actions)| !actions.is_empty()))
        };
        let at_times = || self.during.iter().any(|during| during.steps.iter().any(|(.., actions)| !actions.is_empty()));
        self.on_host_ladder || !self.schedule.is_empty() || own(self.usual().1) || at_times()
    }

    /// The actions at one level of a ladder, in the written order.
    pub fn rungs(&self, ladder: usize, level: Level) -> impl Iterator<Item = (usize, &Action)> {
        let steps = self.ladders.get(ladder).and_then(|l| l.steps.get(level));
        steps.into_iter().flatten().filter_map(|&i| self.actions.get(i).map(|a| (i, a)))
    }
}
