//! The facts of calendars, and of what holds in which hours.

use super::facts::Facts;
use crate::config::{Calendar, During, Session, Target};

impl Facts {
    pub(super) fn calendar(&mut self, calendar: &Calendar) {
        let Calendar { name, zone: _, days, sessions, holidays, half_days, valid_until } = calendar;
        self.within(format!("[calendar] {name}"), |facts| {
            facts.text("zone", calendar.zone_name());
            facts.text("days", joined(days.iter().map(|day| format!("{day:?}"))));
            for Session { name, span } in sessions {
                facts.text(&format!("session {name}"), span.to_string());
            }
            facts.text("holidays", joined(holidays.iter().map(ToString::to_string)));
            for (day, held) in half_days {
                let name = |index: usize| sessions.get(index).map_or("?", |session| &*session.name);
                let held = held.iter().map(|(index, span)| format!("{} {span}", name(*index)));
                facts.text(&format!("half day {day}"), joined(held));
            }
            facts.text("valid_until", valid_until.map(|day| day.to_string()).unwrap_or_default());
        });
    }

    /// The usual thresholds and ladders, and those of some hours, whatever the hour.
    pub(super) fn bounds(&mut self, target: &Target) {
        let (thresholds, ladders) = target.usual();
        thresholds.iter().for_each(|threshold| self.threshold(threshold, ladders));
        ladders.iter().for_each(|ladder| self.ladder(ladder, &target.actions));
        target.during.iter().for_each(|during| self.during(during, target));
    }

    /// A row or a level that it takes out is `none`.
    fn during(&mut self, during: &During, target: &Target) {
        let During { name, hours: _, thresholds, steps } = during;
        let (_, ladders) = target.usual();
        self.within(format!("during {name}"), |facts| {
            for (metric, row) in thresholds {
                match row {
                    Some(row) => facts.threshold(row, ladders),
                    None => facts.within(format!("threshold {metric}"), |facts| facts.text("", "")),
                }
            }
            for (ladder, level, actions) in steps {
                let ladder = ladders.get(*ladder).map_or("?", |ladder| &*ladder.name);
                let names = actions.iter().map(|action| super::facts::name_of(*action, &target.actions).to_owned());
                facts.text(&format!("ladder {ladder} {level}"), joined(names));
            }
        });
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
