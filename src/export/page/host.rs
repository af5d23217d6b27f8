//! The host and its own ladder.

use maud::{Markup, html};

use super::account::account;
use super::ahead::{Whose, ahead};
use super::bar;
use super::judged::{foretold, others, rungs};
use super::words::{badge, level, span, text};
use crate::export::status::Status;
use crate::model::Level;

/// What was read of it, and what its ladder does to the targets.
pub(super) fn host(status: &Status) -> Markup {
    let host = &status.host;
    let bounded = |metric: &str| host.thresholds.iter().any(|row| row.metric == metric);
    let steps = host.rungs.iter().map(|step| {
        let process = step.process.map_or_else(String::new, |slot| format!("[{slot}]"));
        (format!("{}{process}.{}", text(&step.target), text(&step.rung.action)), &step.rung)
    });
    let name = host.level.as_deref().unwrap_or("normal");
    html! {
        section.host.{ "is-" (level(name).name()) } data-key="host" aria-labelledby="host" {
            h2 #host {
                "host"
                @match &host.level { Some(level) => { " " (badge(level)) }, None => small { " without thresholds" } }
            }
            @if let (Some(since), true) = (host.since, level(name) > Level::Normal) {
                p.facts { (text(name)) " for " (span(status.time - since)) "." }
            }
            (account(&host.account))
            (ahead(&host.ahead, Whose { name: "the host", several: false }, status.time))
            @let seen = foretold(&host.readings, &host.forecasts);
            @for row in bar::worst_first(&host.thresholds) { (bar::threshold(row, &seen, status.time)) }
            (others(&host.readings, bounded))
            (rungs(steps, status.time))
            (unattributed(status))
        }
    }
}

/// Sockets that no process could be found for.
fn unattributed(status: &Status) -> Markup {
    html! {
        @if !status.unattributed_sockets.is_empty() {
            div.unattributed {
                h3 { "sockets of no process that was found" }
                dl.readings {
                    @for (state, count) in &status.unattributed_sockets {
                        div { dt { (text(state)) } " " dd { data value=(count) { (count) } } }
                    }
                }
            }
        }
    }
}
