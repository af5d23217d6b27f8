//! What changes what is to be remembered, and what a restart or a reload makes of it: each thing comes again in its time,
//! and once.

use std::sync::Arc;
use std::time::Duration;

use super::effects::alone;
use super::leases::{DAY, SECOND, obliging, pausing, standing, world};
use super::operator::{act, inhibit, names};
use super::reloads::{both, since, two};
use super::several::{answered_in_a_reload, silent};
use super::together::ordered_to;
use super::world::{World, config, freeze, http, signal, target};
use crate::config::{Action, Per, Schedule, Target};
use crate::judge::{Start, State};
use crate::model::{Level, OutcomeKind, Reason, Value};

/// A reset at elevated that comes again, and a measure at warning that is undone.
fn repeating() -> Target {
    let mut repeating = target();
    repeating.actions[0].repeat = Some(10 * SECOND);
    repeating.actions[1] = http("off");
    repeating
}

/// Whether the pass with `series` has changed what is to be remembered.
fn changes(world: &mut World, series: &str) -> bool {
    world.state.take_changed();
    world.play(series);
    world.state.take_changed()
}

#[test]
fn a_level_is_remembered_although_its_ladder_stood_there_already() {
    let mut twice = two();
    twice.thresholds[1].ladder = 0;
    let mut world = World::new(twice);
    world.arrive(0, DAY);
    both(&mut world, 310.0, 10.0, 12);
    world.state.take_changed();
    both(&mut world, 310.0, 10.0, 1);
    assert!(!world.state.take_changed());
    both(&mut world, 310.0, 1500.0, 1);
    assert!(world.state.take_changed(), "{}", world.told());
}

#[test]
fn a_level_of_a_group_is_remembered_although_its_ladder_stood_there_already() {
    let mut twice = two();
    twice.thresholds[1].ladder = 0;
    let mut world = World::new(Target { per: Per::Group, ..twice });
    world.arrive(0, DAY);
    let mut group = |fds: f64, rss: f64| {
        let reading = |value| crate::model::Reading { at: world.now, period: SECOND, value: Value::Known(value) };
        world.sample.groups = vec![crate::model::GroupSample { target: 0, readings: vec![reading(fds), reading(rss)] }];
        world.state.take_changed();
        world.each(&[fds]);
        world.state.take_changed()
    };
    for _ in 0..12 {
        group(310.0, 10.0);
    }
    assert!(!group(310.0, 10.0));
    assert!(group(310.0, 1500.0));
}

#[test]
fn that_nobody_is_waited_for_any_more_is_remembered() {
    let mut world = World::of(target(), "10");
    world.restart_blind();
    world.state.take_changed();
    world.state.all_found();
    assert!(world.state.take_changed());
    world.state.all_found();
    assert!(!world.state.take_changed());
}

#[test]
fn a_time_of_the_schedule_is_remembered_although_the_last_order_is_still_out() {
    let entry = Schedule { action: 0, every: 10 * SECOND, phase: 3 * SECOND, jitter: Duration::ZERO };
    let mut world = World::new(Target { schedule: vec![entry], ..target() });
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("1x11");
    assert!(!changes(&mut world, "1"), "{}", world.told());
    assert!(changes(&mut world, "1"), "{}", world.told());
}

#[test]
fn who_is_calm_is_remembered_without_thresholds() {
    let mut world = World::of(target(), "10");
    assert!(world.state.memory().members[0].thresholds.is_empty());
    world.play("310");
    assert_eq!(world.state.memory().members[0].thresholds.len(), 1);
}

#[test]
fn a_state_knows_its_series() {
    let state = State::new(Arc::new(config(target())), Start { series: 7, ..Start::default() });
    assert_eq!(state.series(), 7);
}

#[test]
fn each_rung_knows_after_a_reload_what_was_told_of_it() {
    let mut held = target();
    held.actions[0].cooldown = DAY;
    let mut world = World::of(held.clone(), "310 10");
    inhibit(&mut world, Some("disable_websocket"), DAY, false);
    world.play("610x2");
    world.reconfigure(config(held));
    world.play("610x2");
    let told = world.told();
    for line in ["held reset_pool cooldown", "held disable_websocket inhibited"] {
        assert_eq!(told.matches(line).count(), 1, "{told}");
    }
}

#[test]
fn what_was_taken_dry_is_not_taken_again_after_a_restart_into_dry_run() {
    let mut dry = config(target());
    dry.daemon.dry_run = true;
    let mut world = World::with(dry);
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.arrive(0, DAY);
    world.play("310x2");
    world.restart();
    world.play("310x9");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
}

#[test]
fn what_was_lost_in_a_restart_comes_again_in_its_time_whatever_else_is_in_force() {
    let mut world = World::new(repeating());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("10");
    act(&mut world, "off").unwrap();
    assert_eq!(standing(&world).len(), 1);
    silent(&mut world, "reset_pool");
    world.play("310");
    world.restart();
    world.executor = Box::new(obliging);
    world.play("310x11");
    assert_eq!(names(&world), ["off", "reset_pool", "reset_pool"], "{}", world.told());
}

#[test]
fn what_was_delivered_in_a_reload_comes_again_in_its_time() {
    let mut world = World::new(repeating());
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("310");
    answered_in_a_reload(&mut world, (OutcomeKind::Delivered, Reason::None));
    world.play("310x9");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
    world.play("310x2");
    assert_eq!(world.orders.len(), 2, "{}", world.told());
}

#[test]
fn what_fails_after_a_reload_is_tried_again_after_its_backoff() {
    for found in [false, true] {
        let mut world = World::new(target());
        world.executor = Box::new(|_| None);
        world.arrive(0, DAY);
        world.play("310");
        if found {
            world.reconfigure(config(target()));
            let order = Arc::clone(&world.orders[0]);
            world.answer(&order, (OutcomeKind::Failed, Reason::Refused));
        } else {
            answered_in_a_reload(&mut world, (OutcomeKind::Failed, Reason::Refused));
        }
        world.play("310x4");
        assert_eq!(world.orders.len(), 1, "found: {found}\n{}", world.told());
        world.play("310");
        assert_eq!(world.orders.len(), 2, "found: {found}\n{}", world.told());
    }
}

#[test]
fn a_freeze_that_a_stop_cut_short_starts_no_cooldown_once_it_is_undone() {
    let mut frozen = pausing();
    frozen.actions[0] = Action { cooldown: DAY, ..freeze("freeze") };
    let mut world = world(frozen, "810x2");
    let verdicts = crate::judge::stop(&mut world.state, &world.sample, world.now);
    let thaw = Arc::clone(&verdicts.orders[0]);
    world.answer(&thaw, (OutcomeKind::Acknowledged, Reason::None));
    assert_eq!(standing(&world), []);
    world.restart();
    world.play("10 810");
    assert_eq!(ordered_to(&world, "freeze").len(), 2, "{}", world.told());
}

#[test]
fn a_raised_ladder_stands_since_it_was_raised_after_a_restart() {
    let mut stepping = alone(Action { escalate: crate::config::Escalate::Yes, ..signal("reset_pool") });
    stepping.actions.push(signal("other"));
    *stepping.ladders[0].steps.get_mut(Level::Warning).unwrap() = vec![1];
    let mut world = World::of(stepping, "10 400x12");
    let before = since(&world, 0);
    assert_eq!(before.0, Level::Warning);
    world.restart();
    assert_eq!(since(&world, 0), before);
}
