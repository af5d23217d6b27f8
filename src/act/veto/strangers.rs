//! A cgroup's metric orders a kill only where all its processes are the target's: nobody dies for the
//! memory of strangers.

use std::collections::HashSet;

use super::super::{Errand, Ground, shown};
use super::End;
use crate::config::{Members, Per, Target};
use crate::discover::Member;
use crate::kernel::cgroup_memory::{MemoryTrees, Subject};
use crate::kernel::{Cgroup, Error, Process};
use crate::model::{Base, Pid, Reason, Scope};

/// How far up parents are asked for: nobody nests helpers of helpers deeper.
const GENERATIONS: usize = 16;

/// Lets the order pass, or says how it ends. What cannot be looked at holds strangers.
pub(in crate::act) fn admit(ground: &Ground, errand: Errand<'_>, target: &Target) -> Result<(), End> {
    let Errand { order, member, roster } = errand;
    let base = order.cause.as_ref().map(|cause| cause.metric.base);
    let Some(base) = base.filter(|base| order.measure.is_kill() && base.info().scope == Scope::Cgroup) else {
        return Ok(());
    };
    let trees = MemoryTrees::mounted();
    // What a group comes to is the sum of the cgroups of all its members.
    let together =
        |other: &&Member| target.per == Per::Group && other.key.target == member.key.target && other.key != member.key;
    let others = roster.members().iter().filter(together).filter(|other| !other.process.has_exited());
    let crowd = Crowd::of(errand, target);
    // Members mostly share a cgroup, and it is looked at while the loop waits.
    let mut seen: Vec<Cgroup> = Vec::new();
    for one in std::iter::once(member).chain(others) {
        match group(&trees, base, &one.process) {
            Ok(group) if seen.iter().any(|other| other.is(&group)) => {}
            Ok(group) => {
                crowd.fills(ground, &group, errand)?;
                seen.push(group);
            }
            Err(_) if one.process.has_exited() && one.key != member.key => {}
            Err(error) => return Err(untold(&one.process, error)),
        }
    }
    Ok(())
}

/// The cgroup that the metric of a process is about.
fn group(trees: &MemoryTrees, base: Base, process: &Process) -> Result<Cgroup, Error> {
    let group = trees.subject(process, Subject::of(base), &mut Vec::new())?;
    group.ok_or(Error::Malformed("a cgroup that the kernel keeps account of"))
}

/// Who belongs to the target.
struct Crowd<'a> {
    name: &'a str,
    members: HashSet<Pid>,
    /// How far up the parents of whoever is no member are asked for.
    generations: usize,
}

impl<'a> Crowd<'a> {
    fn of(errand: Errand<'_>, target: &'a Target) -> Self {
        let ours = errand.roster.members().iter().filter(|other| other.key.target == errand.member.key.target);
        let alive = ours.filter(|other| !other.process.has_exited());
        let members = alive.map(|other| other.process.identity().pid).collect();
        let generations = if target.members == Members::Main { GENERATIONS } else { 0 };
        Self { name: &target.name, members, generations }
    }

    /// Whether nobody else is in the group.
    fn fills(&self, ground: &Ground, group: &Cgroup, errand: Errand<'_>) -> Result<(), End> {
        let pids = group.pids(&mut Vec::new()).map_err(|error| untold(&errand.member.process, error))?;
        let stranger = pids.into_iter().find(|pid| !self.has(ground, *pid));
        stranger.map_or(Ok(()), |pid| {
            let (path, name) = (shown(group.path()), self.name);
            let said = format!("its cgroup {path} also holds pid {pid}, which is no process of {name}");
            Err(End::vetoed(Reason::Identity).told(said))
        })
    }

    /// Whether a process is a member, or was started by one where only the first of a family is a member.
    /// One that is no more is nobody's.
    fn has(&self, ground: &Ground, pid: Pid) -> bool {
        let mut asked = pid;
        for generation in 0..=self.generations {
            if self.members.contains(&asked) {
                return true;
            }
            match ground.proc.entry(asked).and_then(|entry| entry.stat(&mut Vec::new())) {
                Ok(stat) => match Pid::new(stat.ppid) {
                    Some(parent) => asked = parent,
                    None => return false,
                },
                Err(error) => return generation == 0 && error == Error::Gone,
            }
        }
        false
    }
}

fn untold(process: &Process, error: Error) -> End {
    if process.has_exited() {
        return End::gone();
    }
    End::vetoed(Reason::Identity).told(format!("it cannot be told who else is in its cgroup: {error}"))
}
