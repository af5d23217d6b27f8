//! `/proc/PID/net/tcp` and `tcp6`: the TCP sockets of the network namespace of a process.
//!
//! Netlink lists those of our own namespace only, and to enter another one takes CAP_SYS_ADMIN.
//! These files need no right at all. They cost more (the kernel walks its whole table of sockets, of
//! all namespaces, for each file: 9 ms and 1.8 us a socket), are no snapshot (sockets that come and go
//! while they are read may be missing, or be there twice), and have neither cookie nor cgroup.
//!
//! What belongs here: the lines, as `tcp4_seq_show` and `tcp6_seq_show` of the kernel print them. What
//! does not: when they are read, and whose a socket is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Error;
use super::digits::{hex, number, words};
use super::sock_diag::{Endpoint, Socket, TcpState};

/// A line holds about 150 bytes; one that does not end within this many is none.
const LONGEST: usize = 1024;

const EXPECTED: Error = Error::Malformed("/proc/PID/net/tcp with a socket a line");

/// Takes a table in pieces, as the kernel hands it out.
#[derive(Debug, Default)]
pub struct TcpLines {
    /// The beginning of a line whose end is in the next piece.
    begun: Vec<u8>,
    /// Whether the heading was seen.
    headed: bool,
}

impl TcpLines {
    /// Takes the next piece; calls `visit` with each socket whose line ends in it.
    ///
    /// # Errors
    /// What is no such table.
    pub fn take(&mut self, piece: &[u8], visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.begun.is_empty() {
                self.line(line, visit)?;
            } else {
                let mut whole = std::mem::take(&mut self.begun);
                whole.extend_from_slice(line);
                self.line(&whole, visit)?;
                whole.clear();
                self.begun = whole;
            }
        }
        self.begun.extend_from_slice(rest);
        if self.begun.len() > LONGEST { Err(EXPECTED) } else { Ok(()) }
    }

    /// There is no further piece.
    ///
    /// # Errors
    /// A table that ends within a line, or without its heading.
    pub fn end(&mut self) -> Result<(), Error> {
        let whole = self.begun.is_empty() && self.headed;
        *self = Self::default();
        if whole { Ok(()) } else { Err(EXPECTED) }
    }

    fn line(&mut self, line: &[u8], visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
        if !self.headed {
            self.headed = words(line).next() == Some(b"sl");
            return if self.headed { Ok(()) } else { Err(EXPECTED) };
        }
        if let Some(socket) = socket(line)? {
            visit(&socket);
        }
        Ok(())
    }
}

/// `sl: local remote state tx:rx tr:when retransmits uid timeout inode ...`; none for a state that
/// this program does not know.
fn socket(line: &[u8]) -> Result<Option<Socket>, Error> {
    let mut words = words(line);
    let mut word = |skip: usize| words.nth(skip).ok_or(EXPECTED);
    let (local, remote, state) = (endpoint(word(1)?)?, endpoint(word(0)?)?, hex(word(0)?));
    let (uid, inode) = (number(word(3)?), number(word(1)?));
    let fits = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).ok_or(EXPECTED);
    let state = state.and_then(|state| u8::try_from(state).ok()).ok_or(EXPECTED)?;
    let (uid, inode) = (fits(uid)?, fits(inode)?);
    Ok(TcpState::from_raw(state).map(|state| Socket { cookie: 0, inode, uid, state, local, remote, cgroup: None }))
}

/// `ADDRESS:PORT`, both hexadecimal: the port as a number, the address as the kernel's memory holds
/// it, in words of 32 bits of the host's byte order.
pub(super) fn endpoint(text: &[u8]) -> Result<Endpoint, Error> {
    let at = text.iter().position(|byte| *byte == b':').ok_or(EXPECTED)?;
    let (address, port) = (&text[..at], &text[at + 1..]);
    let port = hex(port).and_then(|port| u16::try_from(port).ok()).ok_or(EXPECTED)?;
    let quad = |text: &[u8]| hex(text).and_then(|word| u32::try_from(word).ok()).map(u32::to_ne_bytes).ok_or(EXPECTED);
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(quad(address)?)),
        32 => {
            let mut bytes = [0; 16];
            for (part, text) in bytes.chunks_exact_mut(4).zip(address.chunks_exact(8)) {
                part.copy_from_slice(&quad(text)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return Err(EXPECTED),
    };
    Ok(Endpoint { address, port })
}

#[cfg(test)]
mod tests;
