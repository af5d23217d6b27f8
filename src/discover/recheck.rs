//! Whether a member is still the process that was matched: asked before every signal.

use super::selector::{holds_cheaply, is_slow};
use super::view::View;
use super::{Facts, Member, Shape};
use crate::config::Target;
use crate::kernel::{Error, Stat};
use crate::model::Reason;

/// Whether a measure may still reach `member`: the same process (start time and pidfs inode), alive,
/// under the same users, without an exec since it was matched, and still matched by what of the
/// selector is cheap to read (comm, user, unit, cgroup). What cannot be read speaks against it.
///
/// It never reads cmdline or exe, which could make the watch loop wait. Where the kernel shows the
/// exec generation, both are as they were when discovery read them. Where it hides it (no right to
/// trace the process), an exec shows if the kernel's events told the discovery thread of it and that
/// has not matched anew since, or if it changes the name or the size of the code. Else the last look
/// of that thread is relied on, at most an interval old with events, `rescan` without.
///
/// # Errors
///
/// [`Reason::Identity`].
pub fn recheck(member: &Member, target: &Target, buffer: &mut Vec<u8>) -> Result<(), Reason> {
    match is_unchanged(member, target, buffer) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Reason::Identity),
    }
}

fn is_unchanged(member: &Member, target: &Target, buffer: &mut Vec<u8>) -> Result<bool, Error> {
    member.process.is_current(buffer)?;
    let mut view = View::new(member.process.entry(), buffer)?;
    let status = view.status()?;
    let shape = Shape { comm: view.stat.comm, code: status.code };
    let same = status.uids == member.facts.uids
        && member.facts.execs.are_known()
        && no_exec(&member.facts, &view.stat, shape, is_slow(&target.selector))
        && holds_cheaply(&target.selector, &mut view)?;
    Ok(same)
}

/// Whether no exec shows; `weakly`: whether the weak signs count where the strong one is hidden.
fn no_exec(facts: &Facts, stat: &Stat, shape: Shape, weakly: bool) -> bool {
    match (facts.exec_generation, stat.exec_generation) {
        (None, None) => !weakly || facts.shape == shape,
        // Hidden since, or shown since: an exec can be the cause of both.
        (then, now) => then == now,
    }
}
