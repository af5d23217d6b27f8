//! `[defaults]`: what every target inherits, entry by entry.

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::Value;
use super::super::source::Place;
use super::action::Plan;
use super::during::{self, Block, Known};
use super::ladder::Written;
use super::row::{Owner, Row};
use super::{Named, Setting, action, ladder, row};

/// Thresholds, ladders and actions, as written.
#[derive(Debug, Default)]
pub(super) struct Defaults<'a> {
    /// Something in them is wrong: what is missing in a target may have been meant there.
    pub broken: bool,
    pub rows: Vec<Named<'a, Row<'a>>>,
    pub ladders: Vec<Written<'a>>,
    pub actions: Vec<Named<'a, Plan<'a>>>,
    pub during: Vec<Block<'a>>,
}

/// Reads the section.
pub(super) fn read<'a>(value: Value<'a>, known: Known<'_>, report: &mut Report) -> Defaults<'a> {
    let mut defaults = Defaults::default();
    let Some(mut table) = value.table("[defaults.thresholds]", report) else {
        return Defaults { broken: true, ..defaults };
    };
    let (rows, ladders, actions) = (table.take("thresholds"), table.take("ladder"), table.take("actions"));
    let during = table.take("during");
    if let Some(entry) = table.entry("schedule") {
        report
            .error(entry.key_place, "a schedule in [defaults]: it is never inherited")
            .help("write it in each target: [[target.NAME.schedule]]");
    }
    defaults.broken = !table.finish(&keys::DEFAULTS, report);
    let rows = rows.map_or_else(|| Some(Vec::new()), |value| row::read(value, known.0, Owner::Target, report));
    let ladders = ladders.map_or_else(|| Some(Vec::new()), |value| ladder::read(value, report));
    let actions = actions.map_or_else(|| Some(Vec::new()), |value| action::read(value, report));
    let during = during.map_or_else(|| Some(Vec::new()), |value| during::read(value, known, report));
    defaults.broken |= during.is_none() || rows.is_none() || ladders.is_none() || actions.is_none();
    defaults.rows = rows.unwrap_or_default();
    defaults.ladders = ladders.unwrap_or_default();
    defaults.actions = actions.unwrap_or_default();
    defaults.during = during.unwrap_or_default();
    nothing_to_remove(&defaults, report);
    for action in &mut defaults.actions {
        let kill = matches!(&action.setting, Setting::Is(plan) if plan.action.measure.is_kill());
        if kill {
            report
                .error(action.place, "a kill in [defaults]: kill is never inherited")
                .help("define it in the targets that may be killed: [target.NAME.actions.kill]");
            action.setting = Setting::Broken;
        }
    }
    defaults
}

fn nothing_to_remove(defaults: &Defaults<'_>, report: &mut Report) {
    let rows = defaults.rows.iter().filter(|row| matches!(row.setting, Setting::Removed)).map(|row| row.place);
    let actions = defaults.actions.iter().filter(|a| matches!(a.setting, Setting::Removed)).map(|a| a.place);
    let ladders = defaults.ladders.iter().filter(|ladder| ladder.removed).map(|ladder| ladder.place);
    let steps = defaults.ladders.iter().flat_map(|ladder| ladder.levels.iter()).filter_map(|(_, steps)| steps.as_ref());
    let steps = steps.filter(|steps| matches!(steps.setting, Setting::Removed)).map(|steps| steps.place);
    for place in rows.chain(actions).chain(ladders).chain(steps).collect::<Vec<Place>>() {
        report
            .error(place, "\"none\" in [defaults], where nothing is inherited from")
            .help("remove the line; in a target \"none\" takes out what [defaults] gives");
    }
}
