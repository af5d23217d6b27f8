//! The way to the journal, by its native protocol (systemd's docs/JOURNAL_NATIVE_PROTOCOL.md): one
//! datagram a line, with fields beside the text.
//!
//! A journal that is stopped or slow costs its writer a bounded time, then lines go to stderr with the
//! priority in front that systemd understands there (sd-daemon(3)), and what finds no room there
//! either is lost and counted. tracing's own way to the journal has no such limit.

#![expect(clippy::disallowed_methods, reason = "systemd says in the environment where stderr leads")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Line, Severity};

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Longest wait for room, in the journal and in stderr each.
const PATIENCE: Duration = Duration::from_millis(100);

/// So many lines go to stderr without asking a journal again that did not take one.
const LEAVE_ALONE: u32 = 100;

/// Whether stderr is a stream to the journal: systemd.exec(5), `JOURNAL_STREAM`.
pub(super) fn is_behind_stderr() -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| said == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Writes lines to the journal, or around it.
#[derive(Debug)]
pub(super) struct Journal<W> {
    /// None where it could not be made.
    socket: Option<UnixDatagram>,
    path: PathBuf,
    /// stderr, which the journal reads as well.
    fallback: W,
    /// Lines until the journal is asked again.
    left_alone: u32,
    /// Lines that found no room anywhere and are not yet said to be lost.
    lost: usize,
}

impl Journal<io::Stderr> {
    pub(super) fn open() -> Self {
        Self::at(Path::new(SOCKET), io::stderr())
    }
}

impl<W: io::Write + AsFd> Journal<W> {
    pub(super) fn at(path: &Path, fallback: W) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        Self { socket: socket.ok(), path: path.to_owned(), fallback, left_alone: 0, lost: 0 }
    }

    /// Writes a line, wherever there is room for it.
    pub(super) fn write(&mut self, line: &Line) {
        if self.lost > 0 {
            let said = Line::dropped(self.lost);
            if self.put(&said) {
                self.lost = 0;
            }
        }
        if !self.put(line) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    fn put(&mut self, line: &Line) -> bool {
        self.send(line) || self.print(line)
    }

    fn send(&mut self, line: &Line) -> bool {
        if self.left_alone > 0 {
            self.left_alone -= 1;
            return false;
        }
        let sent = self.socket.as_ref().is_some_and(|socket| socket.send_to(&datagram(line), &self.path).is_ok());
        if !sent {
            self.left_alone = LEAVE_ALONE;
        }
        sent
    }

    fn print(&mut self, line: &Line) -> bool {
        let text = format!("<{}>{}\n", priority(line.severity), line.text);
        has_room(self.fallback.as_fd()) && self.fallback.write_all(text.as_bytes()).is_ok()
    }
}

/// Whether a line can be written without waiting for a reader that stands still.
fn has_room(fd: BorrowedFd<'_>) -> bool {
    let timeout = Timespec::try_from(PATIENCE).ok();
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

/// syslog(3)
const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 3,
        Severity::Warning => 4,
        Severity::Info => 6,
    }
}

/// The line with its fields.
fn datagram(line: &Line) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, "MESSAGE", &line.text);
    put(&mut bytes, "PRIORITY", &priority(line.severity).to_string());
    put(&mut bytes, "SYSLOG_IDENTIFIER", "tradedog");
    for (name, value) in line.fields.all() {
        put(&mut bytes, name, &value);
    }
    bytes
}

/// `NAME=value`; a value that would end its line early goes with its length in front.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests;
