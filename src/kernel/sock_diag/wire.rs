//! The bytes of sock_diag: a request built, a reply walked in place.
//!
//! Pure functions of byte slices, so that they can be tested and fuzzed without a kernel. Layouts:
//! `struct nlmsghdr` (linux/netlink.h), `struct inet_diag_req`, `inet_diag_req_v2` and
//! `inet_diag_msg` (linux/inet_diag.h), `struct rtattr` (linux/rtnetlink.h). Numbers are in the
//! byte order of the host, ports and addresses in that of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::DumpError;

/// State of a TCP socket (include/net/tcp_states.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of RFC 9293")]
pub enum TcpState {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Close = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

impl TcpState {
    const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynReceived,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// Of its number.
    pub(in crate::kernel) fn from_raw(raw: u8) -> Option<Self> {
        usize::from(raw).checked_sub(1).and_then(|index| Self::ALL.get(index)).copied()
    }
}

/// A set of states: what the kernel is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u32);

impl States {
    /// Those `states`.
    pub const fn of(states: &[TcpState]) -> Self {
        let mut mask = 0;
        let mut index = 0;
        while index < states.len() {
            mask |= 1 << states[index] as u32;
            index += 1;
        }
        Self(mask)
    }

    /// None.
    pub const NONE: Self = Self(0);

    /// These and `state`.
    pub const fn and(self, state: TcpState) -> Self {
        Self(self.0 | 1 << state as u32)
    }

    /// These and `others`.
    pub const fn and_all(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These but for `state`.
    pub const fn without(self, state: TcpState) -> Self {
        Self(self.0 & !(1 << state as u32))
    }

    /// Whether `state` is one of them.
    pub const fn has(self, state: TcpState) -> bool {
        self.0 & 1 << state as u32 != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One end of a socket. An IPv4 address in IPv6 notation (`::ffff:10.0.0.1`, what a dual-stack
/// socket has) is stored as the IPv4 address it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port; 0 is none.
    pub port: u16,
}

/// A TCP socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its number within this boot, never given twice: the key to remember it by. `/proc/PID/net/tcp`
    /// shows none: it is 0 there, or in a dump that had to be made of it a key that holds as long as the
    /// socket is there.
    pub cookie: u64,
    /// Inode of its descriptor; 0 when no process has one: it waits to be accepted, or was closed.
    pub inode: u32,
    /// User of the process that made or accepted it, as its inode says; 0 may also mean that there
    /// is no inode.
    pub uid: u32,
    /// State.
    pub state: TcpState,
    /// The own side.
    pub local: Endpoint,
    /// The other side.
    pub remote: Endpoint,
    /// Id of the cgroup it was made in (Linux 5.9).
    pub cgroup: Option<u64>,
}

/// How the kernel is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// `TCPDIAG_GETSOCK`: TCP over IPv4 and IPv6 in one walk.
    BothFamilies,
    /// `SOCK_DIAG_BY_FAMILY`: one family.
    Family(u8),
}

pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

const IPPROTO_TCP: u8 = 6;
const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const INET_DIAG_CGROUP_ID: u16 = 21;

const HEADER: usize = 16;
/// `struct inet_diag_sockid`: ports, addresses, interface, cookie.
const SOCKID: usize = 48;
/// `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// Longest request.
pub(super) const REQUEST: usize = HEADER + 4 + SOCKID + 8;

/// Writes the request for a dump of `states` and returns its length.
pub(super) fn request(query: Query, states: States, sequence: u32, out: &mut [u8; REQUEST]) -> usize {
    out.fill(0);
    let kind = match query {
        Query::BothFamilies => {
            out[HEADER] = AF_INET;
            out[HEADER + 4 + SOCKID..HEADER + 8 + SOCKID].copy_from_slice(&states.0.to_ne_bytes());
            TCPDIAG_GETSOCK
        }
        Query::Family(family) => {
            out[HEADER] = family;
            out[HEADER + 1] = IPPROTO_TCP;
            out[HEADER + 4..HEADER + 8].copy_from_slice(&states.0.to_ne_bytes());
            SOCK_DIAG_BY_FAMILY
        }
    };
    // Both bodies (inet_diag_req: 4 + 48 + 8; inet_diag_req_v2: 8 + 48) fit into REQUEST.
    let length = if kind == TCPDIAG_GETSOCK { REQUEST } else { HEADER + 8 + SOCKID };
    out[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    out[4..6].copy_from_slice(&kind.to_ne_bytes());
    out[6..8].copy_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    out[8..12].copy_from_slice(&sequence.to_ne_bytes());
    length
}

/// What a datagram said about the dump as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The dump is at its end.
    pub done: bool,
    /// The kernel's table changed under the walk: sockets may be missing or listed twice.
    pub interrupted: bool,
}

/// Calls `visit` with every socket in a datagram that answers request number `sequence`.
pub fn walk(datagram: &[u8], sequence: u32, visit: &mut dyn FnMut(Socket)) -> Result<Progress, DumpError> {
    walk_messages(datagram, sequence, |message| {
        message.socket()?.into_iter().for_each(&mut *visit);
        Ok(())
    })
}

/// The same, with the messages as they came.
pub(super) fn walk_messages(
    datagram: &[u8],
    sequence: u32,
    mut visit: impl FnMut(&Message<'_>) -> Result<(), DumpError>,
) -> Result<Progress, DumpError> {
    let mut progress = Progress::default();
    let mut rest = datagram;
    if rest.is_empty() {
        return Err(DumpError::Malformed("an empty netlink datagram"));
    }
    while !rest.is_empty() && !progress.done {
        let length = be_sure(u32_at(rest, 0))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < HEADER || length > rest.len() {
            return Err(DumpError::Malformed("a netlink message with an impossible length"));
        }
        let (message, _) = rest.split_at(length);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        if be_sure(u32_at(message, 8))? == sequence
            && let Some(socket) = step(message, &mut progress)?
        {
            visit(&socket)?;
        }
    }
    Ok(progress)
}

fn step<'a>(message: &'a [u8], progress: &mut Progress) -> Result<Option<Message<'a>>, DumpError> {
    progress.interrupted |= be_sure(u16_at(message, 6))? & NLM_F_DUMP_INTR != 0;
    let body = &message[HEADER..];
    match be_sure(u16_at(message, 4))? {
        TCPDIAG_GETSOCK | SOCK_DIAG_BY_FAMILY => Message::of(body).map(Some),
        NLMSG_NOOP => Ok(None),
        NLMSG_ERROR => refusal(body).map(|()| None),
        NLMSG_DONE => {
            progress.done = true;
            // Kernels before 4.x end with an empty body; later ones with the result of the walk.
            if body.is_empty() { Ok(None) } else { refusal(body).map(|()| None) }
        }
        NLMSG_OVERRUN => Err(DumpError::Overrun),
        _ => Err(DumpError::Malformed("a netlink message of a type that was not asked for")),
    }
}

/// The errno (negated, 0 is none) at the head of an error or of the end of a dump.
fn refusal(body: &[u8]) -> Result<(), DumpError> {
    let bytes = body.first_chunk().ok_or(DumpError::Malformed("a netlink error without a number"))?;
    match i32::from_ne_bytes(*bytes) {
        0 => Ok(()),
        errno => Err(DumpError::from_errno(errno.saturating_neg())),
    }
}

/// A message about one socket, as it came.
pub(super) struct Message<'a> {
    fixed: &'a [u8; MESSAGE],
    attributes: &'a [u8],
}

