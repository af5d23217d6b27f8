//! Who comes after a process, or is beside it, and what of its measures holds for him.

use std::time::Duration;

use super::leases::{DAY, SECOND, obliging, pausing, standing};
use super::several::silent;
use super::world::World;
use crate::model::{LeaseStanding, OutcomeKind, Reason, UndoBy};

#[test]
fn a_successor_delivers_again_whatever_was_answered_when_its_predecessor_died() {
    for kind in [OutcomeKind::Acknowledged, OutcomeKind::Delivered, OutcomeKind::Gone, OutcomeKind::Failed] {
        for late in [0, 1, 3] {
            let mut paused = pausing();
            paused.actions[0].undo.as_mut().unwrap().by = UndoBy::Operator;
            let mut world = World::new(paused);
            silent(&mut world, "pause");
            world.arrive(0, DAY);
            world.play("810");
            world.leave(0);
            (0..late).for_each(|_| world.play("_"));
            let first = world.orders.first().unwrap().clone();
            world.answer(&first, (kind, Reason::None));
            world.play("_");
            world.executor = Box::new(obliging);
            world.arrive(0, Duration::ZERO);
            world.play("10 810x120");
            let again = world.orders.iter().filter(|order| !order.undo && order.identity != first.identity).count();
            assert_eq!(again, 1, "{kind:?} {late} s after\n{}", world.told());
        }
    }
}

/// Whether the answer was about the one or the other, nobody knows.
#[test]
fn a_successor_that_was_born_while_the_answer_was_on_its_way_delivers_again() {
    let mut paused = pausing();
    paused.actions[0].undo.as_mut().unwrap().by = UndoBy::Operator;
    let mut world = World::new(paused);
    silent(&mut world, "pause");
    world.arrive(0, DAY);
    world.play("810");
    world.leave(0);
    world.play("_");
    world.arrive(0, Duration::ZERO);
    world.play("10x2");
    let first = world.orders.first().unwrap().clone();
    world.answer(&first, (OutcomeKind::Acknowledged, Reason::None));
    world.executor = Box::new(obliging);
    world.play("810x3");
    let again = world.orders.iter().filter(|order| !order.undo && order.identity != first.identity).count();
    assert_eq!(again, 1, "{}", world.told());
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
