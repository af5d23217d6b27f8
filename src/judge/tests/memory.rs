//! Reload and restart: what is kept, what is undone, what is never done twice.

use std::sync::Arc;
use std::time::Duration;

use super::leases::{DAY, SECOND, obliging, pausing, standing, world};
use super::several::silent;
use super::together::{at, host, ordered_to};
use super::world::{World, config, freeze, signal, target};
use crate::config::{Action, Target};
use crate::model::{ActionScope, LeaseStanding, Level, MemberKey, Note, OutcomeKind, Reason, Undo, UndoBy};

#[test]
fn dry_run_switched_off_makes_what_was_taken_dry_due_behind_settle() {
    let mut dry = config(Target { settle: 3 * SECOND, ..pausing() });
    dry.daemon.dry_run = true;
    let mut world = World::with(dry.clone());
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.arrive(0, DAY);
    world.play("810x5");
    assert_eq!(standing(&world), [], "a dry order leaves nothing to undo");
    dry.daemon.dry_run = false;
    world.reconfigure(dry);
    world.executor = Box::new(obliging);
    world.play("810x5");
    let paused: Vec<u64> = world.ordered().into_iter().map(|(second, _)| second).collect();
    assert_eq!(paused, [0, 9], "{}", world.told());
}

/// A cooldown begins with a delivery, and there was none.
#[test]
fn what_was_taken_dry_starts_no_cooldown_of_what_is_taken_in_earnest() {
    for scope in [ActionScope::Process, ActionScope::Target] {
        let mut pausing = pausing();
        pausing.actions[0].cooldown = 60 * SECOND;
        pausing.actions[0].scope = scope;
        let mut dry = config(pausing);
        dry.daemon.dry_run = true;
        let mut world = World::with(dry.clone());
        world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
        world.arrive(0, DAY);
        world.play("810x5 10x5 810x5");
        assert_eq!(world.ordered().len(), 1, "within a dry run it begins all the same: {}", world.told());
        world.play("810x60");
        assert_eq!(world.ordered().len(), 2, "{}", world.told());
        dry.daemon.dry_run = false;
        world.reconfigure(dry);
        world.executor = Box::new(obliging);
        world.play("810x9");
        assert_eq!(world.ordered().len(), 3, "{}", world.told());
    }
}

#[test]
fn a_reload_that_removes_an_action_in_force_undoes_it() {
    let mut world = world(pausing(), "810x3");
    let mut without = config(pausing());
    without.targets[0].actions[0] = signal("other");
    world.reconfigure(without);
    world.play("810x2");
    assert!(world.orders.last().unwrap().undo, "{}", world.told());
    assert_eq!(standing(&world), []);
}

#[test]
fn a_reload_that_removes_the_target_undoes_its_measures() {
    let mut world = world(pausing(), "810x3");
    let mut without = config(pausing());
    without.targets[0].name = "other".into();
    world.reconfigure(without);
    world.play("810x2");
    let undone: Vec<_> = world.orders.iter().filter(|order| order.undo).map(|order| &*order.target).collect();
    assert_eq!(undone, ["trader"], "{}", world.told());
}

#[test]
fn a_reload_that_changes_nothing_orders_nothing() {
    let mut world = world(pausing(), "810x3");
    let before = world.told();
    for _ in 0..5 {
        world.reconfigure(config(pausing()));
        world.play("810x3");
    }
    assert_eq!(world.told(), before);
}

#[test]
fn what_is_in_flight_over_a_reload_has_its_outcome() {
    let mut world = World::new(pausing());
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("810x2");
    world.reconfigure(config(pausing()));
    world.play("810");
    let order = Arc::clone(&world.orders[0]);
    world.executor = Box::new(obliging);
    world.answer(&order, (OutcomeKind::Acknowledged, Reason::None));
    assert_eq!(standing(&world), [LeaseStanding::Needed]);
    world.play("10");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
}

