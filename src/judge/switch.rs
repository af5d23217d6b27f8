//! Other bounds and ladders come into force for a target, because its hours have changed. What is known of a
//! process stays known: a level holds until a reading says otherwise, and no kill comes of a switch before
//! the hold has passed anew.

use std::sync::Arc;

use super::member::{MemberState, rungs};
use super::rung::{Of, Rung};
use super::watched::{Rules, Watched};
use super::{Pass, State};
use crate::config::{Config, Per, Target, Threshold};
use crate::model::{Level, MemberKey, Moment, Note};

impl State {
    /// Takes over `config`, which is the same but for the hours of its targets.
    pub(super) fn switch(&mut self, config: &Arc<Config>, pass: &mut Pass<'_>) {
        let before = std::mem::replace(&mut self.config, Arc::clone(config));
        for (index, (was, is)) in (0_u16..).zip(before.targets.iter().zip(&config.targets)) {
            if was.inside == is.inside {
                continue;
            }
            pass.tell(Note::Daemon { text: told(is), bad: false });
            if let Some(group) = self.groups.get_mut(&index) {
                group.watched.switch((was, is), pass.now);
            }
            for (_, member) in self.members.range_mut(MemberKey { target: index, slot: 0 }..=MemberKey::all_of(index)) {
                if is.per == Per::Process {
                    member.watched.switch((was, is), pass.now);
                }
                member.settled_from = member.settled_from.max(pass.now);
                if was.ladders != is.ladders {
                    member.switch(config, (usize::from(index), is), pass);
                }
            }
        }
        self.changed = true;
    }
}

fn told(target: &Target) -> String {
    match target.inside_names().as_slice() {
        [] => format!("{}: the usual bounds hold", target.name),
        names => format!("{}: the bounds of {} hold", target.name, names.join(" and ")),
    }
}

impl Watched {
    /// Other rows: those that are the same go on, those whose bounds are others are set by their next reading.
    fn switch(&mut self, (was, is): (&Target, &Target), now: Moment) {
        let before = std::mem::take(&mut self.thresholds);
        let state = |row: &Threshold| {
            let index = was.thresholds.iter().position(|old| old.name == row.name)?;
            let (old, state) = (was.thresholds.get(index)?, before.get(index)?);
            let same = old.bounds == row.bounds && old.clear_hold == row.clear_hold;
            let steps = |target: &Target| target.ladders.get(row.ladder).map(|ladder| ladder.steps.clone());
            let mut state = if same { state.clone() } else { state.under(row, &state.memory(old, old.name.clone())) };
            if !same || old.ladder != row.ladder || steps(was) != steps(is) {
                state.begin_anew(now);
            }
            Some(state)
        };
        self.thresholds = is.thresholds.iter().map(|row| state(row).unwrap_or_default()).collect();
        self.lay_courses(Rules::of_target(is));
        self.review_escalations(Rules::of_target(is));
    }
}

impl MemberState {
    /// Other ladders: rungs that are on both stay as they are, new ones at a level that holds are due.
    fn switch(&mut self, config: &Config, (index, target): (usize, &Target), pass: &mut Pass<'_>) {
        let mut before: Vec<Rung> = std::mem::take(&mut *self.rungs);
        let mut list = rungs(config, target, index);
        for rung in &mut list {
            let same = |old: &Rung| (old.of, old.level, old.action) == (rung.of, rung.level, rung.action);
            if let Some(at) = before.iter().position(same) {
                *rung = before.remove(at);
            } else if rung.level > Level::Normal && self.holds(rung) {
                rung.make_due();
            }
        }
        for mut rung in before {
            if rung.is_operators() {
                list.push(rung);
            } else {
                rung.lapse(pass);
            }
        }
        self.rungs = list.into();
    }

    /// Whether a ladder of its own stands at the rung's level.
    fn holds(&self, rung: &Rung) -> bool {
        let level = match rung.of {
            Of::Ladder(ladder) => self.climbed.get(ladder).copied(),
            Of::Host(_) | Of::Schedule(_) | Of::Operator { .. } => None,
        };
        level.is_some_and(|level| level >= rung.level)
    }
}
