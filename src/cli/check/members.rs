//! One target on this host: who matches, what may be read, what its measures would meet.

use std::collections::BTreeMap;
use std::io;

use super::cgroups::Cgroups;
use super::signals::Finding;
use super::{Report, absent, containers, deliveries, lints, readings, signals, user};
use crate::cli::live::Live;
use crate::cli::unit::Units;
use crate::config::{Action, Expect, Target};
use crate::discover::Member;
use crate::kernel::{Proc, own_rights};
use crate::model::{Measure, MemberSample};

/// How many pids are named where many processes are alike.
const MOST_PIDS: usize = 8;

/// What is told of a process; processes of which the same is told are told of together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Portrait {
    name: String,
    user: String,
    facts: Vec<String>,
    warnings: Vec<String>,
    errors: Vec<String>,
}

impl Portrait {
    fn told(&mut self, finding: Finding) {
        let list = if finding.wrong { &mut self.warnings } else { &mut self.facts };
        list.push(finding.text);
    }
}

pub(super) fn tell(
    (index, target): (usize, &Target),
    (live, units): (&Live, &Units),
    report: &mut Report<'_>,
) -> io::Result<()> {
    let both = live.roster.members().iter().zip(&live.sample.members);
    let members: Vec<_> = both.filter(|(member, _)| usize::from(member.key.target) == index).collect();
    let place = live.config.place(target);
    report.line(format!("{} ({place}): {}", target.name, matching(members.len())))?;
    for trouble in live.trouble.iter().filter(|trouble| trouble.target.is_some_and(|of| usize::from(of) == index)) {
        report.warn("  ", trouble)?;
    }
    if live.own.iter().any(|of| usize::from(*of) == index) {
        report.warn("  ", "it matches tradedog itself, which no measure ever reaches; narrow the match")?;
    }
    if members.is_empty() {
        report.warn("  ", "nothing to watch now. Where to look:")?;
        for hint in absent::hints(&target.selector) {
            report.line(format!("    {hint}"))?;
        }
    }
    whole(target, &members, report)?;
    deliveries::tell(target, report)?;
    lints::tell((target, &place), &members, units, report)?;
    let mut portraits: BTreeMap<Portrait, Vec<String>> = BTreeMap::new();
    let cgroups = Cgroups::of(target, members.iter().map(|(member, _)| *member));
    for (member, sample) in &members {
        let pid = sample.identity.pid.to_string();
        let portrait = portrait(target, member, sample, cgroups.as_ref());
        portraits.entry(portrait).or_default().push(pid);
    }
    portraits.iter().try_for_each(|(portrait, pids)| tell_portrait(portrait, pids, report))
}

fn matching(count: usize) -> String {
    match count {
        0 => "no process matches".into(),
        1 => "1 process matches".into(),
        _ => format!("{count} processes match"),
    }
}

/// What concerns the target as a whole.
fn whole(target: &Target, members: &[(&Member, &MemberSample)], report: &mut Report<'_>) -> io::Result<()> {
    let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let outside =
        |expect: &Expect| expect.min.is_some_and(|min| count < min) || expect.max.is_some_and(|max| count > max);
    if let Some(expect) = target.expect.filter(|expect| count > 0 && outside(expect)) {
        let bound = |bound: Option<u32>| bound.map_or_else(|| "any".into(), |bound| bound.to_string());
        report.warn("  ", format!("expected are {} to {}", bound(expect.min), bound(expect.max)))?;
    }
    let imitable = members.iter().any(|(member, _)| !member.facts.anchored);
    let why = containers::why_imitable(&target.selector).filter(|_| imitable);
    let guarded = |measure: &Measure| measure.is_kill() || measure.is_freeze();
    for action in target.actions.iter().filter(|action| guarded(&action.measure)) {
        if let Some(why) = why {
            report.warn("  ", format!("{} will be vetoed (imitable): {why}", action.name))?;
        }
    }
    if !target.has_ladder() {
        report.line("  only observed: it has no ladder with actions")?;
    }
    Ok(())
}

fn tell_portrait(portrait: &Portrait, pids: &[String], report: &mut Report<'_>) -> io::Result<()> {
    let shown = pids.iter().take(MOST_PIDS).cloned().collect::<Vec<_>>().join(", ");
    let more = match pids.len().saturating_sub(MOST_PIDS) {
        0 => String::new(),
        more => format!(" and {more} more alike"),
    };
    report.line(format!("  {} (user {}), pid {shown}{more}", portrait.name, portrait.user))?;
    portrait.facts.iter().try_for_each(|fact| report.line(format!("    {fact}")))?;
    portrait.warnings.iter().try_for_each(|warning| report.warn("    ", warning))?;
    portrait.errors.iter().try_for_each(|error| report.error("    ", error))
}

fn portrait(target: &Target, member: &Member, sample: &MemberSample, cgroups: Option<&Cgroups>) -> Portrait {
    let mut portrait = Portrait {
        name: member.facts.comm.clone(),
        user: user(member.facts.uids.0),
        facts: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
    };
    let told = readings::of(&target.metrics, &target.thresholds, &sample.readings);
    (portrait.facts, portrait.warnings) = (told.facts, told.warnings);
    containers::findings(target, member, &arguments(member)).into_iter().for_each(|finding| portrait.told(finding));
    if let Some(why) = member.facts.protected {
        let text = format!("it is {why}: no measure reaches it");
        let list = if target.actions.is_empty() { &mut portrait.facts } else { &mut portrait.warnings };
        list.push(text + "; narrow the match if it is not meant");
        return portrait;
    }
    if member.facts.comm == "tradedog" {
        portrait.warnings.push("it is a tradedog: the watchdog is not to watch itself; narrow the match".into());
    }
    if member.facts.contested {
        let text = "matched by another target too, so no measure reaches it: narrow one match, or write shared = true \
                    in both";
        portrait.errors.push(text.into());
    }
    measures(target, member, &mut portrait);
    for finding in cgroups.map(|cgroups| cgroups.findings(target, &member.process)).into_iter().flatten() {
        portrait.told(finding);
    }
    portrait
}

/// Whether its measures would reach the process.
fn measures(target: &Target, member: &Member, portrait: &mut Portrait) {
    let measures = || target.actions.iter().flat_map(Action::measures);
    let reaches = |measure: &Measure| !matches!(measure, Measure::Http(_) | Measure::Command(_));
    if measures().any(reaches) && !own_rights().may_signal(member.facts.uids.0) {
        let text = "may not be signalled (refused): the daemon needs CAP_KILL (systemd/act.conf), or the same user";
        portrait.warnings.push(text.into());
    }
    if !measures().any(|measure| matches!(measure, Measure::Signal { .. })) {
        return;
    }
    match member.process.status(&mut Vec::new()) {
        Ok(status) => {
            for finding in signals::findings(target, &status, &arguments(member)) {
                portrait.told(finding);
            }
        }
        Err(error) => portrait.warnings.push(format!("which signals it handles cannot be told: {error}")),
    }
}

/// Its arguments, for names of well-known programs only; none where they cannot be read.
fn arguments(member: &Member) -> Vec<u8> {
    let mut buffer = Vec::new();
    let entry = Proc::live().and_then(|proc| proc.entry(member.process.identity().pid));
    entry.and_then(|entry| entry.cmdline(&mut buffer).map(<[u8]>::to_vec)).unwrap_or_default()
}
