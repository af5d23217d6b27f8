//! What must be known before anything else: that nothing is done, or that something is not seen.

use maud::{Markup, html};

use super::Seen;
use super::words::{processes, since, span, text};
use crate::export::status::Status;

/// Reasons shown of many.
const MOST_REASONS: usize = 10;

/// All that apply; nothing when all is as it should be.
pub(super) fn banners(status: &Status, seen: Seen) -> Markup {
    html! {
        div #banners {
            (stale(status, seen))
            @if status.dry_run {
                (banner("dry-run", "DRY RUN", &html! { "measures are told of, not taken ([daemon] dry_run)" }))
            }
            (not_ready(status))
            (configuration(status))
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

fn not_ready(status: &Status) -> Markup {
    html! {
        @if !status.not_ready.is_empty() {
            div.banner data-key="not-ready" {
                strong { "NOT READY" } ": what a threshold needs is not seen"
                ul {
                    @for reason in status.not_ready.iter().take(MOST_REASONS) { li { (text(reason)) } }
                    @if let Some(more @ 1..) = status.not_ready.len().checked_sub(MOST_REASONS) {
                        li { "and " (more) " more: " a href="/-/ready" { "/-/ready" } }
                    }
                }
            }
        }
    }
}

fn configuration(status: &Status) -> Markup {
    let aside = status.configuration.files_set_aside;
    html! {
        @if !status.configuration.last_reload_successful {
            (banner("reload", "RELOAD FAILED", &html! {
                "the configuration before it goes on: run " code { "tradedog check" } ", then " code { "tradedog reload" }
            }))
        }
        @if aside > 0 {
            (banner("aside", "SET ASIDE", &html! {
                (aside) " configuration file" @if aside > 1 { "s" } ": " code { "tradedog check" } " says why"
            }))
        }
        @if status.processes_left_out > 0 {
            (banner("left-out", "LEFT OUT", &html! {
                (processes(status.processes_left_out)) " of /metrics: [web] max_series is too small"
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
