//! One rung: process x ladder x level x action, and what has become of it since its level was
//! entered.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Judged, Level, Moment, Order, OrderId, Reason};

/// First wait after a failed delivery; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// Longest wait after a failed delivery.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Where a rung belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// To that ladder of the target.
    Ladder(usize),
    /// To that entry of the host's ladder.
    Host(usize),
    /// To that entry of the target's schedule.
    Schedule(usize),
    /// To no ladder: an operator wants it.
    Operator {
        /// Whether he wants a kill to wait for what it needs.
        needs: bool,
    },
}

impl Of {
    /// Whether no level causes it.
    pub(super) const fn is_apart(self) -> bool {
        matches!(self, Self::Schedule(_) | Self::Operator { .. })
    }
}

/// Where a rung stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RungState {
    /// Its level does not hold.
    #[default]
    Idle,
    /// To be ordered as soon as brakes and turn allow.
    Due,
    /// Ordered, no outcome yet; several rungs share one order when they name one measure.
    InFlight(OrderId),
    /// Delivered at that time, or would have been.
    Done { at: Moment, dry: bool },
    /// Delivered, and to be undone once nobody needs it: a lease tells the rest.
    InForce,
    /// To be tried again at that time.
    Failed { retry: Moment, reason: Reason },
    /// Must not happen, as of that time; asked again on a newer reading.
    Vetoed { at: Moment },
    /// Nothing more until the level was left.
    GaveUp(Reason),
}

/// A brake that holds a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// Which brake.
    pub(super) reason: Reason,
    /// When it opens, where that is known.
    pub(super) opens: Option<Moment>,
}

/// A rung of one member.
#[derive(Clone, Debug)]
pub(super) struct Rung {
    /// Where it belongs.
    pub(super) of: Of,
    /// Its level; normal for what is scheduled.
    pub(super) level: Level,
    /// Index of its action.
    pub(super) action: usize,
    /// Where it stands.
    pub(super) state: RungState,
    /// The order under which it is due, held, in flight or retried.
    pub(super) order: Option<Arc<Order>>,
    /// When the order was decided by which it is done; who was born since then was not reached for sure.
    pub(super) decided: Option<Moment>,
    /// The brake that holds it now.
    pub(super) hold: Option<Hold>,
    /// Brakes already told of for this order.
    pub(super) told: Vec<Reason>,
    /// Failed deliveries since the level was entered.
    pub(super) attempts: u32,
    /// Orders without effect since the level was entered.
    pub(super) ineffective: u32,
    /// The order whose effect is being measured.
    pub(super) judged: Option<Judged>,
    /// Whether its order was tried before.
    pub(super) retrying: bool,
    /// Whether the other side acknowledged it, or in dry run would have.
    pub(super) acknowledged: bool,
    /// The last veto told of: the same one again is not news.
    pub(super) veto: Option<Reason>,
    /// When and why it was not confirmed at the last moment: it is asked for again on a newer reading.
    pub(super) refused: Option<(Moment, Reason)>,
    /// When it was last said that fatal is held.
    pub(super) reminded: Option<Moment>,
    /// A kill that only the measure that it needs holds: until when an answer is waited for.
    pub(super) needs_until: Option<Moment>,
    /// Not sooner than this: taken dry before, and dry run is over; or failed in the last round of
    /// the host's ladder.
    pub(super) not_before: Option<Moment>,
    /// The operator who wants it.
    pub(super) by: Option<Arc<str>>,
}

impl Rung {
    /// A rung whose level does not hold.
    pub(super) const fn new(of: Of, level: Level, action: usize) -> Self {
        Self {
            of,
            level,
            action,
            state: RungState::Idle,
            order: None,
            decided: None,
            hold: None,
            told: Vec::new(),
            attempts: 0,
            ineffective: 0,
            judged: None,
            retrying: false,
            acknowledged: false,
            veto: None,
            refused: None,
            reminded: None,
            needs_until: None,
            not_before: None,
            by: None,
        }
    }

    /// Whether an operator wants it, whatever the level.
    pub(super) const fn is_operators(&self) -> bool {
        matches!(self.of, Of::Operator { .. })
    }

    /// Its level was entered, or `repeat` is over: it is to be ordered anew.
    pub(super) fn make_due(&mut self) {
        let (by, judged) = (self.by.take(), self.judged.take());
        let Self { attempts, ineffective, .. } = *self;
        let new = Self::new(self.of, self.level, self.action);
        *self = Self { state: RungState::Due, attempts, ineffective, by, judged, ..new };
    }

    /// Its level was left: what was due or waiting lapses; nothing is remembered. Returns the
    /// order that lapses, if one had been spoken of.
    pub(super) fn end(&mut self) -> Option<Arc<Order>> {
        let lapsed = match self.state {
            // Idle with an order: an entry of the host's ladder that was passed over.
            RungState::Idle | RungState::Due | RungState::Failed { .. } => self.order.take(),
            RungState::InFlight(_) => return None,
            RungState::Done { .. } | RungState::InForce | RungState::Vetoed { .. } | RungState::GaveUp(_) => None,
        };
        // A veto was its end already.
        let ended = self.veto.is_some();
        *self = Self::new(self.of, self.level, self.action);
        lapsed.filter(|_| !ended)
    }

    /// Its measure needs no order of its own any more. Returns it if somebody was told of it, and not
    /// of its end.
    pub(super) fn give_up_order(&mut self) -> Option<Arc<Order>> {
        let told = self.veto.is_none() && (self.retrying || !self.told.is_empty());
        self.retrying = false;
        self.order.take().filter(|_| told)
    }

    /// The host's ladder goes on to its next entry; this one is tried again in the next round, under
    /// the same order.
    pub(super) fn pass_over(&mut self) {
        if let RungState::Failed { retry, .. } = self.state {
            self.not_before = Some(retry);
        }
        if matches!(self.state, RungState::Due | RungState::Failed { .. } | RungState::Vetoed { .. }) {
            self.state = RungState::Idle;
        }
    }

    /// What keeps its order back: a brake, or the failure of the last try.
    pub(super) fn kept_back(&self) -> Reason {
        match self.state {
            RungState::Failed { reason, .. } => reason,
            RungState::Due => self.hold.map_or(Reason::None, |hold| hold.reason),
            RungState::Idle
            | RungState::InFlight(_)
            | RungState::Done { .. }
            | RungState::InForce
            | RungState::Vetoed { .. }
            | RungState::GaveUp(_) => Reason::None,
        }
    }

    /// How long to wait after `attempts` failures.
    pub(super) fn backoff(attempts: u32) -> Duration {
        FIRST_BACKOFF.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(LONGEST_BACKOFF)
    }

    /// Whether its order is judged in that window.
    pub(super) fn is_in(&self, window: OrderId) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.window == window)
    }

    /// A kill needs it: the next try comes after the shortest wait.
    pub(super) fn hurry(&mut self, now: Moment) {
        if let RungState::Failed { retry, .. } = &mut self.state {
            *retry = (*retry).min(now + FIRST_BACKOFF);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_five_seconds_to_a_minute() {
        let waits: Vec<u64> = (1..=7).map(|n| Rung::backoff(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60, 60]);
    }
}
