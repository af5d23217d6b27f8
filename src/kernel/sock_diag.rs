//! The TCP sockets of this network namespace, both families, through netlink's sock_diag, or, where that
//! is refused, from `/proc/net/tcp` and `tcp6` (`table`), which costs far more: see [`SockDiag::way`].
//!
//! What belongs here: asking, receiving, and every way in which a dump can be less than complete.
//! What does not: whose a socket is (`sample::attribution`). Needs no privilege.
//!
//! A dump is all or nothing: if any part of it was lost, refused, cut or disturbed, the caller gets
//! the reason and no socket, because half a list looks like good news.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::Error;
use crate::model::Unknown;

mod list;
mod table;
mod wire;

#[cfg(test)]
mod tests;

use list::List;
use wire::{AF_INET, AF_INET6, Query, REQUEST};
pub use wire::{Endpoint, Progress, Socket, States, TcpState, walk};

/// Why there is no dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// EACCES, EPERM, EAFNOSUPPORT: a sandbox forbids netlink.
    #[error("netlink is not permitted: allow the address family AF_NETLINK to this service")]
    Denied,
    /// ENOENT and its like: the kernel does not list its sockets over netlink.
    #[error("this kernel does not list TCP sockets over netlink: load its module tcp_diag")]
    Unsupported,
    /// The table changed under the walk each time.
    #[error("the table of sockets changed under every attempt to list it")]
    Interrupted,
    /// ENOBUFS: messages were lost.
    #[error("the kernel dropped part of the list of sockets")]
    Overrun,
    /// A datagram longer than the largest buffer.
    #[error("the kernel sent a longer message than this program reads")]
    Truncated,
    /// The kernel stopped sending before the end.
    #[error("the list of sockets ended early")]
    Incomplete,
    /// It does not parse.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Any other errno.
    #[error("error {0}")]
    Os(i32),
}

impl DumpError {
    /// From the wire, so it may be any number, which rustix's `Errno` would not bear.
    fn from_errno(raw: i32) -> Self {
        match raw {
            // What systemd answers for RestrictAddressFamilies=, and a kernel without netlink.
            libc::EACCES | libc::EPERM | libc::EAFNOSUPPORT => Self::Denied,
            // No module for TCP, for sock_diag, for the one walk; nobody who listens at the other end.
            libc::EINVAL
            | libc::ENOENT
            | libc::EOPNOTSUPP
            | libc::EPROTONOSUPPORT
            | libc::ESOCKTNOSUPPORT
            | libc::ECONNREFUSED
            | libc::ENOSYS => Self::Unsupported,
            libc::ENOBUFS => Self::Overrun,
            libc::EAGAIN => Self::Incomplete,
            _ => Self::Os(raw),
        }
    }

    /// One word for counting.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Unsupported => "missing",
            Self::Interrupted => "interrupted",
            Self::Overrun => "overrun",
            Self::Truncated => "truncated",
            Self::Incomplete => "incomplete",
            Self::Malformed(_) => "malformed",
            Self::Os(_) => "system",
        }
    }

    /// Whether the same question may well be answered in full at once.
    const fn is_passing(self) -> bool {
        matches!(self, Self::Interrupted | Self::Overrun | Self::Truncated | Self::Incomplete)
    }

    /// Whether netlink will not answer this question, however often it is asked.
    const fn is_refusal(self) -> bool {
        matches!(self, Self::Denied | Self::Unsupported)
    }
}

impl From<Errno> for DumpError {
    fn from(errno: Errno) -> Self {
        Self::from_errno(errno.raw_os_error())
    }
}

impl From<DumpError> for Unknown {
    fn from(error: DumpError) -> Self {
        match error {
            DumpError::Denied | DumpError::Unsupported => Self::Denied,
            DumpError::Interrupted
            | DumpError::Overrun
            | DumpError::Truncated
            | DumpError::Incomplete
            | DumpError::Malformed(_)
            | DumpError::Os(_) => Self::Malformed,
        }
    }
}

/// What carries requests and replies: the kernel, or a test's idea of it. Neither call may wait.
pub trait Link {
    /// Sends one request.
    fn send(&mut self, request: &[u8]) -> Result<(), Errno>;
    /// Receives one datagram; returns its full length even when `buffer` is shorter.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Errno>;
    /// Forgets what was asked; the next request starts afresh.
    fn reset(&mut self);
    /// Calls `visit` with each socket of `/proc/net/tcp` and `tcp6`, for where netlink refuses.
    fn table(&mut self, visit: &mut dyn FnMut(&Socket)) -> Result<(), Error>;
}

/// The kernel's end.
#[derive(Debug, Default)]
pub struct Kernel {
    socket: Option<OwnedFd>,
}

impl Link for Kernel {
    fn send(&mut self, request: &[u8]) -> Result<(), Errno> {
        if self.socket.is_none() {
            let protocol = Some(netlink::SOCK_DIAG);
            let socket = rustix::net::socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
                protocol,
            )?;
            // Port 0 is the kernel; connected to it, nobody else's datagrams are taken.
            rustix::net::connect(&socket, &netlink::SocketAddrNetlink::new(0, 0))?;
            self.socket = Some(socket);
        }
        let socket = self.socket.as_ref().ok_or(Errno::NOTCONN)?;
        let sent = rustix::net::send(socket, request, SendFlags::empty())?;
        if sent == request.len() { Ok(()) } else { Err(Errno::MSGSIZE) }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let socket = self.socket.as_ref().ok_or(Errno::NOTCONN)?;
        // With TRUNC the length is that of the datagram, not of what fitted. The kernel fills the
        // queue from within these two calls, so an empty queue is an end, never a reason to wait.
        rustix::net::recv(socket, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC).map(|(_, length)| length)
    }

    fn reset(&mut self) {
        self.socket = None;
    }

    fn table(&mut self, visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        table::each_socket(visit)
    }
}

