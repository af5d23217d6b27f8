//! What a series keeps, what it believes, and what it needs for that.

use super::*;

const GROWTH: Growth = Growth { height: 400.0, slope: 1.0, bend: 0.25 };
const CALM: Trend = Trend::Steady { slope: 0.0 };

/// Ten minutes in which 60 buckets had those values; 400 where there is none.
fn kept(values: &[f32]) -> Series {
    let mut series = Series::new(SECOND * 600);
    (values.len()..60).for_each(|_| series.keep(400.0));
    values.iter().for_each(|value| series.keep(*value));
    series
}

/// The same, and such growth is believed.
fn believing(growth: Growth, values: &[f32]) -> Series {
    let mut series = kept(values);
    series.past.believed = Some(Some(growth));
    series
}

/// What it would look at.
fn points(series: &Series) -> Vec<(f64, f64)> {
    let mut points = [Point::default(); MOST];
    let count = series.points(&mut points);
    points[..count].iter().map(|point| (point.at, point.value)).collect()
}

fn read(at: Moment, value: f64) -> Reading {
    Reading { at, period: SECOND, value: Value::Known(value) }
}

#[test]
fn half_of_the_window_is_enough_and_one_bucket_less_is_not() {
    let mut watch = Watch::over(600, row(900.0));
    // The bucket of the last ten seconds is closed by the next reading.
    assert_eq!(watch.run(300, |at| 100.0 + at).time_left, Value::Unknown(Unknown::TooShort));
    assert!(watch.run(1, |_| 400.0).time_left.number().is_some());
}

#[test]
fn long_windows_are_looked_at_by_the_highest_of_several_buckets_the_last_of_them_whole() {
    let mut series = Series::new(SECOND * 1810);
    (1..=181_u8).for_each(|bucket| series.keep(f32::from(bucket)));
    let seen = points(&series);
    assert_eq!((seen.len(), seen[0], seen[1], seen[90]), (91, (10.0, 1.0), (30.0, 3.0), (1810.0, 181.0)));
    assert_eq!(series.window(), SECOND * 1810);
    series.keep(200.0);
    let seen = points(&series);
    assert_eq!((seen[0], seen[1], seen[90]), ((10.0, 2.0), (30.0, 4.0), (1810.0, 200.0)));
    let mut even = Series::new(SECOND * 3600);
    (1..=180_u8).for_each(|bucket| even.keep(f32::from(bucket)));
    let seen = points(&even);
    assert_eq!((seen.len(), seen[0], seen[89]), (90, (1820.0, 2.0), (3600.0, 180.0)), "nothing is known of the first");
}

