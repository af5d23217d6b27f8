//! A program of ours or of the operator, run to its end or its time: no shell, no right, bounded output.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, retry_on_intr};

use super::is_over;
use crate::act::courier::{Child, Printed, Program};
use crate::kernel;

/// How often is looked whether it is still wanted.
const SLICE: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Whether it has printed more than was kept.
    pub(super) cut: bool,
    /// Why what it printed is not all: its time was over, it failed. Empty where it ended with success.
    pub(super) trouble: String,
}

/// Runs it; of each of its outputs `most` bytes are kept.
///
/// # Errors
/// Why it was not started.
pub(super) fn run(program: &Program, (timeout, most): (Duration, usize), stop: &AtomicBool) -> Result<Ran, String> {
    let until = kernel::now() + timeout;
    let started = kernel::lend_aside(|| Child::start(program));
    let (mut child, Printed { stdout, stderr }) = started.map_err(|error| error.to_string())?;
    let mut streams = [Stream::new(stdout, most)?, Stream::new(stderr, most)?];
    let mut trouble = loop {
        let left = until.since(kernel::now());
        if left.is_zero() {
            break format!("it was ended after {timeout:?}");
        }
        if is_over(stop) {
            break "it was ended, because tradedog was".to_owned();
        }
        wait(&child, &streams, left.min(SLICE));
        streams.iter_mut().for_each(Stream::take);
        match child.reap() {
            Ok(None) => {}
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(0), _) => break String::new(),
                (Some(code), _) => break format!("exit code {code}"),
                (None, Some(signal)) => break format!("ended by signal {signal}"),
                (None, None) => break "ended in no known way".to_owned(),
            },
            Err(error) => break format!("its exit code is lost: {error}"),
        }
    };
    // Whoever is not reaped dies with its group.
    drop(child);
    streams.iter_mut().for_each(Stream::take);
    let cut = streams.iter().any(|stream| stream.cut);
    if cut && trouble.is_empty() {
        trouble = format!("it has printed more than {most} bytes");
    }
    let [stdout, stderr] = streams.map(|stream| stream.kept);
    Ok(Ran { stdout, stderr, cut, trouble })
}

/// Until something is printed, or it ends, or so much time has passed.
fn wait(child: &Child, streams: &[Stream; 2], most: Duration) {
    let nanos = i64::try_from(most.as_nanos()).unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: nanos / 1_000_000_000, tv_nsec: nanos % 1_000_000_000 };
    let mut all: Vec<PollFd<'_>> = vec![PollFd::from_borrowed_fd(child.pidfd(), PollFlags::IN)];
    all.extend(streams.iter().filter_map(Stream::open).map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN)));
    // Interrupted or not, what there is is looked at.
    let _ = poll(&mut all, Some(&timeout));
}

/// What it prints: read always, so that it never waits for us, and kept in part.
struct Stream {
    pipe: Option<OwnedFd>,
    kept: Vec<u8>,
    most: usize,
    cut: bool,
}

impl Stream {
    fn new(pipe: OwnedFd, most: usize) -> Result<Self, String> {
        ioctl_fionbio(&pipe, true).map_err(|errno| errno.to_string())?;
        Ok(Self { pipe: Some(pipe), kept: Vec::new(), most, cut: false })
    }

    fn open(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(|pipe| pipe.as_fd())
    }

    /// Takes in what is there, so much at a time that its deadline is seen.
    fn take(&mut self) {
        let mut gulp = [0; 16 << 10];
        for _ in 0..16 {
            let Some(pipe) = &self.pipe else { return };
            match retry_on_intr(|| rustix::io::read(pipe, &mut gulp)) {
                Ok(read @ 1..) => {
                    let room = self.most - self.kept.len();
                    self.cut |= read > room;
                    self.kept.extend_from_slice(&gulp[..read.min(room)]);
                }
                Err(Errno::AGAIN) => return,
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
    }
}
