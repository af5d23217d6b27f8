use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::cell::{Bytes, Cell, pack, unpack};
use super::{Folding, Hour, LastHour, Unpacking};
use crate::config::{Config, Target};
use crate::model::{
    Base, BootId, GroupSample, Identity, MemberKey, MemberSample, Metric, Moment, Pid, Reading, Sample, Unknown, Value,
};

/// As it is kept: what is not whole is there to a millionth.
fn kept(value: Value) -> Value {
    let parts = |number: f64| if number.abs() < 9e9 { (number * 1e6).round() / 1e6 } else { number };
    match value {
        Value::Known(number) if number.is_nan() => Value::Unknown(Unknown::Malformed),
        Value::AtLeast(number) if number.is_nan() => Value::Unknown(Unknown::Malformed),
        Value::Known(number) if number.fract() != 0.0 => Value::Known(parts(number)),
        Value::AtLeast(number) if number.fract() != 0.0 => Value::AtLeast(parts(number)),
        Value::Known(_) | Value::AtLeast(_) | Value::Unknown(_) => value,
    }
}

fn value() -> impl Strategy<Value = Value> {
    let unknown = prop_oneof![
        Just(Unknown::Gone),
        Just(Unknown::Denied),
        Just(Unknown::Malformed),
        Just(Unknown::Overdue),
        Just(Unknown::TooShort)
    ];
    let number = prop_oneof![
        (0..5000_u32).prop_map(f64::from),
        (0..1_u64 << 40).prop_map(|pages| (pages * 4096) as f64),
        (0..1000_u32).prop_map(|permille| f64::from(permille) / 1000.0),
        0.0..1e300,
        any::<f64>(),
        Just(0.0),
        Just(f64::INFINITY),
        Just(9_007_199_254_740_992.0),
        Just(-9_007_199_254_740_992.0),
    ];
    prop_oneof![
        1 => unknown.prop_map(Value::Unknown),
        4 => number.clone().prop_map(Value::Known),
        1 => number.prop_map(Value::AtLeast),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_that_is_packed_is_unpacked(rows in (0..30_usize).prop_flat_map(|metrics| {
        proptest::collection::vec(proptest::collection::vec(proptest::option::of(value()), metrics), 1..8)
    })) {
        let metrics = rows[0].len();
        let (mut bytes, mut before) = (Vec::new(), vec![Cell::NOTHING; metrics]);
        let mut cells = Vec::new();
        for row in &rows {
            let now: Vec<Cell> = row.iter().zip(&before)
                .map(|(value, before)| value.map_or(Cell::NOTHING, |value| Cell::of(value, *before))).collect();
            pack(&mut bytes, &before, &now);
            cells.push(now.clone());
            before = now;
        }
        let (mut rest, mut read) = (Bytes(&bytes), vec![Cell::NOTHING; metrics]);
        for (row, cells) in rows.iter().zip(&cells) {
            unpack(&mut rest, &mut read).unwrap();
            prop_assert_eq!(&read, cells);
            for (cell, value) in read.iter().zip(row) {
                prop_assert_eq!(cell.value(), value.map(kept));
            }
        }
        prop_assert!(rest.0.is_empty());
    }

    #[test]
    fn garbage_is_no_row_or_one_that_can_be_packed(garbage in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut cells = vec![Cell::NOTHING; 12];
        let mut bytes = Bytes(&garbage);
        while unpack(&mut bytes, &mut cells).is_some() && !bytes.0.is_empty() {}
        let mut packed = Vec::new();
        pack(&mut packed, &[Cell::NOTHING; 12], &cells);
        let mut again = vec![Cell::NOTHING; 12];
        unpack(&mut Bytes(&packed), &mut again).unwrap();
        prop_assert_eq!(again, cells);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_minute_that_is_packed_is_unpacked(rows in proptest::collection::vec(
        proptest::collection::btree_map(0..5_u32, (40..43_i32, value()), 0..5), 1..12)
    ) {
        let mut hour = Hour::new(config());
        let mut blocks = Vec::new();
        for (row, seats) in (0_u64..).zip(&rows) {
            let at = Moment::from_secs(row * 10);
            let of = |(slot, (pid, value)): (&u32, &(i32, Value))| member(seat(0, *slot), *pid, at, *value);
            blocks.extend(hour.keep(&sample(at, seats.iter().map(of).collect()), at));
        }
        blocks.extend(hour.seal());
        let mut read = vec![std::collections::BTreeMap::new(); rows.len()];
        for block in blocks.iter().filter(|block| block.target.as_deref() == Some("trader")) {
            let mut unpacking = Unpacking::of(&block.bytes).unwrap();
            while let Some(offset) = unpacking.next_row().unwrap() {
                let row = usize::try_from((block.first.as_nanos() / 1_000_000 + offset) / 10_000).unwrap();
                for (whom, mut values) in unpacking.members() {
                    read[row].insert(whom.slot.unwrap(), (whom.pid, values.next().flatten().unwrap()));
                }
            }
        }
        let expected: Vec<_> = rows.into_iter()
            .map(|row| row.into_iter().map(|(slot, (pid, value))| (slot, (pid, kept(value)))).collect()).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn garbage_is_no_block_or_one_that_can_be_folded(garbage in proptest::collection::vec(any::<u8>(), 0..120)) {
        let bytes: Vec<u8> = [1, 3].into_iter().chain(garbage).collect();
        let mut folding = Folding::of(3, 0);
        let whole = folding.add(0, &bytes).is_ok();
        let folded = folding.finish();
        prop_assert_eq!(folded.is_some(), whole);
        if let Some((_, bytes)) = folded {
            let mut unpacking = Unpacking::of(&bytes).unwrap();
            prop_assert_eq!(unpacking.next_row().unwrap(), Some(0));
            prop_assert_eq!(unpacking.next_row().unwrap(), None);
        }
    }
}

#[test]
fn a_share_is_the_one_that_is_written_in_a_bound() {
    for share in [0.9, 0.85, 0.806, 1.0, 0.000_001] {
        assert_eq!(Cell::of(Value::Known(share), Cell::NOTHING).value(), Some(Value::Known(share)));
    }
}

fn config() -> Arc<Config> {
    let metrics = |bases: &[Base]| bases.iter().map(|base| Metric::plain(*base)).collect::<Vec<_>>();
    let target = |name: &str| Target {
        name: name.into(),
        metrics: metrics(&[Base::OpenFds, Base::HostSwapUsed, Base::Rss, Base::FdUsage]),
        ..Target::default()
    };
    let mut config = Config { targets: vec![target("trader"), target("gateway")], ..Config::default() };
    config.host.metrics = metrics(&[Base::HostMemoryUsed]);
    Arc::new(config)
}

const fn seat(target: u16, slot: u32) -> MemberKey {
    MemberKey { target, slot }
}

fn identity(pid: i32) -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(pid).unwrap(), start_ticks: 7, pidfs_inode: None }
}

fn readings(at: Moment, values: &[Value]) -> Vec<Reading> {
    values.iter().map(|value| Reading { at, period: Duration::from_secs(1), value: *value }).collect()
}

fn member(key: MemberKey, pid: i32, at: Moment, open_fds: Value) -> MemberSample {
    let rest = [Value::Known(0.5), Value::Known(850e6), Value::Unknown(Unknown::Denied)];
    let values: Vec<Value> = std::iter::once(open_fds).chain(rest).collect();
    let (started, first_seen) = (Moment::from_secs(1), Moment::from_secs(2));
    MemberSample { member: key, identity: identity(pid), started, first_seen, readings: readings(at, &values) }
}

fn sample(at: Moment, members: Vec<MemberSample>) -> Sample {
    Sample { members, groups: Vec::new(), host: readings(at, &[Value::Known(0.6)]) }
}

fn open_fds(hour: &LastHour) -> Vec<(u64, Value)> {
    let of = hour.series(&Metric::plain(Base::OpenFds));
    of.into_iter().map(|(at, value)| (at.as_nanos() / 1_000_000_000, value)).collect()
}

#[test]
fn every_ten_seconds_everything_that_is_read_is_kept() {
    let mut hour = Hour::new(config());
    for second in 100..150 {
        let at = Moment::from_secs(second);
        let mut sample = sample(at, vec![member(seat(0, 3), 40, at, Value::Known(second as f64))]);
        sample.groups.push(GroupSample { target: 1, readings: readings(at, &[Value::AtLeast(9.0)]) });
        hour.keep(&sample, at);
    }
    let trader = hour.of(seat(0, 3)).unwrap();
    let expected: Vec<(u64, Value)> = [100, 110, 120, 130, 140].map(|at| (at, Value::Known(at as f64))).to_vec();
    assert_eq!(open_fds(&trader), expected);
    assert_eq!(trader.lives().len(), 1);
    let names: Vec<String> = trader.metrics().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["open_fds", "rss", "fd_usage"], "what is the host's is kept with the host");
    assert_eq!(trader.columns()[2], [Some(Value::Unknown(Unknown::Denied)); 5]);
    let group = hour.of(MemberKey::all_of(1)).unwrap();
    assert_eq!(open_fds(&group)[0], (100, Value::AtLeast(9.0)));
    assert_eq!(group.columns()[1], [None; 5], "it was never read");
    let host = hour.of_host().unwrap().series(&Metric::plain(Base::HostMemoryUsed));
    assert_eq!((host.len(), host[4].1), (5, Value::Known(0.6)));
    assert!(hour.of(seat(0, 4)).is_none() && hour.of(seat(9, 0)).is_none());
}

