//! Units and cgroups, made by hand in the trees that are mounted.

use std::path::{Path, PathBuf};

use super::{Scene, Victim, facts_of, found, founds, is_root, lost, marker, targets};
use crate::config::Target;
use crate::discover::{Member, recheck};
use crate::kernel::now;
use crate::model::{MemberKey, Reason};

/// Groups that end with their test.
pub(super) struct Group {
    folders: Vec<PathBuf>,
}

const TREES: [&str; 3] = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// The trees that systemd's paths stand in here.
pub(super) fn trees() -> Vec<&'static Path> {
    let holds = |tree: &&str| std::fs::exists(Path::new(tree).join("cgroup.procs")).unwrap_or(false);
    TREES.into_iter().filter(holds).map(Path::new).collect()
}

impl Group {
    pub(super) fn make(tree: &Path, path: &str) -> Self {
        let mut folders = Vec::new();
        let mut folder = tree.to_owned();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder.push(name);
            if std::fs::create_dir(&folder).is_ok() {
                folders.push(folder.clone());
            }
        }
        Self { folders }
    }

    pub(super) fn take(&self, victim: &Victim) {
        std::fs::write(self.folders.last().unwrap().join("cgroup.procs"), victim.pid().to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in self.folders.iter().rev() {
            // One that somebody else uses is not empty.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Whether the test may go on; says so if not.
pub(super) fn may_make_groups() -> bool {
    if !is_root() {
        return false;
    }
    if trees().is_empty() {
        eprintln!("skipped: needs a cgroup tree of systemd or v2 at /sys/fs/cgroup");
    }
    !trees().is_empty()
}

pub(super) fn passes(scene_changes: &[super::Change], target: &Target) -> Result<(), Reason> {
    let found = founds(scene_changes).next().unwrap().clone();
    let key = MemberKey { target: 0, slot: 0 };
    let member = Member { key, process: found.process, facts: found.facts, first_seen: now() };
    recheck(&member, target, &mut Vec::new())
}

#[test]
fn a_unit_is_found_in_each_tree_and_below_it() {
    if !may_make_groups() {
        return;
    }
    for tree in trees() {
        let marker = marker();
        let config = targets(&[&format!("match = {{ unit = '{marker}.service' }}")]);
        for below in ["", "/worker"] {
            let mut victim = Victim::sleeping(&marker);
            let group = Group::make(tree, &format!("/{marker}.slice/{marker}-a.slice/{marker}.service{below}"));
            group.take(&victim);
            let changes = Scene::of(&config).scan();
            assert_eq!(found(&changes, 0), [victim.pid()], "{} {below}", tree.display());
            assert!(facts_of(&changes, victim.pid()).anchored, "nobody else can put a process there");
            assert_eq!(passes(&changes, &config.targets[0]), Ok(()));
            victim.end();
        }
    }
}

#[test]
fn a_namesake_below_user_slice_is_not_the_unit() {
    if !may_make_groups() {
        return;
    }
    for tree in trees() {
        let marker = marker();
        let config = targets(&[&format!("match = {{ unit = '{marker}.service' }}")]);
        for path in ["/user.slice/user-65534.slice", "/MARKER.slice/docker.service"] {
            let path = path.replace("MARKER", &marker);
            let mut victim = Victim::sleeping(&marker);
            let group = Group::make(tree, &format!("{path}/{marker}.service"));
            group.take(&victim);
            assert!(founds(&Scene::of(&config).scan()).next().is_none(), "{path}");
            victim.end();
        }
    }
}

#[test]
fn who_comes_late_or_leaves_is_seen_without_a_fork() {
    if !may_make_groups() {
        return;
    }
    let tree = trees()[0];
    let marker = marker();
    let (unit, glob) =
        (format!("match = {{ unit = '{marker}.service' }}"), format!("match = {{ cgroup = '/*/{marker}.*' }}"));
    let config = targets(&[&(unit + "\nshared = true"), &(glob + "\nshared = true")]);
    let mut victim = Victim::sleeping(&marker);
    let group = Group::make(tree, &format!("/{marker}.slice/{marker}.service"));
    let mut scene = Scene::of(&config);
    // From here on nobody is young, and half a minute does not pass.
    assert!(founds(&scene.scan_all()).next().is_none());
    group.take(&victim);
    let changes: Vec<_> = (0..6).flat_map(|_| scene.scan()).collect();
    assert_eq!(found(&changes, 0), [victim.pid()]);
    assert_eq!(found(&changes, 1), [victim.pid()]);
    let anchored: Vec<bool> = founds(&changes).map(|found| found.facts.anchored).collect();
    assert_eq!(anchored, [true, false], "a glob may reach into places of users");

    std::fs::write(tree.join("cgroup.procs"), victim.pid().to_string()).unwrap();
    assert_eq!(passes(&changes, &config.targets[0]), Err(Reason::Identity), "before discovery has seen it");
    let changes: Vec<_> = (0..6).flat_map(|_| scene.scan()).collect();
    assert_eq!(lost(&changes), [victim.pid(); 2]);
    victim.end();
}

#[test]
fn sshds_unit_is_protected_whatever_runs_in_it() {
    if !may_make_groups() {
        return;
    }
    let marker = marker();
    let mut victim = Victim::sleeping(&marker);
    let group = Group::make(trees()[0], &format!("/{marker}.slice/systemd-{marker}.service"));
    group.take(&victim);
    let changes = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}")])).scan();
    assert_eq!(facts_of(&changes, victim.pid()).protected, Some("part of systemd"));
    victim.end();
}
