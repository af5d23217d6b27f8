//! What is ahead: each level that is not reached, when it is as things grow now, and behind which brakes what
//! is done there.

use maud::{Markup, html};

use super::words::{amount, badge, span, text, time};
use crate::export::status::{Ahead, BoundsThen, Planned};

/// Most rows.
const MOST: usize = 24;

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    /// In the name of the table.
    pub(super) name: &'a str,
    /// Whether several processes are to be told apart.
    pub(super) several: bool,
}

/// All of it; nothing where nothing is judged.
pub(super) fn ahead(ahead: &[Ahead], whose: Whose<'_>, now: f64) -> Markup {
    let (shown, beyond) = ahead.split_at(ahead.len().min(MOST));
    let ladders = ahead.iter().any(|one| one.ladder.as_deref().is_some_and(|name| name != "default" && name != "host"));
    html! {
        @if !shown.is_empty() {
            details.ahead data-key="ahead" data-open="true" open {
                summary { "What comes next, as it grows now" }
                div.wide tabindex="0" role="group" aria-label={ "Ahead of " (text(whose.name)) } {
                    table {
                        caption { "Levels ahead of " (text(whose.name)) ", the soonest first" }
                        thead { tr {
                            th scope="col" { "when" } th scope="col" { "level" }
                            @if ladders { th scope="col" { "ladder" } }
                            @if whose.several { th scope="col" { "process" } }
                            th scope="col" { "at" } th scope="col" { "now" } th scope="col" { "is done there" }
                        } }
                        tbody {
                            @for one in shown {
                                tr {
                                    th scope="row" { (when(one, now)) }
                                    td { (badge(&one.level)) }
                                    @if ladders { td { @if let Some(name) = &one.ladder { (text(name)) } } }
                                    @if whose.several { td { @if let Some(slot) = one.process { (slot) } @else { "all" } } }
                                    td { (bound(one)) } td { (value(one)) } td { (measures(one, now)) }
                                }
                            }
                        }
                    }
                }
                @if !beyond.is_empty() {
                    p { (beyond.len()) " more: " a href="/api/v1/status" { "/api/v1/status" } " has them all" }
                }
            }
        }
    }
}

/// `in 40m`, `not growing`, `growth not known yet`
fn when(one: &Ahead, now: f64) -> Markup {
    let left = one.time_left.as_ref();
    html! {
        @match (one.time, left.and_then(|left| left.unknown.as_deref())) {
            (Some(at), _) => { "in " (span(at - now)) ", " (time(at, now)) },
            (None, Some("too_short")) => span.unknown { "growth not known yet" },
            (None, Some(why)) => span.unknown { "unknown: " (text(why)) },
            (None, None) if left.is_some() => "not growing",
            (None, None) => span.unknown { "not foretold" },
        }
        @if let Some(then) = &one.bounds_then { (change(one, then, now)) }
    }
}

/// `; from 15:30 on (in 40m) nyse.open: open_fds 400, in 50m: disable_websocket`
fn change(one: &Ahead, then: &BoundsThen, now: f64) -> Markup {
    html! {
        "; in " (span(then.time - now)) ", " (time(then.time, now)) ", "
        @if then.during.is_empty() { "the usual bounds hold" }
        @else { "the bounds of " (text(&then.during.join(" and "))) " hold" }
        ": "
        @match then.bound {
            Some(bound) => {
                (text(&one.metric)) " " (amount(&one.metric, bound))
                @match then.time_left_seconds {
                    Some(left) => { ", in " (span(left)) }
                    None => ", not reached",
                }
                ": "
                @if then.measures.is_empty() { "nothing is done there" }
                @else { (text(&then.measures.join(", then "))) }
            }
            None => { "no " (text(&one.level)) " of " (text(&one.metric)) }
        }
    }
}

/// `open_fds 900 for 3s`
fn bound(one: &Ahead) -> Markup {
    html! {
        (text(&one.metric)) " " (amount(&one.metric, one.bound))
        @if one.hold_seconds > 0.0 { " for " (span(one.hold_seconds)) }
    }
}

fn value(one: &Ahead) -> Markup {
    html! {
        @match &one.reading {
            Some(reading) => (super::words::known(&one.metric, reading)),
            None => span.unknown { "not read yet" },
        }
        @if let Some(growth) = one.growth_per_minute.filter(|growth| *growth > 0.0) {
            ", growing by " (amount(&format!("{}.growth", base(&one.metric)), growth))
        }
    }
}

/// The metric itself, of what is foretold of it.
fn base(metric: &str) -> &str {
    metric.trim_end_matches(".time_left").trim_end_matches(".growth")
}

fn measures(one: &Ahead, now: f64) -> Markup {
    html! {
        @if one.measures.is_empty() { "nothing" }
        @for (at, measure) in one.measures.iter().enumerate() {
            @if at > 0 { ", then " }
            (planned(measure, one.time, now))
        }
    }
}

fn planned(measure: &Planned, then: Option<f64>, now: f64) -> Markup {
    html! {
        @if measure.dry_run { "would take " }
        @if let Some(target) = &measure.target { (text(target)) "." }
        (text(&measure.action))
        @if measure.in_force { ", in force already" }
        @for brake in &measure.brakes {
            ", held " @if then.is_some() { "then" } @else { "now" } ": " (text(&brake.reason))
            @if let Some(opens) = brake.opens {
                @let later = opens - then.unwrap_or(now);
                " (opens " @if then.is_some() { (span(later)) " later" } @else { "in " (span(later)) } ")"
            }
        }
        @if let Some(step) = &measure.without_effect {
            ", without effect in " (span(step.after_seconds)) " " (text(&step.level)) ": "
            (text(&step.measures.join(", then ")))
        }
        @if let Some(needs) = &measure.needs { ", needs " (text(&needs.action)) }
        @if let Some(left) = measure.kill_budget_remaining {
            ", " (left) " kill" @if left != 1 { "s" } " left in its budget"
        }
    }
}
