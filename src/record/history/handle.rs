//! The sending side, owned by the watch loop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

use super::Limits;
use super::blocks::Stored;
use super::entry::Row;
use super::standing::Standing;
use crate::model::{Event, Moment};
use crate::record::samples::Block;
use crate::record::{Kind, Line};

/// Most rows that wait for the disk, in the queue and in the writer's buffer together.
pub(super) const MOST_ROWS: usize = 4096;

/// Most bytes of samples that wait for the disk, in the queue and in the writer's buffer together.
pub(super) const MOST_BYTES: usize = 2 << 20;

/// What both clocks show at the same time.
pub type Clock = fn() -> (Moment, SystemTime);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Rows(Vec<Row>),
    Blocks(Vec<Stored>),
    Limits(Limits),
}

/// The way to the writer; the thread ends when this is dropped.
#[derive(Debug)]
pub struct History {
    queue: Sender<Message>,
    standing: Arc<Standing>,
    news: Receiver<(String, bool)>,
    clock: Clock,
}

/// The writer's ends.
pub(super) struct Ends {
    pub(super) inbox: Receiver<Message>,
    pub(super) standing: Arc<Standing>,
    pub(super) news: Sender<(String, bool)>,
    pub(super) clock: Clock,
}

impl History {
    pub(super) fn pair(clock: Clock) -> (Self, Ends) {
        let ((queue, inbox), (tell, news)) = (channel(), channel());
        let standing = Arc::<Standing>::default();
        let ends = Ends { inbox, standing: Arc::clone(&standing), news: tell, clock };
        (Self { queue, standing, news, clock }, ends)
    }

    /// Hands over the lines of these events; never waits. What finds no room is dropped and counted. Lines that only
    /// sum up what was read are left out: the readings themselves are kept.
    pub(in crate::record) fn send(&self, events: &[Event], lines: &[Line]) {
        let is_kept = |line: &Line| line.fields.kind != Kind::Summary;
        let all = lines.iter().filter(|line| is_kept(line)).count();
        let room = MOST_ROWS.saturating_sub(self.standing.waiting.load(Ordering::Relaxed));
        let count = all.min(room);
        if all > count {
            self.standing.dropped.fetch_add((all - count) as u64, Ordering::Relaxed);
        }
        if count == 0 {
            return;
        }
        let wall = self.wall();
        let rows = events.iter().zip(lines).filter(|(_, line)| is_kept(line)).take(count);
        let rows = rows.map(|(event, line)| Row::of(wall(event.at), line)).collect();
        self.standing.waiting.fetch_add(count, Ordering::Relaxed);
        if self.queue.send(Message::Rows(rows)).is_err() {
            self.standing.waiting.fetch_sub(count, Ordering::Relaxed);
            self.standing.dropped.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Hands over what was read; never waits. What finds no room is dropped and counted.
    pub(in crate::record) fn send_blocks(&self, blocks: Vec<Block>) {
        let (wall, standing) = (self.wall(), &self.standing);
        let mut room = MOST_BYTES.saturating_sub(standing.block_bytes.load(Ordering::Relaxed));
        let mut fits = |block: &Block| {
            let fits = block.bytes.len() <= room;
            room = room.saturating_sub(if fits { block.bytes.len() } else { 0 });
            fits
        };
        let (kept, lost): (Vec<Block>, Vec<Block>) = blocks.into_iter().partition(|block| fits(block));
        standing.dropped_blocks.fetch_add(lost.len() as u64, Ordering::Relaxed);
        let stored: Vec<Stored> = kept.into_iter().map(|block| Stored::of(block, &wall)).collect();
        let bytes = stored.iter().map(|block| block.data.len()).sum();
        let count = stored.len();
        standing.block_bytes.fetch_add(bytes, Ordering::Relaxed);
        standing.waiting_blocks.fetch_add(count, Ordering::Relaxed);
        if count > 0 && self.queue.send(Message::Blocks(stored)).is_err() {
            standing.block_bytes.fetch_sub(bytes, Ordering::Relaxed);
            standing.waiting_blocks.fetch_sub(count, Ordering::Relaxed);
            standing.dropped_blocks.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// What the wall clock showed at a moment, in milliseconds since 1970, by what it shows now.
    fn wall(&self) -> impl Fn(Moment) -> i64 + use<> {
        let (now, wall) = (self.clock)();
        let wall = unix_millis(wall);
        move |at| wall.saturating_sub(i64::try_from(now.since(at).as_millis()).unwrap_or(0))
    }

    /// Keeps so much from now on.
    pub(in crate::record) fn limit(&self, limits: Limits) {
        // Without a writer there is nothing to be kept.
        let _ = self.queue.send(Message::Limits(limits));
    }

    /// How it stands.
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// What the writer has to say, and whether that is bad.
    pub fn news(&self) -> Option<(String, bool)> {
        self.news.try_recv().ok()
    }
}

/// Milliseconds since 1970 (UTC); zero before.
pub(super) fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
