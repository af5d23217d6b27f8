//! The sockets of a process: whom they lead to, their states, their queues.

use std::collections::BTreeMap;

use super::{lack, names};
use crate::config::Peer;
use crate::kernel::sock_diag::Endpoint;
use crate::kernel::{Look, NetLine, Table, UnixLine};
use crate::model::{Evidence, printable};

/// A socket that the process has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// `tcp`, `udp6`, `unix stream`
    pub(super) kind: &'static str,
    /// `CLOSE_WAIT`, `connected`
    pub(super) state: &'static str,
    /// The own side; the path of a Unix socket.
    pub(super) local: String,
    /// The other side; empty where there is none.
    pub(super) remote: String,
    /// The name that `[peers]` gives it; empty without.
    pub(super) peer: String,
    /// Bytes that the other side has not acknowledged, and that the process has not read.
    pub(super) queues: Option<(u64, u64)>,
}

impl Socket {
    /// `tcp CLOSE_WAIT to 10.0.5.10:5432 (postgres)`: without what tells two such sockets apart.
    pub(super) fn what(&self) -> String {
        let Self { kind, state, local, remote, peer, .. } = self;
        let name = if peer.is_empty() { String::new() } else { format!(" ({peer})") };
        match (remote.is_empty(), local.is_empty()) {
            (false, _) => format!("{kind} {state} to {remote}{name}"),
            (true, false) => format!("{kind} {state} at {local}{name}"),
            (true, true) => format!("{kind} {state}"),
        }
    }
}

/// The sockets among `inodes`, by inode.
pub(super) fn find(
    look: &Look,
    inodes: &std::collections::BTreeSet<u64>,
    peers: &[Peer],
    evidence: &mut Evidence,
) -> BTreeMap<u64, Socket> {
    let mut found = BTreeMap::new();
    if inodes.is_empty() {
        return found;
    }
    for table in Table::ALL {
        let read = look.table(table, &mut |line| {
            if let Some((inode, socket)) = socket(table, line, peers).filter(|(inode, _)| inodes.contains(inode)) {
                // A Unix socket may be bound to a path with a line break in it, and so forge a line; the tables
                // before cannot be forged.
                found.entry(inode).or_insert(socket);
            }
            found.len() < inodes.len()
        });
        match read {
            // A kernel without IPv6.
            Ok(()) | Err(crate::kernel::Error::Gone) => {}
            Err(error) => lack(evidence, "sockets of its network namespace", error),
        }
    }
    found
}

fn socket(table: Table, line: &[u8], peers: &[Peer]) -> Option<(u64, Socket)> {
    if table == Table::Unix {
        let line = UnixLine::parse(line).ok()?;
        let (kind, state) = (names::unix_kind(line.kind), names::unix_state(line.state, line.listens));
        let local = printable(line.path, 200);
        let socket = Socket { kind, state, local, remote: String::new(), peer: String::new(), queues: None };
        return Some((line.inode, socket));
    }
    let line = NetLine::parse(line).ok()?;
    let (kind, state) = match table {
        Table::Tcp => ("tcp", names::tcp_state(line.state)),
        Table::Tcp6 => ("tcp6", names::tcp_state(line.state)),
        Table::Udp => ("udp", names::udp_state(line.state)),
        Table::Udp6 => ("udp6", names::udp_state(line.state)),
        Table::Unix => return None,
    };
    let nobody = line.remote.port == 0;
    let peer = names::peer(peers, &line.local, &line.remote).unwrap_or_default().to_owned();
    let remote = if nobody { String::new() } else { show(&line.remote) };
    let socket =
        Socket { kind, state, local: show(&line.local), remote, peer, queues: Some((line.unsent, line.unread)) };
    Some((line.inode, socket))
}

fn show(end: &Endpoint) -> String {
    std::net::SocketAddr::new(end.address, end.port).to_string()
}