#[test]
fn a_changed_bound_is_set_by_the_next_reading_and_kills_only_after_its_hold() {
    let mut lower = config(Target { settle: SECOND, ..pausing() });
    let mut lowered = World::with(lower.clone());
    lowered.executor = Box::new(obliging);
    lowered.arrive(0, DAY);
    lowered.play("810x9");
    let bound = lower.targets[0].thresholds[0].bounds.get_mut(Level::Fatal).unwrap().as_mut().unwrap();
    (bound.at, bound.clear, bound.hold) = (805.0, 700.0, 4 * SECOND);
    lowered.reconfigure(lower.clone());
    lowered.play("810x2");
    assert!(!lowered.told().contains("kill"), "{}", lowered.told());
    lowered.play("810x3");
    assert!(lowered.told().contains("gone kill"), "{}", lowered.told());
    let mut higher = config(pausing());
    for (_, bound) in higher.targets[0].thresholds[0].bounds.iter_mut() {
        bound.as_mut().unwrap().at *= 10.0;
    }
    let mut higher_up = world(pausing(), "810x3");
    higher_up.reconfigure(higher);
    higher_up.play("810");
    assert!(higher_up.told().contains("default: critical -> normal"), "left at once: {}", higher_up.told());
}

#[test]
fn a_daemon_that_was_killed_takes_up_where_it_was() {
    let mut world = world(pausing(), "810x3");
    let before = world.told();
    world.restart();
    world.play("810x3");
    assert_eq!(world.told(), before, "nothing is taken twice, nothing undone");
    world.play("10");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
}

#[test]
fn an_intent_without_outcome_counts_as_delivered() {
    let mut world = World::new(pausing());
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("810");
    world.restart();
    world.executor = Box::new(obliging);
    world.play("810x3");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
    world.play("10");
    assert_eq!(world.orders.len(), 2, "undone: {}", world.told());
}

#[test]
fn an_undo_without_outcome_is_ordered_again() {
    let mut world = world(pausing(), "810");
    world.executor = Box::new(|_| None);
    world.play("10");
    assert_eq!(world.orders.len(), 2);
    world.restart();
    world.executor = Box::new(obliging);
    world.play("10x2");
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 2, "{}", world.told());
    assert_eq!(world.orders[1].id, world.orders[2].id);
    assert_eq!(standing(&world), []);
}

#[test]
fn a_start_thaws_and_does_not_freeze_again_before_the_level_was_left() {
    let mut frozen = pausing();
    frozen.actions[0] = freeze("freeze");
    let mut world = world(frozen, "810x2");
    world.restart();
    world.play("810x3");
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 1, "{}", world.told());
    assert_eq!(world.orders.len(), 2);
}

#[test]
fn a_freeze_that_the_end_of_the_daemon_cut_short_starts_no_cooldown() {
    let mut frozen = pausing();
    frozen.actions[0] = Action { cooldown: DAY, ..freeze("freeze") };
    let mut world = world(frozen, "810x2");
    world.restart();
    world.play("810 10 810");
    assert_eq!(world.orders.iter().filter(|order| !order.undo).count(), 2, "{}", world.told());
    let verdicts = crate::judge::stop(&mut world.state, &world.sample, world.now);
    assert!(verdicts.orders.iter().all(|order| order.undo) && verdicts.orders.len() == 1);
    world.restart();
    world.play("10 810");
    assert_eq!(world.orders.iter().filter(|order| !order.undo).count(), 3, "{}", world.told());
}

#[test]
fn a_thaw_at_the_start_does_not_wait_for_discovery() {
    let mut frozen = pausing();
    frozen.actions[0] = freeze("freeze");
    let mut world = world(frozen, "810x2");
    let members = std::mem::take(&mut world.sample.members);
    world.restart_blind();
    world.play("_");
    assert!(world.orders.last().unwrap().undo, "{}", world.told());
    world.sample.members = members;
}

