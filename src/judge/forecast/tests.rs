mod family;
mod figures;
mod kept;
mod properties;
mod series;
mod shapes;
mod table;

use std::time::Duration;

use super::*;
use crate::config::Limit;

const SECOND: Duration = Duration::from_secs(1);
const START: Moment = Moment::from_secs(1_000);

/// Open files with a fatal bound.
fn row(fatal: f64) -> Forecast {
    Forecast { metric: 0, fatal: Some(fatal), limit: Limit::None }
}

/// A series that is read each second.
struct Watch {
    series: Series,
    row: Forecast,
    now: Moment,
}

impl Watch {
    fn over(window: u64, row: Forecast) -> Self {
        Self { series: Series::new(Duration::from_secs(window)), row, now: START }
    }

    fn read(&mut self, value: Value) {
        let reading = Reading { at: self.now, period: SECOND, value };
        self.series.observe(&self.row, &[reading], self.now);
        self.now = self.now + SECOND;
    }

    /// What is foretold after `seconds` of `value`.
    fn run(&mut self, seconds: u32, value: impl Fn(f64) -> f64) -> ForecastView {
        for second in 0..seconds {
            self.read(Value::Known(value(f64::from(second))));
        }
        self.series.view()
    }
}

fn minutes(view: ForecastView) -> f64 {
    view.time_left.number().unwrap_or(f64::NAN) / 60.0
}

#[test]
fn nothing_is_foretold_before_the_window_is_half_full() {
    let mut watch = Watch::over(1800, row(900.0));
    assert_eq!(watch.run(900, |at| 100.0 + at / 10.0).time_left, Value::Unknown(Unknown::TooShort));
    let view = watch.run(30, |at| 190.0 + at / 10.0);
    assert!(view.time_left.number().is_some() && view.end == Some(End::Fatal), "{view:?}");
}

#[test]
fn the_nearer_end_counts() {
    let mut watch = Watch::over(600, Forecast { metric: 0, fatal: Some(900.0), limit: Limit::At(800.0) });
    let view = watch.run(601, |at| 100.0 + at / 6.0);
    assert_eq!(view.end, Some(End::Limit));
    assert!((minutes(view) - 60.0).abs() < 1.0, "{view:?}");
    assert!((view.growth.number().unwrap() - 10.0).abs() < 0.1, "{view:?}");
    let mut watch = Watch::over(600, Forecast { metric: 0, fatal: Some(700.0), limit: Limit::At(800.0) });
    assert_eq!(watch.run(601, |at| 100.0 + at / 6.0).end, Some(End::Fatal));
}

#[test]
fn a_limit_is_read_and_one_that_is_not_known_leaves_the_bound() {
    let readings = |value: f64, limit: Value, at: Moment| {
        [Value::Known(value), limit].map(|value| Reading { at, period: SECOND, value })
    };
    let told = |row: Forecast, limit: Value| {
        let mut series = Series::new(Duration::from_secs(600));
        for second in 0..620_u32 {
            let now = START + SECOND * second;
            series.observe(&row, &readings(100.0 + f64::from(second) / 6.0, limit, now), now);
        }
        series.view()
    };
    let both = Forecast { metric: 0, fatal: Some(900.0), limit: Limit::Read(1) };
    let alone = Forecast { fatal: None, ..both };
    assert_eq!(told(both, Value::Known(500.0)).end, Some(End::Limit));
    assert_eq!(told(both, Value::Unknown(Unknown::Denied)).end, Some(End::Fatal));
    assert_eq!(told(alone, Value::Unknown(Unknown::Denied)).time_left, Value::Unknown(Unknown::Denied));
    assert_eq!(told(alone, Value::Known(f64::INFINITY)).time_left, Value::Known(f64::INFINITY));
}

#[test]
fn a_gap_is_unknown_and_what_was_seen_before_it_still_counts() {
    let mut watch = Watch::over(1800, row(900.0));
    watch.run(1800, |at| 100.0 + at / 10.0);
    for _ in 0..60 {
        watch.read(Value::Unknown(Unknown::Denied));
    }
    assert_eq!(watch.series.view().time_left, Value::Unknown(Unknown::Denied));
    let view = watch.run(60, |at| 286.0 + at / 10.0);
    assert!((minutes(view) - 101.0).abs() < 3.0, "{view:?}");
    // The host was suspended for an hour: nothing of the window is left.
    watch.now = watch.now + SECOND * 3600;
    assert_eq!(watch.run(60, |_| 300.0).time_left, Value::Unknown(Unknown::TooShort));
}

#[test]
fn a_lower_bound_says_nothing_about_growth() {
    let mut watch = Watch::over(600, row(900.0));
    for second in 0..1200_u32 {
        watch.read(Value::AtLeast(f64::from(second)));
    }
    assert_eq!(watch.series.view().time_left, Value::Unknown(Unknown::TooShort));
}

