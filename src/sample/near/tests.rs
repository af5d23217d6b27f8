//! When a bound is near, and when it is not.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::{self, Config, Source};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Arc<Config> {
    let text = "[target.leaky]\nmatch = { comm = 'x' }\n[target.leaky.thresholds]\n\
                open_fds = { elevated = 300, warning = 600 }\n";
    Arc::new(config::parse(vec![Source::new("watchdog.toml", text)]).unwrap())
}

fn bounds() -> Bounds {
    let config = config();
    let target = &config.targets[0];
    let at = target.metrics.iter().position(|metric| metric.to_string() == "open_fds").unwrap();
    Bounds::of(target, at).unwrap()
}

fn reading(at: Duration, value: f64) -> Reading {
    Reading { at: Moment::default() + at, period: SECOND, value: Value::Known(value) }
}

/// How soon it is to be read after the last of `values`, a second apart.
fn after(values: &[f64]) -> Option<Duration> {
    let (bounds, mut trail) = (bounds(), Trail::default());
    let read = |(at, value): (u32, &f64)| bounds.near(&mut trail, &reading(SECOND * at, *value), SECOND);
    (1..).zip(values).map(read).last().flatten()
}

#[test]
fn what_stands_still_or_falls_is_not_near_however_near_it_is() {
    assert_eq!(after(&[299.0]), None);
    assert_eq!(after(&[299.0, 299.0, 299.0]), None);
    assert_eq!(after(&[299.0, 290.0]), None);
}

#[test]
fn a_bound_that_could_be_reached_within_three_intervals_is_near() {
    // 30 a second, 90 away: just three.
    assert_eq!(after(&[180.0, 210.0]), None);
    assert_eq!(after(&[190.0, 220.0]).unwrap().as_millis(), 888);
    assert_eq!(after(&[260.0, 290.0]).unwrap().as_millis(), 111);
}

#[test]
fn past_a_bound_the_next_one_counts_and_past_the_last_none() {
    assert_eq!(after(&[280.0, 310.0]), None);
    assert_eq!(after(&[580.0, 590.0]).unwrap().as_millis(), 333);
    assert_eq!(after(&[580.0, 610.0]), None);
}

#[test]
fn growth_of_late_is_remembered_for_a_while() {
    let mut values = vec![200.0, 250.0];
    assert!(after(&values).is_some());
    values.extend([250.0; 10]);
    assert!(after(&values).is_some(), "it grew by 50 in a second not long ago");
    values.extend([250.0; 60]);
    assert_eq!(after(&values), None);
}

#[test]
fn what_was_unknown_in_between_has_not_grown() {
    let (bounds, mut trail) = (bounds(), Trail::default());
    bounds.near(&mut trail, &reading(SECOND, 10.0), SECOND);
    let unknown = Reading { value: Value::Unknown(crate::model::Unknown::Overdue), ..reading(2 * SECOND, 0.0) };
    assert_eq!(bounds.near(&mut trail, &unknown, SECOND), None);
    assert_eq!(bounds.near(&mut trail, &reading(3 * SECOND, 290.0), SECOND), None);
}

#[test]
fn a_metric_without_bounds_has_none() {
    let config = config();
    let target = &config.targets[0];
    let count = (0..target.metrics.len()).filter(|&at| Bounds::of(target, at).is_some()).count();
    assert_eq!(count, 1);
}

proptest! {
    #[test]
    fn it_is_read_before_a_steady_leak_is_past_its_bound(start in 0.0..299.0_f64, rate in 0.1..200.0_f64) {
        let (bounds, mut trail) = (bounds(), Trail::default());
        let mut at = SECOND;
        let mut value = start;
        // Until the reading that finds it past the bound.
        while value < 300.0 {
            let wait = bounds.near(&mut trail, &reading(at, value), SECOND).unwrap_or(SECOND);
            let wait = wait.clamp(Duration::from_millis(100), SECOND);
            at += wait;
            value += rate * wait.as_secs_f64();
        }
        let late = (value - 300.0) / rate;
        // The first reading alone cannot tell that it grows.
        let foreseen = start + rate < 300.0;
        prop_assert!(late <= if foreseen { 0.101 } else { 1.0 }, "{late} s late");
    }
}