#[test]
fn a_restart_goes_on_in_the_same_seat_with_a_gap() {
    let mut hour = Hour::new(config());
    for (second, pid) in [(10, Some(40)), (20, None), (30, None), (40, Some(41))] {
        let at = Moment::from_secs(second);
        let members = pid.map(|pid| member(seat(0, 0), pid, at, Value::Known(second as f64)));
        hour.keep(&sample(at, members.into_iter().collect()), at);
    }
    let trader = hour.of(seat(0, 0)).unwrap();
    assert_eq!(open_fds(&trader), [(10, Value::Known(10.0)), (40, Value::Known(40.0))]);
    assert_eq!(trader.columns()[0][1..3], [None, None]);
    let lives: Vec<(i32, Moment)> = trader.lives().iter().map(|life| (life.identity.pid.get(), life.since)).collect();
    assert_eq!(lives, [(40, Moment::from_secs(10)), (41, Moment::from_secs(40))]);
}

#[test]
fn an_hour_is_kept_and_no_more_and_who_left_is_forgotten() {
    let mut hour = Hour::new(config());
    let rows = 3 * 360;
    for row in 0..rows {
        let at = Moment::from_secs(row * 10);
        let mut members = vec![member(seat(0, 1), 40, at, Value::Known(row as f64 % 77.0))];
        if row < rows - 400 {
            members.push(member(seat(0, 2), 41, at, Value::Known(1.0)));
        }
        hour.keep(&sample(at, members), at);
        if row % 53 != 0 {
            continue;
        }
        let kept = hour.of(seat(0, 1)).unwrap();
        let all = open_fds(&kept);
        assert!(all.len() as u64 >= (row + 1).min(360) && all.len() < 360 + 80, "row {row}: {}", all.len());
        assert!(
            all.iter()
                .rev()
                .zip((0..=row).rev())
                .all(|((at, value), row)| { (*at, *value) == (row * 10, Value::Known(row as f64 % 77.0)) })
        );
    }
    assert!(hour.of(seat(0, 2)).is_none());
    assert!(hour.of_host().is_some());
}

