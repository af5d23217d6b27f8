//! Evidence at the first critical of a process and before a kill: when it is asked for, and who waits for it.
//!
//! The loop hands a job to the collector's thread and goes on. A kill that has passed its questions waits in
//! here, no longer than `evidence_timeout`, and is then questioned anew. Meanwhile nothing of it was sent, and
//! the state file must not say so.

mod chart;
mod collector;
mod job;

#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use crate::discover::Member;
use crate::export::{Published, Snapshot};
use crate::kernel;
use crate::model::{
    Collected, Event, Flaw, Identity, IncidentView, Level, MemberKey, Memory, Moment, Note, Order, OrderId,
    RungStateMemory, Trigger,
};
use crate::record::incident::Store;
use crate::sample::Wake;

use collector::{Collector, Done, Ending};
use job::Job;

/// A process that is at critical again after normal is looked at again, but not sooner.
const CRITICAL_AGAIN: Duration = Duration::from_secs(600);
/// A kill that is tried again and again waits for evidence no oftener.
const KILL_AGAIN: Duration = Duration::from_secs(60);
/// Of a target that is judged as a group so many processes are looked at.
const MOST_OF_A_GROUP: usize = 4;
/// So many looks are remembered.
const MOST_LOOKS: usize = 4096;
/// So many incidents are shown.
const MOST_SHOWN: usize = 16;

/// What was asked for, and who waits.
#[derive(Debug)]
pub(super) struct Incidents {
    collector: Collector,
    /// The numbers of jobs; each only once.
    asked: u64,
    waiting: Vec<Waiting>,
    /// Kills that have waited, and when they went on; in flight, as far as judge knows, for longer.
    went: Vec<(OrderId, Moment)>,
    looks: Vec<Look>,
    /// The last ones, the latest last.
    shown: Vec<IncidentView>,
}

/// A kill that waits.
#[derive(Debug)]
struct Waiting {
    order: Arc<Order>,
    job: u64,
    until: Moment,
}

/// A process was looked at.
#[derive(Clone, Copy, Debug)]
struct Look {
    identity: Identity,
    trigger: Trigger,
    at: Moment,
    /// Whether it was at normal since.
    over: bool,
}

impl Incidents {
    /// Starts the collector, and looks what was kept before. `wake` is called from its threads whenever one has something to tell.
    pub(super) fn start(store: Store, published: Arc<Published>, wake: Wake) -> io::Result<(Self, Ending)> {
        let (now, wall) = (kernel::now(), kernel::wall_instant().as_millisecond());
        let ago = |at: i64| Duration::from_millis(u64::try_from(wall.saturating_sub(at)).unwrap_or(0));
        let shown = store.last(MOST_SHOWN).into_iter().map(|kept| IncidentView {
            target: kept.about.target.into(),
            id: kept.id.into(),
            at: now - ago(kept.about.at_millis),
        });
        let shown = shown.collect();
        let (collector, ending) = Collector::start(store, published, wake)?;
        let (waiting, went, looks) = (Vec::new(), Vec::new(), Vec::new());
        Ok((Self { collector, asked: 0, waiting, went, looks, shown }, ending))
    }

    /// When the next kill goes on at the latest.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    /// The last ones, and who waits.
    pub(super) fn show(&self, snapshot: &mut Snapshot) {
        snapshot.incidents.kept.extend_from_slice(&self.shown);
        let waiting = self.waiting.iter().map(|waiting| (waiting.order.member, Arc::clone(&waiting.order.action)));
        snapshot.incidents.awaited.extend(waiting);
    }

    /// What the state file must know: a kill that waits was not sent, and one that has waited was sent later
    /// than it was ordered.
    pub(super) fn correct(&mut self, memory: &mut Memory) {
        let waits = |id: OrderId| self.waiting.iter().any(|waiting| waiting.order.id == id);
        memory.killing.retain(|sent| !waits(sent.order.id));
        memory.kills.retain(|kill| !waits(kill.order));
        for rung in memory.members.iter_mut().flat_map(|member| &mut member.rungs) {
            let ours = rung.order.as_ref().is_some_and(|order| waits(order.id));
            if ours && rung.state == RungStateMemory::InFlight {
                rung.state = RungStateMemory::Due;
            }
        }
        self.went.retain(|(id, _)| memory.killing.iter().any(|sent| sent.order.id == *id));
        for sent in &mut memory.killing {
            if let Some((_, at)) = self.went.iter().find(|(id, _)| *id == sent.order.id) {
                sent.at = *at;
            }
        }
    }

