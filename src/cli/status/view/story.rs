//! Why, done, next: of a process, a group or the host, when something is going on there.

use std::collections::BTreeMap;
use std::io;

use super::{level, span};
use crate::cli::columns::{cell, text, unit};
use crate::cli::output::{Output, level_style};
use crate::config::units;
use crate::export::status::{EndedOrder, Judged, Reading, Rung, Status, Target, Threshold};
use crate::model::Level;

/// How many ended orders of a process are shown.
const RECENT: usize = 3;

/// The ladder whose rungs are told of with the host.
const HOST: &str = "host";

/// Whose story it is.
struct Hero<'a> {
    status: &'a Status,
    name: String,
    level: &'a str,
    readings: &'a BTreeMap<String, Reading>,
    thresholds: &'a [Threshold],
    /// Each with the name of its action.
    rungs: Vec<(String, &'a Rung)>,
}

/// Of all its processes together first, then of each, then of those that are gone.
pub(super) fn of_target(status: &Status, target: &Target, output: &mut Output) -> io::Result<()> {
    let name = text(&target.name);
    if let Some(group) = &target.group {
        Hero::of(status, format!("{name}[all]"), group).tell(&[], output)?;
    }
    for member in &target.members {
        let own = |order: &&EndedOrder| {
            (&order.target, order.process, order.pid) == (&target.name, member.process, member.pid)
        };
        let done: Vec<_> = status.recent_orders.iter().filter(own).take(RECENT).collect();
        Hero::of(status, format!("{name}[{}]", member.process), &member.judged).tell(&done, output)?;
    }
    before(status, target, output)
}

/// The host, with what its ladder does to the targets.
pub(super) fn of_host(status: &Status, output: &mut Output) -> io::Result<()> {
    let host = &status.host;
    let rungs = host.rungs.iter().map(|of| {
        let process = of.process.map_or_else(String::new, |slot| format!("[{slot}]"));
        (format!("{}{process}.{}", text(&of.target), text(&of.rung.action)), &of.rung)
    });
    let (name, level) = (HOST.to_owned(), host.level.as_deref().unwrap_or_default());
    let (readings, thresholds) = (&host.readings, &*host.thresholds);
    Hero { status, name, level, readings, thresholds, rungs: rungs.collect() }.tell(&[], output)
}

impl<'a> Hero<'a> {
    fn of(status: &'a Status, name: String, judged: &'a Judged) -> Self {
        let rungs = judged.rungs.iter().filter(|rung| rung.ladder != HOST).map(|rung| (text(&rung.action), rung));
        let Judged { level, readings, thresholds, .. } = judged;
        Self { status, name, level, readings, thresholds, rungs: rungs.collect() }
    }

    fn tell(&self, done: &[&EndedOrder], output: &mut Output) -> io::Result<()> {
        let raised = || self.thresholds.iter().filter(|row| level(&row.level) > Level::Normal);
        let blind = || self.thresholds.iter().filter(|row| row.unknown.is_some());
        if raised().chain(blind()).next().is_none() && self.rungs.is_empty() {
            return Ok(());
        }
        output.line("")?;
        output.styled(level_style(level(self.level)), format!("{} {}", self.name, text(self.level)))?;
        raised().try_for_each(|row| output.line(format!("  why   {}", self.why(row))))?;
        for row in blind() {
            let why = row.unknown.as_deref().unwrap_or_default();
            output.line(format!("  blind {}: {}", text(&row.metric), text(why)))?;
        }
        done.iter().try_for_each(|order| output.line(format!("  done  {}", outcome(self.status, order))))?;
        let rungs = self.rungs.iter().filter(|(_, rung)| rung.standing != "done");
        rungs.into_iter().try_for_each(|(action, rung)| output.line(self.rung(action, rung)))
    }

    fn why(&self, row: &Threshold) -> String {
        let bound = row.bounds.get(&row.level).map(|bound| units::show(*bound, unit(&row.metric)));
        format!(
            "{} {}, {} (from {}) for {}",
            text(&row.metric),
            cell(&row.metric, self.readings.get(&row.metric)),
            text(&row.level),
            bound.unwrap_or_else(|| "?".into()),
            span(self.status.time - row.since),
        )
    }

    fn rung(&self, action: &str, rung: &Rung) -> String {
        let now = self.status.time;
        if rung.standing == "in_force" {
            let since = rung.time.map_or_else(String::new, |since| format!(" for {}", span(now - since)));
            return format!("  now   {action} ({}): in force{since}", place(rung));
        }
        let (reason, time) = (text(&rung.reason), rung.time.map(|at| span(at - now)));
        let standing = match (rung.standing.as_str(), time) {
            ("held", Some(time)) => format!("held by {reason}, opens in {time}"),
            ("held", None) => format!("held by {reason}"),
            ("retrying", Some(time)) => format!("failed ({reason}), tried again in {time}"),
            ("waiting", _) => "waits until another order is through".into(),
            (standing, _) if reason == "none" => text(standing).replace('_', " "),
            (standing, _) => format!("{}: {reason}", text(standing).replace('_', " ")),
        };
        format!("  next  {action} ({}): {standing}", place(rung))
    }
}

/// What it is due for: `critical`, `elevated of ladder memory`, `scheduled`.
fn place(rung: &Rung) -> String {
    match rung.ladder.as_str() {
        "schedule" => "scheduled".to_owned(),
        "default" | HOST => text(&rung.level),
        ladder => format!("{} of ladder {}", text(&rung.level), text(ladder)),
    }
}

/// What was done to processes of the target that are there no more.
fn before(status: &Status, target: &Target, output: &mut Output) -> io::Result<()> {
    let lives = |order: &EndedOrder| target.members.iter().any(|m| (m.process, m.pid) == (order.process, order.pid));
    let past = status.recent_orders.iter().filter(|order| order.target == target.name && !lives(order));
    let past: Vec<&EndedOrder> = past.take(RECENT).collect();
    if !past.is_empty() {
        output.line(format!("\n{}, processes that are gone", text(&target.name)))?;
    }
    past.into_iter().try_for_each(|order| output.line(format!("  done  pid {}: {}", order.pid, outcome(status, order))))
}

/// `reset_pool: delivered 4s ago`, `undo of pause: failed (timeout) 2s ago`
fn outcome(status: &Status, order: &EndedOrder) -> String {
    let undo = if order.undo { "undo of " } else { "" };
    let reason = if order.reason == "none" { String::new() } else { format!(" ({})", text(&order.reason)) };
    let ago = span(status.time - order.time);
    format!("{undo}{}: {}{reason} {ago} ago", text(&order.action), text(&order.outcome))
}
