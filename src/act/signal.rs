//! A signal, through the pidfd.

use super::End;
use crate::kernel::{Error, Process};
use crate::model::{OutcomeKind, Reason, Signal};

/// Sends it. Nobody confirms a signal: the best outcome is delivered.
pub(super) fn deliver(process: &Process, signal: Signal) -> End {
    match process.signal(signal) {
        Ok(()) => (OutcomeKind::Delivered, Reason::None),
        Err(Error::Gone) => (OutcomeKind::Gone, Reason::None),
        Err(Error::Denied | Error::Malformed(_) | Error::Os(_)) => (OutcomeKind::Failed, Reason::Refused),
    }
}
