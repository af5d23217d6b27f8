//! A child process of the demo, that does not outlive it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::kernel;

/// A child; dropping it kills it.
pub(super) struct Child {
    name: &'static str,
    process: std::process::Child,
}

impl Child {
    /// In a process group of its own, so that Ctrl-C reaches the demo alone.
    pub(super) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let process = command.stdin(Stdio::null()).process_group(0).spawn();
        Ok(Self { name, process: process.with_context(|| format!("cannot start the {name}"))? })
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Hands over what it prints, line by line, from a thread of its own.
    pub(super) fn tell_lines(&mut self, to: Sender<String>) -> anyhow::Result<()> {
        let output = self.process.stdout.take().context("it has no output")?;
        let read = move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| to.send(line));
        std::thread::Builder::new().name("lines".to_owned()).spawn(read)?;
        Ok(())
    }

    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.try_wait().with_context(|| format!("cannot wait for the {}", self.name))
    }

    /// Asks it to leave, and waits until it has.
    pub(super) fn stop(&mut self, patience: Duration) -> anyhow::Result<()> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).context("no pid")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("cannot stop the {}", self.name))?;
        let end = kernel::now() + patience;
        while kernel::now() < end {
            if let Some(status) = self.ended()? {
                ensure!(status.success(), "the {} ended with {status}", self.name);
                return Ok(());
            }
            rest(Duration::from_millis(20));
        }
        bail!("the {} did not stop within {patience:?}", self.name)
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing else is to be done meanwhile")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}

impl Drop for Child {
    fn drop(&mut self) {
        // An error means that it has ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
