//! What is usual: quantiles of the values of calm times, in memory that does not grow with the series.
//!
//! A series is cut into windows of equal length. A window is calm unless its highest value is far above the
//! highest values of most: so a leak, which ends far above, is not counted as usual, whatever the bounds are. One
//! that takes most of the series is what most windows hold: of that it is only said that it grows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::series::{Column, Row};
use super::survey::{Survey, between};
use crate::model::Scope;

/// A series is cut into so many windows: of 7 days each is an hour.
const WINDOWS: u32 = 168;
/// No window is shorter.
const SHORTEST: Duration = Duration::from_secs(60);
/// Values that are closer together than this share are counted as one.
const FINENESS: f64 = 0.005;
/// Shares and rates are counted in parts of this many.
const PARTS: f64 = 1e4;
/// So many times as far from the middle as half of the windows are: that is not calm.
const FAR: f64 = 8.0;
/// Nor is less than this share above the middle anything to speak of.
const NEAR: f64 = 0.1;
/// Of windows in pairs, by so large a share more are higher later than lower: two steps up come to two thirds.
const RISING: f64 = 0.7;
/// Less windows than this tell nothing of growth.
const FEW: usize = 10;

/// The values of all columns.
#[derive(Debug)]
pub struct Calm {
    from: Timestamp,
    window: Duration,
    values: HashMap<Whose, BTreeMap<u32, Window>>,
    /// Of each column, whether it is of the host: that is told of with each process, and counts once.
    of_host: Vec<bool>,
    /// When each column of the host was last told of.
    host: Vec<Option<Timestamp>>,
}

/// Target, none for the host or where nobody says; whether it is all of its processes together; column.
type Whose = (Option<Arc<str>>, bool, usize);

/// How often which value was read, coarsely, and the highest.
#[derive(Clone, Debug)]
struct Window {
    counts: BTreeMap<i32, u64>,
    highest: f64,
}

/// What is usual of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// How long it was calm.
    pub calm: Duration,
    /// How long it was told of.
    pub whole: Duration,
    /// Half of the calm values are at or below this ...
    pub median: f64,
    /// ... 99 % at or below this ...
    pub most: f64,
    /// ... and 99.9 % at or below this.
    pub nearly_all: f64,
    /// The highest of them.
    pub highest: f64,
    /// Whether it has grown nearly all the time: then it is no more than how far it came.
    pub grows: bool,
}

impl Calm {
    /// Nothing was read yet of the series that `survey` tells of.
    pub fn new(survey: &Survey, columns: &[Column]) -> Self {
        let length = between(survey.first, survey.last);
        let is_of_host =
            |column: &Column| column.metric.as_ref().is_some_and(|metric| metric.info().scope == Scope::Host);
        Self {
            from: survey.first,
            window: (length / WINDOWS).max(SHORTEST),
            values: HashMap::new(),
            of_host: columns.iter().map(is_of_host).collect(),
            host: vec![None; columns.len()],
        }
    }

    /// Takes in what was read.
    pub fn take(&mut self, row: &Row) {
        let together = &*row.process == Row::ALL;
        for (column, cell) in row.cells.iter().enumerate() {
            let Some(value) = cell.and_then(|cell| cell.number()) else { continue };
            if self.of_host.get(column) != Some(&true) {
                self.note((row.target.clone(), together, column), (row.at, value));
            } else if self.host.get_mut(column).is_some_and(|last| last.replace(row.at) != Some(row.at)) {
                self.note((None, false, column), (row.at, value));
            }
        }
    }

    /// Takes in a value.
    pub fn note(&mut self, whose: Whose, (at, value): (Timestamp, f64)) {
        let at = between(self.from, at).as_nanos() / self.window.as_nanos().max(1);
        // The last row is in the last window, not behind it.
        let at = u32::try_from(at).unwrap_or(u32::MAX).min(WINDOWS - 1);
        let windows = self.values.entry(whose).or_default();
        let window =
            windows.entry(at).or_insert_with(|| Window { counts: BTreeMap::new(), highest: f64::NEG_INFINITY });
        *window.counts.entry(bin(value)).or_default() += 1;
        window.highest = window.highest.max(value);
    }

