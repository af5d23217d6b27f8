#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "the tests damage files, and a test that is skipped says so"
)]

use std::fs;
use std::process::Command;
use std::sync::Arc;

use super::*;

fn figures(history: &History) -> Figures {
    history.standing().figures()
}

/// The events that were sent, without what the history says of itself.
fn sent(folder: &Path) -> Vec<String> {
    let own = ["begun", "lost", "pruned"];
    entries(folder).into_iter().filter(|entry| !own.contains(&&*entry.kind)).map(|entry| entry.text).collect()
}

/// A history with one event, and who holds it locked.
fn locked() -> (tempfile::TempDir, rusqlite::Connection) {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one"]);
    let other = raw(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (folder, other)
}

#[test]
fn a_lock_of_another_process_costs_time_and_nothing_else() {
    let (folder, other) = locked();
    let (writer, history) = start(folder.path());
    send(&history, &["two"]);
    let (news, bad) = next_news(&history);
    assert!(bad && news.contains("another process holds it locked"), "{news}");
    assert!(history.standing().trouble().unwrap().contains("decisions go on"));
    assert_eq!(figures(&history).buffered, 1);
    assert!(!figures(&history).is_written);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(next_news(&history), ("the history is written again".to_owned(), false));
    until("the event", || figures(&history).buffered == 0);
    assert!(figures(&history).is_written && figures(&history).last_error.is_some());
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(sent(folder.path()), ["one", "two"]);
    assert!(is_sound(folder.path()));
}

#[test]
fn a_lock_that_is_let_go_of_while_the_daemon_ends_costs_nothing() {
    let (folder, other) = locked();
    let (writer, history) = start(folder.path());
    send(&history, &["two"]);
    next_news(&history);
    let standing = Arc::clone(history.standing());
    let tries = || standing.figures().errors[Cause::Locked as usize];
    let before = tries();
    drop(history);
    until("a try after the end", || tries() > before);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(writer.lost(), None);
    assert_eq!(sent(folder.path()), ["one", "two"]);
    assert!(is_sound(folder.path()));
}

#[test]
fn what_a_lock_keeps_out_until_the_end_is_counted_and_told() {
    let (folder, other) = locked();
    let (writer, history) = start(folder.path());
    send(&history, &vec!["many"; handle::MOST_ROWS]);
    send(&history, &["no room for this"]);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    let lost = writer.lost().unwrap();
    let told = "4097 events and 0 blocks of samples are not in the history";
    assert!(lost.starts_with(told) && lost.contains("another process holds it locked"), "{lost}");
    drop(other);
    assert_eq!(sent(folder.path()), ["one"]);
    assert!(is_sound(folder.path()));
}

#[test]
fn what_finds_no_room_is_counted_and_said() {
    let (folder, other) = locked();
    let (writer, history) = start(folder.path());
    let many = vec!["many"; handle::MOST_ROWS];
    send(&history, &many);
    send(&history, &["lost", "lost as well"]);
    assert_eq!(figures(&history).dropped, 2);
    assert_eq!(figures(&history).buffered, handle::MOST_ROWS);
    other.execute_batch("ROLLBACK").unwrap();
    until("room", || figures(&history).buffered == 0);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(writer.lost(), None, "a row tells of them");
    assert_eq!(sent(folder.path()).len(), handle::MOST_ROWS + 1);
    let said = entries(folder.path()).into_iter().find(|entry| entry.kind == "lost").unwrap();
    assert_eq!(said.severity, "error");
    assert!(said.text.starts_with("2 events are missing"), "{said:?}");
    assert!(is_sound(folder.path()));
}

fn aside(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| name.contains("damaged") && !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    names.sort();
    names
}

#[test]
fn a_damaged_file_is_set_aside_and_another_begun() {
    for damage in ["text", "half", "empty pages", "foreign", "newer"] {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &["one"]);
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        match damage {
            "text" => fs::write(&path, "this is no database, whatever its name may be").unwrap(),
            "half" => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            "empty pages" => {
                let mut bytes = whole.clone();
                bytes[4096..].fill(0);
                fs::write(&path, bytes).unwrap();
            }
            "foreign" => raw(folder.path()).execute_batch("PRAGMA application_id = 7").unwrap(),
            _ => raw(folder.path()).execute_batch("PRAGMA user_version = 2").unwrap(),
        }
        let found = fs::read(&path).unwrap();
        let (writer, history) = start(folder.path());
        send(&history, &["two"]);
        let (news, bad) = next_news(&history);
        assert!(bad && news.contains("a new one is begun") && news.contains("damaged-"), "{damage}: {news}");
        drop(history);
        assert!(writer.finish(Duration::from_secs(60)));
        assert_eq!(sent(folder.path()), ["two"], "{damage}");
        assert!(is_sound(folder.path()));
        let aside = aside(folder.path());
        assert_eq!(aside.len(), 1, "{damage}");
        let kept = fs::read(folder.path().join(&aside[0])).unwrap();
        assert_eq!(kept.len(), found.len(), "{damage}: nothing of it is lost");
    }
}

