//! What became of an order, and why a reading has no value.

use super::entry::Entry;
use crate::model::{OutcomeKind, Unknown};

/// All their names.
pub(super) fn names() -> Vec<&'static str> {
    OutcomeKind::ALL.into_iter().map(OutcomeKind::name).collect()
}

/// Why there may be no value.
pub(super) const UNKNOWN: [Unknown; 5] =
    [Unknown::Gone, Unknown::Denied, Unknown::Malformed, Unknown::Overdue, Unknown::TooShort];

/// The outcome of that name, or the word for a reading that is not there.
pub(super) fn entry(word: &str) -> Vec<Entry> {
    let outcome = OutcomeKind::ALL.into_iter().find(|kind| kind.name() == word).map(outcome);
    let unknown = UNKNOWN.into_iter().find(|why| why.name() == word).map(unknown);
    outcome.into_iter().chain(unknown).collect()
}

fn outcome(kind: OutcomeKind) -> Entry {
    let (lead, then, look) = text(kind);
    Entry::new(kind.name(), "an outcome of an order", lead).part("Then", then).part("Look at", look)
}

/// What it is, what comes of it, where to look.
#[expect(clippy::too_many_lines, reason = "one arm an outcome: the compiler names the one that is missing")]
const fn text(kind: OutcomeKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        OutcomeKind::Delivered => (
            "The measure left tradedog, and nobody confirms it: a signal.",
            "whether it has helped is measured, within `patience`: see effect",
            "the metric that caused it; the log of the process",
        ),
        OutcomeKind::Acknowledged => (
            "The other side confirmed it: an http status of `expect`, exit code 0, a process that ended.",
            "with an undo it is in force (a lease) until it is taken back",
            "tradedog status lists what is in force",
        ),
        OutcomeKind::Failed => (
            "It could not be delivered, also not by its retries.",
            "it gives up after max_attempts, loudly; entering the level again makes it due anew",
            "its reason: timeout, refused, queue_full; the detail in the log",
        ),
        OutcomeKind::Held => (
            "A brake holds it back for now. Counted once for each brake.",
            "it goes out when the brake opens, and lapses when its level is left",
            "its reason names the brake: tradedog explain REASON says when it opens",
        ),
        OutcomeKind::Vetoed => (
            "It must not happen at all. Counted once while the reason stays.",
            "it is judged again on each new reading; no command passes a veto",
            "its reason: identity, protected, imitable, unhandled",
        ),
        OutcomeKind::Lapsed => (
            "Its level was left before it went out.",
            "nothing is to be done",
            "what had held it: the lines before it in the log",
        ),
        OutcomeKind::Gone => (
            "The process is no more: what a kill wants, and what makes other measures pointless.",
            "with expect_successor a new process must be there in time",
            "why it ended, if nobody killed it: journalctl -u of its unit, dmesg for the OOM killer",
        ),
        OutcomeKind::DryRun => (
            "It would have been carried out: dry_run = true tells and takes nothing.",
            "no lease, no budget, no effect; what is in force is undone all the same",
            "[daemon] dry_run; set it to false and reload when what would be done is what you want",
        ),
    }
}

fn unknown(why: Unknown) -> Entry {
    let (lead, look) = match why {
        Unknown::Gone => ("The process exited while it was read; normal, and no error.", ""),
        Unknown::Denied => (
            "The kernel does not let this user read it, or it cannot be seen from here.",
            "tradedog check, which names the right that is missing; the profile of the service",
        ),
        Unknown::Malformed => (
            "What the kernel gave does not parse, or cannot be true.",
            "the kernel's version; another /proc than the host's (a container)",
        ),
        Unknown::Overdue => (
            "No value for three of its periods, at least two seconds.",
            "tradedog_pass_late_seconds, tradedog_probe_duration_seconds: is the host overloaded, or was it suspended?",
        ),
        Unknown::TooShort => (
            "Less than half of forecast_window has been seen: since the start of the process and its startup_grace, or of \
             the daemon, or around a gap.",
            "forecast_window, 30m by default; the bounds of the metric itself hold from the first reading on",
        ),
    };
    Entry::new(why.name(), "why a reading has no value", lead)
        .part("Then", "an unknown reading neither raises nor clears a level; it holds kills")
        .part("Look at", look)
}
