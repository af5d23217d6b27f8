//! How often something was read: the median of the steps, in memory that does not grow.

use std::collections::BTreeMap;
use std::time::Duration;

/// Most lengths that are told apart.
const MOST: usize = 4096;
/// What steps are counted in at first.
const MILLISECOND: u64 = 1_000_000;

/// How many steps there were of each length.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    /// Lengths are counted in this many nanoseconds: coarser when there are too many of them.
    unit: u64,
    counts: BTreeMap<u64, u64>,
    /// The last one, and how often it came in a row that is not among the counts yet: nearly always it comes again.
    again: (Duration, u64),
}

impl Default for Steps {
    fn default() -> Self {
        Self { unit: MILLISECOND, counts: BTreeMap::new(), again: (Duration::ZERO, 0) }
    }
}

impl Steps {
    /// Counts one.
    pub(super) fn note(&mut self, step: Duration) {
        if step == self.again.0 {
            self.again.1 += 1;
            return;
        }
        let (before, times) = std::mem::replace(&mut self.again, (step, 1));
        self.count(before, times);
    }

    fn count(&mut self, step: Duration, times: u64) {
        if times == 0 {
            return;
        }
        let nanos = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        *self.counts.entry(nanos.saturating_add(self.unit / 2) / self.unit).or_default() += times;
        while self.counts.len() > MOST {
            self.unit = self.unit.saturating_mul(2);
            for (length, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(length.div_ceil(2)).or_default() += count;
            }
        }
    }

    /// The one in the middle; none where there was none.
    pub(super) fn median(&mut self) -> Option<Duration> {
        let (last, times) = std::mem::take(&mut self.again);
        self.count(last, times);
        let half = self.counts.values().sum::<u64>().div_ceil(2);
        let mut before = 0;
        let middle = self.counts.iter().find(|(_, count)| {
            before += **count;
            before >= half
        });
        middle.map(|(length, _)| Duration::from_nanos(length.saturating_mul(self.unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(millis: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let mut steps = Steps::default();
        for step in millis {
            steps.note(Duration::from_millis(step));
        }
        steps.median()
    }

    #[test]
    fn gaps_do_not_move_the_median() {
        assert_eq!(median([]), None);
        assert_eq!(median([1000, 1000, 3_600_000]), Some(Duration::from_secs(1)));
        assert_eq!(median([60_000, 1000]), Some(Duration::from_secs(1)), "the shorter of two");
    }

    #[test]
    fn many_lengths_are_told_apart_less_finely() {
        let mut steps = Steps::default();
        for step in 1..20_000 {
            steps.note(Duration::from_millis(step));
        }
        assert!(steps.counts.len() <= MOST);
        let off = steps.median().unwrap().abs_diff(Duration::from_secs(10));
        assert!(off < Duration::from_millis(100), "{off:?}");
    }
}
