//! The chain, its ends, and a disk that does not do what it should.

mod faults;
mod samples;
mod verify;

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::model::{Event, Moment, Note};
use crate::record::{Fields, Line, Severity};

const DAY: i64 = 86_400_000;
const LIMITS: Limits = Limits { events: 90 * DAY, samples: [DAY, 7 * DAY, 90 * DAY], size: 1 << 30 };

fn clock() -> (Moment, SystemTime) {
    (boot(), wall())
}

/// Both clocks of the host: what is written here is what the daemon would write.
#[expect(clippy::disallowed_methods, reason = "the test stands in for the kernel's clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

fn boot() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Moment::from_nanos(u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap())
}

fn line(text: &str) -> Line {
    Line { severity: Severity::Info, text: text.to_owned(), fields: Fields::default() }
}

fn told(texts: &[&str]) -> (Vec<Event>, Vec<Line>) {
    let event = |text: &&str| Event { at: boot(), note: Note::Daemon { text: (*text).to_owned(), bad: false } };
    (texts.iter().map(event).collect(), texts.iter().map(|text| line(text)).collect())
}

fn send(history: &History, texts: &[&str]) {
    let (events, lines) = told(texts);
    history.send(&events, &lines);
}

fn start(folder: &Path) -> (HistoryWriter, History) {
    HistoryWriter::start(Place::Folder(folder.to_owned()), LIMITS, clock).unwrap()
}

/// Writes these and ends as the daemon does.
fn written(folder: &Path, texts: &[&str]) {
    let (writer, history) = start(folder);
    send(&history, texts);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
}

fn entries(folder: &Path) -> Vec<Entry> {
    let mut all = Vec::new();
    let told = Reader::open(folder).unwrap().each(&Filter::default(), |entry| {
        all.push(entry);
        Ok(())
    });
    told.unwrap();
    all
}

fn texts(folder: &Path) -> Vec<String> {
    entries(folder).into_iter().map(|entry| entry.text).collect()
}

fn verdict(folder: &Path) -> Verdict {
    Reader::open(folder).unwrap().verify().unwrap()
}

fn is_sound(folder: &Path) -> bool {
    matches!(verdict(folder), Verdict::Sound { .. })
}

/// Waits for what another thread will do; a machine may be slow, but not for ever.
#[expect(clippy::disallowed_methods, reason = "the test has nothing else to do")]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come about in a minute");
}

fn next_news(history: &History) -> (String, bool) {
    let mut news = None;
    until("news", || {
        news = history.news();
        news.is_some()
    });
    news.unwrap()
}

fn raw(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join(FILE)).unwrap()
}

#[test]
fn rows_outlive_the_daemon_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one", "two"]);
    written(folder.path(), &["three"]);
    assert_eq!(texts(folder.path()), ["this history begins here", "one", "two", "three"]);
    let numbers: Vec<i64> = entries(folder.path()).iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(is_sound(folder.path()));
}

#[test]
fn what_a_line_knows_is_in_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) = start(folder.path());
    let (events, mut lines) = told(&["order 17"]);
    lines[0].fields = Fields {
        kind: crate::record::Kind::Held,
        target: Some("trader".into()),
        process: Some(3),
        action: Some("pause".into()),
        value: Some(612.5),
        reason: Some("cooldown"),
        ..Fields::default()
    };
    history.send(&events, &lines);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    let entry = entries(folder.path()).pop().unwrap();
    assert_eq!((&*entry.kind, entry.target.as_deref(), entry.process), ("held", Some("trader"), Some(3)));
    assert_eq!(entry.action.as_deref(), Some("pause"));
    assert_eq!(entry.data["value"], 612.5);
    assert_eq!(entry.data["reason"], "cooldown");
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!(json["reason"], "cooldown");
    assert!(json["time"].as_f64().unwrap() > 1_700_000_000.0, "{json}");
}

#[test]
fn a_filter_lets_through_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) = start(folder.path());
    let (events, mut lines) = told(&["a", "b", "c"]);
    lines[1].fields.target = Some("trader".into());
    lines[2].fields.kind = crate::record::Kind::Held;
    history.send(&events, &lines);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    let filtered = |filter: &Filter| {
        let mut all = Vec::new();
        let told = Reader::open(folder.path()).unwrap().each(filter, |entry| {
            all.push(entry.text);
            Ok(())
        });
        told.unwrap();
        all
    };
    assert_eq!(filtered(&Filter { target: Some("trader".to_owned()), ..Filter::default() }), ["b"]);
    assert_eq!(filtered(&Filter { kind: Some("held".to_owned()), ..Filter::default() }), ["c"]);
    assert_eq!(filtered(&Filter { since: Some(i64::MAX), ..Filter::default() }), [""; 0]);
    assert_eq!(filtered(&Filter { since: Some(0), ..Filter::default() }).len(), 4);
}

#[test]
fn a_reader_stands_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) = start(folder.path());
    send(&history, &["one"]);
    until("the first event", || {
        Reader::open(folder.path())
            .is_ok_and(|reader| reader.verify().is_ok_and(|verdict| matches!(verdict, Verdict::Sound { count: 2, .. })))
    });
    let reader = Reader::open(folder.path()).unwrap();
    send(&history, &["two"]);
    until("the second event", || texts(folder.path()).len() == 3);
    assert!(matches!(reader.verify().unwrap(), Verdict::Sound { count: 3, .. }));
    assert_eq!(history.standing().figures().stored, 2);
    assert_eq!(history.standing().figures().buffered, 0);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
}

#[test]
fn it_is_read_where_nothing_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one"]);
    let mode = |mode| rustix::fs::chmod(folder.path(), rustix::fs::Mode::from_raw_mode(mode)).unwrap();
    mode(0o555);
    let read = texts(folder.path());
    mode(0o755);
    assert_eq!(read, ["this history begins here", "one"]);
    let found = rustix::fs::stat(folder.path().join(FILE)).unwrap();
    assert_eq!(found.st_mode & 0o777, 0o640, "the group may read, others may not");
}
