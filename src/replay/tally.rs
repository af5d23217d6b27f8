//! What a replay comes to: counts by level and action, time at each level, flaps, kills, gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::foresight::Foresight;
use super::rows::{LevelRow, OrderRow};
use super::survey::between;
use crate::model::{Level, OutcomeKind, Reason};
use jiff::Timestamp;

/// A level that is entered again within this of having been left flaps.
pub const FLAP: Duration = Duration::from_secs(10 * 60);

/// Counts of a replay.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Orders, lowest level first.
    pub orders: BTreeMap<OrderKey, Counts>,
    /// Ladders by target, process and name.
    pub ladders: BTreeMap<LadderKey, Ladder>,
    /// Kills that went out.
    pub kills: u64,
    /// Levels that were entered again soon after they were left.
    pub flaps: u64,
    /// Gaps of all processes.
    pub gaps: Gaps,
    /// How good the forecasts were.
    pub foresight: Foresight,
}

/// What orders are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// Name of the target.
    pub target: Arc<str>,
    /// The level of the rung.
    pub level: Level,
    /// Name of the action.
    pub action: Arc<str>,
    /// Whether it takes the action back.
    pub undo: bool,
}

/// How often what became of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// It went out.
    pub ordered: u64,
    /// It did not, or not at once: how often for which brake, veto or end.
    pub kept: BTreeMap<(OutcomeKind, Reason), u64>,
}

/// Whose ladder: target, none for the host; process; its name.
pub type LadderKey = (Option<Arc<str>>, Option<Arc<str>>, Arc<str>);

/// How long a ladder was at which level.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// Its level.
    pub level: Level,
    since: Timestamp,
    /// By the number of the level.
    pub spent: [Duration; 5],
    left: [Option<Timestamp>; 5],
}

/// Times in which nothing was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// How long together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Tally {
    /// Counts an order. `kill` says whether its action is one.
    pub fn order(&mut self, row: &OrderRow, kill: bool) {
        let (target, action) = (Arc::clone(&row.target), Arc::clone(&row.action));
        let key = OrderKey { target, level: row.level, action, undo: row.undo };
        let counts = self.orders.entry(key).or_default();
        if row.went_out() {
            counts.ordered += 1;
            self.kills += u64::from(kill && !row.undo);
        } else {
            *counts.kept.entry((row.outcome, row.reason)).or_default() += 1;
        }
    }

    /// A ladder is there, at normal, from `at` on.
    pub fn begin(&mut self, key: LadderKey, at: Timestamp) {
        self.ladders.entry(key).or_insert_with(|| Ladder::at_normal(at));
    }

    /// A ladder has stepped.
    pub fn level(&mut self, row: &LevelRow) {
        let key = (row.target.clone(), row.process.clone(), Arc::clone(&row.ladder));
        let ladder = self.ladders.entry(key).or_insert_with(|| Ladder::at_normal(row.time));
        self.flaps += u64::from(ladder.step(row.to, row.time));
    }

    /// Nothing was read for so long.
    pub fn gap(&mut self, length: Duration) {
        self.gaps.count += 1;
        self.gaps.total += length;
        self.gaps.longest = self.gaps.longest.max(length);
    }

    /// The series ends: each ladder is as long at its level as until now.
    pub fn end(&mut self, at: Timestamp) {
        for ladder in self.ladders.values_mut() {
            ladder.spend(at);
        }
    }

    /// All orders that went out, undos apart.
    pub fn ordered(&self) -> u64 {
        self.orders.iter().filter(|(key, _)| !key.undo).map(|(_, counts)| counts.ordered).sum()
    }
}

impl Ladder {
    const fn at_normal(since: Timestamp) -> Self {
        Self { level: Level::Normal, since, spent: [Duration::ZERO; 5], left: [None; 5] }
    }

    fn spend(&mut self, at: Timestamp) {
        self.spent[usize::from(self.level.number())] += between(self.since, at);
        self.since = at;
    }

    /// Whether it is at a level again that it had just left.
    fn step(&mut self, to: Level, at: Timestamp) -> bool {
        self.spend(at);
        let from = std::mem::replace(&mut self.level, to);
        let mut flaps = false;
        for level in Level::ABOVE_NORMAL {
            let left = &mut self.left[usize::from(level.number())];
            if level > to && level <= from {
                *left = Some(at);
            } else if level > from && level <= to {
                flaps |= left.is_some_and(|left| between(left, at) <= FLAP);
            }
        }
        flaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_comes_back_soon_flaps_and_every_second_is_spent_once() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut tally = Tally::default();
        let row = |second, from, to| LevelRow {
            time: at(second),
            target: Some("trader".into()),
            process: Some("0".into()),
            ladder: "default".into(),
            from,
            to,
            metric: None,
            value: None,
        };
        tally.begin((Some("trader".into()), Some("0".into()), "default".into()), at(0));
        tally.level(&row(100, Level::Normal, Level::Warning));
        tally.level(&row(200, Level::Warning, Level::Elevated));
        tally.level(&row(300, Level::Elevated, Level::Critical));
        assert_eq!(tally.flaps, 1, "warning again after 100s");
        tally.level(&row(400, Level::Critical, Level::Normal));
        tally.level(&row(1100, Level::Normal, Level::Elevated));
        assert_eq!(tally.flaps, 1, "after 700s");
        tally.end(at(1200));
        let spent = tally.ladders.values().next().unwrap().spent.map(|spent| spent.as_secs());
        assert_eq!(spent, [100 + 700, 100 + 100, 100, 100, 0]);
    }
}
