//! Containers: groups made by hand as their runtimes make them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::super::containers::in_container;
use super::super::selector::holds_cheaply;
use super::super::view::View;
use super::cgroups::{Group, may_make_groups, passes, trees};
use super::{Scene, Victim, facts_of, found, founds, lost, marker, targets, troubles};
use crate::kernel::Proc;
use crate::model::Pid;

/// The id of a container that nobody has: 64 digits, the first twelve of them `head`'s.
fn id(head: u64) -> String {
    let own = std::process::id();
    format!("{head:04x}{own:08x}{:052x}", u64::MAX)
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/run").unwrap()
}

fn by_cidfile(path: &Path) -> std::sync::Arc<crate::config::Config> {
    targets(&[&format!("match = {{ cidfile = '{}' }}", path.display())])
}

#[test]
fn a_container_is_found_by_its_id_in_each_tree_and_anchored() {
    if !may_make_groups() {
        return;
    }
    for (tree, head) in trees().into_iter().zip(1..) {
        let id = id(head);
        let short = targets(&[&format!("match = {{ container = '{}' }}", &id[..12])]);
        let whole = targets(&[&format!("match = {{ container = '{id}' }}")]);
        let slice = marker();
        for path in [format!("/{slice}/{id}"), format!("/{slice}.slice/docker-{id}.scope/init")] {
            let mut victim = Victim::sleeping(&marker());
            let group = Group::make(tree, &path);
            group.take(&victim);
            for config in [&short, &whole] {
                let changes = Scene::of(config).scan();
                assert_eq!(found(&changes, 0), [victim.pid()], "{} {path}", tree.display());
                assert!(facts_of(&changes, victim.pid()).anchored, "{path}");
                assert_eq!(passes(&changes, &config.targets[0]), Ok(()));
            }
            victim.end();
        }
    }
}

#[test]
fn a_rootless_container_matches_and_is_no_anchor() {
    if !may_make_groups() {
        return;
    }
    let (tree, id, slice) = (trees()[0], id(11), marker());
    let mut victim = Victim::sleeping(&marker());
    let group = Group::make(tree, &format!("/user.slice/{slice}.slice/user@65534.service/libpod-{id}.scope"));
    group.take(&victim);
    let by_id = format!("match = {{ container = '{id}' }}\nshared = true");
    let and_user = format!("match = {{ container = '{id}', user = 'root' }}\nshared = true");
    let changes = Scene::of(&targets(&[&by_id, &and_user])).scan();
    let anchored: Vec<bool> = founds(&changes).map(|found| found.facts.anchored).collect();
    assert_eq!(anchored, [false, true], "any user may name a group below his own; the user himself cannot be imitated");
    victim.end();
}

#[test]
fn digits_that_mean_two_containers_kill_neither() {
    if !may_make_groups() {
        return;
    }
    let (tree, one, slice) = (trees()[0], id(21), marker());
    let two = format!("{}0{}", &one[..62], &one[63..]);
    let config = targets(&[&format!("match = {{ container = '{}' }}", &one[..12])]);
    let (mut first, mut second) = (Victim::sleeping(&marker()), Victim::sleeping(&marker()));
    let (group, twin) = (Group::make(tree, &format!("/{slice}/{one}")), Group::make(tree, &format!("/{slice}/{two}")));
    group.take(&first);
    let mut scene = Scene::of(&config);
    let changes = scene.scan();
    assert!(facts_of(&changes, first.pid()).anchored && troubles(&changes).is_empty());
    twin.take(&second);
    let changes = scene.scan();
    assert!(founds(&changes).all(|found| !found.facts.anchored), "both are watched, neither is touched");
    assert_eq!(founds(&changes).count(), 2);
    assert!(troubles(&changes)[0].contains("several containers begin with"), "{:?}", troubles(&changes));
    second.end();
    let changes = scene.scan_all();
    assert!(facts_of(&changes, first.pid()).anchored, "the other one is gone");

    // What a user of this host names so is not counted: it would disarm the watch over the real one.
    let mut impostor = Victim::sleeping(&marker());
    let theirs = Group::make(tree, &format!("/user.slice/{slice}.slice/user@65534.service/docker-{two}.scope"));
    theirs.take(&impostor);
    let changes = Scene::of(&config).scan();
    assert!(facts_of(&changes, first.pid()).anchored && !facts_of(&changes, impostor.pid()).anchored);
    first.end();
    impostor.end();
}

