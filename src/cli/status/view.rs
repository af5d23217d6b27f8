//! The status for people.

mod measures;
mod story;

use std::io;
use std::time::Duration;

use super::host::Host;
use crate::cli::columns::{self, text};
use crate::cli::output::{Output, Table, WARNING};
use crate::export::status::{Judged, Status};
use crate::model::Level;
use crate::record::show_duration;

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
    measures::in_force(status, output)?;
    output.line("")?;
    table(status, output)?;
    story::of_host(status, output)?;
    status.targets.iter().try_for_each(|target| story::of_target(status, target, output))
}

fn banners(status: &Status, output: &mut Output) -> io::Result<()> {
    if status.dry_run {
        output.styled(WARNING, "DRY RUN: measures are told of, not taken")?;
    }
    for reason in &status.not_ready {
        output.styled(WARNING, format!("NOT READY: {}", text(reason)))?;
    }
    if !status.configuration.last_reload_successful {
        output.styled(
            WARNING,
            "the last reload failed, and the configuration before it goes on: tradedog check, then tradedog reload",
        )?;
    }
    if status.configuration.files_set_aside > 0 {
        let count = status.configuration.files_set_aside;
        output.styled(WARNING, format!("{count} configuration files were set aside: tradedog check says why"))?;
    }
    if status.processes_left_out > 0 {
        let count = status.processes_left_out;
        output.line(format!("{count} processes are left out of /metrics: [web] max_series is too small"))?;
    }
    for target in status.targets.iter().filter(|target| target.successor_missing) {
        let name = text(&target.name);
        output.styled(WARNING, format!("{name}: killed, and nobody has come after it: does anything restart it?"))?;
    }
    Ok(())
}

fn table(status: &Status, output: &mut Output) -> io::Result<()> {
    let heads = ["target", ">process", ">pid", "level", ">since"].into_iter();
    let mut table = Table::new(&heads.chain(columns::heads()).collect::<Vec<_>>());
    for target in &status.targets {
        let name = text(&target.name);
        if target.members.is_empty() {
            table.row(Level::Normal, vec![name.clone(), "-".into(), "-".into(), "no process".into()]);
        }
        let group = target.group.iter().map(|group| ("all".to_owned(), "-".to_owned(), group));
        let members =
            target.members.iter().map(|member| (member.process.to_string(), member.pid.to_string(), &member.judged));
        for (process, pid, judged) in group.chain(members) {
            let mut cells = vec![name.clone(), process, pid, text(&judged.level), since(status, judged)];
            cells.extend(columns::cells(&judged.readings));
            table.row(level(&judged.level), cells);
        }
    }
    output.table(&table)
}

/// Since when the highest ladder has its level.
fn since(status: &Status, judged: &Judged) -> String {
    let highest = judged.ladders.iter().filter(|ladder| ladder.level == judged.level);
    let earliest = highest.map(|ladder| ladder.since).reduce(f64::min);
    earliest.map_or_else(|| "-".into(), |since| span(status.time - since))
}

fn level(name: &str) -> Level {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == name).unwrap_or(Level::Normal)
}

/// A span of time in seconds; what cannot be one is none.
fn span(seconds: f64) -> String {
    show_duration(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default())
}
