//! Cgroups, as captured text and as real groups, which only root may make.
#![expect(clippy::disallowed_macros, reason = "says on standard error what could not be tried here")]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::Victim;
use crate::kernel::{CgroupEvents, CgroupTree, Error, Proc, Process, own_pid};

#[test]
fn what_the_kernel_says_of_a_group_is_read_whole_or_not_at_all() {
    for (text, read) in [
        ("populated 0\nfrozen 0\n", Some((false, false))),
        ("populated 1\nfrozen 1\n", Some((true, true))),
        ("frozen 0\npopulated 1\nsomething_new 3\n", Some((true, false))),
        ("populated 1\n", None),
        ("", None),
        ("populated 1\nfrozen\n", None),
        ("populated 1\nfrozen yes\n", None),
        ("populated 1 frozen 1\n", None),
        ("populated 1\nfrozenfrozen 1\n", None),
    ] {
        let parsed = CgroupEvents::parse(text.as_bytes()).ok().map(|events| (events.populated, events.frozen));
        assert_eq!(parsed, read, "{text:?}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_read_breaks_the_parser(text in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = CgroupEvents::parse(&text);
        let _ = crate::kernel::cgroup_dir::parse_pids(&text);
    }
}

#[test]
fn a_group_with_processes_of_another_namespace_is_not_told_by_half() {
    use crate::kernel::cgroup_dir::parse_pids;
    let pids = |text: &[u8]| parse_pids(text).map(|pids| pids.iter().map(|pid| pid.get()).collect::<Vec<_>>());
    assert_eq!(pids(b""), Ok(vec![]));
    assert_eq!(pids(b"12\n7\n"), Ok(vec![12, 7]));
    for text in [&b"12\n0\n"[..], b"-1\n", b"12 13\n", b"99999999999\n", b"12\nx"] {
        assert!(matches!(pids(text), Err(Error::Malformed(_))), "{}", text.escape_ascii());
    }
}

/// A group of v2 that is removed with its test.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").is_file());
        let path = mount.map(|mount| mount.join(format!("tradedog_kernel_{}_{name}", own_pid())));
        let made = path.filter(|path| fs::create_dir(path).is_ok()).map(Self);
        if made.is_none() {
            eprintln!("skipped: cannot make a cgroup of v2");
        }
        made
    }

    fn add(&self, below: &str, victim: &Victim) {
        let folder = self.0.join(below);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.procs"), victim.pid().to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for below in ["a/b", "a", "."] {
            for _ in 0..200 {
                if !self.0.join(below).exists() || fs::remove_dir(self.0.join(below).canonicalize().unwrap()).is_ok() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

fn open(victim: &Victim) -> Process {
    Proc::live().unwrap().open(victim.pid()).unwrap()
}

fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("not within 5 s");
}

#[test]
fn a_group_is_listed_frozen_and_killed_with_all_below() {
    let Some(group) = Group::new("whole") else { return };
    let (mut one, mut two) = (Victim::sleeping(), Victim::sleeping());
    group.add("", &one);
    group.add("a/b", &two);
    let (first, second, mut buffer) = (open(&one), open(&two), Vec::new());
    let tree = CgroupTree::mounted();
    let held = tree.unified_of(&first, &mut buffer).unwrap().unwrap();
    assert!(!held.is_root() && held.path().ends_with(b"_whole"));
    assert!(held.is(&tree.own_of(&first, &mut buffer).unwrap().unwrap()));
    assert!(!held.is(&tree.unified_of(&second, &mut buffer).unwrap().unwrap()));
    let mut pids = held.pids(&mut buffer).unwrap();
    pids.sort_unstable();
    let mut both = vec![one.pid(), two.pid()];
    both.sort_unstable();
    assert_eq!(pids, both);
    assert_eq!([&first, &second].map(|process| held.holds(process, &mut buffer)), [Ok(true); 2]);
    let own = Proc::live().unwrap().open(own_pid()).unwrap();
    assert_eq!(held.holds(&own, &mut buffer), Ok(false));

    assert_eq!(held.is_frozen(&mut buffer), Ok(false));
    held.set_frozen(true).unwrap();
    assert_eq!(held.is_frozen(&mut buffer), Ok(true), "asked for, whether it is so already or not");
    eventually(|| held.events(&mut Vec::new()) == Ok(CgroupEvents { populated: true, frozen: true }));
    let below = tree.unified_of(&second, &mut buffer).unwrap().unwrap();
    // By the group above, which is told first.
    eventually(|| below.is_frozen(&mut Vec::new()) == Ok(true));
    held.set_frozen(false).unwrap();
    eventually(|| below.is_frozen(&mut Vec::new()) == Ok(false));

    match held.kill() {
        Ok(()) => eventually(|| first.has_exited() && second.has_exited()),
        Err(error) => {
            eprintln!("skipped: no cgroup.kill: {error}");
            one.kill();
            two.kill();
        }
    }
}

#[test]
fn a_group_that_was_removed_is_gone_whoever_has_its_name() {
    let Some(group) = Group::new("gone") else { return };
    let victim = Victim::sleeping();
    group.add("", &victim);
    let held = CgroupTree::mounted().unified_of(&open(&victim), &mut Vec::new()).unwrap().unwrap();
    drop(victim);
    let path = group.0.clone();
    drop(group);
    assert!(!path.exists());
    for _ in 0..2 {
        let mut buffer = Vec::new();
        assert_eq!(held.pids(&mut buffer), Err(Error::Gone));
        assert_eq!(held.events(&mut buffer), Err(Error::Gone));
        assert_eq!(held.is_frozen(&mut buffer), Err(Error::Gone));
        assert_eq!(held.set_frozen(true), Err(Error::Gone));
        assert_eq!(held.kill(), Err(Error::Gone));
        // Another one under the same name is another one.
        fs::create_dir_all(&path).unwrap();
    }
    assert!(fs::read_to_string(path.join("cgroup.freeze")).unwrap().starts_with('0'));
    fs::remove_dir(&path).unwrap();
}

#[test]
fn thousands_of_groups_are_not_walked() {
    let Some(group) = Group::new("many") else { return };
    let victim = Victim::sleeping();
    group.add("", &victim);
    let held = CgroupTree::mounted().unified_of(&open(&victim), &mut Vec::new()).unwrap().unwrap();
    let below: Vec<PathBuf> = (0..257).map(|number| group.0.join(format!("g{number}"))).collect();
    let made = below.iter().filter(|path| fs::create_dir(path).is_ok()).count();
    let pids = held.pids(&mut Vec::new());
    below.iter().for_each(|path| drop(fs::remove_dir(path)));
    if made == below.len() {
        assert!(matches!(pids, Err(Error::Malformed(_))), "{pids:?}");
    }
    assert_eq!(held.pids(&mut Vec::new()), Ok(vec![victim.pid()]));
}

#[test]
fn a_process_is_opened_again_by_its_identity_alone() {
    let victim = Victim::sleeping();
    let proc = Proc::live().unwrap();
    let identity = open(&victim).identity();
    assert_eq!(proc.reopen(identity).unwrap().identity(), identity);
    let mut other = identity;
    other.start_ticks += 1;
    assert_eq!(proc.reopen(other).unwrap_err(), Error::Gone);
    drop(victim);
    assert_eq!(proc.reopen(identity).unwrap_err(), Error::Gone);
}
