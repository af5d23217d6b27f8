#![expect(clippy::disallowed_methods, reason = "makes and reads files")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;
use crate::model::{Evidence, Flaw, Trigger};

const WIDE: Limits = Limits { count: 100, size: 1 << 30 };
/// 2026-11-21T23:15:02.123Z
const THEN: i64 = 1_795_302_902_123;

fn about(target: &str, at_millis: i64) -> About {
    About {
        trigger: Trigger::Kill,
        at_millis,
        target: target.to_owned(),
        process: 0,
        pid: 4711,
        started_millis: at_millis - 60_000,
        host: "host".to_owned(),
        dry_run: false,
        decision: "order 1: kill".to_owned(),
        grounds: None,
        order: Some(Ordered { number: 1, action: "kill".to_owned(), attempt: 1, by: None }),
    }
}

fn evidence(bytes: usize) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.file("descriptors.txt", "what it has open", "x".repeat(bytes));
    evidence.lacks_right("threads", "permission denied", "CAP_SYS_PTRACE");
    evidence.counts.insert("descriptors".to_owned(), 3);
    evidence
}

fn keep(folder: &Path, at_millis: i64, limits: Limits) -> Result<Kept, NotKept> {
    Store::in_folder(folder.to_owned()).keep(&about("trader", at_millis), (&evidence(1000), 12), limits)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_kept_is_read_again_and_nobody_else_may() {
    let folder = tempfile::tempdir().unwrap();
    let kept = keep(folder.path(), THEN, WIDE).unwrap();
    assert_eq!((&*kept.id, kept.removed), ("20261121T231502.123Z-trader-0-kill", 0));
    assert_eq!(kept.path, folder.path().join("incidents").join(&kept.id));
    assert_eq!((mode(&folder.path().join("incidents")), mode(&kept.path)), (0o700, 0o700));
    for file in ["descriptors.txt", "incident.json"] {
        assert_eq!(mode(&kept.path.join(file)), 0o600, "{file}");
    }
    for place in [folder.path().to_owned(), folder.path().join("incidents")] {
        let shelf = Shelf::open(&place).unwrap();
        assert_eq!(shelf.ids(), std::slice::from_ref(&kept.id));
        let document = shelf.document(&kept.id).unwrap();
        assert_eq!((document.id.clone(), document.about.clone()), (kept.id.clone(), about("trader", THEN)));
        assert_eq!(document.at, "2026-11-21T23:15:02.123Z");
        assert_eq!((document.files[0].bytes, document.missing.clone()), (1000, evidence(0).missing));
        assert_eq!(shelf.file(&kept.id, "descriptors.txt").unwrap(), "x".repeat(1000).as_bytes());
    }
    assert!(
        fs::read_dir(folder.path().join("incidents"))
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with('.') })
    );
}

#[test]
fn the_oldest_go_first_by_count_and_by_size_and_the_newest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let ids = |folder: &Path| Shelf::open(folder).unwrap().ids();
    for second in 0..5 {
        keep(folder.path(), THEN + second * 1000, WIDE).unwrap();
    }
    let all = ids(folder.path());
    assert_eq!(all.len(), 5);
    let kept = keep(folder.path(), THEN + 5000, Limits { count: 4, ..WIDE }).unwrap();
    assert_eq!((kept.removed, ids(folder.path())), (2, [&all[2..], std::slice::from_ref(&kept.id)].concat()));
    let size = prune_size(folder.path(), &kept.id);
    let kept = keep(folder.path(), THEN + 6000, Limits { size: 2 * size, ..WIDE }).unwrap();
    assert_eq!((kept.removed, ids(folder.path()).len()), (3, 2));
    let kept = keep(folder.path(), THEN + 7000, Limits { size: 1, count: 1 }).unwrap();
    assert_eq!(ids(folder.path()), [kept.id]);
}

