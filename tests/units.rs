//! What is in `systemd/`: systemd understands it, it leaves open what the daemon needs and nothing
//! else, and its pieces fit one another.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "a test reads files, starts systemd's own tools, and fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The profiles of which a service has one, and what the kernel lets each do.
const PROFILES: [(&str, &[&str]); 3] =
    [("observe", &[]), ("act", &["CAP_KILL"]), ("deep", &["CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_SYS_PTRACE"])];

/// What would blind or bind the daemon, and the values at which it does not.
const MUST_NOT_BE_SET: [(&str, &[&str]); 12] = [
    ("PrivateNetwork", &["no"]),
    ("PrivateUsers", &["no"]),
    ("PrivatePIDs", &["no"]),
    ("PrivateIPC", &["no"]),
    ("ProtectProc", &["default"]),
    ("ProcSubset", &["all"]),
    ("DynamicUser", &["no"]),
    ("IPAddressDeny", &[]),
    ("SocketBindDeny", &[]),
    ("RootDirectory", &[]),
    ("MemoryMax", &["infinity"]),
    ("MemorySwapMax", &["infinity"]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn file(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// Settings as systemd takes them: later ones win, lists grow, and an empty value empties them.
struct Unit(Vec<(String, String)>);

impl Unit {
    fn of(parts: &[&str]) -> Self {
        let text: String = parts.iter().map(|part| file(part)).collect();
        let lines = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.trim().is_empty());
        let settings = lines.map(|line| {
            let (key, value) = line.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        });
        Self(settings.collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn list(&self, key: &str) -> Vec<&str> {
        let mut list = Vec::new();
        for (_, value) in self.0.iter().filter(|(name, _)| name == key) {
            if value.is_empty() {
                list.clear();
            }
            list.extend(value.split_whitespace());
        }
        list.sort_unstable();
        list.dedup();
        list
    }
}

fn service() -> Unit {
    Unit::of(&["tradedog.service"])
}

/// The unit with drop-ins where systemd looks for them. What it starts need not be installed here.
fn laid_out(drop_ins: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let unit = file("tradedog.service").replace("/usr/bin/tradedog", "/bin/true");
    fs::write(root.path().join("tradedog.service"), unit).unwrap();
    let folder = root.path().join("tradedog.service.d");
    fs::create_dir(&folder).unwrap();
    for (index, drop_in) in drop_ins.iter().enumerate() {
        fs::copy(self::folder().join(drop_in), folder.join(format!("{index}0-{drop_in}"))).unwrap();
    }
    root
}

/// What `systemd-analyze` says of it, and whether it is content. None where there is no such tool.
fn analyze(arguments: &[&str], root: &TempDir) -> Option<(bool, String)> {
    let unit = root.path().join("tradedog.service");
    let Ok(output) = Command::new("systemd-analyze").args(arguments).arg(unit).output() else {
        println!("skipped: there is no systemd-analyze");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.success(), text))
}

fn all_ways() -> Vec<Vec<&'static str>> {
    let mut ways = vec![vec![], vec!["cgroup.conf"]];
    for profile in ["observe.conf", "act.conf", "deep.conf"] {
        ways.extend([vec![profile], vec![profile, "cgroup.conf"]]);
    }
    ways
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit_and_its_drop_ins() {
    for way in all_ways() {
        let Some((good, said)) = analyze(&["verify"], &laid_out(&way)) else { return };
        assert!(good && said.trim().is_empty(), "{way:?}:\n{said}");
    }
}

#[test]
fn its_exposure_is_small() {
    for (profile, _) in PROFILES {
        let drop_in = format!("{profile}.conf");
        // The threshold is ten times the figure that is shown; above it the tool fails.
        let arguments = ["security", "--offline=true", "--threshold=23"];
        let Some((good, said)) = analyze(&arguments, &laid_out(&[&drop_in])) else { return };
        assert!(good, "{profile}:\n{said}");
        assert!(said.contains("Overall exposure level"), "{said}");
    }
}

#[test]
fn each_profile_has_its_capabilities_and_no_others() {
    for (profile, capabilities) in PROFILES {
        let drop_in = format!("{profile}.conf");
        let unit = Unit::of(&["tradedog.service", &drop_in]);
        let both = Unit::of(&["tradedog.service", &drop_in, "cgroup.conf"]);
        let mut with_cgroup = [capabilities, &["CAP_DAC_OVERRIDE"]].concat();
        with_cgroup.sort_unstable();
        for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
            assert_eq!(unit.list(key), capabilities, "{profile} {key}");
            assert_eq!(both.list(key), with_cgroup, "{profile} with cgroup, {key}");
        }
        assert_eq!(unit.get("ProtectControlGroups"), Some("yes"), "{profile}");
        assert_eq!(both.get("ProtectControlGroups"), Some("no"), "{profile} with cgroup");
    }
    assert_eq!(service().list("AmbientCapabilities"), PROFILES[1].1, "act is what the unit has without a drop-in");
}

#[test]
fn nothing_is_set_that_would_blind_the_daemon() {
    for way in all_ways() {
        let unit = Unit::of(&[&["tradedog.service"], way.as_slice()].concat());
        for (key, harmless) in MUST_NOT_BE_SET {
            let value = unit.get(key);
            assert!(value.is_none_or(|value| harmless.contains(&value)), "{way:?}: {key}={value:?}");
        }
        let families = unit.list("RestrictAddressFamilies");
        assert_eq!(families, ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX"], "{way:?}");
    }
}

#[test]
fn the_system_calls_that_the_daemon_uses_are_allowed() {
    let unit = service();
    let filter: Vec<&str> =
        unit.0.iter().filter(|(key, _)| key == "SystemCallFilter").map(|(_, value)| value.as_str()).collect();
    assert_eq!(filter, ["@system-service process_mrelease", "~@privileged @resources", "capset"], "the order decides");
    let Ok(listed) = Command::new("systemd-analyze").arg("syscall-filter").output() else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    let taken_away = ["@privileged", "@resources"].map(|group| calls(&listed, group)).concat();
    let allowed = calls(&listed, "@system-service");
    for call in [
        "pidfd_open",
        "pidfd_send_signal",
        "prlimit64",
        "epoll_wait",
        "signalfd4",
        "sendto",
        "statx",
        "prctl",
        "flock",
        "mlockall",
        "setpgid",
        "execve",
        "clone3",
        "capget",
        "sched_getaffinity",
        "renameat",
        "fchmodat",
    ] {
        assert!(allowed.iter().any(|known| known == call), "{call} is not in @system-service");
        assert!(!taken_away.iter().any(|known| known == call), "{call} is taken away again");
    }
}

/// The system calls of a group, with those of the groups in it.
fn calls(listed: &str, group: &str) -> Vec<String> {
    let lines = listed.lines().skip_while(|line| *line != group).skip(1);
    let members = lines.take_while(|line| line.starts_with(' ')).map(str::trim).filter(|line| !line.starts_with('#'));
    members.flat_map(|name| if name.starts_with('@') { calls(listed, name) } else { vec![name.to_owned()] }).collect()
}

#[test]
fn it_is_started_anew_whatever_happens_and_nobody_stays_frozen() {
    let unit = service();
    for (key, value) in [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "30"),
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("StartLimitIntervalSec", "0"),
        ("OOMScoreAdjust", "-900"),
        ("OOMPolicy", "continue"),
        ("RuntimeDirectory", "tradedog"),
        ("RuntimeDirectoryMode", "0750"),
        ("RuntimeDirectoryPreserve", "yes"),
        ("StateDirectory", "tradedog"),
        ("ConfigurationDirectory", "tradedog"),
        ("ExecStart", "/usr/bin/tradedog run"),
        ("ExecStopPost", "/usr/bin/tradedog thaw"),
        ("ExecReload", "/usr/bin/tradedog reload"),
    ] {
        assert_eq!(unit.get(key), Some(value), "{key}");
    }
    for key in ["LimitMEMLOCK", "LimitNOFILE", "TimeoutAbortSec"] {
        assert!(unit.get(key).is_some(), "{key}");
    }
}

#[test]
fn the_commands_of_the_unit_are_ours() {
    let unit = service();
    for (key, value) in unit.0.iter().filter(|(key, _)| key.starts_with("Exec")) {
        let command = value.strip_prefix("/usr/bin/tradedog ").unwrap();
        let help = Command::new(env!("CARGO_BIN_EXE_tradedog")).args([command, "--help"]).output().unwrap();
        assert!(help.status.success(), "{key}={value}");
    }
}

#[test]
fn the_user_and_the_folders_are_those_of_the_service() {
    let unit = service();
    let users: Vec<String> =
        entries("tradedog.sysusers").into_iter().map(|entry| format!("{} {}", entry[0], entry[1])).collect();
    for key in ["User", "Group"] {
        let name = unit.get(key).unwrap();
        // `u` makes a group of the same name.
        assert!(users.contains(&format!("u {name}")), "{key}={name} is not among {users:?}");
    }
    let folders = entries("tradedog.tmpfiles");
    for (key, parent) in [("ConfigurationDirectory", "/etc"), ("StateDirectory", "/var/lib")] {
        let path = format!("{parent}/{}", unit.get(key).unwrap());
        let entry = folders.iter().find(|entry| entry[1] == path).unwrap();
        assert_eq!(Some(entry[2].as_str()), unit.get(&format!("{key}Mode")), "{path} has one mode, whoever makes it");
    }
    for entry in folders {
        assert_eq!(entry[0], "d");
        let mode = u32::from_str_radix(&entry[2], 8).unwrap();
        assert_eq!(mode & 0o022, 0, "{entry:?}");
        let state = entry[1].starts_with("/var/");
        assert_eq!(entry[3], if state { "tradedog" } else { "root" }, "who may write the configuration names commands");
    }
}

/// The lines of a sysusers or tmpfiles file, in words.
fn entries(name: &str) -> Vec<Vec<String>> {
    let text = file(name);
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}
