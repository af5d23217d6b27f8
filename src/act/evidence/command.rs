//! The one command that the operator names.

use std::sync::atomic::AtomicBool;

use super::own::{self, Ran};
use super::{Subject, plain};
use crate::act::courier::program;
use crate::model::{Evidence, printable};

const WHAT: &str = "what the evidence command prints";

pub(super) fn collect(subject: &Subject, stop: &AtomicBool, evidence: &mut Evidence) {
    let Some(command) = &subject.wanted.command else { return };
    // By its number it might find another process.
    if subject.process.is_current(&mut Vec::new()).is_err() {
        return evidence.lacks(WHAT, "the process has ended: it was not started");
    }
    let pid = subject.process.identity().pid.to_string();
    let ran = program(&command.argv, &pid, &subject.variables)
        .and_then(|program| own::run(&program, (command.timeout, plain::MOST_BYTES), stop));
    match ran {
        Ok(ran) => {
            if !ran.trouble.is_empty() {
                evidence.lacks(format!("all of {WHAT}"), ran.trouble.clone());
            }
            if subject.process.has_exited() {
                evidence.lacks(WHAT, "the process has ended meanwhile: it may tell of nobody, or of another one");
            }
            evidence.file("command.txt", WHAT, printed(&ran));
        }
        Err(why) => {
            let name = command.argv.first().map_or("", String::as_str);
            evidence.lacks(WHAT, printable(format!("{name} cannot be started: {why}").as_bytes(), 300));
        }
    }
}

fn printed(ran: &Ran) -> String {
    let mut out = plain::lines(&ran.stdout);
    if !ran.stderr.is_empty() {
        plain::heading(&mut out, "on standard error");
        out += &plain::lines(&ran.stderr);
    }
    out
}
