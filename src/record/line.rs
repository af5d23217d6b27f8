//! An event as one line of the log.
//!
//! What belongs here: the sentences. What does not: anything secret. Headers, bodies and what a
//! bearer file holds are in no event but inside a measure, and no sentence shows them.

mod fields;
mod many;
mod orders;

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::show;
use crate::config::Config;
use crate::model::{
    Cause, Collected, Effect, Event, Identity, Inhibition, InhibitionEnd, Level, MemberKey, Moment, Note, OutcomeKind,
    Trigger, Unknown, printable,
};

pub use fields::{Fields, KINDS, Kind, KindInfo};
pub(super) use many::folded;

/// Longest line: what a peer or a path can blow up is cut there.
const MOST_CHARS: usize = 1000;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Somebody should look at it today.
    Warning,
    /// Somebody should look at it now.
    Error,
}

/// A finished line: the writer has nothing to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How loud.
    pub severity: Severity,
    /// One line of printable text.
    pub text: String,
    /// What it is about, as data.
    pub fields: Fields,
}

impl Line {
    /// The line of `event`. `dry_run` turns what is done into what would be done.
    pub fn of(event: &Event, config: &Config, dry_run: bool) -> Self {
        let teller = Teller { config, now: event.at, dry_run };
        let mut text = String::with_capacity(120);
        // Writing into a String cannot fail.
        let _ = teller.tell(&mut text, &event.note);
        let text = printable(text.as_bytes(), MOST_CHARS);
        Self { severity: severity(&event.note), text, fields: Fields::of(&event.note) }
    }

    /// What is said after the queue was full.
    pub(super) fn dropped(count: usize) -> Self {
        let text = format!("{count} log lines were dropped: whoever reads this log is too slow");
        Self { severity: Severity::Warning, text, fields: Fields::default() }
    }
}

/// A measure that is in force and cannot be taken back needs somebody after so many tries.
const PATIENT_TRIES: u32 = 3;

fn severity(note: &Note) -> Severity {
    match note {
        Note::LevelChanged { from, to, .. } | Note::LadderStepped { from, to, .. } if to > from => {
            if *to >= Level::Critical { Severity::Error } else { Severity::Warning }
        }
        Note::Retrying { order, .. } if order.undo && order.attempt >= PATIENT_TRIES => Severity::Error,
        // What is taken back, and what is done whatever the level.
        Note::Ordered(order) if order.undo || order.cause.is_none() => Severity::Info,
        Note::Ended { kind: OutcomeKind::Failed | OutcomeKind::Vetoed, .. }
        | Note::Measured { effect: None | Some(Effect::Ineffective), .. }
        | Note::Held { .. }
        | Note::Retrying { .. }
        | Note::Seen { why: Some(_), .. }
        | Note::Ordered(_)
        | Note::Contested { .. }
        | Note::Reading { why: Some(_), .. }
        | Note::Inhibited(_)
        | Note::Incident { collected: Collected::Flawed { .. }, .. }
        | Note::Daemon { bad: true, .. } => Severity::Warning,
        Note::GaveUp { .. } | Note::StillHeld { .. } | Note::StaysInForce { .. } | Note::SuccessorMissing { .. } => {
            Severity::Error
        }
        Note::Ended { .. }
        | Note::Measured { effect: Some(Effect::Effective), .. }
        | Note::LevelChanged { .. }
        | Note::Released { .. }
        | Note::Found { .. }
        | Note::Gone { .. }
        | Note::LeaseEnded { .. }
        | Note::SuccessorCame { .. }
        | Note::LadderStepped { .. }
        | Note::Seen { why: None, .. }
        | Note::Reading { why: None, .. }
        | Note::Asked { .. }
        | Note::InhibitionEnded { .. }
        | Note::Incident { collected: Collected::Kept { .. }, .. }
        | Note::Summary { .. }
        | Note::Daemon { bad: false, .. } => Severity::Info,
    }
}

fn missed(within: Duration) -> String {
    format!("nobody has come within {} after a kill: see why it was not started again", show::duration(within))
}

/// What is wrong with a process that two targets match, and what to do about it.
const CONTESTED: &str = "is matched by another target too, so no measure reaches it: narrow one match, \
                         or write shared = true in both";

struct Teller<'a> {
    config: &'a Config,
    now: Moment,
    dry_run: bool,
}

