//! What will hardly work as it is meant to, although the configuration is right: one sentence each,
//! with what to write and where.
//!
//! What belongs here: opinions about a target on this host. What does not: what can be told from the
//! file alone (`config::check`), and facts about single processes (`members`).

mod measures;
mod unit;

use std::collections::BTreeSet;
use std::io;

use super::Report;
use crate::cli::unit::{ToldBy, Unit, UnitError, Units};
use crate::config::Target;
use crate::discover::{Member, unit_of};
use crate::model::{MemberSample, Signal, printable};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    /// Good to know; nothing is wrong.
    Note,
    /// It will not do what it is meant to.
    Warning,
}

/// One opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lint {
    severity: Severity,
    text: String,
}

impl Lint {
    fn note(text: String) -> Self {
        Self { severity: Severity::Note, text }
    }

    fn warning(text: String) -> Self {
        Self { severity: Severity::Warning, text }
    }
}

/// Most units of one target that are asked about; more are of one make.
const MOST_UNITS: usize = 8;

/// Tells what there is to say of a target; `place` is where it is written.
pub(super) fn tell(
    (target, place): (&Target, &str),
    both: &[(&Member, &MemberSample)],
    units: &Units,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let members: Vec<&Member> = both.iter().map(|(member, _)| *member).collect();
    let samples: Vec<&MemberSample> = both.iter().map(|(_, sample)| *sample).collect();
    let mut lints = Vec::new();
    for name in unit_names(target, &members).iter().take(MOST_UNITS) {
        lints.extend(of_unit(target, name, units, handles_sigterm(&members)));
    }
    lints.extend(measures::of(target, &samples, &own_ports(&members)));
    for Lint { severity, text } in lints {
        let text = format!("{place}: {text}");
        match severity {
            Severity::Note => report.note("  ", text)?,
            Severity::Warning => report.warn("  ", text)?,
        }
    }
    Ok(())
}

/// Ports that processes of the members' users listen on: most likely their own.
fn own_ports(members: &[&Member]) -> BTreeSet<u16> {
    let uids: BTreeSet<u32> = members.iter().map(|member| member.facts.uids.1).collect();
    let listeners = measures::listeners().into_iter().filter(|(_, uid)| uids.contains(uid));
    listeners.map(|(port, _)| port).collect()
}

/// The system units whose processes a target watches: those of its members, or else the one it names.
fn unit_names(target: &Target, members: &[&Member]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for member in members {
        let mut buffer = Vec::new();
        if let Ok(cgroups) = member.process.cgroups(&mut buffer) {
            let found = cgroups.paths().filter_map(unit_of);
            names.extend(found.map(|name| String::from_utf8_lossy(name).into_owned()));
        }
    }
    if names.is_empty() {
        names.extend(target.selector.unit.clone());
    }
    names
}

fn of_unit(target: &Target, name: &str, units: &Units, handles: Option<bool>) -> Vec<Lint> {
    if !name.ends_with(".service") {
        return unit::of_other(target, &printable(name.as_bytes(), 100)).into_iter().collect();
    }
    match units.look(name) {
        Ok(unit) => told_by(&unit).into_iter().chain(unit::of(target, &unit, handles)).collect(),
        // On a host without systemd a cgroup may be called like a unit that nobody has.
        Err(UnitError::Missing(_)) => Vec::new(),
        Err(error @ (UnitError::Name(_) | UnitError::Silent { .. })) => vec![Lint::note(error.to_string())],
    }
}

/// What was only read from files may not be what holds.
fn told_by(unit: &Unit) -> Option<Lint> {
    let ToldBy::Files(files) = &unit.told_by else { return None };
    let file = files.first().map(|file| crate::cli::lookup::shown(file)).unwrap_or_default();
    Some(Lint::note(format!("systemd does not run here, so {} is judged by {file} and its drop-ins", unit.name)))
}

/// Whether all members handle SIGTERM; none where they differ or it cannot be told.
fn handles_sigterm(members: &[&Member]) -> Option<bool> {
    let term = Signal::new(libc::SIGTERM)?;
    let status = |member: &&Member| member.process.status(&mut Vec::new()).ok();
    let mut all = members.iter().map(|member| status(member).map(|status| status.handles(term)));
    let first = all.next()??;
    all.all(|handles| handles == Some(first)).then_some(first)
}

/// The warnings about a target and its unit.
#[cfg(test)]
pub(super) fn unit_warnings(target: &Target, unit: &str, units: &Units) -> Vec<String> {
    let lints = of_unit(target, unit, units, None).into_iter();
    lints.filter(|lint| lint.severity == Severity::Warning).map(|lint| lint.text).collect()
}

#[cfg(test)]
mod tests;
