//! A signal, through the pidfd.

use super::end::End;
use crate::kernel::Process;
use crate::model::Signal;

/// What is missing when the kernel denies a signal.
pub(super) const MAY_SIGNAL: &str = "tradedog must be the user of the process or have CAP_KILL";

pub(super) const SIGTERM: Signal = by_number(libc::SIGTERM);
pub(super) const SIGKILL: Signal = by_number(libc::SIGKILL);
pub(super) const SIGSTOP: Signal = by_number(libc::SIGSTOP);
pub(super) const SIGCONT: Signal = by_number(libc::SIGCONT);

const fn by_number(number: i32) -> Signal {
    match Signal::new(number) {
        Some(signal) => signal,
        None => unreachable!(),
    }
}

/// Sends it. Nobody confirms a signal: the best outcome is delivered.
pub(super) fn deliver(process: &Process, signal: Signal) -> End {
    match process.signal(signal) {
        Ok(()) => End::delivered(),
        Err(error) => End::from_error(error, MAY_SIGNAL),
    }
}
