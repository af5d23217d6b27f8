//! Kills that a metric of a cgroup orders, in cgroups made for the test.
#![expect(clippy::disallowed_macros, reason = "says on standard error what could not be tried here")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::cgroups::Group;
use super::{BY_USER, Case, case, end, kill};
use crate::model::{Base, Cause, KillScope, Metric, OutcomeKind, Reason};

const VETOED: Option<(OutcomeKind, Reason)> = Some((OutcomeKind::Vetoed, Reason::Identity));

/// A group whose memory is kept account of; none where the test may not make one.
fn accounted() -> Option<Group> {
    let mounts = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
    let group = Group::below(mounts.into_iter().find(|mount| mount.join("cgroup.procs").exists()))?;
    let counted = ["memory.usage_in_bytes", "memory.current"].iter().any(|name| group.path().join(name).exists());
    if !counted {
        eprintln!("skipped: the memory controller is off");
    }
    counted.then_some(group)
}

/// A kill of the first member for what was read of its cgroup.
fn kill_for(case: &mut Case, base: Base) -> Option<(OutcomeKind, Reason)> {
    let mut order = case.draft(kill(5, KillScope::Process));
    order.cause = order.cause.map(|cause| Cause { metric: Metric::plain(base), ..cause });
    let outcome = case.carry_out(order);
    if let Some(outcome) = &outcome {
        assert!(outcome.detail.as_deref().is_some_and(|text| text.contains("its cgroup")), "{outcome:?}");
    }
    end(outcome)
}

fn limit(group: &Group, bytes: &str) {
    let name = if group.path().join("memory.max").exists() { "memory.max" } else { "memory.limit_in_bytes" };
    fs::write(group.path().join(name), bytes).unwrap();
}

#[test]
fn who_is_alone_in_his_cgroup_may_die_for_its_memory() {
    let Some(group) = accounted() else { return };
    for base in [Base::CgroupMemory, Base::CgroupWorkingSet, Base::CgroupSwap, Base::CgroupMemoryUsage] {
        let mut case = case(&group.entered(""), BY_USER);
        limit(&group, "100000000");
        assert_eq!(kill_for(&mut case, base), None, "{base:?} is under way");
        assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    }
}

#[test]
fn nobody_dies_for_the_memory_of_strangers() {
    let Some(group) = accounted() else { return };
    let mut case = case(&group.entered(""), BY_USER);
    limit(&group, "100000000");
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    group.add(stranger.id().try_into().unwrap());
    for base in [Base::CgroupMemory, Base::CgroupWorkingSet, Base::CgroupSwap, Base::CgroupMemoryUsage] {
        assert_eq!(kill_for(&mut case, base), VETOED, "{base:?}");
    }
    assert!(case.lives());
    // It is no veto on what is its own, nor when the stranger has gone.
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(kill_for(&mut case, Base::CgroupMemory), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
}

#[test]
fn a_cgroups_strangers_are_no_veto_on_a_process_own_metric() {
    let Some(group) = accounted() else { return };
    let mut case = case(&group.entered(""), BY_USER);
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    group.add(stranger.id().try_into().unwrap());
    assert_eq!(kill_for(&mut case, Base::Rss), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// The limit that is nearest may be one above, which strangers share.
#[test]
fn a_limit_above_counts_with_all_who_share_it() {
    let Some(group) = accounted().filter(|group| group.path().join("memory.limit_in_bytes").exists()) else { return };
    let mut case = case(&group.entered("inner"), BY_USER);
    limit(&group, "200000000");
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    group.add(stranger.id().try_into().unwrap());
    assert_eq!(kill_for(&mut case, Base::CgroupMemoryUsage), VETOED);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(kill_for(&mut case, Base::CgroupMemoryUsage), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
}

#[test]
fn helpers_are_the_targets_where_only_the_first_of_a_family_is_a_member() {
    let Some(group) = accounted() else { return };
    let body = format!("{}helper = subprocess.Popen(['sleep', '60'])\n", group.entered(""));
    let mut all = case(&body, BY_USER);
    assert_eq!(kill_for(&mut all, Base::CgroupMemory), VETOED, "the helper does not match");
    drop(all);
    for pid in group.procs() {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    let mut main = case(&body, &format!("{BY_USER}members = \"main\"\n"));
    assert_eq!(kill_for(&mut main, Base::CgroupMemory), None);
    assert_eq!(main.outcome().kind, OutcomeKind::Gone);
}
