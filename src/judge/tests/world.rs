//! A world of one target: a series per member goes in, the orders and outcomes come out as lines.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Action, Bound, Budget, Config, Daemon, EffectKind, Ladder, Target, Threshold, Web};
use crate::judge::{Start, State, judge};
use crate::model::{
    ActionScope, Base, BootId, Effect, Event, FreezeBy, Http, Identity, KillScope, Level, Measure, MemberKey,
    MemberSample, Metric, Moment, Note, Order, Outcome, OutcomeKind, PerLevel, Pid, Reading, Reason, Sample, Sent,
    Signal, Undo, UndoBy, Unknown, Value,
};

/// Readings of one metric: `"0 1+1x2 _ denied >=7"` is 0, 1, 2, 3, no new reading, denied, at
/// least 7.
pub(super) fn series(text: &str) -> Vec<Option<Value>> {
    text.split_whitespace().flat_map(token).collect()
}

fn token(token: &str) -> Vec<Option<Value>> {
    let (word, times) = match token.rsplit_once('x') {
        Some((word, times)) => (word, times.parse().expect("a count after x")),
        None => (token, 0usize),
    };
    match word {
        "_" => return vec![None; times.max(1)],
        "denied" => return vec![Some(Value::Unknown(Unknown::Denied)); times.max(1)],
        _ => {}
    }
    if let Some(least) = word.strip_prefix(">=") {
        return vec![Some(Value::AtLeast(least.parse().expect("a number after >="))); times.max(1)];
    }
    let step_at = word[1..].find(['+', '-']).map(|i| i + 1);
    let (first, step) = step_at.map_or((word, 0.0_f64), |i| (&word[..i], word[i..].parse().expect("a step")));
    let first: f64 = first.parse().expect("a number");
    (0..=times).map(|i| Some(Value::Known(step.mul_add(f64::from(u32::try_from(i).expect("small")), first)))).collect()
}

pub(super) fn bound(at: f64) -> Bound {
    Bound { at, clear: at * 0.9, hold: Duration::ZERO }
}

pub(super) fn threshold(bounds: [(Level, f64); 4]) -> Threshold {
    let mut per_level = PerLevel::default();
    for (level, at) in bounds.into_iter().filter(|(_, at)| at.is_finite()) {
        *per_level.get_mut(level).expect("above normal") = Some(bound(at));
    }
    let name = Metric::plain(Base::OpenFds);
    Threshold { metric: 0, name, ladder: 0, expected: None, bounds: per_level, clear_hold: Duration::ZERO }
}

/// open_fds with 300 / 600 / 800 / 900.
pub(super) fn open_fds() -> Threshold {
    threshold([(Level::Elevated, 300.0), (Level::Warning, 600.0), (Level::Critical, 800.0), (Level::Fatal, 900.0)])
}

pub(super) fn signal(name: &str) -> Action {
    let measure = Measure::Signal { signal: Signal::new(10).expect("SIGUSR1"), assume_handled: false };
    Action { name: name.into(), measure, cooldown: Duration::ZERO, ..Action::default() }
}

/// An HTTP request that serves the whole target and is undone at once when nobody needs it.
pub(super) fn http(name: &str) -> Action {
    let request = |path: &str| {
        Measure::Http(Arc::new(Http {
            post: format!("http://127.0.0.1:8080/{name}/{path}").into(),
            headers: Vec::new(),
            bearer_file: None,
            body: None,
            expect: vec![200],
            timeout: Duration::from_secs(2),
        }))
    };
    let undo = Undo { measure: request("off"), after: Duration::ZERO, by: UndoBy::Daemon };
    let (measure, effect) = (request("on"), EffectKind::StopsGrowth);
    let (cooldown, scope) = (Duration::ZERO, ActionScope::Target);
    Action { name: name.into(), measure, cooldown, scope, undo: Some(undo), effect, ..Action::default() }
}

/// A freeze by signal, for ten seconds at most.
pub(super) fn freeze(name: &str) -> Action {
    let (by, deadline) = (FreezeBy::Signal, Duration::from_secs(10));
    let undo = Undo { measure: Measure::Thaw { by }, after: Duration::ZERO, by: UndoBy::Daemon };
    let measure = Measure::Freeze { by, deadline };
    let effect = EffectKind::StopsGrowth;
    Action { name: name.into(), measure, cooldown: Duration::ZERO, undo: Some(undo), effect, ..Action::default() }
}

pub(super) fn kill() -> Action {
    let measure = Measure::Kill { grace: Duration::from_secs(30), scope: KillScope::Process };
    Action { name: "kill".into(), measure, cooldown: Duration::ZERO, ..Action::default() }
}

