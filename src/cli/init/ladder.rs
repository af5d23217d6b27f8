//! What is to be done at which level: only what can work with the processes as they are, the rest as
//! examples behind a bare `#`. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use super::look::Seen;
use crate::cli::unit::{Ending, Unit};
use crate::config::units::Duration as Written;
use crate::model::{Level, Signal};
use crate::record::{show_duration, show_signal};

/// systemd's own default of `TimeoutStopSec=`: nobody asked for it.
const DEFAULT_STOP: Duration = Duration::from_secs(90);

/// Time to end that a kill gives by default.
const GRACE: Duration = Duration::from_secs(30);

/// The ladder and the actions of a target.
pub(super) struct Ladder<'a> {
    seen: &'a Seen,
    /// Levels that some threshold leads to.
    levels: &'a [Level],
}

impl<'a> Ladder<'a> {
    pub(super) const fn new(seen: &'a Seen, levels: &'a [Level]) -> Self {
        Self { seen, levels }
    }

    /// The unit, if systemd starts it again however a kill ends it, and as often as it may be killed.
    pub(super) fn starts_again(&self) -> Option<&Unit> {
        let unit = self.seen.unit.as_ref()?.as_ref().ok()?;
        let endings = [Ending::CleanExit, Ending::Terminated, Ending::Killed];
        let endless = unit.start_limit().is_none_or(|(burst, _)| burst > 1);
        endings.iter().all(|ending| unit.restarts_after(*ending)).then_some(unit).filter(|_| endless)
    }

    /// Whether a kill stands in the ladder, and not behind a `#`.
    fn kills(&self) -> bool {
        let may = self.seen.anchored && self.seen.reachable && self.seen.protected.is_none();
        self.starts_again().is_some() && may && self.levels.contains(&Level::Fatal)
    }

    /// The signal that can be sent, if there is one.
    fn free(&self) -> Option<Signal> {
        self.seen.free.first().copied().filter(|_| self.seen.reachable)
    }

    /// How many kills in which time, below what systemd starts again; none where the default is.
    pub(super) fn kill_budget(&self) -> Option<(u32, Duration)> {
        let (burst, interval) = self.starts_again().filter(|_| self.kills())?.start_limit()?;
        let hour = Duration::from_secs(3600);
        // Three kills in an hour are the default, and a start limit of seconds is not reached by them:
        // two kills are `settle` apart at least.
        let paced = interval.as_secs() / 5 + 1 < u64::from(burst);
        let few = burst > 3 && interval <= hour;
        (!paced && !few).then(|| ((burst - 1).min(3), interval.max(hour)))
    }

    pub(super) fn write(&self, out: &mut String) {
        if !self.levels.contains(&Level::Elevated) {
            out.push_str(
                "\n# Without a threshold there is nothing to do at any level: see above what could not be read.\n",
            );
            return;
        }
        if let Some(who) = self.seen.protected {
            let _ = writeln!(out, "\n# tradedog takes no measure on {who}: it is only observed.");
            return;
        }
        self.steps(out);
        self.signal(out);
        self.examples(out);
        self.kill(out);
    }

    fn steps(&self, out: &mut String) {
        let (name, seen) = (&self.seen.name, self.seen);
        let signal = self.free().map(|signal| show_signal(signal).to_lowercase());
        let active = signal.is_some() || self.kills();
        out.push_str("\n# What is done at which level, mildest first.");
        if !active {
            out.push_str(" Nothing yet, so it is only observed: the lines behind a bare # are examples.");
        }
        let hash = if active { "" } else { "#" };
        let _ = writeln!(out, "\n{hash}[target.{name}.ladder]");
        match &signal {
            Some(signal) => {
                let _ = writeln!(out, "elevated = [\"{signal}\"]");
            }
            None => {
                let first = seen.free.first().map(|signal| show_signal(*signal).to_lowercase());
                let _ = writeln!(out, "#elevated = [\"{}\"]", first.as_deref().unwrap_or("reset_pool"));
            }
        }
        for (level, action) in [(Level::Warning, "disable_websocket"), (Level::Critical, "pause")] {
            if self.levels.contains(&level) {
                let _ = writeln!(out, "#{:<8} = [\"{action}\"]", level.name());
            }
        }
        if self.levels.contains(&Level::Fatal) {
            let hash = if self.kills() { "" } else { "#" };
            let _ = writeln!(out, "{hash}fatal    = [\"kill\"]");
        }
    }

