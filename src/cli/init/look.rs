//! What can be seen of the processes that a watchdog.toml is to be written for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::peers::{self, Network};
use crate::cli::check::{catches_all, means};
use crate::cli::live::Live;
use crate::cli::unit::{Unit, UnitError, Units};
use crate::config::{self, Source};
use crate::discover::{Member, unit_of};
use crate::kernel::host::HostFiles;
use crate::kernel::{Process, Status, own_rights};
use crate::model::{Base, Metric, Signal, Unit as Measured, Unknown, Value, remedy};

/// Signals that programs leave free for such purposes, in the order in which they are proposed.
const FREE: [i32; 3] = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGHUP];

/// Most processes that are named.
const MOST_NAMED: usize = 6;

/// Everything that is written about.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Name for the target.
    pub(super) name: String,
    /// The inline table of `match`.
    pub(super) matching: String,
    /// `pid 1234 (python3)`, for a comment; the first of them.
    pub(super) processes: Vec<String>,
    /// How many there are.
    pub(super) count: usize,
    /// How long the youngest has been running.
    pub(super) age: Duration,
    /// Whether the match is one that a kill may rest on.
    pub(super) anchored: bool,
    /// Highest reading of each metric, of all members; of the limit of descriptors the lowest.
    pub(super) readings: BTreeMap<Base, f64>,
    /// Metrics that could not be read: why, what would help, which.
    pub(super) dark: BTreeMap<(&'static str, &'static str), Vec<&'static str>>,
    /// Memory of the host in bytes.
    pub(super) memory: Option<f64>,
    /// Whether whoever runs this may signal all of them.
    pub(super) reachable: bool,
    /// Why no measure may ever reach one of them.
    pub(super) protected: Option<&'static str>,
    /// Signals that all of them handle, and mean nothing else by.
    pub(super) free: Vec<Signal>,
    /// What is to be said about other signals.
    pub(super) taken: Vec<String>,
    /// Whether they handle SIGTERM, if they agree.
    pub(super) handles_term: Option<bool>,
    /// Their sockets.
    pub(super) network: Network,
    /// Their unit, or why nothing is known of it.
    pub(super) unit: Option<Result<Unit, String>>,
}

/// Looks at whoever `matching`, the inline table of `match`, means.
///
/// # Errors
/// What is wrong with that table, as the configuration says it.
pub(super) fn look(name: &str, matching: &str, units: &Units) -> Result<Seen, config::Problems> {
    let head = format!("[target.probe]\nmatch = {matching}\n");
    let config = config::parse(vec![Source::new("match", &head)])?;
    let live = Live::look(&config);
    let members = live.roster.members();
    let mut seen =
        Seen { name: name.to_owned(), matching: matching.to_owned(), count: members.len(), ..Seen::default() };
    seen.processes = members.iter().take(MOST_NAMED).map(described).collect();
    seen.anchored = !members.is_empty() && members.iter().all(|member| member.facts.anchored);
    let rights = own_rights();
    seen.reachable = members.iter().all(|member| rights.may_signal(member.facts.uids.0));
    seen.protected = members.iter().find_map(|member| member.facts.protected);
    let ages = live.sample.members.iter().map(|member| live.at.since(member.started));
    seen.age = ages.min().unwrap_or_default();
    seen.memory = HostFiles::new().memory().ok().map(|memory| memory.total as f64 * 1024.0);
    seen.read(&live);
    seen.signals(members);
    seen.network = peers::look(&head, members);
    seen.unit = unit_name(members, config.targets.first().and_then(|target| target.selector.unit.clone()))
        .map(|name| units.look(&name).map_err(|error| trouble(&error)));
    Ok(seen)
}

fn trouble(error: &UnitError) -> String {
    error.to_string()
}

/// `pid 1234 (python3)`
fn described(member: &Member) -> String {
    format!("pid {} ({})", member.process.identity().pid, member.facts.comm)
}

