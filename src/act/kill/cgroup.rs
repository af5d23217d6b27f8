//! The kill of a whole cgroup: by `cgroup.kill` where that is permitted, else one by one until it is
//! empty.

use super::super::signal::SIGKILL;
use super::super::{Ground, shown};
use super::End;
use crate::discover::Own;
use crate::kernel::{Cgroup, Error, Process};
use crate::model::{Pid, Reason};

/// A cgroup that is to be emptied.
#[derive(Debug)]
pub(super) struct Prey {
    group: Cgroup,
    own: Own,
}

impl Prey {
    /// The cgroup of `process`, if everything in it and below may die.
    pub(super) fn of(ground: &Ground, process: &Process) -> Result<Self, End> {
        let found = ground.cgroups.own_of(process, &mut Vec::new()).map_err(refusal)?;
        let group = found.ok_or_else(|| End::refused("no cgroups are mounted: use scope = \"tree\""))?;
        if group.is_root() {
            let said = "it is in the root of all cgroups, with everybody else: use scope = \"tree\", or start it in \
                        a cgroup of its own, as systemd does";
            return Err(End::vetoed(Reason::Protected).told(said));
        }
        let prey = Self { group, own: Own::look(&ground.proc) };
        let pids = prey.group.pids(&mut Vec::new()).map_err(refusal)?;
        match pids.into_iter().find_map(|pid| Some((pid, prey.objection(ground, pid)?))) {
            None => Ok(prey),
            Some((pid, why)) => {
                let said = format!("its cgroup {} also holds pid {pid}, {why}", shown(prey.group.path()));
                Err(End::vetoed(Reason::Protected).told(said))
            }
        }
    }

    /// What speaks against the death of `pid`. One that cannot be looked at may be anybody.
    fn objection(&self, ground: &Ground, pid: Pid) -> Option<&'static str> {
        let mut buffer = Vec::new();
        match ground.proc.entry(pid).and_then(|entry| self.own.protects(&entry, &mut buffer)) {
            Ok(objection) => objection,
            Err(Error::Gone) => None,
            Err(Error::Denied | Error::Malformed(_) | Error::Os(_)) => Some("which cannot be looked at"),
        }
    }

    /// Whether nobody is left.
    pub(super) fn is_empty(&self) -> bool {
        match self.group.pids(&mut Vec::new()) {
            Ok(pids) => pids.is_empty(),
            Err(error) => error == Error::Gone,
        }
    }

    /// SIGKILL to whoever is in it now. Somebody protected may have moved in since it was looked at: then
    /// all but that one get theirs through their pidfds.
    pub(super) fn strike(&self, ground: &Ground) {
        let pids = self.group.pids(&mut Vec::new()).unwrap_or_default();
        let all_may_die = pids.iter().all(|pid| self.objection(ground, *pid).is_none());
        let by_kernel = all_may_die && self.group.kill().is_ok();
        for pid in pids {
            let Ok(process) = ground.proc.open(pid) else { continue };
            if by_kernel || self.strike_one(ground, &process) {
                process.release_memory();
            }
        }
    }

    /// Held by its pidfd it is asked again whether it is in the group: its number may have been given
    /// anew since it was listed.
    fn strike_one(&self, ground: &Ground, process: &Process) -> bool {
        let is_in = self.group.holds(process, &mut Vec::new()) == Ok(true);
        is_in && self.objection(ground, process.identity().pid).is_none() && process.signal(SIGKILL).is_ok()
    }
}

fn refusal(error: Error) -> End {
    End::from_error(error, "tradedog must be able to read cgroup.procs")
}
