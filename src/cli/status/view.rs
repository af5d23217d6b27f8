//! The status for people.

use std::io;
use std::time::Duration;

use super::host::Host;
use crate::cli::columns::{self, cell, text, unit};
use crate::cli::output::{Output, Table, WARNING, level_style};
use crate::config::units;
use crate::export::status::{EndedOrder, Member, Status, Target, Threshold};
use crate::model::Level;
use crate::record::show_duration;

/// How many ended orders of a process are shown.
const RECENT: usize = 3;

/// Seconds after which a pass is overdue for certain, whatever the interval and the host's load.
const STALE: f64 = 30.0;

/// Prints what the daemon knew, seen from `now`, in seconds since 1970.
pub(super) fn print(status: &Status, (now, host): (f64, Option<&Host>), output: &mut Output) -> io::Result<()> {
    let last = status.pass.last_sample.map(|last| format!("last sample {} ago", span(now - last)));
    output.line(format!("tradedog {}, {}", text(&status.version), last.unwrap_or_else(|| "no sample yet".into())))?;
    for line in host.iter().flat_map(|host| host.lines()) {
        output.line(line)?;
    }
    if now - status.time > STALE {
        output.styled(WARNING, "STALE: the daemon answers but has made no pass since, so nothing is watched")?;
    }
    banners(status, output)?;
    output.line("")?;
    table(status, output)?;
    for target in &status.targets {
        for member in &target.members {
            story(status, target, member, output)?;
        }
        before(status, target, output)?;
    }
    Ok(())
}

fn banners(status: &Status, output: &mut Output) -> io::Result<()> {
    if status.dry_run {
        output.styled(WARNING, "DRY RUN: measures are told of, not taken")?;
    }
    for reason in &status.not_ready {
        output.styled(WARNING, format!("NOT READY: {}", text(reason)))?;
    }
    if !status.configuration.last_reload_successful {
        output.styled(WARNING, "the configuration on disk is not the one in force: it has errors (tradedog check)")?;
    }
    if status.configuration.files_set_aside > 0 {
        let count = status.configuration.files_set_aside;
        output.styled(WARNING, format!("{count} configuration files were set aside: tradedog check says why"))?;
    }
    if status.processes_left_out > 0 {
        let count = status.processes_left_out;
        output.line(format!("{count} processes are left out of /metrics: [web] max_series is too small"))?;
    }
    Ok(())
}

fn table(status: &Status, output: &mut Output) -> io::Result<()> {
    let heads = ["target", ">process", ">pid", "level", ">since"].into_iter();
    let mut table = Table::new(&heads.chain(columns::heads()).collect::<Vec<_>>());
    for target in &status.targets {
        if target.members.is_empty() {
            table.row(Level::Normal, vec![text(&target.name), "-".into(), "-".into(), "no process".into()]);
        }
        for member in &target.members {
            let mut cells = vec![text(&target.name), member.process.to_string(), member.pid.to_string()];
            cells.push(text(&member.level));
            cells.push(since(status, member));
            cells.extend(columns::cells(&member.readings));
            table.row(level(&member.level), cells);
        }
    }
    output.table(&table)
}

/// Since when the highest ladder has its level.
fn since(status: &Status, member: &Member) -> String {
    let highest = member.ladders.iter().filter(|ladder| ladder.level == member.level);
    let earliest = highest.map(|ladder| ladder.since).reduce(f64::min);
    earliest.map_or_else(|| "-".into(), |since| span(status.time - since))
}

/// Why, done, next: for a process at which something is going on.
fn story(status: &Status, target: &Target, member: &Member, output: &mut Output) -> io::Result<()> {
    let raised: Vec<&Threshold> = member.thresholds.iter().filter(|row| level(&row.level) > Level::Normal).collect();
    let blind: Vec<&Threshold> = member.thresholds.iter().filter(|row| row.unknown.is_some()).collect();
    if raised.is_empty() && blind.is_empty() && member.rungs.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let style = level_style(level(&member.level));
    output.styled(style, format!("{}[{}] {}", text(&target.name), member.process, text(&member.level)))?;
    for row in raised {
        output.line(format!("  why   {}", why(status, member, row)))?;
    }
    for row in blind {
        let why = row.unknown.as_deref().unwrap_or_default();
        output.line(format!("  blind {}: {}", text(&row.metric), text(why)))?;
    }
    done(status, target, member, output)?;
    next(status, member, output)
}

fn why(status: &Status, member: &Member, row: &Threshold) -> String {
    let bound = row.bounds.get(&row.level).map(|bound| units::show(*bound, unit(&row.metric)));
    format!(
        "{} {}, {} (from {}) for {}",
        text(&row.metric),
        cell(&row.metric, member.readings.get(&row.metric)),
        text(&row.level),
        bound.unwrap_or_else(|| "?".into()),
        span(status.time - row.since),
    )
}

fn done(status: &Status, target: &Target, member: &Member, output: &mut Output) -> io::Result<()> {
    let own = status
        .recent_orders
        .iter()
        .filter(|order| (&order.target, order.process, order.pid) == (&target.name, member.process, member.pid));
    own.take(RECENT).try_for_each(|order| output.line(format!("  done  {}", outcome(status, order))))
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

/// `reset_pool: delivered 4s ago`
fn outcome(status: &Status, order: &EndedOrder) -> String {
    let reason = if order.reason == "none" { String::new() } else { format!(" ({})", text(&order.reason)) };
    format!("{}: {}{reason} {} ago", text(&order.action), text(&order.outcome), span(status.time - order.time))
}

fn next(status: &Status, member: &Member, output: &mut Output) -> io::Result<()> {
    for rung in member.rungs.iter().filter(|rung| rung.standing != "done") {
        let (reason, time) = (text(&rung.reason), rung.time.map(|at| span(at - status.time)));
        let standing = match (rung.standing.as_str(), time) {
            ("held", Some(time)) => format!("held by {reason}, opens in {time}"),
            ("held", None) => format!("held by {reason}"),
            ("retrying", Some(time)) => format!("failed ({reason}), tried again in {time}"),
            ("waiting", _) => "waits for the order in flight".into(),
            (standing, _) if reason == "none" => text(standing).replace('_', " "),
            (standing, _) => format!("{}: {reason}", text(standing).replace('_', " ")),
        };
        output.line(format!("  next  {} ({}): {standing}", text(&rung.action), text(&rung.level)))?;
    }
    Ok(())
}

fn level(name: &str) -> Level {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == name).unwrap_or(Level::Normal)
}

/// A span of time in seconds; what cannot be one is none.
fn span(seconds: f64) -> String {
    show_duration(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
}
