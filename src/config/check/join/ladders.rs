//! Ladders after inheritance: level by level, then held against actions and bounds.

use std::sync::Arc;

use super::super::super::Ladder;
use super::super::super::problem::Report;
use super::super::super::source::Place;
use super::super::super::text::{quoted, suggest};
use super::super::action::Plan;
use super::super::ladder::{DEFAULT, Step, Steps, Written};
use super::super::row::Row;
use super::super::{Origin, Setting};
use super::{Item, nothing_inherited};
use crate::model::{Level, PerLevel};

/// One ladder of a target.
pub(super) struct Joint<'a> {
    pub name: &'a str,
    place: Place,
    origin: Origin,
    levels: PerLevel<Option<Rungs<'a>>>,
    /// Nothing in it was wrong so far.
    sound: bool,
}

/// The actions of one level.
struct Rungs<'a> {
    origin: Origin,
    place: Place,
    steps: Vec<Step<'a>>,
}

/// All ladders of a target, the default one first.
pub(super) fn merge<'a>(own: &[Written<'a>], inherited: &[Written<'a>], report: &mut Report) -> Vec<Joint<'a>> {
    let mut names = vec![DEFAULT];
    for ladder in own.iter().chain(inherited) {
        if !names.contains(&ladder.name) {
            names.push(ladder.name);
        }
    }
    let find = |list: &'_ [Written<'a>], name: &str| list.iter().position(|ladder| ladder.name == name);
    let mut joint = Vec::new();
    for name in names {
        let mine = find(own, name).and_then(|i| own.get(i));
        let given = find(inherited, name).and_then(|i| inherited.get(i));
        if let Some(mine) = mine.filter(|ladder| ladder.removed) {
            if given.is_none() {
                nothing_inherited(&format!("ladder {}", quoted(name)), mine.place, report);
            }
            continue;
        }
        joint.push(Joint::new(name, mine, given, report));
    }
    joint
}

/// Ladders that are there in some hours only: at the others nothing is done on them.
pub(super) fn add_those_of_hours<'j, 'a: 'j>(
    ladders: &mut Vec<Joint<'a>>,
    of_hours: impl Iterator<Item = &'j Joint<'a>>,
) {
    for joint in of_hours {
        if !ladders.iter().any(|ladder| ladder.name == joint.name) {
            let (name, place, origin) = (joint.name, joint.place, joint.origin);
            ladders.push(Joint { name, place, origin, levels: PerLevel::default(), sound: true });
        }
    }
}

