//! A freeze by `cgroup.freeze`: everything in a cgroup and below stands still, so all of it must be the
//! target's.

use std::sync::Arc;

use super::super::{Errand, Ground, shown};
use super::End;
use crate::discover::Member;
use crate::kernel::{Cgroup, CgroupTree, Error, Process};
use crate::model::{Pid, Reason};

/// What is missing when the kernel denies a write.
const MAY_WRITE: &str = "tradedog needs CAP_DAC_OVERRIDE and ProtectControlGroups=no to write into cgroups; \
                         or use freeze = { by = \"signal\" }";
/// What to do where a cgroup will not do.
const OTHERWISE: &str = "start it in a cgroup of its own, as systemd does, or use freeze = { by = \"signal\" }";

/// The cgroups that we stopped.
#[derive(Debug, Default)]
pub(super) struct Groups {
    stopped: Vec<Stopped>,
}

/// One of them.
#[derive(Debug)]
struct Stopped {
    group: Cgroup,
    /// For whom: two processes of one cgroup may each have its freeze. It goes on with the last of them,
    /// and when none of them lives any more.
    owners: Vec<Arc<Process>>,
}

impl Groups {
    /// The group that a freeze is to stop, if it may be.
    pub(super) fn find(&self, ground: &Ground, errand: Errand<'_>) -> Result<Cgroup, End> {
        let process = &errand.member.process;
        let found = ground.cgroups.unified_of(process, &mut Vec::new()).map_err(|error| refusal(error, process))?;
        let group = found.ok_or_else(|| End::refused(format!("no cgroup v2 is mounted: {OTHERWISE}")))?;
        if group.is_root() {
            return Err(End::refused(format!("it is in the root of all cgroups, which cannot be frozen: {OTHERWISE}")));
        }
        only_members(&group, errand)?;
        self.not_stopped_by_others(&group).map_err(|error| refusal(error, process))??;
        Ok(group)
    }

