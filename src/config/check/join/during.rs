//! What replaces entries of a target in some hours: merged with what it inherits, looked up as the usual
//! entries are, and held against what is in force beside it.

use super::super::super::during::During;
use super::super::super::problem::Report;
use super::super::super::text::quoted;
use super::super::super::{Hours, Threshold};
use super::super::action::Plan;
use super::super::during::Block;
use super::super::ladder::Written;
use super::super::row::{self, Row};
use super::super::{Named, Origin, Setting};
use super::ladders::Joint;
use super::{Feeds, Item, host_kills};
use crate::model::{Level, Metric, Scope};

/// What holds in some hours.
pub(super) struct Inside<'a> {
    name: String,
    hours: Hours,
    rows: Vec<Item<'a, Row<'a>>>,
    joints: Vec<Joint<'a>>,
    /// Levels of ladders at which nothing is done.
    idle: Vec<(&'a str, Level)>,
    /// Which ladder each of its rows feeds, by the index of the row.
    fed: Vec<(usize, usize)>,
}

/// A target's own and those that it inherits.
pub(super) fn merge<'a>(own: Vec<Block<'a>>, inherited: &[Block<'a>], report: &mut Report) -> Vec<Inside<'a>> {
    let given = |hours: Hours| inherited.iter().find(|block| block.hours == hours);
    let mut all: Vec<Inside<'a>> = Vec::new();
    let (mine, hours): (Vec<_>, Vec<_>) = own.into_iter().map(|block| (block.clone(), block.hours)).unzip();
    for block in mine {
        let given = given(block.hours);
        all.push(Inside::of(block, given, report));
    }
    for block in inherited.iter().filter(|block| !hours.contains(&block.hours)) {
        let none = Block { rows: Vec::new(), ladders: Vec::new(), ..block.clone() };
        all.push(Inside::of(none, Some(block), report));
    }
    all.sort_by_key(|inside| inside.hours.session.is_none());
    all
}

impl<'a> Inside<'a> {
    fn of(own: Block<'a>, given: Option<&Block<'a>>, report: &mut Report) -> Self {
        let (given_rows, given_ladders) =
            given.map_or((&[][..], &[][..]), |block| (block.rows.as_slice(), block.ladders.as_slice()));
        let item =
            |row: Named<'a, Row<'a>>, origin| Item { name: row.name, place: row.place, origin, setting: row.setting };
        let mut rows: Vec<Item<'a, Row<'a>>> = own.rows.into_iter().map(|row| item(row, Origin::Own)).collect();
        for row in given_rows {
            if !rows.iter().any(|own| own.name == row.name) {
                rows.push(item(row.clone(), Origin::Inherited));
            }
        }
        let mut inside =
            Self { name: own.name, hours: own.hours, rows, joints: Vec::new(), idle: Vec::new(), fed: Vec::new() };
        for ladder in &own.ladders {
            let given = given_ladders.iter().find(|other| other.name == ladder.name);
            inside.ladder(Some(ladder), given, report);
        }
        for ladder in given_ladders {
            if !own.ladders.iter().any(|own| own.name == ladder.name) {
                inside.ladder(None, Some(ladder), report);
            }
        }
        inside
    }

    /// A ladder with its levels; those at which nothing is to be done are kept apart.
    fn ladder(&mut self, own: Option<&Written<'a>>, given: Option<&Written<'a>>, report: &mut Report) {
        let Some(name) = own.or(given).map(|ladder| ladder.name) else { return };
        let removed = |ladder: Option<&Written<'a>>| ladder.is_some_and(|ladder| ladder.removed);
        if removed(own) || (own.is_none() && removed(given)) {
            self.idle.extend(Level::ABOVE_NORMAL.map(|level| (name, level)));
            return;
        }
        let (mut own, mut given) = (own.cloned(), given.cloned());
        for level in Level::ABOVE_NORMAL {
            let is_idle = |ladder: &Option<Written<'a>>| {
                let steps = ladder.as_ref().and_then(|ladder| ladder.levels.get(level)?.as_ref());
                steps.map(|steps| matches!(steps.setting, Setting::Removed))
            };
            if is_idle(&own).or_else(|| is_idle(&given)) == Some(true) {
                self.idle.push((name, level));
                for ladder in [&mut own, &mut given].into_iter().flatten() {
                    if let Some(slot) = ladder.levels.get_mut(level) {
                        *slot = None;
                    }
                }
            }
        }
        self.joints.push(Joint::new(name, own.as_ref(), given.as_ref(), report));
    }

    /// Looks up its actions, and which ladder its rows feed. Whether all was well.
    pub(super) fn look_up(
        &mut self,
        actions: &[Item<'_, Plan<'_>>],
        feeds: &mut Feeds<'_, '_>,
        report: &mut Report,
    ) -> bool {
        let mut sound = self.rows.iter().all(|row| !matches!(row.setting, Setting::Broken));
        for joint in &mut self.joints {
            sound &= joint.look_up(actions, feeds.target, report);
        }
        let fed = self.rows.iter().enumerate();
        self.fed = fed.filter_map(|(index, row)| Some((feeds.ladder_of(row, report)?.0, index))).collect();
        sound
    }

    /// The ladders that it names, with what it says of each.
    pub(super) fn joints(&self) -> &[Joint<'a>] {
        &self.joints
    }

    pub(super) fn joints_mut(&mut self) -> &mut [Joint<'a>] {
        &mut self.joints
    }

    /// What is done on a usual ladder in these hours.
    pub(super) fn in_force<'i>(&'i self, usual: &'i Joint<'a>) -> impl Iterator<Item = &'a str> {
        let own = || self.joints.iter().filter(|joint| joint.name == usual.name);
        let replaced = move |level| own().any(|joint| joint.levels().any(|other| other == level));
        let kept = move |level| !replaced(level) && !self.idle.contains(&(usual.name, level));
        let usual = usual.steps().filter(move |(level, _)| kept(*level));
        usual.chain(own().flat_map(Joint::steps)).map(|(_, step)| step.action)
    }

    /// Its rows, each with the ladder that it feeds.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Row<'a>)> {
        self.fed.iter().filter_map(|(ladder, index)| match &self.rows.get(*index)?.setting {
            Setting::Is(row) => Some((*ladder, row)),
            Setting::Removed | Setting::Broken => None,
        })
    }

    /// Whether it says something of the metric of a usual row.
    pub(super) fn replaces(&self, usual: &Row<'_>) -> bool {
        let name = usual.metric.to_string();
        self.rows.iter().any(|row| row.name == name)
    }

    /// Whether both can last at the same instant: sessions of one calendar do not overlap.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let sessions = self.hours.session.zip(other.hours.session);
        self.hours == other.hours || self.hours.calendar != other.hours.calendar || sessions.is_none()
    }

    /// Reports what takes out something that is not there.
    pub(super) fn takes_out(&self, usual: &[(usize, &Row<'_>)], ladders: &[Joint<'_>], report: &mut Report) {
        let own = self.rows.iter().filter(|row| row.origin == Origin::Own && matches!(row.setting, Setting::Removed));
        for row in own.filter(|row| !usual.iter().any(|(_, usual)| usual.metric.to_string() == row.name)) {
            report
                .missing(row.place, format!("outside of `{}` there is no {} to take out", self.name, quoted(row.name)))
                .help("remove the line; \"none\" takes out a usual threshold for these hours");
        }
        for (name, level) in &self.idle {
            let there = ladders.iter().any(|ladder| ladder.name == *name && ladder.steps().any(|(l, _)| l == *level));
            let whole = self.idle.iter().filter(|(other, _)| other == name).count() == Level::ABOVE_NORMAL.len();
            if let (false, false, Some(place)) = (there, whole, self.joints.iter().find(|j| j.name == *name)) {
                report
                    .missing(place.place(), format!("outside of `{}` nothing is done at {level}", self.name))
                    .help(format!("remove {level} = \"none\" from the ladder of these hours"));
            }
        }
    }

    /// With indexes into what the target has; `kept` are the ladders that it keeps.
    pub(super) fn resolve(
        &self,
        (ladders, kept): (&[Joint<'_>], &[usize]),
        actions: &[&str],
        threshold: &mut dyn FnMut(usize, &Row<'_>) -> Option<Threshold>,
    ) -> During {
        let at = |name: &str| {
            let index = ladders.iter().position(|ladder| ladder.name == name)?;
            kept.iter().position(|kept| *kept == index)
        };
        let mut thresholds: Vec<(Metric, Option<Threshold>)> = Vec::new();
        for (ladder, row) in self.rows() {
            thresholds.extend(threshold(ladder, row).map(|threshold| (row.metric.clone(), Some(threshold))));
        }
        let mut steps = Vec::new();
        for joint in &self.joints {
            let Some(index) = at(joint.name) else { continue };
            let resolved = joint.resolve(actions);
            steps.extend(joint.levels().filter_map(|level| Some((index, level, resolved.steps.get(level)?.clone()))));
        }
        steps.extend(self.idle.iter().filter_map(|(name, level)| Some((at(name)?, *level, Vec::new()))));
        During { name: self.name.as_str().into(), hours: self.hours, thresholds, steps }
    }

    /// Reports what has no end in these hours, though it has one at others.
    pub(super) fn ending(&self, usual: &[Item<'_, Row<'_>>], report: &mut Report) {
        let replaced = |name: &str| self.rows.iter().any(|row| row.name == name);
        let rows = usual.iter().filter(|row| !replaced(row.name)).chain(&self.rows);
        let said = rows.filter_map(|row| Some((row.name, row.setting.said()?)));
        row::ending(&said.collect::<Vec<_>>(), report);
    }

    /// The usual rows that it takes out.
    pub(super) fn taken_out<'r>(&self, usual: &[(usize, &'r Row<'r>)]) -> Vec<&'r Row<'r>> {
        let removed = |row: &Row<'_>| {
            let name = row.metric.to_string();
            self.rows.iter().any(|item| item.name == name && matches!(item.setting, Setting::Removed))
        };
        usual.iter().map(|(_, row)| *row).filter(|row| removed(row)).collect()
    }
}

/// A host's metric orders no kill, at no hour: what raises a level and what is done there may come from
/// different hours that last at once.
pub(super) fn host_kills_at_any_hour(
    all: &[Inside<'_>],
    (usual, ladders): (&[(usize, &Row<'_>)], &[Joint<'_>]),
    actions: &[Item<'_, Plan<'_>>],
    report: &mut Report,
) {
    let of_host = |row: &&Row<'_>| row.metric.info().scope == Scope::Host;
    for (index, ladder) in ladders.iter().enumerate() {
        for inside in all {
            let rows: Vec<&Row<'_>> = inside.rows().filter(|(at, _)| *at == index).map(|(_, row)| row).collect();
            let rows: Vec<&Row<'_>> = rows.into_iter().filter(of_host).collect();
            host_kills(ladder, &rows, actions, report);
            for other in all.iter().filter(|other| inside.meets(other)) {
                for joint in other.joints.iter().filter(|joint| joint.name == ladder.name) {
                    host_kills(joint, &rows, actions, report);
                }
            }
            let beside = usual.iter().filter(|(at, row)| *at == index && !inside.replaces(row)).map(|(_, row)| *row);
            let beside: Vec<&Row<'_>> = beside.filter(of_host).collect();
            for joint in inside.joints.iter().filter(|joint| joint.name == ladder.name) {
                host_kills(joint, &beside, actions, report);
            }
        }
    }
}
