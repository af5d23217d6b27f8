//! At the very edge: the moment in which a span is over, the value that is the bound itself, the second of two
//! that are alike.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{alone, effects};
use super::leases::{DAY, SECOND, obliging, pausing};
use super::operator::{ends, inhibit};
use super::reloads::{both, two};
use super::together::{at, host, ordered_to, pass, three};
use super::world::{World, config, signal, target};
use crate::config::{HostStep, Needs, Otherwise, Per};
use crate::model::{ActionScope, InhibitionEnd, Level, MemberKey, OrderId, Outcome, OutcomeKind, Reason, Value};

const TICK: Duration = Duration::from_millis(10);

#[test]
fn a_window_is_written_down_when_it_says_something_else_and_not_at_each_reading() {
    let mut world = World::of(alone(signal("reset_pool")), "10 400 400");
    let mut changed = |series: &str| {
        world.state.take_changed();
        world.play(series);
        world.state.take_changed()
    };
    assert!(!changed("400"));
    assert!(changed("380"));
    assert!(!changed("381"));
}

#[test]
fn the_memory_has_changed_when_something_was_told_and_not_by_looking() {
    let mut world = World::of(target(), "10 10");
    let mut changed = |series: &str| {
        world.state.take_changed();
        world.play(series);
        world.state.take_changed()
    };
    assert!(!changed("10"));
    assert!(changed("denied"), "a sight");
    assert!(!changed("denied"));
    assert!(changed("10"), "and again");
    assert!(changed("310"), "a level, an order and its outcome");
    assert!(!changed("310"));
    let lost = Outcome {
        order: OrderId(99),
        member: MemberKey { target: 0, slot: 0 },
        kind: OutcomeKind::Failed,
        reason: Reason::Timeout,
        at: world.now,
        untouched: false,
        detail: None,
    };
    world.settle_outcomes(vec![lost]);
    assert!(world.state.take_changed(), "an outcome, whosever it is");
}

#[test]
fn what_is_held_back_by_nobody_changes_nothing_when_it_is_released() {
    let mut world = World::of(target(), "10");
    world.state.take_changed();
    assert!(world.state.release((None, None), &"bob".into(), world.now).is_empty());
    assert!(!world.state.take_changed());
    inhibit(&mut world, None, DAY, false);
    world.state.take_changed();
    assert_eq!(world.state.release((None, None), &"bob".into(), world.now).len(), 1);
    assert!(world.state.take_changed());
}

#[test]
fn a_reading_of_the_middle_of_the_window_is_late_enough_to_judge_by() {
    let mut world = World::new(alone(signal("reset_pool")));
    world.interval = 5 * SECOND;
    world.arrive(0, DAY);
    world.play("10 400 400 _ _");
    assert_eq!(effects(&world), ["15s ineffective reset_pool 400 -> 400"], "{}", world.told());
}

#[test]
fn who_is_found_after_the_second_of_two_reloads_is_as_he_was_before_the_first() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    both(&mut world, 310.0, 10.0, 8);
    let late = world.sample.members.pop().unwrap();
    for _ in 0..2 {
        world.state = world.state.reconfigured(&Arc::new(config(two())), world.now);
        world.settle_outcomes(Vec::new());
    }
    world.sample.members.push(late);
    world.settle_outcomes(Vec::new());
    world.state.all_found();
    both(&mut world, 310.0, 10.0, 3);
    assert_eq!(ordered_to(&world, "reset_pool"), [(10, 0), (10, 1)], "{}", world.told());
}

#[test]
fn a_hold_of_a_group_goes_on_over_a_reload() {
    let held = |target: &mut crate::config::Target| {
        target.thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().hold = 10 * SECOND;
    };
    let mut world = three(Per::Group, held);
    for second in 0..12 {
        if second == 6 {
            let same = crate::config::Config::clone(world.state.config());
            world.reconfigure(same);
        }
        pass(&mut world, &[100.0, 110.0, 120.0], Value::Known(330.0));
    }
    assert_eq!(ordered_to(&world, "reset_pool"), [(10, 0), (10, 1), (10, 2)], "{}", world.told());
}

#[test]
fn of_two_that_contribute_alike_the_first_is_ended() {
    let mut world = three(Per::Group, |_| {});
    pass(&mut world, &[350.0, 350.0, 350.0], Value::Known(1050.0));
    assert_eq!(ordered_to(&world, "kill"), [(0, 0)], "{}", world.told());
}

#[test]
fn a_fall_of_the_host_leaves_the_entries_of_the_level_that_it_falls_to() {
    let mut world = host(|_| {});
    at(&mut world, 0.7, 6);
    assert_eq!(ordered_to(&world, "reduce"), [(5, 0)], "{}", world.told());
    at(&mut world, 0.9, 1);
    at(&mut world, 0.7, 2);
    assert!(world.told().contains("the host's host: critical -> elevated"), "{}", world.told());
    assert!(!world.told().contains("undo reduce"), "{}", world.told());
}