#[test]
fn damage_that_shows_while_it_is_used_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) = start(folder.path());
    send(&history, &["one"]);
    until("the first event", || figures(&history).stored == 1);
    raw(folder.path()).execute_batch("DROP TABLE events").unwrap();
    send(&history, &["two"]);
    until("the second event", || figures(&history).stored == 2);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(sent(folder.path()), ["two"]);
    assert_eq!(aside(folder.path()).len(), 1);
}

#[test]
fn what_others_write_into_it_while_it_is_used_is_noticed() {
    for damage in ["emptied", "overwritten", "one page"] {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &["one"; 300]);
        let (writer, history) = start(folder.path());
        send(&history, &["two"]);
        until("the second event", || figures(&history).stored == 1);
        let path = folder.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        match damage {
            "emptied" => bytes.clear(),
            "overwritten" => bytes.fill(0x5a),
            _ => bytes[4 * 4096..5 * 4096].fill(0x5a),
        }
        // In place, as a copy over it would be written.
        fs::write(&path, bytes).unwrap();
        send(&history, &["three"]);
        let (news, bad) = next_news(&history);
        assert!(bad && news.contains("overwritten") && news.contains("a new one is begun"), "{damage}: {news}");
        until("the third event", || figures(&history).stored == 2);
        assert_eq!(figures(&history).errors[Cause::Damaged as usize], 1);
        drop(history);
        assert!(writer.finish(Duration::from_secs(60)));
        assert_eq!(sent(folder.path()), ["three"], "{damage}");
        assert!(is_sound(folder.path()));
        assert_eq!(aside(folder.path()).len(), 1);
    }
}

#[test]
fn a_file_that_was_removed_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) = start(folder.path());
    send(&history, &["one"]);
    until("the first event", || figures(&history).stored == 1);
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(folder.path().join(format!("{FILE}{suffix}"))).unwrap();
    }
    send(&history, &["two"]);
    let (news, bad) = next_news(&history);
    assert!(bad && news.contains("is gone from the state directory"), "{news}");
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(sent(folder.path()), ["two"]);
}

#[test]
fn damage_again_and_again_does_not_fill_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..8 {
        fs::write(folder.path().join(FILE), "no database").unwrap();
        written(folder.path(), &["one"]);
    }
    assert_eq!(aside(folder.path()).len(), 8);
    fs::write(folder.path().join(FILE), "no database").unwrap();
    let (writer, history) = start(folder.path());
    let (news, _) = next_news(&history);
    assert!(news.contains("move them away"), "{news}");
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"no database");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_folder_that_cannot_be_written_is_waited_for() {
    if is_root() {
        eprintln!("SKIPPED: root may write anywhere; the read-only file system stands for it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let (writer, history) = start(folder.path());
    send(&history, &["one"]);
    let (news, bad) = next_news(&history);
    assert!(bad && news.contains("let tradedog's user write the folder"), "{news}");
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    until("the event", || figures(&history).stored == 1);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert!(is_sound(folder.path()));
}

/// A file system of its own, that is gone with the value.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn of(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
                .arg(folder.path())
                .status()
                .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("SKIPPED: only root may mount a small file system");
            return None;
        }
        Some(Self(folder))
    }

    fn remount(&self, option: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What is left is in memory, and small.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_costs_nothing_that_fits_into_memory() {
    let Some(mounted) = Mounted::of("512k") else { return };
    let folder = mounted.0.path();
    let (writer, history) = start(folder);
    let long = "x".repeat(900);
    send(&history, &vec![&*long; 2000]);
    let (news, bad) = next_news(&history);
    assert!(bad && news.contains("the disk is full: make room"), "{news}");
    assert!(!figures(&history).is_written);
    let full = figures(&history).errors[Cause::Full as usize];
    assert!(full > 0);
    mounted.remount("size=64m");
    until("room", || figures(&history).buffered == 0);
    assert_eq!(figures(&history).stored, 2000);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(sent(folder).len(), 2000);
    assert!(is_sound(folder));
}

#[test]
fn a_read_only_disk_is_waited_for() {
    let Some(mounted) = Mounted::of("16m") else { return };
    let folder = mounted.0.path();
    written(folder, &["one"]);
    mounted.remount("ro");
    let (writer, history) = start(folder);
    send(&history, &["two"]);
    let (news, bad) = next_news(&history);
    assert!(bad && news.contains("read-only"), "{news}");
    assert_eq!(texts(folder).len(), 2, "it can be read meanwhile");
    mounted.remount("rw");
    until("the event", || figures(&history).stored == 1);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(sent(folder), ["one", "two"]);
    assert!(is_sound(folder));
}
