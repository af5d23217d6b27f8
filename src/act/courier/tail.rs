//! What a command prints: read always, so that it never waits for us, and kept in part.

use std::os::fd::OwnedFd;
use std::{future, io};

use tokio::net::unix::pipe;

/// The last bytes that are kept.
const KEPT: usize = 4 * 1024;
/// Bytes read at a time.
const GULP: usize = 16 * 1024;
/// Gulps after the command's end: whatever was in the pipe then.
const LAST_GULPS: usize = 8;

/// The end of what comes out of a pipe.
#[derive(Debug)]
pub(super) struct Tail {
    /// None once all ends of the other side are closed.
    pipe: Option<pipe::Receiver>,
    gulp: Vec<u8>,
    kept: Vec<u8>,
}

impl Tail {
    /// Reads from `pipe` from now on.
    pub(super) fn new(pipe: OwnedFd) -> io::Result<Self> {
        Ok(Self { pipe: Some(pipe::Receiver::from_owned_fd(pipe)?), gulp: vec![0; GULP], kept: Vec::new() })
    }

    /// Waits for more, for ever when there is no more.
    pub(super) async fn more(&mut self) {
        let Some(pipe) = &self.pipe else { return future::pending().await };
        if pipe.readable().await.is_err() {
            self.pipe = None;
        }
        self.take();
    }

    /// Takes in what is there, without waiting for whoever else still holds the other end.
    pub(super) fn rest(&mut self) {
        for _ in 0..LAST_GULPS {
            if !self.take() {
                return;
            }
        }
    }

    /// Whether there was something.
    fn take(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match pipe.try_read(&mut self.gulp) {
            Ok(read @ 1..) => {
                self.kept.extend_from_slice(&self.gulp[..read]);
                self.kept.drain(..self.kept.len().saturating_sub(KEPT));
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Ok(0) | Err(_) => {
                self.pipe = None;
                false
            }
        }
    }

    /// The last line that says something.
    pub(super) fn last_line(&self) -> Option<&[u8]> {
        self.kept.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).rfind(|line| !line.is_empty())
    }
}
