//! Ladders and rungs: what becomes due, in which order it goes out, how it ends.

use std::time::Duration;

use super::world::{World, kill, open_fds, signal, target, threshold};
use crate::config::{Ladder, Target, Threshold};
use crate::judge::confirm;
use crate::model::{Level, OutcomeKind, PerLevel, Reading, Reason, Unknown, Value};

/// Linear between (minute, value) points, read once a second.
fn linear(points: &[(u32, f64)]) -> impl Iterator<Item = f64> {
    let last = points[points.len() - 1].0 * 60;
    (0..=last).map(move |second| {
        let minute = f64::from(second) / 60.0;
        let next = points.iter().position(|&(m, _)| f64::from(m) >= minute).unwrap_or(points.len() - 1).max(1);
        let ((m0, v0), (m1, v1)) = (points[next - 1], points[next]);
        (v1 - v0).mul_add((minute - f64::from(m0)) / f64::from(m1 - m0), v0)
    })
}

#[test]
fn the_opening_case_orders_at_minutes_24_52_80_98() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    for value in linear(&[(0, 85.0), (30, 350.0), (60, 680.0), (120, 1025.0)]) {
        world.pass(&[Some(Value::Known(value.floor()))]);
    }
    let minutes: Vec<_> = world.ordered().into_iter().map(|(second, action)| (second / 60, action)).collect();
    assert_eq!(minutes, [(24, "reset_pool"), (52, "disable_websocket"), (80, "pause"), (98, "kill")]);
}

#[test]
fn the_repaired_series_orders_nothing() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    for value in linear(&[(0, 85.0), (30, 95.0), (60, 92.0), (90, 88.0), (120, 105.0)]) {
        world.pass(&[Some(Value::Known(value.floor()))]);
    }
    world.expect("");
}

#[test]
fn a_jump_over_three_levels_loses_no_order() {
    World::of(target(), "10 850").expect(
        "1s default: normal -> critical
         1s order reset_pool
         1s delivered reset_pool none
         1s order disable_websocket
         1s delivered disable_websocket none
         1s order pause
         1s delivered pause none",
    );
}

#[test]
fn one_order_per_process_is_in_flight_and_what_waits_is_not_lost() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|_| None);
    world.play("850 850 850");
    assert_eq!(world.ordered(), [(0, "reset_pool")]);
    world.play("10");
    world.expect(
        "0s default: normal -> critical
         0s order reset_pool
         3s default: critical -> normal
         3s lapsed disable_websocket level_left
         3s lapsed pause level_left",
    );
}

#[test]
fn a_kill_skips_the_rungs_below() {
    World::of(target(), "10 950").expect(
        "1s default: normal -> fatal
         1s order kill
         1s gone kill none",
    );
}

#[test]
fn a_held_kill_lets_the_rungs_below_go_out() {
    let mut world = World::new(Target { settle: Duration::from_secs(3), ..target() });
    world.arrive(0, Duration::from_secs(86_400));
    world.play("950x4");
    world.expect(
        "0s default: normal -> fatal
         0s held kill settling
         0s order reset_pool
         0s delivered reset_pool none
         0s order disable_websocket
         0s delivered disable_websocket none
         0s order pause
         0s delivered pause none
         3s open kill settling
         3s order kill
         3s gone kill none",
    );
}

#[test]
fn a_vetoed_kill_lets_the_rungs_below_go_out_and_is_told_once() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| {
        Some(if order.measure.is_kill() {
            (OutcomeKind::Vetoed, Reason::Imitable)
        } else {
            (OutcomeKind::Delivered, Reason::None)
        })
    });
    world.play("950x5");
    world.expect(
        "0s default: normal -> fatal
         0s order kill
         0s vetoed kill imitable
         0s order reset_pool
         0s delivered reset_pool none
         0s order disable_websocket
         0s delivered disable_websocket none
         0s order pause
         0s delivered pause none",
    );
    // It was asked again on each of the later readings, under one number.
    let kills: Vec<_> = world.orders.iter().filter(|order| order.measure.is_kill()).collect();
    assert_eq!(kills.len(), 6);
    assert!(kills.iter().all(|order| order.id == kills[0].id));
}

