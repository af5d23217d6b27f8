//! With whom a target speaks: candidates from the kernel's table of sockets, told apart by tradedog's
//! own attribution, so that what is proposed is what will be counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::cli::live::Live;
use crate::config::{self, Source};
use crate::discover::Member;
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

/// Looks at the sockets of these members; `head` is their table in the configuration.
pub(super) fn look(head: &str, members: &[Member]) -> Network {
    let all = [TcpState::Established, TcpState::CloseWait, TcpState::SynSent, TcpState::Listen];
    let mut sockets = Vec::new();
    if SockDiag::new().dump(States::of(&all), &mut sockets).is_err() {
        return Network::default();
    }
    let uids: BTreeSet<u32> = members.iter().flat_map(|member| [member.facts.uids.0, member.facts.uids.1]).collect();
    sockets.retain(|socket| uids.contains(&socket.uid));
    let listens = listens(&sockets, members);
    let remotes = candidates(&sockets);
    let counts = counted(&remotes, head).unwrap_or_default();
    let mut found: Vec<(Remote, f64, f64)> = remotes
        .iter()
        .zip(&counts)
        .map(|(remote, (sockets, waiting))| (*remote, *sockets, *waiting))
        .filter(|(_, sockets, _)| *sockets > 0.0)
        .collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let more = found.len().saturating_sub(MOST_PEERS);
    found.truncate(MOST_PEERS);
    Network { peers: named(&found), more, listens }
}

/// The ports that the members listen on, as far as their descriptors can be read.
fn listens(sockets: &[Socket], members: &[Member]) -> Vec<u16> {
    let mut inodes = BTreeSet::new();
    for member in members {
        // What may not be read is said of the metrics that need it.
        let _ = member.process.socket_inodes(&mut |inode| {
            inodes.insert(inode);
        });
    }
    let own = |socket: &&Socket| socket.state == TcpState::Listen && inodes.contains(&u64::from(socket.inode));
    let ports: BTreeSet<u16> = sockets.iter().filter(own).map(|socket| socket.local.port).collect();
    ports.into_iter().collect()
}

type Remote = (IpAddr, u16);

/// Whom the target may speak with: whoever its users speak with.
fn candidates(sockets: &[Socket]) -> Vec<Remote> {
    let listening = sockets.iter().filter(|socket| socket.state == TcpState::Listen);
    let listening: BTreeSet<u16> = listening.map(|socket| socket.local.port).collect();
    let mut remotes: BTreeMap<Remote, usize> = BTreeMap::new();
    // What came in at a port that somebody listens on has a peer without a port of its own.
    let outbound = |socket: &&Socket| socket.remote.port > 0 && !listening.contains(&socket.local.port);
    for socket in sockets.iter().filter(outbound) {
        *remotes.entry((socket.remote.address, socket.remote.port)).or_default() += 1;
    }
    let mut remotes: Vec<(Remote, usize)> = remotes.into_iter().collect();
    remotes.sort_by_key(|(remote, count)| (std::cmp::Reverse(*count), *remote));
    remotes.into_iter().map(|(remote, _)| remote).take(MOST_CANDIDATES).collect()
}

/// Has the sampler count the sockets with each of them, as a daemon would: in any state, and in
/// CLOSE_WAIT.
fn counted(remotes: &[Remote], head: &str) -> Option<Vec<(f64, f64)>> {
    if remotes.is_empty() {
        return None;
    }
    let mut text = String::from("[peers]\n");
    for (index, remote) in remotes.iter().enumerate() {
        text.push_str(&format!("r{index} = \"{}\"\n", pattern(*remote)));
    }
    text.push_str(&format!("{head}[target.probe.thresholds]\n"));
    for index in 0..remotes.len() {
        for metric in ["sockets", "close_wait"] {
            text.push_str(&format!("\"{metric}.r{index}\" = {{ elevated = 1 }}\n"));
        }
    }
    let live = Live::look(&config::parse(vec![Source::new("probe", &text)]).ok()?);
    let count = |base: Base, index: usize| {
        let metric = Metric::of(base, Some(format!("r{index}").into()));
        highest(&live, &metric)
    };
    Some((0..remotes.len()).map(|index| (count(Base::Sockets, index), count(Base::CloseWait, index))).collect())
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
