//! The processes of a target: those where something is going on in full, many calm ones as rows.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::Room;
use super::judged::{is_calm, judged};
use super::words::{badge, level, processes, reading, since, span, text};
use crate::export::status::{Member, Status, Target};
use crate::model::Base;

/// So many processes are shown in full even when they are calm.
const FEW: usize = 8;

/// What a row shows beside the metrics that have a threshold.
const COLUMNS: [Base; 6] = [Base::OpenFds, Base::MaxFds, Base::CloseWait, Base::Established, Base::Rss, Base::Swap];

/// The worst first.
pub(super) fn members(status: &Status, target: &Target, room: &mut Room) -> Markup {
    let mut members: Vec<&Member> = target.members.iter().collect();
    members.sort_by_key(|member| (is_calm(&member.judged), Reverse(level(&member.judged.level)), member.process));
    let own = |member: &&Member| target.group.is_none() && !is_calm(&member.judged);
    let uneasy = members.iter().filter(|member| own(member)).count();
    let shown = if members.len() <= FEW { members.len() } else { uneasy }.min(room.blocks);
    let (blocks, rest) = members.split_at(shown);
    room.blocks -= shown;
    let sole = members.len() == 1;
    html! {
        @for member in blocks { (block(status, member, sole || own(member))) }
        @if !rest.is_empty() { (table(target, (rest, !blocks.is_empty()), room)) }
    }
}

fn block(status: &Status, member: &Member, open: bool) -> Markup {
    html! {
        details.member data-key=(member.process) data-open=(open) open[open] {
            summary {
                h3 { "process " (member.process) } " " (badge(&member.judged.level))
                " pid " (member.pid) ", started " (since(member.started, status.time))
            }
            (judged(&member.judged, status.time))
        }
    }
}

/// `193 more processes, all normal`
fn summary(rest: &[&Member], more: bool) -> String {
    let count = processes(rest.len());
    let count = if more { count.replacen(' ', " more ", 1) } else { count };
    let calm = rest.iter().all(|member| is_calm(&member.judged));
    if calm { format!("{count}, all normal") } else { count }
}

fn table(target: &Target, (rest, more): (&[&Member], bool), room: &mut Room) -> Markup {
    let (rows, beyond) = rest.split_at(rest.len().min(room.rows));
    room.rows -= rows.len();
    let columns = columns(rest);
    html! {
        details.rest data-key="rest" {
            summary { (summary(rest, more)) }
            div.wide tabindex="0" role="group" aria-label={ "Processes of " (text(&target.name)) } {
                table {
                    caption { "Processes of " (text(&target.name)) }
                    thead { tr {
                        th scope="col" { "process" } th scope="col" { "pid" } th scope="col" { "level" }
                        @for column in &columns { th scope="col" { (text(column)) } }
                    } }
                    tbody { @for member in rows { (row(member, &columns)) } }
                }
            }
            @if !beyond.is_empty() {
                p { (processes(beyond.len())) " more: " a href="/api/v1/status" { "/api/v1/status" } " has them all" }
            }
        }
    }
}

fn row(member: &Member, columns: &[String]) -> Markup {
    html! {
        tr data-key=(member.process) {
            th scope="row" { (member.process) } td { (member.pid) } td { (badge(&member.judged.level)) }
            @for column in columns { td { (reading(column, &member.judged.readings)) } }
        }
    }
}

/// The metrics that have a threshold, then the usual ones.
fn columns(members: &[&Member]) -> Vec<String> {
    let Some(first) = members.first() else { return Vec::new() };
    let mut columns: Vec<String> = first.judged.thresholds.iter().map(|row| row.metric.clone()).collect();
    for base in COLUMNS {
        let name = base.info().name;
        if first.judged.readings.contains_key(name) && columns.iter().all(|column| column != name) {
            columns.push(name.to_owned());
        }
    }
    columns
}

/// `2 processes (expected 1 to 3)`
pub(super) fn count(target: &Target) -> Markup {
    html! {
        (processes(target.members.len()))
        @match (target.expected_min, target.expected_max) {
            (None, None) => {},
            (Some(least), Some(most)) if least == most => { " of " (least) " expected" },
            (Some(least), Some(most)) => { ", expected " (least) " to " (most) },
            (Some(least), None) => { ", expected at least " (least) },
            (None, Some(most)) => { ", expected at most " (most) },
        }
    }
}

/// Since when the highest level holds, of all processes and all together.
pub(super) fn level_for(status: &Status, target: &Target) -> Option<String> {
    let ladders = target.members.iter().map(|member| &member.judged).chain(&target.group);
    let ladders = ladders.flat_map(|judged| &judged.ladders).filter(|ladder| ladder.level == target.level);
    ladders.map(|ladder| ladder.since).reduce(f64::min).map(|since| span(status.time - since))
}
