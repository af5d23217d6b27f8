//! The door, tried on real processes and with every read failing once.
#![expect(clippy::disallowed_methods, reason = "starts children and compares with what the kernel prints")]

mod cgroups;
mod faults;
mod parsers;
mod pidless;
mod processes;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::model::Pid;

/// Waits until it is so.
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen within 5 s");
}

/// A child that ends with its test.
pub(crate) struct Victim {
    pub(crate) child: Child,
}

impl Victim {
    pub(super) fn sleeping() -> Self {
        Self { child: Command::new("sleep").arg("1000").spawn().unwrap() }
    }

    /// A python process that ran `script` up to the line that it printed, and waits.
    pub(super) fn python(script: &str) -> Self {
        let script = format!("{script}\nprint('ready', flush=True)\nimport time\ntime.sleep(1000)\n");
        let mut child = Command::new("python3").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { child }
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::new(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