/// A target with a rung of its own at each level: three signals, then a kill.
pub(super) fn target() -> Target {
    let mut steps = PerLevel::default();
    for (index, level) in Level::ABOVE_NORMAL.into_iter().enumerate() {
        *steps.get_mut(level).expect("above normal") = vec![index];
    }
    Target {
        name: "trader".into(),
        kill_budget: Budget { max: 3, per: Duration::from_secs(3600) },
        metrics: vec![Metric::plain(Base::OpenFds), Metric::plain(Base::Rss)],
        thresholds: vec![open_fds()],
        ladders: vec![Ladder { name: "default".into(), steps }],
        actions: vec![signal("reset_pool"), signal("disable_websocket"), signal("pause"), kill()],
        ..Target::default()
    }
}

pub(super) fn config(target: Target) -> Config {
    Config {
        daemon: Daemon::default(),
        web: Web { listen: Vec::new(), max_series: 10_000, ..Web::default() },
        targets: vec![target],
        ..Config::default()
    }
}

type Executor = Box<dyn FnMut(&Order) -> Option<(OutcomeKind, Reason)>>;

/// The judge, its members, and an executor that answers at once.
pub(super) struct World {
    pub(super) state: State,
    pub(super) sample: Sample,
    pub(super) now: Moment,
    pub(super) interval: Duration,
    pub(super) executor: Executor,
    /// Seconds since the start, for an executor that wants to know.
    pub(super) clock: Rc<Cell<u64>>,
    pub(super) events: Vec<Event>,
    pub(super) orders: Vec<Arc<Order>>,
    metrics: usize,
    started: Moment,
}

impl World {
    pub(super) fn new(target: Target) -> Self {
        Self::with(config(target))
    }

    pub(super) fn with(config: Config) -> Self {
        let metrics = config.targets[0].metrics.len();
        let started = Moment::from_secs(1_000_000);
        Self {
            state: State::new(Arc::new(config), Start { now: started, ..Start::default() }),
            sample: Sample::default(),
            now: started,
            interval: Duration::from_secs(1),
            executor: Box::new(|order| {
                Some((if order.measure.is_kill() { OutcomeKind::Gone } else { OutcomeKind::Delivered }, Reason::None))
            }),
            clock: Rc::default(),
            events: Vec::new(),
            orders: Vec::new(),
            metrics,
            started,
        }
    }

    /// A process that started `age` ago and is first seen now.
    pub(super) fn arrive(&mut self, slot: u32, age: Duration) {
        let pid =
            Pid::new(i32::try_from(slot).expect("small") + 100 + i32::try_from(self.events.len()).expect("small"));
        let identity = Identity { boot: BootId(1), pid: pid.expect("positive"), start_ticks: 1, pidfs_inode: None };
        self.leave(slot);
        self.sample.members.push(MemberSample {
            member: MemberKey { target: 0, slot },
            identity,
            started: self.now - age,
            first_seen: self.now,
            readings: Vec::new(),
        });
    }

    pub(super) fn leave(&mut self, slot: u32) {
        self.sample.members.retain(|member| member.member.slot != slot);
    }