#[test]
fn a_kill_under_way_over_a_restart_is_not_ordered_twice() {
    let mut world = World::new(Target { settle: Duration::ZERO, ..pausing() });
    world.executor = Box::new(|order| (!order.measure.is_kill()).then_some((OutcomeKind::Acknowledged, Reason::None)));
    world.arrive(0, DAY);
    world.play("950x2");
    let killing = world.restart();
    assert_eq!(killing.len(), 1);
    world.play("950x4");
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 1);
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 2);
    let order = Arc::clone(&killing[0].order);
    world.leave(0);
    world.answer(&order, (OutcomeKind::Gone, Reason::None));
    assert!(world.told().contains("gone kill none"), "{}", world.told());
}

#[test]
fn cooldowns_and_schedule_run_on_over_a_restart() {
    let mut cooling = target();
    cooling.actions[0].cooldown = 10 * SECOND;
    let mut world = World::of(cooling, "310 10");
    world.restart();
    world.play("310x3");
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
}

#[test]
fn without_a_state_file_freezes_and_kills_are_held() {
    let mut frozen = pausing();
    frozen.actions[0] = freeze("freeze");
    let mut world = World::new(frozen);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.state.set_remembering(false);
    world.play("950x7");
    assert!(world.orders.is_empty(), "{}", world.told());
    assert!(world.told().contains("held kill state_unwritable"), "{}", world.told());
    world.state.set_remembering(true);
    world.play("950");
    assert!(world.told().contains("gone kill"), "{}", world.told());
}

#[test]
fn a_missing_successor_is_told_once_and_so_is_its_coming() {
    let mut expecting = pausing();
    expecting.actions[1].expect_successor = Some(5 * SECOND);
    let mut world = world(expecting, "10x6 950");
    world.play("_x3");
    assert!(!world.state.successor_missing(0));
    world.play("_x4");
    assert!(world.state.successor_missing(0));
    assert_eq!(world.told().matches("successor missing").count(), 1, "{}", world.told());
    world.arrive(0, Duration::ZERO);
    world.play("10");
    assert!(!world.state.successor_missing(0));
    assert!(world.told().ends_with("successor came\n"), "{}", world.told());
}

#[test]
fn an_undo_with_its_own_policy_survives_a_configuration_without_it() {
    let mut paused = pausing();
    paused.actions[0].undo = Some(Undo { by: UndoBy::Operator, ..paused.actions[0].undo.clone().unwrap() });
    let mut world = world(paused, "810");
    let mut without = config(pausing());
    without.targets[0].actions[0].undo = None;
    world.reconfigure(without);
    world.play("10x3");
    assert_eq!(standing(&world), [LeaseStanding::Operator]);
}

#[test]
fn notes_of_an_undo_say_so() {
    let world = world(pausing(), "810 10");
    let undone = world.events.iter().find_map(|event| match &event.note {
        Note::Ended { order, .. } if order.undo => Some(Arc::clone(order)),
        _ => None,
    });
    let undone = undone.expect("an undo");
    assert_eq!(
        (&*undone.action, undone.scope, undone.member),
        ("pause", ActionScope::Target, MemberKey { target: 0, slot: 0 })
    );
}

#[test]
fn a_delivery_to_all_keeps_the_cooldown_of_its_own_action_over_a_restart() {
    let mut wide = target();
    wide.actions[1] = Action { cooldown: DAY, scope: ActionScope::Target, ..signal("disable_websocket") };
    let mut world = World::of(wide, "610x2 10");
    world.restart();
    world.play("10 610x5");
    assert_eq!(ordered_to(&world, "disable_websocket").len(), 1, "{}", world.told());
    assert_eq!(ordered_to(&world, "reset_pool").len(), 2, "{}", world.told());
}

#[test]
fn an_entry_of_the_hosts_ladder_that_was_lost_in_a_restart_has_its_time_to_help() {
    let mut world = host(|_| {});
    silent(&mut world, "shed_load");
    at(&mut world, 0.7, 2);
    world.restart();
    at(&mut world, 0.7, 3);
    assert!(ordered_to(&world, "reduce").is_empty(), "{}", world.told());
    at(&mut world, 0.7, 4);
    assert_eq!(ordered_to(&world, "reduce").len(), 1, "{}", world.told());
}
