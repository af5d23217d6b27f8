//! The series, page by page: a row for each process and time at which something new was read.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::answer::{Number, Row as Answered};
use super::client::NoAnswer;
use super::grid::{Grid, millis, seconds};
use super::plan::{Place, Question, only};
use super::source::Source;
use crate::model::Value;
use crate::replay::{Column, Fault, Row, Series};

/// Most points of a series in one answer: Prometheus gives 11,000.
const MOST_POINTS: usize = 10_000;
/// Most values that are kept at once.
const MOST_VALUES: usize = 2_000_000;
/// With fewer points at once nothing comes of it.
const LEAST_POINTS: usize = 60;
/// What was scraped longer ago is not given any more, in milliseconds.
const DAY: u64 = 86_400_000;
/// Who a series without such labels belongs to: every process of the target.
const EVERYBODY: usize = 0;

/// Reads what a [`Source`] knows, from the first time to the last.
pub(super) struct Reader {
    source: Rc<Source>,
    grid: Grid,
    /// Which of the grid's times comes next.
    next: usize,
    /// The first that is not on this page.
    end: usize,
    /// How many of them are asked for at once.
    points: usize,
    /// The answers of this page, as the questions.
    page: Vec<Vec<Cursor>>,
    /// What the processes are called, [`EVERYBODY`] first.
    names: Vec<Arc<str>>,
    ready: VecDeque<Row>,
    /// When what each group of questions is told of was last new, by process.
    told: HashMap<(usize, usize), f64>,
}

/// A series, and how far it was read.
struct Cursor {
    /// Index of the name of its process.
    whom: usize,
    values: Vec<(f64, Number)>,
    at: usize,
}

impl Cursor {
    /// Its last value in the step that ends at that time, if it has one; times ascend. Thanos and VictoriaMetrics answer
    /// for multiples of the step, whatever was asked for.
    fn take(&mut self, at: i64, step: i64) -> Option<f64> {
        let mut last = None;
        while let Some((time, Number(value))) = self.values.get(self.at).filter(|(time, _)| millis(*time) <= at) {
            last = Some(*value).filter(|value| millis(*time) > at - step && value.is_finite());
            self.at += 1;
        }
        last
    }
}

impl Reader {
    pub(super) fn new(source: &Rc<Source>) -> Self {
        let points = (MOST_VALUES / source.series().max(1)).clamp(LEAST_POINTS, MOST_POINTS);
        Self {
            source: Rc::clone(source),
            grid: source.grid(),
            next: 0,
            end: 0,
            points,
            page: Vec::new(),
            names: vec!["".into()],
            ready: VecDeque::new(),
            told: HashMap::new(),
        }
    }

    /// Asks for the next times; for fewer where that is too much for the other side.
    fn turn(&mut self) -> Result<(), Fault> {
        loop {
            self.end = self.next.saturating_add(self.points).min(self.grid.count);
            match self.asked() {
                Ok(page) => {
                    self.page = page;
                    return Ok(());
                }
                Err(NoAnswer::TooMuch(_)) if self.points > LEAST_POINTS => {
                    self.points = (self.points / 4).max(LEAST_POINTS);
                }
                Err(why) => return Err(why.fault()),
            }
        }
    }

    fn asked(&mut self) -> Result<Vec<Vec<Cursor>>, NoAnswer> {
        let (from, to) = (seconds(self.grid.at(self.next)), seconds(self.grid.at(self.end.saturating_sub(1))));
        let step = seconds(self.grid.step);
        let source = Rc::clone(&self.source);
        let mut pages = Vec::new();
        for question in source.questions() {
            let form = [("query", question.query.as_str()), ("start", &from), ("end", &to), ("step", &step)];
            let rows = match source.client().ask("query_range", &form) {
                // An expression has no times of its own.
                Err(NoAnswer::BadQuery(_)) if question.place == Place::Freshness => Vec::new(),
                other => other?.0,
            };
            pages.push(rows.into_iter().map(|row| self.cursor(row)).collect());
        }
        Ok(pages)
    }