    /// Whether the process is to be looked at now; it then counts as looked at.
    fn is_due(&mut self, identity: Identity, trigger: Trigger, now: Moment) -> bool {
        let looked = |look: &&Look| look.identity == identity;
        let is_old = |look: &Look| match trigger {
            Trigger::Kill => look.trigger == Trigger::Critical || now.since(look.at) >= KILL_AGAIN,
            Trigger::Critical if look.trigger == Trigger::Kill => now.since(look.at) >= KILL_AGAIN,
            Trigger::Critical => look.over && now.since(look.at) >= CRITICAL_AGAIN,
        };
        if !self.looks.iter().filter(looked).all(is_old) {
            return false;
        }
        self.looks.retain(|look| look.identity != identity || look.trigger != trigger);
        if self.looks.len() >= MOST_LOOKS {
            self.looks.remove(0);
        }
        self.looks.push(Look { identity, trigger, at: now, over: false });
        true
    }

    /// What an event means for later looks: at normal an incident is over; of who is gone there is none.
    fn heed(&mut self, note: &Note) {
        if let Note::LevelChanged { identity, to: Level::Normal, .. } = note {
            self.looks.iter_mut().filter(|look| look.identity == *identity).for_each(|look| look.over = true);
        }
        if let Note::Gone { identity, .. } = note {
            self.looks.retain(|look| look.identity != *identity);
        }
    }

    /// The kills that need not wait any more: their evidence is there, or it is time.
    fn take_ready(&mut self, now: Moment) -> Vec<Arc<Order>> {
        let mut ready = Vec::new();
        self.waiting.retain(|waiting| {
            let over = now >= waiting.until;
            if over {
                ready.push(Arc::clone(&waiting.order));
            }
            !over
        });
        self.went.extend(ready.iter().map(|order| (order.id, now)));
        ready
    }

    /// A job is done: whoever waits for it waits no more.
    fn finish(&mut self, job: u64, now: Moment) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.job == job) {
            waiting.until = now;
        }
    }

    fn remember(&mut self, view: IncidentView) {
        if self.shown.len() >= MOST_SHOWN {
            self.shown.remove(0);
        }
        self.shown.push(view);
    }
}

impl Watch {
    /// Takes in what was collected; returns the kills that go on.
    pub(super) fn take_evidence(&mut self, now: Moment) -> Vec<Arc<Order>> {
        while let Some(Done { job, whose, result }) = self.incidents.collector.next() {
            self.incidents.finish(job, now);
            let collected = match result {
                Ok((kept, missing)) => {
                    let view = IncidentView { target: Arc::clone(&whose.target), id: kept.id.into(), at: whose.at };
                    self.incidents.remember(view);
                    Collected::Kept { folder: shown(&kept.path), missing }
                }
                Err(why) => Collected::Flawed { flaw: why.flaw, detail: why.text.into() },
            };
            let job::Whose { target, member, identity, trigger, .. } = whose;
            self.events.push(Event { at: now, note: Note::Incident { target, member, identity, trigger, collected } });
        }
        let late: Vec<Arc<Order>> = {
            let unfinished = |waiting: &&Waiting| now >= waiting.until && self.incidents.collector.has(waiting.job);
            self.incidents.waiting.iter().filter(unfinished).map(|waiting| Arc::clone(&waiting.order)).collect()
        };
        late.iter().for_each(|order| self.flawed(order, Flaw::Late, now));
        self.incidents.take_ready(now)
    }

