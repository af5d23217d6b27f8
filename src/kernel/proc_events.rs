//! What happens to processes, told by the kernel: the proc connector (`NETLINK_CONNECTOR`,
//! `CONFIG_PROC_EVENTS`).
//!
//! What belongs here: asking, receiving, and every way in which news may be missing. What does not:
//! whose news matters. Tried on 6.18, as root and as a user without any capability:
//!
//! - Since 6.6 everybody may listen, and says which events it wants; before, it takes `CAP_NET_ADMIN`
//!   and everything comes (`cn_proc_mcast_ctl`, `cn_bind` of linux/drivers/connector). A mask also
//!   swallows the answer to the request; an older kernel ignores a request with a mask without a word.
//! - In another pid or user namespace the request is ignored without a word as well. Worse, events then
//!   come for as long as somebody else on the host listens, with numbers of the first pid namespace.
//!   So the namespaces are looked at, by the fixed inodes of the first ones.
//! - In another network namespace nobody is there to be asked: ECONNREFUSED.
//! - An event is queued before the call that causes it returns, so a sign that we give ourselves (a
//!   thread named anew as it is named) is there at once, or nothing ever will be.
//! - A full queue loses events (ENOBUFS, once), and goes on to lose all that come until it was emptied.
//! - Who ends without a word is counted as a listener until the next boot; without a socket in the
//!   group no event is made for it all the same (`netlink_has_listeners`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, socket_recv_buffer_size};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::{gettid, name, set_name};
use socket2::{SockFilter, SockRef};

use super::Proc;

mod wire;

#[cfg(test)]
mod tests;

use wire::Request;
pub use wire::{ProcEvent, Told, walk};

/// Why the kernel's events cannot be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Deaf {
    /// Another pid or user namespace than the host's, or a `/proc` that does not show which.
    #[error("events are told only in the host's own pid and user namespace")]
    Namespace,
    /// Another network namespace than the host's.
    #[error("events are told only in the host's own network namespace")]
    Network,
    /// EPERM, EACCES.
    #[error("not permitted: before Linux 6.6 it takes CAP_NET_ADMIN, and the address family AF_NETLINK always")]
    Denied,
    /// No such kind of socket.
    #[error("this kernel has no proc connector")]
    Missing,
    /// Not even our own events come.
    #[error("the kernel stays silent")]
    Silent,
    /// Any other errno.
    #[error("{}", std::io::Error::from_raw_os_error(*.0))]
    Os(i32),
}

impl From<Errno> for Deaf {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PERM | Errno::ACCESS => Self::Denied,
            Errno::CONNREFUSED => Self::Network,
            Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT | Errno::NOENT => Self::Missing,
            other => Self::Os(other.raw_os_error()),
        }
    }
}

/// What came with the events that were drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Others were lost: only a look at everybody knows.
    pub lost: bool,
    /// So much of the queue was in use that the next time should be soon.
    pub crowded: bool,
}

/// A socket that the kernel's events come to.
#[derive(Debug)]
pub struct ProcEvents {
    socket: OwnedFd,
    /// The number of the thread that listens.
    own: i32,
    /// A sign was given and was not seen yet.
    called: bool,
    /// The queue was not empty when it was last left.
    behind: bool,
    /// How many events make a crowd.
    crowd: usize,
}

/// As much as is asked for; the kernel doubles it for its own overhead, and gives without
/// `CAP_NET_ADMIN` no more than `net.core.rmem_max`.
const QUEUE: usize = 2 << 20;
/// About what an event takes of it: `skb->truesize` of a small message, which differs between kernels.
const EVENT: usize = 768;
/// Longer than any message of the connector.
const MESSAGE: usize = 4096;
/// More than this at once, and something makes events faster than they can be taken.
const MOST: usize = 1 << 20;
/// How long a sign is waited for at the start.
const PATIENCE: Duration = Duration::from_secs(1);
/// Tells answers to us from those to others.
const ACK: u32 = 0x7264_6f67;

impl ProcEvents {
    /// Listens, for the calling thread, which must be the one that drains.
    ///
    /// # Errors
    ///
    /// Why there will be no events. That they come was tried.
    pub fn listen(proc: &Proc) -> Result<Self, Deaf> {
        Self::with_queue(proc, QUEUE)
    }

    fn with_queue(proc: &Proc, bytes: usize) -> Result<Self, Deaf> {
        if !proc.is_of_first_namespaces() {
            return Err(Deaf::Namespace);
        }
        match Self::ask(Request::ListenMasked, bytes) {
            Err(Deaf::Silent) => Self::ask(Request::ListenAll, bytes),
            asked => asked,
        }
    }

