//! A first look at a whole series: when it begins and ends, how often what is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::series::{Column, Fault, Row, Series};
use super::steps::Steps;
use crate::model::Metric;

/// What a series is like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Its first time.
    pub first: Timestamp,
    /// Its last time.
    pub last: Timestamp,
    /// How many rows.
    pub rows: u64,
    /// How often a process is read: the median step of its rows.
    pub period: Option<Duration>,
    /// How often each column is read: the median step between its values; none for one with less than two.
    pub periods: Vec<Option<Duration>>,
    /// Whether a column has any value.
    pub filled: Vec<bool>,
    /// Whether it tells of all processes of a target together.
    pub together: bool,
}

impl Survey {
    /// Whether one of the columns has a value of the metric.
    pub fn has(&self, columns: &[Column], metric: &Metric) -> bool {
        let mut both = columns.iter().zip(&self.filled);
        both.any(|(column, filled)| *filled && column.metric.as_ref() == Some(metric))
    }
}

/// Looks at `series` from beginning to end.
///
/// # Errors
/// Whatever is wrong anywhere in it.
pub fn survey(series: &mut dyn Series) -> Result<Survey, Fault> {
    let width = series.columns().len();
    let mut survey = Survey { filled: vec![false; width], ..Survey::default() };
    let (mut rows, mut cells) = (Steps::default(), vec![Steps::default(); width]);
    let mut processes: HashMap<(Option<Arc<str>>, Arc<str>), Last> = HashMap::new();
    let mut row = Row::default();
    while series.read(&mut row)? {
        if survey.rows == 0 {
            survey.first = row.at;
        }
        survey.last = row.at;
        survey.rows += 1;
        survey.together |= *row.process == *Row::ALL;
        let whose = (row.target.clone(), Arc::clone(&row.process));
        let last = processes.entry(whose).or_insert_with(|| Last { row: None, cells: vec![None; width] });
        if let Some(before) = last.row.replace(row.at) {
            rows.note(between(before, row.at));
        }
        for (at, _) in row.cells.iter().enumerate().filter(|(_, cell)| cell.is_some()) {
            survey.filled[at] = true;
            if let Some(before) = last.cells[at].replace(row.at) {
                cells[at].note(between(before, row.at));
            }
        }
    }
    let least = |median: Duration| median.max(series.least_period());
    survey.period = rows.median().map(least);
    survey.periods = cells.iter_mut().map(|steps| steps.median().map(least)).collect();
    Ok(survey)
}

/// When a process was last told of, and each of its columns.
struct Last {
    row: Option<Timestamp>,
    cells: Vec<Option<Timestamp>>,
}

/// The time from one to the other; none where it is earlier.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    let nanos = to.as_nanosecond() - from.as_nanosecond();
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}