    /// Whether a kill that may go out is to wait for its evidence; it is asked for, then.
    pub(super) fn waits_for_evidence(&mut self, order: &Arc<Order>, now: Moment) -> bool {
        let timeout = self.config.daemon.evidence_timeout;
        if !order.measure.is_kill() || !self.incidents.is_due(order.identity, Trigger::Kill, now) {
            return false;
        }
        let Some(member) = self.roster.get(order.member).filter(|one| one.process.identity() == order.identity) else {
            return false;
        };
        let event = Event { at: now, note: Note::Ordered(Arc::clone(order)) };
        let job = (!self.incidents.collector.is_full())
            .then(|| Job::new(self, member, (Trigger::Kill, &event), now).ordered(order, now));
        let Some(job) = job.and_then(|job| self.incidents.hand_over(job)) else {
            self.flawed(order, Flaw::Busy, now);
            return false;
        };
        if timeout.is_zero() {
            return false;
        }
        self.incidents.waiting.push(Waiting { order: Arc::clone(order), job, until: now + timeout });
        true
    }

    /// Asks for evidence of everybody who has reached critical by these of the events.
    pub(super) fn look_at_criticals(&mut self, fresh: Range<usize>, now: Moment) {
        for index in fresh {
            let Some(event) = self.events.get(index) else { return };
            self.incidents.heed(&event.note);
            let members = match reached(&event.note) {
                Some(Reached::Member(member)) => vec![member],
                Some(Reached::Group(target)) => self.members_of(&target),
                None => continue,
            };
            let event = event.clone();
            for key in members {
                self.look_at(key, &event, now);
            }
        }
    }

    /// Before another configuration is adopted: what waits was ordered under this one.
    pub(super) fn let_kills_go(&mut self, now: Moment) {
        self.incidents.waiting.iter_mut().for_each(|waiting| waiting.until = now);
        let mut ready = self.kills_that_go_on(now);
        self.deliver(&mut ready, now);
    }

    fn look_at(&mut self, key: MemberKey, event: &Event, now: Moment) {
        let Some(member) = self.roster.get(key) else { return };
        let identity = member.process.identity();
        if !self.incidents.is_due(identity, Trigger::Critical, now) {
            return;
        }
        let job = (!self.incidents.collector.is_full())
            .then(|| Job::new(self, member, (Trigger::Critical, event), now).reached(event, now));
        if job.and_then(|job| self.incidents.hand_over(job)).is_none() {
            let target = self.config.targets.get(usize::from(key.target));
            let target = target.map_or_else(|| Arc::from("?"), |target| Arc::clone(&target.name));
            let collected = Collected::Flawed { flaw: Flaw::Busy, detail: "".into() };
            let (member, trigger) = (key, Trigger::Critical);
            self.events.push(Event { at: now, note: Note::Incident { target, member, identity, trigger, collected } });
        }
    }

    fn members_of(&self, target: &str) -> Vec<MemberKey> {
        let index = self.config.targets.iter().position(|known| *known.name == *target);
        let of_target = |member: &&Member| index == Some(usize::from(member.key.target));
        self.roster.members().iter().filter(of_target).take(MOST_OF_A_GROUP).map(|member| member.key).collect()
    }

    fn flawed(&mut self, order: &Order, flaw: Flaw, now: Moment) {
        let collected = Collected::Flawed { flaw, detail: "".into() };
        let (target, member, identity) = (Arc::clone(&order.target), order.member, order.identity);
        let note = Note::Incident { target, member, identity, trigger: Trigger::Kill, collected };
        self.events.push(Event { at: now, note });
    }
}

impl Incidents {
    /// The number of the job; none where too much is under way already.
    fn hand_over(&mut self, mut job: Job) -> Option<u64> {
        self.asked += 1;
        job.number = self.asked;
        self.collector.send(job).then_some(self.asked)
    }
}

/// Who has reached critical.
enum Reached {
    Member(MemberKey),
    /// All processes of a target together.
    Group(Arc<str>),
}

fn reached(note: &Note) -> Option<Reached> {
    let is_first = |from: Level, to: Level| from < Level::Critical && to >= Level::Critical;
    if let Note::LevelChanged { member, from, to, .. } = note {
        return is_first(*from, *to).then_some(Reached::Member(*member));
    }
    if let Note::LadderStepped { target: Some(target), from, to, .. } = note {
        return is_first(*from, *to).then(|| Reached::Group(Arc::clone(target)));
    }
    None
}

fn shown(path: &std::path::Path) -> Arc<str> {
    use std::os::unix::ffi::OsStrExt as _;
    crate::model::printable(path.as_os_str().as_bytes(), 300).into()
}
