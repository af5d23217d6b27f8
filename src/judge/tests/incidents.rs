//! When an incident begins, and when it is over: over a restart as without.

use std::time::Duration;

use super::leases::{DAY, SECOND, obliging, pausing};
use super::several::silent;
use super::world::{World, kill, target};
use crate::config::Action;
use crate::model::{OutcomeKind, Reason};

/// Plays second by second, each with a restart before it or none; whether there was an incident at the end of each.
fn told(world: &mut World, values: &[f64], restarts: bool) -> String {
    let mut line = String::new();
    for value in values {
        if restarts {
            world.restart();
        }
        world.each(&[*value]);
        line.push(if world.state.incident(0).is_some() { 'i' } else { '.' });
    }
    line
}

#[test]
fn it_lasts_from_the_first_order_until_the_target_is_at_normal() {
    for restarts in [false, true] {
        let mut world = World::new(target());
        world.arrive(0, DAY);
        // Up to elevated, to warning, down to elevated, where nothing new is ordered, to normal, and up again.
        let line = told(&mut world, &[10.0, 310.0, 610.0, 310.0, 310.0, 10.0, 10.0, 310.0], restarts);
        assert_eq!(line, ".iiii..i", "{restarts}: {}", world.told());
        assert!(world.state.incident(0).is_some_and(|since| since + SECOND == world.now), "it is another one");
    }
}

#[test]
fn what_is_vetoed_is_none_and_what_is_under_way_is_one() {
    for (kind, expected) in [
        (OutcomeKind::Vetoed, "...."),
        (OutcomeKind::Failed, "iii."),
        (OutcomeKind::DryRun, "iii."),
        (OutcomeKind::Delivered, "iii."),
    ] {
        let mut world = World::new(target());
        world.executor = Box::new(move |_| Some((kind, Reason::Identity)));
        world.arrive(0, DAY);
        assert_eq!(told(&mut world, &[310.0, 310.0, 310.0, 10.0], false), expected, "{kind:?}");
    }
    let mut world = World::new(target());
    silent(&mut world, "reset_pool");
    world.arrive(0, DAY);
    assert_eq!(told(&mut world, &[310.0], false), "i");
    world.restart();
    assert!(world.state.incident(0).is_some(), "what a restart has lost may have been delivered");
}

#[test]
fn it_lasts_as_long_as_a_measure_is_in_force() {
    let mut paused = pausing();
    paused.actions[0].undo.as_mut().unwrap().after = 3 * SECOND;
    for restarts in [false, true] {
        let mut world = World::new(paused.clone());
        world.executor = Box::new(obliging);
        world.arrive(0, DAY);
        let line = told(&mut world, &[810.0, 10.0, 10.0, 10.0, 10.0, 10.0], restarts);
        assert!(line.starts_with("iiii") && line.ends_with('.'), "{restarts}: {line}\n{}", world.told());
    }
}

#[test]
fn after_a_kill_it_lasts_until_the_successor_is_past_its_start_up_grace() {
    for restarts in [false, true] {
        for expected in [true, false] {
            let mut killing = target();
            killing.startup_grace = 4 * SECOND;
            let expect_successor = expected.then_some(2 * SECOND);
            killing.actions[3] = Action { expect_successor, ..kill() };
            let mut world = World::new(killing);
            world.arrive(0, DAY);
            // Whoever was killed is at normal, in a way.
            let killed = if expected { "i" } else { "." };
            assert_eq!(told(&mut world, &[950.0], restarts), killed, "{}", world.told());
            world.leave(0);
            let alone = told(&mut world, &[10.0; 4], restarts);
            world.arrive(0, Duration::ZERO);
            let after = told(&mut world, &[10.0; 6], restarts);
            let lasts = if expected { ("iiii", "iiii..") } else { ("....", "......") };
            assert_eq!((&*alone, &*after), lasts, "{restarts} {expected}: {}", world.told());
        }
    }
}

#[test]
fn before_everybody_was_looked_for_after_a_restart_it_is_not_over() {
    let mut world = World::new(target());
    world.arrive(0, DAY);
    told(&mut world, &[310.0], false);
    world.restart_blind();
    let members = std::mem::take(&mut world.sample.members);
    world.pass(&[]);
    assert!(world.state.incident(0).is_some());
    world.sample.members = members;
    world.each(&[310.0]);
    world.state.all_found();
    assert!(world.state.incident(0).is_some());
    world.each(&[10.0]);
    assert!(world.state.incident(0).is_none());
}

#[test]
fn a_reload_keeps_it_under_its_name() {
    let mut world = World::new(target());
    world.arrive(0, DAY);
    told(&mut world, &[310.0], false);
    let mut config = super::world::config(target());
    config.targets.insert(0, crate::config::Target { name: "other".into(), ..target() });
    world.sample.members[0].member.target = 1;
    world.reconfigure(config);
    assert_eq!((world.state.incident(0), world.state.incident(1).is_some()), (None, true));
}
