//! What was read: kept, thinned, read again.

use std::sync::Arc;

use super::super::blocks::Stored;
use super::super::store::Store;
use super::*;
use crate::config::{Config, Target};
use crate::model::{Base, BootId, Identity, MemberKey, MemberSample, Metric, Pid, Reading, Sample, Unknown, Value};
use crate::record::samples::{Block, Hour};

const HOUR: i64 = 3_600_000;
/// When the rows begin, in milliseconds since 1970.
const BEGIN: i64 = 1_772_443_800_000;

fn config() -> Arc<Config> {
    let metrics = [Base::OpenFds, Base::Rss].map(Metric::plain).to_vec();
    let mut config =
        Config { targets: vec![Target { name: "trader".into(), metrics, ..Target::default() }], ..Config::default() };
    config.host.metrics = vec![Metric::plain(Base::HostMemoryUsed)];
    Arc::new(config)
}

fn moment(row: i64) -> Moment {
    Moment::from_secs(1000 + 10 * u64::try_from(row).unwrap())
}

fn wall(at: Moment) -> i64 {
    BEGIN + i64::try_from(at.since(moment(0)).as_millis()).unwrap()
}

/// Open files by row.
fn open_fds(row: i64) -> Value {
    match row % 7 {
        3 => Value::Unknown(Unknown::Denied),
        5 => Value::AtLeast(f64::from(i32::try_from(row).unwrap())),
        _ => Value::Known(f64::from(i32::try_from(row % 100).unwrap())),
    }
}

fn sample(row: i64) -> Sample {
    let at = moment(row);
    let reading = |value| Reading { at, period: Duration::from_secs(1), value };
    let identity = Identity { boot: BootId(7), pid: Pid::new(40).unwrap(), start_ticks: 90_000, pidfs_inode: Some(3) };
    let readings = vec![reading(open_fds(row)), reading(Value::Known(850e6))];
    let member = MemberSample {
        member: MemberKey { target: 0, slot: 2 },
        identity,
        started: Moment::from_secs(900),
        first_seen: at,
        readings,
    };
    Sample { members: vec![member], groups: Vec::new(), host: vec![reading(Value::Known(0.5))] }
}

/// So many rows as the loop would give them away.
fn blocks(rows: std::ops::Range<i64>) -> Vec<Block> {
    let mut hour = Hour::new(config());
    let mut blocks: Vec<Block> = rows.flat_map(|row| hour.keep(&sample(row), moment(row))).collect();
    blocks.extend(hour.seal());
    blocks
}

fn store(folder: &Path, rows: std::ops::Range<i64>) -> Store {
    let mut store = Store::open(folder).unwrap();
    let stored: Vec<Stored> = blocks(rows).into_iter().map(|block| Stored::of(block, wall)).collect();
    store.append_blocks(stored.iter()).unwrap();
    store
}

fn told(folder: &Path) -> Vec<Told> {
    let mut readings = Reader::open(folder).unwrap().samples(SampleFilter::default()).unwrap();
    std::iter::from_fn(|| readings.next_row().unwrap()).collect()
}

/// Rows of each resolution: how far apart they are, how many blocks, when the first begins.
fn resolutions(folder: &Path) -> Vec<(i64, i64, i64)> {
    let connection = raw(folder);
    let mut ask = connection
        .prepare("SELECT step, count(*), (min(at) - ?1) / 60000 FROM blocks WHERE target IS NOT NULL GROUP BY step ORDER BY step")
        .unwrap();
    let rows = ask.query_map([BEGIN], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_was_read_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, history) =
        HistoryWriter::start(Place::Folder(folder.path().to_owned()), LIMITS, || (moment(900), at(BEGIN + 9_000_000)))
            .unwrap();
    history.send_blocks(blocks(0..13));
    let standing = Arc::clone(history.standing());
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    let figures = standing.figures();
    // A block a minute of the target and one of the host; the third minute is begun.
    assert_eq!((figures.stored_blocks, figures.buffered_blocks, figures.dropped_blocks), (6, 0, 0));
    let reader = Reader::open(folder.path()).unwrap();
    let readings = reader.samples(SampleFilter {
        target: Some("trader".to_owned()),
        since: Some(BEGIN + 20_000),
        until: Some(BEGIN + 100_000),
    });
    let mut readings = readings.unwrap();
    assert_eq!(readings.metrics(), ["host_memory_used", "open_fds", "rss"]);
    for row in 2..=10 {
        let told = readings.next_row().unwrap().unwrap();
        assert_eq!((told.at, &*told.target, told.slot), (BEGIN + 10_000 * row, "trader", Some(2)));
        assert_eq!(told.cells, [Some(Value::Known(0.5)), Some(open_fds(row)), Some(Value::Known(850e6))], "row {row}");
    }
    assert!(readings.next_row().unwrap().is_none());
}

