//! How often what happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::config::{Action, Config};
use crate::model::{
    Collected, Effect, Event, Flaw, Measure, Measured, Moment, Note, Order, OrderId, OutcomeKind, Reason, Trigger,
};

/// How many ended orders are kept for the status.
const RECENT: usize = 64;
/// How many ended orders of operators are kept for those who ask what became of theirs: of one that concerns
/// every process of a large target each.
const RECENT_ASKED: usize = 4096;

/// The labels of `orders_total`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why.
    pub reason: Reason,
}

/// The labels of `undo_failures_total`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UndoKey {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action that was to be undone.
    pub action: Arc<str>,
    /// Why it was not.
    pub reason: Reason,
}

/// The labels of `effects_total`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectKey {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Whether it has helped.
    pub effect: Effect,
}

/// What was told of the effect of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Whether it has helped; none where that is not known.
    pub effect: Option<Effect>,
    /// By which readings.
    pub measured: Arc<Measured>,
}

/// An order at its final outcome, one to undo included.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The order.
    pub order: Arc<Order>,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Moment,
    /// What it did, once that was measured.
    pub effect: Option<Told>,
}

/// Counts since the daemon started, and the last orders that ended.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    orders: BTreeMap<OrderKey, u64>,
    undo_failures: BTreeMap<UndoKey, u64>,
    effects: BTreeMap<EffectKey, u64>,
    incidents: BTreeMap<(Arc<str>, Trigger), u64>,
    flaws: [u64; Flaw::ALL.len()],
    recent: VecDeque<Ended>,
    /// Those that an operator wanted, by number; their effect is not told here.
    asked: BTreeMap<OrderId, Ended>,
}

impl Counters {
    /// Zero for everything that could happen soon: a count that starts at one is invisible to
    /// `increase()`.
    pub fn of(config: &Config) -> Self {
        let mut counters = Self::default();
        counters.add_zeros(config);
        counters
    }

    /// Keeps the counts of actions that `config` still has, adds zeros for new ones.
    pub fn reconfigure(&mut self, config: &Config) {
        let known = |target: &Arc<str>, action: &Arc<str>| {
            config.targets.iter().any(|t| t.name == *target && t.actions.iter().any(|a| a.name == *action))
        };
        self.orders.retain(|key, _| known(&key.target, &key.action));
        self.undo_failures.retain(|key, _| known(&key.target, &key.action));
        self.effects.retain(|key, _| known(&key.target, &key.action));
        self.incidents.retain(|(target, _), _| config.targets.iter().any(|known| known.name == *target));
        self.add_zeros(config);
    }

    /// Each combination of labels that has occurred, or may soon, in a stable order.
    pub fn orders(&self) -> impl ExactSizeIterator<Item = (&OrderKey, u64)> {
        self.orders.iter().map(|(key, count)| (key, *count))
    }

    /// How often a try to undo failed, for each action that can be undone, in a stable order.
    pub fn undo_failures(&self) -> impl ExactSizeIterator<Item = (&UndoKey, u64)> {
        self.undo_failures.iter().map(|(key, count)| (key, *count))
    }

    /// How often an action had an effect, or none, for each that may have one, in a stable order.
    pub fn effects(&self) -> impl ExactSizeIterator<Item = (&EffectKey, u64)> {
        self.effects.iter().map(|(key, count)| (key, *count))
    }

    /// How many incidents of each target were kept, by what they were collected for, in a stable order.
    pub fn incidents(&self) -> impl ExactSizeIterator<Item = (&str, Trigger, u64)> {
        self.incidents.iter().map(|((target, trigger), count)| (&**target, *trigger, *count))
    }

    /// How often an incident was not kept, or not waited for.
    pub fn flaws(&self) -> impl ExactSizeIterator<Item = (Flaw, u64)> {
        Flaw::ALL.into_iter().zip(self.flaws)
    }

