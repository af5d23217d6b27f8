//! Counting kills within a sliding span.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::Budget;
use crate::model::{Moment, OrderId};

/// Kills by order, oldest first. A kill is entered when it is ordered, so that two orders of one
/// pass cannot both take the last one, and taken back if it did not happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Kills(VecDeque<(OrderId, Moment)>);

impl Kills {
    /// Enters a kill and forgets those older than `keep`.
    pub(super) fn enter(&mut self, order: OrderId, now: Moment, keep: Duration) {
        while self.0.front().is_some_and(|&(_, at)| now.since(at) >= keep) {
            self.0.pop_front();
        }
        // A retry is the same kill.
        if self.0.iter().all(|&(id, _)| id != order) {
            self.0.push_back((order, now));
        }
    }

    /// The kill did not happen: vetoed, unconfirmed, dry.
    pub(super) fn take_back(&mut self, order: OrderId) {
        self.0.retain(|&(id, _)| id != order);
    }

    /// Those that are remembered, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (OrderId, Moment)> {
        self.0.iter().copied()
    }

    /// How many happened within `span` before `now`.
    pub(super) fn within(&self, span: Duration, now: Moment) -> u32 {
        let count = self.0.iter().filter(|&&(_, at)| now.since(at) < span).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// When `budget` allows another one: none if it does now.
    pub(super) fn opens(&self, budget: Budget, now: Moment) -> Option<Opens> {
        let spent = self.within(budget.per, now);
        if spent < budget.max {
            return None;
        }
        let surplus = usize::try_from(spent - budget.max).unwrap_or(usize::MAX);
        let freed = self.0.iter().filter(|&&(_, at)| now.since(at) < budget.per).nth(surplus);
        Some(freed.map_or(Opens::Never, |&(_, at)| Opens::At(at + budget.per)))
    }
}

/// When a spent budget opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    /// When the oldest kill falls out of the span.
    At(Moment),
    /// A budget of none never opens.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_kill_in_the_span_frees_the_budget() {
        let budget = Budget { max: 2, per: Duration::from_secs(60) };
        let mut kills = Kills::default();
        assert_eq!(kills.opens(budget, Moment::from_secs(0)), None);
        kills.enter(OrderId(1), Moment::from_secs(10), budget.per);
        kills.enter(OrderId(2), Moment::from_secs(20), budget.per);
        assert_eq!(kills.opens(budget, Moment::from_secs(30)), Some(Opens::At(Moment::from_secs(70))));
        assert_eq!(kills.opens(budget, Moment::from_secs(70)), None);
        kills.take_back(OrderId(2));
        assert_eq!(kills.within(budget.per, Moment::from_secs(30)), 1);
    }

    #[test]
    fn a_kill_that_has_left_the_span_frees_nothing() {
        let budget = Budget { max: 1, per: Duration::from_secs(60) };
        let mut kills = Kills::default();
        kills.enter(OrderId(1), Moment::from_secs(10), Duration::from_secs(600));
        kills.enter(OrderId(2), Moment::from_secs(70), Duration::from_secs(600));
        assert_eq!(kills.opens(budget, Moment::from_secs(70)), Some(Opens::At(Moment::from_secs(130))));
    }

    #[test]
    fn a_budget_of_none_never_opens() {
        let budget = Budget { max: 0, per: Duration::from_secs(60) };
        assert_eq!(Kills::default().opens(budget, Moment::from_secs(5)), Some(Opens::Never));
    }
}
