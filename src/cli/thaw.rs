//! `tradedog thaw`: lets every process run again that the daemon stopped, with the daemon or without.
//!
//! Without one the state file says what is frozen. That it is not there is no failure, so that the
//! command can stand behind the end of the service (`ExecStopPost=`), however that came.

use clap::Args;

use super::daemon::{Daemon, MOST, Unanswered};
use super::{Failure, Output};
use crate::act;
use crate::export::{LeaseView, Request};
use crate::kernel;
use crate::model::{FreezeBy, Identity, Lease, Measure, Memory, printable};
use crate::record::{Left, StateError, runtime_path, unlocked};

/// Longest name shown.
const NAME_CHARS: usize = 100;

/// What is said where there is nobody to thaw.
const NOTHING: &str = "nothing is frozen by tradedog";

/// Where to look.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
}

/// Succeeds when nothing is frozen by tradedog any more.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let daemon = &arguments.daemon;
    match daemon.leases() {
        Ok(leases) => {
            let frozen: Vec<LeaseView> = leases.into_iter().filter(|lease| lease.freeze).collect();
            daemon.order(&Request::Thaw, output)?;
            if frozen.is_empty() {
                return Ok(output.line(NOTHING)?);
            }
            daemon.follow(&frozen, MOST, output)
        }
        Err(Unanswered::Nobody(_)) => by_state_file(arguments, output),
        Err(Unanswered::Failed(failure)) => Err(failure),
    }
}

/// A daemon could not start: whom the last one left frozen runs again. Says so only where there is
/// somebody; what stands in the way is told by the failure of the start itself.
pub(super) fn after_a_failed_start(output: &mut Output) {
    let Ok(boot) = kernel::boot_id() else { return };
    // No other daemon starts while this is kept.
    let Ok(left) = unlocked(&runtime_path(), boot) else { return };
    let Some(memory) = &left.memory else { return };
    if memory.leases.iter().any(|lease| lease.order.measure.is_freeze()) {
        // The start has failed already; this can only add to it.
        let _ = thaw_all(memory, output);
    }
}

fn by_state_file(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let boot = kernel::boot_id().map_err(|error| Failure::runtime(format!("which boot this is: {error}")))?;
    // Kept until all run again: a daemon that starts meanwhile would freeze by the same record.
    let left = match unlocked(&arguments.daemon.folder(), boot) {
        Ok(left) => left,
        // Who was frozen before the host started anew is no more.
        Err(StateError::OtherBoot { .. }) => Left::default(),
        Err(error @ StateError::Held { .. }) => {
            return Err(Failure::runtime(format!(
                "a tradedog runs and has no control socket yet, or no more: {error}"
            )));
        }
        Err(error) => return Err(Failure::runtime(format!("what is frozen is not known: {error}"))),
    };
    match &left.memory {
        Some(memory) => thaw_all(memory, output),
        None => Ok(output.line(NOTHING)?),
    }
}

fn thaw_all(memory: &Memory, output: &mut Output) -> Result<(), Failure> {
    let frozen: Vec<&Lease> = memory.leases.iter().filter(|lease| lease.order.measure.is_freeze()).collect();
    if frozen.is_empty() {
        return Ok(output.line(NOTHING)?);
    }
    let mut failed = 0_usize;
    for lease in &frozen {
        let Measure::Freeze { by, .. } = lease.order.measure else { continue };
        let (done, said) = thaw(lease.order.identity, by);
        failed += usize::from(!done);
        let target = printable(lease.order.target.as_bytes(), NAME_CHARS);
        output.line(format!("{target}[{}] (pid {}): {said}", lease.order.member.slot, lease.order.identity.pid))?;
    }
    if failed > 0 {
        let text = format!("{failed} of {} not thawed: run this as root, or kill -CONT PID", frozen.len());
        return Err(Failure::runtime(text));
    }
    Ok(())
}

fn thaw(identity: Identity, by: FreezeBy) -> (bool, String) {
    match act::thaw(identity, by) {
        Ok(()) => (true, "thawed".to_owned()),
        Err(kernel::Error::Gone) => (true, "is gone".to_owned()),
        Err(error) => (false, format!("cannot be thawed: {error}")),
    }
}

#[cfg(test)]
mod tests;