impl<'a> Message<'a> {
    fn of(body: &'a [u8]) -> Result<Self, DumpError> {
        let parts = body.split_first_chunk().map(|(fixed, attributes)| Self { fixed, attributes });
        parts.ok_or(DumpError::Malformed("a socket shorter than inet_diag_msg"))
    }

    /// The socket; none for a state or family that this program does not know.
    pub(super) fn socket(&self) -> Result<Option<Socket>, DumpError> {
        let Some(socket) = self.fixed()? else { return Ok(None) };
        Ok(Some(Socket { cgroup: cgroup(self.attributes)?, ..socket }))
    }

    /// Whether it says of `socket` what is known. In which cgroup it was made, which stays the same, is not
    /// looked for among the attributes.
    pub(super) fn is_known(&self, socket: &Socket) -> bool {
        let cgroup = socket.cgroup;
        self.fixed().is_ok_and(|fixed| fixed.is_some_and(|fixed| Socket { cgroup, ..fixed } == *socket))
    }

    /// The socket but for its attributes.
    fn fixed(&self) -> Result<Option<Socket>, DumpError> {
        let message = self.fixed;
        let family = message[0];
        let (Some(state), Some(local), Some(remote)) =
            (TcpState::from_raw(message[1]), address(family, &message[8..24]), address(family, &message[24..40]))
        else {
            return Ok(None);
        };
        let port = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
        // The cookie is two halves, the lower first, each in host order (sock_diag_save_cookie).
        let (low, high) = (be_sure(u32_at(message, 44))?, be_sure(u32_at(message, 48))?);
        Ok(Some(Socket {
            cookie: u64::from(high) << 32 | u64::from(low),
            inode: be_sure(u32_at(message, 68))?,
            uid: be_sure(u32_at(message, 64))?,
            state,
            local: Endpoint { address: local, port: port(4) },
            remote: Endpoint { address: remote, port: port(6) },
            cgroup: None,
        }))
    }
}

fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => bytes.first_chunk::<4>().map(|four| IpAddr::V4(Ipv4Addr::from(*four))),
        AF_INET6 => bytes.first_chunk::<16>().map(|all| IpAddr::V6(Ipv6Addr::from(*all)).to_canonical()),
        _ => None,
    }
}

fn cgroup(mut attributes: &[u8]) -> Result<Option<u64>, DumpError> {
    while attributes.len() >= 4 {
        let length = usize::from(be_sure(u16_at(attributes, 0))?);
        let Some(value) = attributes.get(4..length) else {
            return Err(DumpError::Malformed("a socket attribute with an impossible length"));
        };
        if be_sure(u16_at(attributes, 2))? == INET_DIAG_CGROUP_ID {
            return Ok(value.first_chunk().map(|id| u64::from_ne_bytes(*id)));
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(None)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_ne_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_ne_bytes(*b))
}

fn be_sure<T>(number: Option<T>) -> Result<T, DumpError> {
    number.ok_or(DumpError::Malformed("a netlink message that ends too early"))
}