    /// One pass with a reading of every metric of every member; none keeps the old readings.
    pub(super) fn pass(&mut self, values: &[Option<Value>]) {
        for member in &mut self.sample.members {
            for (index, value) in values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let blank =
                    Reading { at: Moment::default(), period: self.interval, value: Value::Unknown(Unknown::Overdue) };
                if member.readings.is_empty() {
                    member.readings = vec![blank; self.metrics];
                }
                member.readings[index] = Reading { at: self.now, period: self.interval, value };
            }
        }
        self.settle_outcomes(Vec::new());
        self.now = self.now + self.interval;
    }

    /// One pass with a reading of the first metric of each member in turn.
    pub(super) fn each(&mut self, values: &[f64]) {
        for (member, value) in self.sample.members.iter_mut().zip(values) {
            let reading = Reading { at: self.now, period: self.interval, value: Value::Known(*value) };
            member.readings = vec![reading; self.metrics];
        }
        self.settle_outcomes(Vec::new());
        self.now = self.now + self.interval;
    }

    /// Another configuration, and everybody is found again.
    pub(super) fn reconfigure(&mut self, config: Config) {
        self.state = self.state.reconfigured(&Arc::new(config), self.now);
        self.settle_outcomes(Vec::new());
        self.state.all_found();
    }

    /// The daemon is killed and started again on what it had remembered; everybody is found again.
    /// Returns the kills that go on.
    pub(super) fn restart(&mut self) -> Vec<Sent> {
        let killing = self.restart_blind();
        self.settle_outcomes(Vec::new());
        self.state.all_found();
        killing
    }

    /// The same, before discovery has found anybody.
    pub(super) fn restart_blind(&mut self) -> Vec<Sent> {
        let memory = serde_json::to_vec(&self.state.memory()).expect("a memory is JSON");
        let memory = serde_json::from_slice(&memory).expect("a memory");
        let (state, killing) = State::restore(&self.state.config, memory, self.now);
        self.state = state;
        killing
    }

    /// The outcome of an order that was long in coming.
    pub(super) fn answer(&mut self, order: &Order, (kind, reason): (OutcomeKind, Reason)) {
        let (untouched, detail) = (reason == Reason::Refused, None);
        let (order, member) = (order.id, order.member);
        self.settle_outcomes(vec![Outcome { order, member, kind, reason, at: self.now, untouched, detail }]);
    }

    /// Judges until no order is left without an outcome.
    pub(super) fn settle_outcomes(&mut self, mut outcomes: Vec<Outcome>) {
        self.clock.set(self.now.since(self.started).as_secs());
        for _ in 0..20 {
            let verdicts = judge(&mut self.state, &self.sample, &outcomes, self.now);
            self.events.extend(verdicts.events);
            outcomes.clear();
            for order in verdicts.orders {
                if let Some((kind, reason)) = (self.executor)(&order) {
                    outcomes.push(Outcome {
                        order: order.id,
                        member: order.member,
                        kind,
                        reason,
                        at: self.now,
                        // A timeout leaves it open, a refusal is clear.
                        untouched: kind == OutcomeKind::Vetoed || reason == Reason::Refused,
                        detail: None,
                    });
                    if order.measure.is_kill() && kind == OutcomeKind::Gone {
                        self.leave(order.member.slot);
                    }
                }
                self.orders.push(order);
            }
            if outcomes.is_empty() {
                return;
            }
        }
        panic!("judge and executor do not come to rest");
    }

    /// Plays a series of the first metric.
    pub(super) fn play(&mut self, text: &str) {
        for value in series(text) {
            self.pass(&[value]);
        }
    }

    /// A world with one old process that plays `text`.
    pub(super) fn of(target: Target, text: &str) -> Self {
        let mut world = Self::new(target);
        world.arrive(0, Duration::from_secs(86_400));
        world.play(text);
        world
    }

    /// What was told, a line each, with seconds since the start.
    pub(super) fn told(&self) -> String {
        let line = |event: &Event| format!("{:>4}s {}\n", event.at.since(self.started).as_secs(), told(&event.note));
        self.events.iter().map(line).collect()
    }

    /// The level of the first ladder of the member in slot 0.
    pub(super) fn level(&self) -> Level {
        let view = self.state.member(MemberKey { target: 0, slot: 0 }).expect("member 0");
        view.ladders().next().expect("a ladder").level
    }

    /// `(seconds, action)` of every order when it went out.
    pub(super) fn ordered(&self) -> Vec<(u64, &str)> {
        let ordered = self.events.iter().filter_map(|event| match &event.note {
            Note::Ordered(order) => Some((event.at.since(self.started).as_secs(), &*order.action)),
            _ => None,
        });
        ordered.collect()
    }

    /// Compares `told` with an indented literal.
    pub(super) fn expect(&self, lines: &str) {
        let strip = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
        assert_eq!(strip(&self.told()), strip(lines));
    }
}

fn told(note: &Note) -> String {
    match note {
        Note::LevelChanged { ladder, from, to, .. } => format!("{ladder}: {from} -> {to}"),
        Note::LadderStepped { target, ladder, from, to, .. } => {
            format!("{} {ladder}: {from} -> {to}", target.as_deref().unwrap_or("the host's"))
        }
        Note::Ordered(order) => format!("order {}", named(order)),
        Note::Held { order, reason, .. } => format!("held {} {reason}", named(order)),
        Note::Released { order, reason } => format!("open {} {reason}", order.action),
        Note::Retrying { order, reason, .. } => format!("retry {} {reason}", named(order)),
        Note::Ended { order, kind, reason, .. } => format!("{} {} {reason}", kind.name(), named(order)),
        Note::Measured { order, effect, measured } => {
            let effect = effect.map_or("unknown", Effect::name);
            let to = measured.to.map_or_else(|| "?".to_owned(), |to| to.to_string());
            format!("{effect} {} {} -> {to}", named(order), measured.from)
        }
        Note::GaveUp { order, .. } => format!("gave up {}", order.action),
        Note::StillHeld { order, reason, .. } => format!("still held {} {reason}", order.action),
        Note::Reading { metric, why, .. } => format!("{metric} {}", why.map_or("known", Unknown::name)),
        Note::LeaseEnded { order } => format!("ended {}", named(order)),
        Note::StaysInForce { order, .. } => format!("stays in force {}", named(order)),
        Note::SuccessorMissing { .. } => "successor missing".to_owned(),
        Note::SuccessorCame { .. } => "successor came".to_owned(),
        other => format!("{other:?}"),
    }
}

/// `pause`, `undo pause`.
fn named(order: &Order) -> String {
    let undo = if order.undo { "undo " } else { "" };
    format!("{undo}{}", order.action)
}