#[test]
fn a_reload_keeps_the_hour_of_whoever_is_read_as_before() {
    let before = config();
    let mut hour = Hour::new(Arc::clone(&before));
    let keep = |hour: &mut Hour, second: u64, target: u16| {
        let at = Moment::from_secs(second);
        hour.keep(&sample(at, vec![member(seat(target, 0), 40, at, Value::Known(second as f64))]), at);
    };
    keep(&mut hour, 10, 1);
    let mut after = Config::clone(&before);
    after.targets.remove(0);
    hour.reconfigure(Arc::new(after.clone()));
    keep(&mut hour, 20, 0);
    assert_eq!(open_fds(&hour.of(seat(0, 0)).unwrap()), [(10, Value::Known(10.0)), (20, Value::Known(20.0))]);
    after.targets[0].metrics.push(Metric::plain(Base::Threads));
    hour.reconfigure(Arc::new(after));
    assert!(hour.of(seat(0, 0)).is_none() && hour.of_host().is_some());
}

/// What an hour of a crowd takes for each of it, in bytes.
#[derive(Debug)]
struct Takes {
    memory: usize,
    /// On disk, 10 s apart.
    disk: usize,
    /// The same once it is a minute apart.
    thinned: usize,
}

/// Processes of whom every metric is read; of a busy one a third of these change in each row.
fn an_hour_of(count: u32, is_busy: impl Fn(u32) -> bool) -> Takes {
    let metrics: Vec<Metric> = crate::model::METRICS.iter().map(|row| Metric::plain(row.base)).collect();
    let mut config = Config::clone(&config());
    config.targets[0].metrics = metrics.clone();
    let mut hour = Hour::new(Arc::new(config));
    let value = |slot: u32, row: u64, at: usize| {
        let noise = (row * 7919 + at as u64 * 104_729 + u64::from(slot)) % 97;
        let noise = if is_busy(slot) && at.is_multiple_of(3) { 4096 * noise } else { 0 };
        Value::Known(((1 + at as u64) * 1_000_000 + noise) as f64)
    };
    let mut blocks = Vec::new();
    for row in 0..360 {
        let at = Moment::from_secs(row * 10);
        let members = (0..count).map(|slot| MemberSample {
            readings: readings(at, &(0..metrics.len()).map(|at| value(slot, row, at)).collect::<Vec<_>>()),
            ..member(seat(0, slot), 40, at, Value::Known(0.0))
        });
        blocks.extend(hour.keep(&sample(at, members.collect()), at));
    }
    blocks.extend(hour.seal());
    blocks.retain(|block| block.target.is_some());
    let kept = blocks[0].names.split(' ').count();
    let windows = blocks.chunks(10).map(|window| {
        let mut folding = Folding::of(kept, 0);
        for (minute, block) in (0..).zip(window) {
            folding.add(60_000 * minute, &block.bytes).unwrap();
        }
        folding.finish().unwrap().1.len()
    });
    let of_each = |bytes: usize| bytes / count as usize;
    Takes {
        memory: of_each(hour.room()),
        disk: of_each(blocks.iter().map(|block| block.bytes.len()).sum()),
        thinned: of_each(windows.sum()),
    }
}

/// What docs/history.md says is measured here.
#[test]
fn an_hour_takes_what_is_written_of_it() {
    let about = |is: usize, said: usize| assert!(is.abs_diff(said) * 10 < said, "{is}, and not {said}");
    let (steady, busy) = (an_hour_of(10, |_| false), an_hour_of(10, |_| true));
    about(steady.memory, 900);
    about(busy.memory, 10_700);
    let day = |each: fn(&Takes) -> usize| (each(&steady) + each(&busy)) * 5 * 24;
    about(day(|takes| takes.disk), 2_900_000);
    about(day(|takes| takes.thinned), 380_000);
}

/// A crowd of a thousand has room for its hour; of a larger one the hour is shorter.
#[test]
fn a_thousand_busy_processes_have_room_for_their_hour() {
    // Each takes the same, and all of them a while in a development build.
    let takes = an_hour_of(40, |slot| slot.is_multiple_of(2));
    assert!(takes.memory < super::ROOM / 1000, "{takes:?}");
}
