//! Nobody of the demo outlives it, however it ends: the kernel kills a child with its parent.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::super::Failure;

/// What the daemon is started by.
#[derive(Args, Debug)]
pub(in super::super) struct Arguments {
    /// The process whose end is its own
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    config: PathBuf,
}

/// From now on this process is killed when the thread that started it ends: prctl(2),
/// PR_SET_PDEATHSIG. It stays so over an exec. Takes off the signal mask that the demo waits with, for
/// a child inherits it.
pub(super) fn die_with(parent: i32) -> Result<(), Failure> {
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    bound.map_err(|error| Failure::runtime(format!("cannot be bound to the demo's life: {error}")))?;
    let unblocked = SigSet::all().thread_unblock();
    unblocked.map_err(|error| Failure::runtime(format!("cannot unblock signals: {error}")))?;
    // The parent may have ended before.
    if getppid() == Pid::from_raw(parent) { Ok(()) } else { Err(Failure::runtime("the demo has ended")) }
}

/// Becomes the daemon: the same command that an operator would type.
#[expect(clippy::disallowed_methods, reason = "the demo starts its own program, and nothing else")]
pub(in super::super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    die_with(arguments.parent)?;
    let own = std::env::current_exe();
    let error =
        own.map_or_else(|error| error, |own| Command::new(own).args(["run", "--config"]).arg(&arguments.config).exec());
    Err(Failure::runtime(format!("the demo cannot start the daemon: {error}")))
}
