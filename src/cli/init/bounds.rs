//! Which bounds a reading of now suggests. Pure: a number, a ceiling, and what to say of each bound.
//!
//! No bound is at or near the reading of now: what is normal must not be a level.

use crate::config::units::{self, Size};
use crate::model::Unit;

/// A value of a row, and why it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// `expected`, or a level.
    pub(super) key: &'static str,
    /// In the unit of the metric.
    pub(super) value: f64,
    /// For the comment behind it.
    pub(super) why: String,
}

/// How bounds follow from a reading.
pub(super) struct Shape {
    unit: Unit,
    /// `expected` and `elevated`: so many times the reading, and at least so much more.
    expected: (f64, f64),
    elevated: (f64, f64),
    /// The others as shares of the ceiling.
    shares: &'static [(&'static str, f64)],
}

/// Descriptors, against the limit of them.
pub(super) const FDS: Shape = Shape {
    unit: Unit::Count,
    expected: (1.5, 20.0),
    elevated: (3.0, 50.0),
    shares: &[("warning", 0.5), ("critical", 0.7), ("fatal", 0.85)],
};

/// Bytes, against the memory that there is.
pub(super) const MEMORY: Shape = Shape {
    unit: Unit::Bytes,
    expected: (1.5, 20e6),
    elevated: (2.0, 50e6),
    shares: &[("warning", 0.6), ("critical", 0.8)],
};

/// Threads.
pub(super) const THREADS: Shape =
    Shape { unit: Unit::Count, expected: (1.5, 10.0), elevated: (3.0, 50.0), shares: &[] };

/// So far above the reading of now a bound must be: its clear bound, 90 % of it, is above it too.
fn is_clear_of(now: f64, bound: f64) -> bool {
    bound > now * 1.15 + 1.0
}

/// The row, lowest bound first; empty where the ceiling is too near. Without a ceiling there is
/// nothing above elevated.
pub(super) fn row(shape: &Shape, now: f64, ceiling: Option<f64>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for (key, share) in shape.shares {
        let Some(ceiling) = ceiling else { break };
        let value = whole(shape, ceiling * share);
        if is_clear_of(now, value) {
            let why = format!("{:.0} % of {}", share * 100.0, shown(shape, ceiling));
            cells.push(Cell { key, value, why });
        }
    }
    for (key, (times, more)) in [("elevated", shape.elevated), ("expected", shape.expected)] {
        let below = cells.first().map(|cell| cell.value).or(ceiling);
        if let Some(cell) = lower(shape, now, (key, times, more), below) {
            cells.insert(0, cell);
        }
    }
    cells
}

/// A bound that follows from the reading: so many times as much, unless that is not below `below`.
fn lower(shape: &Shape, now: f64, (key, times, more): (&'static str, f64, f64), below: Option<f64>) -> Option<Cell> {
    let fits = |value: f64| {
        let clear = if key == "expected" { value > now } else { is_clear_of(now, value) };
        clear && below.is_none_or(|below| value < below)
    };
    let by_factor = now * times >= now + more;
    let wanted = two_digits(if by_factor { now * times } else { now + more });
    if fits(wanted) {
        let why = if by_factor {
            format!("{times} times as much as now")
        } else {
            format!("{} more than now", shown(shape, wanted - now))
        };
        return Some(Cell { key, value: wanted, why });
    }
    let below = below?;
    let half = whole(shape, now + (below - now) / 2.0);
    fits(half).then(|| Cell { key, value: half, why: format!("halfway from now to {}", shown(shape, below)) })
}

/// The ceiling that counts: `limit`, unless it is so far away that its shares would say nothing. Gives
/// it with whether it is the limit itself.
pub(super) fn ceiling(now: f64, limit: Option<f64>, (least, times): (f64, f64)) -> (f64, bool) {
    let near = (now * times).max(least);
    match limit.filter(|limit| limit.is_finite() && *limit <= near) {
        Some(limit) => (limit, true),
        None => (two_digits(near), false),
    }
}

/// Rounded down to two digits: `87 * 3` is 260.
fn two_digits(value: f64) -> f64 {
    if value < 100.0 {
        return value.floor();
    }
    let step = 10f64.powf(value.log10().floor() - 1.0);
    (value / step).floor() * step
}

/// Whole numbers, and of bytes whole megabytes.
fn whole(shape: &Shape, value: f64) -> f64 {
    let step = if shape.unit == Unit::Bytes { 1e6 } else { 1.0 };
    (value / step).round() * step
}

fn shown(shape: &Shape, value: f64) -> String {
    units::show(value, shape.unit)
}

/// As it is written in the file.
pub(super) fn written(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Bytes => format!("\"{}\"", Size(bytes(value))),
        Unit::Ratio
        | Unit::PerSecond
        | Unit::CountPerMinute
        | Unit::BytesPerMinute
        | Unit::RatioPerMinute
        | Unit::RatePerMinute
        | Unit::Seconds => format!("\"{}\"", units::show(value, unit)),
    }
}

/// Whole bytes: the bounds here are far below what a number holds exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds are positive and whole")]
fn bytes(value: f64) -> u64 {
    value.max(0.0).round() as u64
}
