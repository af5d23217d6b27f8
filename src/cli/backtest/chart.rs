//! The series, the bounds and the orders as an SVG: what there may be many of is thinned out to one column of
//! points, so that memory does not grow.

mod draw;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::Failure;
use super::super::lookup::shown;
use super::side::Side;
use crate::config::Config;
use crate::model::{Level, Metric, PerLevel, Scope};
use crate::replay::{Column, Row, Survey};

/// Points across.
const WIDTH: usize = 900;
/// Most processes of which each metric is drawn.
const MOST_PROCESSES: usize = 8;
/// Most orders that are drawn.
const MOST_ORDERS: usize = 4000;

/// What is drawn, being collected.
pub(in crate::cli) struct Chart {
    first: Timestamp,
    last: Timestamp,
    /// By target, none where the series does not say, and column.
    panels: BTreeMap<(Option<Arc<str>>, usize), Panel>,
    /// Columns that a threshold is about, with their metric.
    judged: Vec<Option<Metric>>,
    /// Where each order was.
    lanes: BTreeMap<Lane, Vec<Mark>>,
    orders: usize,
    /// What is called so is of the host.
    nobody: Arc<str>,
}

/// Target, process, action.
type Lane = (Arc<str>, Arc<str>, Arc<str>);

/// One metric.
#[derive(Default)]
struct Panel {
    /// By process: the lowest and the highest value at each point.
    lines: BTreeMap<Arc<str>, Vec<Option<(f64, f64)>>>,
}

/// An order at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: usize,
    level: Level,
    undo: bool,
}

impl Chart {
    /// Nothing collected yet.
    pub(super) fn new(config: &Config, columns: &[Column], survey: &Survey) -> Self {
        let judged = |column: &Column| {
            let metric = column.metric.clone()?;
            let of_target = config.targets.iter().any(|target| {
                let at = target.metrics.iter().position(|other| *other == metric);
                at.is_some_and(|at| target.has_threshold_on(at))
            });
            let of_host = config.host.thresholds.iter().any(|row| config.host.metrics.get(row.metric) == Some(&metric));
            (of_target || of_host).then_some(metric)
        };
        Self {
            first: survey.first,
            last: survey.last,
            panels: BTreeMap::new(),
            judged: columns.iter().map(judged).collect(),
            lanes: BTreeMap::new(),
            orders: 0,
            nobody: Row::NOBODY.into(),
        }
    }

    /// Takes in a row, and what came of those before.
    pub(super) fn take(&mut self, row: Option<&Row>, side: &Side) {
        for row in side.news.iter().filter_map(|news| news.order.as_ref()).filter(|row| row.went_out()) {
            let mark = Mark { at: self.place(row.time), level: row.level, undo: row.undo };
            let whose = (Arc::clone(&row.target), Arc::clone(&row.process), Arc::clone(&row.action));
            let lane = self.lanes.entry(whose).or_default();
            if self.orders < MOST_ORDERS && lane.last() != Some(&mark) {
                lane.push(mark);
                self.orders += 1;
            }
        }
        // What is not judged here is not drawn: a file may name as many targets as it has lines.
        let is_judged = |target: &Arc<str>| side.about.targets.iter().any(|name| **name == **target);
        let Some(row) = row.filter(|row| row.target.as_ref().is_none_or(is_judged)) else { return };
        let at = self.place(row.at);
        for (index, cell) in row.cells.iter().enumerate() {
            let (Some(value), Some(Some(_))) = (cell.and_then(crate::model::Value::number), self.judged.get(index))
            else {
                continue;
            };
            // What is read of the host is told of with each process, and drawn once.
            let of_host = self.judged.get(index).is_some_and(|metric| metric.as_ref().is_some_and(is_of_host));
            let whose = if of_host { (None, &self.nobody) } else { (row.target.clone(), &row.process) };
            self.panels.entry((whose.0, index)).or_default().take((whose.1, at), value);
        }
    }

    /// The point of a time.
    fn place(&self, at: Timestamp) -> usize {
        let whole = (self.last.as_nanosecond() - self.first.as_nanosecond()).max(1);
        let since = (at.as_nanosecond() - self.first.as_nanosecond()).clamp(0, whole);
        let points = i128::try_from(WIDTH - 1).unwrap_or(0);
        usize::try_from(since * points / whole).unwrap_or(0)
    }
}

fn is_of_host(metric: &Metric) -> bool {
    metric.info().scope == Scope::Host
}

impl Panel {
    fn take(&mut self, (process, at): (&Arc<str>, usize), value: f64) {
        if !self.lines.contains_key(process) && self.lines.len() >= MOST_PROCESSES {
            return;
        }
        let line = self.lines.entry(Arc::clone(process)).or_insert_with(|| vec![None; WIDTH]);
        if let Some(slot) = line.get_mut(at) {
            *slot = Some(slot.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        }
    }

    fn highest(&self) -> f64 {
        self.lines.values().flatten().flatten().map(|(_, high)| *high).fold(0.0, f64::max)
    }
}

/// The bounds of a metric, as they usually are: of a target, else of the host.
fn bounds(config: &Config, target: Option<&str>, metric: &Metric) -> PerLevel<Option<f64>> {
    let mut bounds = PerLevel::default();
    let targets = config.targets.iter().filter(|own| target.is_none_or(|name| *own.name == *name));
    let rows = targets.flat_map(|own| own.usual().0.iter().map(|row| (row, &own.metrics)));
    let rows = rows.chain(config.host.thresholds.iter().map(|row| (row, &config.host.metrics)));
    let mut about = rows.filter(|(row, metrics)| metrics.get(row.metric) == Some(metric));
    if let Some((row, _)) = about.next() {
        for (level, bound) in bounds.iter_mut() {
            *bound = row.bounds.get(level).copied().flatten().map(|bound| bound.at);
        }
    }
    bounds
}

/// Writes a drawing, whole or not at all.
pub(super) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        Failure::runtime(format!("{} could not be written: {error}; name another place by --svg", shown(path)))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(open).map_err(|error| failed(&error))?;
    file.persist(path).map(|_| ()).map_err(|error| failed(&error.error))
}