impl Teller<'_> {
    fn tell(&self, out: &mut String, note: &Note) -> fmt::Result {
        match note {
            Note::Found { target, member, identity } => write!(out, "{}: found", who(target, *member, identity)),
            Note::Gone { target, member, identity } => write!(out, "{}: gone", who(target, *member, identity)),
            Note::Contested { target, member, identity } => {
                write!(out, "{} {CONTESTED}", who(target, *member, identity))
            }
            Note::SuccessorMissing { target, within } => write!(out, "{target}: {}", missed(*within)),
            Note::SuccessorCame { target, member, identity } => {
                write!(out, "{}: the successor that was missed has come", who(target, *member, identity))
            }
            Note::Reading { target, member, identity, metric, why } => {
                write!(out, "{}: {metric} {}", who(target, *member, identity), sight(*why))
            }
            Note::Seen { target, metric, why } => tell_seen(out, target.as_deref(), (metric, *why)),
            Note::LevelChanged { .. } | Note::LadderStepped { .. } => self.tell_step(out, note),
            Note::Daemon { text, .. } => out.write_str(text),
            Note::Summary { target, level, text } => write!(out, "{target}: {level}{text}"),
            Note::Incident { target, member, identity, trigger, collected } => {
                write!(out, "{}: {}", who(target, *member, identity), evidence(*trigger, collected))
            }
            Note::Asked { by, what } => write!(out, "{by} asks to {what}"),
            Note::Inhibited(inhibition) => self.tell_inhibited(out, inhibition),
            Note::InhibitionEnded { inhibition, why } => tell_inhibition_ended(out, inhibition, why),
            Note::Ordered(order) => self.tell_ordered(out, order),
            Note::Ended { order, kind, reason, detail } => {
                orders::tell_ended(out, order, (*kind, *reason))?;
                orders::tell_detail(out, detail.as_deref())
            }
            Note::Held { order, reason, opens } => self.tell_held(out, order, (*reason, *opens)),
            Note::StillHeld { order, reason, opens } => self.tell_still_held(out, order, (*reason, *opens)),
            Note::Released { order, reason } => orders::tell_released(out, order, *reason),
            Note::Retrying { order, reason, detail, at } => {
                orders::tell_failed(out, order, (*reason, detail.as_deref()))?;
                write!(out, "; tried again in {}", show::duration(at.since(self.now)))
            }
            Note::Measured { order, effect, measured } => orders::tell_effect(out, order, (*effect, measured)),
            Note::GaveUp { order, reason } => self.tell_gave_up(out, order, *reason),
            Note::LeaseEnded { order } => orders::tell_lease_ended(out, order),
            Note::StaysInForce { order, opens } => self.tell_stays_in_force(out, order, *opens),
        }
    }

    fn tell_inhibited(&self, out: &mut String, inhibition: &Inhibition) -> fmt::Result {
        let Inhibition { by, until, until_successor, .. } = inhibition;
        let most = show::duration(until.since(self.now));
        let successor = if *until_successor { "until a successor is there, " } else { "" };
        write!(out, "{} held back {successor}for {most} at most, by {by}", held_back(inhibition))
    }

    fn tell_step(&self, out: &mut String, note: &Note) -> fmt::Result {
        let (target, whose, ladder, step) =
            if let Note::LevelChanged { target, member, identity, ladder, from, to, cause } = note {
                (Some(target), who(target, *member, identity), ladder, (from, to, cause))
            } else if let Note::LadderStepped { target, ladder, from, to, cause } = note {
                (target.as_ref(), all_of(target.as_deref()), ladder, (from, to, cause))
            } else {
                return Ok(());
            };
        let (from, to, cause) = step;
        out.write_str(&whose)?;
        if target.is_some_and(|target| self.has_ladders(target)) {
            write!(out, " ladder {ladder}")?;
        }
        write!(out, ": {from} -> {to}")?;
        cause.as_ref().map_or(Ok(()), |cause| write!(out, ": {}", self.because(cause)))
    }

    fn has_ladders(&self, target: &Arc<str>) -> bool {
        self.config.targets.iter().any(|t| t.name == *target && t.ladders.len() > 1)
    }

    /// The reading against its bound, and since when.
    fn because(&self, cause: &Cause) -> String {
        let since = self.now.since(cause.since);
        let mut text = show::reading(&cause.metric, cause.value, cause.bound);
        if let Some(in_vain) = &cause.escalated {
            text = format!("{}: {text}", show::effect(Some(Effect::Ineffective), in_vain));
        }
        if since.as_millis() < 100 { text } else { format!("{text} for {}", show::duration(since)) }
    }
}

/// What came of collecting evidence, in words that follow the name of the process.
fn evidence(trigger: Trigger, collected: &Collected) -> String {
    let when = match trigger {
        Trigger::Critical => "at critical",
        Trigger::Kill => "before the kill",
    };
    match collected {
        Collected::Kept { folder, missing: 0 } => format!("evidence {when} is in {folder}"),
        Collected::Kept { folder, missing } => {
            let are = if *missing == 1 { "thing is" } else { "things are" };
            format!("evidence {when} is in {folder}; {missing} {are} missing, missing.txt says which")
        }
        Collected::Flawed { flaw, detail } if detail.is_empty() => format!("evidence {when}: {}", flaw.help()),
        Collected::Flawed { flaw, detail } => format!("evidence {when} is not kept: {} ({detail})", flaw.help()),
    }
}

fn held_back(inhibition: &Inhibition) -> String {
    match &inhibition.action {
        Some(action) => format!("{}: orders of {action} are", inhibition.target),
        None => format!("{}: all orders are", inhibition.target),
    }
}

fn tell_inhibition_ended(out: &mut String, inhibition: &Inhibition, why: &InhibitionEnd) -> fmt::Result {
    write!(out, "{} held back no more: ", held_back(inhibition))?;
    match why {
        InhibitionEnd::Expired => out.write_str("its time is over"),
        InhibitionEnd::Successor => out.write_str("the successor is there"),
        InhibitionEnd::Released(by) => write!(out, "{by} wants that"),
        InhibitionEnd::Unknown => out.write_str("the configuration has no such thing any more"),
    }
}

fn tell_seen(out: &mut String, target: Option<&str>, (metric, why): (&str, Option<Unknown>)) -> fmt::Result {
    write!(out, "{}: {metric} {}", all_of(target), sight(why))
}

/// Whether a metric is seen, in words that follow its name.
fn sight(why: Option<Unknown>) -> String {
    why.map_or_else(|| "is known again".to_owned(), |why| format!("is unknown: {}", why.name()))
}

/// `trader[0] pid 1234`
fn who(target: &str, member: MemberKey, identity: &Identity) -> String {
    format!("{target}[{}] pid {}", member.slot, identity.pid)
}

/// All processes of a target as the series of them together is labelled, or the host.
fn all_of(target: Option<&str>) -> String {
    target.map_or_else(|| "host".to_owned(), |target| format!("{target}[all]"))
}
