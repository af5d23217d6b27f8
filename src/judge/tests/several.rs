//! One of several: what is about one target, process, ladder, threshold or action is about no other.

use std::sync::Arc;

use super::leases::{DAY, SECOND, obliging, pausing, standing};
use super::operator::{act, act_on, names};
use super::reloads::{both, since, two};
use super::world::{World, config, freeze, http, kill, signal, target};
use crate::config::{Action, Config, Needs, Otherwise, Target};
use crate::judge::Chosen;
use crate::model::{ActionScope, Level, MemberKey, Note, OrderId, OutcomeKind, Reason};

const OTHER: MemberKey = MemberKey { target: 1, slot: 1 };

/// A process of the trader, and one of another target that is like it.
pub(super) fn neighbours(one: Target) -> World {
    let other = Target { name: "other".into(), ..one.clone() };
    let mut all = config(one);
    all.targets.push(other);
    let mut world = World::with(all);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world.sample.members[1].member = OTHER;
    world
}

/// Two processes of the trader.
pub(super) fn workers(one: Target) -> World {
    let mut world = World::new(one);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world
}

/// Only a kill at fatal, which needs the third action, and a reset at elevated.
pub(super) fn needing() -> Target {
    let mut needing = target();
    for level in [Level::Warning, Level::Critical] {
        needing.ladders[0].steps.get_mut(level).unwrap().clear();
    }
    needing.actions[3].needs = Some(Needs { action: 2, within: 5 * SECOND, otherwise: Otherwise::Hold });
    needing
}

/// Nobody answers what is named so; the rest is acknowledged.
pub(super) fn silent(world: &mut World, action: &'static str) {
    world.executor = Box::new(move |order| if *order.action == *action { None } else { obliging(order) });
}

#[test]
fn an_order_in_flight_follows_its_target_to_its_new_place() {
    let mut world = neighbours(pausing());
    world.executor = Box::new(|_| None);
    world.each(&[810.0, 10.0]);
    let mut swapped = Config::clone(world.state.config());
    swapped.targets.reverse();
    for member in &mut world.sample.members {
        member.member.target = 1 - member.member.target;
    }
    world.sample.members.reverse();
    world.reconfigure(swapped);
    let order = Arc::clone(&world.orders[0]);
    world.executor = Box::new(obliging);
    world.answer(&order, (OutcomeKind::Acknowledged, Reason::None));
    let ended = world.events.iter().find_map(|event| match &event.note {
        Note::Ended { order, .. } => Some(order.member),
        _ => None,
    });
    assert_eq!(ended, Some(MemberKey { target: 1, slot: 0 }), "{}", world.told());
}

#[test]
fn what_a_kill_needs_is_taken_though_no_level_names_it() {
    let mut world = World::new(needing());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("10x6 950");
    assert_eq!(world.ordered(), [(7, "pause"), (7, "kill")], "{}", world.told());
}

#[test]
fn another_measure_that_was_acknowledged_is_not_what_a_kill_needs() {
    let mut world = World::new(needing());
    silent(&mut world, "pause");
    world.arrive(0, DAY);
    world.play("310x6 950x9");
    assert_eq!(names(&world), ["reset_pool", "pause"], "{}", world.told());
    assert!(world.told().contains("acknowledged reset_pool"), "{}", world.told());
}

#[test]
fn what_was_delivered_and_not_acknowledged_satisfies_no_needs() {
    let mut world = World::new(needing());
    world.executor = Box::new(|_| Some((OutcomeKind::Delivered, Reason::None)));
    world.arrive(0, DAY);
    world.play("10x6 950x9");
    assert_eq!(names(&world), ["pause", "reset_pool"], "held for good, it lets the lower rung pass: {}", world.told());
}

#[test]
fn what_an_operators_kill_needs_is_kept_until_it_has_gone_out() {
    let mut world = World::new(needing());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("10");
    act_on(&mut world, "kill", Chosen::Only, true).unwrap();
    world.play("10");
    assert_eq!(names(&world), ["pause", "kill"], "{}", world.told());
}

#[test]
fn what_an_operator_had_done_is_over_although_a_ladder_waits() {
    let mut world = World::of(target(), "10");
    world.executor = Box::new(|order| match *order.action == *"reset_pool" {
        true => Some((OutcomeKind::Failed, Reason::Refused)),
        false => obliging(order),
    });
    world.play("310");
    act(&mut world, "pause").unwrap();
    world.play("310");
    let member = world.state.member(MemberKey { target: 0, slot: 0 }).unwrap();
    assert_eq!(member.rungs().count(), 1, "the reset alone, which is tried again: {}", world.told());
}

