//! When a rung has a part in what another one does, when it does not, and what it takes over.

use std::time::Duration;

use super::joins::{both, two_ladders};
use super::leases::{DAY, SECOND, obliging, pausing};
use super::operator::{act_on, inhibit, names};
use super::world::{World, config, http, kill, signal, target};
use crate::config::{Config, Ladder, Needs, Otherwise, Schedule, Target};
use crate::judge::Chosen;
use crate::model::{ActionScope, Level, OutcomeKind, PerLevel, Reason};

fn workers(config: Config) -> World {
    let mut world = World::with(config);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world
}

/// `reset_pool` serves all, and is over once it is done.
fn wide() -> Target {
    let mut wide = target();
    wide.actions[0].scope = ActionScope::Target;
    wide.actions[0].cooldown = 4 * SECOND;
    wide
}

/// The slots that orders went to, and when.
fn ordered_to(world: &World) -> Vec<(u64, u32)> {
    let slots = world.orders.iter().map(|order| order.member.slot);
    world.ordered().into_iter().map(|(second, _)| second).zip(slots).collect()
}

#[test]
fn who_joins_what_was_just_done_is_remembered_as_well() {
    let mut world = workers(config(wide()));
    world.executor = Box::new(|order| match order.member.slot {
        0 => Some((OutcomeKind::Vetoed, Reason::Identity)),
        _ => obliging(order),
    });
    world.each(&[310.0, 310.0]);
    assert!(world.state.take_changed());
    let told = world.events.len();
    world.each(&[310.0, 310.0]);
    assert_eq!(world.events.len(), told, "{}", world.told());
    assert!(world.state.take_changed());
}

#[test]
fn what_two_ladders_share_is_given_up_once_its_tries_are_over() {
    let mut few = two_ladders();
    few.actions[0].max_attempts = 2;
    let mut world = World::new(few);
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    both(&mut world, 810.0, 10.0);
    for _ in 0..20 {
        both(&mut world, 810.0, 110.0);
    }
    assert_eq!(names(&world), ["pause", "pause"], "{}", world.told());
}

#[test]
fn what_two_ladders_share_is_retried_under_the_same_order_by_the_one_that_is_left() {
    let mut world = World::new(two_ladders());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    both(&mut world, 810.0, 10.0);
    both(&mut world, 810.0, 110.0);
    for _ in 0..8 {
        both(&mut world, 10.0, 110.0);
    }
    let orders: Vec<_> = world.orders.iter().map(|order| (order.id, order.attempt)).collect();
    assert_eq!(orders, [(orders[0].0, 1), (orders[0].0, 2)], "{}", world.told());
}

#[test]
fn a_worker_that_waits_with_an_order_of_its_own_waits_for_no_retry_of_another() {
    let mut young = pausing();
    young.startup_grace = 5 * SECOND;
    let mut world = World::new(young);
    world.arrive(0, 2 * SECOND);
    world.arrive(1, DAY);
    world.executor = Box::new(|order| match order.member.slot {
        1 => Some((OutcomeKind::Failed, Reason::Refused)),
        _ => obliging(order),
    });
    for now in 0..5 {
        world.each(&[810.0, if now < 2 { 10.0 } else { 810.0 }]);
    }
    assert_eq!(ordered_to(&world), [(2, 1), (3, 0)], "{}", world.told());
}

#[test]
fn a_brake_that_held_it_before_it_joined_is_not_told_to_open_when_it_is_retried() {
    let mut young = pausing();
    young.startup_grace = 5 * SECOND;
    let mut world = World::new(young);
    world.executor = Box::new(|_| None);
    world.arrive(0, 2 * SECOND);
    world.arrive(1, DAY);
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 810.0]);
    world.each(&[810.0, 810.0]);
    let order = world.orders[0].clone();
    world.executor = Box::new(obliging);
    world.answer(&order, (OutcomeKind::Failed, Reason::Timeout));
    for _ in 0..8 {
        world.each(&[810.0, 10.0]);
    }
    assert_eq!(names(&world), ["pause", "pause"], "{}", world.told());
    assert!(world.told().contains("held pause startup_grace"), "{}", world.told());
    assert!(!world.told().contains("open pause"), "{}", world.told());
}

