//! `tick()`: the sentence; `run()`: the loop.
//!
//! One plain thread that owns all state without locks and waits in one place. What belongs here:
//! the wiring of the stages, and nothing that any one of them could do. No error leaves a tick:
//! it becomes a reading, an outcome or an event.

mod asked;
mod carry;
mod ceiling;
mod history;
mod hours;
mod incidents;
mod kept;
mod notify;
mod publish;
mod reload;
mod remember;
mod rights;
mod start;
mod summary;

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::act::Executor;
use crate::config::Config;
use crate::discover::{Change, Discovery, Roster};
use crate::export::{self, Control, News, Publisher, Reply};
use crate::judge::{State, stop};
use crate::kernel::{self, Asked, Reserve, Waiter};
use crate::model::{Event, LeaseView, Moment, Note, Outcome};
use crate::record::{Recorder, show_duration};
use crate::sample::{NameNote, Sampler};

use incidents::Incidents;
use notify::Notify;
use reload::Reload;
use remember::Remembering;
pub use start::{StartError, run};
use summary::Summing;

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
    /// Descriptors that orders can have when there are no others.
    reserve: Reserve,
    outcomes: Vec<Outcome>,
    remembering: Remembering,
    recorder: Recorder,
    incidents: Incidents,
    events: Vec<Event>,
    publisher: Publisher,
    view: publish::View,
    /// What operators ask; none where the socket could not be made.
    control: Option<Control>,
    /// What is answered at the end of the tick, so that whoever has the answer also sees it shown.
    replies: Vec<(export::Asked, Reply)>,
    strangers: asked::Strangers,
    reload: Reload,
    /// What the HTTP server has to tell.
    news: Option<Receiver<News>>,
    notify: Notify,
    summing: Summing,
    /// Whether some member may have exited since the last tick.
    exits: bool,
    /// Whether discovery has looked everywhere since the start or the last reload.
    all_found: bool,
    next_pass: Moment,
}

impl Watch {
    /// Ticks until it is asked to stop.
    fn run(&mut self) {
        self.introduce();
        loop {
            let now = kernel::now();
            self.tick(now);
            let woken = self.waiter.wait(self.wake_at(now).since(kernel::now()));
            match woken.signal {
                Some(Asked::Stop) => break,
                Some(Asked::Reload) => self.begin_reload(None),
                None => {}
            }
            self.exits |= woken.exits;
        }
        self.stop(kernel::now());
    }

    /// The sentence: who asks, who is there, what was read, what follows, what became of it, what must
    /// be remembered, who is told.
    fn tick(&mut self, now: Moment) {
        let begun = kernel::cpu_of_thread();
        self.answer(now);
        self.discover(now);
        self.sample(now);
        self.tell_time(now);
        self.judge_and_act(now);
        self.remember_changes(now);
        self.sum_up(now);
        self.record();
        self.keep_sample(now);
        self.export(now);
        self.notify(now);
        self.reply();
        self.note_cost(now, begun);
    }

    /// Takes in what the discovery thread found and which members have exited.
    fn discover(&mut self, now: Moment) {
        // Asked before its findings are taken: all of that scan are among them then.
        let looked_everywhere = self.discovery.last_scan().is_some();
        self.discovery.changes(&mut self.changes);
        if std::mem::take(&mut self.exits) {
            self.roster.show_out(now, &mut self.events);
        }
        let (alone, told) = (self.roster.is_empty(), !self.changes.is_empty());
        self.roster.apply(&mut self.changes, now, &mut self.events);
        if alone && !self.roster.is_empty() {
            // Whoever comes first, at the start or after a restart, need not wait for an interval.
            self.next_pass = self.next_pass.min(now);
        }
        // Of a remembered member that is found again there is no event.
        if told || !self.events.is_empty() {
            self.waiter.watch(self.roster.members().iter().map(|member| &member.process));
        }
        if looked_everywhere && !std::mem::replace(&mut self.all_found, true) {
            self.roster.forget_remembered(now, &mut self.events);
            self.next_pass = self.next_pass.min(now);
        }
    }

    /// What the wall clock says may put other bounds in force.
    fn tell_time(&mut self, now: Moment) {
        if self.config.calendars.is_empty() {
            return;
        }
        if let Some(verdicts) = self.state.tell_time(kernel::wall_instant(), self.sampler.latest(), now) {
            self.events.extend(verdicts.events);
            self.config = Arc::clone(self.state.config());
        }
    }

