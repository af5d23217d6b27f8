//! Bringing all stages up, and taking up where an earlier daemon was.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::incidents::Incidents;
use super::notify::Notify;
use super::reload::Reload;
use super::remember::Remembering;
use super::summary::Summing;
use super::{Watch, history, hours, publish};
use crate::act::Executor;
use crate::config::Config;
use crate::discover::{Discovery, RememberedSeat, Roster};
use crate::export::{Control, Publisher, Server, Snapshot};
use crate::judge::{Start, State};
use crate::kernel::{self, Reserve, Waiter};
use crate::model::{Event, Memory, Moment, Note, Sent};
use crate::record::history::HistoryWriter;
use crate::record::incident::Store;
use crate::record::{LogWriter, Recorder, StateError};
use crate::sample::{Sampler, Wake};

/// Time for the last log lines when the daemon ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Commands would inherit what the daemon may do.
    #[error("{0}")]
    Rights(#[from] kernel::RightsError),
    /// The kernel refused what the loop waits with, or a thread.
    #[error("cannot set up the watch loop: {0}")]
    Loop(#[source] io::Error),
    /// `/proc` is not to be read.
    #[error("cannot read /proc: {0}")]
    Proc(#[from] kernel::Error),
    /// An address of `[web] listen` could not be bound; the text names it.
    #[error("{0}")]
    Web(#[source] io::Error),
    /// Another daemon keeps its state in the runtime directory.
    #[error("{0}")]
    State(#[source] StateError),
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// Only while it starts: once it runs, nothing ends it but a signal.
pub fn run(config: Config) -> Result<(), StartError> {
    // Both reach only the threads that are started after them.
    kernel::keep_rights()?;
    kernel::block_signals().map_err(StartError::Loop)?;
    kernel::raise_fd_limit();
    let mut reserve = Reserve::default();
    reserve.refill();
    let config = hours::in_force(Arc::new(config));
    let (remembering, memory, complaints) = Remembering::open(kernel::boot_id()?).map_err(StartError::State)?;
    let (writer, logs) = LogWriter::start().map_err(StartError::Loop)?;
    let (keeper, history) = history::start(&config).map_err(StartError::Loop)?;
    let publisher = Publisher::new(Snapshot::empty(Arc::clone(&config)));
    let mut server = Server::start(&config.web, publisher.published(), kernel::now).map_err(StartError::Web)?;
    let recorder = Recorder::new(Arc::clone(&config), logs).keeping(history);
    let log_to = writer.log_to();
    let waiter = Waiter::new().map_err(StartError::Loop)?;
    let (incidents, collecting) =
        Incidents::start(Store::of_state(), publisher.published(), waking(&waiter)).map_err(StartError::Loop)?;
    let made = (recorder, publisher, incidents);
    let mut watch = Watch::new(config, (remembering, memory), waiter, made)?;
    watch.view.log_to = log_to;
    watch.reserve = reserve;
    watch.news = server.take_news();
    // All threads stand, and what they needed only to start is not to stay.
    kernel::give_back_start();
    let unlocked = kernel::lock_memory().err().map(|error| {
        format!("memory cannot be locked ({error}): where this host swaps, decisions may be late; see LimitMEMLOCK=")
    });
    for complaint in complaints.into_iter().chain(unlocked) {
        watch.warn(complaint);
    }
    watch.resolve_names();
    watch.run();
    let recorder = watch.end();
    drop(server);
    collecting.finish(LAST_WORDS);
    end_records(recorder, &keeper, writer);
    Ok(())
}

/// The history first: what it does not have is the last line of the log.
fn end_records(mut recorder: Recorder, keeper: &HistoryWriter, writer: LogWriter) {
    keeper.finish(LAST_WORDS);
    let lost = keeper.lost().map(|text| Event { at: kernel::now(), note: Note::Daemon { text, bad: true } });
    recorder.record(lost.as_slice());
    drop(recorder);
    writer.finish(LAST_WORDS);
}

impl Watch {
    /// Lets go of everything but the way to the log.
    fn end(self) -> Recorder {
        let mut recorder = self.recorder;
        recorder.end_history();
        recorder
    }

    fn new(
        config: Arc<Config>,
        (remembering, memory): (Remembering, Option<Memory>),
        waiter: Waiter,
        (recorder, publisher, incidents): (Recorder, Publisher, Incidents),
    ) -> Result<Self, StartError> {
        let wake = || {
            let waker = waiter.waker();
            move || waker.wake()
        };
        let now = kernel::now();
        let discovery = Discovery::start(Arc::clone(&config), wake()).map_err(StartError::Loop)?;
        let told = publisher.published();
        let control = remembering.folder().map(|folder| Control::start_telling(folder, wake(), told));
        let (roster, (state, killing)) = (seated(&config, memory.as_ref()), begin(&config, memory, now)?);
        let mut watch = Self {
            discovery,
            changes: Vec::new(),
            roster,
            sampler: Sampler::new(Arc::clone(&config)).detached(&waking(&waiter)),
            executor: Executor::new(Arc::clone(&config), state.series(), wake())?,
            reserve: Reserve::default(),
            state,
            outcomes: Vec::new(),
            remembering,
            recorder,
            incidents,
            events: Vec::new(),
            publisher,
            view: publish::View::configured(&config, now),
            control: None,
            replies: Vec::new(),
            strangers: Default::default(),
            reload: Reload::new(wake()),
            news: None,
            notify: Notify::from_environment(now),
            summing: Summing::since(now),
            exits: false,
            all_found: false,
            next_pass: now,
            config,
            waiter,
        };
        watch.listen(control.transpose());
        watch.resume(killing, now);
        Ok(watch)
    }

    /// Host names are resolved beside the loop, which is woken by an answer.
    fn resolve_names(&mut self) {
        self.sampler.resolve_by(Arc::new(kernel::resolve), waking(&self.waiter));
    }

    /// Takes over the control socket, and says what operators cannot do over it.
    fn listen(&mut self, control: io::Result<Option<Control>>) {
        match control {
            Ok(control) => {
                let flaw = control.as_ref().and_then(Control::flaw).map(ToOwned::to_owned);
                self.control = control;
                flaw.into_iter().for_each(|flaw| self.warn(flaw));
            }
            Err(error) => {
                let what = "tradedog act, inhibit, release, undo, thaw and reload will not work";
                self.warn(format!("{what}: {error}"));
            }
        }
    }

    /// Kills that an earlier daemon began go on.
    fn resume(&mut self, killing: Vec<Sent>, now: Moment) {
        for Sent { order, at } in killing {
            let outcome = self.executor.resume(&order, at, now);
            self.outcomes.extend(outcome);
        }
    }
}

/// How another thread wakes the loop.
pub(super) fn waking(waiter: &Waiter) -> Wake {
    let waker = waiter.waker();
    Arc::new(move || waker.wake())
}

/// A roster that gives everybody the seat that he had with an earlier daemon.
fn seated(config: &Config, memory: Option<&Memory>) -> Roster {
    let seats = memory.into_iter().flat_map(|memory| &memory.members).map(|member| RememberedSeat {
        target: Arc::clone(&member.target),
        slot: member.slot,
        identity: member.identity,
        first_seen: member.first_seen,
    });
    let mut roster = Roster::new(config);
    roster.remember(seats.collect());
    roster
}

/// A state that takes up where the one of `memory` was, and the kills that are to be resumed.
fn begin(config: &Arc<Config>, memory: Option<Memory>, now: Moment) -> Result<(State, Vec<Sent>), StartError> {
    Ok(match memory {
        Some(memory) => State::restore(config, memory, now),
        None => {
            // Nanoseconds since boot: no earlier state of this boot has begun at the same one.
            let start = Start { boot: kernel::boot_id()?, series: now.as_nanos(), now };
            (State::new(Arc::clone(config), start), Vec::new())
        }
    })
}
