//! The threads of a process, each with what it waits for.

use std::fmt::Write as _;

use super::{lack, plain};
use crate::kernel::{Look, Stat, Task};
use crate::model::{Evidence, printable};

/// Most threads that are looked at.
const MOST: usize = 2_000;

pub(super) fn collect(look: &Look, evidence: &mut Evidence) {
    let mut tasks: Vec<Task> = Vec::new();
    let listed = look.tasks(&mut |task| {
        tasks.push(task);
        tasks.len() < MOST
    });
    if let Err(error) = listed {
        lack(evidence, "threads", error);
        return;
    }
    if tasks.is_empty() {
        evidence.lacks("threads", "the process has ended");
        return;
    }
    if tasks.len() >= MOST {
        evidence.lacks(format!("threads beyond the first {MOST}"), "no more are looked at");
    }
    // Without the right the kernel says 0 for everybody, as it does for a thread that runs.
    if tasks.iter().all(|task| matches!(&task.waits[..], b"0" | b"")) && tasks.iter().any(|task| state(task) != 'R') {
        evidence.lacks_right("what its threads wait for", "the kernel does not tell", super::DEEP);
    }
    tasks.sort_by_key(|task| task.tid);
    evidence.counts.insert("threads".to_owned(), tasks.len() as u64);
    let mut out = plain::count(tasks.len(), "thread") + "\n\n";
    out += &plain::tally(tasks.iter().map(|task| format!("{} {}", state(task), waits(task))), 50);
    plain::heading(&mut out, "one by one: number, state, waits in, name");
    for task in &tasks {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{:>8}  {}  {:<32}  {}", task.tid, state(task), waits(task), name(task));
    }
    evidence.file("threads.txt", "its threads, their states and what they wait for", out);
}

fn state(task: &Task) -> char {
    Stat::parse(&task.stat).map_or('?', |stat| char::from(stat.state))
}

fn name(task: &Task) -> String {
    Stat::parse(&task.stat).map_or_else(|_| "?".to_owned(), |stat| printable(stat.comm.as_bytes(), 64))
}

fn waits(task: &Task) -> String {
    match &task.waits[..] {
        b"0" | b"" => "-".to_owned(),
        waits => printable(waits, 64),
    }
}
