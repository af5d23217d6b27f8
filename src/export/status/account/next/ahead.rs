//! Which level comes next, when, and what is done there.

use super::super::Scene;
use super::super::coming::{Coming, Plan, When};
use super::super::seats::Row;
use super::super::words::{bound, in_about, level_of, within};
use crate::config::units;
use crate::export::Snapshot;
use crate::model::{Direction, MemberKey, Moment, Unknown};
use crate::record::show_duration;

/// Most levels that are told of by their time.
const MOST: usize = 4;

/// What every line says alike.
struct Teller<'a> {
    now: Moment,
    dry: bool,
    /// Whether the name of the target belongs to that of an action.
    hosts: bool,
    /// Whose a level is, where there are several.
    whose: &'a dyn Fn(Option<MemberKey>) -> String,
}

pub(super) fn of_target(scene: &Scene<'_>, coming: &[Coming<'_>]) -> Vec<String> {
    let one = |key: &MemberKey| key.slot != MemberKey::ALL;
    let whose = |key: Option<MemberKey>| key.filter(one).map_or_else(String::new, |key| scene.which(key));
    Teller { now: scene.now(), dry: scene.is_dry(), hosts: false, whose: &whose }.lines(coming)
}

pub(super) fn of_host(snapshot: &Snapshot, coming: &[Coming<'_>]) -> Vec<String> {
    let whose = |_| String::new();
    Teller { now: snapshot.taken, dry: snapshot.config.daemon.dry_run, hosts: true, whose: &whose }.lines(coming)
}

impl Teller<'_> {
    /// The first level that has a time, and all at which something is done; of each ladder that has none the
    /// nearest.
    fn lines(&self, coming: &[Coming<'_>]) -> Vec<String> {
        let timed = coming.iter().filter(|one| one.seconds().is_some());
        let timed = timed.enumerate().filter(|(at, one)| *at == 0 || !one.plans.is_empty());
        let timed: Vec<&Coming<'_>> = timed.map(|(_, one)| one).collect();
        let mut lines: Vec<String> = timed.iter().take(MOST).map(|one| self.timed(one)).collect();
        if timed.len() > MOST {
            let more = timed.len() - MOST;
            let last = timed.last().and_then(|one| one.seconds()).map_or_else(String::new, in_about);
            lines.push(format!("and {more} more levels, the last of them {last}: all of them in /api/v1/status"));
        }
        let mut told: Vec<usize> = timed.iter().map(|one| one.ladder.0).collect();
        for one in coming.iter().filter(|one| one.seconds().is_none()) {
            if !told.contains(&one.ladder.0) {
                told.push(one.ladder.0);
                let above = coming.iter().filter(|other| other.ladder.0 == one.ladder.0 && !other.plans.is_empty());
                lines.push(self.timeless(one, above.min_by_key(|other| other.level)));
            }
        }
        lines
    }

    /// `at open_fds 900 (fatal), now 305, in 40m as it grows now: kill (held then: kill_budget, opens 3m later)`
    fn timed(&self, coming: &Coming<'_>) -> String {
        let left = coming.seconds().unwrap_or_default();
        let past =
            coming.row.value().is_some_and(|value| coming.row.metric.direction().is_past(value, coming.bound.at));
        let when = if past { "if it stays there" } else { "as it grows now" };
        let then = coming.at(self.now);
        let whose = (self.whose)(coming.key);
        let (place, what, change) = (self.place(coming), self.what(coming, then), self.change(coming));
        format!("{place}, {} {when}: {what}{whose}{change}", in_about(left))
    }

    /// `; in 40m the bounds of nyse.open hold: open_fds 400, in 50m, disable_websocket`
    fn change(&self, coming: &Coming<'_>) -> String {
        let Some(then) = &coming.then else { return String::new() };
        let hold = match then.during.as_slice() {
            [] => "the usual bounds hold".to_owned(),
            names => format!("the bounds of {} hold", names.join(" and ")),
        };
        let Some(other) = &then.bound else {
            return format!("; {} {hold}: no {} of {}", within(self.now, then.from), coming.level, coming.row.metric);
        };
        let left = then.seconds.map_or_else(|| ", not reached".to_owned(), |left| format!(", {}", in_about(left)));
        let what =
            if then.actions.is_empty() { "nothing is done there".to_owned() } else { then.actions.join(", then ") };
        format!("; {} {hold}: {}{left}: {what}", within(self.now, then.from), bound(coming.row.metric, other))
    }

    /// `at open_fds 300 (elevated), now 92, growth not known yet: reset_pool`
    fn timeless(&self, coming: &Coming<'_>, first: Option<&Coming<'_>>) -> String {
        let when = match coming.when {
            When::Unknown(Unknown::TooShort) => ", growth not known yet",
            When::Never => ", not growing",
            When::Unknown(_) | When::NotForetold | When::In(_) => "",
        };
        let what = match first.filter(|_| coming.plans.is_empty()) {
            Some(first) => {
                let at = units::show(first.bound.at, first.row.metric.unit());
                format!("nothing is done there; at {at} ({}): {}", first.level, self.what(first, self.now))
            }
            None => self.what(coming, self.now),
        };
        format!("{}{when}: {what}{}{}", self.place(coming), (self.whose)(coming.key), self.change(coming))
    }

    /// `at open_fds 300 (elevated), now 92`
    fn place(&self, coming: &Coming<'_>) -> String {
        let row = &coming.row;
        let value = row.value().filter(|_| row.view.unknown.is_none());
        let value =
            value.map_or_else(|| "unknown now".to_owned(), |v| format!("now {}", units::show(v, row.metric.unit())));
        format!("at {} ({}), {value}", bound(row.metric, &coming.bound), level_of(coming.level, coming.ladder.1))
    }

    fn what(&self, coming: &Coming<'_>, then: Moment) -> String {
        if coming.plans.is_empty() {
            return "nothing is done there".to_owned();
        }
        let plans: Vec<String> = coming.plans.iter().map(|plan| self.plan(coming, plan, then)).collect();
        format!("{}{}", if self.dry { "would take " } else { "" }, plans.join(", then "))
    }

    fn plan(&self, coming: &Coming<'_>, plan: &Plan<'_>, then: Moment) -> String {
        let name = &plan.action.name;
        let name = if self.hosts { format!("{}.{name}", plan.target.name) } else { name.to_string() };
        if plan.in_force {
            return format!("{name} (in force already)");
        }
        let name = match &plan.step_up {
            Some(step) => {
                let (after, actions) = (show_duration(step.after), step.names(self.hosts).join(", then "));
                format!("{name} (without effect in {after}: {}, {actions})", step.to)
            }
            None => name,
        };
        if plan.brakes.is_empty() {
            return name;
        }
        let when = if coming.seconds().is_some() { "then" } else { "now" };
        let brakes = plan.brakes.iter().map(|closed| match closed.opens.map(|opens| within(then, opens)) {
            Some(time) if when == "now" => format!("{}, opens {time}", closed.reason),
            Some(time) => format!("{}, opens {} later", closed.reason, time.trim_start_matches("in ")),
            None => closed.reason.to_string(),
        });
        format!("{name} (held {when}: {})", brakes.collect::<Vec<_>>().join("; "))
    }
}

/// The value as a share of the next bound, or of the last where none is left.
pub(in crate::export::status::account) fn share(row: &Row<'_>) -> Option<f64> {
    let at = row.ahead().next().map(|(_, bound)| bound.at).or_else(|| row.held().map(|bound| bound.at))?;
    row.value().map(|value| match row.metric.direction() {
        Direction::Up => value / at,
        Direction::Down => at / value,
    })
}