    fn signal(&self, out: &mut String) {
        let name = &self.seen.name;
        out.push('\n');
        for taken in &self.seen.taken {
            let _ = writeln!(out, "# Not used: {taken}.");
        }
        if !self.seen.reachable {
            out.push_str("# Another user's process: whoever runs tradedog needs CAP_KILL to signal it (profile act of the service).\n");
            out.push_str("# With that right, look again with tradedog init.\n");
        }
        let Some(signal) = self.seen.free.first() else {
            let unhandled = if self.seen.taken.is_empty() { ", so SIGUSR1 would end it" } else { "" };
            let _ =
                writeln!(out, "# It handles no signal that is free for this{unhandled}. Have the program install a");
            out.push_str("# handler that closes idle connections and drops its caches; then this can be used.\n");
            let _ = writeln!(out, "#[target.{name}.actions.reset_pool]\n#signal = \"SIGUSR1\"");
            return;
        };
        let shown = show_signal(*signal);
        let hash = if self.seen.reachable { "" } else { "#" };
        let _ = writeln!(
            out,
            "# It handles {shown}. Make sure what it does there, and call the action by that name: a handler"
        );
        out.push_str("# that closes idle connections and drops its caches is what helps.\n");
        let _ = writeln!(out, "{hash}[target.{name}.actions.{}]\n{hash}signal   = \"{shown}\"", shown.to_lowercase());
        let others: Vec<String> = self.seen.free.iter().skip(1).map(|signal| show_signal(*signal)).collect();
        if !others.is_empty() {
            let _ = writeln!(out, "# It handles {} too.", others.join(" and "));
        }
        let _ = writeln!(out, "{hash}cooldown = \"1m\"     # least time between two of them");
        let _ = writeln!(out, "{hash}repeat   = \"5m\"     # sent again while the level holds");
    }

    fn examples(&self, out: &mut String) {
        let name = &self.seen.name;
        let port = self.seen.network.listens.first().copied().unwrap_or(8080);
        if self.levels.contains(&Level::Warning) {
            out.push_str("\n# Over HTTP, and taken back when it is no longer needed. Not for a process that is out of files: it\n");
            out.push_str("# accepts no connection then.\n");
            let _ = writeln!(out, "#[target.{name}.actions.disable_websocket]");
            let url = format!("http://127.0.0.1:{port}/admin/websocket");
            let _ = writeln!(out, "#http = {{ post = \"{url}/disable\" }}");
            let _ = writeln!(out, "#undo = {{ http = {{ post = \"{url}/enable\" }} }}");
        }
        if self.levels.contains(&Level::Critical) {
            out.push_str(
                "\n# By a program of yours; exit code 0 acknowledges. An operator takes it back: tradedog undo.\n",
            );
            let _ = writeln!(out, "#[target.{name}.actions.pause]");
            out.push_str("#command = [\"/usr/local/bin/trader-ctl\", \"pause\"]\n");
            out.push_str(
                "#undo    = { command = [\"/usr/local/bin/trader-ctl\", \"resume\"] }\n#undo_by = \"operator\"\n",
            );
        }
    }

    fn kill(&self, out: &mut String) {
        if !self.levels.contains(&Level::Fatal) {
            return;
        }
        let name = &self.seen.name;
        let (hash, unit) = if self.kills() { ("", self.starts_again()) } else { ("#", None) };
        out.push('\n');
        self.why_kill(unit, out);
        let stop = unit.and_then(|unit| unit.time("TimeoutStopUSec"));
        let grace = stop.filter(|stop| *stop != DEFAULT_STOP && !stop.is_zero()).unwrap_or(GRACE);
        let start = unit.map_or(Duration::ZERO, |unit| unit.restart_after() + unit.start_took().unwrap_or_default());
        let within = Duration::from_secs((start.as_secs() * 3).div_ceil(30).max(2) * 30);
        let (grace, within) = (Written(grace), Written(within));
        let _ = writeln!(out, "{hash}[target.{name}.actions.kill]");
        let _ = writeln!(out, "{hash}kill = {{ grace = \"{grace}\" }} # SIGTERM, after that time SIGKILL");
        let _ = writeln!(out, "{hash}expect_successor = \"{within}\" # say so when no new process is there by then");
        if self.levels.contains(&Level::Critical) {
            out.push_str("#needs = { action = \"pause\", within = \"20s\", otherwise = \"kill\" } # be flat first\n");
        }
    }

    /// Why it stands there, or only behind a `#`; `unit` starts it again.
    fn why_kill(&self, unit: Option<&Unit>, out: &mut String) {
        let _ = match (&self.seen.unit, unit) {
            (_, Some(unit)) => {
                let (after, restart) = (show_duration(unit.restart_after()), unit.restart().name());
                writeln!(out, "# {} has Restart={restart}: systemd starts it again after {after}.", unit.name)
            }
            (Some(Ok(unit)), None) if self.starts_again().is_none() => {
                let (restart, place) = (unit.restart().name(), unit.place());
                writeln!(out, "# Not before somebody starts it again: {} has Restart={restart}. With", unit.name)
                    .and_then(|()| writeln!(out, "# Restart=always ({place}) this can be used."))
            }
            (Some(Ok(unit)), None) if !self.seen.reachable => {
                writeln!(out, "# {} starts it again; the right to signal it is missing, see above.", unit.name)
            }
            (Some(_) | None, None) => {
                out.push_str("# Not before somebody starts it again, which could not be seen here. It also needs a match that no\n");
                out.push_str("# other user can imitate: unit, user, or a pidfile of root's.\n");
                Ok(())
            }
        };
    }
}
