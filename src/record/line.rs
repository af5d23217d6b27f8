//! An event as one line of the log.

use std::fmt::{self, Write as _};

use super::show;
use crate::config::{Config, units};
use crate::model::{
    Cause, Event, Identity, KillScope, Level, Measure, MemberKey, Metric, Moment, Note, Order, OutcomeKind, Reason,
    printable,
};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How loud.
    pub severity: Severity,
    /// One line of printable text.
    pub text: String,
}

impl Line {
    /// The line of `event`. `dry_run` turns what is done into what would be done.
    pub fn of(event: &Event, config: &Config, dry_run: bool) -> Self {
        let teller = Teller { config, now: event.at, dry_run };
        let mut text = String::with_capacity(120);
        // Writing into a String cannot fail.
        let _ = teller.tell(&mut text, &event.note);
        Self { severity: severity(&event.note), text: printable(text.as_bytes(), MOST_CHARS) }
    }

    /// What is said after the queue was full.
    pub(super) fn dropped(count: usize) -> Self {
        let text = format!("{count} log lines were dropped: whoever reads this log is too slow");
        Self { severity: Severity::Warning, text }
    }
}

fn severity(note: &Note) -> Severity {
    match note {
        Note::LevelChanged { from, to, .. } if to > from && *to >= Level::Critical => Severity::Error,
        Note::LevelChanged { from, to, .. } if to > from => Severity::Warning,
        Note::Ended { kind: OutcomeKind::Failed | OutcomeKind::Vetoed, .. }
        | Note::Held { .. }
        | Note::Retrying { .. }
        | Note::StaysInForce { .. }
        | Note::SuccessorMissing { .. }
        | Note::Seen { why: Some(_), .. }
        | Note::Ordered(_)
        | Note::Contested { .. }
        | Note::Reading { why: Some(_), .. }
        | Note::Daemon { bad: true, .. } => Severity::Warning,
        Note::GaveUp { .. } | Note::StillHeld { .. } => Severity::Error,
        Note::Ended { .. }
        | Note::LevelChanged { .. }
        | Note::Released { .. }
        | Note::Found { .. }
        | Note::Gone { .. }
        | Note::LeaseEnded { .. }
        | Note::SuccessorCame { .. }
        | Note::LadderStepped { .. }
        | Note::Seen { why: None, .. }
        | Note::Reading { why: None, .. }
        | Note::Daemon { bad: false, .. } => Severity::Info,
    }
}

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
            Note::Contested { target, member, identity } => write!(
                out,
                "{} is matched by another target too, so no measure reaches it: narrow one match, \
                 or write shared = true in both",
                who(target, *member, identity)
            ),
            Note::Reading { target, member, identity, metric, why: Some(why) } => {
                write!(out, "{}: {metric} is unknown: {}", who(target, *member, identity), why.name())
            }
            Note::Reading { target, member, identity, metric, why: None } => {
                write!(out, "{}: {metric} is known again", who(target, *member, identity))
            }
            Note::LevelChanged { .. } => self.tell_level(out, note),
            Note::LeaseEnded { .. }
            | Note::StaysInForce { .. }
            | Note::SuccessorMissing { .. }
            | Note::SuccessorCame { .. }
            | Note::LadderStepped { .. }
            | Note::Seen { .. } => write!(out, "{note:?}"),
            Note::Daemon { text, .. } => out.write_str(text),
            Note::Ordered(order) => self.tell_ordered(out, order),
            Note::Ended { order, kind, reason, .. } => tell_ended(out, order, *kind, *reason),
            Note::Held { .. }
            | Note::Released { .. }
            | Note::Retrying { .. }
            | Note::GaveUp { .. }
            | Note::StillHeld { .. } => self.tell_waiting(out, note),
        }
    }

    fn tell_level(&self, out: &mut String, note: &Note) -> fmt::Result {
        let Note::LevelChanged { target, member, identity, ladder, from, to, cause } = note else { return Ok(()) };
        out.write_str(&who(target, *member, identity))?;
        if self.config.targets.iter().any(|t| t.name == *target && t.ladders.len() > 1) {
            write!(out, " ladder {ladder}")?;
        }
        write!(out, ": {from} -> {to}")?;
        cause.as_ref().map_or(Ok(()), |cause| write!(out, ": {}", self.because(cause)))
    }

    fn tell_ordered(&self, out: &mut String, order: &Order) -> fmt::Result {
        let dry = if self.dry_run { " (dry run)" } else { "" };
        write!(out, "order {}{dry}: {} ({})", order.id.0, order.action, show::measure(&order.measure))?;
        write!(
            out,
            " for {}: {} ({})",
            whom(order),
            order.cause.as_ref().map(|cause| self.because(cause)).unwrap_or_default(),
            order.level
        )?;
        if order.attempt > 1 { write!(out, ", attempt {}", order.attempt) } else { Ok(()) }
    }

    fn tell_waiting(&self, out: &mut String, note: &Note) -> fmt::Result {
        match note {
            Note::Held { order, reason, opens } => {
                write!(out, "order {}: {} for {} is held: {}", order.id.0, order.action, whom(order), why(*reason))?;
                self.tell_opening(out, *opens)
            }
            Note::StillHeld { order, reason, opens } => {
                write!(out, "{}", who(&order.target, order.member, &order.identity))?;
                write!(out, " is still {}, and {} is held: ", order.level, order.action)?;
                out.write_str(&why(*reason))?;
                self.tell_opening(out, *opens)
            }
            Note::Released { order, reason } => {
                write!(out, "order {}: {} for {} is no longer held: ", order.id.0, order.action, whom(order))?;
                write!(out, "{reason} is over")
            }
            Note::Retrying { order, reason, at, .. } => {
                write!(out, "order {}: {} for {} failed: {}", order.id.0, order.action, whom(order), why(*reason))?;
                write!(out, "; tried again in {}", show::duration(at.since(self.now)))
            }
            Note::GaveUp { order, reason } => write!(
                out,
                "order {}: gave up {} for {} after attempt {}: {}; not tried again until {} is left",
                order.id.0,
                order.action,
                whom(order),
                order.attempt,
                why(*reason),
                order.level
            ),
            Note::Found { .. }
            | Note::Gone { .. }
            | Note::Contested { .. }
            | Note::LevelChanged { .. }
            | Note::Ordered(_)
            | Note::Ended { .. }
            | Note::Reading { .. }
            | Note::LeaseEnded { .. }
            | Note::StaysInForce { .. }
            | Note::SuccessorMissing { .. }
            | Note::SuccessorCame { .. }
            | Note::LadderStepped { .. }
            | Note::Seen { .. }
            | Note::Daemon { .. } => Ok(()),
        }
    }

    fn tell_opening(&self, out: &mut String, opens: Option<Moment>) -> fmt::Result {
        opens.map_or(Ok(()), |opens| write!(out, "; opens in {}", show::duration(opens.since(self.now))))
    }

    /// The reading against its bound, and since when.
    fn because(&self, cause: &Cause) -> String {
        let since = self.now.since(cause.since);
        let text = reading_past_bound(&cause.metric, cause.value, cause.bound);
        if since.as_millis() < 100 { text } else { format!("{text} for {}", show::duration(since)) }
    }
}

