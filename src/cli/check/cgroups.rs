//! What measures that reach a whole cgroup would meet: which one it is, who else is in it, and whether
//! we may. And whether a metric of cgroups may order a kill: not for strangers.

use crate::config::{Members, Target, Threshold};
use crate::discover::Member;
use crate::kernel::cgroup_memory::{MemoryTrees, Subject};
use crate::kernel::{Cgroup, CgroupTree, Error, Process, own_pid};
use crate::model::{FreezeBy, KillScope, Measure, Metric, Pid, Scope, printable};

use super::signals::Finding;

/// How many pids are named.
const MOST_PIDS: usize = 8;
/// Longest path shown.
const MOST_CHARS: usize = 200;

/// The cgroups of this host, and whose processes may be in those of the target.
pub(super) struct Cgroups {
    tree: CgroupTree,
    members: Vec<Pid>,
}

/// A metric of cgroups whose threshold feeds a ladder with a kill. Where only the first of a family is a
/// member its helpers are in that cgroup, too, and are no strangers.
fn by_cgroup(target: &Target) -> Option<&Metric> {
    if target.members == Members::Main {
        return None;
    }
    let kills = |ladder: usize| {
        let steps = target.ladders.get(ladder).into_iter().flat_map(|ladder| ladder.steps.iter());
        steps.flat_map(|(_, steps)| steps).any(|step| target.actions[*step].measure.is_kill())
    };
    let metric = |row: &Threshold| target.metrics.get(row.metric).filter(|_| kills(row.ladder));
    target.thresholds.iter().filter_map(metric).find(|metric| metric.info().scope == Scope::Cgroup)
}

impl Cgroups {
    /// None where no measure of the target reaches a whole cgroup, and no cgroup orders a kill.
    pub(super) fn of<'m>(target: &Target, members: impl Iterator<Item = &'m Member>) -> Option<Self> {
        let wanted = target.actions.iter().any(|action| {
            let measure = &action.measure;
            matches!(
                measure,
                Measure::Freeze { by: FreezeBy::Cgroup, .. } | Measure::Kill { scope: KillScope::Cgroup, .. }
            )
        });
        let wanted = wanted || by_cgroup(target).is_some();
        // We are in somebody's cgroup now, and the daemon will not be.
        let members = members.map(|member| member.process.identity().pid).chain([own_pid()]);
        wanted.then(|| Self { tree: CgroupTree::mounted(), members: members.collect() })
    }

    /// Whether the kill that a metric of cgroups orders will be vetoed, for strangers in the cgroup.
    fn ordered(&self, target: &Target, process: &Process) -> Option<Finding> {
        let metric = by_cgroup(target)?;
        let group = MemoryTrees::mounted().subject(process, Subject::of(metric.base), &mut Vec::new()).ok()??;
        let strangers = self.strangers(&group)?;
        let path = printable(group.path(), MOST_CHARS);
        let text = format!(
            "{metric}: its cgroup {path} also holds {strangers}, no members of the target, so it will order no kill; \
             start it in a cgroup of its own, as systemd does"
        );
        Some(Finding { text, wrong: true })
    }

    /// One finding for each such measure.
    pub(super) fn findings(&self, target: &Target, process: &Process) -> Vec<Finding> {
        let findings = target.actions.iter().filter_map(|action| {
            let found = match action.measure {
                Measure::Freeze { by: FreezeBy::Cgroup, .. } => self.freeze(process),
                Measure::Kill { scope: KillScope::Cgroup, .. } => self.kill(process),
                Measure::Freeze { .. }
                | Measure::Kill { .. }
                | Measure::Signal { .. }
                | Measure::Thaw { .. }
                | Measure::Http(_)
                | Measure::Command(_) => return None,
            };
            let wrong = found.is_err();
            let (Ok(text) | Err(text)) = found;
            Some(Finding { text: format!("{}: {text}", action.name), wrong })
        });
        findings.chain(self.ordered(target, process)).collect()
    }

    fn freeze(&self, process: &Process) -> Result<String, String> {
        const INSTEAD: &str = "so it will be refused; use freeze = { by = \"signal\" }";
        let group = match self.tree.unified_of(process, &mut Vec::new()) {
            Ok(Some(group)) if group.is_root() => {
                return Err(format!("it is in the root of all cgroups, which cannot be frozen, {INSTEAD}"));
            }
            Ok(Some(group)) => group,
            Ok(None) => return Err(format!("no cgroup v2 is mounted, {INSTEAD}")),
            Err(error) => return Err(format!("its cgroup cannot be looked at: {error}")),
        };
        let path = printable(group.path(), MOST_CHARS);
        if let Some(strangers) = self.strangers(&group) {
            return Err(format!("its cgroup {path} also holds {strangers}, no members of the target, {INSTEAD}"));
        }
        match group.may_freeze() {
            Ok(()) => Ok(format!("cgroup {path} can be frozen")),
            Err(Error::Gone) => Err(format!("this kernel cannot freeze a cgroup (Linux 5.2 can), {INSTEAD}")),
            Err(error @ (Error::Denied | Error::Malformed(_) | Error::Os(_))) => Err(format!(
                "cgroup {path} may not be frozen ({error}): the service needs CAP_DAC_OVERRIDE and \
                 ProtectControlGroups=no, or freeze = {{ by = \"signal\" }}"
            )),
        }
    }

    fn kill(&self, process: &Process) -> Result<String, String> {
        const INSTEAD: &str = "so it will not be killed; use scope = \"tree\"";
        let group = match self.tree.own_of(process, &mut Vec::new()) {
            Ok(Some(group)) if group.is_root() => {
                return Err(format!("it is in the root of all cgroups, with everybody else, {INSTEAD}"));
            }
            Ok(Some(group)) => group,
            Ok(None) => return Err(format!("no cgroups are mounted, {INSTEAD}")),
            Err(error) => return Err(format!("its cgroup cannot be looked at: {error}")),
        };
        let path = printable(group.path(), MOST_CHARS);
        if let Some(strangers) = self.strangers(&group) {
            return Err(format!("it would also end {strangers}, no members of the target: all that is in {path}"));
        }
        Ok(match group.may_kill() {
            Ok(()) => format!("cgroup {path} can be killed at once"),
            Err(_) => format!("cgroup {path} can only be killed process by process"),
        })
    }

    /// Who else is in it.
    fn strangers(&self, group: &Cgroup) -> Option<String> {
        let mut pids = group.pids(&mut Vec::new()).unwrap_or_default();
        pids.retain(|pid| !self.members.contains(pid));
        let named: Vec<String> = pids.iter().take(MOST_PIDS).map(ToString::to_string).collect();
        let more = pids.len().saturating_sub(MOST_PIDS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!named.is_empty()).then(|| format!("pid {}{more}", named.join(", ")))
    }
}
