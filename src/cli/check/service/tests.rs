//! What a unit says, and what becomes of it; nobody is anybody else here.
#![expect(clippy::disallowed_methods, reason = "the tests write unit files")]

use std::fs;

use super::*;
use crate::config::{Source, parse};

const KILL: CapabilitySet = CapabilitySet::KILL;
const TRACE: CapabilitySet = CapabilitySet::SYS_PTRACE;

#[test]
fn assignments_add_up_as_systemd_adds_them() {
    let (all, none) = (CapabilitySet::all(), CapabilitySet::empty());
    for (told, initial, expected) in [
        (None, all, all),
        (None, none, none),
        (Some(""), all, none),
        (Some("CAP_KILL"), all, KILL),
        (Some("CAP_KILL\nCAP_SYS_PTRACE"), all, KILL | TRACE),
        (Some("CAP_KILL\n\nCAP_SYS_PTRACE"), all, TRACE),
        (Some("CAP_KILL CAP_SYS_PTRACE\n~CAP_KILL"), all, TRACE),
        (Some("~CAP_KILL CAP_SYS_PTRACE"), all, all - KILL - TRACE),
        (Some("CAP_KILL\n~"), none, all),
        (Some("cap_kill cap_sys_ptrace"), none, KILL | TRACE),
    ] {
        assert_eq!(set(told, initial), Ok(expected), "{told:?}");
    }
    let wrong = set(Some("CAP_KILL CAP_\u{202e}X"), all).unwrap_err();
    assert!(wrong.contains("no capability") && !wrong.contains('\u{202e}'), "{wrong}");
}

/// The service of a unit file with these lines, and with a drop-in of those.
fn service(lines: &str, drop_in: &str) -> Result<Service, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dog.service");
    fs::write(&path, format!("[Service]\n{lines}\n")).unwrap();
    fs::create_dir(folder.path().join("dog.service.d")).unwrap();
    fs::write(folder.path().join("dog.service.d/10.conf"), format!("[Service]\n{drop_in}\n")).unwrap();
    Service::of(in_file(&path).unwrap())
}

#[test]
fn a_user_has_what_is_ambient_and_root_what_bounds_it() {
    let both = "AmbientCapabilities=CAP_KILL\nCapabilityBoundingSet=CAP_KILL CAP_SYS_PTRACE";
    let dog = service(&format!("User=65534\nGroup=7\nSupplementaryGroups=8 9\n{both}"), "").unwrap();
    assert_eq!((dog.whom.uid, dog.whom.gid, dog.whom.capabilities), (65534, 7, KILL));
    assert!([7, 8, 9].iter().all(|group| dog.whom.groups.contains(group)), "{:?}", dog.whom.groups);
    let root = service(both, "SupplementaryGroups=8\nSupplementaryGroups=").unwrap();
    assert_eq!((root.whom.uid, root.whom.gid, root.whom.capabilities), (0, 0, KILL | TRACE));
    assert!(!root.whom.groups.contains(&8));
    assert_eq!(root.name, "dog.service");
    let reset = service(&format!("User=65534\n{both}"), "AmbientCapabilities=\nUser=").unwrap();
    assert_eq!((reset.whom.uid, reset.whom.capabilities), (0, KILL | TRACE));
}

#[test]
fn what_cannot_start_or_is_not_known_is_said() {
    let said = |lines: &str| service(lines, "").unwrap_err();
    assert!(said("User=65534\nAmbientCapabilities=CAP_KILL\nCapabilityBoundingSet=").contains("CAP_KILL is in"));
    assert!(said("User=nobody_of_this_name").contains("systemd-sysusers"));
    assert!(said("User=%i").contains("without specifiers"));
    assert!(said("User=nobody_of_this_name\nDynamicUser=yes").contains("only while the service runs"));
    assert!(said("Group=nobody_of_this_name").contains("its group nobody_of_this_name is not known"));
    assert!(said("AmbientCapabilities=CAP_FLY").starts_with("dog.service: CAP_FLY is no capability"));
}

#[test]
fn the_configuration_is_the_one_that_the_unit_names() {
    let path = |line: &str| service(&format!("ExecStart={line}"), "").unwrap().configuration();
    assert_eq!(path("/usr/bin/tradedog run"), None);
    assert_eq!(path("/usr/bin/tradedog run --config /a/b.toml"), Some("/a/b.toml".into()));
    let shown = "{ path=/usr/bin/tradedog ; argv[]=/usr/bin/tradedog run --config=/a.toml ; ignore_errors=no }";
    assert_eq!(path(shown), Some("/a.toml".into()));
    assert_eq!(path("/usr/bin/tradedog run --config %E/a.toml"), None);
}

#[test]
fn walls_that_would_blind_it_are_told_of() {
    let text = |by: &str| {
        format!(
            "[target.a]\nmatch = {{ user = \"0\" }}\nthresholds = {{ threads = {{ elevated = 2 }} }}\n\
             ladder = {{ elevated = [\"stop\"] }}\n\
             actions = {{ stop = {{ freeze = {{ by = \"{by}\", deadline = \"1m\" }} }} }}\n"
        )
    };
    let config =
        |by| parse(vec![Source::new("watchdog.toml", &text(by))]).unwrap_or_else(|problems| panic!("{problems}"));
    let dog = service("ProtectControlGroups=yes\nPrivateNetwork=no\nProtectProc=invisible", "").unwrap();
    let cgroups = "dog.service: ProtectControlGroups=yes: no cgroup can be frozen; systemd/cgroup.conf opens them";
    let hidden = "dog.service: ProtectProc=invisible: processes of other users are hidden from it";
    assert_eq!(dog.walls(&config("cgroup")), [cgroups, hidden]);
    assert_eq!(dog.walls(&config("signal")), [hidden]);
}
