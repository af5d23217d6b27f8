//! What TCP has counted in the daemon's network namespace: segments in and out, connections opened, reset
//! and established (`/proc/net/snmp`, RFC 4022).
//!
//! What belongs here: whether anything was counted since. What does not: what that says about sockets
//! (`sample::sockets`). Needs no privilege.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use super::source::{read_kept, read_record};

/// Its own folder is there even where the rest of `/proc` is hidden (`ProcSubset=pid`).
const PATH: &CStr = c"/proc/self/net/snmp";
/// Two lines: the names of the counters, and the counters.
const NAME: &[u8] = b"Tcp: ";

/// The counters, read through a kept descriptor.
#[derive(Debug)]
pub struct TcpCounts {
    path: &'static CStr,
    file: Option<OwnedFd>,
    buffer: Vec<u8>,
    /// The line as it was last read; empty before that, and after a failure.
    last: Vec<u8>,
}

impl TcpCounts {
    /// Opens nothing yet.
    pub const fn new() -> Self {
        Self::of(PATH)
    }

    /// Those in this file.
    pub(crate) const fn of(path: &'static CStr) -> Self {
        Self { path, file: None, buffer: Vec::new(), last: Vec::new() }
    }

    /// Whether TCP has counted anything since this was last asked; true the first time, and where it
    /// cannot be told.
    ///
    /// Each counter only rises, but for the one of established connections, and is summed up over the
    /// processors: two equal sums mean that none of them moved in between.
    pub fn have_moved(&mut self) -> bool {
        let buffer = &mut self.buffer;
        if read_kept(&mut self.file, self.path, |file| read_record(file, usize::MAX, buffer)).is_err() {
            self.last.clear();
            return true;
        }
        let line = counters(&self.buffer);
        let moved = line.is_empty() || line != self.last;
        if moved {
            self.last.clear();
            self.last.extend_from_slice(line);
        }
        moved
    }
}

impl Default for TcpCounts {
    fn default() -> Self {
        Self::new()
    }
}

/// The line of the counters; empty where there is none that is complete.
fn counters(text: &[u8]) -> &[u8] {
    let lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    lines.filter(|line| line.starts_with(NAME)).nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const TEXT: &[u8] = b"Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm InSegs OutSegs\nTcp: 1 52 50\nUdp: In\nUdp: 7\n";

    #[test]
    fn the_line_of_the_counters_is_found() {
        assert_eq!(counters(TEXT), b"Tcp: 1 52 50\n");
    }

    #[test]
    fn a_text_without_them_tells_nothing() {
        for text in
            [&b""[..], b"Tcp: RtoAlgorithm InSegs\n", b"Tcp: RtoAlgorithm InSegs\nTcp: 1 5", b"Udp: In\nUdp: 7\n"]
        {
            assert_eq!(counters(text), b"", "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_cannot_be_read_has_moved() {
        let mut counts = TcpCounts::of(c"/proc/self/net/no-such-file");
        assert!(counts.have_moved());
        assert!(counts.have_moved());
    }

    #[test]
    fn segments_on_loopback_are_counted() {
        let mut counts = TcpCounts::new();
        assert!(counts.have_moved(), "nothing was known before");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut from = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut to, _) = listener.accept().unwrap();
        assert!(counts.have_moved(), "a connection was made");
        from.write_all(b"x").unwrap();
        to.read_exact(&mut [0]).unwrap();
        assert!(counts.have_moved(), "a byte was sent");
        drop(from);
        assert_eq!(to.read(&mut [0]).unwrap(), 0);
        assert!(counts.have_moved(), "one end was closed");
    }
}
