//! Who comes after a process, or is beside it, and what of its measures holds for him.

use std::sync::Arc;
use std::time::Duration;

use super::joins::{both, two_ladders};
use super::leases::{DAY, SECOND, obliging, pausing, standing};
use super::several::{silent, workers};
use super::together::ordered_to;
use super::world::{World, config, target};
use crate::config::{Config, Target};
use crate::model::{ActionScope, LeaseStanding, OutcomeKind, Reason, UndoBy};

/// The trader was told to pause, and nobody has answered yet. Only an operator ends the pause.
fn unanswered() -> World {
    let mut paused = pausing();
    paused.actions[0].undo.as_mut().unwrap().by = UndoBy::Operator;
    let mut world = World::new(paused);
    silent(&mut world, "pause");
    world.arrive(0, DAY);
    world.play("810");
    world
}

/// The answer to the first order, and whoever is asked from now on obliges.
fn answered(world: &mut World, kind: OutcomeKind) {
    let first = Arc::clone(&world.orders[0]);
    world.answer(&first, (kind, Reason::None));
    world.executor = Box::new(obliging);
}

/// How often anybody but the first process was told to pause.
fn again(world: &World) -> usize {
    let first = world.orders[0].identity;
    world.orders.iter().filter(|order| !order.undo && order.identity != first).count()
}

#[test]
fn a_successor_delivers_again_whatever_was_answered_when_its_predecessor_died() {
    for kind in [OutcomeKind::Acknowledged, OutcomeKind::Delivered, OutcomeKind::Gone, OutcomeKind::Failed] {
        for late in [0, 1, 3] {
            let mut world = unanswered();
            world.leave(0);
            (0..late).for_each(|_| world.play("_"));
            answered(&mut world, kind);
            world.play("_");
            world.arrive(0, Duration::ZERO);
            world.play("10 810x120");
            assert_eq!(again(&world), 1, "{kind:?} {late} s after\n{}", world.told());
        }
    }
}

/// Whether the answer was about the one or the other, nobody knows.
#[test]
fn a_successor_that_was_born_while_the_answer_was_on_its_way_delivers_again() {
    let mut world = unanswered();
    world.leave(0);
    world.play("_");
    world.arrive(0, Duration::ZERO);
    world.play("10x2");
    answered(&mut world, OutcomeKind::Acknowledged);
    world.play("810x3");
    assert_eq!(again(&world), 1, "{}", world.told());
}

/// The other one waits for the same order: it owns that, and whoever was born since does not.
#[test]
fn a_worker_that_was_born_while_the_answer_was_on_its_way_delivers_again_beside_another() {
    for (cooldown, second) in [(0, 3), (5, 8)] {
        let mut world = unanswered();
        let mut cooling = Config::clone(world.state.config());
        cooling.targets[0].actions[0].cooldown = cooldown * SECOND;
        world.reconfigure(cooling);
        world.arrive(1, Duration::ZERO);
        world.each(&[810.0, 810.0]);
        world.each(&[810.0, 810.0]);
        assert_eq!(again(&world), 0, "one at a time: {}", world.told());
        answered(&mut world, OutcomeKind::Acknowledged);
        (0..9).for_each(|_| world.each(&[810.0, 810.0]));
        assert_eq!(ordered_to(&world, "pause"), [(0, 0), (second, 1)], "{}", world.told());
        assert_eq!(standing(&world), [LeaseStanding::Needed]);
    }
}

/// Though nothing of it is to be undone, and a reload or a restart comes in between.
#[test]
fn who_was_born_since_an_order_was_decided_was_not_reached_by_what_it_has_done() {
    for between in [
        |_: &mut World| {},
        |world: &mut World| world.reconfigure(config(wide())),
        |world: &mut World| {
            world.restart();
        },
    ] {
        let mut world = World::new(wide());
        silent(&mut world, "reset_pool");
        world.arrive(0, DAY);
        world.play("310");
        world.arrive(1, Duration::ZERO);
        world.each(&[310.0, 10.0]);
        answered(&mut world, OutcomeKind::Delivered);
        between(&mut world);
        (0..9).for_each(|_| world.each(&[310.0, 310.0]));
        assert_eq!(ordered_to(&world, "reset_pool"), [(0, 0), (6, 1)], "{}", world.told());
    }
}

