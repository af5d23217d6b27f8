//! The quantities that are watched: one table, from which the configuration, the samples, the
//! metrics and the documentation take names, units and directions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a value counts, which is also how it must be written in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A bare number of things.
    Count,
    /// Bytes, written with a unit ("512MiB").
    Bytes,
    /// A share between 0 and 1, written in percent ("85%").
    Ratio,
    /// So many a second ("500/s").
    PerSecond,
    /// So many more in each minute ("20/min").
    CountPerMinute,
    /// Bytes more in each minute ("5MiB/min").
    BytesPerMinute,
    /// A share more in each minute ("1%/min").
    RatioPerMinute,
    /// A rate that becomes higher by so much in each minute ("10/s/min").
    RatePerMinute,
    /// Seconds ("20m"); infinite is never.
    Seconds,
}

impl Unit {
    /// What the growth of a value is counted in, a minute.
    pub const fn growth(self) -> Self {
        match self {
            Self::Bytes | Self::BytesPerMinute => Self::BytesPerMinute,
            Self::Ratio | Self::RatioPerMinute => Self::RatioPerMinute,
            Self::PerSecond | Self::RatePerMinute => Self::RatePerMinute,
            Self::Count | Self::CountPerMinute | Self::Seconds => Self::CountPerMinute,
        }
    }
}

/// Which way is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Higher is worse; bounds rise with the level.
    Up,
    /// Lower is worse; bounds fall with the level.
    Down,
}

impl Direction {
    /// Whether `value` is at `bound` or on its bad side.
    pub fn is_past(self, value: f64, bound: f64) -> bool {
        if self == Self::Up { value >= bound } else { value <= bound }
    }
}

/// Whose quantity it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One process.
    Process,
    /// The cgroup that a process is in: the same for all processes in it.
    Cgroup,
    /// The whole host.
    Host,
}

/// A quantity without peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "METRICS describes each variant; a second text would drift")]
pub enum Base {
    OpenFds,
    MaxFds,
    FdUsage,
    CloseWait,
    Established,
    SynSent,
    FinWait1,
    FinWait2,
    LastAck,
    Closing,
    Listen,
    Sockets,
    Rss,
    Swap,
    Threads,
    MajorFaults,
    CgroupMemory,
    CgroupWorkingSet,
    CgroupMemoryLimit,
    CgroupMemoryUsage,
    CgroupSwap,
    CgroupMemoryPressure,
    HostMemoryUsed,
    HostSwapUsed,
    HostSwapIn,
    HostSwapOut,
    HostMemoryPressure,
    HostOpenFiles,
    HostTimeWait,
    HostEstablished,
}

/// A row of the table of metrics.
#[derive(Clone, Copy, Debug)]
pub struct MetricInfo {
    /// The quantity.
    pub base: Base,
    /// Its name in the configuration, in `metric` labels and in texts.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Which way is worse.
    pub direction: Direction,
    /// Whose it is.
    pub scope: Scope,
    /// Whether `NAME.PEER` exists.
    pub per_peer: bool,
    /// Whether a threshold may name it; the others are only exported.
    pub bounded: bool,
    /// One line for people.
    pub help: &'static str,
}

const fn row(base: Base, name: &'static str, unit: Unit, help: &'static str) -> MetricInfo {
    MetricInfo {
        base,
        name,
        unit,
        direction: Direction::Up,
        scope: Scope::Process,
        per_peer: false,
        bounded: true,
        help,
    }
}

const fn per_peer(info: MetricInfo) -> MetricInfo {
    MetricInfo { per_peer: true, ..info }
}

const fn host(info: MetricInfo) -> MetricInfo {
    MetricInfo { scope: Scope::Host, ..info }
}

const fn cgroup(info: MetricInfo) -> MetricInfo {
    MetricInfo { scope: Scope::Cgroup, ..info }
}

const fn shown_only(info: MetricInfo) -> MetricInfo {
    MetricInfo { bounded: false, ..info }
}