#[test]
fn an_entry_that_was_passed_over_waits_for_its_round_although_its_brake_has_opened() {
    let mut world = host(|config| config.targets[0].actions[0].cooldown = 6 * SECOND);
    at(&mut world, 0.7, 1);
    at(&mut world, 0.5, 1);
    at(&mut world, 0.7, 8);
    assert_eq!(ordered_to(&world, "reduce"), [(3, 0)], "{}", world.told());
    assert_eq!(ordered_to(&world, "shed_load"), [(0, 0), (0, 1), (8, 0), (8, 1)], "{}", world.told());
}

#[test]
fn a_kill_of_the_host_whose_time_for_what_it_needs_is_over_lets_the_next_entry_pass() {
    let mut world = host(|config| {
        config.targets[0].actions[2].needs = Some(Needs { action: 1, within: 3 * SECOND, otherwise: Otherwise::Hold });
        let step = |action| HostStep { target: 0, action };
        *config.host.ladder.get_mut(Level::Elevated).unwrap() = Vec::new();
        *config.host.ladder.get_mut(Level::Critical).unwrap() = vec![step(2), step(0)];
    });
    world.executor = Box::new(|order| match *order.action == *"reduce" {
        true => Some((OutcomeKind::Failed, Reason::Refused)),
        false => obliging(order),
    });
    at(&mut world, 0.9, 5);
    assert_eq!(ordered_to(&world, "shed_load"), [(3, 0), (3, 1)], "{}", world.told());
}

#[test]
fn in_the_moment_of_its_end_nothing_is_held_back_any_more() {
    let mut world = World::of(target(), "10");
    inhibit(&mut world, None, 5 * SECOND, false);
    let end = world.now + 5 * SECOND;
    assert_eq!(world.state.inhibitions(end).count(), 0);
    assert_eq!(world.state.inhibitions(end - Duration::from_nanos(1)).count(), 1);
}

/// The kernel's clock of starts ticks a hundred times a second, and rounds down.
#[test]
fn a_successor_is_who_may_have_been_born_after_it() {
    for (before, came) in [(TICK, false), (TICK - Duration::from_millis(1), true), (Duration::ZERO, true)] {
        let mut world = World::of(target(), "10");
        inhibit(&mut world, None, DAY, true);
        let born = world.now - before;
        world.now = world.now + 3 * SECOND;
        world.leave(0);
        world.arrive(0, world.now.since(born));
        world.play("10");
        let expected: &[InhibitionEnd] = if came { &[InhibitionEnd::Successor] } else { &[] };
        assert_eq!(ends(&world), expected, "born {before:?} before: {}", world.told());
    }
}

#[test]
fn who_was_first_seen_in_the_moment_of_an_inhibition_is_no_successor() {
    let mut world = World::new(target());
    world.arrive(0, Duration::ZERO);
    inhibit(&mut world, None, DAY, true);
    world.play("10x3");
    assert_eq!(ends(&world), []);
}

#[test]
fn what_served_all_is_taken_anew_once_its_cooldown_is_over() {
    let mut wide = target();
    wide.actions[0].scope = ActionScope::Target;
    wide.actions[0].cooldown = 4 * SECOND;
    for (second, orders) in [(3, &[(0, 0)][..]), (4, &[(0, 0), (4, 1)])] {
        let mut world = World::new(wide.clone());
        world.arrive(0, DAY);
        world.arrive(1, DAY);
        for now in 0..=second {
            world.each(&[310.0, if now == second { 310.0 } else { 10.0 }]);
        }
        assert_eq!(ordered_to(&world, "reset_pool"), orders, "{}", world.told());
    }
}

#[test]
fn who_was_born_before_a_delivery_as_far_as_the_kernel_can_tell_was_reached_by_it() {
    // It tells hundredths of a second, rounded down.
    for (before, pauses) in [(Duration::from_millis(10), 1), (Duration::from_nanos(9_999_999), 2)] {
        // Delivered, and not acknowledged: it is in force all the same.
        let mut world = World::new(pausing());
        world.arrive(0, DAY);
        world.each(&[810.0]);
        let taken = world.orders[0].decided;
        world.arrive(1, world.now.since(taken - before));
        world.each(&[810.0, 810.0]);
        assert_eq!(ordered_to(&world, "pause").len(), pauses, "{}", world.told());
        let second = world.state.member(MemberKey { target: 0, slot: 1 }).unwrap();
        assert_eq!(second.ladders().next().unwrap().level, Level::Critical);
    }
}
