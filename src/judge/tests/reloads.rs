//! A reload keeps what did not change: each threshold by itself, each ladder, each rung.

use super::leases::{DAY, SECOND, world};
use super::world::{World, config, open_fds, signal, target, threshold};
use crate::config::{Config, Ladder, Target, Threshold};
use crate::model::{Level, MemberKey, Moment, PerLevel, Value};

/// open_fds on the default ladder, entered after ten seconds; rss on a ladder of its own.
pub(super) fn two() -> Target {
    let mut fds = open_fds();
    for (_, bound) in fds.bounds.iter_mut() {
        bound.as_mut().unwrap().hold = 10 * SECOND;
    }
    let rss = threshold([
        (Level::Elevated, 1000.0),
        (Level::Warning, f64::INFINITY),
        (Level::Critical, f64::INFINITY),
        (Level::Fatal, f64::INFINITY),
    ]);
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Elevated).unwrap() = vec![0];
    let memory = Ladder { name: "memory".into(), steps };
    let Target { mut ladders, .. } = target();
    ladders.push(memory);
    Target {
        thresholds: vec![
            fds,
            Threshold {
                metric: 1,
                name: crate::model::Metric::plain(crate::model::Base::Rss),
                ladder: 1,
                clear_hold: 10 * SECOND,
                ..rss
            },
        ],
        ladders,
        ..target()
    }
}

pub(super) fn both(world: &mut World, fds: f64, rss: f64, times: usize) {
    for _ in 0..times {
        world.pass(&[Some(Value::Known(fds)), Some(Value::Known(rss))]);
    }
}

pub(super) fn since(world: &World, ladder: usize) -> (Level, Moment) {
    let member = world.state.member(MemberKey { target: 0, slot: 0 }).unwrap();
    let view = member.ladders().nth(ladder).unwrap();
    (view.level, view.since)
}

/// As `two`, with another bound of rss.
fn other_rss() -> Config {
    let mut other = config(two());
    let bound = other.targets[0].thresholds[1].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap();
    (bound.at, bound.clear) = (1200.0, 1100.0);
    other
}

/// A configuration management that reloads every few seconds must not keep a level from being entered.
#[test]
fn a_hold_that_is_under_way_goes_on() {
    for change in [config(two()), other_rss()] {
        let mut world = World::new(two());
        world.arrive(0, DAY);
        both(&mut world, 10.0, 10.0, 3);
        for _ in 0..3 {
            both(&mut world, 310.0, 10.0, 4);
            world.reconfigure(change.clone());
        }
        assert_eq!(world.level(), Level::Elevated, "{}", world.told());
        assert_eq!(world.ordered().len(), 1);
        assert_eq!(world.ordered()[0], (13, "reset_pool"), "{}", world.told());
    }
}

#[test]
fn a_clear_hold_that_is_under_way_goes_on() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 10.0, 1500.0, 2);
    assert_eq!(since(&world, 1).0, Level::Elevated);
    for _ in 0..3 {
        both(&mut world, 10.0, 10.0, 4);
        world.reconfigure(config(two()));
    }
    assert_eq!(since(&world, 1).0, Level::Normal, "{}", world.told());
}

#[test]
fn a_changed_bound_changes_its_own_threshold_alone() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 310.0, 1500.0, 11);
    both(&mut world, 310.0, 1150.0, 1);
    let (fds, rss) = (since(&world, 0), since(&world, 1));
    assert_eq!((fds.0, rss.0), (Level::Elevated, Level::Elevated));
    world.reconfigure(other_rss());
    both(&mut world, 310.0, 1150.0, 1);
    assert_eq!(since(&world, 0), fds, "since when, too");
    assert_eq!(since(&world, 1).0, Level::Normal, "its own is set by the next reading: {}", world.told());
    both(&mut world, 310.0, 10.0, 5);
    assert_eq!(since(&world, 0), fds);
}

