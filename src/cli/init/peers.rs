//! With whom a target speaks: candidates from the kernel's table of sockets, told apart by tradedog's
//! own attribution, so that what is proposed is what will be counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::cli::live::Live;
use crate::config::{self, Source};
use crate::kernel::sock_diag::{SockDiag, Socket, States, TcpState};
use crate::model::{Base, Metric};

/// Most pairs of address and port that are asked about.
const MOST_CANDIDATES: usize = 64;

/// Most peers that are proposed.
const MOST_PEERS: usize = 8;

/// Services by their port, as `[peers]` may call them.
const KNOWN: &[(u16, &str)] = &[
    (5432, "postgres"),
    (6432, "pgbouncer"),
    (6379, "redis"),
    (3306, "mysql"),
    (27017, "mongodb"),
    (9092, "kafka"),
    (5672, "rabbitmq"),
    (4222, "nats"),
    (11211, "memcached"),
    (8123, "clickhouse"),
    (9200, "elasticsearch"),
    (2379, "etcd"),
    (443, "https"),
    (80, "http"),
];

/// The other side of connections.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PeerSeen {
    /// A name for it.
    pub(super) name: String,
    /// `ADDRESS:PORT`
    pub(super) pattern: String,
    /// Sockets in any state, of the process that has most.
    pub(super) sockets: f64,
    /// Of them in CLOSE_WAIT.
    pub(super) close_wait: f64,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Network {
    /// The busiest first.
    pub(super) peers: Vec<PeerSeen>,
    /// How many more there are.
    pub(super) more: usize,
    /// Ports it listens on.
    pub(super) listens: Vec<u16>,
}

/// Looks at the sockets of a target; `head` is its table in the configuration, `uids` are its users.
pub(super) fn look(head: &str, uids: &BTreeSet<u32>) -> Network {
    let all = [TcpState::Established, TcpState::CloseWait, TcpState::SynSent, TcpState::Listen];
    let mut sockets = Vec::new();
    if SockDiag::new().dump(States::of(&all), &mut sockets).is_err() {
        return Network::default();
    }
    sockets.retain(|socket| uids.contains(&socket.uid));
    let candidates = Candidates::of(&sockets);
    let Some(counts) = candidates.counted(head) else { return Network::default() };
    let listens = candidates.listens.iter().zip(&counts.listens).filter(|(_, count)| **count > 0.0);
    let mut found: Vec<(Remote, f64, f64)> = candidates
        .remotes
        .iter()
        .zip(&counts.remotes)
        .map(|(remote, (sockets, waiting))| (*remote, *sockets, *waiting))
        .filter(|(_, sockets, _)| *sockets > 0.0)
        .collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let more = found.len().saturating_sub(MOST_PEERS);
    found.truncate(MOST_PEERS);
    Network { peers: named(&found), more, listens: listens.map(|(port, _)| *port).collect() }
}

type Remote = (IpAddr, u16);

/// Whom the target may speak with: whoever its users speak with.
struct Candidates {
    remotes: Vec<Remote>,
    listens: Vec<u16>,
}

/// How many sockets the target has with each of them.
struct Counts {
    /// In any state, and in CLOSE_WAIT.
    remotes: Vec<(f64, f64)>,
    listens: Vec<f64>,
}

impl Candidates {
    fn of(sockets: &[Socket]) -> Self {
        let listening = sockets.iter().filter(|socket| socket.state == TcpState::Listen);
        let listens: BTreeSet<u16> = listening.map(|socket| socket.local.port).collect();
        let mut remotes: BTreeMap<Remote, usize> = BTreeMap::new();
        // What came in at a port that somebody listens on has a peer without a port of its own.
        let outbound = |socket: &&Socket| socket.remote.port > 0 && !listens.contains(&socket.local.port);
        for socket in sockets.iter().filter(outbound) {
            *remotes.entry((socket.remote.address, socket.remote.port)).or_default() += 1;
        }
        let mut remotes: Vec<(Remote, usize)> = remotes.into_iter().collect();
        remotes.sort_by_key(|(remote, count)| (std::cmp::Reverse(*count), *remote));
        let remotes = remotes.into_iter().map(|(remote, _)| remote).take(MOST_CANDIDATES).collect();
        Self { remotes, listens: listens.into_iter().take(MOST_CANDIDATES).collect() }
    }

    /// Has the sampler count each of them, as a daemon would.
    fn counted(&self, head: &str) -> Option<Counts> {
        let mut text = String::from("[peers]\n");
        for (index, remote) in self.remotes.iter().enumerate() {
            text.push_str(&format!("r{index} = \"{}\"\n", pattern(*remote)));
        }
        for (index, port) in self.listens.iter().enumerate() {
            text.push_str(&format!("l{index} = {{ local = \"*:{port}\" }}\n"));
        }
        text.push_str(&format!("{head}[target.probe.thresholds]\n"));
        for index in 0..self.remotes.len() {
            text.push_str(&format!(
                "\"sockets.r{index}\" = {{ elevated = 1 }}\n\"close_wait.r{index}\" = {{ elevated = 1 }}\n"
            ));
        }
        for index in 0..self.listens.len() {
            text.push_str(&format!("\"sockets.l{index}\" = {{ elevated = 1 }}\n"));
        }
        let live = Live::look(&config::parse(vec![Source::new("probe", &text)]).ok()?);
        let count = |base: Base, peer: String| {
            let metric = Metric { base, peer: Some(peer.into()) };
            highest(&live, &metric)
        };
        let remotes = (0..self.remotes.len())
            .map(|index| (count(Base::Sockets, format!("r{index}")), count(Base::CloseWait, format!("r{index}"))));
        let listens = (0..self.listens.len()).map(|index| count(Base::Sockets, format!("l{index}")));
        Some(Counts { remotes: remotes.collect(), listens: listens.collect() })
    }
}

/// The highest of the members' readings; 0 where there is none, which proposes nothing.
fn highest(live: &Live, metric: &Metric) -> f64 {
    let Some(at) = live.config.targets.first().and_then(|t| t.metrics.iter().position(|known| known == metric)) else {
        return 0.0;
    };
    let values = live.sample.members.iter().filter_map(|member| member.readings.get(at)?.value.number());
    values.fold(0.0, f64::max)
}

/// `10.0.5.10:5432`, `[::1]:5432`
fn pattern((address, port): Remote) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// Each with a name of its own: that of the service, with a number from the second on.
fn named(found: &[(Remote, f64, f64)]) -> Vec<PeerSeen> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut peers = Vec::new();
    for (remote, sockets, close_wait) in found {
        let known = KNOWN.iter().find(|(port, _)| *port == remote.1);
        let base = known.map_or_else(|| format!("port_{}", remote.1), |(_, name)| (*name).to_owned());
        let count = taken.entry(base.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { base } else { format!("{base}_{count}") };
        peers.push(PeerSeen { name, pattern: pattern(*remote), sockets: *sockets, close_wait: *close_wait });
    }
    peers
}