#[test]
fn a_veto_that_falls_away_lets_the_order_out_on_the_next_reading() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    let mut asked = 0;
    world.executor = Box::new(move |_| {
        asked += 1;
        Some(if asked < 3 { (OutcomeKind::Vetoed, Reason::Unhandled) } else { (OutcomeKind::Delivered, Reason::None) })
    });
    world.play("310 _ 310 310 310");
    world.expect(
        "0s default: normal -> elevated
         0s order reset_pool
         0s vetoed reset_pool unhandled
         3s delivered reset_pool none",
    );
}

#[test]
fn a_vetoed_order_does_not_end_a_second_time_with_its_process() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    let mut asked = 0;
    world.executor = Box::new(move |_| {
        asked += 1;
        Some(if asked < 3 { (OutcomeKind::Vetoed, Reason::Unhandled) } else { (OutcomeKind::Gone, Reason::None) })
    });
    world.play("310 310 310");
    world.leave(0);
    world.play("_");
    world.expect(
        "0s default: normal -> elevated
         0s order reset_pool
         0s vetoed reset_pool unhandled",
    );
}

#[test]
fn an_unknown_reading_asks_no_veto_again() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|_| Some((OutcomeKind::Vetoed, Reason::Unhandled)));
    world.play("310 denied denied denied");
    assert_eq!(world.orders.len(), 1);
}

#[test]
fn what_is_written_before_the_kill_of_its_level_goes_out_before_it() {
    let mut config = target();
    config.ladders[0].steps.get_mut(Level::Fatal).unwrap().clone_from(&vec![1, 3, 0]);
    let mut world = World::new(config);
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| (!order.measure.is_kill()).then_some((OutcomeKind::Delivered, Reason::None)));
    world.play("950 950");
    // What is written after it finds a kill under way.
    world.expect(
        "0s default: normal -> fatal
         0s order disable_websocket
         0s order kill
         0s delivered disable_websocket none
         0s held reset_pool killing",
    );
}

#[test]
fn a_kill_does_not_wait_for_an_order_in_flight() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|_| None);
    world.play("310 950");
    assert_eq!(world.ordered(), [(0, "reset_pool"), (1, "kill")]);
}

#[test]
fn an_unconfirmed_kill_is_judged_again_on_each_reading() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    let mut asked = 0;
    world.executor = Box::new(move |order| {
        asked += u32::from(order.measure.is_kill());
        Some(match (order.measure.is_kill(), asked) {
            (true, ..3) => (OutcomeKind::Held, Reason::Unconfirmed),
            (true, _) => (OutcomeKind::Gone, Reason::None),
            (false, _) => (OutcomeKind::Delivered, Reason::None),
        })
    });
    world.play("850 950 950 950");
    world.expect(
        "0s default: normal -> critical
         0s order reset_pool
         0s delivered reset_pool none
         0s order disable_websocket
         0s delivered disable_websocket none
         0s order pause
         0s delivered pause none
         1s default: critical -> fatal
         1s order kill
         1s held kill unconfirmed
         3s gone kill none",
    );
}

#[test]
fn a_kill_whose_fresh_reading_is_unknown_is_held_for_that_alone() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| {
        let refused = (OutcomeKind::Held, Reason::Unknown);
        Some(if order.measure.is_kill() { refused } else { (OutcomeKind::Delivered, Reason::None) })
    });
    world.play("950 950");
    let told = world.told();
    assert_eq!(told.matches("held kill").count(), 1, "{told}");
    assert!(told.contains("0s held kill unknown"), "{told}");
}

#[test]
fn a_level_entered_again_makes_its_rungs_due_anew() {
    World::of(target(), "310 10 310").expect(
        "0s default: normal -> elevated
         0s order reset_pool
         0s delivered reset_pool none
         1s default: elevated -> normal
         2s default: normal -> elevated
         2s order reset_pool
         2s delivered reset_pool none",
    );
}

#[test]
fn repeat_makes_a_done_rung_due_again_while_the_level_holds_and_is_known() {
    let mut config = target();
    config.actions[0].repeat = Some(Duration::from_secs(3));
    let world = World::of(config, "310x4 deniedx3 310x2 10x9");
    let at: Vec<_> = world.ordered().into_iter().map(|(second, _)| second).collect();
    assert_eq!(at, [0, 3, 8]);
}