#[test]
fn what_serves_all_waits_for_what_serves_all_of_the_same_target_alone() {
    let mut wide = target();
    for action in &mut wide.actions[..2] {
        action.scope = ActionScope::Target;
    }
    let mut world = workers(wide.clone());
    world.executor = Box::new(|_| None);
    world.each(&[310.0, 810.0]);
    assert_eq!(names(&world), ["reset_pool", "pause"], "its own measure waits for nobody: {}", world.told());
    let mut world = neighbours(wide);
    world.executor = Box::new(|_| None);
    world.each(&[310.0, 310.0]);
    assert_eq!(names(&world), ["reset_pool", "reset_pool"], "{}", world.told());
}

#[test]
fn an_undo_waits_for_what_is_in_flight_for_the_same_process_alone() {
    for (busy, waits) in [(0, true), (1, false)] {
        let mut own = pausing();
        own.actions = vec![Action { scope: ActionScope::Process, ..http("pause") }, kill(), signal("reset_pool")];
        let mut world = workers(own);
        silent(&mut world, "reset_pool");
        world.each(&[810.0, 10.0]);
        act_on(&mut world, "reset_pool", Chosen::Slot(busy), false).unwrap();
        world.each(&[10.0, 10.0]);
        world.each(&[10.0, 10.0]);
        assert_eq!(world.orders.last().unwrap().undo, !waits, "{}", world.told());
    }
}

#[test]
fn an_undo_that_serves_all_waits_for_what_serves_all_alone() {
    for (scope, waits) in [(ActionScope::Target, true), (ActionScope::Process, false)] {
        let mut wide = pausing();
        wide.actions.push(Action { scope, ..signal("reset_pool") });
        let mut world = workers(wide);
        silent(&mut world, "reset_pool");
        world.each(&[810.0, 10.0]);
        act_on(&mut world, "reset_pool", Chosen::Slot(1), false).unwrap();
        world.each(&[10.0, 10.0]);
        world.each(&[10.0, 10.0]);
        assert_eq!(world.orders.last().unwrap().undo, !waits, "{scope:?}: {}", world.told());
    }
}

#[test]
fn each_order_has_a_number_of_its_own() {
    let mut world = World::new(pausing());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("810 10 810 10");
    let numbers: Vec<OrderId> = world.orders.iter().map(|order| order.id).collect();
    assert_eq!(numbers, [1, 2, 3, 4].map(OrderId), "{}", world.told());
}

#[test]
fn whoever_is_there_stands_in_for_the_one_that_a_measure_was_taken_for() {
    let mut world = workers(pausing());
    world.each(&[810.0, 810.0]);
    world.leave(0);
    world.each(&[10.0]);
    world.each(&[10.0]);
    let undo = world.orders.last().unwrap();
    assert_eq!((undo.undo, undo.member.slot), (true, 1), "{}", world.told());
    assert_eq!(undo.identity, world.sample.members[0].identity);
}

