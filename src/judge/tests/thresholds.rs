//! One threshold: hold, clear, unknown, gap, lower bounds.

use std::time::Duration;

use super::leases::{DAY, SECOND};
use super::operator::inhibit;
use super::world::{World, bound, config, kill, open_fds, series, target, threshold};
use crate::config::{Bound, Ladder, Target, Threshold};
use crate::judge::threshold::{Rule, ThresholdState};
use crate::model::{Direction, Level, Moment, PerLevel, Reading, Unknown, Value};

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

#[test]
fn whoever_falls_from_a_level_is_at_those_below_whatever_their_own_hold() {
    let never = (Level::Critical, f64::INFINITY);
    let mut row = threshold([(Level::Elevated, 300.0), (Level::Warning, f64::INFINITY), never, (Level::Fatal, 900.0)]);
    row.bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().hold = DAY;
    World::of(with(row), "10 950 310").expect("1s default: normal -> fatal\n 2s default: fatal -> elevated");
}

#[test]
fn where_lower_is_worse_each_bound_counts_from_above() {
    let never = f64::INFINITY;
    let mut row =
        threshold([(Level::Elevated, 100.0), (Level::Warning, 50.0), (Level::Critical, never), (Level::Fatal, never)]);
    for (_, bound) in row.bounds.iter_mut() {
        *bound = bound.map(|bound| Bound { clear: bound.at * 1.1, ..bound });
    }
    for (value, level) in [
        (100.1, Level::Normal),
        (100.0, Level::Elevated),
        (60.0, Level::Elevated),
        (50.0, Level::Warning),
        (1.0, Level::Warning),
    ] {
        let mut state = ThresholdState::default();
        for (second, value) in [(1, f64::INFINITY), (2, 500.0), (3, value)] {
            let at = Moment::from_secs(second);
            let reading = Reading { at, period: SECOND, value: Value::Known(value) };
            state.step(Rule { threshold: &row, direction: Direction::Down }, &reading, at);
        }
        assert_eq!(state.level(), level, "{value}");
    }
}

#[test]
fn a_reading_is_overdue_after_three_periods_and_two_seconds_at_least() {
    for (period, known) in [(Duration::from_millis(100), 2 * SECOND), (SECOND, 3 * SECOND)] {
        let at = Moment::from_secs(10);
        let mut state = ThresholdState::default();
        let rule = Rule { threshold: &open_fds(), direction: Direction::Up };
        state.step(rule, &Reading { at, period, value: Value::Known(1.0) }, at);
        assert_eq!(state.unknown(at + known), None, "{period:?}");
        assert_eq!(state.unknown(at + known + Duration::from_nanos(1)), Some(Unknown::Overdue), "{period:?}");
    }
}

#[test]
fn a_kill_waits_for_the_hold_of_a_changed_bound_although_its_level_is_passed_meanwhile() {
    let mut killing = target();
    for level in Level::ABOVE_NORMAL {
        *killing.ladders[0].steps.get_mut(level).unwrap() = if level == Level::Critical { vec![3] } else { Vec::new() };
    }
    killing.thresholds[0].bounds.get_mut(Level::Critical).unwrap().as_mut().unwrap().hold = 10 * SECOND;
    let mut world = World::new(killing.clone());
    world.arrive(0, DAY);
    inhibit(&mut world, Some("kill"), 15 * SECOND, false);
    world.play("810x12");
    let bound = killing.thresholds[0].bounds.get_mut(Level::Critical).unwrap().as_mut().unwrap();
    bound.at = 790.0;
    world.reconfigure(config(killing));
    world.play("810 950x12");
    // The last reading before the reload is the first that is judged by the new bound.
    assert_eq!(world.ordered(), [(22, "kill")], "{}", world.told());
}

#[test]
fn one_good_reading_begins_the_hold_of_every_level_anew() {
    let mut held = open_fds();
    for (_, bound) in held.bounds.iter_mut() {
        bound.as_mut().unwrap().hold = 5 * SECOND;
    }
    let mut world = World::of(with(held), "10 950x2 10 950x4");
    assert_eq!(world.level(), Level::Normal, "{}", world.told());
    world.play("950");
    assert_eq!(world.level(), Level::Fatal, "{}", world.told());
}
