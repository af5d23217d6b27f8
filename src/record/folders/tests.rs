use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn place(variables: &[(&str, &str)], uid: u32) -> PathBuf {
    let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
    Place::of(find, uid).path
}

#[test]
fn the_environment_says_where() {
    let all = [("RUNTIME_DIRECTORY", "/run/a:/run/b"), ("XDG_RUNTIME_DIR", "/run/user/7")];
    assert_eq!(place(&all, 7), Path::new("/run/a"));
    assert_eq!(place(&all[1..], 7), Path::new("/run/user/7/tradedog"));
    assert_eq!(place(&all[1..], 0), Path::new("/run/tradedog"));
    let empty = [("RUNTIME_DIRECTORY", ":"), ("XDG_RUNTIME_DIR", "")];
    assert_eq!(place(&empty, 7), env::temp_dir().join("tradedog-7"));
    assert_eq!(place(&[("XDG_RUNTIME_DIR", "here")], 7), env::temp_dir().join("tradedog-7"));
}

#[test]
fn the_state_of_the_host_is_where_systemd_says_or_the_user_keeps_his() {
    let place = |variables: &[(&str, &str)], uid: u32| {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        Place::of_state(find, uid).map(|place| place.path.to_str().unwrap().to_owned())
    };
    let all = [("STATE_DIRECTORY", "/var/lib/a:/b"), ("XDG_STATE_HOME", "/home/a/state"), ("HOME", "/home/a")];
    assert_eq!(place(&all, 7).unwrap(), "/var/lib/a");
    assert_eq!(place(&all[1..], 0).unwrap(), "/var/lib/tradedog");
    assert_eq!(place(&all[1..], 7).unwrap(), "/home/a/state/tradedog");
    assert_eq!(place(&all[2..], 7).unwrap(), "/home/a/.local/state/tradedog");
    assert_eq!(place(&[("HOME", "here")], 7), None);
}

#[test]
fn a_folder_is_made_for_us_and_where_nobody_makes_names_beside_it_for_our_group() {
    let root = tempfile::tempdir().unwrap();
    for (path, in_public, mode) in [("a/b/run", false, 0o750), ("tradedog-7", true, 0o700)] {
        let path = root.path().join(path);
        for _ in 0..2 {
            assert_eq!(ready(Place { which: Which::Runtime, path: path.clone(), in_public }).unwrap(), path);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn whoever_runs_no_daemon_of_his_own_asks_the_hosts() {
    let root = tempfile::tempdir().unwrap();
    let (own, host) = (root.path().join("own"), root.path().join("host"));
    let asked = || asked(own.clone(), &host, "control.sock");
    assert_eq!(asked(), host, "there is neither: that is the one to be started");
    fs::create_dir(&own).unwrap();
    assert_eq!(asked(), own);
    fs::create_dir(&host).unwrap();
    assert_eq!(asked(), own);
    fs::write(host.join("control.sock"), "").unwrap();
    assert_eq!(asked(), host);
    fs::write(own.join("control.sock"), "").unwrap();
    assert_eq!(asked(), own);
}

#[test]
fn a_folder_that_others_may_write_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("of somebody"), "").unwrap();
    for (mode, in_public, good) in
        [(0o700, true, true), (0o755, false, true), (0o755, true, false), (0o770, false, false), (0o1777, false, false)]
    {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let result = ready(Place { which: Which::Runtime, path: path.clone(), in_public });
        assert_eq!(result.is_ok(), good, "{mode:o} {in_public}");
        if let Err(error) = result {
            assert!(error.to_string().contains("is open to others") && error.to_string().contains("RUNTIME_DIRECTORY"));
        }
    }
}

#[test]
fn an_empty_folder_of_ours_is_closed_to_others() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("state");
    fs::create_dir(&path).unwrap();
    for (mode, closed) in [(0o1777, 0o755), (0o770, 0o750), (0o700, 0o700)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        ready(Place { which: Which::State, path: path.clone(), in_public: false }).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, closed, "{mode:o}");
    }
    assert!(is_everybodys(&stat("/tmp").unwrap()), "that one stays as it is");
    assert!(!is_everybodys(&stat(&path).unwrap()));
}

#[test]
fn what_is_no_folder_of_ours_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (folder, link, file) = (root.path().join("run"), root.path().join("link"), root.path().join("file"));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&folder, &link).unwrap();
    fs::write(&file, "x").unwrap();
    let refused = |path: &Path, in_public| {
        ready(Place { which: Which::Runtime, path: path.to_owned(), in_public }).unwrap_err().to_string()
    };
    assert!(refused(&link, true).contains("is no folder"), "made by somebody else, to be followed");
    assert!(
        ready(Place { which: Which::Runtime, path: link, in_public: false }).is_ok(),
        "where the operator points is the operator's"
    );
    assert!(refused(&file, true).contains("is no folder"));
    assert!(refused(&file.join("a\nb"), false).contains("a\\nb cannot be made"));
    if geteuid().is_root() {
        std::os::unix::fs::chown(&folder, Some(4321), None).unwrap();
        assert!(refused(&folder, false).contains("belongs to user 4321"));
    }
}
