//! What is foretold: of which metrics, over how long, and up to where.

use std::time::Duration;

use super::{Config, Host, Threshold};
use crate::model::{Base, Level, Metric, Unit};

/// The metrics of a target whose growth is looked at: every one that has a threshold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecasts {
    /// `forecast_window`: over how long.
    pub window: Duration,
    /// In the order of their first thresholds.
    pub rows: Vec<Forecast>,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Index into the target's `metrics`.
    pub metric: usize,
    /// Its fatal bound.
    pub fatal: Option<f64>,
    /// The end that is there without any bound.
    pub limit: Limit,
}

/// Where a quantity ends by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// It does not.
    None,
    /// There.
    At(f64),
    /// At what was read as the metric at this index of the target's `metrics`.
    Read(usize),
}

impl Forecast {
    /// Whether there is an end that it could come to.
    pub fn ends(&self) -> bool {
        self.fatal.is_some() || self.limit != Limit::None
    }
}

impl Forecasts {
    /// Of what `thresholds` are about, whatever the hour; where they end is not known yet.
    pub(super) fn of(window: Duration, thresholds: &[&Threshold], metrics: &[Metric]) -> Self {
        let mut rows: Vec<Forecast> = Vec::new();
        for threshold in thresholds {
            let (at, asked) = (threshold.metric, threshold.name.derived.is_some());
            if !rows.iter().any(|row| row.metric == at) && (asked || accumulates(threshold.name.base)) {
                rows.push(Forecast { metric: at, fatal: None, limit: limit(threshold.name.base, metrics) });
            }
        }
        Self { window, rows }
    }

    /// They end at the fatal bounds of `thresholds`: those of this hour.
    pub(super) fn end_at(&mut self, thresholds: &[Threshold]) {
        for row in &mut self.rows {
            let own = thresholds.iter().find(|own| own.metric == row.metric && own.name.derived.is_none());
            row.fatal = own.and_then(|own| own.bounds.get(Level::Fatal)?.as_ref()).map(|bound| bound.at);
        }
    }
}

impl Config {
    /// Leaves out the forecasts of which nothing can come where only these metrics are read: no threshold is
    /// about their growth at whatever hour, and no end is known that they could come to.
    pub fn keep_forecasts(&mut self, is_read: impl Fn(&Metric) -> bool) {
        let is_read = |metrics: &[Metric], at: usize| metrics.get(at).is_some_and(&is_read);
        let leads = |row: &Forecast, metrics: &[Metric], all: &mut dyn Iterator<Item = &Threshold>| {
            let (mut asked, mut fatal) = (false, false);
            for own in all.filter(|own| own.metric == row.metric) {
                asked |= own.name.derived.is_some();
                fatal |= own.bounds.get(Level::Fatal).is_some_and(Option::is_some);
            }
            let limited = match row.limit {
                Limit::None => false,
                Limit::At(_) => true,
                Limit::Read(at) => is_read(metrics, at),
            };
            asked || ((fatal || limited) && is_read(metrics, row.metric))
        };
        for target in &mut self.targets {
            let mut rows = std::mem::take(&mut target.forecasts.rows);
            rows.retain(|row| leads(row, &target.metrics, &mut target.rows_at_any_hour()));
            target.forecasts.rows = rows;
        }
        let Host { metrics, forecasts, thresholds, .. } = &mut self.host;
        forecasts.rows.retain(|row| leads(row, metrics, &mut thresholds.iter()));
    }
}

impl Forecasts {
    /// Those of `metrics` that say where others end.
    pub fn limits<'a>(&'a self, metrics: &'a [Metric]) -> impl Iterator<Item = &'a Metric> {
        self.rows.iter().filter_map(|row| match row.limit {
            Limit::Read(at) => metrics.get(at),
            Limit::None | Limit::At(_) => None,
        })
    }

    /// Where the metric at this index of `metrics` is among them.
    pub fn position(&self, metric: usize) -> Option<usize> {
        self.rows.iter().position(|row| row.metric == metric)
    }
}

/// Whether it can leak. How often something happens, and who waits just now, does not add up.
fn accumulates(base: Base) -> bool {
    let waits = matches!(base, Base::CgroupMemoryPressure | Base::HostMemoryPressure);
    base.info().unit != Unit::PerSecond && !waits
}

/// What is a share of something that can be used up.
const WHOLES: [Base; 4] = [Base::FdUsage, Base::CgroupMemoryUsage, Base::HostMemoryUsed, Base::HostSwapUsed];

/// What is limited, and the metric that is its limit.
const LIMITED: [(Base, Base); 3] = [
    (Base::OpenFds, Base::MaxFds),
    (Base::CgroupMemory, Base::CgroupMemoryLimit),
    (Base::CgroupWorkingSet, Base::CgroupMemoryLimit),
];

/// Whether a quantity ends somewhere by itself.
pub(super) fn has_limit(base: Base) -> bool {
    WHOLES.contains(&base) || LIMITED.iter().any(|(limited, _)| *limited == base)
}

fn limit(base: Base, metrics: &[Metric]) -> Limit {
    if WHOLES.contains(&base) {
        return Limit::At(1.0);
    }
    let limiting = LIMITED.iter().find(|(limited, _)| *limited == base).map(|(_, limit)| Metric::plain(*limit));
    let at = limiting.and_then(|limiting| metrics.iter().position(|metric| *metric == limiting));
    at.map_or(Limit::None, Limit::Read)
}
