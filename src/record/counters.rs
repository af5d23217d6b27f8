//! How often what happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::config::{Action, Config};
use crate::model::{Event, Moment, Note, Order, OutcomeKind, Reason};

/// How many ended orders are kept for the status.
const RECENT: usize = 64;

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

/// An order at its final outcome.
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
}

/// Counts since the daemon started, and the last orders that ended.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    orders: BTreeMap<OrderKey, u64>,
    recent: VecDeque<Ended>,
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
        let known = |key: &OrderKey| {
            config.targets.iter().any(|t| t.name == key.target && t.actions.iter().any(|a| a.name == key.action))
        };
        self.orders.retain(|key, _| known(key));
        self.add_zeros(config);
    }

    /// Each combination of labels that has occurred, or may soon, in a stable order.
    pub fn orders(&self) -> impl ExactSizeIterator<Item = (&OrderKey, u64)> {
        self.orders.iter().map(|(key, count)| (key, *count))
    }

    /// The orders that ended last, the latest last.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Ended> {
        self.recent.iter()
    }

    /// Whether this is an event that is counted.
    pub(super) const fn concerns(note: &Note) -> bool {
        matches!(note, Note::Ended { .. } | Note::Held { .. })
    }

    /// Each order counts once, at its final outcome; a hold once per rung and brake, which is when
    /// the event is given.
    pub(super) fn count(&mut self, event: &Event) {
        if let Note::Held { order, reason, .. } = &event.note {
            self.add(order, OutcomeKind::Held, *reason);
        }
        if let Note::Ended { order, kind, reason, .. } = &event.note {
            self.add(order, *kind, *reason);
            if self.recent.len() >= RECENT {
                self.recent.pop_front();
            }
            let ended = Ended { order: Arc::clone(order), outcome: *kind, reason: *reason, at: event.at };
            self.recent.push_back(ended);
        }
    }

    fn add(&mut self, order: &Order, outcome: OutcomeKind, reason: Reason) {
        let key = OrderKey { target: Arc::clone(&order.target), action: Arc::clone(&order.action), outcome, reason };
        let count = self.orders.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    fn add_zeros(&mut self, config: &Config) {
        for target in &config.targets {
            for action in &target.actions {
                for (outcome, reason) in expected(action) {
                    let (target, action) = (Arc::clone(&target.name), Arc::clone(&action.name));
                    self.orders.entry(OrderKey { target, action, outcome, reason }).or_default();
                }
            }
        }
    }
}

/// What an order of this action may come to when all is well or the delivery fails. A kill that
/// works ends in `gone`.
fn expected(action: &Action) -> impl Iterator<Item = (OutcomeKind, Reason)> {
    let gone = action.measure.is_kill().then_some((OutcomeKind::Gone, Reason::None));
    [
        (OutcomeKind::Delivered, Reason::None),
        (OutcomeKind::Failed, Reason::Timeout),
        (OutcomeKind::Failed, Reason::Refused),
    ]
    .into_iter()
    .chain(gone)
}
