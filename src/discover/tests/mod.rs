//! Discovery, tried on real processes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "starts children, makes cgroups and files, and says what it skips"
)]

mod alone;
mod anchors;
mod cgroups;
mod changes;
mod containers;
mod events;
mod faults;
mod given;
mod matching;
mod recheck;
mod roster;
mod thread;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use super::scanner::Scanner;
use super::{Change, Facts, Found, Trouble};
use crate::config::{Config, Source, parse};
use crate::kernel::{Proc, now};
use crate::model::{Moment, Pid};

/// A word that no other process of this host has in its arguments.
fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("marker{}x{}x", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn config(text: &str) -> Arc<Config> {
    Arc::new(parse(vec![Source::new("watchdog.toml", text)]).unwrap_or_else(|problems| panic!("{problems}")))
}

/// A configuration of targets `a`, `b` ... with these tables.
fn targets(tables: &[&str]) -> Arc<Config> {
    let names = ["a", "b", "c", "d"];
    let text = names.iter().zip(tables).map(|(name, table)| format!("[target.{name}]\n{table}\n"));
    config(&text.collect::<String>())
}

/// A child that ends with its test.
struct Victim {
    child: Child,
    input: Option<ChildStdin>,
}

impl Victim {
    /// A program that waits; `command` need not say so.
    fn of(mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        // The parent goes on before the arguments of the new program are in place.
        let last = command.get_args().last().unwrap().as_encoded_bytes().to_vec();
        let arguments = format!("/proc/{}/cmdline", child.id());
        while !std::fs::read(&arguments).unwrap().windows(last.len()).any(|part| part == last) {
            std::thread::yield_now();
        }
        Self { child, input: None }
    }

    /// `sleep`, with a word that tells it from others.
    fn sleeping(marker: &str) -> Self {
        Self::of(command("sh", &["-c", "read x", marker]))
    }

    /// A python process with `arguments` that ran `script`, printed `ready` and goes on at the next line
    /// that it is told.
    fn python(script: &str, arguments: &[&str]) -> Self {
        let mut command = command("python3", &["-c", script]);
        Self::ready(command.args(arguments))
    }

    /// A program that prints `ready`.
    fn ready(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let input = child.stdin.take();
        Self { child, input }
    }

    fn pid(&self) -> Pid {
        Pid::new(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    fn go(&mut self) {
        self.input.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.end();
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped());
    command
}

/// The number of a thread of ours, which ends when what comes with it is dropped.
fn thread() -> (Pid, Sender<()>) {
    let (end, ended) = channel();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        tell.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let _ = ended.recv();
    });
    (Pid::new(told.recv().unwrap()).unwrap(), end)
}

/// A script that says that it is ready, waits for a line and then does `then`.
fn waiting(first: &str, then: &str) -> String {
    format!(
        "import os, sys, time\n{first}\nprint('ready', flush=True)\nsys.stdin.readline()\n{then}\ntime.sleep(1000)\n"
    )
}

/// A scanner whose clock can be put forward.
struct Scene {
    scanner: Scanner,
    /// What is added to the clock: a scan of everybody is due after half a minute.
    ahead: Duration,
}

impl Scene {
    fn of(config: &Arc<Config>) -> Self {
        Self::over(config, Proc::live().unwrap())
    }

    fn over(config: &Arc<Config>, proc: Proc) -> Self {
        let scanner = Scanner::over(config.clone(), proc);
        Self { scanner, ahead: Duration::ZERO }
    }

    fn now(&self) -> Moment {
        now() + self.ahead
    }

    /// One scan; what it said.
    fn scan(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.scanner.scan(self.now(), &mut changes);
        changes
    }

    /// One scan of everybody, in which nobody is young.
    fn scan_all(&mut self) -> Vec<Change> {
        self.ahead += Duration::from_secs(31);
        self.scan()
    }

    /// Scans until `done` says so about what one of the scans said.
    fn until(&mut self, what: &str, done: impl Fn(&Change) -> bool) -> Change {
        for _ in 0..500 {
            if let Some(change) = self.scan().into_iter().find(&done) {
                return change;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not happen within 5 s");
    }
}

/// The pids found for target number `target`, ascending.
fn found(changes: &[Change], target: u16) -> Vec<Pid> {
    let mut pids: Vec<Pid> = founds(changes).filter(|f| f.target == target).map(|f| f.process.identity().pid).collect();
    pids.sort_unstable();
    pids
}

fn founds(changes: &[Change]) -> impl Iterator<Item = &Found> {
    changes.iter().filter_map(|change| match change {
        Change::Found(found) => Some(found),
        Change::Lost { .. } | Change::Way(_) | Change::Trouble(_) => None,
    })
}

fn lost(changes: &[Change]) -> Vec<Pid> {
    let lost = changes.iter().filter_map(|change| match change {
        Change::Lost { identity, .. } => Some(identity.pid),
        Change::Found(_) | Change::Way(_) | Change::Trouble(_) => None,
    });
    lost.collect()
}

fn troubles(changes: &[Change]) -> Vec<String> {
    let troubles = changes.iter().filter_map(|change| match change {
        Change::Trouble(trouble) => Some(Trouble::to_string(trouble)),
        Change::Found(_) | Change::Way(_) | Change::Lost { .. } => None,
    });
    troubles.collect()
}

fn facts_of(changes: &[Change], pid: Pid) -> Facts {
    founds(changes).find(|found| found.process.identity().pid == pid).unwrap().facts.clone()
}

fn sorted(mut pids: Vec<Pid>) -> Vec<Pid> {
    pids.sort_unstable();
    pids
}

/// Whether the test may go on; says so if not.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}
