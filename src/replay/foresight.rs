//! How good the forecasts were: what was foretold on the way to an end, against when it was reached.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::survey::between;

/// Most forecasts of one way that are kept: one a minute for a day.
const MOST: usize = 1440;
/// A way without a forecast for so many seconds is another one.
const APART: f64 = 600.0;

/// A forecast, once a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastRow {
    /// When.
    pub time: Timestamp,
    /// Name of the target; none for the host.
    pub target: Option<Arc<str>>,
    /// Which process; `all` for all of a target together, none for the host.
    pub process: Option<Arc<str>>,
    /// The metric that comes to its end.
    pub metric: Arc<str>,
    /// Which end: `fatal` or `limit`.
    pub level: &'static str,
    /// Seconds until it is there.
    pub left: f64,
}

/// What the ways to an end have shown.
#[derive(Clone, Debug, Default)]
pub struct Foresight {
    ways: BTreeMap<Whose, VecDeque<(Timestamp, f64)>>,
    /// How many ends were reached that had been foretold.
    pub reached: u64,
    /// Sum of the errors at half way, as shares of the time that was left then.
    half: f64,
    /// The same at 80 % of the way.
    late: f64,
}

/// Target, process, metric.
type Whose = (Option<Arc<str>>, Option<Arc<str>>, Arc<str>);

impl Foresight {
    /// Takes in a forecast; one that says now ends the way.
    pub fn take(&mut self, row: &ForecastRow) {
        let whose = (row.target.clone(), row.process.clone(), Arc::clone(&row.metric));
        let way = self.ways.entry(whose).or_default();
        let stale = way.back().is_some_and(|(at, _)| between(*at, row.time).as_secs_f64() > APART);
        if stale {
            way.clear();
        }
        if row.left > 0.0 {
            way.push_back((row.time, row.left));
            let surplus = way.len().saturating_sub(MOST);
            way.drain(..surplus);
            return;
        }
        let errors = error(way, (row.time, 0.5)).zip(error(way, (row.time, 0.8)));
        way.clear();
        if let Some((half, late)) = errors {
            self.reached += 1;
            self.half += half;
            self.late += late;
        }
    }

    /// The mean error at half way and at 80 % of it, as shares of the time that was left; none where no end
    /// was reached that had been foretold.
    #[expect(clippy::cast_precision_loss, reason = "a count of ends")]
    pub fn errors(&self) -> Option<(f64, f64)> {
        (self.reached > 0).then(|| (self.half / self.reached as f64, self.late / self.reached as f64))
    }
}

/// How far off the forecast was that was made at this share of the way to `end`.
fn error(way: &VecDeque<(Timestamp, f64)>, (end, share): (Timestamp, f64)) -> Option<f64> {
    let (first, _) = way.front()?;
    let until = between(*first, end).as_secs_f64() * share;
    let (at, left) = way.iter().rev().find(|(at, _)| between(*first, *at).as_secs_f64() <= until)?;
    let really = between(*at, end).as_secs_f64();
    (really > 0.0).then(|| (left - really).abs() / really)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_held_against_what_came() {
        let mut foresight = Foresight::default();
        let mut row = |minute: i64, left: f64| {
            foresight.take(&ForecastRow {
                time: Timestamp::from_second(60 * minute).unwrap(),
                target: Some("trader".into()),
                process: Some("0".into()),
                metric: "open_fds".into(),
                level: "fatal",
                left,
            });
        };
        // It is reached after 100 minutes; what is foretold is a tenth too long.
        for minute in 0..100 {
            row(minute, f64::from(i32::try_from(100 - minute).unwrap()) * 66.0);
        }
        row(100, 0.0);
        row(101, 0.0);
        assert_eq!(foresight.reached, 1);
        let (half, late) = foresight.errors().unwrap();
        assert!((half - 0.1).abs() < 0.01 && (late - 0.1).abs() < 0.01, "{half} {late}");
    }
}
