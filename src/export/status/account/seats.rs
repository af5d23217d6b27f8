//! What is judged: each process by itself, all of a target together, or the host.

use std::time::Duration;

use super::{Scene, words};
use crate::config::{Bound, Threshold};
use crate::export::{Lists, Snapshot};
use crate::model::{ForecastView, LadderView, Level, MemberKey, Metric, Moment, Reading, ThresholdView};

/// A subject of judging, as it stands.
pub(super) struct Seat<'a> {
    /// When it was looked at.
    pub(super) now: Moment,
    /// Its key; none of the host.
    pub(super) key: Option<MemberKey>,
    /// `process 0, pid 4711`, `2 processes together`; empty of the host.
    pub(super) name: String,
    /// As configured.
    pub(super) ladders: Vec<(&'a str, LadderView)>,
    /// As configured.
    pub(super) rows: Vec<Row<'a>>,
}

/// A threshold as it stands.
#[derive(Clone, Copy)]
pub(in crate::export::status) struct Row<'a> {
    pub(in crate::export::status) metric: &'a Metric,
    pub(in crate::export::status) threshold: &'a Threshold,
    pub(in crate::export::status) view: ThresholdView,
    /// The last reading; none before the first.
    pub(in crate::export::status) reading: Option<Reading>,
    /// What is foretold of its metric.
    pub(in crate::export::status) forecast: Option<ForecastView>,
    /// The ladder that it feeds.
    pub(super) ladder: &'a str,
}

impl<'a> Seat<'a> {
    /// The highest level among its ladders.
    pub(super) fn level(&self) -> Level {
        self.ladders.iter().map(|(_, view)| view.level).max().unwrap_or_default()
    }

    /// Since when all of its ladders are where they are.
    pub(super) fn since(&self) -> Option<Moment> {
        self.ladders.iter().map(|(_, view)| view.since).max()
    }

    /// Thresholds that hold a level, worst first, and of the same level the one that is there for longest.
    pub(super) fn raised(&self) -> Vec<Row<'a>> {
        let mut raised: Vec<Row<'a>> = self.rows.iter().copied().filter(|row| row.view.level > Level::Normal).collect();
        raised.sort_by_key(|row| (std::cmp::Reverse(row.view.level), row.view.since));
        raised
    }
}

impl Row<'_> {
    /// The bound of the level that it holds.
    pub(super) fn held(&self) -> Option<&Bound> {
        self.threshold.bounds.get(self.view.level)?.as_ref()
    }

    /// The first bound above the level that it holds.
    pub(super) fn ahead(&self) -> impl Iterator<Item = (Level, &Bound)> {
        let above = self.threshold.bounds.iter().filter(|(level, _)| *level > self.view.level);
        above.filter_map(|(level, bound)| Some((level, bound.as_ref()?)))
    }

    /// The value, exact or a lower bound.
    pub(in crate::export::status) fn value(&self) -> Option<f64> {
        self.reading?.value.number()
    }
}

/// All of a target together where they are judged so, else each of its processes.
pub(super) fn of_target<'a>(scene: &Scene<'a>) -> Vec<Seat<'a>> {
    if let Some(group) = scene.snapshot.group(scene.index) {
        let name = format!("{} together", words::processes(scene.count()));
        return vec![seat(scene, (MemberKey::all_of(scene.index), name), &group.lists)];
    }
    let members = scene.snapshot.members().iter().filter(|member| member.key.target == scene.index);
    members.map(|member| seat(scene, (member.key, scene.who(member.key)), &member.lists)).collect()
}

fn seat<'a>(scene: &Scene<'a>, (key, name): (MemberKey, String), lists: &Lists) -> Seat<'a> {
    let (snapshot, target) = (scene.snapshot, scene.target);
    let readings = snapshot.readings(lists);
    let ladder = |index: usize| target.ladders.get(index).map_or("", |ladder| &*ladder.name);
    let forecasts = snapshot.forecasts(lists);
    let rows = target.thresholds.iter().zip(snapshot.thresholds(lists)).map(|(threshold, view)| {
        let metric = &threshold.name;
        let forecast = target.forecasts.position(threshold.metric).and_then(|at| forecasts.get(at)).copied();
        let reading = said(threshold, forecast, readings);
        Row { metric, threshold, view: *view, reading, forecast, ladder: ladder(threshold.ladder) }
    });
    let ladders = target.ladders.iter().zip(snapshot.ladders(lists)).map(|(ladder, view)| (&*ladder.name, *view));
    Seat { now: snapshot.taken, key: Some(key), name, ladders: ladders.collect(), rows: rows.collect() }
}

/// What the threshold is about: what was read, or what is foretold.
fn said(threshold: &Threshold, forecast: Option<ForecastView>, readings: &[Reading]) -> Option<Reading> {
    match threshold.name.derived {
        Some(derived) => Some(forecast?.reading(derived, Duration::ZERO)),
        None => readings.get(threshold.metric).copied(),
    }
}

/// The host, which has one ladder.
pub(super) fn of_host(snapshot: &Snapshot) -> Seat<'_> {
    let host = &snapshot.config.host;
    let rows = host.thresholds.iter().zip(&snapshot.host_thresholds).map(|(threshold, view)| {
        let at = host.forecasts.position(threshold.metric);
        let forecast = at.and_then(|at| snapshot.host_forecasts.get(at)).copied();
        let reading = said(threshold, forecast, &snapshot.host);
        Row { metric: &threshold.name, threshold, view: *view, reading, forecast, ladder: "host" }
    });
    let rows: Vec<Row<'_>> = rows.collect();
    let ladders = if rows.is_empty() { Vec::new() } else { vec![("host", snapshot.host_ladder)] };
    Seat { now: snapshot.taken, key: None, name: String::new(), ladders, rows }
}