#[test]
fn what_is_read_more_seldom_than_a_bucket_has_no_gaps() {
    let mut series = Series::new(Duration::from_secs(1800));
    for second in 0..2400_u32 {
        let (now, read) = (START + SECOND * second, second / 25 * 25);
        let value = Value::Known(100.0 + f64::from(read) / 10.0);
        let reading = Reading { at: START + SECOND * read, period: SECOND * 25, value };
        series.observe(&row(900.0), &[reading], now);
    }
    let left = minutes(series.view());
    assert!((left - 93.0).abs() < 3.0, "{left}");
}

#[test]
fn a_repair_leaves_more_time_at_once_though_the_leak_goes_on() {
    // 0.5 a second from 100; at 600 most of it is given back.
    let mut leak = Watch::over(600, row(900.0));
    let before = leak.run(1_000, |second| 0.5_f64.mul_add(second, 100.0)).time_left.number().unwrap();
    assert!((before - 600.0).abs() < 30.0, "{before}");
    let after = leak.run(30, |second| 0.5_f64.mul_add(second, 95.0)).time_left.number().unwrap();
    assert!(after > 1_400.0, "{after}");
}

#[test]
fn a_series_takes_a_kilobyte() {
    let series = Series::new(Duration::from_secs(1800));
    let size = size_of_val(&series) + size_of_val(&*series.past) + size_of_val(&*series.past.ring);
    assert!(size <= 1024, "{size}");
}

#[test]
fn it_clears_after_a_repair_and_when_the_growth_stops() {
    let leaking = || {
        let mut watch = Watch::over(1800, row(900.0));
        assert!(minutes(watch.run(2400, |at| 100.0 + at / 10.0)) < 100.0);
        watch
    };
    let mut repaired = leaking();
    assert!(repaired.run(90, |_| 95.0).time_left.number().unwrap().is_infinite());
    let mut stopped = leaking();
    assert!(stopped.run(300, |_| 340.0).time_left.number().unwrap().is_infinite());
}

#[test]
fn what_is_at_its_end_has_no_time_left() {
    let mut watch = Watch::over(600, row(300.0));
    assert_eq!(watch.run(700, |_| 300.0).time_left, Value::Known(0.0));
}

#[test]
fn a_kill_is_confirmed_only_while_the_metric_is_where_it_was() {
    let mut watch = Watch::over(1800, row(900.0));
    watch.run(2400, |at| 100.0 + at / 10.0);
    let leads = |value: f64, of: (Derived, f64)| watch.series.still_leads(value, of);
    assert!(leads(340.0, (Derived::TimeLeft, 7200.0)) && !leads(340.0, (Derived::TimeLeft, 600.0)));
    assert!(!leads(100.0, (Derived::TimeLeft, 7200.0)), "it was repaired in between");
    assert!(leads(340.0, (Derived::Growth, 5.0)) && !leads(100.0, (Derived::Growth, 5.0)));
    assert!(!leads(340.0, (Derived::Growth, 7.0)));
}

#[test]
fn another_window_takes_over_what_was_seen() {
    let mut watch = Watch::over(1800, row(900.0));
    let before = watch.run(2400, |at| 100.0 + at / 10.0);
    for window in [600, 1800, 3000] {
        let mut other =
            Watch { series: watch.series.over(Duration::from_secs(window)), ..Watch::over(600, row(900.0)) };
        other.now = watch.now;
        let after = other.run(11, |at| 340.0 + at / 10.0);
        assert!((minutes(after) - minutes(before)).abs() < 2.0, "{window}: {before:?} {after:?}");
    }
}

#[test]
fn what_becomes_slower_and_slower_does_not_come_to_where_it_ends() {
    // From 100 to 800 within an hour, and slower all the time: at 756 after 45 minutes.
    let mut watch = Watch::over(1800, row(900.0));
    let view = watch.run(2_700, |at| (1.0 - (1.0 - at / 3_600.0).powi(2)).mul_add(700.0, 100.0));
    assert!(view.growing.is_some(), "{view:?}");
    assert!(view.time_left.number().unwrap().is_infinite(), "{view:?}");
}

#[test]
fn members_close_their_buckets_at_times_of_their_own() {
    let mut series = Series::new(Duration::from_secs(600));
    series.begin_at(Moment::from_secs(4_711));
    let mut closed = Vec::new();
    for second in 0..30_u32 {
        let now = START + SECOND * second;
        series.observe(&row(900.0), &[Reading { at: now, period: SECOND, value: Value::Known(1.0) }], now);
        if closed.last() != Some(&series.view().at) {
            closed.push(series.view().at);
        }
    }
    assert_eq!(closed, [START, START + SECOND, START + 11 * SECOND, START + 21 * SECOND]);
}