    /// The orders that ended last, the latest last.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Ended> {
        self.recent.iter()
    }

    /// What became of an order, if it ended lately.
    pub fn ended(&self, order: OrderId) -> Option<&Ended> {
        self.recent.iter().rev().find(|ended| ended.order.id == order).or_else(|| self.asked.get(&order))
    }

    /// Whether this is an event that is counted.
    pub(super) fn concerns(note: &Note) -> bool {
        match note {
            Note::Ended { .. } | Note::Held { .. } | Note::Measured { .. } | Note::Incident { .. } => true,
            Note::Retrying { order, .. } => order.undo,
            Note::Found { .. }
            | Note::Gone { .. }
            | Note::Contested { .. }
            | Note::LevelChanged { .. }
            | Note::Ordered(_)
            | Note::Released { .. }
            | Note::GaveUp { .. }
            | Note::StillHeld { .. }
            | Note::Reading { .. }
            | Note::LeaseEnded { .. }
            | Note::StaysInForce { .. }
            | Note::SuccessorMissing { .. }
            | Note::SuccessorCame { .. }
            | Note::LadderStepped { .. }
            | Note::Seen { .. }
            | Note::Asked { .. }
            | Note::Inhibited(_)
            | Note::InhibitionEnded { .. }
            | Note::Summary { .. }
            | Note::Daemon { .. } => false,
        }
    }

    /// Each order counts once, at its final outcome; a hold once per rung and brake, which is when
    /// the event is given. What takes a measure back is no order of its own to be counted: it is
    /// tried until it succeeds, and each try that fails counts.
    pub(super) fn count(&mut self, event: &Event) {
        if let Note::Held { order, reason, .. } = &event.note {
            self.add(order, OutcomeKind::Held, *reason);
        }
        if let Note::Retrying { order, reason, .. } = &event.note {
            self.add_undo_failure(order, *reason);
        }
        if let Note::Measured { order, effect, measured } = &event.note {
            self.add_effect(order, Told { effect: *effect, measured: Arc::clone(measured) });
        }
        if let Note::Incident { target, trigger, collected, .. } = &event.note {
            self.add_incident((target, *trigger), collected);
        }
        if let Note::Ended { order, kind, reason, .. } = &event.note {
            self.add(order, *kind, *reason);
            let (order, outcome, reason) = (Arc::clone(order), *kind, *reason);
            self.keep(Ended { order, outcome, reason, at: event.at, effect: None });
        }
    }

    fn keep(&mut self, ended: Ended) {
        if ended.order.by.is_some() {
            self.asked.insert(ended.order.id, ended.clone());
            while self.asked.len() > RECENT_ASKED {
                self.asked.pop_first();
            }
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(ended);
    }

    /// One that is not known is told of, and not counted.
    fn add_effect(&mut self, order: &Order, told: Told) {
        if let Some(effect) = told.effect {
            let (target, action) = (Arc::clone(&order.target), Arc::clone(&order.action));
            let count = self.effects.entry(EffectKey { target, action, effect }).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(ended) = self.recent.iter_mut().rev().find(|ended| ended.order.id == order.id) {
            ended.effect = Some(told);
        }
    }

    fn add_incident(&mut self, (target, trigger): (&Arc<str>, Trigger), collected: &Collected) {
        let count = match collected {
            Collected::Kept { .. } => self.incidents.entry((Arc::clone(target), trigger)).or_default(),
            Collected::Flawed { flaw, .. } => &mut self.flaws[*flaw as usize],
        };
        *count = count.saturating_add(1);
    }

    fn add_undo_failure(&mut self, order: &Order, reason: Reason) {
        if order.undo {
            let key = UndoKey { target: Arc::clone(&order.target), action: Arc::clone(&order.action), reason };
            let count = self.undo_failures.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }

    fn add(&mut self, order: &Order, outcome: OutcomeKind, reason: Reason) {
        if order.undo {
            return;
        }
        let key = OrderKey { target: Arc::clone(&order.target), action: Arc::clone(&order.action), outcome, reason };
        let count = self.orders.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    fn add_zeros(&mut self, config: &Config) {
        for target in &config.targets {
            for trigger in Trigger::ALL {
                self.incidents.entry((Arc::clone(&target.name), trigger)).or_default();
            }
            for action in &target.actions {
                for (outcome, reason) in expected(action) {
                    let (target, action) = (Arc::clone(&target.name), Arc::clone(&action.name));
                    self.orders.entry(OrderKey { target, action, outcome, reason }).or_default();
                }
                for effect in Effect::ALL.into_iter().filter(|_| !action.measure.is_kill()) {
                    let (target, action) = (Arc::clone(&target.name), Arc::clone(&action.name));
                    self.effects.entry(EffectKey { target, action, effect }).or_default();
                }
                let undone = action.undo.is_some() || action.measure.is_freeze();
                for reason in [Reason::Timeout, Reason::Refused].into_iter().filter(|_| undone) {
                    let (target, action) = (Arc::clone(&target.name), Arc::clone(&action.name));
                    self.undo_failures.entry(UndoKey { target, action, reason }).or_default();
                }
            }
        }
    }
}

/// What an order of this action comes to when all is well, or when the delivery fails.
fn expected(action: &Action) -> [(OutcomeKind, Reason); 3] {
    let well = match action.measure {
        Measure::Kill { .. } => OutcomeKind::Gone,
        Measure::Signal { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } => OutcomeKind::Delivered,
        Measure::Http(_) | Measure::Command(_) => OutcomeKind::Acknowledged,
    };
    [(well, Reason::None), (OutcomeKind::Failed, Reason::Timeout), (OutcomeKind::Failed, Reason::Refused)]
}
