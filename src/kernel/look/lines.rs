//! The lines of `/proc/PID/net/{tcp,tcp6,udp,udp6,unix}`, as `tcp4_seq_show` and its sisters print them.

use crate::kernel::Error;
use crate::kernel::digits::{hex, number, words};
use crate::kernel::net_tcp::endpoint;
use crate::kernel::sock_diag::Endpoint;

/// A socket of the internet protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetLine {
    /// The own side.
    pub local: Endpoint,
    /// The other side.
    pub remote: Endpoint,
    /// Its state by the kernel's number; 7 for a UDP socket without a peer.
    pub state: u8,
    /// Bytes that the other side has not acknowledged.
    pub unsent: u64,
    /// Bytes that the process has not read; of a listening socket connections that it has not accepted.
    pub unread: u64,
    /// Inode of its descriptor; 0 where no process has one.
    pub inode: u64,
}

/// A Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixLine<'a> {
    /// Its kind by the kernel's number: 1 stream, 2 datagram, 5 sequenced packets.
    pub kind: u64,
    /// 1 not connected, 2 connecting, 3 connected, 4 disconnecting; whether it listens is in `listens`.
    pub state: u64,
    /// Whether it waits for others.
    pub listens: bool,
    /// Inode of its descriptor.
    pub inode: u64,
    /// The path that it is bound to, `@` before an abstract one; empty where it is bound to none.
    pub path: &'a [u8],
}

/// `__SO_ACCEPTCON` of the kernel's `include/uapi/linux/net.h`.
const ACCEPTS: u64 = 1 << 16;

const EXPECTED: Error = Error::Malformed("/proc/PID/net with a socket a line");

/// How many bytes the arguments of a process are, by fields 48 and 49 of its `stat` (proc(5)); none without the right
/// to trace it. `/proc/PID/cmdline` may be more: where a process has overwritten the end of its arguments, the kernel
/// goes on into its environment.
pub fn arguments_length(stat: &[u8]) -> Option<usize> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = words(stat.get(close + 1..)?);
    let (begin, end) = (number(fields.nth(45)?)?, number(fields.next()?)?);
    let length = end.checked_sub(begin).filter(|_| begin > 0)?;
    usize::try_from(length).ok()
}

impl NetLine {
    /// `sl: local remote state tx:rx tr:when retransmits uid timeout inode ...`
    ///
    /// # Errors
    /// What is no such line.
    pub fn parse(line: &[u8]) -> Result<Self, Error> {
        let mut words = words(line);
        let mut word = |skip: usize| words.nth(skip).ok_or(EXPECTED);
        let (local, remote) = (endpoint(word(1)?)?, endpoint(word(0)?)?);
        let state = hex(word(0)?).and_then(|state| u8::try_from(state).ok()).ok_or(EXPECTED)?;
        let queues = word(0)?;
        let at = queues.iter().position(|byte| *byte == b':').ok_or(EXPECTED)?;
        let unsent = hex(&queues[..at]).ok_or(EXPECTED)?;
        let unread = hex(&queues[at + 1..]).ok_or(EXPECTED)?;
        let inode = number(word(4)?).ok_or(EXPECTED)?;
        Ok(Self { local, remote, state, unsent, unread, inode })
    }
}

impl<'a> UnixLine<'a> {
    /// `address: references protocol flags type state inode path`
    ///
    /// # Errors
    /// What is no such line.
    pub fn parse(line: &'a [u8]) -> Result<Self, Error> {
        let mut rest = line;
        let mut next = || {
            let begin = rest.trim_ascii_start();
            let end = begin.iter().position(|byte| *byte == b' ').unwrap_or(begin.len());
            rest = &begin[end..];
            (!begin[..end].is_empty()).then_some(&begin[..end]).ok_or(EXPECTED)
        };
        let (_, _, _) = (next()?, next()?, next()?);
        let flags = hex(next()?).ok_or(EXPECTED)?;
        let kind = hex(next()?).ok_or(EXPECTED)?;
        let state = hex(next()?).ok_or(EXPECTED)?;
        let inode = number(next()?).ok_or(EXPECTED)?;
        let path = rest.strip_prefix(b" ").unwrap_or(rest);
        Ok(Self { kind, state, listens: flags & ACCEPTS != 0, inode, path })
    }
}