#[test]
fn another_window_shows_the_same_buckets() {
    let mut series = Series::new(SECOND * 1200);
    (1..=150_u8).for_each(|bucket| series.keep(f32::from(bucket)));
    let values = |series: &Series| points(series).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    let seen = values(&series);
    assert_eq!((seen.len(), seen[0], seen[119]), (120, 31.0, 150.0));
    for minutes in [5, 10, 20, 25] {
        let other = series.over(SECOND * 60 * minutes);
        assert_eq!(other.window(), SECOND * 60 * minutes);
        let first = 120_usize.saturating_sub(6 * usize::try_from(minutes).unwrap());
        assert_eq!(values(&other), seen[first..], "{minutes} min");
        assert!(near(other.newest(), 150.0), "{minutes} min");
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}

#[test]
fn a_longer_window_is_half_full_later() {
    let mut watch = Watch::over(600, row(900.0));
    assert!(watch.run(601, |at| 100.0 + at / 6.0).time_left.number().is_some());
    watch.series = watch.series.over(SECOND * 1800);
    assert_eq!(watch.run(20, |_| 200.0).time_left, Value::Unknown(Unknown::TooShort));
}

#[test]
fn buckets_close_at_the_second_of_the_start() {
    let mut series = Series::new(SECOND * 600);
    series.begin_at(Moment::from_secs(4_713));
    let closed = |series: &mut Series, second: u32| {
        let now = START + SECOND * second;
        series.observe(&row(900.0), &[read(now, 1.0)], now);
        series.view().at
    };
    assert_eq!(closed(&mut series, 0), START);
    assert_eq!([2, 3, 12, 13].map(|second| closed(&mut series, second)), [0, 3, 3, 13].map(|s| START + SECOND * s));
}

#[test]
fn a_reading_that_is_there_still_is_no_new_one() {
    let mut watch = Watch::over(600, row(900.0));
    watch.run(290, |at| 100.0 + at);
    let stale = read(watch.now, 390.0);
    for _ in 0..300 {
        watch.series.observe(&watch.row, &[stale], watch.now);
        watch.now = watch.now + SECOND;
    }
    assert_eq!(watch.series.view().time_left, Value::Unknown(Unknown::Overdue));
    assert_eq!(points(&watch.series).len(), 30, "what was not read is not known");
}

#[test]
fn what_is_late_by_three_periods_is_not_overdue_yet() {
    let overdue = |period: u64, after: u64| {
        let period = Duration::from_millis(period);
        is_overdue(&Reading { period, ..read(START, 1.0) }, START + Duration::from_millis(after))
    };
    assert!(!overdue(1_000, 3_000) && overdue(1_000, 3_001));
    // Two seconds at least.
    assert!(!overdue(100, 2_000) && overdue(100, 2_001));
    assert!(!overdue(10_000, 2_001));
}

#[test]
fn what_is_too_high_for_any_number_is_not_known() {
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e39] {
        assert!(value_of(&read(START, value)).is_nan(), "{value}");
    }
    assert!(value_of(&read(START, 1e38)) > 9e37);
    assert!(value_of(&Reading { value: Value::AtLeast(1.0), ..read(START, 0.0) }).is_nan());
}

#[test]
fn growth_is_alike_up_to_half_as_much_again() {
    for (one, other) in [(1.0, 1.0), (1.0, 1.4), (0.2, 0.29), (10.0, 14.0)] {
        assert!(is_alike(one, other) && is_alike(other, one), "{one} {other}");
    }
    for (one, other) in [(1.0, 1.5), (0.2, 0.5), (0.2, 0.31), (10.0, 16.0)] {
        assert!(!is_alike(one, other) && !is_alike(other, one), "{one} {other}");
    }
}

#[test]
fn what_says_otherwise_is_believed_after_a_minute() {
    let mut series = believing(GROWTH, &[]);
    for _ in 0..6 {
        assert!(series.believe(CALM, 400.0).is_some());
    }
    assert_eq!(series.believe(CALM, 400.0), None, "the seventh bucket");
    // And growth where there was none.
    for _ in 0..6 {
        assert_eq!(series.believe(Trend::Growing(GROWTH), 400.0), None);
    }
    assert_eq!(series.believe(Trend::Growing(GROWTH), 400.0), Some(GROWTH));
    // One that agrees ends the doubt.
    for _ in 0..6 {
        series.believe(CALM, 400.0);
    }
    series.believe(Trend::Growing(GROWTH), 400.0);
    assert!(series.believe(CALM, 400.0).is_some());
}

#[test]
fn while_it_is_doubted_growth_goes_on_from_where_it_is() {
    let straight = Growth { bend: 0.0, ..GROWTH };
    assert_eq!(believing(GROWTH, &[]).believe(CALM, 420.0), Some(Growth { height: 420.0, ..straight }));
    assert_eq!(believing(GROWTH, &[]).believe(CALM, 390.0), Some(straight), "where its peaks were");
    let sudden = Growth { height: 410.0, slope: 3.0, bend: 0.0 };
    assert_eq!(
        believing(GROWTH, &[]).believe(Trend::Growing(sudden), 410.0),
        Some(Growth { height: 410.0, ..straight })
    );
    let faster = Growth { slope: 1.4, ..sudden };
    assert_eq!(believing(GROWTH, &[]).believe(Trend::Growing(faster), 410.0), Some(faster), "that is not sudden");
}

#[test]
fn what_has_lost_more_than_a_quarter_was_repaired() {
    let after = |newest: f64| believing(GROWTH, &[290.0]).believe(CALM, newest);
    assert!(after(300.0).is_some(), "a quarter is doubted");
    assert_eq!(after(299.0), None);
}

