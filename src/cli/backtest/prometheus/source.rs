//! What Prometheus knows of the configuration's metrics: asked once, before it is read in full.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Row as Series, said};
use super::client::{Client, NoAnswer};
use super::grid::{Grid, millis, seconds};
use super::plan::{Place, Plan, Question};
use crate::replay::{Column, Fault, implausible};

/// How finely a first look goes through the whole range.
const GLANCES: usize = 500;
/// So far back before a reading its neighbours are looked for, in seconds.
const NEIGHBOURS: i64 = 600;
/// Longest list of anything that is told.
const MOST_TOLD: usize = 5;

/// From when until when, and how often; all times as the command line has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// How often, where the user says so.
    pub(super) step: Option<Duration>,
    /// How often the daemon would read.
    pub(super) interval: Duration,
}

/// A Prometheus that has something to tell.
#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    plan: Plan,
    grid: Grid,
    /// The labels that tell one process from another.
    by: Vec<String>,
    /// How many series there are.
    series: usize,
    /// What somebody should know who reads the result.
    notes: Vec<String>,
}

impl Source {
    /// Looks at what there is in the range.
    pub(super) fn look(client: Client, plan: Plan, range: Range) -> Result<Self, Fault> {
        let whole = Grid::new((range.from, range.to), 1000);
        let mut source = Self { client, plan, grid: whole, by: Vec::new(), series: 0, notes: Vec::new() };
        let found = source.glance(whole.coarse(GLANCES))?;
        source.series = found.iter().map(Vec::len).sum();
        if source.series == 0 {
            return Err(source.nothing(range));
        }
        source.by = source.telling_labels(&found)?;
        let step = match range.step {
            Some(step) => step,
            None => source.spacing(&found).map_or(range.interval, |spacing| spacing.max(range.interval)),
        };
        source.grid = Grid::new((range.from, range.to), i64::try_from(step.as_millis()).unwrap_or(i64::MAX));
        source.note_missing(&found);
        Ok(source)
    }

    /// The series that answer each question, seen from far away.
    fn glance(&mut self, grid: Grid) -> Result<Vec<Vec<Series>>, Fault> {
        let (from, to) = (seconds(grid.at(0)), seconds(grid.at(grid.count.saturating_sub(1))));
        let step = seconds(grid.step);
        let mut notes = BTreeSet::new();
        let mut ask = |question: &Question| {
            if question.place == Place::Freshness {
                return Ok(Vec::new());
            }
            let form = [("query", question.query.as_str()), ("start", &from), ("end", &to), ("step", &step)];
            let (rows, warnings) = self.client.ask("query_range", &form).map_err(NoAnswer::fault)?;
            notes.extend(warnings);
            Ok(rows.into_iter().filter(|row| !row.values.is_empty()).collect())
        };
        let found: Result<Vec<Vec<Series>>, Fault> = self.plan.questions.iter().map(&mut ask).collect();
        self.notes.extend(notes.into_iter().take(MOST_TOLD).map(|note| format!("Prometheus warns: {note}")));
        found
    }

    /// The labels whose values differ among the series of one question. Of tradedog's own series nothing but
    /// `process` may.
    fn telling_labels(&self, found: &[Vec<Series>]) -> Result<Vec<String>, Fault> {
        let mut by = BTreeSet::new();
        for (question, rows) in self.plan.questions.iter().zip(found) {
            for (label, values) in differing(rows) {
                if !question.given && label != "process" && !question.together {
                    return Err(self.several(&label, &values));
                }
                if question.target.is_some() {
                    by.insert(label);
                }
            }
            if !question.given && question.target.is_some() && !question.together && !rows.is_empty() {
                by.insert("process".to_owned());
            }
        }
        Ok(by.into_iter().collect())
    }

    fn several(&self, label: &str, values: &BTreeSet<String>) -> Fault {
        let names: Vec<String> = values.iter().take(MOST_TOLD).map(|value| said(value)).collect();
        let first = names.first().cloned().unwrap_or_default();
        self.client.fault(
            format!("{} daemons tell of these metrics ({label}: {})", values.len(), names.join(", ")),
            format!("say which is meant: --label {label}={first}"),
        )
    }

    fn nothing(&self, range: Range) -> Fault {
        let asked = self.plan.questions.first().map_or("anything", |question| question.query.as_str());
        let given = self.plan.questions.iter().any(|question| question.given);
        let help = if given {
            "see whether the queries of --query give anything there, and whether the range is right"
        } else {
            "see whether it scrapes tradedog (up), whether target and range are right; another exporter's metrics are mapped by \
             --query METRIC='PROMQL'"
        };
        let span = format!("from {} to {}", short(range.from), short(range.to));
        self.client
            .fault(format!("it knows nothing of the configuration's metrics {span} (such as {})", said(asked)), help)
    }