fn at(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap())
}

#[test]
fn times_and_starts_are_those_of_the_readings() {
    let folder = tempfile::tempdir().unwrap();
    drop(store(folder.path(), 0..20));
    let told = told(folder.path());
    let times: Vec<i64> = told.iter().map(|told| told.at).collect();
    assert_eq!(times, (0..20).map(|row| BEGIN + 10_000 * row).collect::<Vec<_>>());
    assert!(told.iter().all(|told| told.started == Some(BEGIN - 100_000)));
}

/// What a row of nine hours is told as: of the last hour as it was, of two before by the minute, then by ten.
fn left_of(row: i64) -> Value {
    let span = match row / 360 {
        8.. => return open_fds(row),
        6.. => 6,
        _ => 60,
    };
    let mut of = (row / span * span..row / span * span + span).map(open_fds);
    let highest = of.clone().filter_map(Value::number).fold(f64::NEG_INFINITY, f64::max);
    let is_known = |value| matches!(value, Value::Known(_));
    if of.all(is_known) { Value::Known(highest) } else { Value::AtLeast(highest) }
}

#[test]
fn samples_become_fewer_with_age_and_the_highest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 9 * 360;
    let mut store = store(folder.path(), 0..rows);
    let now = BEGIN + rows * 10_000;
    let limits = [HOUR, 3 * HOUR, 6 * HOUR];
    let mut parts = 0;
    while store.thin(limits, now).unwrap() {
        parts += 1;
        assert!(parts < 1000, "it comes to an end");
    }
    drop(store);
    // Every 10 s the last hour; a minute three hours, of which one is that hour; then ten.
    assert_eq!(resolutions(folder.path()), [(10_000, 60, 480), (60_000, 12, 360), (600_000, 2, 120)]);
    let told = told(folder.path());
    assert!(told.is_sorted_by_key(|told| told.at) && told.iter().all(|told| told.at >= BEGIN + 2 * HOUR));
    assert_eq!(told.len(), 7 * 360, "each is told every 10 s");
    for told in told {
        assert_eq!(told.cells[1], Some(left_of((told.at - BEGIN) / 10_000)), "{told:?}");
        assert_eq!(told.cells[2], Some(Value::Known(850e6)));
        assert!(told.started.is_some_and(|started| (started - (BEGIN - 100_000)).abs() < 10));
    }
    let mut store = Store::open(folder.path()).unwrap();
    while store.thin([0; 3], now + DAY).unwrap() {}
    drop(store);
    assert_eq!(resolutions(folder.path()), []);
    assert_eq!(
        raw(folder.path()).query_row("SELECT count(*) FROM metrics", [], |row| row.get::<_, i64>(0)).unwrap(),
        0
    );
}

#[test]
fn a_file_that_is_too_large_loses_fine_samples_before_events() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one", "two"]);
    let mut store = store(folder.path(), 0..6 * 360);
    let now = BEGIN + 6 * HOUR;
    let limits = Limits { size: 1, ..LIMITS };
    assert!(store.prune(limits, now).unwrap());
    let first = resolutions(folder.path());
    assert_eq!((first[0].2, first[1]), (10, (60_000, 1, 0)), "the oldest ten minutes became a row a minute");
    while store.shrink_samples(now).unwrap() {}
    let left = [(10_000, 60, 300), (60_000, 6, 240)];
    assert_eq!(resolutions(folder.path()), left, "the last hour stays, and a window that is not over");
    assert_eq!(texts(folder.path()), ["this history begins here", "one", "two"]);
    store.prune(limits, now).unwrap();
    assert_eq!(texts(folder.path()), ["events 1 to 3 were removed: [history] max_size was reached"]);
    assert!(is_sound(folder.path()));
}

