//! When an action is not taken, by name: looked up among the calendars.

use super::super::super::Hours;
use super::super::super::problem::Report;
use super::super::Setting;
use super::super::action::Plan;
use super::super::calendar::Calendars;
use super::Item;

/// Reports hours that no calendar has. Whether all are known.
pub(super) fn look_up(actions: &[Item<'_, Plan<'_>>], calendars: &Calendars, report: &mut Report) -> bool {
    let mut sound = true;
    for item in actions {
        let Setting::Is(plan) = &item.setting else { continue };
        for (name, place) in &plan.not_during {
            sound &= calendars.hours(name, *place, report).is_some();
        }
    }
    sound
}

/// The hours themselves; those that were reported are left out.
pub(super) fn resolve(plan: &Plan<'_>, calendars: &Calendars) -> Vec<Hours> {
    let mut report = Report::default();
    plan.not_during.iter().filter_map(|(name, place)| calendars.hours(name, *place, &mut report)).collect()
}