    /// How often the first series with neighbours is scraped.
    fn spacing(&self, found: &[Vec<Series>]) -> Option<Duration> {
        for (question, rows) in self.plan.questions.iter().zip(found) {
            let Some((last, _)) = rows.iter().filter_map(|row| row.values.last()).max_by(|a, b| a.0.total_cmp(&b.0))
            else {
                continue;
            };
            let form = [("query", &*format!("{}[{NEIGHBOURS}s]", question.query)), ("time", &*seconds(millis(*last)))];
            // An expression has no samples of its own, and not everybody who speaks as Prometheus does answers this; whatever
            // else is wrong is told when it is read.
            let Ok((raw, _)) = self.client.ask("query", &form) else { continue };
            let pairs =
                raw.iter().flat_map(|row| row.values.windows(2)).map(|pair| millis(pair[1].0) - millis(pair[0].0));
            let mut steps: Vec<i64> = pairs.collect();
            steps.sort_unstable();
            if let Some(middle) = steps.get(steps.len() / 2).and_then(|step| u64::try_from(*step).ok()) {
                // Scrapes are some milliseconds early or late.
                let round = if middle >= 1000 { 500 } else { 50 };
                return Some(Duration::from_millis(((middle + round / 2) / round * round).max(1)));
            }
        }
        None
    }

    fn note_missing(&mut self, found: &[Vec<Series>]) {
        let there = |column: usize| {
            let mut all = self.plan.questions.iter().zip(found);
            all.any(|(question, rows)| question.place == Place::Cell(column) && !rows.is_empty())
        };
        // An end that is not there is none.
        let may_lack = |column: &Column| column.metric.as_ref().is_some_and(|metric| !metric.info().bounded);
        let columns = self.plan.columns.iter().enumerate().filter(|(_, column)| !may_lack(column));
        let missing = columns.filter(|(index, _)| !there(*index));
        let names: Vec<&str> = missing.map(|(_, column)| column.name.as_str()).collect();
        if !names.is_empty() {
            let note = format!(
                "Prometheus has nothing on {}: unknown throughout (--query METRIC='PROMQL' says where else it is)",
                names.join(", ")
            );
            self.notes.push(note);
        }
    }

    /// Whose a series is: a process, or all of its target's.
    pub(super) fn whom(&self, labels: &BTreeMap<String, String>) -> Option<Arc<str>> {
        let values: Vec<&str> = self.by.iter().map(|label| labels.get(label).map_or("", String::as_str)).collect();
        values.iter().any(|value| !value.is_empty()).then(|| said(&values.join("/")).into())
    }

    /// Two series are of one process at one time.
    pub(super) fn ambiguous(&self, question: &Question) -> Fault {
        self.client.fault(
            format!("{} gives several values for one process at one time", said(&question.query)),
            "add a label to the query that leaves one, or aggregate it: sum by (...)",
        )
    }

    /// What keeps an answer from being a reading: most likely it is in another unit.
    pub(super) fn implausible(&self, question: &Question, value: f64) -> Option<Fault> {
        let Place::Cell(column) = question.place else { return None };
        let metric = self.plan.columns.get(column)?.metric.as_ref()?;
        let what = implausible(value, metric)?;
        let query = said(&question.query);
        let help = match value < 0.0 {
            true => format!("leave it out in the query: {metric}='... >= 0'"),
            false => format!("{metric} is a share between 0 and 1: divide by 100 in the query"),
        };
        Some(self.client.fault(format!("{query} gives {value} for {metric}, which {what}"), help))
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn questions(&self) -> &[Question] {
        &self.plan.questions
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.plan.columns
    }

    pub(super) const fn grid(&self) -> Grid {
        self.grid
    }

    pub(super) const fn series(&self) -> usize {
        self.series
    }

    /// What somebody should know who reads the result.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The labels whose values are not the same on all of the rows; one that is missing is empty.
fn differing(rows: &[Series]) -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeSet<&String> =
        rows.iter().flat_map(|row| row.labels.keys()).filter(|name| *name != "__name__").collect();
    let values = |name: &String| -> BTreeSet<String> {
        rows.iter().map(|row| row.labels.get(name).cloned().unwrap_or_default()).collect()
    };
    let all = names.into_iter().map(|name| (name.clone(), values(name)));
    all.filter(|(_, values)| values.len() > 1).collect()
}

fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
