//! One threshold: hold, clear, unknown, gap, lower bounds.

use std::time::Duration;

use super::world::{World, bound, kill, open_fds, series, target, threshold};
use crate::config::{Bound, Ladder, Target, Threshold};
use crate::model::{Level, PerLevel, Value};

/// Only `elevated` at 300, cleared below 270, and no ladder.
fn watched(hold: u64, clear_hold: u64) -> Target {
    let mut row = threshold([
        (Level::Elevated, 300.0),
        (Level::Fatal, f64::NAN),
        (Level::Fatal, f64::NAN),
        (Level::Fatal, f64::NAN),
    ]);
    *row.bounds.get_mut(Level::Elevated).unwrap() = Some(Bound { hold: Duration::from_secs(hold), ..bound(300.0) });
    with(Threshold { clear_hold: Duration::from_secs(clear_hold), ..row })
}

fn with(row: Threshold) -> Target {
    Target { thresholds: vec![row], actions: Vec::new(), ladders: vec![no_ladder()], ..target() }
}

fn no_ladder() -> Ladder {
    Ladder { name: "default".into(), steps: PerLevel::default() }
}

#[test]
fn the_notation_is_promtools() {
    let known = |v| Some(Value::Known(v));
    assert_eq!(series("0 1+1x2 5-2x1"), [0.0, 1.0, 2.0, 3.0, 5.0, 3.0].map(known));
    assert_eq!(series("4x2"), [4.0, 4.0, 4.0].map(known));
    assert_eq!(series("_ _x2"), [None, None, None]);
    assert_eq!(series(">=7"), [Some(Value::AtLeast(7.0))]);
}

#[test]
fn at_the_bound_is_past_it() {
    World::of(watched(0, 0), "299 300").expect("1s default: normal -> elevated");
}

#[test]
fn left_only_on_the_good_side_of_the_clear_bound() {
    World::of(watched(0, 0), "300 299 271 270 269.9")
        .expect("0s default: normal -> elevated\n 4s default: elevated -> normal");
}

#[test]
fn a_hold_needs_every_reading_for_that_long() {
    World::of(watched(3, 0), "300 300 299 300 300 300 300").expect("6s default: normal -> elevated");
}

#[test]
fn a_hold_above_zero_needs_two_readings() {
    let mut row = watched(1, 0);
    row.thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().hold = Duration::from_millis(1);
    World::of(row, "10 300 10 10").expect("");
}

#[test]
fn clear_hold_starts_anew_with_each_bad_reading() {
    World::of(watched(0, 3), "300 100 100 280 100x3")
        .expect("0s default: normal -> elevated\n 7s default: elevated -> normal");
}

#[test]
fn unknown_resets_what_is_pending_and_freezes_what_holds() {
    World::of(watched(2, 2), "300 300 denied 300 300 300 100 100 denied 100 100 100").expect(
        "2s open_fds denied
         3s open_fds known
         5s default: normal -> elevated
         8s open_fds denied
         9s open_fds known
        11s default: elevated -> normal",
    );
}

#[test]
fn a_metric_that_never_had_a_value_holds_no_level() {
    assert_eq!(World::of(watched(0, 0), "deniedx20").level(), Level::Normal);
}

#[test]
fn a_gap_resets_what_is_pending() {
    // Three periods without a reading are still no gap, four are.
    World::of(watched(6, 0), "300 300 _x2 300 300 300").expect("6s default: normal -> elevated");
    World::of(watched(6, 0), "300 300 _x3 300 300 300 300").expect("");
    World::of(watched(6, 0), "300 300 _x4 300").expect("5s open_fds overdue\n 6s open_fds known");
}

#[test]
fn a_lower_bound_raises_and_never_clears() {
    let world = World::of(watched(0, 0), ">=100 >=300 >=1x60");
    world.expect("1s default: normal -> elevated");
    assert_eq!(world.level(), Level::Elevated);
}

#[test]
fn who_is_at_fatal_has_passed_the_levels_below_whatever_their_hold() {
    let mut row = open_fds();
    row.bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().hold = Duration::from_secs(600);
    let world = World::of(with(row), "10 950 850 700 290 200");
    world.expect(
        "1s default: normal -> fatal
         3s default: fatal -> warning
         4s default: warning -> elevated
         5s default: elevated -> normal",
    );
    // 850 is not below 810, the clear bound of fatal: it stays. 700 is below 810 and 720.
}

#[test]
fn no_metric_hides_another() {
    let rss = Threshold {
        metric: 1,
        name: crate::model::Metric::plain(crate::model::Base::Rss),
        ..threshold([
            (Level::Critical, 50.0),
            (Level::Fatal, f64::NAN),
            (Level::Fatal, f64::NAN),
            (Level::Fatal, f64::NAN),
        ])
    };
    let mut world = World::new(Target { thresholds: vec![open_fds(), rss], ..target() });
    world.arrive(0, Duration::from_secs(86_400));
    let known = |v| Some(Value::Known(v));
    world.pass(&[known(310.0), known(60.0)]);
    world.pass(&[known(10.0), known(60.0)]);
    assert_eq!(world.level(), Level::Critical);
    world.pass(&[known(10.0), known(1.0)]);
    assert_eq!(world.level(), Level::Normal);
    assert!(!world.orders.iter().any(|order| order.action == kill().name));
}