#[test]
fn what_one_ladder_has_done_for_a_process_holds_another_by_its_cooldown() {
    let mut own = two_ladders();
    own.actions[0] = signal("reset_pool");
    own.actions[0].cooldown = 4 * SECOND;
    let mut world = World::new(own);
    world.arrive(0, DAY);
    both(&mut world, 810.0, 10.0);
    for _ in 0..5 {
        both(&mut world, 810.0, 110.0);
    }
    assert_eq!(ordered_to(&world), [(0, 0), (4, 0)], "{}", world.told());
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
}

#[test]
fn an_operator_is_not_told_that_it_is_done_because_another_worker_has_just_had_it() {
    let mut world = workers(config(wide()));
    world.each(&[310.0, 10.0]);
    act_on(&mut world, "reset_pool", Chosen::Slot(1), false).unwrap();
    assert_eq!(ordered_to(&world), [(0, 0), (1, 1)], "{}", world.told());
}

#[test]
fn what_an_operator_has_just_done_holds_a_ladder_and_is_not_its_own() {
    let mut world = workers(config(wide()));
    world.each(&[10.0, 10.0]);
    act_on(&mut world, "reset_pool", Chosen::Slot(0), false).unwrap();
    for _ in 0..6 {
        world.each(&[10.0, 310.0]);
    }
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
    assert_eq!(ordered_to(&world), [(1, 0), (5, 1)], "{}", world.told());
}

#[test]
fn what_was_taken_dry_for_all_is_taken_for_whoever_needs_it_next_whether_or_not_it_can_be_undone() {
    let mut cooling = pausing();
    cooling.actions[0].cooldown = 60 * SECOND;
    let mut dry = config(cooling);
    dry.daemon.dry_run = true;
    let mut world = workers(dry);
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 810.0]);
    assert_eq!(names(&world), ["pause"], "{}", world.told());
    assert!(!world.told().contains("held"), "{}", world.told());
}

/// A kill of the default ladder has failed, and another ladder reaches its own.
#[test]
fn a_kill_waits_for_no_retry_of_a_kill() {
    let mut killing = two_ladders();
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Elevated).unwrap() = vec![1];
    killing.ladders[1] = Ladder { name: "memory".into(), steps };
    killing.actions[1] = kill();
    let mut world = World::new(killing);
    world.arrive(0, DAY);
    world.executor = Box::new(|order| match order.measure.is_kill() {
        true => Some((OutcomeKind::Failed, Reason::Timeout)),
        false => obliging(order),
    });
    for _ in 0..7 {
        both(&mut world, 10.0, 10.0);
    }
    both(&mut world, 910.0, 10.0);
    both(&mut world, 910.0, 110.0);
    let kills: Vec<u64> = world.ordered().into_iter().filter(|(_, name)| *name == "kill").map(|(at, _)| at).collect();
    assert_eq!(kills, [7, 8], "{}", world.told());
}

#[test]
fn a_kill_needs_no_second_answer_where_what_it_needs_was_just_acknowledged_for_all() {
    let mut flushing = pausing();
    flushing.actions[0] = http("flush");
    flushing.actions[0].undo = None;
    flushing.actions[0].cooldown = 60 * SECOND;
    flushing.actions[1].needs = Some(Needs { action: 0, within: 20 * SECOND, otherwise: Otherwise::Hold });
    let mut world = workers(config(flushing));
    for _ in 0..7 {
        world.each(&[10.0, 10.0]);
    }
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 910.0]);
    world.each(&[810.0, 910.0]);
    assert_eq!(names(&world), ["flush", "kill"], "{}", world.told());
}

