//! A target: its five lines, then what they rest on.

use maud::{Markup, html};

use super::Room;
use super::account::account;
use super::ahead::{Whose, ahead};
use super::judged::judged;
use super::members::{count, level_for, members};
use super::words::{badge, level, text};
use crate::export::status::{Status, Target};
use crate::model::Level;

/// The whole section.
pub(super) fn target(status: &Status, target: &Target, room: &mut Room) -> Markup {
    let name = text(&target.name);
    let class = level(&target.level).name();
    html! {
        article.target.{ "is-" (class) } data-key=(text(&target.name)) aria-labelledby={ "target-" (name) } {
            h2 #{ "target-" (name) } { (name) " " (badge(&target.level)) }
            p.facts {
                @if level(&target.level) > Level::Normal {
                    @if let Some(time) = level_for(status, target) { (target.level) " for " (time) ". " }
                }
                (count(target)) ". " (standing(status, target)) "."
            }
            (account(&target.account))
            (ahead(&target.ahead, Whose { name: &target.name, several: target.members.len() > 1 }, status.time))
            @if let Some(group) = &target.group {
                section.group data-key="group" {
                    h3 { "all processes together " (badge(&group.level)) }
                    (judged(group, status.time))
                }
            }
            (members(status, target, room))
        }
    }
}

/// Whether anything would be done.
fn standing(status: &Status, target: &Target) -> String {
    if target.armed {
        let kills = target.kill_budget_remaining;
        return format!("Armed, {kills} kill{} left in its budget", if kills == 1 { "" } else { "s" });
    }
    let why = if status.dry_run { "Dry run: nothing is done" } else { "Observed only: it has no ladder" };
    why.to_owned()
}
