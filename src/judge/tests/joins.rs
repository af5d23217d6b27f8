//! Rungs that share an order: of two ladders, of two workers.

use super::leases::{DAY, SECOND, answering, obliging, pausing, standing};
use super::operator::names;
use super::several::neighbours;
use super::world::{World, threshold};
use crate::config::{Ladder, Target, Threshold};
use crate::model::{ActionScope, LeaseStanding, Level, OutcomeKind, PerLevel, Reason, Value};

const NEVER: f64 = f64::INFINITY;

/// Pause at critical of the default ladder, and at elevated of the one called memory.
pub(super) fn two_ladders() -> Target {
    let mut memory = PerLevel::default();
    *memory.get_mut(Level::Elevated).unwrap() = vec![0];
    let mut both = pausing();
    both.ladders.push(Ladder { name: "memory".into(), steps: memory });
    let rss = [(Level::Elevated, 100.0), (Level::Warning, NEVER), (Level::Critical, NEVER), (Level::Fatal, NEVER)];
    both.thresholds.push(Threshold {
        metric: 1,
        name: crate::model::Metric::plain(crate::model::Base::Rss),
        ladder: 1,
        ..threshold(rss)
    });
    both
}

pub(super) fn both(world: &mut World, fds: f64, rss: f64) {
    world.pass(&[Some(Value::Known(fds)), Some(Value::Known(rss))]);
}

fn workers(target: Target) -> World {
    let mut world = World::new(target);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world
}

#[test]
fn a_lower_rung_that_joined_is_retried_though_the_other_level_is_left() {
    let mut world = World::new(two_ladders());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    both(&mut world, 810.0, 110.0);
    assert!(!world.told().contains("gave up"), "{}", world.told());
    world.executor = Box::new(obliging);
    for _ in 0..8 {
        both(&mut world, 10.0, 110.0);
    }
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    assert_eq!(world.told().matches("lapsed").count(), 0, "{}", world.told());
    assert_eq!(world.told().matches("acknowledged pause").count(), 1, "{}", world.told());
}

#[test]
fn an_order_in_flight_ends_once_though_one_of_its_levels_was_left() {
    let mut world = World::new(two_ladders());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| None);
    both(&mut world, 810.0, 110.0);
    both(&mut world, 810.0, 10.0);
    let order = world.orders[0].clone();
    world.executor = Box::new(obliging);
    world.answer(&order, (OutcomeKind::Failed, Reason::Timeout));
    assert!(world.told().contains("retry pause timeout"), "{}", world.told());
    assert!(!world.told().contains("failed pause"), "{}", world.told());
    for _ in 0..6 {
        both(&mut world, 810.0, 10.0);
    }
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
}

#[test]
fn a_shared_order_lapses_once_when_both_levels_are_left() {
    let mut world = World::new(two_ladders());
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    both(&mut world, 810.0, 110.0);
    both(&mut world, 10.0, 10.0);
    assert_eq!(world.told().matches("lapsed pause").count(), 1, "{}", world.told());
}

#[test]
fn a_worker_that_is_gone_takes_no_order_of_another_with_it() {
    let mut world = workers(pausing());
    world.executor = Box::new(|order| match order.member.slot {
        0 => Some((OutcomeKind::Gone, Reason::None)),
        _ => obliging(order),
    });
    world.each(&[810.0, 810.0]);
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    assert!(world.told().contains("acknowledged pause"), "{}", world.told());
}

#[test]
fn a_worker_that_is_vetoed_keeps_nothing_from_another() {
    let mut world = workers(pausing());
    world.executor = Box::new(|order| match order.member.slot {
        0 => Some((OutcomeKind::Vetoed, Reason::Identity)),
        _ => obliging(order),
    });
    world.each(&[810.0, 810.0]);
    world.each(&[810.0, 810.0]);
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    assert_eq!(world.told().matches("vetoed pause").count(), 1, "{}", world.told());
}

#[test]
fn what_the_operator_undid_is_not_there_for_a_worker_that_needs_it_later() {
    let mut cooling = pausing();
    cooling.actions[0].cooldown = 5 * SECOND;
    let mut world = workers(cooling);
    world.executor = Box::new(obliging);
    world.each(&[810.0, 10.0]);
    world.state.want_undo(None, None, world.now);
    world.each(&[810.0, 10.0]);
    for _ in 0..6 {
        world.each(&[810.0, 810.0]);
    }
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    assert!(world.told().contains("held pause cooldown"), "{}", world.told());
}

#[test]
fn what_the_operator_undid_is_not_repeated() {
    let mut repeating = pausing();
    repeating.actions[0].repeat = Some(2 * SECOND);
    let mut world = World::new(repeating);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("810");
    world.state.want_undo(None, None, world.now);
    world.play("810x10");
    assert_eq!(world.orders.len(), 2, "{}", world.told());
}

