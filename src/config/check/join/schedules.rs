//! What a schedule names: looked up among the actions of its target.

use super::super::super::problem::Report;
use super::super::super::text::{quoted, suggest};
use super::super::super::{Action, Schedule, units};
use super::super::Setting;
use super::super::action::Plan;
use super::super::schedule::Beat;
use super::Item;

/// Reports what is no action, and actions that nothing but a reading may cause. Whether all are actions.
pub(super) fn look_up(beats: &[Beat<'_>], actions: &[Item<'_, Plan<'_>>], target: &str, report: &mut Report) -> bool {
    let mut sound = true;
    for beat in beats {
        match actions.iter().find(|item| item.name == beat.action).map(|item| &item.setting) {
            Some(Setting::Is(plan)) => suits(beat, &plan.action, report),
            Some(Setting::Broken) => {}
            Some(Setting::Removed) | None => {
                sound = false;
                let help = suggest(beat.action, "actions", actions.iter().map(|item| item.name));
                report
                    .missing(beat.place, format!("no action {}", quoted(beat.action)))
                    .help(format!("{help} (a new one: [target.{target}.actions.NAME])"));
            }
        }
    }
    sound
}

/// What is scheduled happens whatever the level: it may harm nobody, and leave nothing to undo.
fn suits(beat: &Beat<'_>, action: &Action, report: &mut Report) {
    let what = if action.measure.is_kill() {
        "is a kill"
    } else if action.measure.is_freeze() {
        "is a freeze"
    } else if action.undo.is_some() {
        "has an undo"
    } else {
        return keeps_up(beat, action, report);
    };
    report
        .error(beat.place, format!("`{}` {what}, which nobody orders by the clock", beat.action))
        .help("schedule what does no harm at any level, such as resetting a pool; name this in a ladder");
}

/// A cooldown that is longer than the schedule holds every other order.
fn keeps_up(beat: &Beat<'_>, action: &Action, report: &mut Report) {
    if beat.every < action.cooldown {
        let (every, cooldown) = (units::Duration(beat.every), units::Duration(action.cooldown));
        let what =
            format!("`every` (\"{every}\") is shorter than the `cooldown` of `{}` (\"{cooldown}\")", beat.action);
        report
            .warning(beat.place, format!("{what}, which holds it back"))
            .help("give the action a shorter `cooldown`, or a longer `every`");
    }
}

/// With indexes into the target's actions; those that were reported are left out.
pub(super) fn resolve(beats: &[Beat<'_>], actions: &[Action]) -> Vec<Schedule> {
    let found = beats.iter().filter_map(|beat| {
        let action = actions.iter().position(|action| *action.name == *beat.action)?;
        Some(Schedule { action, every: beat.every, phase: beat.phase, jitter: beat.jitter })
    });
    found.collect()
}