impl<'a> Joint<'a> {
    /// Where it is written.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// The levels at which something is done.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> {
        self.levels.iter().filter(|(_, rungs)| rungs.is_some()).map(|(level, _)| level)
    }

    pub(super) fn new(
        name: &'a str,
        own: Option<&Written<'a>>,
        given: Option<&Written<'a>>,
        report: &mut Report,
    ) -> Self {
        let nowhere = Place { file: 0, start: 0, end: 0 };
        let place = own.or(given).map_or(nowhere, |ladder| ladder.place);
        let origin = if own.is_some() { Origin::Own } else { Origin::Inherited };
        let mut joint = Self { name, place, origin, levels: PerLevel::default(), sound: true };
        for level in Level::ABOVE_NORMAL {
            let mine = own.and_then(|ladder| ladder.levels.get(level)?.as_ref());
            let given = given.and_then(|ladder| ladder.levels.get(level)?.as_ref());
            let rungs = joint.level(mine, given, report);
            if let Some(slot) = joint.levels.get_mut(level) {
                *slot = rungs;
            }
        }
        joint
    }

    fn level(&mut self, own: Option<&Steps<'a>>, given: Option<&Steps<'a>>, report: &mut Report) -> Option<Rungs<'a>> {
        let (origin, steps) = match own {
            Some(steps) => (Origin::Own, steps),
            None => (Origin::Inherited, given?),
        };
        match &steps.setting {
            Setting::Is(names) => Some(Rungs { origin, place: steps.place, steps: names.clone() }),
            Setting::Removed => {
                if origin == Origin::Own && given.is_none() {
                    nothing_inherited("actions at this level", steps.place, report);
                }
                None
            }
            Setting::Broken => {
                self.sound = false;
                None
            }
        }
    }

    /// Every step with its level.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Level, &Step<'a>)> {
        let levels = self.levels.iter().filter_map(|(level, rungs)| Some((level, rungs.as_ref()?)));
        levels.flat_map(|(level, rungs)| rungs.steps.iter().map(move |step| (level, step)))
    }

    /// Whether a step names the action.
    pub(super) fn names(&self, action: &str) -> bool {
        self.steps().any(|(_, step)| step.action == action)
    }

    /// Reports steps that name no action, and kills that would be inherited. Whether all was well.
    pub(super) fn look_up(&mut self, actions: &[Item<'_, Plan<'_>>], target: &str, report: &mut Report) -> bool {
        let mut sound = self.sound;
        for (level, rungs) in self.levels.iter_mut() {
            let Some(rungs) = rungs else { continue };
            rungs.steps.retain(|step| {
                let found = actions.iter().find(|item| item.name == step.action);
                let step = Look { step, origin: rungs.origin, level, target };
                match found.map(|item| &item.setting) {
                    Some(Setting::Is(plan)) if plan.action.measure.is_kill() => step.kill(report),
                    Some(Setting::Is(_) | Setting::Broken) => {}
                    Some(Setting::Removed) if rungs.origin == Origin::Inherited => return false,
                    Some(Setting::Removed) | None => step.missing(actions, report),
                }
                sound &= matches!(found.map(|item| &item.setting), Some(Setting::Is(_)));
                true
            });
        }
        sound
    }

    /// Reports levels that no bound reaches; inherited ones are left out without a word.
    pub(super) fn hold_against(&mut self, feeding: &[&Row<'_>], report: &mut Report) {
        if feeding.is_empty() && self.name != DEFAULT {
            if self.origin == Origin::Own {
                report
                    .missing(self.place, format!("nothing feeds the ladder `{}`", self.name))
                    .help(format!("let a threshold join it by ladder = \"{}\", or remove it", self.name));
            }
            return;
        }
        let reach = feeding.iter().map(|row| row.reach()).max().unwrap_or_default();
        for (level, rungs) in self.levels.iter_mut().filter(|(level, _)| *level > reach) {
            let Some(own) = rungs.take().filter(|rungs| rungs.origin == Origin::Own) else { continue };
            let why = if reach == Level::Normal {
                "no threshold feeds this ladder".to_owned()
            } else {
                format!("the highest bound that feeds this ladder is `{reach}`")
            };
            report
                .missing(own.place, format!("`{level}` is never reached: {why}"))
                .help(format!("give a threshold the bound `{level}`, or move the actions to a lower level"));
        }
    }

    /// With indexes into the target's actions.
    pub(super) fn resolve(&self, actions: &[&str]) -> Ladder {
        let mut steps = PerLevel::<Vec<usize>>::default();
        for (level, step) in self.steps() {
            if let (Some(list), Some(index)) =
                (steps.get_mut(level), actions.iter().position(|name| *name == step.action))
            {
                list.push(index);
            }
        }
        Ladder { name: Arc::from(self.name), steps }
    }
}

/// A step that is looked up.
struct Look<'l, 'a> {
    step: &'l Step<'a>,
    origin: Origin,
    level: Level,
    target: &'l str,
}

impl Look<'_, '_> {
    fn kill(&self, report: &mut Report) {
        if self.origin == Origin::Own {
            return;
        }
        report
            .error(
                self.step.place,
                format!("a kill in the ladder of [defaults] (target `{}`): kill is never inherited", self.target),
            )
            .help("name it in the ladder of each target that may be killed");
    }

    fn missing(&self, actions: &[Item<'_, Plan<'_>>], report: &mut Report) {
        let (name, target, level) = (self.step.action, self.target, self.level);
        let there = |item: &&Item<'_, Plan<'_>>| match item.setting {
            Setting::Is(_) => true,
            Setting::Broken => item.origin == Origin::Own,
            Setting::Removed => false,
        };
        let defined = actions.iter().filter(there).map(|item| item.name);
        let help = suggest(name, "actions", defined);
        match self.origin {
            Origin::Own => report
                .missing(self.step.place, format!("no action {}", quoted(name)))
                .help(format!("{help} (a new one: [target.{target}.actions.NAME])")),
            Origin::Inherited => report
                .missing(self.step.place, format!("target `{target}` inherits this and has no action {}", quoted(name)))
                .help(format!("{help} (to do nothing: {level} = \"none\" in [target.{target}.ladder])")),
        };
    }
}
