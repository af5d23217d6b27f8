//! An action of the configuration: what exactly it will do, when, to whom, what may hold it, and how it
//! is taken back.

use super::entry::Entry;
use crate::cli::lookup::shown;
use crate::config::units::{self, Duration};
use crate::config::{Action, Config, During, EffectKind, Escalate, Otherwise, Target, Threshold};
use crate::model::{ActionScope, FreezeBy, KillScope, Level, Measure, UndoBy};
use crate::record::{show_duration, show_measure};

/// `TARGET.ACTION` of every action.
pub(super) fn names(config: &Config) -> Vec<String> {
    let of = |target: &Target| {
        let names = target.actions.iter().map(|action| format!("{}.{}", target.name, action.name));
        names.collect::<Vec<_>>()
    };
    config.targets.iter().flat_map(of).collect()
}

/// The actions that `word` names, with or without their target.
pub(super) fn entries(word: &str, config: &Config) -> Vec<Entry> {
    let (wanted, name) = word.split_once('.').map_or((None, word), |(target, action)| (Some(target), action));
    let targets = config.targets.iter().enumerate();
    let targets = targets.filter(|(_, target)| wanted.is_none_or(|wanted| *target.name == *wanted));
    let found = targets.filter_map(|(index, target)| {
        let at = target.actions.iter().position(|action| *action.name == *name)?;
        Some(Told { config, target, index, action: &target.actions[at], at }.entry())
    });
    found.collect()
}

/// One action, and where it stands.
struct Told<'a> {
    config: &'a Config,
    target: &'a Target,
    index: usize,
    action: &'a Action,
    at: usize,
}

