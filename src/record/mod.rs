//! One [`Event`] -> one log line and one count, so that a log and a metric can never disagree.
//!
//! What belongs here: everything that is remembered or said of what happened. What does not: any
//! opinion of it. The loop thread forms the lines and counts; a thread of its own writes them, for
//! whoever reads our log may be slow or stopped, and no decision waits for that. Another one keeps them.

mod counters;
mod folders;
pub mod history;
pub mod incident;
mod journal;
mod last_good;
mod line;
pub mod samples;
mod show;
mod state_file;
mod writer;

pub use counters::{Counters, EffectKey, Ended, OrderKey, Told, UndoKey};
pub use folders::{FolderError, Which, daemon_path, runtime_directory, runtime_path};
pub use last_good::{LastGood, LastGoodError};
pub use line::{Fields, KINDS, Kind, KindInfo, Line, Severity};
pub use show::{
    duration as show_duration, effect as show_effect, measure as show_measure, reading as show_reading,
    signal as show_signal,
};
pub use state_file::{Aside, Damage, Left, StateError, StateFile, unlocked};
pub use writer::{LogTo, LogWriter, Logs};

use std::sync::Arc;

use crate::config::Config;
use crate::model::{Event, Moment, Sample};
use history::{History, Limits};
use samples::{Block, Hour};

/// Turns events into counts and lines; owned by the watch loop.
#[derive(Debug)]
pub struct Recorder {
    config: Arc<Config>,
    counters: Arc<Counters>,
    logs: Logs,
    /// None where nothing is kept: a test, a backtest.
    history: Option<History>,
    hour: Hour,
}

impl Recorder {
    /// Counts from zero, with the explicit zeros of every action in `config`.
    pub fn new(config: Arc<Config>, logs: Logs) -> Self {
        let counters = Arc::new(Counters::of(&config));
        let hour = Hour::new(Arc::clone(&config));
        Self { config, counters, logs, history: None, hour }
    }

    /// The same, that hands each line to `history` too.
    pub fn keeping(self, history: History) -> Self {
        Self { history: Some(history), ..self }
    }

    /// Takes over another configuration: counts of actions that are still there go on.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        Arc::make_mut(&mut self.counters).reconfigure(&config);
        if let Some(history) = &self.history {
            history.limit(Limits::of(&config.history));
        }
        let blocks = self.hour.reconfigure(Arc::clone(&config));
        self.send_blocks(blocks);
        self.config = config;
    }

    /// Counts `events` and hands their lines to the writer, all at once: the loop wakes it at most
    /// once a pass. Never waits.
    pub fn record(&mut self, events: &[Event]) {
        for event in events.iter().filter(|event| Counters::concerns(&event.note)) {
            Arc::make_mut(&mut self.counters).count(event);
        }
        if !events.is_empty() {
            let dry_run = self.config.daemon.dry_run;
            let lines: Vec<Line> = events.iter().map(|event| Line::of(event, &self.config, dry_run)).collect();
            if let Some(history) = &self.history {
                history.send(events, &lines);
            }
            self.logs.send(line::folded(events, lines));
        }
    }

    /// Keeps the latest readings when it is time: every 10 s. Never waits.
    pub fn keep_sample(&mut self, sample: &Sample, now: Moment) {
        let blocks = self.hour.keep(sample, now);
        self.send_blocks(blocks);
    }

    /// Keeps the last readings, and gives the history what was read since the last full minute: the daemon ends.
    pub fn end_samples(&mut self, sample: &Sample, now: Moment) {
        for blocks in [self.hour.keep_now(sample, now), self.hour.seal()] {
            self.send_blocks(blocks);
        }
    }

    fn send_blocks(&self, blocks: Vec<Block>) {
        if let Some(history) = self.history.as_ref().filter(|_| !blocks.is_empty()) {
            history.send_blocks(blocks);
        }
    }

    /// Lets go of the history: its writer ends once it has written all. Lines go on to the log.
    pub fn end_history(&mut self) {
        self.history = None;
    }

    /// What was read within the last hour.
    pub const fn hour(&self) -> &Hour {
        &self.hour
    }

    /// The way to the history, where there is one.
    pub const fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// The line that the log gets of `event`, for whoever asked for it.
    pub fn line(&self, event: &Event) -> String {
        Line::of(event, &self.config, self.config.daemon.dry_run).text
    }

    /// The counts now. A share, not a copy: it is copied when an event changes it next.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

#[cfg(test)]
mod tests;
