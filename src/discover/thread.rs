//! The discovery thread: takes the kernel's events in rounds, however many there are, scans, and hands
//! finished values to the watch loop.

use std::io::{self, PipeReader, PipeWriter, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use super::Change;
use super::scanner::Scanner;
use super::trouble::Trouble;
use crate::config::Config;
use crate::kernel::{now, stopped_within};
use crate::model::Moment;

/// Scans come no faster than this, however fast targets are sampled.
const FASTEST: Duration = Duration::from_millis(100);
/// And no slower, where only a scan shows what happened.
const SLOWEST: Duration = Duration::from_secs(1);
/// Where that is told, the thread sleeps until it is, but no longer than this.
const LONGEST: Duration = Duration::from_secs(10);
/// So long what was told of may go on to change before it is looked at.
const SETTLED: Duration = Duration::from_millis(50);

/// The discovery thread. It ends when this is dropped; nobody waits for it.
pub struct Discovery {
    batches: Receiver<Vec<Change>>,
    scanned: Arc<AtomicU64>,
    ended: bool,
    /// Hangs up when dropped.
    _stop: PipeWriter,
}

impl Discovery {
    /// Starts it. `wake` is called from that thread, at most once a scan and only when
    /// [`changes`](Self::changes) has something.
    ///
    /// # Errors
    ///
    /// Those of starting a thread, and of a pipe to stop it by.
    pub fn start(config: Arc<Config>, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (stopped, stop) = pipe()?;
        // One batch waits at most; until it is taken nothing new is scanned.
        let (send, batches) = sync_channel(1);
        let scanned = Arc::new(AtomicU64::new(0));
        let worker = Worker { config, send, scanned: scanned.clone(), pending: Vec::new() };
        thread::Builder::new().name("discovery".to_owned()).spawn(move || worker.run(&stopped, &wake))?;
        Ok(Self { batches, scanned, ended: false, _stop: stop })
    }

    /// Adds what was seen since the last call; never waits.
    pub fn changes(&mut self, changes: &mut Vec<Change>) {
        loop {
            match self.batches.try_recv() {
                Ok(mut batch) => changes.append(&mut batch),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    if !self.ended {
                        changes.push(Change::Trouble(Trouble::ended()));
                    }
                    self.ended = true;
                    return;
                }
            }
        }
    }

    /// When the last scan ended whose findings [`changes`](Self::changes) has given or would give
    /// now; none before the first. One that hangs on a process stands still.
    pub fn last_scan(&self) -> Option<Moment> {
        match self.scanned.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Moment::from_nanos(nanos)),
        }
    }
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").field("last_scan", &self.last_scan()).finish_non_exhaustive()
    }
}

struct Worker {
    config: Arc<Config>,
    send: SyncSender<Vec<Change>>,
    scanned: Arc<AtomicU64>,
    pending: Vec<Change>,
}

impl Worker {
    fn run(mut self, stop: &PipeReader, wake: &dyn Fn()) {
        let mut scanner = None;
        loop {
            if self.pending.is_empty() {
                self.scan(&mut scanner);
            }
            let scanned = now();
            let found = !self.pending.is_empty();
            if found {
                match self.send.try_send(std::mem::take(&mut self.pending)) {
                    Ok(()) => {}
                    Err(TrySendError::Full(batch)) => self.pending = batch,
                    Err(TrySendError::Disconnected(_)) => return,
                }
            }
            if self.pending.is_empty() {
                // Whoever sees the time of this scan finds its findings handed over, and whoever is
                // woken by them sees the time.
                self.scanned.store(scanned.as_nanos().max(1), Ordering::Release);
                if found {
                    wake();
                }
            }
            if self.stopped_before_next(stop, scanner.as_ref(), scanned) {
                return;
            }
        }
    }

    /// Waits until another scan is to be made, after the one at `last`. Whether there is to be none.
    fn stopped_before_next(&self, stop: &PipeReader, scanner: Option<&Scanner>, last: Moment) -> bool {
        let is_crowded = scanner.is_some_and(Scanner::is_crowded);
        let pause = if is_crowded { FASTEST } else { self.config.daemon.interval.clamp(FASTEST, SLOWEST) };
        // What waits to be taken is tried again.
        let told = scanner.filter(|_| self.pending.is_empty()).and_then(|scanner| scanner.is_told(last));
        let Some((news, quiet)) = told.filter(|(_, quiet)| *quiet > pause) else {
            return stopped_within(stop, None, pause);
        };
        // Who has just forked is about to exec.
        stopped_within(stop, Some(news), quiet.min(LONGEST))
            || stopped_within(stop, None, pause.saturating_sub(now().since(last)).max(SETTLED))
    }

    /// One scan, or another try to begin.
    fn scan(&mut self, scanner: &mut Option<Scanner>) {
        if scanner.is_none() {
            match Scanner::listening(self.config.clone()) {
                Ok(new) => *scanner = Some(new),
                Err(error) if self.scanned.load(Ordering::Relaxed) == 0 => {
                    self.pending.push(Change::Trouble(Trouble::no_proc(error)));
                }
                Err(_) => {}
            }
        }
        if let Some(scanner) = scanner {
            scanner.scan(now(), &mut self.pending);
        }
    }
}
