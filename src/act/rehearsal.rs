//! The kill path, tried when the daemon starts: on a child of its own, never on anybody else.

use std::time::Duration;

use super::courier::{Child, Program};
use super::signal::SIGKILL;
use crate::kernel::{Error, Process};
use crate::model::BootId;

/// What the child of the rehearsal is started as: this very program, whatever became of its file.
const STAND_IN: [&std::ffi::CStr; 3] = [c"/proc/self/exe", c"run", c"--stand-in"];
/// So long a child may take to be gone; the kernel needs microseconds.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// Why the rehearsal failed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// It could not even begin, which says nothing about kills, but something about commands.
    #[error("no child can be started ({0}): commands cannot be run either, and whether kills work was not tried")]
    NoChild(#[source] std::io::Error),
    /// It could not be held, or no signal can be sent.
    #[error(
        "a child of its own cannot be killed ({0}): kills will fail. Look for a seccomp filter (SystemCallFilter=)"
    )]
    Refused(#[from] Error),
    /// The signal was taken, and nothing came of it.
    #[error("a child of its own was sent SIGKILL and did not end within {}s: kills will fail", GONE_WITHIN.as_secs())]
    Survived,
}

/// Starts a child, holds it as a process of a target is held, and kills it as one is killed.
///
/// # Errors
/// At the first step that does not do what it should; the child ends by itself then.
pub fn rehearse(boot: BootId) -> Result<(), RehearsalError> {
    let program = Program { argv: STAND_IN.map(Into::into).to_vec(), variables: Vec::new() };
    let (child, _printed) = Child::start(&program).map_err(RehearsalError::NoChild)?;
    let process = Process::open(boot, child.number()?)?;
    process.is_current(&mut Vec::new())?;
    process.signal(SIGKILL)?;
    child.ended_within(GONE_WITHIN).then_some(()).ok_or(RehearsalError::Survived)
}