#[test]
fn a_leak_goes_on_from_where_a_repair_has_left_it() {
    // Three quarters of 380 are 285: the least of the last two hundred seconds before.
    let after = |newest: f64| {
        let mut series = believing(GROWTH, &[380.0, 400.0, 400.0, 280.0]);
        (series.believe(Trend::Growing(GROWTH), newest).unwrap(), series)
    };
    let (growth, mut series) = after(284.0);
    assert_eq!(growth, Growth { height: 284.0, bend: 0.0, ..GROWTH });
    // It stays so while it is low, although what was before it is a repaired one too by now.
    series.keep(284.0);
    series.keep(290.0);
    assert_eq!(series.believe(Trend::Growing(GROWTH), 290.0).unwrap().height, 290.0);
    // And where nothing grows any more there is nothing to doubt.
    assert_eq!(series.believe(CALM, 290.0), None);
    assert_eq!(after(285.0).0, GROWTH, "three quarters are left");
    // Nor is three quarters of its own height low, however high it was of late.
    let mut high = believing(GROWTH, &[420.0; 30]);
    assert_eq!(high.believe(Trend::Growing(GROWTH), 300.0), Some(GROWTH));
    // As low as it was of late, it is a tooth.
    let mut tooth = believing(GROWTH, &[200.0, 400.0, 400.0, 210.0]);
    assert_eq!(tooth.believe(Trend::Growing(GROWTH), 210.0), Some(GROWTH));
}

#[test]
fn of_late_is_the_last_third_of_the_window_but_the_newest_bucket() {
    let lowest = |values: &[f32]| kept(values).lowest_of_late();
    let mut values = [300.0; 22];
    (values[0], values[21]) = (100.0, 50.0);
    assert!(near(lowest(&values), 300.0), "the twenty-first before the newest is long ago");
    values[1] = 200.0;
    assert!(near(lowest(&values), 200.0), "the twentieth is not");
    values[5] = f32::NAN;
    assert!(near(lowest(&values), 200.0), "unknown is not zero");
}

#[test]
fn nothing_is_believed_over_a_long_gap_and_no_kill_confirmed_by_it() {
    let mut watch = Watch::over(1800, row(900.0));
    watch.run(2400, |at| 100.0 + at / 10.0);
    assert!(watch.series.still_leads(340.0, (Derived::TimeLeft, 7200.0)));
    for _ in 0..1200 {
        watch.read(Value::Unknown(Unknown::Denied));
    }
    assert!(!watch.series.still_leads(340.0, (Derived::TimeLeft, 7200.0)));
    assert!(!watch.series.still_leads(340.0, (Derived::Growth, 5.0)));
}

#[test]
fn a_kill_for_growth_is_confirmed_where_nine_tenths_are_there_still() {
    let series = believing(GROWTH, &[400.0]);
    let leads = |fresh: f64, bound: f64| series.still_leads(fresh, (Derived::Growth, bound));
    assert!(leads(360.0, 60.0) && leads(400.0, 60.0), "at its bound of one a second");
    assert!(!leads(359.9, 60.0) && !leads(400.0, 60.1));
    assert!(!kept(&[400.0]).still_leads(400.0, (Derived::Growth, 0.0)), "nothing is believed");
}

#[test]
fn where_both_ends_are_as_near_it_is_the_operators_own() {
    let left = |fatal, limit| Ends { fatal: Some(fatal), limit: Some(Ok(limit)) }.left(400.0, Some(GROWTH)).1;
    assert_eq!(left(800.0, 800.0), Some(End::Fatal));
    assert_eq!(left(800.0, 799.0), Some(End::Limit));
    assert_eq!(left(800.0, 801.0), Some(End::Fatal));
}

#[test]
fn no_kill_is_confirmed_before_half_of_the_window_was_seen() {
    let mut watch = Watch::over(600, row(900.0));
    watch.run(300, |at| 100.0 + at);
    assert!(!watch.series.still_leads(399.0, (Derived::Growth, 30.0)));
    watch.run(1, |_| 400.0);
    assert!(watch.series.still_leads(399.0, (Derived::Growth, 30.0)));
}
