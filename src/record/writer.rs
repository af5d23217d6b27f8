//! The thread that writes the log, and the queue to it.
//!
//! Nobody else calls tracing. The queue is bounded and never waited for: a reader of our log that
//! is slow or stopped costs lines, which are counted and said later, and never a decision.
//! (`tracing::event!` and not its short forms: those are banned by clippy.toml, and clippy takes no
//! exception from a ban of macros below the whole crate.)

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use tracing::{Level, event};

use super::journal::{self, Journal};
use super::{Line, Severity};

/// Most lines that wait for the writer.
const MOST_LINES: usize = 4096;
/// Most batches that wait for the writer: one a pass.
const MOST_BATCHES: usize = 256;

/// The sending side, owned by the watch loop.
#[derive(Debug)]
pub struct Logs {
    queue: SyncSender<Vec<Line>>,
    waiting: Arc<AtomicUsize>,
    dropped: usize,
}

impl Logs {
    /// Hands over the lines of one pass; never waits. What finds no room is dropped and counted.
    pub fn send(&mut self, mut lines: Vec<Line>) {
        let room = MOST_LINES.saturating_sub(self.waiting.load(Ordering::Relaxed));
        let lost = lines.len().saturating_sub(room);
        lines.truncate(room);
        let said = self.dropped;
        if said > 0 && !lines.is_empty() {
            lines.push(Line::dropped(said));
        }
        let count = lines.len();
        if count == 0 {
            self.dropped = self.dropped.saturating_add(lost);
            return;
        }
        self.waiting.fetch_add(count, Ordering::Relaxed);
        self.dropped = match self.queue.try_send(lines) {
            Ok(()) => lost,
            Err(TrySendError::Full(lines) | TrySendError::Disconnected(lines)) => {
                self.waiting.fetch_sub(count, Ordering::Relaxed);
                let fresh = lines.len() - usize::from(said > 0);
                self.dropped.saturating_add(fresh).saturating_add(lost)
            }
        };
    }

    /// How many lines were lost and not yet said to be.
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    /// A queue whose lines the caller takes itself; for tests and for what runs without a log.
    pub fn captured() -> (Self, Receiver<Vec<Line>>) {
        let (queue, lines) = sync_channel(MOST_BATCHES);
        (Self { queue, waiting: Arc::default(), dropped: 0 }, lines)
    }
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogTo {
    /// To stderr, as text.
    #[default]
    Stderr,
    /// To the journal, with fields.
    Journal,
}

/// The writing side: a thread that ends when its [`Logs`] is dropped.
#[derive(Debug)]
pub struct LogWriter {
    finished: Receiver<()>,
    log_to: LogTo,
}

impl LogWriter {
    /// Starts the thread, which writes to the journal where stderr leads there, else to stderr.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<(Self, Logs)> {
        let (logs, lines) = Logs::captured();
        let waiting = Arc::clone(&logs.waiting);
        let (done, finished) = channel();
        // Opened here, while there are descriptors.
        let mut journal = journal::is_behind_stderr().then(Journal::open);
        let log_to = if journal.is_some() { LogTo::Journal } else { LogTo::Stderr };
        Builder::new().name("log".into()).spawn(move || {
            match &mut journal {
                Some(journal) => write_all(&lines, &waiting, |line| journal.write(line)),
                None => tracing::subscriber::with_default(subscriber(), || write_all(&lines, &waiting, print)),
            }
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        Ok((Self { finished, log_to }, logs))
    }

    /// Where the lines go.
    pub const fn log_to(&self) -> LogTo {
        self.log_to
    }

    /// Waits until what was handed over is written, but not longer than `most`: a stopped reader
    /// must not hold up the end. Drop the [`Logs`] (the recorder) before.
    pub fn finish(self, most: Duration) -> bool {
        !matches!(self.finished.recv_timeout(most), Err(RecvTimeoutError::Timeout))
    }
}

fn write_all(lines: &Receiver<Vec<Line>>, waiting: &AtomicUsize, mut write: impl FnMut(&Line)) {
    for batch in lines {
        batch.iter().for_each(&mut write);
        waiting.fetch_sub(batch.len(), Ordering::Relaxed);
    }
}

fn print(line: &Line) {
    match line.severity {
        Severity::Info => event!(Level::INFO, "{}", line.text),
        Severity::Warning => event!(Level::WARN, "{}", line.text),
        Severity::Error => event!(Level::ERROR, "{}", line.text),
    }
}

/// Times are UTC (RFC 3339); colour only on a terminal whose user did not refuse it.
fn subscriber() -> impl tracing::Subscriber + Send + Sync {
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(colour).with_target(false).finish()
}