#[test]
fn a_failed_delivery_is_retried_with_backoff_and_gives_up_loudly() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    world.play("310x100 10 310");
    world.expect(
        "0s default: normal -> elevated
         0s order reset_pool
         0s retry reset_pool refused
         5s order reset_pool
         5s retry reset_pool refused
        15s order reset_pool
        15s retry reset_pool refused
        35s order reset_pool
        35s retry reset_pool refused
        75s order reset_pool
        75s failed reset_pool refused
        75s gave up reset_pool
       101s default: elevated -> normal
       102s default: normal -> elevated
       102s order reset_pool
       102s retry reset_pool refused",
    );
    assert!(world.orders[..5].iter().all(|order| order.id == world.orders[0].id), "retries are the same order");
    assert_eq!(world.orders.iter().map(|order| order.attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 1]);
}

#[test]
fn a_rung_that_waits_for_its_retry_lets_later_ones_pass() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| {
        let fails = &*order.action == "reset_pool";
        Some(if fails { (OutcomeKind::Failed, Reason::Refused) } else { (OutcomeKind::Delivered, Reason::None) })
    });
    world.play("650");
    assert_eq!(world.ordered(), [(0, "reset_pool"), (0, "disable_websocket")]);
}

#[test]
fn two_ladders_that_name_one_action_share_the_order_in_flight() {
    let mut config = target();
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Elevated).unwrap() = vec![0];
    config.ladders.push(Ladder { name: "memory".into(), steps });
    config.thresholds.push(Threshold { ladder: 1, ..open_fds() });
    World::of(config, "310").expect(
        "0s default: normal -> elevated
         0s memory: normal -> elevated
         0s order reset_pool
         0s delivered reset_pool none",
    );
}

#[test]
fn named_ladders_climb_by_their_own_thresholds() {
    let mut config = target();
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Critical).unwrap() = vec![2];
    config.ladders.push(Ladder { name: "memory".into(), steps });
    let none = (Level::Fatal, f64::NAN);
    config.thresholds.push(Threshold {
        ladder: 1,
        metric: 1,
        name: crate::model::Metric::plain(crate::model::Base::Rss),
        ..threshold([(Level::Critical, 50.0), none, none, none])
    });
    let mut world = World::new(config);
    world.arrive(0, Duration::from_secs(86_400));
    world.pass(&[Some(Value::Known(10.0)), Some(Value::Known(60.0))]);
    world.expect(
        "0s memory: normal -> critical
         0s order pause
         0s delivered pause none",
    );
}

#[test]
fn a_successor_in_the_same_seat_starts_from_nothing() {
    let mut world = World::new(target());
    world.arrive(0, Duration::from_secs(86_400));
    world.play("310 310");
    world.arrive(0, Duration::ZERO);
    world.play("310 310");
    assert_eq!(world.ordered(), [(0, "reset_pool"), (2, "reset_pool")]);
}

#[test]
fn orders_spoken_of_end_with_their_process() {
    let mut world = World::new(Target {
        settle: Duration::from_secs(60),
        actions: vec![signal("a"), signal("b"), signal("c"), kill()],
        ..target()
    });
    world.arrive(0, Duration::from_secs(86_400));
    world.play("10 950");
    world.leave(0);
    world.play("_");
    assert!(world.told().ends_with("   2s gone kill settling\n"), "{}", world.told());
}

#[test]
fn a_kill_is_confirmed_only_by_a_fresh_reading_at_or_past_its_bound() {
    let world = World::of(target(), "950");
    let confirmed = |value| {
        let fresh = Reading { at: world.now, period: world.interval, value };
        confirm(&world.orders[0], &fresh)
    };
    assert_eq!(confirmed(Value::Known(900.0)), Ok(()));
    assert_eq!(confirmed(Value::AtLeast(901.0)), Ok(()));
    assert_eq!(confirmed(Value::Known(899.0)), Err(Reason::Unconfirmed));
    assert_eq!(confirmed(Value::Unknown(Unknown::Denied)), Err(Reason::Unknown));
    assert_eq!(confirmed(Value::Unknown(Unknown::Overdue)), Err(Reason::Unconfirmed), "it is being read");
}
