//! What of a series is remembered, and what is taken up of it.

use super::*;
use crate::model::{Base, Metric, PackedValues, SeriesMemory};

/// A nanosecond.
const LEAST: Duration = Duration::from_nanos(1);
const GROWTH: Growth = Growth { height: 400.0, slope: 1.0, bend: 0.25 };

/// Ten minutes of a leak, of a process whose buckets close at a second of its own.
fn leaking() -> Watch {
    let mut watch = Watch::over(600, row(900.0));
    watch.series.begin_at(Moment::from_secs(4_717));
    watch.run(605, |at| 100.0 + at / 2.0);
    watch
}

fn memory(series: &Series) -> Option<SeriesMemory> {
    series.memory(&Metric::plain(Base::OpenFds))
}

/// The daemon that comes next takes that up at `now`.
fn recalled(memory: &SeriesMemory, now: Moment) -> Watch {
    let mut watch = Watch { now, ..Watch::over(600, row(900.0)) };
    watch.series.begin_at(Moment::from_secs(4_717));
    watch.series.recall(memory, now);
    watch
}

/// Whether that is taken up, of what a leak has left.
fn is_taken(change: impl Fn(&mut SeriesMemory, Moment)) -> bool {
    let before = leaking();
    let mut memory = memory(&before.series).unwrap();
    change(&mut memory, before.now);
    recalled(&memory, before.now).series.past.open.is_some()
}

/// What is believed once that growth was remembered.
fn believed(growth: Growth) -> (Option<Option<Growth>>, bool) {
    let before = leaking();
    let left = memory(&before.series).unwrap();
    let left = SeriesMemory { growth: Some(growth), decided: true, repaired: true, ..left };
    let series = recalled(&left, before.now).series;
    (series.past.believed, series.past.repaired)
}

#[test]
fn what_was_remembered_goes_on_as_if_nothing_had_been() {
    let mut through = leaking();
    let mut after = recalled(&memory(&through.series).unwrap(), through.now);
    assert_eq!((after.series.past.open, after.series.closes), (through.series.past.open, through.series.closes));
    assert_eq!((after.series.high.to_bits(), after.series.last), (through.series.high.to_bits(), through.series.last));
    assert!(through.series.past.believed.is_some_and(|growth| growth.is_some()));
    for second in 0..60_u32 {
        let value = Value::Known(402.5 + f64::from(second) / 2.0);
        through.read(value);
        after.read(value);
        assert_eq!(after.series.view(), through.series.view(), "{second} s after");
    }
}

#[test]
fn nothing_is_remembered_before_a_bucket_has_closed() {
    let mut watch = Watch::over(600, row(900.0));
    watch.run(5, |_| 100.0);
    assert_eq!(memory(&watch.series), None);
    watch.run(10, |_| 100.0);
    assert!(memory(&watch.series).is_some());
}

#[test]
fn a_last_reading_is_remembered_where_it_is_a_number() {
    for (value, kept) in [
        (Value::Known(7.0), Some(7.0)),
        (Value::Known(f64::INFINITY), None),
        (Value::Known(f64::NAN), None),
        (Value::AtLeast(7.0), None),
        (Value::Unknown(Unknown::Denied), None),
    ] {
        let mut watch = leaking();
        let at = watch.now;
        watch.read(value);
        assert_eq!(memory(&watch.series).unwrap().last, kept.map(|kept| (at, SECOND, kept)), "{value:?}");
    }
}

#[test]
fn what_is_of_a_time_to_come_is_not_taken_up() {
    assert!(is_taken(|_, _| {}));
    assert!(is_taken(|memory, now| memory.closes = now + BUCKET));
    assert!(!is_taken(|memory, now| memory.closes = now + BUCKET + LEAST));
    assert!(is_taken(|memory, now| memory.last = Some((now, SECOND, 7.0))));
    assert!(!is_taken(|memory, now| memory.last = Some((now + LEAST, SECOND, 7.0))));
    assert!(is_taken(|memory, _| memory.last = None));
}