/// The one service that all of them are in.
fn unit_name(members: &[Member], asked: Option<String>) -> Option<String> {
    let mut names: BTreeSet<String> = members.iter().filter_map(|member| unit_of_process(&member.process)).collect();
    names.extend(asked);
    let mut services = names.into_iter().filter(|name| name.ends_with(".service"));
    services.next().filter(|_| services.next().is_none())
}

/// The system unit that a process is in.
pub(super) fn unit_of_process(process: &Process) -> Option<String> {
    let mut buffer = Vec::new();
    let cgroups = process.cgroups(&mut buffer).ok()?;
    cgroups.paths().find_map(unit_of).map(|name| String::from_utf8_lossy(name).into_owned())
}

impl Seen {
    /// The reading of a metric.
    pub(super) fn now(&self, base: Base) -> Option<f64> {
        self.readings.get(&base).copied()
    }

    fn read(&mut self, live: &Live) {
        let Some(target) = live.config.targets.first() else { return };
        for (at, metric) in target.metrics.iter().enumerate().filter(|(_, metric)| metric.peer.is_none()) {
            let readings = live.sample.members.iter().filter_map(|member| member.readings.get(at));
            let values: Vec<Value> = readings.map(|reading| reading.value).collect();
            self.note(metric, &values);
        }
    }

    /// One metric of all members: unknown of one is unknown.
    fn note(&mut self, metric: &Metric, values: &[Value]) {
        let info = metric.info();
        let why = values.iter().find_map(|value| match value {
            Value::Unknown(why) => Some(*why),
            Value::Known(_) | Value::AtLeast(_) => None,
        });
        if let Some(why) = why {
            // A rate has no value at the first look.
            if info.unit != Measured::PerSecond && why != Unknown::Gone {
                let remedy = remedy(info.base, why).unwrap_or("");
                self.dark.entry((why.name(), remedy)).or_default().push(info.name);
            }
            return;
        }
        let numbers = values.iter().filter_map(|value| value.number());
        let lowest = matches!(info.base, Base::MaxFds | Base::CgroupMemoryLimit);
        let found = numbers.reduce(if lowest { f64::min } else { f64::max });
        self.readings.extend(found.map(|value| (info.base, value)));
    }

    fn signals(&mut self, members: &[Member]) {
        let statuses: Vec<Status> =
            members.iter().filter_map(|member| member.process.status(&mut Vec::new()).ok()).collect();
        if statuses.is_empty() || statuses.len() != members.len() {
            return;
        }
        let all = |signal: Signal| statuses.iter().all(|status| status.handles(signal));
        let none = |signal: Signal| statuses.iter().all(|status| !status.handles(signal));
        if let Some(term) = Signal::new(libc::SIGTERM) {
            self.handles_term = if all(term) { Some(true) } else { none(term).then_some(false) };
        }
        if statuses.iter().any(catches_all) {
            self.taken.push(
                "it catches every signal, as programs in Go do: that says nothing of what it does on SIGUSR1"
                    .to_owned(),
            );
            return;
        }
        let arguments = members.first().map(|member| arguments(&member.process)).unwrap_or_default();
        for signal in FREE.into_iter().filter_map(Signal::new).filter(|signal| all(*signal)) {
            match means(&arguments, signal) {
                None => self.free.push(signal),
                Some((program, what)) => {
                    self.taken.push(format!("{}: {program} {what} on it", crate::record::show_signal(signal)));
                }
            }
        }
    }
}

/// Its arguments; none where they cannot be read.
pub(super) fn arguments(process: &Process) -> Vec<u8> {
    let mut buffer = Vec::new();
    process.entry().cmdline(&mut buffer).map(<[u8]>::to_vec).unwrap_or_default()
}

/// For a comment, whoever is meant.
pub(super) fn whom(seen: &Seen) -> String {
    let more = seen.count.saturating_sub(seen.processes.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", seen.processes.join(", "))
}
