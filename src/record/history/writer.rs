//! The thread that writes: it keeps what the disk does not take, and tries again until it does.

use std::collections::VecDeque;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use super::aside::set_aside;
use super::blocks::Stored;
use super::entry::{BEGUN, LOST, Row};
use super::handle::{Clock, Ends, Message, unix_millis};
use super::standing::Standing;
use super::store::Store;
use super::trouble::{Cause, Trouble};
use super::{FILE, History, Limits};
use crate::model::Moment;
use crate::record::Severity;
use crate::record::folders::{shown, state_directory};

/// Most rows in one transaction.
const MOST_AT_ONCE: usize = 512;

/// The pauses between two tries, doubling.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A lock of somebody else may be gone any moment: so long after the end another try is begun, and such a pause is
/// between two that took no time.
const LAST_TRIES: Duration = Duration::from_millis(1500);
const BREATH: Duration = Duration::from_millis(50);

/// How often it is looked whether something is too old.
const PRUNE: Duration = Duration::from_secs(3600);
/// The pause between two parts of what is removed.
const NEXT_PART: Duration = Duration::from_millis(200);

/// The folder of the file.
#[derive(Clone, Debug)]
pub enum Place {
    /// The state directory, wherever that is.
    State,
    /// This one, made if it is not there.
    Folder(PathBuf),
}

impl Place {
    fn folder(&self) -> Result<PathBuf, Trouble> {
        let denied = |text: String| Trouble::new(Cause::Denied, text);
        match self {
            Self::State => match state_directory() {
                Ok(Some(folder)) => Ok(folder),
                Ok(None) => Err(denied("nothing says where it is to be kept: set STATE_DIRECTORY".to_owned())),
                Err(error) => Err(denied(error.to_string())),
            },
            Self::Folder(folder) => {
                let made = DirBuilder::new().mode(0o750).recursive(true).create(folder);
                made.map(|()| folder.clone()).map_err(Trouble::from)
            }
        }
    }
}

/// The writing side: a thread that ends when its [`History`] is dropped.
#[derive(Debug)]
pub struct HistoryWriter {
    finished: Receiver<()>,
    standing: Arc<Standing>,
}

impl HistoryWriter {
    /// Starts the thread. The file is opened by it, later: nothing here waits for the disk.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(place: Place, limits: Limits, clock: Clock) -> io::Result<(Self, History)> {
        let (history, ends) = History::pair(clock);
        let (done, finished) = channel();
        let standing = Arc::clone(&ends.standing);
        let work = move || {
            Writer::new(place, limits, &ends).run(&ends.inbox);
            // Nobody may be waiting any more.
            let _ = done.send(());
        };
        Builder::new().name("history".to_owned()).spawn(work)?;
        Ok((Self { finished, standing }, history))
    }

    /// Waits until what was handed over is written, but not longer than `most`: a disk that hangs must not
    /// hold up the end. Drop the [`History`] (the recorder) before.
    pub fn finish(&self, most: Duration) -> bool {
        !matches!(self.finished.recv_timeout(most), Err(RecvTimeoutError::Timeout))
    }

    /// What the history will never have if nobody writes any more, as a sentence; none where it has all.
    pub fn lost(&self) -> Option<String> {
        let (events, blocks) = self.standing.unwritten();
        let why = self.standing.clause().unwrap_or_else(|| "the disk has not answered".to_owned());
        let text = format!(
            "{events} and {blocks} of samples are not in the history, which could not be written until the end: {why}; \
             the log alone has the events",
            events = many(events, "event"),
            blocks = many(blocks, "block")
        );
        (events > 0 || blocks > 0).then_some(text)
    }
}

struct Writer {
    place: Place,
    limits: Limits,
    clock: Clock,
    standing: Arc<Standing>,
    news: Sender<(String, bool)>,
    buffer: VecDeque<Row>,
    blocks: VecDeque<Stored>,
    store: Option<Store>,
    /// The last try failed: when the next is due, and the pause before the one after it.
    retry: Option<(Moment, Duration)>,
    next_prune: Moment,
}

