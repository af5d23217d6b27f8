//! What a kill needs, by name: looked up among the actions of its target.

use super::super::super::Needs;
use super::super::super::problem::Report;
use super::super::super::text::{quoted, suggest};
use super::super::Setting;
use super::super::action::{Plan, Wanted};
use super::{Item, is_kill};
use crate::model::Measure;

/// Reports what cannot come before a kill. Whether all are actions.
pub(super) fn look_up(actions: &[Item<'_, Plan<'_>>], target: &str, report: &mut Report) -> bool {
    let mut sound = true;
    for wanted in actions.iter().filter_map(wanted) {
        match actions.iter().find(|item| item.name == wanted.action).map(|item| &item.setting) {
            Some(Setting::Is(plan)) => suits(wanted, &plan.action.measure, report),
            Some(Setting::Broken) => {}
            Some(Setting::Removed) | None => {
                sound = false;
                let others = actions.iter().filter(|item| !is_kill(actions, item.name)).map(|item| item.name);
                let help = suggest(wanted.action, "actions", others);
                report
                    .missing(wanted.place, format!("no action {}", quoted(wanted.action)))
                    .help(format!("{help} (a new one: [target.{target}.actions.NAME])"));
            }
        }
    }
    sound
}

fn wanted<'i, 'a>(item: &'i Item<'_, Plan<'a>>) -> Option<&'i Wanted<'a>> {
    match &item.setting {
        Setting::Is(plan) => plan.needs.as_ref(),
        Setting::Removed | Setting::Broken => None,
    }
}

/// A kill waits for an acknowledgement, which not every delivery gets.
fn suits(wanted: &Wanted<'_>, measure: &Measure, report: &mut Report) {
    let what = match measure {
        Measure::Http(_) | Measure::Command(_) => return,
        Measure::Kill { .. } => {
            report
                .error(wanted.place, format!("`{}` is a kill, which cannot come before a kill", wanted.action))
                .help("name what makes the process ready for its end, such as a pause by http or command");
            return;
        }
        Measure::Signal { .. } => "a signal",
        Measure::Freeze { .. } | Measure::Thaw { .. } => "a freeze",
    };
    report
        .warning(wanted.place, format!("`{}` is {what}, which nobody acknowledges", wanted.action))
        .help("the kill would wait in vain, and `otherwise` always decide: use `http` or `command`");
}

/// Whether a kill needs the action, which then is ordered before it.
pub(super) fn names(actions: &[Item<'_, Plan<'_>>], action: &str) -> bool {
    actions.iter().filter_map(wanted).any(|wanted| wanted.action == action)
}

/// With the index of the needed action; none where that was reported.
pub(super) fn resolve(plan: &Plan<'_>, names: &[&str]) -> Option<Needs> {
    let wanted = plan.needs?;
    let action = names.iter().position(|name| *name == wanted.action)?;
    Some(Needs { action, within: wanted.within, otherwise: wanted.otherwise })
}
