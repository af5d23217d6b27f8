//! Waiting until measures are undone, and telling what became of each.

use std::time::Duration;

use super::Daemon;
use crate::cli::{Failure, Output};
use crate::export::{LeaseStanding, LeaseView};
use crate::kernel;
use crate::model::{Moment, printable};
use crate::record::show_duration;

/// How long they are waited for where nobody says.
pub(in crate::cli) const MOST: Duration = Duration::from_secs(30);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest name shown.
const NAME_CHARS: usize = 100;

impl Daemon {
    /// Waits until none of `leases` is in force any more; an error if some still is after `most`.
    pub(in crate::cli) fn follow(
        &self,
        leases: &[LeaseView],
        most: Duration,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let begin = kernel::now();
        let mut left: Vec<LeaseView> = leases.to_vec();
        loop {
            let now = self.leases()?;
            for lease in left.extract_if(.., |lease| !now.iter().any(|one| is_same(one, lease))) {
                output.line(format!("{}: no longer in force", name(&lease)))?;
            }
            let looked = kernel::now();
            if left.is_empty() {
                return Ok(());
            }
            if looked.since(begin) >= most {
                for lease in now.iter().filter(|lease| left.iter().any(|one| is_same(one, lease))) {
                    output.line(format!("{}: still in force: {}", name(lease), why(lease, looked)))?;
                }
                return Err(Failure::runtime(format!(
                    "{} of {} not undone after {}; tradedog goes on trying: tradedog status shows how it stands",
                    left.len(),
                    leases.len(),
                    show_duration(most),
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// `pause of trader[0]`
pub(in crate::cli) fn name(lease: &LeaseView) -> String {
    let text = |name: &str| printable(name.as_bytes(), NAME_CHARS);
    let process = lease.process.map_or_else(String::new, |slot| format!("[{slot}]"));
    format!("{} of {}{process}", text(&lease.action), text(&lease.target))
}

/// The same measure, not one that was taken anew.
fn is_same(one: &LeaseView, other: &LeaseView) -> bool {
    (&one.target, &one.action, one.process, one.since) == (&other.target, &other.action, other.process, other.since)
}

fn why(lease: &LeaseView, now: Moment) -> String {
    match lease.standing {
        LeaseStanding::Retrying { at } => {
            format!(
                "its undo failed and is tried again in {}; the log says why it failed",
                show_duration(at.since(now))
            )
        }
        LeaseStanding::Undoing => "its undo is under way".to_owned(),
        LeaseStanding::Waiting => "no process is there that it could be undone for".to_owned(),
        LeaseStanding::Doubtful
        | LeaseStanding::Needed
        | LeaseStanding::Undone { .. }
        | LeaseStanding::Operator
        | LeaseStanding::Cycling { .. } => "its undo has not begun".to_owned(),
    }
}
