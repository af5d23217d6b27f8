//! Whether what an action says about its effect leads anywhere, now that its place on the ladders is known.

use super::super::super::Escalate;
use super::super::super::problem::Report;
use super::super::super::source::Place;
use super::super::action::Plan;
use super::super::{Origin, Setting};
use super::ladders::Joint;
use super::{Item, is_kill};
use crate::model::Level;

/// Tells of what leads nowhere, of actions that are the target's own.
pub(super) fn hold_against(
    actions: &[Item<'_, Plan<'_>>],
    ladders: &[&Joint<'_>],
    hosts: impl Fn(&str) -> bool,
    report: &mut Report,
) {
    for item in actions.iter().filter(|item| item.origin == Origin::Own) {
        let Setting::Is(plan) = &item.setting else { continue };
        if plan.action.measure.is_kill() {
            continue;
        }
        let on_ladder = ladders.iter().any(|ladder| ladder.names(item.name)) || hosts(item.name);
        if let Some(place) = plan.effect.any.filter(|_| !on_ladder) {
            report
                .warning(place, "no effect is measured of what no level of a ladder orders")
                .help("name the action in a ladder, or remove this");
        }
        let place = plan.effect.escalate.filter(|_| on_ladder && !hosts(item.name));
        if let Some(place) = place {
            nowhere(plan, (place, &ways(ladders, item.name, actions)), report);
        }
    }
}

/// What comes next on a ladder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Measures,
    Kill,
    Nothing,
}

/// What follows on each level that names the action, at whatever hour.
fn ways(ladders: &[&Joint<'_>], name: &str, actions: &[Item<'_, Plan<'_>>]) -> Vec<Way> {
    let named = ladders.iter().flat_map(|ladder| ladder.steps().map(move |(level, step)| (ladder.name, level, step)));
    let ways = named.filter(|(.., step)| step.action == name).map(|(ladder, from, _)| {
        let same = ladders.iter().filter(|other| other.name == ladder);
        let above: Vec<(Level, bool)> = same
            .flat_map(|other| other.steps())
            .filter(|(level, _)| *level > from)
            .map(|(level, step)| (level, is_kill(actions, step.action)))
            .collect();
        match above.iter().map(|(level, _)| *level).min() {
            None => Way::Nothing,
            Some(next) if above.contains(&(next, true)) => Way::Kill,
            Some(_) => Way::Measures,
        }
    });
    ways.collect()
}

fn nowhere(plan: &Plan<'_>, (place, ways): (Place, &[Way]), report: &mut Report) {
    if ways.iter().all(|way| *way == Way::Nothing) {
        report
            .missing(place, "nothing to escalate to: no higher level of the ladder has actions")
            .help("give a higher level actions, or remove `escalate`");
    } else if plan.action.escalate == Escalate::Yes && !ways.contains(&Way::Measures) {
        report
            .warning(place, "nothing but a kill follows on the next level, and this leads to none")
            .help("write escalate_to_kill = true beside it, or remove `escalate`");
    }
}
