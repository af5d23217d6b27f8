//! The second time: a retry, a repeat, a restart, a reload, a successor.

use std::time::Duration;

use super::leases::{DAY, SECOND, answering, obliging, pausing, standing};
use super::world::{World, config, kill, target};
use crate::config::{Budget, Needs, Otherwise, Schedule, Target};
use crate::model::{LeaseStanding, Level, OutcomeKind, Reason};

/// Only a reset at elevated.
fn resetting() -> Target {
    let mut resetting = target();
    for level in [Level::Warning, Level::Critical, Level::Fatal] {
        resetting.ladders[0].steps.get_mut(level).unwrap().clear();
    }
    resetting
}

/// Only a kill at fatal.
fn killing() -> Target {
    let mut killing = target();
    for level in [Level::Elevated, Level::Warning, Level::Critical] {
        killing.ladders[0].steps.get_mut(level).unwrap().clear();
    }
    killing
}

#[test]
fn the_cooldown_of_a_repeat_holds_although_an_earlier_order_was_retried() {
    let mut repeating = resetting();
    repeating.actions[0].cooldown = 10 * SECOND;
    repeating.actions[0].repeat = Some(2 * SECOND);
    let mut world = World::new(repeating);
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("310x17");
    let times: Vec<u64> = world.ordered().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [0, 5, 15], "{}", world.told());
}

#[test]
fn a_reading_that_is_overdue_suspends_the_repeat() {
    let mut repeating = resetting();
    repeating.actions[0].repeat = Some(10 * SECOND);
    let mut world = World::new(repeating);
    world.arrive(0, DAY);
    world.play("310 _x20");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
    world.play("310");
    assert_eq!(world.orders.len(), 2, "{}", world.told());
}

#[test]
fn a_kill_that_is_retried_is_one_kill() {
    let budget = Budget { max: 2, per: 3600 * SECOND };
    let mut world = World::new(Target { kill_budget: budget, ..killing() });
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.play("950x7");
    assert_eq!(world.orders.len(), 2, "{}", world.told());
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 1);
}

#[test]
fn a_kill_that_was_refused_is_none() {
    let mut world = World::new(killing());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    world.play("950x2");
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 3);
}

#[test]
fn no_kill_of_the_budget_is_forgotten_over_a_reload() {
    let long = Target { kill_budget: Budget { max: 3, per: 4 * 3600 * SECOND }, ..killing() };
    let mut world = World::new(long.clone());
    for _ in 0..2 {
        world.arrive(0, DAY);
        world.play("950");
        world.now = world.now + 40 * 60 * SECOND;
    }
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 1);
    world.reconfigure(config(long));
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 1);
}

#[test]
fn a_measure_in_doubt_after_its_undo_satisfies_no_needs() {
    let mut needing = pausing();
    needing.actions[1] = kill();
    needing.actions[1].needs = Some(Needs { action: 0, within: 20 * SECOND, otherwise: Otherwise::Hold });
    let mut world = World::new(needing);
    world.arrive(0, DAY);
    world.executor = Box::new(obliging);
    world.play("810");
    world.executor = Box::new(|order| match order.measure.is_kill() {
        true => Some((OutcomeKind::Gone, Reason::None)),
        false => Some((OutcomeKind::Failed, Reason::Timeout)),
    });
    world.play("10 950x3");
    assert!(!world.told().contains("order kill"), "{}", world.told());
    assert_eq!(standing(&world), [LeaseStanding::Doubtful]);
    world.executor = Box::new(obliging);
    world.play("950x5");
    assert!(world.told().contains("order kill"), "{}", world.told());
}

#[test]
fn a_retry_that_a_breaker_holds_is_not_undone_and_the_operator_can_end_it() {
    let mut world = World::new(pausing());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    // Five failures in a row: one here, four on the way.
    world.play("810 10 810 10 810x12");
    assert!(world.told().contains("held pause breaker"), "{}", world.told());
    assert_eq!(standing(&world), [LeaseStanding::Doubtful], "{}", world.told());
    world.state.want_undo(None, None, world.now);
    world.executor = Box::new(obliging);
    let before = world.orders.len();
    world.play("810x60");
    assert_eq!(standing(&world), [], "{}", world.told());
    assert_eq!(world.orders.len(), before + 1, "only the undo: {}", world.told());
    assert_eq!(world.told().matches("lapsed pause none").count(), 1, "{}", world.told());
}

#[test]
fn a_successor_that_comes_at_once_has_its_start_up_grace() {
    let mut graced = pausing();
    graced.startup_grace = 5 * SECOND;
    let mut world = World::new(graced);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("810");
    world.arrive(0, Duration::ZERO);
    world.play("10x4");
    assert!(!world.told().contains("undo"), "{}", world.told());
    world.play("10x2");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
}

#[test]
fn a_schedule_that_is_shortened_does_not_wait_for_the_old_time() {
    let every = |every| Schedule { action: 0, every, phase: every, jitter: Duration::ZERO };
    let scheduled = |entry| Target { schedule: vec![entry], ..resetting() };
    let mut world = World::new(scheduled(every(DAY)));
    world.arrive(0, DAY);
    world.play("10x2");
    world.reconfigure(config(scheduled(every(10 * SECOND))));
    world.play("10x12");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
}

#[test]
fn an_outcome_that_comes_with_a_reload_reaches_its_rung() {
    for (outcome, left) in [
        ((OutcomeKind::Acknowledged, Reason::None), 1),
        ((OutcomeKind::Failed, Reason::Refused), 2),
        ((OutcomeKind::Failed, Reason::Timeout), 2),
    ] {
        let mut world = World::new(pausing());
        world.arrive(0, DAY);
        world.executor = Box::new(|_| None);
        world.play("810");
        world.executor = Box::new(obliging);
        let again = std::sync::Arc::new(config(pausing()));
        world.state = world.state.reconfigured(&again, world.now);
        let order = world.orders[0].clone();
        world.answer(&order, outcome);
        world.state.all_found();
        world.play("810x7");
        assert_eq!(world.orders.len(), left, "{}", world.told());
        assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
        assert_eq!(world.told().matches("acknowledged pause").count(), 1, "{}", world.told());
        assert!(!world.told().contains("failed"), "{}", world.told());
    }
}