/// Every metric there is. A new one is a variant of [`Base`] and a row here, at the same place.
pub const METRICS: &[MetricInfo] = &[
    row(Base::OpenFds, "open_fds", Unit::Count, "open file descriptors"),
    shown_only(row(Base::MaxFds, "max_fds", Unit::Count, "soft limit of open file descriptors")),
    row(Base::FdUsage, "fd_usage", Unit::Ratio, "open file descriptors as a share of the soft limit"),
    per_peer(row(
        Base::CloseWait,
        "close_wait",
        Unit::Count,
        "TCP sockets in CLOSE_WAIT: closed by the peer, not by the process",
    )),
    per_peer(row(Base::Established, "established", Unit::Count, "TCP sockets in ESTABLISHED")),
    shown_only(row(Base::SynSent, "syn_sent", Unit::Count, "TCP sockets in SYN_SENT")),
    shown_only(row(Base::FinWait1, "fin_wait1", Unit::Count, "TCP sockets in FIN_WAIT1")),
    shown_only(row(Base::FinWait2, "fin_wait2", Unit::Count, "TCP sockets in FIN_WAIT2")),
    shown_only(row(Base::LastAck, "last_ack", Unit::Count, "TCP sockets in LAST_ACK")),
    shown_only(row(Base::Closing, "closing", Unit::Count, "TCP sockets in CLOSING")),
    shown_only(row(Base::Listen, "listen", Unit::Count, "TCP sockets in LISTEN")),
    per_peer(row(Base::Sockets, "sockets", Unit::Count, "TCP sockets in any state")),
    row(Base::Rss, "rss", Unit::Bytes, "resident memory"),
    row(Base::Swap, "swap", Unit::Bytes, "memory in swap"),
    row(Base::Threads, "threads", Unit::Count, "threads"),
    row(Base::MajorFaults, "major_faults", Unit::PerSecond, "page faults that waited for the disk"),
    cgroup(row(Base::CgroupMemory, "cgroup_memory", Unit::Bytes, "memory of its cgroup, page cache included")),
    cgroup(row(
        Base::CgroupWorkingSet,
        "cgroup_working_set",
        Unit::Bytes,
        "memory of its cgroup without page cache that was not used lately, as docker stats shows it",
    )),
    cgroup(shown_only(row(
        Base::CgroupMemoryLimit,
        "cgroup_memory_limit",
        Unit::Bytes,
        "lowest memory limit of its cgroup and of those above",
    ))),
    cgroup(row(
        Base::CgroupMemoryUsage,
        "cgroup_memory_usage",
        Unit::Ratio,
        "working set as a share of the memory limit: of its cgroup or of one above, whichever is nearer to its own",
    )),
    cgroup(row(Base::CgroupSwap, "cgroup_swap", Unit::Bytes, "memory of its cgroup in swap")),
    cgroup(row(
        Base::CgroupMemoryPressure,
        "cgroup_memory_pressure",
        Unit::Ratio,
        "share of the last 10 s in which some process of its cgroup waited for memory (PSI some avg10)",
    )),
    host(row(
        Base::HostMemoryUsed,
        "host_memory_used",
        Unit::Ratio,
        "memory of the host that is not available, as a share",
    )),
    host(row(Base::HostSwapUsed, "host_swap_used", Unit::Ratio, "swap of the host in use, as a share")),
    host(row(Base::HostSwapIn, "host_swap_in", Unit::PerSecond, "pages that the host reads back from swap")),
    host(row(Base::HostSwapOut, "host_swap_out", Unit::PerSecond, "pages that the host writes to swap")),
    host(row(
        Base::HostMemoryPressure,
        "host_memory_pressure",
        Unit::Ratio,
        "share of the last 10 s in which some process of the host waited for memory (PSI some avg10)",
    )),
    host(row(Base::HostOpenFiles, "host_open_files", Unit::Count, "open files of the whole host")),
    host(per_peer(row(Base::HostTimeWait, "host_time_wait", Unit::Count, "TCP sockets of the host in TIME_WAIT"))),
    host(per_peer(row(
        Base::HostEstablished,
        "host_established",
        Unit::Count,
        "TCP sockets of the host in ESTABLISHED",
    ))),
];

/// The metrics that count the TCP sockets of one state.
pub const SOCKET_STATES: [Base; 8] = [
    Base::CloseWait,
    Base::Established,
    Base::SynSent,
    Base::FinWait1,
    Base::FinWait2,
    Base::LastAck,
    Base::Closing,
    Base::Listen,
];

impl Base {
    /// Whether it counts the TCP sockets of one state.
    pub fn is_socket_state(self) -> bool {
        SOCKET_STATES.contains(&self)
    }