#[test]
fn what_is_read_more_seldom_than_anything_is_not_taken_up() {
    let day = Duration::from_secs(86_400);
    assert!(is_taken(|memory, now| memory.last = Some((now, day, 7.0))));
    assert!(!is_taken(|memory, now| memory.last = Some((now, day + LEAST, 7.0))));
}

#[test]
fn a_longer_window_gives_a_shorter_one_its_end() {
    let before = leaking();
    let mut left = memory(&before.series).unwrap();
    left.buckets = PackedValues::pack((1..=80_u8).map(f32::from));
    let series = recalled(&left, before.now).series;
    let (young, old) = series.past.ring.split_at(series.past.next);
    let kept: Vec<f32> = old.iter().chain(young).copied().collect();
    assert_eq!(kept, (21..=80_u8).map(f32::from).collect::<Vec<_>>());
}

#[test]
fn a_growth_that_cannot_be_one_is_none() {
    assert_eq!(believed(GROWTH), (Some(Some(GROWTH)), true));
    let level = Growth { bend: 0.0, ..GROWTH };
    assert_eq!(believed(level), (Some(Some(level)), true));
    for growth in [
        Growth { height: f64::INFINITY, ..GROWTH },
        Growth { height: f64::NAN, ..GROWTH },
        Growth { slope: f64::INFINITY, ..GROWTH },
        Growth { slope: f64::NAN, ..GROWTH },
        Growth { slope: 0.0, ..GROWTH },
        Growth { slope: -1.0, ..GROWTH },
        Growth { bend: f64::NEG_INFINITY, ..GROWTH },
        Growth { bend: f64::NAN, ..GROWTH },
    ] {
        assert_eq!(believed(growth), (Some(None), false), "{growth:?}");
    }
}

#[test]
fn only_what_grows_goes_on_from_a_repair() {
    let before = leaking();
    let left = memory(&before.series).unwrap();
    for (repaired, growth, is) in
        [(true, Some(GROWTH), true), (true, None, false), (false, Some(GROWTH), false), (false, None, false)]
    {
        let left = SeriesMemory { repaired, growth, ..left.clone() };
        assert_eq!(recalled(&left, before.now).series.past.repaired, is, "{repaired} {growth:?}");
    }
}

/// What is foretold at the next reading, before a bucket closes.
fn told_at_once(change: impl Fn(&mut SeriesMemory, Moment)) -> ForecastView {
    let before = leaking();
    let mut left = memory(&before.series).unwrap();
    change(&mut left, before.now);
    let mut after = recalled(&left, before.now);
    assert!(after.series.closes > after.now, "a bucket is open");
    after.run(1, |_| 402.5)
}

#[test]
fn what_was_told_is_told_again_with_its_time() {
    let before = leaking().series.view();
    assert_eq!(told_at_once(|_, _| {}), before);
    assert!(before.time_left.number().is_some_and(f64::is_finite));
    assert_eq!(told_at_once(|left, now| left.told = Some(now)).time_left, before.time_left);
    let nothing = Value::Unknown(Unknown::TooShort);
    assert_eq!(told_at_once(|left, _| left.told = None).time_left, nothing);
    assert_eq!(told_at_once(|left, now| left.told = Some(now + LEAST)).time_left, nothing, "of a time to come");
}

#[test]
fn what_is_not_known_any_more_is_not_told_again() {
    let nothing = Value::Unknown(Unknown::TooShort);
    assert_eq!(told_at_once(|left, _| left.decided = false).time_left, nothing);
    let blind = |left: &mut SeriesMemory, _: Moment| {
        let known = left.buckets.unpack().unwrap();
        left.buckets = PackedValues::pack(known.into_iter().skip(1).chain([f32::NAN]));
    };
    assert_eq!(told_at_once(blind).time_left, nothing);
}

#[test]
fn what_is_to_be_told_again_is_remembered_until_it_is() {
    let before = leaking();
    let left = memory(&before.series).unwrap();
    assert_eq!(left.told, Some(before.series.view().at));
    let between = memory(&recalled(&left, before.now).series).unwrap();
    assert_eq!(between, left);
    let mut silent = leaking();
    silent.run(30, |_| f64::NAN);
    assert_eq!(memory(&silent.series).unwrap().told, None, "nothing is foretold");
}
