//! The status for people.

mod account;
mod measures;

use std::io;
use std::time::Duration;

use super::host::Host;
use crate::cli::columns::{self, text};
use crate::cli::output::{Output, Table, WARNING};
use crate::export::status::{Judged, Status};
use crate::model::{Base, Level};
use crate::record::show_duration;
use account::Told;

/// Seconds after which a pass is overdue for certain, whatever the interval and the host's load.
const STALE: f64 = 30.0;

/// Whom the answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// All targets and the host.
    All,
    /// One target.
    Target,
}

/// Prints what the daemon knew, seen from `now`, in seconds since 1970.
pub(super) fn print(
    (status, whom): (&Status, Whom),
    (now, host): (f64, Option<&Host>),
    output: &mut Output,
) -> io::Result<()> {
    let last = status.pass.last_sample.map(|last| format!("last sample {} ago", span(now - last)));
    output.line(format!("tradedog {}, {}", text(&status.version), last.unwrap_or_else(|| "no sample yet".into())))?;
    for line in host.iter().filter(|_| whom == Whom::All).flat_map(|host| host.lines()) {
        output.line(line)?;
    }
    if now - status.time > STALE {
        let text = "STALE: the daemon answers but has made no pass since, so nothing is watched";
        output.styled_wrapped(WARNING, text)?;
    }
    for banner in &status.banners {
        output.styled_wrapped(WARNING, &format!("{}: {}", text(&banner.title), text(&banner.text)))?;
    }
    if whom == Whom::All {
        measures::in_force(status, output)?;
    }
    accounts((status, whom), output)?;
    output.line("")?;
    table(status, output)
}

/// Worst first; the host after targets that are as bad.
fn accounts((status, whom): (&Status, Whom), output: &mut Output) -> io::Result<()> {
    let mut told: Vec<Told<'_>> = status.targets.iter().map(Told::target).collect();
    told.extend(Told::host(&status.host).filter(|_| whom == Whom::All));
    told.sort_by_key(Told::rank);
    let whole = whom == Whom::Target || status.targets.len() == 1;
    told.iter().try_for_each(|one| one.print(whole, output))
}

/// Readings that a narrow terminal does without, the first to go first.
const DISPENSABLE: [Base; 6] =
    [Base::Threads, Base::Established, Base::MaxFds, Base::CgroupWorkingSet, Base::Swap, Base::CloseWait];

fn table(status: &Status, output: &mut Output) -> io::Result<()> {
    output.fitting((0..=DISPENSABLE.len()).map(|count| table_without(status, &DISPENSABLE[..count])))
}

fn table_without(status: &Status, without: &[Base]) -> Table {
    let shown = status.targets.iter().flat_map(|target| target.members.iter().map(|member| &member.judged.readings));
    let without: Vec<Base> = without.iter().copied().chain(columns::idle(shown)).collect();
    let heads = ["target", ">process", ">pid", "level", ">since"].into_iter();
    let mut table = Table::new(&heads.chain(columns::heads(&without)).collect::<Vec<_>>());
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
            cells.extend(columns::cells(&judged.readings, &without));
            table.row(level(&judged.level), cells);
        }
    }
    table
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