    /// Whether the process runs as far as cgroups are concerned. Where they cannot be read that is for
    /// nobody to say, and for a signal not needed.
    pub(super) fn none_stopped(&self, ground: &Ground, process: &Process) -> Result<(), End> {
        match ground.cgroups.unified_of(process, &mut Vec::new()) {
            Ok(Some(group)) if !group.is_root() => self.not_stopped_by_others(&group).unwrap_or(Ok(())),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn not_stopped_by_others(&self, group: &Cgroup) -> Result<Result<(), End>, Error> {
        let ours = self.stopped.iter().any(|stopped| stopped.group.is(group));
        let by_others = !ours && group.is_frozen(&mut Vec::new())?;
        Ok(if by_others { Err(End::refused("its cgroup is frozen already, by somebody else")) } else { Ok(()) })
    }

    /// Stops it for `process`.
    pub(super) fn stop(&mut self, group: Cgroup, process: &Arc<Process>) -> End {
        if let Err(error) = group.set_frozen(true) {
            return refusal(error, process);
        }
        let end = is_done(&group, true);
        let owner = Arc::clone(process);
        match self.stopped.iter_mut().find(|stopped| stopped.group.is(&group)) {
            Some(stopped) => stopped.owners.push(owner),
            None => self.stopped.push(Stopped { group, owners: vec![owner] }),
        }
        end
    }

    /// Lets `process` go on, with its cgroup, unless others hold that.
    pub(super) fn thaw(&mut self, ground: &Ground, process: &Process) -> End {
        let Some(at) = self.held_for(process) else {
            return release(&ground.cgroups, process).unwrap_or_else(|error| refusal(error, process));
        };
        let Stopped { group, owners } = &mut self.stopped[at];
        if owners.iter().any(|owner| owner.identity() != process.identity() && !owner.has_exited()) {
            owners.retain(|owner| owner.identity() != process.identity());
            return End::delivered().told("it goes on when the other freezes in its cgroup are undone");
        }
        match group.set_frozen(false) {
            // A group that is no more was left by everybody who was in it.
            Ok(()) | Err(Error::Gone) => is_done(&self.stopped.swap_remove(at).group, false),
            Err(error @ (Error::Denied | Error::Malformed(_) | Error::Os(_))) => refusal(error, process),
        }
    }

    /// Lets `process` go on, with its cgroup, whoever else holds that. Whether we had stopped it.
    pub(super) fn let_go(&mut self, ground: &Ground, process: &Process) -> bool {
        if self.stopped.is_empty() {
            return false;
        }
        let group = ground.cgroups.unified_of(process, &mut Vec::new()).ok().flatten();
        let is_in = |stopped: &Stopped| group.as_ref().is_some_and(|group| stopped.group.is(group));
        let Some(at) = self.held_for(process).or_else(|| self.stopped.iter().position(is_in)) else { return false };
        let done = self.stopped[at].group.set_frozen(false).is_ok();
        if done {
            self.stopped.swap_remove(at);
        }
        done
    }

    /// Lets go what is stopped for nobody any more: with the last owner the leases ended too, and nobody
    /// would ask.
    pub(super) fn advance(&mut self) {
        self.stopped.retain_mut(|Stopped { group, owners }| {
            owners.retain(|owner| !owner.has_exited());
            !owners.is_empty() || !matches!(group.set_frozen(false), Ok(()) | Err(Error::Gone))
        });
    }

    fn held_for(&self, process: &Process) -> Option<usize> {
        let owned = |stopped: &Stopped| stopped.owners.iter().any(|owner| owner.identity() == process.identity());
        self.stopped.iter().position(owned)
    }
}

/// Lets the cgroup of `process` go on. The root has never stopped.
pub(super) fn release(tree: &CgroupTree, process: &Process) -> Result<End, Error> {
    match tree.unified_of(process, &mut Vec::new())? {
        Some(group) if !group.is_root() => group.set_frozen(false).map(|()| is_done(&group, false)),
        Some(_) | None => Ok(End::acknowledged()),
    }
}

/// Whether it would stop the errand's process and nobody but members of the target that may be touched.
fn only_members(group: &Cgroup, errand: Errand<'_>) -> Result<(), End> {
    let process = &errand.member.process;
    let pids = group.pids(&mut Vec::new()).map_err(|error| refusal(error, process))?;
    if !pids.contains(&process.identity().pid) {
        return Err(refusal(Error::Gone, process));
    }
    pids.into_iter().find_map(|pid| objection(group, errand, pid)).map_or(Ok(()), Err)
}

/// What speaks against stopping `pid` too.
fn objection(group: &Cgroup, errand: Errand<'_>, pid: Pid) -> Option<End> {
    let Errand { order, member, roster } = errand;
    let is = |other: &&Member| {
        other.key.target == member.key.target && other.process.identity().pid == pid && !other.process.has_exited()
    };
    let (path, target) = (shown(group.path()), &order.target);
    let Some(facts) = roster.members().iter().find(is).map(|other| &other.facts) else {
        let what = format!("its cgroup {path} also holds pid {pid}, which is no member of {target}");
        return Some(End::refused(format!("{what}: {OTHERWISE}")));
    };
    if let Some(why) = facts.protected {
        return Some(End::vetoed(Reason::Protected).told(format!("its cgroup {path} also holds pid {pid}, {why}")));
    }
    let what = || format!("its cgroup {path} also holds pid {pid}, which another target matches too");
    facts.contested.then(|| End::vetoed(Reason::Identity).told(what()))
}

/// Whether the kernel says so already; nobody waits for it.
fn is_done(group: &Cgroup, frozen: bool) -> End {
    match group.events(&mut Vec::new()) {
        Ok(events) if events.frozen == frozen => End::acknowledged(),
        Ok(_) | Err(_) => End::delivered(),
    }
}

/// What the kernel said to a try to reach the cgroup of `process`.
fn refusal(error: Error, process: &Process) -> End {
    match error {
        Error::Gone if !process.has_exited() => {
            End::refused("its cgroup changed meanwhile, or the kernel cannot freeze one (Linux 5.2)")
        }
        Error::Gone | Error::Denied | Error::Malformed(_) | Error::Os(_) => End::from_error(error, MAY_WRITE),
    }
}
