//! What is asked for a configuration: one question a series, and which of them tell whether anything is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::queries::{Label, Mapping, Whose};
use crate::config::{Config, Per, Target};
use crate::model::{Metric, Scope};
use crate::replay::{Column, Row};

/// Where the answer to a question belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A cell of a row: index of the column.
    Cell(usize),
    /// When the process started.
    Start,
    /// The times of what the questions of its group were last told of: what has not moved is not new.
    Freshness,
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    /// Whose processes; none for the host.
    pub(super) target: Option<Arc<str>>,
    /// Whether all processes are told of together.
    pub(super) together: bool,
    pub(super) place: Place,
    pub(super) query: String,
    /// Questions that are answered by the same scrapes.
    pub(super) group: usize,
    /// Whether it comes from `--query`.
    pub(super) given: bool,
}

/// All questions.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) questions: Vec<Question>,
    pub(super) columns: Vec<Column>,
    groups: usize,
}

/// What the command line says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// The only target that is asked for.
    pub(super) target: Option<&'a str>,
    pub(super) mappings: &'a [Mapping],
    pub(super) labels: &'a [Label],
}

impl Plan {
    /// What the configurations need to know.
    pub(super) fn of(configs: &[&Config], wish: Wish<'_>) -> Self {
        let mut plan = Self::default();
        let all = configs.iter().flat_map(|config| &config.targets);
        let wanted = all.filter(|target| wish.target.is_none_or(|name| *name == *target.name));
        let mut metrics: BTreeMap<(&Arc<str>, bool), Vec<&Metric>> = BTreeMap::new();
        let mut host = BTreeSet::new();
        for target in wanted {
            let (mine, of_host): (Vec<&Metric>, Vec<&Metric>) =
                judged(target).partition(|metric| metric.info().scope != Scope::Host);
            // What was mapped is told of, though nothing judges it yet.
            let mapped = wish.mappings.iter().filter(|mapping| !mapping.is_of_host());
            let mapped = mapped.filter_map(|mapping| mapping.metric.as_ref());
            let known = metrics.entry((&target.name, target.per == Per::Group)).or_default();
            for metric in mine.into_iter().chain(mapped) {
                if !known.contains(&metric) {
                    known.push(metric);
                }
            }
            host.extend(of_host);
        }
        for ((name, together), metrics) in metrics {
            plan.target(name, (&metrics, together), wish);
        }
        for config in configs {
            host.extend(config.host.thresholds.iter().filter_map(|row| config.host.metrics.get(row.metric)));
        }
        plan.host(&host.into_iter().collect::<Vec<_>>(), wish);
        plan
    }

    fn target(&mut self, name: &Arc<str>, (metrics, together): (&[&Metric], bool), wish: Wish<'_>) {
        let own = Whose::target(name, (together, wish.labels));
        let (target, group) = (Some(Arc::clone(name)), self.next_group());
        let question =
            |place, query, given: bool| Question { target: target.clone(), together, place, query, group, given };
        let mut any = false;
        for metric in metrics.iter().copied() {
            if let Some(mapping) = wish.mappings.iter().find(|mapping| mapping.metric.as_ref() == Some(metric)) {
                self.given((target.clone(), together), mapping, metric);
            } else if let Some(query) = own.metric(metric) {
                any = true;
                let place = Place::Cell(self.column(metric));
                self.questions.push(question(place, query, false));
            } else {
                self.column(metric);
            }
        }
        match wish.mappings.iter().find(|mapping| mapping.metric.is_none()) {
            Some(start) => self.questions.push(question(Place::Start, start.query.clone(), true)),
            None if any => self.questions.push(question(Place::Start, own.start(), false)),
            None => {}
        }
        if any {
            let query = format!("timestamp({})", own.presence());
            self.questions.push(question(Place::Freshness, query, false));
        }
    }

    /// The series of another exporter is a group of its own: it may be scraped at times of its own.
    fn given(&mut self, (target, together): (Option<Arc<str>>, bool), mapping: &Mapping, metric: &Metric) {
        let (place, group) = (Place::Cell(self.column(metric)), self.next_group());
        let query = mapping.query.clone();
        let fresh = format!("timestamp({query})");
        for (place, query) in [(place, query), (Place::Freshness, fresh)] {
            self.questions.push(Question { target: target.clone(), together, place, query, group, given: true });
        }
    }

    fn host(&mut self, metrics: &[&Metric], wish: Wish<'_>) {
        let own = Whose::host(wish.labels);
        let group = self.next_group();
        let question = |place, query| Question { target: None, together: false, place, query, group, given: false };
        let mut any = false;
        for metric in metrics {
            if let Some(mapping) = wish.mappings.iter().find(|mapping| mapping.metric.as_ref() == Some(*metric)) {
                self.given((None, false), mapping, metric);
            } else if let Some(query) = own.metric(metric) {
                any = true;
                let place = Place::Cell(self.column(metric));
                self.questions.push(question(place, query));
            } else {
                self.column(metric);
            }
        }
        if any {
            self.questions.push(question(Place::Freshness, format!("timestamp({})", own.host_presence())));
        }
    }

    fn next_group(&mut self) -> usize {
        self.groups += 1;
        self.groups - 1
    }

    fn column(&mut self, metric: &Metric) -> usize {
        self.columns.iter().position(|column| column.metric.as_ref() == Some(metric)).unwrap_or_else(|| {
            self.columns.push(Column { name: metric.to_string(), metric: Some(metric.clone()) });
            self.columns.len() - 1
        })
    }
}

/// What thresholds of the target are about, at whatever hour, and where that ends by itself.
fn judged(target: &Target) -> impl Iterator<Item = &Metric> {
    let rows = target.metrics.iter().enumerate().filter(|(index, _)| target.has_threshold_on(*index));
    rows.map(|(_, metric)| metric).chain(target.forecasts.limits(&target.metrics))
}

/// What a series that names no process is called.
pub(super) const fn only(together: bool) -> &'static str {
    if together { Row::ALL } else { Row::ONLY }
}