    fn cursor(&mut self, row: Answered) -> Cursor {
        let whom = match self.source.whom(&row.labels) {
            None => EVERYBODY,
            Some(name) => self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
                self.names.push(name);
                self.names.len() - 1
            }),
        };
        Cursor { whom, values: row.values, at: 0 }
    }

    /// The rows of the next time.
    fn step(&mut self) -> Result<(), Fault> {
        if self.next >= self.end {
            self.turn()?;
        }
        let at = self.grid.at(self.next);
        self.next += 1;
        let source = Rc::clone(&self.source);
        let stale = self.stale(&source, at);
        let mut rows = Rows::default();
        for (question, cursors) in source.questions().iter().zip(&mut self.page) {
            if question.place == Place::Freshness {
                continue;
            }
            let mut seen = Vec::new();
            for cursor in cursors {
                let Some(value) = cursor.take(at, self.grid.step) else { continue };
                if seen.contains(&cursor.whom) {
                    return Err(source.ambiguous(question));
                }
                seen.push(cursor.whom);
                if let Some(fault) = source.implausible(question, value) {
                    return Err(fault);
                }
                if !stale.contains(&(question.group, cursor.whom)) {
                    rows.put(question, (cursor.whom, value));
                }
            }
        }
        let at = Timestamp::from_millisecond(at).unwrap_or_default();
        rows.finish((at, source.columns().len()), &self.names, &mut self.ready);
        Ok(())
    }

    /// Of whom nothing new was scraped since the time before: Prometheus gives the last value for minutes.
    fn stale(&mut self, source: &Source, at: i64) -> Vec<(usize, usize)> {
        let mut stale = Vec::new();
        for (question, cursors) in source.questions().iter().zip(&mut self.page) {
            if question.place != Place::Freshness {
                continue;
            }
            for cursor in cursors {
                let Some(told) = cursor.take(at, self.grid.step).filter(|told| is_time(*told, at)) else { continue };
                let place = (question.group, cursor.whom);
                if self.told.insert(place, told) == Some(told) {
                    stale.push(place);
                }
            }
        }
        stale
    }
}

/// Whether so many seconds since 1970 can be when a value at that time was scraped: not everybody who speaks as Prometheus
/// does knows `timestamp`.
fn is_time(told: f64, at: i64) -> bool {
    millis(told).abs_diff(at) <= DAY
}

impl Series for Reader {
    fn columns(&self) -> &[Column] {
        self.source.columns()
    }

    fn names_targets(&self) -> bool {
        true
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Fault> {
        while self.ready.is_empty() {
            if self.next >= self.grid.count {
                return Ok(false);
            }
            self.step()?;
        }
        *row = self.ready.pop_front().unwrap_or_default();
        Ok(true)
    }
}

/// The rows of one time, while they are put together.
#[derive(Default)]
struct Rows<'a> {
    /// By target and process.
    all: BTreeMap<(&'a str, usize), Cells<'a>>,
    host: Vec<(usize, f64)>,
}

struct Cells<'a> {
    question: &'a Question,
    cells: Vec<(usize, f64)>,
    start: Option<f64>,
}

impl<'a> Rows<'a> {
    fn put(&mut self, question: &'a Question, (whom, value): (usize, f64)) {
        let Some(target) = &question.target else {
            if let Place::Cell(column) = question.place {
                self.host.push((column, value));
            }
            return;
        };
        let new = || Cells { question, cells: Vec::new(), start: None };
        let row = self.all.entry((target, whom)).or_insert_with(new);
        match question.place {
            Place::Cell(column) => row.cells.push((column, value)),
            Place::Start => row.start = Some(value),
            Place::Freshness => {}
        }
    }

    /// What belongs to every process goes to each; to the only one where none is told apart.
    fn finish(self, (at, width): (Timestamp, usize), names: &[Arc<str>], ready: &mut VecDeque<Row>) {
        let before = ready.len();
        for ((target, whom), own) in &self.all {
            let everybody = self.all.get(&(*target, EVERYBODY));
            let others = || self.all.range((*target, EVERYBODY + 1)..=(*target, usize::MAX)).next().is_some();
            if *whom == EVERYBODY && others() {
                continue;
            }
            let mut cells = vec![None; width];
            let shared = everybody.into_iter().flat_map(|row| &row.cells);
            for (column, value) in self.host.iter().chain(shared).chain(&own.cells) {
                if let Some(cell) = cells.get_mut(*column) {
                    *cell = Some(Value::Known(*value));
                }
            }
            if own.cells.is_empty() && everybody.is_none_or(|row| row.cells.is_empty()) {
                continue;
            }
            let process = match names.get(*whom).filter(|_| *whom != EVERYBODY) {
                Some(name) => Arc::clone(name),
                None => only(own.question.together).into(),
            };
            let started = own.start.or_else(|| everybody.and_then(|row| row.start));
            let started = started.and_then(|seconds| Timestamp::from_millisecond(millis(seconds)).ok());
            ready.push_back(Row { at, started, target: own.question.target.clone(), process, cells });
        }
        if ready.len() == before && !self.host.is_empty() {
            // Nobody is there, and the host was read all the same.
            let mut cells = vec![None; width];
            for (column, value) in &self.host {
                if let Some(cell) = cells.get_mut(*column) {
                    *cell = Some(Value::Known(*value));
                }
            }
            ready.push_back(Row { at, started: None, target: None, process: Row::NOBODY.into(), cells });
        }
    }
}

#[cfg(test)]
mod tests;
