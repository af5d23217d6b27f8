//! What a series and a configuration have to say to each other, before anything is played.

use std::collections::HashSet;

use crate::config::{Config, Per, Target, Threshold, nearest};
use crate::model::Metric;
use crate::replay::{Column, Survey};

/// What is judged, and what is not.
#[derive(Debug, Default)]
pub(super) struct About {
    /// Names of the targets that may be played.
    pub(super) targets: Vec<String>,
    /// Whether the configuration says dry run.
    pub(super) dry_run: bool,
    /// Where the configuration was read from.
    pub(super) config: String,
    /// Thresholds without a column, or with one that has no value: unknown throughout.
    pub(super) unknown: Vec<String>,
    /// Columns without a threshold.
    pub(super) ignored: Vec<String>,
    /// What else somebody should know.
    pub(super) notes: Vec<String>,
    /// Whether no threshold has a column with a value.
    pub(super) blind: bool,
    /// A column that is probably misspelt, and what was meant.
    pub(super) meant: Vec<(String, String)>,
}

impl About {
    /// What `columns` have to do with the thresholds of the host and of the targets that are looked at.
    pub(super) fn of((config, only): (&Config, Option<u16>), columns: &[Column], survey: &Survey) -> Self {
        let is_there = |metric: &Metric| survey.has(columns, metric);
        let targets = || {
            let all = config.targets.iter().enumerate();
            all.filter(|(at, _)| only.is_none_or(|only| usize::from(only) == *at)).map(|(_, target)| target)
        };
        let several = targets().count() > 1;
        let of_target = |target: &'_ Target| {
            let prefix = if several { format!("{}.", target.name) } else { String::new() };
            named(&prefix, target.rows_at_any_hour(), &target.metrics)
        };
        let host = named("", config.host.thresholds.iter(), &config.host.metrics);
        let mut rows: Vec<(String, Metric)> = targets().flat_map(of_target).chain(host).collect();
        let mut seen = HashSet::new();
        rows.retain(|(name, _)| seen.insert(name.clone()));
        let ends: Vec<&Metric> = targets().flat_map(|target| target.forecasts.limits(&target.metrics)).collect();
        let judged = |column: &Column| {
            let metric = column.metric.as_ref();
            rows.iter().any(|(_, own)| metric == Some(own)) || metric.is_some_and(|metric| ends.contains(&metric))
        };
        let unknown: Vec<String> =
            rows.iter().filter(|(_, metric)| !is_there(metric)).map(|(name, _)| name.clone()).collect();
        let filled = |(column, filled): (&'_ Column, &bool)| *filled || column.metric.is_none();
        let there = columns.iter().zip(&survey.filled).filter(|both| filled(*both)).map(|(column, _)| column);
        let ignored: Vec<&Column> = there.filter(|column| !judged(column)).collect();
        let meant = ignored.iter().filter(|column| column.metric.is_none()).filter_map(|column| {
            let near = nearest(&column.name, unknown.iter().map(String::as_str))?;
            Some((column.name.clone(), near.to_owned()))
        });
        Self {
            targets: targets().map(|target| target.name.to_string()).collect(),
            dry_run: config.daemon.dry_run,
            config: config.files.first().map(|file| super::shown(file)).unwrap_or_default(),
            blind: unknown.len() == rows.len(),
            meant: meant.collect(),
            notes: unheard(targets(), survey).into_iter().collect(),
            ignored: ignored.into_iter().map(|column| column.name.clone()).collect(),
            unknown,
        }
    }
}

/// Rows that are left out, for nobody is judged by what all come to.
fn unheard<'a>(mut targets: impl Iterator<Item = &'a Target>, survey: &Survey) -> Option<String> {
    let none = survey.together && targets.all(|target| target.per == Per::Process);
    let what = "rows of the process `all` are left out, for each process is judged by itself: call it otherwise, or \
                set per = \"group\"";
    none.then(|| what.to_owned())
}

/// Each threshold with its name and the metric that it needs.
fn named<'a>(
    prefix: &str,
    thresholds: impl Iterator<Item = &'a Threshold>,
    metrics: &[Metric],
) -> Vec<(String, Metric)> {
    let metric = |row: &Threshold| metrics.get(row.metric).cloned();
    thresholds.filter_map(metric).map(|metric| (format!("{prefix}{metric}"), metric)).collect()
}