/// Where a dump came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Netlink.
    Netlink,
    /// `/proc/net/tcp` and `tcp6`, which the kernel takes about 9 ms for even where there is no socket,
    /// and 2 us more for each; and why it had to be.
    Table(DumpError),
}

/// The kernel's replies are at most 32 KiB today (netlink_recvmsg).
const FIRST_BUFFER: usize = 32 << 10;
const LARGEST_BUFFER: usize = 1 << 20;
const ATTEMPTS: usize = 4;

/// A kept netlink socket with its buffer.
#[derive(Debug)]
pub struct SockDiag<L = Kernel> {
    link: L,
    buffer: Vec<u8>,
    sequence: u32,
    queries: &'static [Query],
    way: Way,
}

const ONE_WALK: &[Query] = &[Query::BothFamilies];
const TWO_WALKS: &[Query] = &[Query::Family(AF_INET), Query::Family(AF_INET6)];

impl SockDiag {
    /// Opens nothing yet: the first dump does.
    pub fn new() -> Self {
        Self::over(Kernel::default())
    }
}

impl Default for SockDiag {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Link> SockDiag<L> {
    /// Speaks over `link`.
    pub fn over(link: L) -> Self {
        Self { link, buffer: vec![0; FIRST_BUFFER], sequence: 0, queries: ONE_WALK, way: Way::Netlink }
    }

    /// Replaces the content of `sockets` by all TCP sockets in one of `states`. Returns whether that is what was
    /// in it, in the same order; sure of that it is only with netlink.
    ///
    /// A disturbed dump is repeated; where netlink refuses, `/proc/net` is read instead, by the caller's
    /// leave: [`way`](Self::way) says afterwards whether it was, and whoever asks again at once pays for
    /// it. On error `sockets` is empty; the next call starts afresh.
    pub fn dump(&mut self, states: States, sockets: &mut Vec<Socket>) -> Result<bool, DumpError> {
        let asked = self.ask(states, sockets);
        self.way = match asked {
            Err(refusal) if refusal.is_refusal() => Way::Table(refusal),
            Ok(_) | Err(_) => Way::Netlink,
        };
        let Way::Table(refusal) = self.way else { return asked };
        // The module may be loaded later.
        self.queries = ONE_WALK;
        table::collect(states, sockets, |visit| self.link.table(visit)).map_err(|_| refusal)?;
        Ok(false)
    }

    /// Where the last dump came from: netlink before the first.
    pub const fn way(&self) -> Way {
        self.way
    }

    /// Whether the last dump took the slow way, which is not for each pass.
    pub const fn is_slow(&self) -> bool {
        matches!(self.way, Way::Table(_))
    }

    /// Why netlink does not list sockets, if it does not. It is asked for those in no state, for which
    /// the kernel walks nothing.
    pub fn refusal(&mut self) -> Option<DumpError> {
        self.ask(States::of(&[]), &mut Vec::new()).err().filter(|error| error.is_refusal())
    }

    fn ask(&mut self, states: States, sockets: &mut Vec<Socket>) -> Result<bool, DumpError> {
        let mut error = DumpError::Incomplete;
        for _ in 0..ATTEMPTS {
            error = match self.attempt(states, sockets) {
                Ok(same) => return Ok(same),
                Err(error) => error,
            };
            // Replies may still be under way, and the kernel refuses a second dump meanwhile.
            self.link.reset();
            sockets.clear();
            if error == DumpError::Unsupported && self.queries == ONE_WALK {
                self.queries = TWO_WALKS;
            } else if !error.is_passing() {
                break;
            }
        }
        Err(error)
    }

    fn attempt(&mut self, states: States, sockets: &mut Vec<Socket>) -> Result<bool, DumpError> {
        let mut list = List::over(sockets);
        let mut interrupted = false;
        for &query in self.queries {
            self.sequence = self.sequence.wrapping_add(1);
            let mut request = [0; REQUEST];
            let length = wire::request(query, states, self.sequence, &mut request);
            again(|| self.link.send(&request[..length]))?;
            loop {
                let progress = self.receive(&mut list)?;
                interrupted |= progress.interrupted;
                if progress.done {
                    break;
                }
            }
        }
        if interrupted { Err(DumpError::Interrupted) } else { Ok(list.end()) }
    }

    fn receive(&mut self, list: &mut List<'_>) -> Result<Progress, DumpError> {
        let length = again(|| self.link.receive(&mut self.buffer))?;
        let Some(datagram) = self.buffer.get(..length) else {
            if length <= LARGEST_BUFFER {
                self.buffer.resize(length.next_power_of_two(), 0);
            }
            return Err(DumpError::Truncated);
        };
        wire::walk_messages(datagram, self.sequence, |message| list.take(message))
    }
}

/// A signal may cut a call short: nothing was lost, and it is made again; but not for ever.
fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, DumpError> {
    for _ in 0..100 {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.map_err(DumpError::from),
        }
    }
    Err(DumpError::Incomplete)
}
