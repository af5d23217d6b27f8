//! How a process stands, or all of a target together: its ladders, readings and rungs.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::bar;
use super::words::{badge, help, known, level, span, text, time};
use crate::export::status::{Forecast, Judged, Reading, Rung};
use crate::model::Level;

/// The ladder that is there without a name.
const DEFAULT: &str = "default";

/// All of it.
pub(super) fn judged(judged: &Judged, now: f64) -> Markup {
    let bounded = |metric: &str| judged.thresholds.iter().any(|row| row.metric == metric);
    html! {
        @if judged.ladders.iter().any(|ladder| ladder.name != DEFAULT) {
            ul.ladders {
                @for ladder in &judged.ladders {
                    li { "ladder " (text(&ladder.name)) " " (badge(&ladder.level)) " for " (span(now - ladder.since)) }
                }
            }
        }
        @let seen = with_forecasts(judged);
        @for row in bar::worst_first(&judged.thresholds) { (bar::threshold(row, &seen, now)) }
        (others(&judged.readings, bounded))
        (rungs(judged.rungs.iter().map(|rung| (text(&rung.action), rung)), now))
    }
}

/// What was read, and what is foretold, by the names that thresholds have for it.
pub(super) fn foretold(
    readings: &BTreeMap<String, Reading>,
    forecasts: &BTreeMap<String, Forecast>,
) -> BTreeMap<String, Reading> {
    let mut all = readings.clone();
    for (metric, forecast) in forecasts {
        let nothing = Reading { unknown: forecast.unknown.clone(), at: forecast.at, ..Reading::default() };
        let left = forecast.time_left.clone().unwrap_or_else(|| nothing.clone());
        all.insert(format!("{metric}.time_left"), left);
        all.insert(format!("{metric}.growth"), Reading { value: forecast.growth_per_minute, ..nothing });
    }
    all
}

fn with_forecasts(judged: &Judged) -> BTreeMap<String, Reading> {
    foretold(&judged.readings, &judged.forecasts)
}

/// Readings without a threshold.
pub(super) fn others(readings: &BTreeMap<String, Reading>, bounded: impl Fn(&str) -> bool) -> Markup {
    let others: Vec<_> = readings.iter().filter(|(metric, _)| !bounded(metric)).collect();
    html! {
        @if !others.is_empty() {
            dl.readings {
                @for (metric, reading) in others {
                    div { dt title=(help(metric)) { (text(metric)) } " " dd { (known(metric, reading)) } }
                }
            }
        }
    }
}

/// Rungs that are not idle, each with the name of its action.
pub(super) fn rungs<'a>(rungs: impl Iterator<Item = (String, &'a Rung)>, now: f64) -> Markup {
    let rungs: Vec<_> = rungs.collect();
    html! {
        @if !rungs.is_empty() {
            div.wide tabindex="0" role="group" aria-label="Rungs" {
                table {
                    caption { "Rungs that are not idle" }
                    thead { tr { th scope="col" { "action" } th scope="col" { "for" } th scope="col" { "standing" } } }
                    tbody {
                        @for (action, rung) in rungs {
                            tr { th scope="row" { (action) } td { (place(rung)) } td { (standing(rung, now)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What it is due for: `critical`, `elevated of ladder memory`, `scheduled`.
fn place(rung: &Rung) -> Markup {
    html! {
        @match rung.ladder.as_str() {
            "schedule" => "scheduled",
            DEFAULT => (badge(&rung.level)),
            "host" => { (badge(&rung.level)) " of the host" },
            ladder => { (badge(&rung.level)) " of ladder " (text(ladder)) },
        }
    }
}

fn standing(rung: &Rung, now: f64) -> Markup {
    let standing = text(&rung.standing).replace('_', " ");
    html! {
        (standing)
        @if rung.reason != "none" { ": " (text(&rung.reason)) }
        @if let Some(at) = rung.time {
            @if at > now { ", until " (time(at, now)) " (in " (span(at - now)) ")" }
            @else { ", since " (time(at, now)) " (" (span(now - at)) ")" }
        }
    }
}

/// Whether nothing is going on there: no level, nothing due, no threshold that is blind.
pub(super) fn is_calm(judged: &Judged) -> bool {
    let quiet = judged.thresholds.iter().all(|row| row.unknown.is_none() && level(&row.level) == Level::Normal);
    level(&judged.level) == Level::Normal && judged.rungs.is_empty() && quiet
}
