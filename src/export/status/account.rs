//! The account of a target, in the five lines that an operator reads first: why, done, next, what he can
//! do, and where to look.
//!
//! What belongs here: sentences about a snapshot, and nothing else but the snapshot. The page and
//! `tradedog status` show them as they are. They are made when somebody asks, never in the loop. Every
//! line is plain text of bounded length on one line, whatever the names in it.

mod banners;
mod can;
mod coming;
mod done;
mod evidence;
mod hours;
mod next;
mod seats;
mod summary;
mod why;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::export::{EscalationView, Snapshot, WallClock, WindowView};
use crate::model::{self, Inhibition, MemberKey, Moment, printable};
use seats::Seat;

pub(super) use banners::banners;
pub(super) use coming::{Closed, Coming, Plan, Then, When};
pub use summary::summaries;

/// Most lines of a kind.
const MOST_LINES: usize = 8;

/// Longest line.
const MOST_CHARS: usize = 300;

/// How it stands with a target, or with the host: a few lines of plain text each, most important first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The readings against their bounds, and since when.
    pub why: Vec<String>,
    /// What was done and what came of it, the latest first; what is in force.
    pub done: Vec<String>,
    /// What comes next, when, and behind which brakes.
    pub next: Vec<String>,
    /// Commands to copy.
    pub you_can: Vec<String>,
    /// Where to look: processes, and commands to copy.
    pub evidence: Vec<String>,
}

/// What must be known before all else: the same on the page and in `tradedog status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banner {
    /// dry_run, inhibited, not_ready, calendar, reload_failed, set_aside, left_out.
    pub kind: String,
    /// In capitals: `DRY RUN`.
    pub title: String,
    /// What it means, or why.
    pub text: String,
}

/// What an operator holds back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inhibited {
    /// The target.
    pub target: String,
    /// The action; absent for all of the target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<String>,
    /// Who wants it.
    pub by: String,
    /// Since when.
    pub since: f64,
    /// Until when at the latest.
    pub until: f64,
    /// Whether it ends as soon as a process is there that was born after it.
    pub until_successor: bool,
}

impl Inhibited {
    /// Its times on the wall.
    pub fn of(inhibition: &Inhibition, wall: &WallClock) -> Self {
        Self {
            target: inhibition.target.to_string(),
            action: inhibition.action.as_deref().map(str::to_owned),
            by: printable(inhibition.by.as_bytes(), MOST_CHARS),
            since: wall.unix_seconds(inhibition.since),
            until: wall.unix_seconds(inhibition.until),
            until_successor: inhibition.until_successor,
        }
    }
}

/// A target in a snapshot.
#[derive(Clone, Copy)]
struct Scene<'a> {
    snapshot: &'a Snapshot,
    target: &'a config::Target,
    index: u16,
}

impl<'a> Scene<'a> {
    const fn now(&self) -> Moment {
        self.snapshot.taken
    }

    fn is_dry(&self) -> bool {
        self.snapshot.config.daemon.dry_run
    }

    fn seats(&self) -> Vec<Seat<'a>> {
        seats::of_target(self)
    }

    /// Live members.
    fn count(&self) -> usize {
        self.snapshot.members().iter().filter(|member| member.key.target == self.index).count()
    }

    /// `process 0, pid 4711`; nothing where one delivery serves all processes of the target.
    fn who(&self, key: MemberKey) -> String {
        if key.slot == MemberKey::ALL {
            return String::from("all processes");
        }
        let member = self.snapshot.members().iter().find(|member| member.key == key);
        let pid = member.map_or_else(String::new, |member| format!(", pid {}", member.pid));
        format!("process {}{pid}", key.slot)
    }

    /// `, process 0, pid 4711` where there are several to be told apart.
    fn which(&self, key: MemberKey) -> String {
        if self.count() == 1 { String::new() } else { format!(", {}", self.who(key)) }
    }

    fn escalations(&self) -> impl Iterator<Item = &'a EscalationView> {
        let index = self.index;
        let of_target = move |view: &&EscalationView| view.member.is_some_and(|member| member.target == index);
        self.snapshot.escalations.iter().filter(of_target)
    }

    fn windows(&self) -> impl Iterator<Item = &'a WindowView> {
        let index = self.index;
        self.snapshot.windows.iter().filter(move |window| window.member.target == index)
    }

    /// Whose ladder it is, where there are several to be told apart.
    fn which_of(&self, view: &EscalationView) -> String {
        view.member.map_or_else(String::new, |member| self.which(member))
    }

    fn rungs(&self) -> impl Iterator<Item = &'a model::RungView> {
        let index = self.index;
        self.snapshot.rungs.iter().filter(move |rung| rung.member.target == index)
    }

    fn leases(&self) -> impl Iterator<Item = &'a model::LeaseView> {
        let name: &'a Arc<str> = &self.target.name;
        self.snapshot.leases.iter().filter(move |lease| lease.target == *name)
    }

    fn inhibitions(&self) -> impl Iterator<Item = &'a Inhibition> {
        let name: &'a Arc<str> = &self.target.name;
        self.snapshot.inhibitions.iter().filter(move |inhibition| inhibition.target == *name)
    }
}

/// The account of the target at `index` of the configuration.
pub(super) fn of_target(snapshot: &Snapshot, index: u16, target: &config::Target) -> Account {
    let scene = Scene { snapshot, target, index };
    let seats = scene.seats();
    let ahead = coming::of_target(&scene, &seats);
    Account {
        why: bounded(&why::of_target(&scene, &seats)),
        done: bounded(&done::of_target(&scene)),
        next: bounded(&next::of_target(&scene, &ahead)),
        you_can: bounded(&can::of_target(&scene, &seats)),
        evidence: bounded(&evidence::of_target(&scene, &seats)),
    }
}

/// The account of the host.
pub(super) fn of_host(snapshot: &Snapshot) -> Account {
    let seat = seats::of_host(snapshot);
    let ahead = coming::of_host(snapshot, &seat);
    Account {
        why: bounded(&why::of_host(snapshot, &seat)),
        done: bounded(&done::of_host(snapshot)),
        next: bounded(&next::of_host(snapshot, &ahead)),
        you_can: bounded(&can::of_host(snapshot, &seat)),
        evidence: bounded(&evidence::of_host(snapshot)),
    }
}

/// What is ahead of the target at `index` of the configuration.
pub(super) fn ahead_of_target<'a>(snapshot: &'a Snapshot, index: u16, target: &'a config::Target) -> Vec<Coming<'a>> {
    let scene = Scene { snapshot, target, index };
    coming::of_target(&scene, &scene.seats())
}

/// What is ahead of the host.
pub(super) fn ahead_of_host(snapshot: &Snapshot) -> Vec<Coming<'_>> {
    coming::of_host(snapshot, &seats::of_host(snapshot))
}

fn bounded(lines: &[String]) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    let kept = if more > 0 { MOST_LINES - 1 } else { MOST_LINES };
    let mut kept: Vec<_> = lines.iter().take(kept).map(|line| plain(line)).collect();
    if more > 0 {
        kept.push(format!("and {} more, all of them in /api/v1/status", more + 1));
    }
    kept
}

/// One line of plain text, no longer than [`MOST_CHARS`] even where much of it had to be escaped.
fn plain(line: &str) -> String {
    let mut text = printable(line.as_bytes(), MOST_CHARS);
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