#[test]
fn a_cidfile_follows_the_container_that_is_made_anew() {
    if !may_make_groups() {
        return;
    }
    let (folder, tree, slice) = (folder(), trees()[0], marker());
    let path = folder.path().join("trader.cid");
    let (old, new) = (id(31), id(32));
    let (mut first, mut second) = (Victim::sleeping(&marker()), Victim::sleeping(&marker()));
    let (group, next) = (Group::make(tree, &format!("/{slice}/{old}")), Group::make(tree, &format!("/{slice}/{new}")));
    group.take(&first);
    next.take(&second);
    let mut scene = Scene::of(&by_cidfile(&path));
    assert!(founds(&scene.scan_all()).next().is_none() && troubles(&scene.scan()).is_empty(), "no file: nobody runs");
    fs::write(&path, &old).unwrap();
    let changes = scene.scan();
    assert_eq!(found(&changes, 0), [first.pid()], "long there, and seen at once");
    assert!(facts_of(&changes, first.pid()).anchored, "file and group are root's");
    fs::write(&path, format!("{new}\n")).unwrap();
    let changes = scene.scan();
    assert_eq!((found(&changes, 0), lost(&changes)), (vec![second.pid()], vec![first.pid()]));
    fs::write(&path, "half wri").unwrap();
    let changes = scene.scan();
    assert!(lost(&changes).is_empty(), "unknown is not nobody");
    assert!(troubles(&changes)[0].contains("a cidfile"), "{:?}", troubles(&changes));
    fs::remove_file(&path).unwrap();
    assert_eq!(lost(&scene.scan()), [second.pid()]);
    first.end();
    second.end();
}

#[test]
fn a_cidfile_proves_as_much_as_its_owner() {
    if !may_make_groups() {
        return;
    }
    let (folder, tree, id, slice) = (folder(), trees()[0], id(41), marker());
    let path = folder.path().join("trader.cid");
    fs::write(&path, &id).unwrap();
    let mut victim = Victim::sleeping(&marker());
    let group = Group::make(tree, &format!("/{slice}/{id}"));
    group.take(&victim);
    let anchored = || facts_of(&Scene::of(&by_cidfile(&path)).scan(), victim.pid()).anchored;
    assert!(anchored());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(!anchored(), "somebody else may name another container");
    victim.end();
}

/// What stands in `/proc/PID/stat` and `status` of a process in a container, captured.
const STAT: &str = "PID (python3) S 4201 PID PID 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 9 10 184467 94000000000000 \
    94000000001000 140700000000000 0 0 0 1 2 3 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n";
const STATUS: &str = "Name:\tpython3\nState:\tS (sleeping)\nPid:\tPID\nUid:\t0\t0\t0\t0\nNSpid:\tPID\t1\nVmRSS:\t 40 kB\nVmExe:\t 4 kB\n\
    VmSwap:\t 0 kB\nThreads:\t3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000001001000\nSigCgt:\t0000000180004a02\n";

/// The layouts of `layouts/`, each a folder with the `cgroup` file of some processes: `in_PID` is in the
/// container, by root's hand; `theirs_PID` in one that a user may have made; `out_PID` in none, or another.
#[test]
fn the_layouts_of_docker_podman_and_kubernetes_are_known() {
    let layouts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/discover/tests/layouts");
    let config = targets(&["match = { container = '4f2c9a1b7d3e' }"]);
    let selector = &config.targets[0].selector;
    let mut seen = 0;
    for layout in fs::read_dir(&layouts).unwrap().map(|entry| entry.unwrap().path()) {
        let root = tempfile::tempdir().unwrap();
        for file in fs::read_dir(&layout).unwrap().map(|entry| entry.unwrap().path()) {
            let (role, pid) = file.file_name().unwrap().to_str().unwrap().split_once('_').unwrap();
            let folder = root.path().join(pid);
            fs::create_dir(&folder).unwrap();
            for (name, text) in [("stat", STAT), ("status", STATUS)] {
                fs::write(folder.join(name), text.replace("PID", pid)).unwrap();
            }
            fs::copy(&file, folder.join("cgroup")).unwrap();
            let entry = Proc::captured(root.path()).unwrap().entry(Pid::new(pid.parse().unwrap()).unwrap()).unwrap();
            let mut buffer = Vec::new();
            let mut view = View::new(&entry, &mut buffer).unwrap();
            let holds = holds_cheaply(selector, &mut view).unwrap();
            let container = selector.container.as_ref().unwrap();
            let places = view.cgroups().unwrap().iter().filter_map(|path| in_container(path, container));
            let roots = places.map(|place| place.roots).max();
            assert_eq!((holds, roots), (role != "out", (role != "out").then_some(role == "in")), "{}", file.display());
            assert_eq!(entry.inner_pid(&mut buffer), Ok(Some(Pid::INIT)));
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen} processes in {}", layouts.display());
}