#[test]
fn a_kill_waits_for_the_successor_of_the_last_one() {
    let mut killing = needing();
    killing.actions[3] = Action { expect_successor: Some(10 * SECOND), ..kill() };
    let mut world = neighbours(killing);
    world.each(&[950.0, 10.0]);
    world.each(&[950.0]);
    // Its own successor is missed at the eleventh second, the other's at the tenth.
    for _ in 0..10 {
        world.each(&[]);
    }
    let missed: Vec<u64> = world
        .events
        .iter()
        .filter_map(|event| match &event.note {
            Note::SuccessorMissing { .. } => Some(event.at.since(world.orders[0].decided).as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(missed, [10, 11], "{}", world.told());
}

#[test]
fn a_second_kill_begins_the_wait_for_a_successor_anew() {
    let mut killing = needing();
    killing.actions[3] = Action { expect_successor: Some(10 * SECOND), ..kill() };
    let mut world = workers(killing);
    world.each(&[950.0, 10.0]);
    world.each(&[950.0]);
    for _ in 0..12 {
        world.each(&[]);
    }
    assert_eq!(world.told().matches("successor missing").count(), 1, "{}", world.told());
    let missed = world.events.iter().find(|event| matches!(event.note, Note::SuccessorMissing { .. })).unwrap();
    assert_eq!(missed.at.since(world.orders[0].decided), 11 * SECOND);
}

#[test]
fn a_restart_thaws_and_leaves_other_measures_of_the_frozen_as_they_were() {
    let mut frozen = target();
    frozen.actions[1] = freeze("freeze");
    frozen.actions[0].cooldown = DAY;
    let mut world = World::new(frozen);
    world.arrive(0, DAY);
    world.executor = Box::new(|order| match *order.action == *"reset_pool" {
        true => Some((OutcomeKind::Failed, Reason::Refused)),
        false => obliging(order),
    });
    world.play("610");
    world.restart();
    world.play("610x7");
    let resets = world.orders.iter().filter(|order| *order.action == *"reset_pool").count();
    let freezes = world.orders.iter().filter(|order| *order.action == *"freeze" && !order.undo).count();
    assert_eq!((resets, freezes), (2, 1), "what failed is tried again, who was frozen is not: {}", world.told());
}

#[test]
fn what_served_all_is_in_force_for_each_of_them_after_a_restart() {
    let mut world = workers(pausing());
    world.each(&[810.0, 810.0]);
    world.restart();
    world.each(&[10.0, 810.0]);
    world.each(&[10.0, 810.0]);
    assert_eq!(world.orders.len(), 1, "the second one needs it: {}", world.told());
    assert_eq!(standing(&world).len(), 1);
}

#[test]
fn an_acknowledged_measure_is_acknowledged_after_a_restart() {
    let mut paused = pausing();
    paused.actions[1].needs = Some(Needs { action: 0, within: 5 * SECOND, otherwise: Otherwise::Hold });
    let mut world = World::new(paused);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("810x6");
    world.restart();
    world.play("950");
    assert_eq!(world.ordered(), [(0, "pause"), (7, "kill")], "{}", world.told());
}

#[test]
fn what_was_lost_in_a_restart_counts_for_its_own_cooldown_alone() {
    let mut cooling = target();
    for action in &mut cooling.actions[..2] {
        action.cooldown = DAY;
    }
    let mut world = World::new(cooling);
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("310");
    world.restart();
    world.executor = Box::new(obliging);
    world.play("10 610");
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
    assert_eq!(names(&world), ["reset_pool", "disable_websocket"]);
}

#[test]
fn a_retry_is_one_after_a_restart_too() {
    let mut cooling = target();
    cooling.actions[0].cooldown = DAY;
    let mut world = World::new(cooling);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.arrive(0, DAY);
    world.play("310x2");
    world.restart();
    world.play("310x5");
    assert_eq!(world.orders.len(), 2, "its cooldown does not hold it: {}", world.told());
    assert_eq!(world.orders[0].id, world.orders[1].id);
}

/// Another configuration, and before anybody is found the outcome of the first order.
pub(super) fn answered_in_a_reload(world: &mut World, answer: (OutcomeKind, Reason)) {
    let same = Config::clone(world.state.config());
    world.state = world.state.reconfigured(&Arc::new(same), world.now);
    let order = Arc::clone(&world.orders[0]);
    world.answer(&order, answer);
    world.state.all_found();
}

#[test]
fn an_acknowledgement_that_comes_in_a_reload_satisfies_needs() {
    for (kind, killed) in [(OutcomeKind::Acknowledged, true), (OutcomeKind::Delivered, false)] {
        let mut world = World::new(needing());
        silent(&mut world, "pause");
        world.arrive(0, DAY);
        world.play("10x6 950");
        answered_in_a_reload(&mut world, (kind, Reason::None));
        world.play("950");
        assert_eq!(names(&world).contains(&"kill"), killed, "{}", world.told());
    }
}

#[test]
fn a_queue_that_was_full_in_a_reload_is_no_try() {
    for (reason, attempt) in [(Reason::QueueFull, 1), (Reason::Refused, 2)] {
        let mut world = World::new(target());
        world.executor = Box::new(|_| None);
        world.arrive(0, DAY);
        world.play("310");
        answered_in_a_reload(&mut world, (OutcomeKind::Failed, reason));
        world.play("310x7");
        assert_eq!(world.orders[1].attempt, attempt, "{}", world.told());
    }
}

#[test]
fn what_was_taken_dry_in_a_reload_was_taken_dry() {
    let mut dry = config(target());
    dry.daemon.dry_run = true;
    let mut world = World::with(dry);
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("310");
    answered_in_a_reload(&mut world, (OutcomeKind::DryRun, Reason::None));
    world.play("310");
    world.reconfigure(config(target()));
    world.play("310x9");
    assert_eq!(names(&world), ["reset_pool"; 2], "in earnest it is due again: {}", world.told());
}

#[test]
fn each_ladder_stands_since_its_own_time_after_a_restart() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 310.0, 10.0, 11);
    both(&mut world, 310.0, 1500.0, 3);
    let before = (since(&world, 0), since(&world, 1));
    assert_eq!((before.0.0, before.1.0), (Level::Elevated, Level::Elevated));
    world.restart();
    assert_eq!((since(&world, 0), since(&world, 1)), before);
    both(&mut world, 10.0, 1500.0, 1);
    let fallen = world.now;
    both(&mut world, 10.0, 1500.0, 1);
    world.restart();
    let after = (since(&world, 0), since(&world, 1));
    assert_eq!((after.0.0, after.1), (Level::Normal, before.1));
    assert!(after.0.1 >= fallen, "nothing holds it: it begins with the daemon");
}