    /// Whether it takes a list of sockets in other states than CLOSE_WAIT, which is long on a busy host and
    /// is made more seldom.
    pub fn is_other_state(self) -> bool {
        let counts_others = matches!(self, Self::Sockets | Self::HostEstablished | Self::HostTimeWait);
        counts_others || (self.is_socket_state() && self != Self::CloseWait)
    }

    /// Its row of the table.
    pub fn info(self) -> &'static MetricInfo {
        &METRICS[self as usize]
    }

    /// The metric of that name, if there is one.
    pub fn by_name(name: &str) -> Option<Self> {
        METRICS.iter().find(|row| row.name == name).map(|row| row.base)
    }
}

/// What is foretold of a quantity by how it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Derived {
    /// How fast it grows, a minute.
    Growth,
    /// The time until it is at its fatal bound, or at the process's own limit.
    TimeLeft,
}

impl Derived {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Growth, Self::TimeLeft];

    /// As it is written behind the name of the quantity.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Growth => "growth",
            Self::TimeLeft => "time_left",
        }
    }

    /// The one of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|derived| derived.name() == name)
    }
}

/// A named quantity: `open_fds`, `close_wait.postgres`, `rss.growth`, `close_wait.postgres.time_left`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Metric {
    /// The quantity.
    pub base: Base,
    /// The peer whose sockets alone count.
    pub peer: Option<Arc<str>>,
    /// What is foretold of it, if not the quantity itself is meant.
    pub derived: Option<Derived>,
}

impl Metric {
    /// The quantity over all peers.
    pub const fn plain(base: Base) -> Self {
        Self::of(base, None)
    }

    /// The quantity, of one peer or over all of them.
    pub const fn of(base: Base, peer: Option<Arc<str>>) -> Self {
        Self { base, peer, derived: None }
    }

    /// What is foretold of it; with none the quantity itself.
    pub fn with(&self, derived: Option<Derived>) -> Self {
        Self { derived, ..self.clone() }
    }

    /// What its values count.
    pub fn unit(&self) -> Unit {
        match self.derived {
            None => self.info().unit,
            Some(Derived::Growth) => self.info().unit.growth(),
            Some(Derived::TimeLeft) => Unit::Seconds,
        }
    }

    /// Which way is worse.
    pub fn direction(&self) -> Direction {
        match self.derived {
            Some(Derived::TimeLeft) => Direction::Down,
            None | Some(Derived::Growth) => self.info().direction,
        }
    }

    /// The row of its quantity in the table.
    pub fn info(&self) -> &'static MetricInfo {
        self.base.info()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)?;
        self.peer.as_ref().map_or(Ok(()), |peer| write!(f, ".{peer}"))?;
        self.derived.map_or(Ok(()), |derived| write!(f, ".{}", derived.name()))
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let derived = text.rsplit_once('.').and_then(|(_, last)| Derived::by_name(last));
        let whole = derived.and_then(|derived| text.strip_suffix(derived.name())?.strip_suffix('.')).unwrap_or(&text);
        let (name, peer) = whole.split_once('.').map_or((whole, None), |(name, peer)| (name, Some(peer.into())));
        let base = Base::by_name(name).ok_or_else(|| format!("no metric is called {name}"))?;
        Ok(Self { base, peer, derived })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_where_its_variant_points() {
        for (index, row) in METRICS.iter().enumerate() {
            assert_eq!(row.base as usize, index, "{}", row.name);
            assert_eq!(Base::by_name(row.name), Some(row.base));
        }
    }

    #[test]
    fn what_is_foretold_is_written_behind_the_name() {
        for (text, peer, derived) in [
            ("rss", None, None),
            ("close_wait.postgres", Some("postgres"), None),
            ("rss.growth", None, Some(Derived::Growth)),
            ("close_wait.postgres.time_left", Some("postgres"), Some(Derived::TimeLeft)),
        ] {
            let metric = Metric::try_from(text.to_owned()).unwrap();
            assert_eq!((metric.peer.as_deref(), metric.derived), (peer, derived), "{text}");
            assert_eq!(metric.to_string(), text);
        }
        let left = Metric::plain(Base::Rss).with(Some(Derived::TimeLeft));
        assert_eq!((left.unit(), left.direction()), (Unit::Seconds, Direction::Down));
        assert_eq!(left.with(Some(Derived::Growth)).unit(), Unit::BytesPerMinute);
    }
}
