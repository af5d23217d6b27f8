//! The story, told line by line as it happens: what the daemon knows (from its status), what the
//! trader says of itself, what the supervisor does.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use rustix::process::Signal;

use super::super::output::level_style;
use super::super::{Failure, Output};
use super::plot::{Plot, Scene};
use super::stage::Turn;
use crate::export::status::{EndedOrder, Lease, Member, Status};
use crate::kernel;
use crate::model::{Level, Moment, printable};

/// Readings are told at least so often.
const ROW: Duration = Duration::from_secs(2);
/// How long the end must be calm.
const CALM: Duration = Duration::from_secs(3);
/// Longest line of the trader.
const VOICE_CHARS: usize = 200;
/// Action -> how it is delivered, and its undo.
const MEASURES: [(&str, &str); 4] = [
    ("reset_pool", "signal SIGUSR1"),
    ("disable_websocket", "HTTP POST"),
    ("pause", "command"),
    ("kill", "SIGTERM, then SIGKILL"),
];

/// Who speaks.
#[derive(Clone, Copy)]
enum Who {
    Tradedog,
    Trader,
    Demo,
}

/// What was told so far, so that only what is new is told.
pub(super) struct Story<'a> {
    output: &'a mut Output,
    plot: Plot,
    began: Moment,
    next_row: Moment,
    level: Level,
    /// The pid that was seen last.
    pid: Option<i32>,
    /// Orders that have ended.
    ended: BTreeSet<u64>,
    /// Action -> what was last said of its rung, and of its lease.
    rungs: BTreeMap<String, String>,
    leases: BTreeMap<String, String>,
    calm_since: Option<Moment>,
}

impl<'a> Story<'a> {
    pub(super) fn begin(output: &'a mut Output, plot: Plot) -> Result<Self, Failure> {
        output.styled(Style::new().bold(), format_args!("{:>7}  {:<8}  what", "time", "who"))?;
        let began = kernel::now();
        Ok(Self {
            output,
            plot,
            began,
            next_row: began,
            level: Level::Normal,
            pid: None,
            ended: BTreeSet::new(),
            rungs: BTreeMap::new(),
            leases: BTreeMap::new(),
            calm_since: None,
        })
    }

    pub(super) const fn plot(&self) -> &Plot {
        &self.plot
    }

    /// How long it has lasted.
    pub(super) fn age(&self) -> Duration {
        kernel::now().since(self.began)
    }

    /// Tells what is new in what the daemon knows.
    pub(super) fn tell(&mut self, status: &Status) -> Result<(), Failure> {
        let members = status.targets.first().map_or(&[][..], |target| &target.members);
        for member in members {
            self.tell_reading(member)?;
        }
        for order in status.recent_orders.iter().rev() {
            if self.ended.insert(order.order) {
                self.tell_end(order)?;
            }
        }
        for member in members {
            self.tell_rungs(member)?;
        }
        self.tell_leases(&status.leases, status.time)?;
        self.watch_for_calm(status, members)
    }

    /// What the trader says of itself.
    pub(super) fn quote(&mut self, lines: &[String]) -> Result<(), Failure> {
        let style = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
        for line in lines {
            let line = printable(line.as_bytes(), VOICE_CHARS);
            self.say(Who::Trader, style, &format!("\"{line}\""))?;
        }
        Ok(())
    }

    /// What the supervisor saw or did.
    pub(super) fn turn(&mut self, turn: &Turn) -> Result<(), Failure> {
        match turn {
            Turn::Restarted => self.say(Who::Demo, Style::new(), "starts a successor, as a supervisor would"),
            Turn::Ended(status) => {
                self.say(Who::Demo, Style::new(), &format!("the trader has ended: {status}"))?;
                if status.signal() == Some(Signal::KILL.as_raw()) {
                    return Ok(());
                }
                Err(Failure::runtime(format!("the trader ended by itself: {status}")))
            }
        }
    }

    fn say(&mut self, who: Who, style: Style, text: &str) -> Result<(), Failure> {
        let seconds = self.age().as_secs_f64();
        let who = match who {
            Who::Tradedog => "tradedog",
            Who::Trader => "trader",
            Who::Demo => "demo",
        };
        Ok(self.output.styled(style, format_args!("{seconds:>6.1}s  {who:<8}  {text}"))?)
    }

    fn saw(&mut self, scene: Scene) -> Result<(), Failure> {
        self.plot.saw(scene).map_err(Failure::runtime)
    }

    fn tell_reading(&mut self, member: &Member) -> Result<(), Failure> {
        if self.pid.is_some_and(|pid| pid != member.pid) {
            self.level = Level::Normal;
            self.next_row = kernel::now();
            self.say(Who::Tradedog, Style::new(), &format!("pid {} is the successor", member.pid))?;
            self.saw(Scene::Succeeded)?;
        }
        self.pid = Some(member.pid);
        let level = level_named(&member.judged.level);
        let before = std::mem::replace(&mut self.level, level);
        if level == before && kernel::now() < self.next_row {
            return Ok(());
        }
        self.next_row = kernel::now() + ROW;
        let (fds, waiting) = (reading(member, "open_fds"), reading(member, "close_wait"));
        let step = match level.cmp(&before) {
            std::cmp::Ordering::Equal => level.to_string(),
            std::cmp::Ordering::Less => format!("{before} -> {level}"),
            std::cmp::Ordering::Greater => format!("{before} -> {level}: {}", because(member)),
        };
        let text = format!("open_fds {fds:>4}  close_wait {waiting:>4}  {step}");
        self.say(Who::Tradedog, level_style(level), &text)?;
        self.saw(Scene::Level(level))
    }

