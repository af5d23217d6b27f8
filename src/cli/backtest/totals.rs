//! What a replay came to, as a document for programs and as tables for people.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use serde::Serialize;

use super::super::Output;
use super::super::output::Table;
use super::side::Side;
use super::{LEVELS, Stage};
use crate::config::units;
use crate::model::{Level, Unit};
use crate::record::show_duration;
use crate::replay::{Counts, FLAP, Ladder, LadderKey, OrderKey, Survey, Tally};

/// `summary` of the JSON. Times are RFC 3339, spans in seconds.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    first: String,
    last: String,
    seconds: f64,
    rows: u64,
    period_seconds: Option<f64>,
    config: String,
    targets: Vec<String>,
    orders: Vec<Orders>,
    kills: u64,
    flaps: u64,
    seconds_at_level: Vec<Spent>,
    gaps: Gaps,
    /// How far off `time_left` was; absent where no end was reached that had been foretold.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast_error: Option<ForecastError>,
    /// Thresholds without a column: unknown throughout.
    unknown: Vec<String>,
    /// Columns without a threshold.
    ignored: Vec<String>,
    /// What else somebody should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Orders {
    target: String,
    level: &'static str,
    action: String,
    undo: bool,
    ordered: u64,
    /// How often it was held, vetoed or lapsed, by the reason.
    kept: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Spent {
    target: Option<String>,
    process: Option<String>,
    ladder: String,
    seconds: BTreeMap<&'static str, f64>,
}

/// Means over the ends that were reached, as shares of the time that was left.
#[derive(Debug, Serialize)]
struct ForecastError {
    ends: u64,
    half_way: f64,
    at_80_percent: f64,
}

#[derive(Debug, Serialize)]
struct Gaps {
    count: u64,
    seconds: f64,
    longest_seconds: f64,
}

impl Summary {
    pub(super) fn of(Side { tally, about, .. }: &Side, survey: &Survey) -> Self {
        let orders = tally.orders.iter().map(|(key, counts)| Orders {
            target: key.target.to_string(),
            level: key.level.name(),
            action: key.action.to_string(),
            undo: key.undo,
            ordered: counts.ordered,
            kept: kept(counts).into_iter().collect(),
        });
        Self {
            first: survey.first.to_string(),
            last: survey.last.to_string(),
            seconds: length(survey).as_secs_f64(),
            rows: survey.rows,
            period_seconds: survey.period.map(|period| period.as_secs_f64()),
            config: about.config.clone(),
            targets: about.targets.clone(),
            orders: orders.collect(),
            kills: tally.kills,
            flaps: tally.flaps,
            seconds_at_level: tally.ladders.iter().map(|(key, ladder)| Spent::of(key, ladder)).collect(),
            gaps: Gaps {
                count: tally.gaps.count,
                seconds: tally.gaps.total.as_secs_f64(),
                longest_seconds: tally.gaps.longest.as_secs_f64(),
            },
            forecast_error: tally.foresight.errors().map(|(half_way, at_80_percent)| ForecastError {
                ends: tally.foresight.reached,
                half_way,
                at_80_percent,
            }),
            unknown: about.unknown.clone(),
            ignored: about.ignored.clone(),
            notes: about.notes.clone(),
        }
    }
}

impl Spent {
    fn of((target, process, name): &LadderKey, ladder: &Ladder) -> Self {
        let seconds = LEVELS.iter().zip(ladder.spent).map(|(level, spent)| (level.name(), spent.as_secs_f64()));
        Self {
            target: target.as_deref().map(str::to_owned),
            process: process.as_deref().map(str::to_owned),
            ladder: name.to_string(),
            seconds: seconds.collect(),
        }
    }
}

/// How long the series is.
pub(super) fn length(survey: &Survey) -> Duration {
    let nanos = survey.last.as_nanosecond() - survey.first.as_nanosecond();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

fn kept(counts: &Counts) -> Vec<(String, u64)> {
    counts.kept.iter().map(|((kind, reason), count)| (format!("{}({reason})", kind.name()), *count)).collect()
}

/// The tables at the end of the text.
pub(super) fn print(Stage { new, old, .. }: &Stage, output: &mut Output) -> io::Result<()> {
    let (new, old) = (&new.tally, old.as_ref().map(|old| &old.tally));
    output.line("")?;
    if new.orders.is_empty() && old.is_none_or(|old| old.orders.is_empty()) {
        output.line("Nothing would have been ordered.")?;
    } else {
        output.table(&orders(new, old))?;
    }
    output.line("")?;
    output.table(&spent(new, old))?;
    output.line("")?;
    let within = show_duration(FLAP);
    let beside = |count: fn(&Tally) -> u64| match old {
        Some(old) => format!("{} (before: {})", count(new), count(old)),
        None => count(new).to_string(),
    };
    let (kills, flaps) = (beside(|tally| tally.kills), beside(|tally| tally.flaps));
    if let Some((half, late)) = new.foresight.errors() {
        let (half, late) = (units::show(half, Unit::Ratio), units::show(late, Unit::Ratio));
        output.line(format!("Forecasts were off by {half} of the time left at half way, by {late} at 80 % of it."))?;
    }
    output.line(format!("Kills: {kills}. Flaps (a level entered again within {within} of being left): {flaps}."))
}

fn orders(new: &Tally, old: Option<&Tally>) -> Table {
    let heads: &[&str] = match old {
        None => &["target", "level", "action", ">ordered", "held back"],
        Some(_) => &["target", "level", "action", ">ordered", ">before", "held back"],
    };
    let mut table = Table::new(heads);
    let keys: BTreeSet<&OrderKey> = new.orders.keys().chain(old.iter().flat_map(|old| old.orders.keys())).collect();
    let none = Counts::default();
    for key @ OrderKey { target, level, action, undo } in keys {
        let counts = new.orders.get(key).unwrap_or(&none);
        let held: Vec<String> = kept(counts).into_iter().map(|(why, count)| format!("{count} {why}")).collect();
        let action = if *undo { format!("undo of {action}") } else { action.to_string() };
        let before = old.map(|old| old.orders.get(key).map_or(0, |counts| counts.ordered).to_string());
        let cells = [target.to_string(), level.to_string(), action, counts.ordered.to_string()];
        table.row(*level, cells.into_iter().chain(before).chain([held.join(", ")]).collect());
    }
    table
}

fn spent(new: &Tally, old: Option<&Tally>) -> Table {
    let heads = ["time at level".to_owned()].into_iter().chain(LEVELS.iter().map(|level| format!(">{level}")));
    let heads: Vec<String> = heads.collect();
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    let keys: BTreeSet<&LadderKey> = new.ladders.keys().chain(old.iter().flat_map(|old| old.ladders.keys())).collect();
    for key @ (target, process, name) in keys {
        let whose = match (target, process) {
            (Some(target), Some(process)) => format!("{target}[{process}] {name}"),
            _ => name.to_string(),
        };
        let both = [(whose, new.ladders.get(key)), ("  before".to_owned(), old.and_then(|old| old.ladders.get(key)))];
        for (name, ladder) in both {
            if let Some(ladder) = ladder {
                table.row(Level::Normal, [name].into_iter().chain(ladder.spent.iter().map(cell)).collect());
            }
        }
    }
    table
}

fn cell(spent: &Duration) -> String {
    if spent.is_zero() { "-".to_owned() } else { show_duration(*spent) }
}