/// A reset of everybody at once, each four seconds at most.
fn wide() -> Target {
    let mut wide = target();
    wide.actions[0].scope = ActionScope::Target;
    wide.actions[0].cooldown = 4 * SECOND;
    wide
}

#[test]
fn who_was_born_since_an_order_was_decided_waits_for_no_retry_of_it() {
    let mut world = World::new(pausing());
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.arrive(0, DAY);
    world.play("810");
    world.executor = Box::new(obliging);
    world.arrive(1, Duration::ZERO);
    (0..9).for_each(|_| world.each(&[810.0, 810.0]));
    assert_eq!(ordered_to(&world, "pause"), [(0, 0), (1, 1)], "the first joins it: {}", world.told());
    assert_eq!(standing(&world), [LeaseStanding::Needed]);
}

#[test]
fn who_was_there_waits_for_the_retry_of_what_failed_for_all() {
    let mut world = workers(wide());
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.each(&[310.0, 10.0]);
    world.executor = Box::new(obliging);
    (0..9).for_each(|_| world.each(&[310.0, 310.0]));
    assert_eq!(ordered_to(&world, "reset_pool"), [(0, 0), (5, 0)], "{}", world.told());
}

/// As long as its cooldown lasts it is the same reset, and from then on another.
#[test]
fn what_was_just_done_for_all_is_done_for_whoever_was_there() {
    for (second, expected) in [(1, &[(0, 0)][..]), (3, &[(0, 0)]), (4, &[(0, 0), (4, 1)]), (6, &[(0, 0), (6, 1)])] {
        let mut world = workers(wide());
        for now in 0..10 {
            world.each(&[310.0, if now < second { 10.0 } else { 310.0 }]);
        }
        assert_eq!(ordered_to(&world, "reset_pool"), expected, "{second}: {}", world.told());
    }
}

#[test]
fn who_is_younger_than_the_kernel_can_tell_joins_his_own_order() {
    let mut world = World::new(two_ladders());
    silent(&mut world, "pause");
    world.arrive(0, Duration::ZERO);
    both(&mut world, 810.0, 10.0);
    both(&mut world, 810.0, 110.0);
    answered(&mut world, OutcomeKind::Acknowledged);
    both(&mut world, 810.0, 110.0);
    assert_eq!(world.orders.len(), 1, "{}", world.told());
}

#[test]
fn who_is_born_after_a_delivery_that_a_restart_lost_waits_for_its_cooldown() {
    let mut cooling = pausing();
    cooling.actions[0].cooldown = 60 * SECOND;
    let mut world = World::new(cooling);
    silent(&mut world, "pause");
    world.arrive(0, DAY);
    world.play("810");
    world.restart();
    world.executor = Box::new(obliging);
    world.arrive(1, Duration::ZERO);
    for _ in 0..70 {
        world.each(&[810.0, 810.0]);
    }
    let paused: Vec<u64> = world.ordered().into_iter().map(|(second, _)| second).collect();
    // The restart was in the second pass.
    assert_eq!(paused, [0, 61], "{}", world.told());
}

#[test]
fn a_measure_for_all_stays_over_a_restart_while_one_of_them_needs_it() {
    let mut world = World::new(pausing());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world.each(&[810.0, 810.0]);
    world.restart();
    for _ in 0..5 {
        world.each(&[10.0, 810.0]);
    }
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    world.each(&[10.0, 10.0]);
    world.each(&[10.0, 10.0]);
    assert_eq!(standing(&world), [], "{}", world.told());
    assert_eq!(world.orders.iter().filter(|order| !order.undo).count(), 1, "{}", world.told());
}