fn prune_size(folder: &Path, id: &str) -> u64 {
    let files = fs::read_dir(folder.join("incidents").join(id)).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_is_not_ours_is_neither_read_nor_removed_nor_followed() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    keep(folder.path(), THEN, WIDE).unwrap();
    let base = folder.path().join("incidents");
    fs::write(elsewhere.path().join("precious"), "x").unwrap();
    fs::create_dir(base.join("notes")).unwrap();
    fs::write(base.join("20250101T000000.000Z-file"), "x").unwrap();
    let link = base.join("20250101T000000.000Z-link-0-kill");
    symlink(elsewhere.path(), &link).unwrap();
    let inner = base.join("20250101T000000.000Z-with-0-folder");
    fs::create_dir_all(inner.join("inner")).unwrap();
    let kept = keep(folder.path(), THEN + 1000, Limits { count: 1, size: 1 }).unwrap();
    assert_eq!(kept.removed, 1, "the first of ours alone");
    assert!(elsewhere.path().join("precious").exists() && fs::symlink_metadata(&link).is_ok());
    assert!(base.join("notes").exists() && inner.join("inner").exists());
    let shelf = Shelf::open(folder.path()).unwrap();
    assert!(shelf.document("20250101T000000.000Z-link-0-kill").unwrap_err().to_string().contains("cannot be read"));
    symlink(elsewhere.path().join("precious"), kept.path.join("log-1.txt")).unwrap();
    assert!(shelf.file(&kept.id, "log-1.txt").unwrap_err().to_string().contains("symbolic link"));
    for id in ["..", "../..", "notes", "20250101T/../..", ".new-20250101T000000.000Z-a-0-kill", ""] {
        assert!(matches!(shelf.document(id), Err(IncidentError::Unknown { .. })), "{id}");
    }
    for file in ["../incident.json", ".hidden", "", "a/b"] {
        assert!(shelf.file(&kept.id, file).unwrap_err().to_string().contains("not the name of one of its files"));
    }
}

#[test]
fn incidents_of_one_moment_have_names_of_their_own_and_hostile_targets_none() {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<String> = (0..3).map(|_| keep(folder.path(), THEN, WIDE).unwrap().id).collect();
    let first = "20261121T231502.123Z-trader-0-kill";
    assert_eq!(ids, [first.to_owned(), format!("{first}-2"), format!("{first}-3")]);
    let hostile = format!("../..\n\u{202e}{}", "x".repeat(500));
    let store = Store::in_folder(folder.path().to_owned());
    let kept = store.keep(&about(&hostile, THEN), (&evidence(1), 1), WIDE).unwrap();
    assert!(is_id(&kept.id) && kept.id.len() < 120, "{}", kept.id);
}

#[test]
fn where_it_cannot_be_kept_nothing_is_left_and_it_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("incidents");
    fs::write(&base, "a file in its place").unwrap();
    assert_eq!(keep(folder.path(), THEN, WIDE).unwrap_err().flaw, Flaw::Denied);
    fs::remove_file(&base).unwrap();
    symlink("/tmp", &base).unwrap();
    assert_eq!(keep(folder.path(), THEN, WIDE).unwrap_err().flaw, Flaw::Denied);
    fs::remove_file(&base).unwrap();
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
    let why = keep(folder.path(), THEN, WIDE).unwrap_err();
    assert!(why.flaw == Flaw::Denied && why.text.contains("open to others"), "{}", why.text);
    assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
    assert_eq!(keep(&folder.path().join("nowhere"), THEN, WIDE).unwrap_err().flaw, Flaw::Denied);
    assert_eq!(NotKept::from(rustix::io::Errno::NOSPC).flaw, Flaw::Full);
    assert_eq!(NotKept::from(rustix::io::Errno::DQUOT).flaw, Flaw::Full);
    assert_eq!(NotKept::from(rustix::io::Errno::ROFS).flaw, Flaw::ReadOnly);
    assert_eq!(NotKept::from(rustix::io::Errno::IO).flaw, Flaw::Io);
}

#[test]
fn what_a_daemon_left_unfinished_is_removed_once_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), THEN, WIDE).unwrap();
    let base = folder.path().join("incidents");
    let [old, young] = ["a", "b"].map(|name| base.join(format!(".new-20261121T231502.123Z-{name}-0-kill")));
    for path in [&old, &young] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("descriptors.txt"), "x").unwrap();
    }
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&old).unwrap().set_modified(before).unwrap();
    keep(folder.path(), THEN + 1, WIDE).unwrap();
    assert_eq!((old.exists(), young.exists()), (false, true));
    assert_eq!(Shelf::open(folder.path()).unwrap().ids().len(), 2);
}

#[test]
fn a_place_without_incidents_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("nowhere");
    let error = Shelf::open(&place).unwrap_err().to_string();
    assert!(error.contains("there are no incidents at") && error.contains("--dir"), "{error}");
    assert_eq!(Shelf::open(folder.path()).unwrap().ids(), [""; 0]);
    symlink("/", folder.path().join("incidents")).unwrap();
    let error = Shelf::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("a symbolic link, which is not followed"), "{error}");
}

#[test]
fn what_cannot_be_removed_costs_no_other_incident_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let first = keep(folder.path(), THEN, WIDE).unwrap();
    fs::create_dir(first.path.join("core-dumps")).unwrap();
    let second = keep(folder.path(), THEN + 1000, WIDE).unwrap();
    let third = keep(folder.path(), THEN + 2000, Limits { count: 2, ..WIDE }).unwrap();
    assert_eq!(third.removed, 0);
    assert_eq!(Shelf::open(folder.path()).unwrap().ids(), [first.id, second.id, third.id]);
    assert!(first.path.join("core-dumps").exists());
}
