use super::*;
use crate::record::history::store::Store;

fn history() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one", "two", "three", "four"]);
    folder
}

fn broken_by(sql: &str) -> (i64, String) {
    let folder = history();
    raw(folder.path()).execute_batch(sql).unwrap();
    match verdict(folder.path()) {
        Verdict::Broken { number, why } => (number, why),
        Verdict::Sound { .. } => panic!("{sql} does not show"),
    }
}

#[test]
fn every_edit_shows_at_its_row() {
    for column in ["at", "kind", "severity", "target", "process", "pid", "action", "text", "data"] {
        let value = if ["at", "process", "pid"].contains(&column) { "4711" } else { "'x'" };
        let sql = format!("UPDATE events SET {column} = {value} WHERE number = 3");
        assert_eq!(broken_by(&sql), (3, "event 3 is not as it was written".to_owned()), "{column}");
    }
    assert_eq!(broken_by("UPDATE events SET hash = zeroblob(32) WHERE number = 3").0, 3);
    assert_eq!(broken_by("UPDATE events SET hash = zeroblob(32) WHERE number = 5").0, 5);
    assert_eq!(broken_by("UPDATE events SET text = 'x' WHERE number = 1").0, 1);
}

#[test]
fn every_gap_shows() {
    assert_eq!(broken_by("DELETE FROM events WHERE number = 3"), (3, "event 3 is missing".to_owned()));
    assert_eq!(broken_by("DELETE FROM events WHERE number IN (2, 3)"), (2, "events 2 to 3 are missing".to_owned()));
    assert_eq!(broken_by("DELETE FROM events WHERE number = 1").0, 1);
    assert_eq!(broken_by("DELETE FROM events WHERE number > 3"), (4, "events 4 to 5 are missing".to_owned()));
    assert_eq!(broken_by("DELETE FROM events").0, 1);
    assert_eq!(broken_by("DELETE FROM head").0, 5);
    let renumbered = "DELETE FROM events WHERE number = 3; UPDATE events SET number = number - 1 WHERE number > 3";
    assert_eq!(broken_by(renumbered).0, 3);
}

#[test]
fn a_row_of_somebody_else_shows() {
    let foreign = "INSERT INTO events SELECT 6, at, kind, severity, target, process, pid, action, text, data, hash \
                   FROM events WHERE number = 5";
    assert_eq!(broken_by(foreign).0, 6);
    let before = "INSERT INTO events SELECT -1, at, kind, severity, target, process, pid, action, text, data, hash \
                  FROM events WHERE number = 5";
    assert_eq!(broken_by(before), (-1, "event -1 was added by somebody else".to_owned()));
    let swapped = "UPDATE events SET number = 99 WHERE number = 2; UPDATE events SET number = 2 WHERE number = 3; \
                   UPDATE events SET number = 3 WHERE number = 99";
    assert_eq!(broken_by(swapped).0, 2);
}

#[test]
fn what_goes_on_after_an_edit_still_shows_it() {
    let folder = history();
    raw(folder.path()).execute_batch("DELETE FROM events WHERE number > 3").unwrap();
    written(folder.path(), &["five"]);
    assert_eq!(entries(folder.path()).last().unwrap().number, 6, "no number is given twice");
    assert!(matches!(verdict(folder.path()), Verdict::Broken { number: 4, .. }));
}

#[test]
fn a_history_without_its_beginning_is_not_whole() {
    assert_eq!(broken_by("DELETE FROM events; DELETE FROM head"), (1, "event 1 is missing".to_owned()));
}

/// The disk was full after the tables were made, or the daemon was killed then.
#[test]
fn a_history_whose_first_row_was_never_written_gets_it_later() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    written(folder.path(), &["one"]);
    assert!(is_sound(folder.path()));
    assert_eq!(texts(folder.path()), ["this history begins here", "one"]);
}

/// A pipe would be waited for.
#[test]
fn what_is_no_history_is_not_opened() {
    let refused = |path: &Path| Reader::open(path).unwrap_err().to_string();
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(refused(empty.path()).contains("it is empty"));
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join(FILE);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert!(refused(folder.path()).contains("it is no file"));
    assert!(refused(Path::new("/dev/null")).contains("it is no file"));
}

#[test]
fn pruning_leaves_a_row_that_stands_for_what_is_gone() {
    let folder = history();
    let mut store = Store::open(folder.path()).unwrap();
    let now = entries(folder.path())[0].at;
    assert!(!store.prune(LIMITS, now + DAY).unwrap());
    assert!(is_sound(folder.path()));
    assert_eq!(entries(folder.path()).len(), 5, "nothing is too old");
    store.prune(LIMITS, now + 91 * DAY).unwrap();
    assert!(is_sound(folder.path()));
    let left = entries(folder.path());
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].number, &*left[0].kind), (6, "pruned"));
    assert_eq!(left[0].text, "events 1 to 5 were removed: older than [history] events");
    drop(store);
    written(folder.path(), &["five", "six"]);
    assert!(is_sound(folder.path()));
    raw(folder.path()).execute_batch("DELETE FROM events WHERE number < 8").unwrap();
    assert!(matches!(verdict(folder.path()), Verdict::Broken { number: 1, .. }), "nothing says that they were removed");
}

#[test]
fn events_of_a_clock_that_was_ahead_go_with_those_behind_them() {
    let folder = history();
    let now = entries(folder.path())[0].at;
    // The first two were written by a clock that was ten years ahead, the fourth by one that stood at 1970.
    let ahead = format!(
        "UPDATE events SET at = {} WHERE number < 3; UPDATE events SET at = 0 WHERE number = 4",
        now + 3650 * DAY
    );
    raw(folder.path()).execute_batch(&ahead).unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    assert!(!store.prune(LIMITS, now + DAY).unwrap());
    assert_eq!(entries(folder.path()).len(), 5, "the one of 1970 is behind one that is young");
    store.prune(LIMITS, now + 91 * DAY).unwrap();
    assert_eq!(entries(folder.path()).len(), 1, "all are behind or before what is too old");
}

#[test]
fn a_file_that_is_too_large_loses_its_first_rows() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(900);
    let many = vec![&*long; 4000];
    written(folder.path(), &many);
    let mut store = Store::open(folder.path()).unwrap();
    let limits = Limits { size: 1 << 20, ..LIMITS };
    while store.prune(limits, 0).unwrap() {}
    assert!(store.size().unwrap() <= 1 << 20, "{}", store.size().unwrap());
    drop(store);
    assert!(is_sound(folder.path()));
    let left = entries(folder.path());
    assert!(left[0].number > 1000 && left.last().unwrap().text.contains("max_size"), "{:?}", left.last());
}

#[test]
fn the_hash_is_the_one_that_the_document_gives() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &[]);
    let first = entries(folder.path()).remove(0);
    // docs/history.md: the hash before, then each column with its type, text with its length.
    let mut bytes = vec![0; 32];
    for number in [first.number, first.at] {
        bytes.push(1);
        bytes.extend(number.to_be_bytes());
    }
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(2);
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    text(&mut bytes, "begun");
    text(&mut bytes, "info");
    bytes.extend([0, 0, 0, 0]);
    text(&mut bytes, "this history begins here");
    text(&mut bytes, "{}");
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let Verdict::Sound { hash: said, count: 1, first: 1 } = verdict(folder.path()) else { panic!("it is sound") };
    assert_eq!(said, super::super::entry::hex(hash.as_ref()));
}
