//! Series of incidents: which targets are in one, how much evidence was kept, and why other was not.

use std::time::Duration;

use super::scrape::{Scrape, TargetSeen};
use super::{Family, Series, counter, gauge};
use crate::export::{RungOf, RungView, Snapshot, Standing};
use crate::model::{OutcomeKind, Reason};

/// So much earlier than its kill was told to be over a successor may have started.
const EARLY: Duration = Duration::from_secs(1);

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_incident",
        &["target"],
        "Whether a ladder has given an order whose level still holds, a measure is in force, or the successor after a \
         kill is not past its start-up grace.",
        open,
    ),
    counter(
        "tradedog_incidents_total",
        &["target", "trigger"],
        "Folders of evidence that were kept: at the first critical of a process, and before a kill.",
        |scrape, series| {
            for (target, trigger, count) in scrape.snapshot.counters.incidents() {
                series.push(&[target, trigger.name()], count as f64);
            }
        },
    ),
    counter(
        "tradedog_incident_flaws_total",
        &["reason"],
        "How often evidence was not kept, or a kill went ahead before all of it was there.",
        |scrape, series| {
            for (flaw, count) in scrape.snapshot.counters.flaws() {
                series.push(&[flaw.name()], count as f64);
            }
        },
    ),
];

fn open(scrape: &Scrape<'_>, series: &mut Series) {
    for (index, seen) in scrape.targets.iter().enumerate() {
        let is_open = is_open(scrape.snapshot, (index, seen));
        series.push(&[&seen.target.name], f64::from(u8::from(is_open)));
    }
}

fn is_open(snapshot: &Snapshot, (index, seen): (usize, &TargetSeen<'_>)) -> bool {
    let mut rungs = snapshot.rungs.iter().filter(|rung| usize::from(rung.member.target) == index);
    rungs.any(was_ordered)
        || snapshot.leases.iter().any(|lease| *lease.target == *seen.target.name)
        || snapshot.targets.get(index).is_some_and(|view| view.successor_missing)
        || awaits_successor(snapshot, (index, seen))
}

/// Whether a ladder's order has gone out, and its level holds.
const fn was_ordered(rung: &RungView) -> bool {
    let of_ladder = matches!(rung.ladder, RungOf::Ladder(_) | RungOf::Host);
    let went_out = match rung.standing {
        Standing::InFlight
        | Standing::Retrying { .. }
        | Standing::GaveUp { .. }
        | Standing::InForce { .. }
        | Standing::Done { .. } => true,
        Standing::Waiting | Standing::Held { .. } | Standing::Vetoed { .. } => false,
    };
    of_ladder && went_out
}

/// Whether nobody is past the start-up grace who came after the last kill, where somebody should.
fn awaits_successor(snapshot: &Snapshot, (index, seen): (usize, &TargetSeen<'_>)) -> bool {
    let target = seen.target;
    let last = snapshot.counters.recent().rev().find(|ended| {
        let killed = ended.outcome == OutcomeKind::Gone && ended.reason == Reason::None;
        killed && ended.order.measure.is_kill() && ended.order.target == target.name
    });
    let expects = |name: &str| target.actions.iter().any(|one| *one.name == *name && one.expect_successor.is_some());
    let Some(kill) = last.filter(|kill| expects(&kill.order.action)) else { return false };
    let mut others = snapshot.members().iter().filter(|member| usize::from(member.key.target) == index);
    !others.any(|member| {
        let is_after = member.started + EARLY >= kill.at && member.pid != kill.order.identity.pid;
        is_after && snapshot.taken.since(member.started) >= target.startup_grace
    })
}