impl Writer {
    fn new(place: Place, limits: Limits, ends: &Ends) -> Self {
        Self {
            place,
            limits,
            clock: ends.clock,
            standing: Arc::clone(&ends.standing),
            news: ends.news.clone(),
            buffer: VecDeque::new(),
            blocks: VecDeque::new(),
            store: None,
            retry: None,
            next_prune: Moment::default(),
        }
    }

    fn run(mut self, inbox: &Receiver<Message>) {
        self.work();
        loop {
            match inbox.recv_timeout(self.pause()) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(message) = inbox.try_recv() {
                self.take(message);
            }
            self.work();
        }
        let until = self.now() + LAST_TRIES;
        self.retry = None;
        while self.work() == Some(Cause::Locked) && self.now() < until {
            std::thread::park_timeout(BREATH);
            self.retry = None;
        }
    }

    fn now(&self) -> Moment {
        (self.clock)().0
    }

    fn unix_millis(&self) -> i64 {
        unix_millis((self.clock)().1)
    }

    fn pause(&self) -> Duration {
        let next = self.retry.map_or(self.next_prune, |(at, _)| at);
        next.since(self.now())
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Rows(rows) => self.buffer.extend(rows),
            Message::Blocks(blocks) => self.blocks.extend(blocks),
            Message::Limits(limits) => {
                self.limits = limits;
                self.next_prune = self.now();
            }
        }
    }

    /// Writes what waits, and removes what is too much, if the disk lets it. What has kept it from that just now.
    fn work(&mut self) -> Option<Cause> {
        if self.retry.is_some_and(|(at, _)| at > self.now()) {
            return None;
        }
        self.standing.busy_since.store(self.now().as_nanos().max(1), Ordering::Relaxed);
        let done = self.open().and_then(|()| self.flush()).and_then(|()| self.flush_blocks());
        let done = done.and_then(|()| self.prune());
        if let Some(store) = &mut self.store {
            store.note_written();
        }
        self.standing.busy_since.store(0, Ordering::Relaxed);
        match &done {
            Ok(()) => self.recovered(),
            Err(trouble) => self.failed(trouble),
        }
        done.err().map(|trouble| trouble.cause)
    }

    fn open(&mut self) -> Result<(), Trouble> {
        if let Some(store) = self.store.as_ref().filter(|store| store.is_in_place()) {
            return store.check();
        }
        if self.store.take().is_some() {
            self.tell(format!("{FILE} is gone from the state directory: a new history is begun"), true);
        }
        let folder = self.place.folder()?;
        let mut store = match Store::open(&folder) {
            Err(trouble) if trouble.cause == Cause::Damaged => {
                self.move_aside(&folder, &trouble)?;
                Store::open(&folder)?
            }
            other => other?,
        };
        if store.is_new {
            let row = Row::own(self.unix_millis(), (BEGUN, Severity::Info), "this history begins here".to_owned());
            store.append(std::iter::once(&row))?;
        }
        self.store = Some(store);
        Ok(())
    }

    /// Sets the file aside that cannot be used; the next one is made in its place.
    fn move_aside(&self, folder: &Path, trouble: &Trouble) -> Result<(), Trouble> {
        let aside = set_aside(folder, self.unix_millis())?;
        self.standing.fail(Cause::Damaged, self.unix_millis());
        let told = format!(
            "the history cannot be used: {}; it is kept as {}, and a new one is begun: tradedog history --verify FILE \
             says how far it is sound",
            trouble.text,
            shown(&aside)
        );
        self.tell(told, true);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        let Some(store) = &mut self.store else { return Ok(()) };
        while !self.buffer.is_empty() {
            let count = self.buffer.len().min(MOST_AT_ONCE);
            store.append(self.buffer.iter().take(count))?;
            self.buffer.drain(..count);
            self.standing.waiting.fetch_sub(count, Ordering::Relaxed);
            self.standing.stored.fetch_add(count as u64, Ordering::Relaxed);
        }
        let dropped = self.standing.dropped.load(Ordering::Relaxed);
        let said = self.standing.said_dropped.load(Ordering::Relaxed);
        if dropped > said {
            let text = format!("{} events are missing about here: the disk did not take them", dropped - said);
            let row = Row::own(unix_millis((self.clock)().1), (LOST, Severity::Error), text);
            store.append(std::iter::once(&row))?;
            self.standing.said_dropped.store(dropped, Ordering::Relaxed);
        }
        if self.buffer.capacity() > MOST_AT_ONCE {
            self.buffer.shrink_to(0);
        }
        Ok(())
    }

    fn flush_blocks(&mut self) -> Result<(), Trouble> {
        let Some(store) = &mut self.store else { return Ok(()) };
        while !self.blocks.is_empty() {
            let count = self.blocks.len().min(MOST_AT_ONCE);
            store.append_blocks(self.blocks.iter().take(count))?;
            let bytes = self.blocks.drain(..count).map(|block| block.data.len()).sum();
            self.standing.block_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.standing.waiting_blocks.fetch_sub(count, Ordering::Relaxed);
            self.standing.stored_blocks.fetch_add(count as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn prune(&mut self) -> Result<(), Trouble> {
        let (now, wall) = (self.now(), self.unix_millis());
        let Some(store) = &mut self.store else { return Ok(()) };
        let size = store.size()?;
        self.standing.size.store(u64::try_from(size).unwrap_or(0), Ordering::Relaxed);
        if now >= self.next_prune || size > self.limits.size {
            let pruned = store.prune(self.limits, wall);
            let damaged = std::mem::take(&mut store.damaged_blocks);
            self.tell_damaged(damaged);
            let next = if pruned? { NEXT_PART } else { PRUNE };
            self.next_prune = now + next;
        }
        Ok(())
    }

    /// Says that samples are lost. They are in no chain: nothing else would show it.
    fn tell_damaged(&self, blocks: u64) {
        if blocks > 0 {
            self.standing.damaged_blocks.fetch_add(blocks, Ordering::Relaxed);
            let (some, are) = if blocks == 1 { ("a block", "is") } else { ("blocks", "are") };
            let many = if blocks == 1 { String::new() } else { format!("{blocks} ") };
            let text = format!(
                "{many}{some} of samples in the history could not be read when they were to become fewer, and {are} lost: \
                 is the disk well?"
            );
            self.tell(text, true);
        }
    }

    fn recovered(&mut self) {
        self.retry = None;
        if self.standing.trouble.swap(None).is_some() {
            self.tell("the history is written again".to_owned(), false);
        }
    }

    fn failed(&mut self, trouble: &Trouble) {
        // What it says of the file may be of before.
        let used = self.store.take();
        if trouble.cause == Cause::Damaged
            && let Some(store) = used
        {
            // It was found to be damaged while it was used.
            store.leave_as_it_is();
            drop(store);
            match self.place.folder().and_then(|folder| self.move_aside(&folder, trouble)) {
                Ok(()) => self.retry = Some((self.now(), FIRST_PAUSE)),
                Err(another) => self.wait_for_better(&another),
            }
        } else {
            self.wait_for_better(trouble);
        }
    }

    fn wait_for_better(&mut self, trouble: &Trouble) {
        self.standing.fail(trouble.cause, self.unix_millis());
        let pause = self.retry.map_or(FIRST_PAUSE, |(_, pause)| pause);
        self.retry = Some((self.now() + pause, (pause * 2).min(LONGEST_PAUSE)));
        if self.standing.trouble.swap(Some(Arc::new(trouble.clone()))).is_none() {
            self.tell(trouble.sentence(), true);
        }
    }

    fn tell(&self, text: String, bad: bool) {
        // The loop may have ended.
        let _ = self.news.send((text, bad));
    }
}

/// "1 event", "2 events".
fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