#[test]
fn what_a_schedule_has_just_done_holds_a_ladder_and_is_not_its_own() {
    let mut beaten = wide();
    let (every, phase) = (60 * SECOND, 2 * SECOND);
    beaten.schedule = vec![Schedule { action: 0, every, phase, jitter: Duration::ZERO }];
    let mut world = workers(config(beaten));
    while world.orders.is_empty() {
        world.each(&[10.0, 10.0]);
    }
    let first = world.ordered()[0].0;
    for _ in 0..6 {
        world.each(&[10.0, 310.0]);
    }
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
    assert_eq!(ordered_to(&world), [(first, 0), (first + 4, 1)], "{}", world.told());
}

#[test]
fn who_had_to_try_twice_before_waits_for_no_retry_of_another_when_it_repeats() {
    let mut repeated = wide();
    (repeated.actions[0].cooldown, repeated.actions[0].repeat) = (SECOND, Some(5 * SECOND));
    let mut world = workers(config(repeated));
    let mut answers = vec![false, true, false];
    answers.reverse();
    world.executor = Box::new(move |order| match answers.pop().unwrap_or(true) {
        true => obliging(order),
        false => Some((OutcomeKind::Failed, Reason::Timeout)),
    });
    for now in 0..12 {
        world.each(&[310.0, if now < 9 { 10.0 } else { 310.0 }]);
    }
    let tried: Vec<(u32, u32)> = world.orders.iter().map(|order| (order.member.slot, order.attempt)).collect();
    assert_eq!(tried, [(0, 1), (0, 2), (1, 1), (0, 2)], "{}", world.told());
}

#[test]
fn what_had_no_effect_for_all_is_spent_for_whoever_joined_it() {
    for second in [1, 3] {
        let mut spent = wide();
        let action = &mut spent.actions[0];
        (action.patience, action.repeat, action.max_attempts) = (2 * SECOND, Some(5 * SECOND), 1);
        let mut world = workers(config(spent));
        for now in 0..15 {
            world.each(&[310.0, if now < second { 10.0 } else { 310.0 }]);
        }
        assert_eq!(ordered_to(&world), [(0, 0)], "{second}: {}", world.told());
    }
}

#[test]
fn what_an_operator_undid_is_not_tried_again_by_the_ladder_that_had_joined() {
    let mut world = World::new(two_ladders());
    world.arrive(0, DAY);
    let mut answers = vec![(OutcomeKind::Failed, Reason::Timeout)];
    world.executor = Box::new(move |order| answers.pop().or_else(|| obliging(order)));
    both(&mut world, 810.0, 10.0);
    both(&mut world, 810.0, 110.0);
    inhibit(&mut world, Some("pause"), 12 * SECOND, false);
    for _ in 0..6 {
        both(&mut world, 10.0, 110.0);
    }
    world.state.want_undo(None, None, world.now);
    for _ in 0..12 {
        both(&mut world, 10.0, 110.0);
    }
    let undone: Vec<bool> = world.orders.iter().map(|order| order.undo).collect();
    assert_eq!(undone, [false, true], "{}", world.told());
}

/// The first worker is gone: by whose rung a third one is told what was done says when it was decided, too.
#[test]
fn who_was_born_since_it_was_decided_was_not_reached_by_what_another_has_joined() {
    let mut world = workers(config(wide()));
    world.executor = Box::new(|_| None);
    world.each(&[310.0, 10.0]);
    for _ in 0..4 {
        world.each(&[310.0, 10.0]);
    }
    let order = world.orders[0].clone();
    world.executor = Box::new(obliging);
    world.answer(&order, (OutcomeKind::Acknowledged, Reason::None));
    world.each(&[310.0, 310.0]);
    world.leave(0);
    world.arrive(2, 3 * SECOND);
    for _ in 0..6 {
        world.each(&[310.0, 310.0]);
    }
    assert_eq!(ordered_to(&world)[1..], [(9, 2)], "{}", world.told());
}
