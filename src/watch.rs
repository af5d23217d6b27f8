//! `tick()`: the sentence; `run()`: the loop.
//!
//! One plain thread that owns all state without locks and waits in one place. What belongs here:
//! the wiring of the stages, and nothing that any one of them could do. No error leaves a tick:
//! it becomes a reading, an outcome or an event.

mod publish;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::act::Executor;
use crate::config::Config;
use crate::discover::{Change, Discovery, Roster};
use crate::export::{Publisher, Server, Snapshot};
use crate::judge::{State, confirm, judge};
use crate::kernel::{self, Asked, Waiter};
use crate::model::{Event, Moment, Note, Order, Outcome, OutcomeKind, Reason};
use crate::record::{LogWriter, Recorder, show_duration};
use crate::sample::Sampler;

/// Judge and executor answer each other within one tick; what is left then goes on in the next.
const MOST_ROUNDS: usize = 16;
/// Time for the last log lines when the daemon ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refused what the loop waits with, or a thread.
    #[error("cannot set up the watch loop: {0}")]
    Loop(#[source] io::Error),
    /// `/proc` is not to be read.
    #[error("cannot read /proc: {0}")]
    Proc(#[from] kernel::Error),
    /// An address of `[web] listen` could not be bound; the text names it.
    #[error("{0}")]
    Web(#[source] io::Error),
}

/// All stages, wired.
struct Watch {
    config: Arc<Config>,
    waiter: Waiter,
    discovery: Discovery,
    changes: Vec<Change>,
    roster: Roster,
    sampler: Sampler,
    state: State,
    executor: Executor,
    outcomes: Vec<Outcome>,
    recorder: Recorder,
    events: Vec<Event>,
    publisher: Publisher,
    view: publish::View,
    /// Whether some member may have exited since the last tick.
    exits: bool,
    next_pass: Moment,
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// Only while it starts: once it runs, nothing ends it but a signal.
pub fn run(config: Config) -> Result<(), StartError> {
    kernel::block_signals().map_err(StartError::Loop)?;
    kernel::raise_fd_limit();
    let config = Arc::new(config);
    let (writer, logs) = LogWriter::start().map_err(StartError::Loop)?;
    let publisher = Publisher::new(Snapshot::empty(Arc::clone(&config)));
    let server = Server::start(&config.web.listen, publisher.published()).map_err(StartError::Web)?;
    let recorder = Recorder::new(Arc::clone(&config), logs);
    let mut watch = Watch::new(config, recorder, publisher)?;
    watch.run();
    drop(watch);
    drop(server);
    writer.finish(LAST_WORDS);
    Ok(())
}

impl Watch {
    fn new(config: Arc<Config>, recorder: Recorder, publisher: Publisher) -> Result<Self, StartError> {
        let waiter = Waiter::new().map_err(StartError::Loop)?;
        let waker = waiter.waker();
        let discovery = Discovery::start(Arc::clone(&config), move || waker.wake()).map_err(StartError::Loop)?;
        let waker = waiter.waker();
        let executor = Executor::new(Arc::clone(&config), kernel::now().as_nanos(), move || waker.wake())?;
        Ok(Self {
            waiter,
            discovery,
            changes: Vec::new(),
            roster: Roster::new(&config),
            sampler: Sampler::new(Arc::clone(&config)),
            state: State::new(Arc::clone(&config), crate::judge::Start { now: kernel::now(), ..Default::default() }),
            executor,
            outcomes: Vec::new(),
            recorder,
            events: Vec::new(),
            publisher,
            view: publish::View::configured(kernel::now()),
            exits: false,
            next_pass: kernel::now(),
            config,
        })
    }

    /// Ticks until it is asked to stop.
    fn run(&mut self) {
        self.introduce();
        loop {
            let now = kernel::now();
            self.tick(now);
            let woken = self.waiter.wait(self.wake_at(now).since(kernel::now()));
            match woken.signal {
                Some(Asked::Stop) => break,
                Some(Asked::Reload) => {
                    self.warn("SIGHUP is ignored: restart tradedog to read the configuration again".to_owned());
                }
                None => {}
            }
            self.exits |= woken.exits;
        }
        self.say("stopping; nothing more is watched".to_owned());
        self.recorder.record(&self.events);
    }

    /// The sentence: who is there, what was read, what follows, what became of it, who is told.
    fn tick(&mut self, now: Moment) {
        self.discover(now);
        self.sample(now);
        self.judge_and_act(now);
        self.record();
        self.export(now);
    }

    /// Takes in what the discovery thread found and which members have exited.
    fn discover(&mut self, now: Moment) {
        self.discovery.changes(&mut self.changes);
        if std::mem::take(&mut self.exits) {
            self.roster.show_out(now, &mut self.events);
        }
        let alone = self.roster.is_empty();
        self.roster.apply(&mut self.changes, now, &mut self.events);
        if alone && !self.roster.is_empty() {
            // Whoever comes first, at the start or after a restart, need not wait for an interval.
            self.next_pass = self.next_pass.min(now);
        }
        if !self.events.is_empty() {
            self.waiter.watch(self.roster.members().iter().map(|member| &member.process));
        }
    }

    /// Reads what is due; between passes only the membership is brought up to date.
    fn sample(&mut self, now: Moment) {
        if now < self.next_pass {
            self.sampler.forget_departed(&self.roster);
            return;
        }
        self.view.late = now.since(self.next_pass);
        self.view.last_sample = Some(now);
        self.sampler.sample(self.roster.members().iter(), now);
        let interval = self.config.daemon.interval;
        self.next_pass = if self.view.late < interval { self.next_pass + interval } else { now + interval };
    }

    /// Judge and executor in turn, until every order has its outcome or is under way.
    fn judge_and_act(&mut self, now: Moment) {
        self.executor.advance(now, &mut self.outcomes);
        for _ in 0..MOST_ROUNDS {
            let verdicts = judge(&mut self.state, self.sampler.latest(), &self.outcomes, now);
            self.events.extend(verdicts.events);
            self.outcomes.clear();
            for order in &verdicts.orders {
                let outcome = match self.confirm(order, now) {
                    Ok(()) => self.carry_out(order, now),
                    Err(reason) => Some(held(order, reason, now)),
                };
                self.outcomes.extend(outcome);
            }
            if self.outcomes.is_empty() {
                return;
            }
        }
    }

    fn carry_out(&mut self, order: &Arc<Order>, now: Moment) -> Option<Outcome> {
        match self.executor.admit(order, &self.roster, now) {
            Ok(()) => self.executor.deliver(order, &self.roster, now),
            Err(outcome) => Some(outcome),
        }
    }

    /// Before a kill the causing metric is read once more, and judge is asked again.
    fn confirm(&mut self, order: &Order, now: Moment) -> Result<(), Reason> {
        if !order.measure.is_kill() {
            return Ok(());
        }
        let member = self.roster.get(order.member).filter(|member| member.process.identity() == order.identity);
        let target = self.config.targets.get(usize::from(order.member.target));
        let cause = order.cause.as_ref().map(|cause| &cause.metric);
        let metric = target.and_then(|target| target.metrics.iter().position(|metric| Some(metric) == cause));
        let (Some(member), Some(metric)) = (member, metric) else { return Err(Reason::Unknown) };
        confirm(order, &self.sampler.fresh(member, metric, now))
    }

    fn record(&mut self) {
        self.recorder.record(&self.events);
        self.events.clear();
    }

    /// When the next tick is due at the latest. Outcomes that judge has not seen make it due now.
    fn wake_at(&self, now: Moment) -> Moment {
        if !self.outcomes.is_empty() {
            return now;
        }
        self.executor.next_deadline(now).map_or(self.next_pass, |at| at.min(self.next_pass))
    }

    /// The first words: what is watched, and what the configuration was warned of.
    fn introduce(&mut self) {
        let config = Arc::clone(&self.config);
        let (targets, interval) = (config.targets.len(), show_duration(config.daemon.interval));
        let dry = if config.daemon.dry_run { "; dry run: nothing is done" } else { "" };
        let plural = if targets == 1 { "" } else { "s" };
        self.say(format!("tradedog {}: {targets} target{plural}, every {interval}{dry}", env!("CARGO_PKG_VERSION")));
        for problem in config.warnings.iter() {
            self.warn(format!("{}:{}: {}", problem.file.display(), problem.line, problem.what));
        }
    }

    fn say(&mut self, text: String) {
        self.events.push(Event { at: kernel::now(), note: Note::Daemon { text, bad: false } });
    }

    fn warn(&mut self, text: String) {
        self.events.push(Event { at: kernel::now(), note: Note::Daemon { text, bad: true } });
    }
}

const fn held(order: &Order, reason: Reason, at: Moment) -> Outcome {
    Outcome {
        order: order.id,
        member: order.member,
        kind: OutcomeKind::Held,
        reason,
        at,
        untouched: true,
        detail: None,
    }
}