    fn ask(request: Request, bytes: usize) -> Result<Self, Deaf> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = Some(netlink::CONNECTOR);
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
        if set_socket_recv_buffer_size_force(&socket, bytes).is_err() {
            set_socket_recv_buffer_size(&socket, bytes)?;
        }
        let own = gettid().as_raw_nonzero().get();
        // A kernel that takes no filter only makes us take more.
        let steps = wire::filter(own).into_iter().map(|(code, yes, no, k)| SockFilter::new(code, yes, no, k));
        let _ = SockRef::from(&socket).attach_filter(&steps.collect::<Vec<_>>());
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, wire::GROUP))?;
        let crowd = socket_recv_buffer_size(&socket)? / EVENT / 4;
        let mut events = Self { socket, own, called: false, behind: false, crowd };
        events.send(request)?;
        events.prove()?;
        Ok(events)
    }

    fn send(&self, request: Request) -> Result<(), Errno> {
        let bytes = wire::request(request, self.sequence(), ACK);
        let sent = rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        if sent == bytes.len() { Ok(()) } else { Err(Errno::MSGSIZE) }
    }

    fn sequence(&self) -> u32 {
        self.own.unsigned_abs()
    }

    /// Gives a sign: an event of our own, which the next [`drain`](Self::drain) must find.
    ///
    /// # Errors
    ///
    /// Those of naming the calling thread as it is named.
    pub fn call(&mut self) -> Result<(), Deaf> {
        set_name(&name()?)?;
        self.called = true;
        Ok(())
    }

    /// Whether a sign of ours comes, within [`PATIENCE`].
    fn prove(&mut self) -> Result<(), Deaf> {
        self.call()?;
        match self.drain(&mut |_| {}) {
            Err(Deaf::Silent) => {}
            drained => return drained.map(drop),
        }
        self.call()?;
        let timeout = Timespec::try_from(PATIENCE).unwrap_or_default();
        poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout))?;
        self.drain(&mut |_| {}).map(drop)
    }

    /// Calls `visit` with all that happened since the last call, in order; never waits.
    ///
    /// # Errors
    ///
    /// There will be no more: the socket is broken, or a sign was given and did not come.
    pub fn drain(&mut self, visit: &mut dyn FnMut(ProcEvent)) -> Result<Drained, Deaf> {
        let mut taken = Taken { lost: self.behind, ..Taken::default() };
        self.behind = true;
        let mut buffer = [0; MESSAGE];
        let mut count = 0;
        while count < MOST {
            count += 1;
            match self.receive(&mut buffer) {
                Ok(Some(datagram)) => wire::walk(datagram, &mut |told| taken.take(told, self, visit)),
                Ok(None) | Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => taken.lost = true,
                Err(Errno::AGAIN) => {
                    self.behind = false;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        match taken.refused {
            Some(libc::EPERM | libc::EACCES) => return Err(Deaf::Denied),
            Some(errno) => return Err(Deaf::Os(errno)),
            None => {}
        }
        // Where something was lost, the sign may have been.
        let called = std::mem::take(&mut self.called);
        if called && !taken.heard && !taken.lost {
            return Err(Deaf::Silent);
        }
        Ok(Drained { lost: taken.lost, crowded: taken.lost || count > self.crowd })
    }

    /// One datagram; none where it is not the kernel's.
    fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<Option<&'a [u8]>, Errno> {
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let (_, length, from) = rustix::net::recvfrom(&self.socket, &mut *buffer, flags)?;
        let port = from.and_then(|from| SocketAddrNetlink::try_from(from).ok()).map(|from| from.pid());
        // Port 0 is the kernel. One that was cut does not parse, and so counts as lost.
        Ok((port == Some(0)).then(|| buffer.get(..length).unwrap_or(&[0])))
    }
}

/// Can be read when there is something to [`drain`](ProcEvents::drain).
impl AsFd for ProcEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for ProcEvents {
    fn drop(&mut self) {
        // Nobody is left to hear that it failed.
        let _ = self.send(Request::Ignore);
    }
}

/// What one drain has seen so far.
#[derive(Debug, Default)]
struct Taken {
    lost: bool,
    heard: bool,
    /// The request was, with this errno.
    refused: Option<i32>,
}

impl Taken {
    fn take(&mut self, told: Told, events: &ProcEvents, visit: &mut dyn FnMut(ProcEvent)) {
        match told {
            Told::Event(event) => {
                // The main thread is told of as its process.
                self.heard |= matches!(event, ProcEvent::Changed(pid) if pid.get() == events.own);
                visit(event);
            }
            Told::Named(thread) => self.heard |= thread == events.own,
            Told::Answer { sequence, ack, errno } => {
                if (sequence, ack) == (events.sequence(), ACK + 1) {
                    self.refused = i32::try_from(errno).ok().filter(|errno| *errno != 0);
                }
            }
            Told::Lost => self.lost = true,
        }
    }
}
