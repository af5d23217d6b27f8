//! The five lines: why, done, next, what one can do, where to look.

use maud::{Markup, html};

use super::words::{command, text};
use crate::export::status::Account;

/// With what a line begins that is to be copied into a shell.
const COMMANDS: [&str; 7] = ["tradedog ", "journalctl ", "ls ", "curl ", "free ", "vmstat ", "systemctl "];

/// All five, whether there is something to say or not: nothing is an answer as well.
pub(super) fn account(account: &Account) -> Markup {
    html! {
        dl.account {
            (line("why", &account.why))
            (line("done", &account.done))
            (line("next", &account.next))
            (line("you can", &account.you_can))
            (line("evidence", &account.evidence))
        }
    }
}

fn line(name: &str, lines: &[String]) -> Markup {
    html! {
        div.{ (name.replace(' ', "-")) } {
            dt { (name) }
            dd {
                @for line in lines {
                    @if COMMANDS.iter().any(|command| line.starts_with(command)) { code.copy { (command(line)) } }
                    @else { p { (text(line)) } }
                }
                @if lines.is_empty() { p.nothing { "nothing" } }
            }
        }
    }
}