    /// Reads what is due: everybody, or between passes whoever is near a bound.
    fn sample(&mut self, now: Moment) {
        self.hear_names(now);
        if self.sampler.is_awaited() {
            self.next_pass = self.next_pass.min(now);
        }
        if now < self.next_pass {
            self.sampler.forget_departed(&self.roster);
            if self.sampler.near().is_some_and(|near| near <= now) {
                self.sampler.sample_near(self.roster.members().iter(), now);
            }
            return;
        }
        self.view.late = now.since(self.next_pass);
        self.view.last_sample = Some(now);
        self.sampler.sample(self.roster.members().iter(), now);
        let period = self.sampler.periods().pass;
        let passes = u64::try_from(self.view.late.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX);
        self.view.missed_passes += passes;
        self.next_pass = if passes == 0 { self.next_pass + period } else { now + period };
    }

    /// Takes in what was found out about host names. A peer that is known at last need not wait for an interval.
    fn hear_names(&mut self, now: Moment) {
        if self.sampler.hear_names(now) {
            self.next_pass = self.next_pass.min(now);
        }
        for NameNote { text, bad } in self.sampler.name_notes(now) {
            if bad { self.warn(text) } else { self.say(text) }
        }
    }

    fn record(&mut self) {
        self.recorder.record(&self.events);
        self.events.clear();
    }

    /// After what is more urgent: what this pass has read is kept, if it is time.
    fn keep_sample(&mut self, now: Moment) {
        if self.view.last_sample == Some(now) {
            self.recorder.keep_sample(self.sampler.latest(), now);
        }
    }

    /// When the next tick is due at the latest. Outcomes that judge has not seen make it due now.
    fn wake_at(&self, now: Moment) -> Moment {
        if !self.outcomes.is_empty() {
            return now;
        }
        let (deadline, write) = (self.executor.next_deadline(now), self.remembering.next_write());
        let deadlines = [deadline, write, self.notify.next(), self.sampler.near(), self.incidents.next_deadline()];
        deadlines.into_iter().flatten().fold(self.next_pass, Moment::min)
    }

    /// Nothing is drained: everybody runs again, and the rest is remembered for the next daemon.
    fn stop(&mut self, now: Moment) {
        self.notify.stopping();
        let verdicts = stop(&mut self.state, self.sampler.latest(), now);
        self.events.extend(verdicts.events);
        for order in &verdicts.orders {
            let outcome = match self.executor.admit(order, &self.roster, now) {
                Ok(()) => self.executor.deliver(order, &self.roster, now),
                Err(outcome) => Some(outcome),
            };
            self.outcomes.extend(outcome);
        }
        let verdicts = self.state.take_outcomes(&self.outcomes, self.sampler.latest(), now);
        self.events.extend(verdicts.events);
        self.remember_all(now);
        self.say("stopping; nothing more is watched".to_owned());
        self.record();
        if self.view.last_sample.is_some() {
            self.recorder.end_samples(self.sampler.latest(), now);
        }
    }

    /// The first words: what is watched, and what the configuration was warned of.
    fn introduce(&mut self) {
        let config = Arc::clone(&self.config);
        let (targets, interval) = (config.targets.len(), show_duration(config.daemon.interval));
        let dry = if config.daemon.dry_run { "; dry run: nothing is done" } else { "" };
        let plural = if targets == 1 { "" } else { "s" };
        self.say(format!("tradedog {}: {targets} target{plural}, every {interval}{dry}", env!("CARGO_PKG_VERSION")));
        self.tell_rights();
        self.tell_shortfall();
        self.warn_of_config();
        self.warn_of_rights();
        self.tell_leases();
        self.reload.keep(&self.config);
    }

    /// What an earlier daemon left in force.
    fn tell_leases(&mut self) {
        let name = |lease: LeaseView| {
            let process = lease.process.map_or_else(String::new, |slot| format!("[{slot}]"));
            format!("{} of {}{process}", lease.action, lease.target)
        };
        let names: Vec<String> = self.state.leases(kernel::now()).map(name).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            self.warn(format!("in force since before the start: {names}; tradedog status says when each is undone"));
        }
    }

    /// What happened to the HTTP server goes into the log.
    fn hear_server(&mut self) {
        while let Some(news) = self.news.as_ref().and_then(|news| news.try_recv().ok()) {
            match news {
                News::Good(text) => self.say(text),
                News::Bad(text) => self.warn(text),
            }
        }
    }

    fn warn_of_config(&mut self) {
        let config = Arc::clone(&self.config);
        for problem in config.warnings.iter() {
            self.warn(problem.line());
        }
    }

    fn say(&mut self, text: String) {
        self.events.push(Event { at: kernel::now(), note: Note::Daemon { text, bad: false } });
    }

    fn warn(&mut self, text: String) {
        self.events.push(Event { at: kernel::now(), note: Note::Daemon { text, bad: true } });
    }
}