#[test]
fn the_hold_of_a_changed_bound_begins_anew() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 310.0, 10.0, 8);
    let mut lower = config(two());
    let bound = lower.targets[0].thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap();
    bound.at = 305.0;
    world.reconfigure(lower);
    both(&mut world, 310.0, 10.0, 8);
    assert_eq!(since(&world, 0).0, Level::Normal, "{}", world.told());
    both(&mut world, 310.0, 10.0, 4);
    assert_eq!(since(&world, 0).0, Level::Elevated, "{}", world.told());
}

#[test]
fn a_ladder_at_normal_stays_there_since_it_was() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 10.0, 10.0, 9);
    let before = (since(&world, 0), since(&world, 1));
    world.reconfigure(other_rss());
    both(&mut world, 10.0, 10.0, 1);
    assert_eq!((since(&world, 0), since(&world, 1)), before);
}

/// Another action, another ladder and another threshold come and go beside what holds.
#[test]
fn rungs_of_another_ladder_are_not_touched() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 310.0, 1500.0, 12);
    let told = world.told();
    let orders = world.orders.len();
    let mut other = config(two());
    let target = &mut other.targets[0];
    target.actions.insert(0, signal("new"));
    for ladder in &mut target.ladders {
        for (_, steps) in ladder.steps.iter_mut() {
            steps.iter_mut().for_each(|step| *step += 1);
        }
    }
    target.ladders[1].steps.get_mut(Level::Elevated).unwrap().push(0);
    target.thresholds.swap(0, 1);
    world.reconfigure(other);
    both(&mut world, 310.0, 1500.0, 3);
    let new: Vec<&str> = world.orders[orders..].iter().map(|order| &*order.action).collect();
    assert_eq!(new, ["new"], "only what was added is due:\n{}", &world.told()[told.len()..]);
}

/// Counted once per rung and brake, however often the files are read again.
#[test]
fn a_brake_that_was_told_of_is_not_told_of_again() {
    let mut cooling = target();
    cooling.actions[0].cooldown = DAY;
    let mut world = World::of(cooling.clone(), "310 10 310x3");
    assert_eq!(world.told().matches("held reset_pool cooldown").count(), 1);
    let order = world.state.memory().members[0].rungs[0].order.as_ref().unwrap().id;
    for _ in 0..3 {
        let mut other = config(cooling.clone());
        other.targets[0].actions[1].cooldown = DAY;
        world.reconfigure(other);
        world.play("310x3");
    }
    assert_eq!(world.told().matches("held reset_pool cooldown").count(), 1, "{}", world.told());
    assert_eq!(world.state.memory().members[0].rungs[0].order.as_ref().unwrap().id, order);
    let mut shorter = config(cooling);
    shorter.targets[0].actions[0].cooldown = SECOND;
    world.reconfigure(shorter);
    world.play("310");
    assert!(world.told().contains("open reset_pool cooldown"), "{}", world.told());
}

#[test]
fn two_reloads_before_anybody_was_found_again_lose_nothing() {
    let mut world = World::new(two());
    world.arrive(0, DAY);
    both(&mut world, 310.0, 10.0, 8);
    for _ in 0..3 {
        world.state = world.state.reconfigured(&std::sync::Arc::new(other_rss()), world.now);
    }
    both(&mut world, 310.0, 10.0, 3);
    assert_eq!(world.ordered().len(), 1, "{}", world.told());
}

#[test]
fn measures_in_force_of_what_did_not_change_stay() {
    let mut world = world(super::leases::pausing(), "810x3");
    let taken = world.state.leases(world.now).next().unwrap().since;
    let mut other = config(super::leases::pausing());
    let bound = other.targets[0].thresholds[0].bounds.get_mut(Level::Fatal).unwrap().as_mut().unwrap();
    bound.at = 1500.0;
    other.targets[0].settle = 9 * SECOND;
    world.reconfigure(other);
    world.play("810x3");
    assert_eq!(world.orders.len(), 1, "{}", world.told());
    assert_eq!(world.state.leases(world.now).next().unwrap().since, taken);
}
