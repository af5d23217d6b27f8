//! What must be known before anything else: that nothing is done, or that something is not seen.

use maud::{Markup, html};

use super::Seen;
use super::words::{since, span, text};
use crate::export::status::{Banner, Status};

/// All that apply; nothing when all is as it should be.
pub(super) fn banners(status: &Status, seen: Seen) -> Markup {
    html! {
        section #banners aria-label="What to know first" {
            (stale(status, seen))
            @for same in status.banners.chunk_by(|one, next| one.kind == next.kind) { (told(same)) }
            @for target in status.targets.iter().filter(|target| target.successor_missing) {
                (banner("missing", "SUCCESSOR MISSING", &html! {
                    (text(&target.name)) " was killed, and nobody has come after it: does anything restart it?"
                }))
            }
            (in_force(status))
        }
    }
}

fn banner(key: &str, word: &str, why: &Markup) -> Markup {
    html! { p.banner data-key=(key) { strong { (word) } ": " (why) } }
}

/// Those of one kind.
fn told(same: &[Banner]) -> Markup {
    html! {
        @if let [first, ..] = same {
            div.banner data-key=(text(&first.kind)) {
                strong { (text(&first.title)) } ": "
                @if let [only] = same { (text(&only.text)) } @else {
                    ul { @for one in same { li { (text(&one.text)) } } }
                }
            }
        }
    }
}

fn stale(status: &Status, seen: Seen) -> Markup {
    let overdue = seen.now - status.time > seen.patience;
    html! {
        @if overdue {
            (banner("stale", "STALE", &html! {
                "tradedog answers, but its watch has made no pass since " (since(status.time, seen.now))
                ": nothing is watched, and what is shown here is old. Look at journalctl -u tradedog"
            }))
        }
    }
}

/// The table of them stands below the targets.
fn in_force(status: &Status) -> Markup {
    let longest = status.leases.iter().map(|lease| status.time - lease.since).reduce(f64::max);
    html! {
        @if let Some(longest) = longest {
            (banner("in-force", "IN FORCE", &html! {
                a href="#in-force" { (status.leases.len()) " measure" @if status.leases.len() > 1 { "s" } }
                " to be undone, the oldest for " (span(longest))
            }))
        }
    }
}