    /// What is usual of the column, of each process or of all `together`; none where nothing was read of it.
    pub fn usual(&self, target: Option<&Arc<str>>, (together, column): (bool, usize)) -> Option<Usual> {
        let windows = self.values.get(&(target.cloned(), together, column))?;
        let mut highest: Vec<f64> = windows.values().map(|window| window.highest).collect();
        let limit = limit(&mut highest)?;
        let calm: Vec<&Window> = windows.values().filter(|window| window.highest <= limit).collect();
        let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
        for (bin, count) in calm.iter().flat_map(|window| &window.counts) {
            *counts.entry(*bin).or_default() += count;
        }
        let tops: Vec<f64> = calm.iter().map(|window| window.highest).collect();
        let highest = tops.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let quantile = |share: f64| quantile(&counts, share).map(|value| value.min(highest));
        let times = |count: usize| self.window * u32::try_from(count).unwrap_or(u32::MAX);
        Some(Usual {
            calm: times(calm.len()),
            whole: times(windows.len()),
            median: quantile(0.5)?,
            most: quantile(0.99)?,
            nearly_all: quantile(0.999)?,
            highest,
            grows: grows(&tops),
        })
    }
}

/// Whether what the windows reach has grown nearly all the time, and by more than is nothing to speak of.
fn grows(tops: &[f64]) -> bool {
    let (before, after) = tops.split_at(tops.len() / 2);
    let (Some(low), Some(high)) = (median(&mut before.to_vec()), median(&mut after.to_vec())) else { return false };
    let later = |at: usize| tops.get(at + 1..).unwrap_or_default();
    let pairs = tops.iter().enumerate().flat_map(|(at, top)| later(at).iter().map(move |other| (top, other)));
    let sign = |(top, other): (&f64, &f64)| {
        if other > top {
            1.0
        } else if other < top {
            -1.0
        } else {
            0.0
        }
    };
    let rising: f64 = pairs.clone().map(sign).sum();
    tops.len() >= FEW && high - low > low * NEAR && rising > pairs.count() as f64 * RISING
}

