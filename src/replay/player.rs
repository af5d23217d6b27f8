//! The judge, who is there, and a world that answers its orders: `watch` without a host.
//!
//! One tick is judged as the daemon judges one, a kill confirmed on the latest reading. What belongs here:
//! the wiring. What does not: where readings come from, and what is made of what was told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::together::together;
use crate::config::{Config, Per};
use crate::judge::{Start, State, judge};
use crate::model::{
    BootId, Event, GroupSample, Identity, Measure, MemberKey, MemberSample, Memory, Metric, Moment, Order, Outcome,
    OutcomeKind, Pid, Reading, Reason, Sample, Scope, Sent, Unknown, Value,
};

/// Judge and world answer each other within one tick; what is left then goes on in the next.
const MOST_ROUNDS: usize = 32;

/// What becomes of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// So long after it was sent; zero for at once.
    pub after: Duration,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Why.
    pub reason: Reason,
    /// Whether it is certain that nothing was done.
    pub untouched: bool,
}

impl Answer {
    /// At once.
    pub const fn at_once(kind: OutcomeKind, reason: Reason) -> Self {
        Self { after: Duration::ZERO, kind, reason, untouched: false }
    }
}

/// What an outcome means for its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It lives on, whatever was done to it.
    Lives,
    /// A kill has ended it.
    Ends,
    /// A kill that it survives: it goes on over a restart of the daemon.
    Defies,
}

/// What answers an order; none for never.
type Answers = Box<dyn FnMut(&Order) -> Option<Answer>>;

/// A judge at work on readings that somebody sets.
pub struct Player {
    config: Arc<Config>,
    state: State,
    sample: Sample,
    answers: Answers,
    /// Outcomes that are still to come.
    later: Vec<(Moment, Outcome, Fate)>,
    /// What the next readings before kills say instead of the latest.
    fresh: Vec<(Metric, Value)>,
    born: u32,
}

impl Player {
    /// Nobody is there yet, and the bounds of the hour hold. Every delivery is acknowledged at once.
    pub fn new(config: Arc<Config>, (wall, now): (Timestamp, Moment)) -> Self {
        let config = config.in_hours(&config.almanac(wall)).map_or(config, Arc::new);
        let state = State::new(Arc::clone(&config), Start { now, ..Start::default() });
        let blank = blank(now, Duration::ZERO);
        let sample = Sample { host: vec![blank; config.host.metrics.len()], ..Sample::default() };
        let answers: Answers = Box::new(|_| Some(Answer::at_once(OutcomeKind::Acknowledged, Reason::None)));
        Self { config, state, sample, answers, later: Vec::new(), fresh: Vec::new(), born: 0 }
    }

    /// From now on orders are answered so.
    pub fn answer_by(&mut self, answers: impl FnMut(&Order) -> Option<Answer> + 'static) {
        self.answers = Box::new(answers);
    }

    /// What is judged by.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The judge's state.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The judge's state, for what an operator wants of it.
    pub const fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// A process takes a seat: whoever sat there is gone.
    pub fn arrive(&mut self, member: MemberKey, (started, now): (Moment, Moment)) {
        self.leave(member);
        let metrics = self.config.targets.get(usize::from(member.target)).map_or(0, |target| target.metrics.len());
        self.born += 1;
        let pid = i32::try_from(self.born).ok().and_then(|born| Pid::new(born.saturating_add(1000)));
        let identity = Identity {
            boot: BootId::default(),
            pid: pid.unwrap_or(Pid::INIT),
            start_ticks: u64::from(self.born),
            pidfs_inode: Some(u64::from(self.born)),
        };
        let readings = vec![blank(now, Duration::ZERO); metrics];
        let at = self.sample.members.partition_point(|other| other.member < member);
        self.sample.members.insert(at, MemberSample { member, identity, started, first_seen: now, readings });
    }

    /// The process in that seat has ended.
    pub fn leave(&mut self, member: MemberKey) {
        self.sample.members.retain(|other| other.member != member);
        if member.slot == MemberKey::ALL
            || !self.sample.members.iter().any(|other| other.member.target == member.target)
        {
            self.sample.groups.retain(|group| group.target != member.target);
        }
    }

    /// The readings of a process, as its target's metrics; none of one that is not there.
    pub fn readings(&mut self, member: MemberKey) -> Option<&mut [Reading]> {
        let at = self.sample.members.binary_search_by_key(&member, |other| other.member).ok()?;
        self.sample.members.get_mut(at).map(|member| member.readings.as_mut_slice())
    }