impl Told<'_> {
    fn entry(&self) -> Entry {
        let (target, action) = (&self.target.name, &self.action.name);
        let kind = format!("an action of target {target} ({})", self.config.place(self.target));
        Entry::new(&format!("{target}.{action}"), &kind, &self.lead())
            .part("Sends", show_measure(&self.action.measure))
            .part("When", self.when())
            .part("To whom", self.whom())
            .part("First", self.needs())
            .part("Brakes", self.brakes())
            .part("Vetoes", self.vetoes())
            .part("If it fails", self.failure())
            .part("Its effect", self.effect())
            .part("Undo", self.undo())
            .part("Afterwards", self.afterwards())
            .part("Dry run", self.dry_run())
            .part("By hand", self.by_hand())
    }

    /// What it does, in words.
    fn lead(&self) -> String {
        match &self.action.measure {
            Measure::Signal { assume_handled, .. } => {
                let handler =
                    if *assume_handled { "whether or not a handler shows" } else { "if it has a handler for it" };
                format!("Sends a signal to the process, {handler}.")
            }
            Measure::Kill { grace, scope } => {
                let reach = match scope {
                    KillScope::Process => "the process",
                    KillScope::Tree => "the process and its descendants",
                    KillScope::Cgroup => "everything in its cgroup",
                };
                format!("Ends {reach}: SIGTERM, and SIGKILL if it is still there after {}.", show_duration(*grace))
            }
            Measure::Freeze { by, deadline } => {
                let what = match by {
                    FreezeBy::Signal => "the process",
                    FreezeBy::Cgroup => "everything in its cgroup",
                };
                format!("Stops {what} for at most {}; then it runs on.", show_duration(*deadline))
            }
            Measure::Thaw { .. } => "Lets a stopped process run on.".to_owned(),
            Measure::Http(http) => {
                let expect: Vec<String> = http.expect.iter().map(ToString::to_string).collect();
                let timeout = show_duration(http.timeout);
                format!("Asks over HTTP; {} within {timeout} acknowledges it.", expect.join(", "))
            }
            Measure::Command(command) => {
                format!(
                    "Runs a program, without a shell; exit code 0 within {} acknowledges it.",
                    show_duration(command.timeout)
                )
            }
        }
    }

    /// At which levels of which ladders, and on which schedules.
    fn when(&self) -> String {
        let mut lines = Vec::new();
        let (rows, ladders) = self.target.usual();
        for (index, ladder) in ladders.iter().enumerate() {
            for (level, _) in ladder.steps.iter().filter(|(_, actions)| actions.contains(&self.at)) {
                let bounds = self.bounds(rows.iter(), (index, level));
                let bounds = if bounds.is_empty() { "no bound leads there".to_owned() } else { bounds.join(", ") };
                lines.push(format!("{level} on the ladder {}: {bounds}", ladder.name));
            }
        }
        lines.extend(self.target.during.iter().flat_map(|during| self.at_times(during)));
        for (level, steps) in self.config.host.ladder.iter() {
            if steps.iter().any(|step| (step.target, step.action) == (self.index, self.at)) {
                lines.push(format!("{level} on the host's ladder"));
            }
        }
        for schedule in self.target.schedule.iter().filter(|schedule| schedule.action == self.at) {
            lines.push(format!("every {}, whatever the level", show_duration(schedule.every)));
        }
        if let Some(repeat) = self.action.repeat {
            lines.push(format!("again every {} while the level holds", show_duration(repeat)));
        }
        if lines.is_empty() {
            "never by itself: no ladder and no schedule names it".to_owned()
        } else {
            lines.join("\n")
        }
    }

    /// What is different in some hours: `during nyse: fatal on the ladder default: open_fds 700 for 3s`.
    fn at_times(&self, during: &During) -> Vec<String> {
        let (_, ladders) = self.target.usual();
        let replaced = |ladder: usize, level: Level| {
            during.steps.iter().find(|(other, at, _)| (*other, *at) == (ladder, level)).map(|(.., actions)| actions)
        };
        let mut lines = Vec::new();
        for (index, ladder) in ladders.iter().enumerate() {
            for (level, usual) in ladder.steps.iter() {
                let actions = replaced(index, level);
                let is_done = actions.unwrap_or(usual).contains(&self.at);
                let rows = during.thresholds.iter().filter_map(|(_, row)| row.as_ref());
                let bounds = self.bounds(rows, (index, level)).join(", ");
                let place = format!("during {}: {level} on the ladder {}", during.name, ladder.name);
                match (is_done, usual.contains(&self.at)) {
                    (true, _) if !bounds.is_empty() => lines.push(format!("{place}: {bounds}")),
                    (true, false) => lines.push(format!("{place}, by the usual bounds")),
                    (false, true) => lines.push(format!("{place}: not")),
                    (true, true) | (false, false) => {}
                }
            }
        }
        lines
    }

    /// Which readings lead to a level: `open_fds 900 for 3s`.
    fn bounds<'r>(&self, rows: impl Iterator<Item = &'r Threshold>, (ladder, level): (usize, Level)) -> Vec<String> {
        let rows = rows.filter(|row| row.ladder == ladder);
        let bound = |row: &Threshold| {
            let bound = (*row.bounds.get(level)?)?;
            let metric = &row.name;
            let hold = if bound.hold.is_zero() { String::new() } else { format!(" for {}", show_duration(bound.hold)) };
            Some(format!("{metric} {}{hold}", units::show(bound.at, metric.unit())))
        };
        rows.filter_map(bound).collect()
    }

    fn whom(&self) -> &'static str {
        match self.action.scope {
            ActionScope::Process => "each process that is over its bound",
            ActionScope::Target => "once for all processes of the target",
        }
    }

    fn needs(&self) -> String {
        let Some(needs) = self.action.needs else { return String::new() };
        let needed = self.target.actions.get(needs.action).map_or("?", |action| &action.name);
        let otherwise = match needs.otherwise {
            Otherwise::Kill => "it is killed all the same",
            Otherwise::Hold => "it is not killed",
        };
        format!("{needed} must be acknowledged; if it is not within {}, {otherwise}", show_duration(needs.within))
    }

    /// What may hold it, with the values that hold here.
    fn brakes(&self) -> String {
        let Action { cooldown, measure, .. } = self.action;
        let mut brakes = vec!["inhibited".to_owned(), format!("cooldown {}", show_duration(*cooldown))];
        if !self.target.startup_grace.is_zero() {
            brakes.push(format!("startup_grace {}", show_duration(self.target.startup_grace)));
        }
        if !self.action.not_during.is_empty() {
            let hours = self.action.not_during.iter().map(|hours| self.config.hours_name(*hours));
            brakes.push(format!("calendar (not during {})", hours.collect::<Vec<_>>().join(", ")));
        } else if measure.is_kill() && !self.target.during.is_empty() {
            brakes.push("calendar (out of date)".to_owned());
        }
        if matches!(measure, Measure::Http(_)) {
            brakes.push("breaker".to_owned());
        }
        if measure.is_kill() || measure.is_freeze() {
            brakes.push("state_unwritable".to_owned());
        }
        if measure.is_kill() {
            let (own, all) = (self.target.kill_budget, self.config.daemon.kill_budget);
            brakes.push(format!("settle {}", show_duration(self.target.settle)));
            brakes.push(format!("kill_budget {} per {}", own.max, show_duration(own.per)));
            brakes.push(format!("{} per {} for all targets", all.max, show_duration(all.per)));
            brakes.push(format!("keep_at_least {}", self.target.keep_at_least));
            brakes.push("crash_loop, unknown, unconfirmed".to_owned());
        } else {
            brakes.push("killing".to_owned());
        }
        brakes.join(", ")
    }

    fn vetoes(&self) -> &'static str {
        match self.action.measure {
            Measure::Signal { assume_handled: false, .. } => "identity, protected, unhandled",
            Measure::Kill { .. } | Measure::Freeze { .. } => "identity, protected, imitable",
            Measure::Signal { .. } | Measure::Thaw { .. } | Measure::Http(_) | Measure::Command(_) => {
                "identity, protected"
            }
        }
    }

    fn failure(&self) -> String {
        format!("tried again after 5s, doubling to 1m, at most {} times in all", self.action.max_attempts)
    }

    /// What counts as help, and what follows where nothing has helped.
    fn effect(&self) -> String {
        let Action { effect, min_effect, patience, max_attempts, escalate, measure, .. } = self.action;
        if measure.is_kill() || self.is_only_scheduled() {
            return String::new();
        }
        let share = units::Share(*min_effect);
        let growth = if *effect == EffectKind::StopsGrowth { ", or grow less than half as fast" } else { "" };
        let goal = format!("within {} the causing metric must become better by {share}{growth}", Duration(*patience));
        let then = match escalate {
            Escalate::No => "",
            Escalate::Yes => "; else the next level's actions follow, but for a kill",
            Escalate::ToKill => "; else the next level's actions follow, a kill too",
        };
        format!("{goal}{then}; given up after {max_attempts} orders without effect")
    }

    /// Whether no reading ever causes it.
    fn is_only_scheduled(&self) -> bool {
        let named = |actions: &[usize]| actions.contains(&self.at);
        let own = self.target.ladders.iter().flat_map(|ladder| ladder.steps.iter()).any(|(_, actions)| named(actions));
        let needed = self.target.actions.iter().any(|other| other.needs.is_some_and(|needs| needs.action == self.at));
        !own && !needed && !self.when().contains("the host's ladder")
    }

    fn undo(&self) -> String {
        if let Measure::Freeze { deadline, .. } = self.action.measure {
            return format!("thawed once its level is left, after {} in any case", show_duration(deadline));
        }
        let Some(undo) = &self.action.undo else { return String::new() };
        let cycles = self.action.max_cycles;
        match undo.by {
            UndoBy::Operator => format!("{}, when an operator says so", show_measure(&undo.measure)),
            UndoBy::Daemon => format!(
                "{}, {} after its level was left; at most {} times in {}, beyond that it stays in force",
                show_measure(&undo.measure),
                show_duration(undo.after),
                cycles.max,
                show_duration(cycles.per)
            ),
        }
    }

    fn afterwards(&self) -> String {
        let within = self.action.expect_successor;
        within.map_or_else(String::new, |within| format!("a new process must be there within {}", Duration(within)))
    }

    fn dry_run(&self) -> String {
        let file = self.config.files.first().map(|file| shown(file)).unwrap_or_default();
        if self.config.daemon.dry_run { format!("on: it is told of, not taken ({file})") } else { String::new() }
    }

    fn by_hand(&self) -> String {
        let (target, action) = (&self.target.name, &self.action.name);
        let undo =
            if self.action.undo.is_some() { format!("; tradedog undo {target} {action}") } else { String::new() };
        format!("tradedog act {target} {action}{undo}")
    }
}
