//! The measures in force, and the orders that ended last.

use maud::{Markup, html};

use super::words::{amount, badge, since, span, text, time};
use crate::export::status::{EndedOrder, Lease, Status};

/// What must be undone, and how.
pub(super) fn in_force(status: &Status) -> Markup {
    html! {
        @if !status.leases.is_empty() {
            section.measures data-key="in-force" aria-labelledby="in-force" {
                h2 #in-force { "measures in force" }
                div.wide tabindex="0" role="group" aria-label="Measures in force" {
                    table {
                        caption { "What must be undone" }
                        thead { tr {
                            th scope="col" { "measure" } th scope="col" { "since" } th scope="col" { "taken at" }
                            th scope="col" { "its end" } th scope="col" { "end it now" }
                        } }
                        tbody { @for lease in &status.leases { (row(status, lease)) } }
                    }
                }
                (failures(status))
            }
        }
    }
}

fn row(status: &Status, lease: &Lease) -> Markup {
    html! {
        tr {
            th scope="row" {
                (text(&lease.action)) " of " (whom(&lease.target, lease.process))
                @if lease.freeze { " (stopped)" }
                @if lease.standing == "doubtful" { " perhaps: not acknowledged" }
            }
            td { (since(lease.since, status.time)) }
            td { (badge(&lease.level)) }
            td { (end(status, lease)) }
            td { code { "tradedog undo " (text(&lease.target)) " " (text(&lease.action)) } }
        }
    }
}

fn whom(target: &str, process: Option<u32>) -> String {
    process.map_or_else(|| text(target), |slot| format!("{}[{slot}]", text(target)))
}

fn end(status: &Status, lease: &Lease) -> Markup {
    let by = if lease.undo_by == "operator" { "by the operator" } else { "by itself" };
    let at =
        html! { @if let Some(at) = lease.time { " at " (time(at, status.time)) " (in " (span(at - status.time)) ")" } };
    html! {
        @match lease.standing.as_str() {
            "undone" => { "undone" (at) },
            "operator" => "nobody needs it any more; the operator undoes it",
            "waiting" => "no process is there that it could be undone for",
            "cycling" => { "taken and undone too often; undone" (at) @if lease.time.is_none() { " by the operator" } },
            "undoing" => "its undo is under way",
            "retrying" => { "its undo failed; tried again" (at) },
            _ => { (by) ", " (span(lease.undo_after_seconds)) " after " (text(&lease.level)) " is left" },
        }
    }
}

fn failures(status: &Status) -> Markup {
    html! {
        @if !status.undo_failures.is_empty() {
            h3 { "undos that failed" }
            ul {
                @for one in &status.undo_failures {
                    li { (text(&one.action)) " of " (text(&one.target)) ": " (text(&one.reason)) ", " (one.count) " times" }
                }
            }
        }
    }
}

/// The orders that ended last.
pub(super) fn recent(status: &Status) -> Markup {
    html! {
        @if !status.recent_orders.is_empty() {
            section.orders data-key="orders" aria-labelledby="orders" {
                h2 #orders { "orders that ended last" }
                div.wide tabindex="0" role="group" aria-label="Orders that ended last" {
                    table {
                        caption { "The latest first" }
                        thead { tr {
                            th scope="col" { "when" } th scope="col" { "order" } th scope="col" { "outcome" }
                            th scope="col" { "why" }
                        } }
                        tbody { @for order in &status.recent_orders { (ended(status, order)) } }
                    }
                }
            }
        }
    }
}

/// What it did, by the reading that it was to change.
fn effect_of(effect: &str, order: &EndedOrder) -> Markup {
    html! {
        "effect: " (text(effect))
        @if let (Some(metric), Some(from), Some(to)) = (&order.metric, order.value, order.effect_value) {
            " (" (text(metric)) " " (amount(metric, from)) " -> " (amount(metric, to)) ")"
        }
    }
}

fn ended(status: &Status, order: &EndedOrder) -> Markup {
    html! {
        tr data-key=(order.order) {
            td { (since(order.time, status.time)) }
            th scope="row" {
                @if order.undo { "undo of " }
                (text(&order.action)) " of " (text(&order.target)) "[" (order.process) "] (pid " (order.pid) ")"
            }
            td {
                (text(&order.outcome)) @if order.reason != "none" { ": " (text(&order.reason)) }
                @if let Some(effect) = &order.effect { br; (effect_of(effect, order)) }
            }
            td {
                (badge(&order.level))
                @if let (Some(metric), Some(value)) = (&order.metric, order.value) {
                    " " (text(metric)) " " (amount(metric, value))
                    @if let Some(bound) = order.bound { ", bound " (amount(metric, bound)) }
                }
                @if let Some(by) = &order.escalated_by { ", for " (text(by)) " had no effect" }
            }
        }
    }
}