/// `open_fds 655 at or past 600`
fn reading_past_bound(metric: &Metric, value: f64, bound: f64) -> String {
    let unit = metric.info().unit;
    format!("{metric} {} at or past {}", units::show(value, unit), units::show(bound, unit))
}

fn tell_ended(out: &mut String, order: &Order, kind: OutcomeKind, reason: Reason) -> fmt::Result {
    let (id, measure, whom) = (order.id.0, show::measure(&order.measure), whom(order));
    match kind {
        OutcomeKind::Gone if reason != Reason::None => {
            let gone = who(&order.target, order.member, &order.identity);
            write!(out, "order {id}: gone: {gone}; {} never went out, kept back", order.action)
        }
        OutcomeKind::DryRun => write!(out, "order {id}: would have sent {measure} to {whom}"),
        OutcomeKind::Gone => write!(out, "order {id}: gone: {}", who(&order.target, order.member, &order.identity)),
        OutcomeKind::Delivered | OutcomeKind::Acknowledged => {
            write!(out, "order {id}: {}: {measure} to {whom}", kind.name())
        }
        OutcomeKind::Failed | OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed => {
            write!(out, "order {id}: {}: {} ({measure}) for {whom}", kind.name(), order.action)
        }
    }?;
    if reason == Reason::None { Ok(()) } else { write!(out, ": {}", why(reason)) }
}

/// `cooldown (too soon after the last delivery to this process)`
fn why(reason: Reason) -> String {
    format!("{reason} ({})", reason.help())
}

fn whom(order: &Order) -> String {
    let whom = who(&order.target, order.member, &order.identity);
    if matches!(order.measure, Measure::Kill { scope: KillScope::Tree, .. }) {
        return whom + " and its descendants";
    }
    whom
}

/// `trader[0] pid 1234`
fn who(target: &str, member: MemberKey, identity: &Identity) -> String {
    format!("{target}[{}] pid {}", member.slot, identity.pid)
}