#[test]
fn what_the_operator_undoes_in_flight_counts_as_done_whatever_its_outcome() {
    for (outcome, orders) in [
        ((OutcomeKind::Failed, Reason::Timeout), 2),
        ((OutcomeKind::Failed, Reason::Refused), 1),
        ((OutcomeKind::Acknowledged, Reason::None), 2),
    ] {
        let mut world = World::new(pausing());
        world.arrive(0, DAY);
        world.executor = Box::new(|_| None);
        world.play("810");
        assert_eq!(world.state.want_undo(None, None, world.now).len(), 1);
        world.executor = Box::new(obliging);
        let order = world.orders[0].clone();
        world.answer(&order, outcome);
        world.play("810x20");
        assert_eq!(world.orders.len(), orders, "{}", world.told());
        assert_eq!(standing(&world), [], "{}", world.told());
        assert!(!world.told().contains("gave up"), "{}", world.told());
    }
}

#[test]
fn what_is_in_force_for_one_target_is_not_there_for_another() {
    let mut world = neighbours(pausing());
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 810.0]);
    assert_eq!(names(&world), ["pause", "pause"], "{}", world.told());
    assert_eq!(standing(&world), [LeaseStanding::Needed; 2]);
}

#[test]
fn a_level_entered_again_ends_what_the_operator_wanted_undone_and_was_refused() {
    let mut world = World::new(pausing());
    answering(&mut world, true, vec![(OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("810");
    world.state.want_undo(None, None, world.now);
    world.play("810 10 810x12");
    assert_eq!(standing(&world), [LeaseStanding::Needed], "{}", world.told());
    assert_eq!(names(&world), ["pause", "pause"], "taken once, its undo tried once: {}", world.told());
}

#[test]
fn an_order_that_was_held_lapses_when_its_rung_joins_what_is_in_force() {
    let mut young = pausing();
    young.startup_grace = 10 * SECOND;
    let mut world = World::new(young);
    world.executor = Box::new(obliging);
    world.arrive(0, 2 * SECOND);
    world.arrive(1, DAY);
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 810.0]);
    world.each(&[810.0, 810.0]);
    assert!(world.told().contains("held pause startup_grace"), "{}", world.told());
    assert_eq!(world.told().matches("lapsed pause").count(), 1, "{}", world.told());
    assert_eq!(names(&world), ["pause"], "{}", world.told());
}

#[test]
fn an_order_that_two_ladders_share_is_gone_once() {
    let mut own = two_ladders();
    own.actions[0].scope = ActionScope::Process;
    let mut world = World::new(own);
    world.arrive(0, DAY);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    both(&mut world, 810.0, 110.0);
    world.leave(0);
    both(&mut world, 810.0, 110.0);
    assert_eq!(world.told().matches("gone pause").count(), 1, "{}", world.told());
}

#[test]
fn what_is_in_force_for_a_process_serves_its_other_ladder_too() {
    let mut own = two_ladders();
    own.actions[0].scope = ActionScope::Process;
    let mut world = World::new(own);
    world.arrive(0, DAY);
    world.executor = Box::new(obliging);
    both(&mut world, 810.0, 10.0);
    both(&mut world, 810.0, 110.0);
    assert_eq!(names(&world), ["pause"], "{}", world.told());
}

/// Nothing is told of it, and the next daemon must know that the rung stands on the lease.
#[test]
fn who_joins_what_is_in_force_without_a_word_is_remembered() {
    let mut world = workers(pausing());
    world.executor = Box::new(|order| match order.member.slot {
        0 => Some((OutcomeKind::Vetoed, Reason::Identity)),
        _ => obliging(order),
    });
    world.each(&[810.0, 810.0]);
    assert!(world.state.take_changed());
    let (told, before) = (world.events.len(), remembered(&world));
    world.each(&[810.0, 810.0]);
    assert_eq!(world.events.len(), told, "{}", world.told());
    assert_ne!(remembered(&world), before);
    assert!(world.state.take_changed());
}

fn remembered(world: &World) -> String {
    serde_json::to_string(&world.state.memory().members).unwrap()
}

#[test]
fn what_stopped_one_worker_is_not_there_for_another_once_it_serves_the_whole_target() {
    let mut own = pausing();
    own.actions[0].scope = ActionScope::Process;
    let mut world = workers(own);
    world.executor = Box::new(obliging);
    world.each(&[810.0, 10.0]);
    world.reconfigure(super::world::config(pausing()));
    world.each(&[810.0, 10.0]);
    assert_eq!(world.orders.len(), 1, "{}", world.told());
    world.each(&[810.0, 810.0]);
    let slots: Vec<u32> = world.orders.iter().map(|order| order.member.slot).collect();
    assert_eq!((names(&world), slots), (vec!["pause", "pause"], vec![0, 1]), "{}", world.told());
}