#[test]
fn samples_that_find_no_room_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one"]);
    let other = raw(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (writer, history) = start(folder.path());
    let mut large = blocks(0..6);
    large.iter_mut().for_each(|block| block.bytes.resize(handle::MOST_BYTES / 2, 0));
    history.send_blocks(large.clone());
    history.send_blocks(large);
    let figures = || history.standing().figures();
    assert_eq!((figures().buffered_blocks, figures().dropped_blocks), (2, 2));
    other.execute_batch("ROLLBACK").unwrap();
    until("room", || figures().buffered_blocks == 0);
    history.send_blocks(blocks(0..6));
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert_eq!(resolutions(folder.path())[0].1, 2);
}

#[test]
fn a_block_that_is_damaged_is_passed_over_and_told_and_stops_no_thinning() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), 0..180);
    raw(folder.path()).execute_batch("UPDATE blocks SET data = x'01ff' WHERE id = 1 OR id = 2").unwrap();
    let mut readings = Reader::open(folder.path()).unwrap().samples(SampleFilter::default()).unwrap();
    let rest: Vec<Told> = std::iter::from_fn(|| readings.next_row().unwrap()).collect();
    assert_eq!((rest.len(), rest[0].at), (29 * 6, BEGIN + 60_000), "all but the damaged minute");
    let left_out = readings.left_out().to_string();
    let expected =
        "2 blocks of samples could not be read and are left out: from 2026-03-02T09:30:00Z to 2026-03-02T09:30:50Z";
    assert_eq!(left_out, expected);
    while store.thin([0, DAY, DAY], BEGIN + DAY).unwrap() {}
    let told = told(folder.path());
    assert_eq!(told.len(), 29 * 6, "all but the damaged minute");
}

#[test]
fn a_file_of_before_there_were_samples_has_none_and_gets_some() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), &["one"]);
    raw(folder.path()).execute_batch("DROP TABLE blocks; DROP TABLE metrics").unwrap();
    assert_eq!(told(folder.path()), []);
    drop(store(folder.path(), 0..6));
    assert_eq!(told(folder.path()).len(), 6);
    assert_eq!(texts(folder.path()), ["this history begins here", "one"]);
}

/// Samples are in no chain: what is lost of them must be counted where it is found out.
#[test]
#[expect(clippy::disallowed_methods, reason = "waits for the thread that writes")]
fn blocks_that_cannot_be_read_when_they_become_fewer_are_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    drop(store(folder.path(), 0..120));
    let connection = raw(folder.path());
    let damaged = "UPDATE blocks SET data = x'01ff' WHERE id IN (SELECT id FROM blocks ORDER BY at LIMIT 3)";
    assert_eq!(connection.execute(damaged, []).unwrap(), 3);
    drop(connection);
    let (place, now) = (Place::Folder(folder.path().to_owned()), || (moment(0), at(BEGIN + 48 * HOUR)));
    let (writer, history) = HistoryWriter::start(place, LIMITS, now).unwrap();
    let standing = Arc::clone(history.standing());
    let mut news = Vec::new();
    for _ in 0..3000 {
        news.extend(std::iter::from_fn(|| history.news()));
        if news.iter().any(|(text, _)| text.contains("could not be read")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let (text, bad) = news.iter().find(|(text, _)| text.contains("could not be read")).unwrap();
    assert!(text.starts_with("3 blocks of samples") && *bad, "{text}");
    assert_eq!(standing.figures().damaged_blocks, 3);
    drop(history);
    assert!(writer.finish(Duration::from_secs(60)));
    assert!(told(folder.path()).len() > 100, "the others are there");
}

/// They are newer than all that will come for a year: by their age nothing would ever go.
#[test]
fn samples_of_a_clock_that_was_ahead_make_room_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path(), 0..720);
    let now = BEGIN - 365 * 24 * HOUR;
    let mut parts = 0;
    while store.shrink_samples(now).unwrap() {
        parts += 1;
        assert!(parts < 1000, "it comes to an end");
    }
    drop(store);
    assert_eq!(resolutions(folder.path()), []);
    // Those of the last hour stay, and those that are only a little ahead.
    let folder = tempfile::tempdir().unwrap();
    let mut store = self::store(folder.path(), 0..360);
    assert!(!store.shrink_samples(BEGIN + HOUR / 2).unwrap());
}
