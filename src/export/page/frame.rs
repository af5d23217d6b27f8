//! The page around its parts.

use std::cmp::Reverse;

use maud::{DOCTYPE, Markup, html};

use super::words::{amount, badge, level, span, text, time};
use super::{Room, Seen, assets, banner, host, measures, peers, target};
use crate::export::status::{Status, Target};
use crate::model::Level;

/// Above so many targets a list of them helps more than scrolling.
const FEW_TARGETS: usize = 1;

/// The whole document.
pub(super) fn page(status: &Status, seen: Seen) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-build=(assets::build()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title(status)) }
                link rel="stylesheet" href="/page.css";
                link rel="icon" type="image/svg+xml" href="/favicon.svg";
                script src="/page.js" defer {}
            }
            body data-time=(status.time) {
                a.skip href="#targets" { "To the targets" }
                (head(status, seen))
                (banner::banners(status, seen))
                (body(status))
                (foot(status))
            }
        }
    }
}

/// `critical: trader — tradedog on HOST`
fn title(status: &Status) -> String {
    let whose = format!("tradedog on {}", host_name(status));
    let verdict = match worst(status) {
        (Level::Normal, _) if !status.not_ready.is_empty() => "not ready".to_owned(),
        (Level::Normal, _) => "normal".to_owned(),
        (level, names) => format!("{level}: {}", names.join(", ")),
    };
    format!("{verdict} — {whose}")
}

/// The highest level, and who has it.
fn worst(status: &Status) -> (Level, Vec<String>) {
    let host = status.host.level.as_deref().map(|name| (level(name), "host".to_owned()));
    let all = status.targets.iter().map(|target| (level(&target.level), text(&target.name)));
    let all: Vec<_> = all.chain(host).collect();
    let highest = all.iter().map(|(level, _)| *level).max().unwrap_or_default();
    (highest, all.into_iter().filter(|(level, _)| *level == highest).map(|(_, name)| name).collect())
}

fn host_name(status: &Status) -> String {
    status.host.name.as_deref().map_or_else(|| "an unnamed host".to_owned(), text)
}

fn head(status: &Status, seen: Seen) -> Markup {
    let (highest, names) = worst(status);
    html! {
        header {
            h1 { "tradedog on " (host_name(status)) }
            p.verdict {
                (badge(highest.name()))
                @if highest > Level::Normal { " " (names.join(", ")) }
                @else if status.targets.is_empty() { " no target is configured" }
                @else if let [only] = &*status.targets { " " (text(&only.name)) }
                @else { " all " (status.targets.len()) " targets" }
            }
            p.live {
                "as of " (time(status.time, seen.now))
                span #live role="status" data-script="" {}
                noscript { ", until " a href="/" { "loaded again" } }
            }
        }
    }
}

fn body(status: &Status) -> Markup {
    let mut room = Room::new();
    let mut targets: Vec<&Target> = status.targets.iter().collect();
    targets.sort_by_key(|target| Reverse(level(&target.level)));
    // The host stands behind the targets that are as badly off.
    let hosts = status.host.level.as_deref().map_or(Level::Normal, level);
    let (worse, better) = targets.split_at(targets.partition_point(|target| level(&target.level) >= hosts));
    html! {
        @if targets.len() > FEW_TARGETS {
            nav aria-label="Targets" {
                ul {
                    @for target in &targets {
                        li data-key=(text(&target.name)) {
                            a href={ "#target-" (text(&target.name)) } { (text(&target.name)) } " " (badge(&target.level))
                        }
                    }
                }
            }
        }
        main #targets tabindex="-1" {
            @for one in worse { (target::target(status, one, &mut room)) }
            (host::host(status))
            @for one in better { (target::target(status, one, &mut room)) }
            (measures::in_force(status))
            (measures::recent(status))
            (peers::peers(status))
        }
    }
}

/// Who watches the watchdog reads here what it takes, and whether it keeps up.
fn itself(status: &Status) -> Markup {
    let own = &status.daemon;
    html! {
        "The daemon itself: "
        @if let Some(resident) = own.resident_bytes { (amount("rss", resident as f64)) " resident, " }
        @if let Some(open) = own.open_fds { (open) " descriptors, " }
        "its last pass began " (span(status.pass.late_seconds)) " late and took " (span(status.pass.duration_seconds)) "."
    }
}

fn foot(status: &Status) -> Markup {
    let files = status.configuration.files.iter().map(|file| text(file)).collect::<Vec<_>>().join(", ");
    html! {
        footer {
            p {
                "tradedog " (text(&status.version))
                @if !files.is_empty() { ", configured by " (files) }
            }
            p { (itself(status)) }
            p {
                "This page as JSON: " a href="/api/v1/status" { "/api/v1/status" }
                ". For Prometheus: " a href="/metrics" { "/metrics" }
                ". Ready: " a href="/-/ready" { "/-/ready" }
                ". Alive: " a href="/-/healthy" { "/-/healthy" } "."
            }
        }
    }
}