    /// What all processes of a target come to, as its metrics.
    pub fn group(&mut self, target: u16) -> &mut [Reading] {
        let at = self.sample.groups.iter().position(|group| group.target == target).unwrap_or_else(|| {
            let metrics = self.config.targets.get(usize::from(target)).map_or(0, |target| target.metrics.len());
            let readings = vec![blank(Moment::default(), Duration::ZERO); metrics];
            self.sample.groups.push(GroupSample { target, readings });
            self.sample.groups.len() - 1
        });
        &mut self.sample.groups[at].readings
    }

    /// What all processes of each group come to.
    pub fn groups(&self) -> &[GroupSample] {
        &self.sample.groups
    }

    /// What the processes of a group were read to have comes together.
    pub fn sum_up(&mut self, target: u16) {
        let metrics: Vec<_> = match self.config.targets.get(usize::from(target)).filter(|t| t.per == Per::Group) {
            Some(target) => target.metrics.iter().map(|metric| metric.base).collect(),
            None => return,
        };
        for (at, base) in metrics.into_iter().enumerate() {
            let ours = self.sample.members.iter().filter(|member| member.member.target == target);
            let parts: Vec<Reading> = ours.filter_map(|member| member.readings.get(at).copied()).collect();
            let Some(latest) = parts.iter().max_by_key(|part| part.at).copied() else { continue };
            let value = together(base, parts.iter().map(|part| part.value));
            self.group(target)[at] = Reading { value, ..latest };
        }
    }

    /// The readings of the host, as its metrics.
    pub fn host(&mut self) -> &mut [Reading] {
        &mut self.sample.host
    }

    /// From now on a reading before a kill says this of the metric; with none again what was read last.
    pub fn read_before_kills(&mut self, metric: &Metric, value: Option<Value>) {
        self.fresh.retain(|(other, _)| other != metric);
        self.fresh.extend(value.map(|value| (metric.clone(), value)));
    }

    /// What the wall clock says may put other bounds in force: to be told before each tick.
    pub fn tell_time(&mut self, wall: Timestamp, now: Moment, told: &mut Vec<Event>) {
        if let Some(verdicts) = self.state.tell_time(wall, &self.sample, now) {
            told.extend(verdicts.events);
            self.config = Arc::clone(self.state.config());
        }
    }

    /// Judges until every order has its answer or waits for it.
    pub fn tick(&mut self, now: Moment, told: &mut Vec<Event>) {
        let mut outcomes = Vec::new();
        for (_, outcome, fate) in self.later.extract_if(.., |(due, ..)| *due <= now).collect::<Vec<_>>() {
            self.happen(outcome, fate, &mut outcomes);
        }
        for _ in 0..MOST_ROUNDS {
            let verdicts = judge(&mut self.state, &self.sample, &outcomes, now);
            told.extend(verdicts.events);
            outcomes.clear();
            for order in verdicts.orders {
                self.send(&order, now, &mut outcomes);
            }
            if outcomes.is_empty() {
                return;
            }
        }
    }

    /// The daemon dies and is started again on what it had remembered; returns the kills that go on.
    pub fn restart(&mut self, now: Moment, told: &mut Vec<Event>) -> Vec<Sent> {
        let (state, killing) = State::restore(&self.config, self.state.memory(), now);
        // Nobody hears any more what else was under way.
        self.later.retain(|(.., fate)| *fate != Fate::Lives);
        self.state = state;
        self.look_everywhere(now, told);
        killing
    }

    /// What a daemon would remember that ended now.
    pub fn memory(&self) -> Memory {
        self.state.memory()
    }

    /// Another configuration comes into force, with the same targets at the same places.
    pub fn reload(&mut self, config: Arc<Config>, now: Moment, told: &mut Vec<Event>) {
        self.state = self.state.reconfigured(&config, now);
        for member in &mut self.sample.members {
            move_readings(&mut member.readings, usize::from(member.member.target), (&self.config, &config));
        }
        for group in &mut self.sample.groups {
            move_readings(&mut group.readings, usize::from(group.target), (&self.config, &config));
        }
        self.config = config;
        self.look_everywhere(now, told);
    }

    fn look_everywhere(&mut self, now: Moment, told: &mut Vec<Event>) {
        self.tick(now, told);
        self.state.all_found();
    }