/// Up to which highest value a window is calm.
fn limit(highest: &mut [f64]) -> Option<f64> {
    let middle = median(highest)?;
    let mut off: Vec<f64> = highest.iter().map(|value| (value - middle).abs()).collect();
    Some(middle + (median(&mut off)? * FAR).max(middle * NEAR))
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The least value that so large a share is at or below.
fn quantile(counts: &BTreeMap<i32, u64>, share: f64) -> Option<f64> {
    let all: u64 = counts.values().sum();
    let wanted = share * all as f64;
    let mut seen = 0;
    let found = counts.iter().find(|(_, count)| {
        seen += **count;
        seen as f64 >= wanted
    });
    found.map(|(bin, _)| value(*bin))
}

/// Values by steps that grow with them.
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of any number of things or bytes is small")]
fn bin(value: f64) -> i32 {
    ((value.max(0.0) * PARTS).ln_1p() / FINENESS.ln_1p()).round() as i32
}

/// The middle of such a step; of whole numbers that are told apart the number itself.
fn value(bin: i32) -> f64 {
    let value = (f64::from(bin) * FINENESS.ln_1p()).exp_m1() / PARTS;
    if value >= 1.0 && (value - value.round()).abs() <= value * FINENESS { value.round() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn usual(values: impl Iterator<Item = f64> + Clone) -> Usual {
        let at = |second: usize| Timestamp::from_second(1_790_000_000 + i64::try_from(second).unwrap()).unwrap();
        let survey = Survey { first: at(0), last: at(values.clone().count() * 10), ..Survey::default() };
        let mut calm = Calm::new(&survey, &[Column::named("rss")]);
        for (index, value) in values.enumerate() {
            calm.take(&Row { at: at(index * 10), cells: vec![Some(Value::Known(value))], ..Row::default() });
        }
        calm.usual(None, (false, 0)).unwrap()
    }

    /// Between 85 and 105, as after the repair.
    fn breath(index: u32) -> f64 {
        85.0 + f64::from(index * 8 % 21)
    }

    #[test]
    fn a_series_that_breathes_is_calm_throughout() {
        let usual = usual((0..60_480).map(breath));
        assert_eq!((usual.median, usual.most, usual.nearly_all, usual.highest), (95.0, 105.0, 105.0, 105.0));
        assert_eq!(usual.calm, usual.whole);
    }

    #[test]
    fn a_leak_is_not_usual() {
        // Two hours of a week, up to 1025.
        let leak = |index: u32| {
            if (30_000..30_720).contains(&index) { 85.0 + f64::from(index - 30_000) * 1.3 } else { breath(index) }
        };
        let usual = usual((0..60_480).map(leak));
        assert!(usual.highest <= 105.0 * 1.3, "{usual:?}");
        assert_eq!((usual.median, usual.most), (95.0, 105.0));
        let not = usual.whole - usual.calm;
        assert!(not >= Duration::from_secs(3600) && not <= Duration::from_secs(3 * 3600), "{not:?}");
    }

    #[test]
    fn what_grows_all_the_time_is_not_calm_and_what_rises_and_stays_is() {
        let grown = |value: &dyn Fn(u32) -> f64| usual((0..1080).map(value).collect::<Vec<_>>().into_iter()).grows;
        assert!(grown(&|index| 85.0 + f64::from(index)), "three hours of a leak");
        assert!(grown(&|index| 85.0 + f64::from(index) + breath(index) * 0.5));
        assert!(grown(&|index| 85.0 + f64::from(index.saturating_sub(400))), "a leak that begins late");
        assert!(!grown(&breath));
        assert!(!grown(&|index| 8500.0 + f64::from(index) * 0.1), "a hundredth more");
        assert!(!grown(&|index| breath(index) + 250.0 * f64::from(index / 540)), "a market opens");
        assert!(!grown(&|index| breath(index) + 250.0 * f64::from(index / 360)), "and another");
        assert!(!grown(&|index| 1200.0 - f64::from(index)), "it falls");
        assert!(!usual((0..50).map(|index| 85.0 + f64::from(index))).grows, "nine minutes");
    }

    #[test]
    fn what_never_moves_and_what_is_nearly_nothing() {
        let still = usual((0..1000).map(|_| 7.0));
        assert_eq!((still.median, still.highest, still.calm), (7.0, 7.0, still.whole));
        let none = usual((0..1000).map(|_| 0.0));
        assert_eq!((none.median, none.nearly_all, none.highest), (0.0, 0.0, 0.0));
        let share = usual((0..1000).map(|index| 0.6 + f64::from(index % 5) / 100.0));
        assert!((share.median - 0.62).abs() < 0.005 && (share.highest - 0.64).abs() < 1e-9, "{share:?}");
    }

    #[test]
    fn what_is_of_the_host_counts_once_however_many_processes_there_are() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let survey = Survey { first: at(0), last: at(600), ..Survey::default() };
        let mut calm = Calm::new(&survey, &[Column::named("host_swap_used"), Column::named("open_fds")]);
        for second in 0..600 {
            let cells = vec![Some(Value::Known(0.5)), Some(Value::Known(85.0))];
            for (target, process) in
                [(Some("a".into()), "0".into()), (Some("b".into()), "0".into()), (None, Row::NOBODY.into())]
            {
                calm.take(&Row { at: at(second), target, process, started: None, cells: cells.clone() });
            }
        }
        let count = |whose: Whose| calm.values[&whose].values().flat_map(|window| window.counts.values()).sum::<u64>();
        assert_eq!(count((None, false, 0)), 600);
        assert_eq!(count((Some("a".into()), false, 1)), 600);
        assert!(calm.usual(Some(&"a".into()), (false, 0)).is_none());
    }

    #[test]
    fn memory_does_not_grow_with_the_series() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let survey = Survey { first: at(0), last: at(30 * 86_400), ..Survey::default() };
        let mut calm = Calm::new(&survey, &[Column::named("rss")]);
        for second in (0..30 * 86_400).step_by(60) {
            let value = 1e8 * (1.0 + f64::from(u32::try_from(second).unwrap() % 977) / 977.0);
            calm.take(&Row { at: at(second), cells: vec![Some(Value::Known(value))], ..Row::default() });
        }
        let windows = calm.values.values().next().unwrap();
        assert_eq!(windows.len(), 168);
        assert!(windows.values().all(|window| window.counts.len() <= 150));
    }
}
