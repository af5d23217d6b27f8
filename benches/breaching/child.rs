//! The process that breaches, and our end of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use super::report::Mode;
use crate::boot;

/// What makes this program such a process; behind it a tag, the descriptors of a calm one, and the bound.
pub(crate) const ARGUMENT: &str = "--child";
/// Descriptors of a calm one.
const FILES: usize = 100;
/// Where the threshold is.
pub(crate) const BOUND: usize = 600;
/// A leak: so many more, so often. A hundred a second, five seconds to the bound.
const STEP: usize = 5;
const EVERY: Duration = Duration::from_millis(50);
/// No signal is that late.
const MOST: Duration = Duration::from_secs(30);

/// One that runs.
pub(crate) struct Child {
    child: std::process::Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(tag: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ARGUMENT, tag, &FILES.to_string(), &BOUND.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut child = Self { child, input, answers: BufReader::new(output) };
        assert_eq!(child.answer(), "calm\n");
        child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it breach: when it did, and when the signal reached it.
    pub(crate) fn breach(&mut self, mode: Mode) -> (u64, u64) {
        writeln!(self.input, "{}", mode.tag()).unwrap();
        let answer = self.answer();
        let (breach, signal) = answer.trim_end().split_once(' ').unwrap_or_else(|| panic!("no signal: {answer:?}"));
        (breach.parse().unwrap(), signal.parse().unwrap())
    }

    /// Has it close what it opened.
    pub(crate) fn clear(&mut self) {
        writeln!(self.input, "clear").unwrap();
        assert_eq!(self.answer(), "calm\n");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does as the lines on its standard input say, until it ends.
pub(crate) fn serve(files: usize, bound: usize) {
    let mut usr1 = SigSet::empty();
    usr1.add(Signal::SIGUSR1);
    usr1.thread_block().unwrap();
    let (arrived, signals) = channel();
    thread::spawn(move || {
        while usr1.wait().is_ok() {
            if arrived.send(boot()).is_err() {
                return;
            }
        }
    });
    let mut process = Process { opened: Vec::new(), own: 0, bound, signals };
    // The listing counts itself.
    process.own = std::fs::read_dir("/proc/self/fd").unwrap().count() - 1;
    process.open_up_to(files);
    println!("calm");
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "clear" => process.opened.truncate(files - process.own),
            "fixed" => process.breach(usize::MAX),
            _ => process.breach(STEP),
        }
        if process.count() <= files {
            println!("calm");
        }
    }
}

struct Process {
    opened: Vec<File>,
    /// What it has open beside that.
    own: usize,
    bound: usize,
    /// When a signal reached it.
    signals: Receiver<u64>,
}

impl Process {
    fn count(&self) -> usize {
        self.own + self.opened.len()
    }

    fn open_up_to(&mut self, count: usize) {
        while self.count() < count {
            self.opened.push(File::open("/dev/null").unwrap());
        }
    }

    /// Opens so many at a time until it is at the bound, and waits for the signal.
    fn breach(&mut self, step: usize) {
        while self.count().saturating_add(step) < self.bound {
            self.open_up_to(self.count() + step);
            thread::sleep(EVERY);
        }
        self.open_up_to(self.bound - 1);
        // A moment too early rather than one too late.
        let breach = boot();
        self.open_up_to(self.bound);
        match self.signals.recv_timeout(MOST) {
            Ok(signal) => println!("{breach} {signal}"),
            Err(_) => println!("no signal within {MOST:?}"),
        }
    }
}