    fn send(&mut self, order: &Arc<Order>, now: Moment, outcomes: &mut Vec<Outcome>) {
        let answer = match self.question(order) {
            Ok(()) => (self.answers)(order),
            Err(answer) => Some(answer),
        };
        let Some(Answer { after, kind, reason, untouched }) = answer else { return };
        let (id, member, at) = (order.id, order.member, now + after);
        let outcome = Outcome { order: id, member, kind, reason, at, untouched, detail: None };
        let fate = match kind {
            _ if !order.measure.is_kill() => Fate::Lives,
            OutcomeKind::Gone => Fate::Ends,
            OutcomeKind::Delivered
            | OutcomeKind::Acknowledged
            | OutcomeKind::Failed
            | OutcomeKind::Held
            | OutcomeKind::Vetoed
            | OutcomeKind::Lapsed
            | OutcomeKind::DryRun => Fate::Defies,
        };
        if after.is_zero() {
            self.happen(outcome, fate, outcomes);
        } else {
            self.later.push((at, outcome, fate));
        }
    }

    fn happen(&mut self, outcome: Outcome, fate: Fate, outcomes: &mut Vec<Outcome>) {
        if fate == Fate::Ends {
            self.leave(outcome.member);
        }
        outcomes.push(outcome);
    }

    /// What is asked before an order goes out: is the process there; does the causing reading of a kill still
    /// hold, and is there an anchor, as configured, for whom it stops or ends; is this a dry run.
    fn question(&self, order: &Order) -> Result<(), Answer> {
        let ends = |kind, reason| Answer { untouched: true, ..Answer::at_once(kind, reason) };
        let to_process = !matches!(order.measure, Measure::Http(_) | Measure::Command(_));
        if to_process && !self.sample.members.iter().any(|member| member.identity == order.identity) {
            return Err(ends(OutcomeKind::Gone, Reason::None));
        }
        if order.undo {
            return Ok(());
        }
        if order.measure.is_kill() && order.by.is_none() {
            self.confirm(order).map_err(|reason| ends(OutcomeKind::Held, reason))?;
        }
        let grave = order.measure.is_kill() || order.measure.is_freeze();
        let target = self.config.targets.get(usize::from(order.member.target));
        if grave && target.is_none_or(|target| !target.selector.may_be_anchored()) {
            return Err(ends(OutcomeKind::Vetoed, Reason::Imitable));
        }
        if self.config.daemon.dry_run { Err(ends(OutcomeKind::DryRun, Reason::None)) } else { Ok(()) }
    }

    fn confirm(&self, order: &Order) -> Result<(), Reason> {
        // Of what was foretold the metric itself is read once more.
        let metric = order.cause.as_ref().ok_or(Reason::Unconfirmed)?.metric.with(None);
        let latest = self.latest(order.member, &metric).ok_or(Reason::Unknown)?;
        let said = self.fresh.iter().find(|(other, _)| *other == metric).map(|(_, value)| *value);
        self.state.confirm(order, &Reading { value: said.unwrap_or(latest.value), ..latest })
    }

    fn latest(&self, member: MemberKey, metric: &Metric) -> Option<Reading> {
        let at = |metrics: &[Metric]| metrics.iter().position(|other| other == metric);
        if metric.info().scope == Scope::Host {
            return self.sample.host.get(at(&self.config.host.metrics)?).copied();
        }
        let target = self.config.targets.get(usize::from(member.target))?;
        let index = at(&target.metrics)?;
        if target.per == Per::Group {
            let group = self.sample.groups.iter().find(|group| group.target == member.target)?;
            return group.readings.get(index).copied();
        }
        let found = self.sample.members.binary_search_by_key(&member, |other| other.member).ok()?;
        self.sample.members.get(found)?.readings.get(index).copied()
    }
}

/// Readings stand where the other configuration has their metrics.
fn move_readings(readings: &mut Vec<Reading>, target: usize, (was, is): (&Config, &Config)) {
    let (Some(was), Some(is)) = (was.targets.get(target), is.targets.get(target)) else { return };
    let before = std::mem::take(readings);
    let old = |metric: &Metric| was.metrics.iter().position(|other| other == metric).and_then(|at| before.get(at));
    let blank = blank(Moment::default(), Duration::ZERO);
    readings.extend(is.metrics.iter().map(|metric| old(metric).copied().unwrap_or(blank)));
}

/// What was never read.
pub(super) const fn blank(at: Moment, period: Duration) -> Reading {
    Reading { at, period, value: Value::Unknown(Unknown::Overdue) }
}