    fn tell_end(&mut self, order: &EndedOrder) -> Result<(), Failure> {
        let what = if order.undo { "undo " } else { "order" };
        let reason = if order.reason == "none" { String::new() } else { format!(" ({})", order.reason) };
        let text = format!("{what} {} ({}) -> {}{reason}", order.action, delivery(&order.action), order.outcome);
        self.say(Who::Tradedog, Style::new().bold(), &text)?;
        let action = MEASURES.iter().map(|(action, _)| *action).find(|action| *action == order.action);
        let arrived = matches!(order.outcome.as_str(), "delivered" | "acknowledged");
        match action {
            Some(_) if order.action == "kill" && order.outcome == "gone" => self.saw(Scene::Killed),
            Some(action) if order.undo && arrived => self.saw(Scene::Undone(action)),
            Some(action) if arrived => self.saw(Scene::Taken(action)),
            Some(_) | None => Ok(()),
        }
    }

    /// Orders that have not ended: a kill that waits out its grace, and what a brake holds.
    fn tell_rungs(&mut self, member: &Member) -> Result<(), Failure> {
        for rung in &member.judged.rungs {
            let now = match rung.standing.as_str() {
                "in_flight" if rung.action == "kill" => "SIGTERM is sent, SIGKILL follows".to_owned(),
                "in_flight" | "waiting" | "done" | "in_force" => String::new(),
                standing => format!("{} ({})", standing.replace('_', " "), rung.reason),
            };
            let before = self.rungs.insert(rung.action.clone(), now.clone());
            if !now.is_empty() && before.as_ref() != Some(&now) {
                let text = format!("order {} ({}) -> {now}", rung.action, delivery(&rung.action));
                self.say(Who::Tradedog, Style::new().bold(), &text)?;
            }
        }
        Ok(())
    }

    /// What is in force, and what is to come of it.
    fn tell_leases(&mut self, leases: &[Lease], now: f64) -> Result<(), Failure> {
        for lease in leases {
            let before = self.leases.insert(lease.action.clone(), lease.standing.clone());
            if before.as_ref() == Some(&lease.standing) {
                continue;
            }
            let left = lease.time.map_or(0.0, |time| (time - now).max(0.0));
            let text = match lease.standing.as_str() {
                "undone" => format!("{} is needed no more: to be undone in {left:.0} s", lease.action),
                "waiting" => format!("{} is still in force: to be undone for a successor", lease.action),
                "retrying" => format!("the undo of {} failed and is tried again in {left:.0} s", lease.action),
                "doubtful" => format!("{} had no answer: it may be in force", lease.action),
                _ => continue,
            };
            self.say(Who::Tradedog, Style::new(), &text)?;
        }
        self.leases.retain(|action, _| leases.iter().any(|lease| lease.action == *action));
        Ok(())
    }

    fn watch_for_calm(&mut self, status: &Status, members: &[Member]) -> Result<(), Failure> {
        let quiet = |member: &Member| {
            let fds = member.judged.thresholds.iter().find(|threshold| threshold.metric == "open_fds");
            let expected = fds.and_then(|threshold| threshold.expected);
            let open = member.judged.readings.get("open_fds").and_then(|reading| reading.value);
            level_named(&member.judged.level) == Level::Normal
                && open.zip(expected).is_some_and(|(open, most)| open <= most)
        };
        let missing = status.targets.iter().any(|target| target.successor_missing);
        let calm = matches!(members, [one] if quiet(one)) && status.leases.is_empty() && !missing;
        if !calm || !self.plot.nears_its_end() {
            self.calm_since = None;
            return Ok(());
        }
        let since = *self.calm_since.get_or_insert_with(kernel::now);
        if kernel::now().since(since) < CALM { Ok(()) } else { self.saw(Scene::Calm) }
    }
}

/// A level by its name; an unknown one would be a newer daemon's.
fn level_named(name: &str) -> Level {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == name).unwrap_or_default()
}

/// A count, or why there is none.
fn reading(member: &Member, metric: &str) -> String {
    let reading = member.judged.readings.get(metric);
    let value = reading.and_then(|reading| reading.value.map(|value| value.to_string()));
    value.or_else(|| reading?.unknown.clone()).unwrap_or_else(|| "-".to_owned())
}

/// What made the level; not by which reading, for there may be a lower one by now.
fn because(member: &Member) -> String {
    let at_level = member.judged.thresholds.iter().find(|threshold| threshold.level == member.judged.level);
    let cause = at_level.and_then(|threshold| {
        let bound = threshold.bounds.get(&threshold.level)?;
        Some(format!("{} came to {bound}", threshold.metric))
    });
    cause.unwrap_or_default()
}

fn delivery(action: &str) -> &'static str {
    MEASURES.iter().find(|(name, _)| *name == action).map_or("?", |(_, delivery)| delivery)
}

#[cfg(test)]
mod tests;
