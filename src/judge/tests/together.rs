//! Groups, the host's ladder, and what is done whatever the level.

use std::time::Duration;

use super::world::{World, config, freeze, http, kill, signal, target, threshold};
use crate::config::{Config, Host, HostStep, Ladder, Needs, Otherwise, Per, Schedule, Target, Threshold};
use crate::model::{
    ActionScope, Base, GroupSample, Level, MemberKey, Metric, Moment, Note, OutcomeKind, PerLevel, Reading, Reason,
    Unknown, Value,
};

const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);
const NEVER: f64 = f64::INFINITY;

fn acknowledging(world: &mut World) {
    world.executor = Box::new(|order| {
        let kind = if order.measure.is_kill() { OutcomeKind::Gone } else { OutcomeKind::Acknowledged };
        Some((kind, Reason::None))
    });
}

fn reading(at: Moment, value: f64) -> Reading {
    Reading { at, period: SECOND, value: Value::Known(value) }
}

/// A pass in which the members' first metric and its sum over the group have these values.
pub(super) fn pass(world: &mut World, values: &[f64], sum: Value) {
    let group = vec![Reading { value: sum, ..reading(world.now, 0.0) }; 2];
    world.sample.groups = vec![GroupSample { target: 0, readings: group }];
    world.each(values);
}

pub(super) fn three(per: Per, changed: impl FnOnce(&mut Target)) -> World {
    let mut grouped = Target { per, ..target() };
    changed(&mut grouped);
    let mut world = World::new(grouped);
    acknowledging(&mut world);
    for slot in 0..3 {
        world.arrive(slot, DAY);
    }
    world
}

/// `(second, slot)` of the orders of an action.
pub(super) fn ordered_to(world: &World, action: &str) -> Vec<(u64, u32)> {
    let orders = world.events.iter().filter_map(|event| match &event.note {
        Note::Ordered(order) if *order.action == *action && !order.undo => {
            Some((event.at.since(Moment::from_secs(1_000_000)).as_secs(), order.member.slot))
        }
        _ => None,
    });
    orders.collect()
}

#[test]
fn a_restart_keeps_the_level_of_a_group_only_for_those_of_then() {
    for stays in [true, false] {
        let mut world = three(Per::Group, |_| {});
        pass(&mut world, &[300.0, 300.0, 300.0], Value::Known(700.0));
        let before = world.orders.len();
        world.leave(1);
        world.leave(2);
        if !stays {
            world.arrive(0, DAY);
        }
        let group = vec![reading(world.now, 590.0); 2];
        world.sample.groups = vec![GroupSample { target: 0, readings: group }];
        world.sample.members[0].readings = vec![reading(world.now, 590.0); 2];
        world.restart();
        pass(&mut world, &[if stays { 590.0 } else { 12.0 }], Value::Known(if stays { 590.0 } else { 12.0 }));
        assert_eq!(world.orders.len(), before, "stays: {stays}\n{}", world.told());
    }
}

#[test]
fn a_group_is_judged_by_its_sum_and_its_measures_go_to_all() {
    let mut world = three(Per::Group, |_| {});
    pass(&mut world, &[100.0, 110.0, 120.0], Value::Known(330.0));
    assert_eq!(ordered_to(&world, "reset_pool"), [(0, 0), (0, 1), (0, 2)], "{}", world.told());
    assert!(world.told().contains("trader default: normal -> elevated"), "{}", world.told());
    let view = world.state.group(0).unwrap();
    assert_eq!(view.ladders().next().unwrap().level, Level::Elevated);
    assert_eq!(world.state.member(MemberKey { target: 0, slot: 0 }).unwrap().ladders().count(), 0);
}

#[test]
fn a_group_kills_its_largest_contributor_and_the_next_after_patience() {
    let mut world = three(Per::Group, |target| target.actions[3].patience = 4 * SECOND);
    for _ in 0..3 {
        pass(&mut world, &[300.0, 400.0, 350.0], Value::Known(1050.0));
    }
    assert_eq!(ordered_to(&world, "kill"), [(0, 1)], "{}", world.told());
    for _ in 0..4 {
        pass(&mut world, &[460.0, 490.0], Value::Known(950.0));
    }
    assert_eq!(ordered_to(&world, "kill"), [(0, 1), (4, 2)], "{}", world.told());
}

#[test]
fn a_group_freezes_one_after_the_other() {
    let mut world = three(Per::Group, |target| {
        target.actions[2] = freeze("pause");
        target.actions[2].patience = 3 * SECOND;
    });
    for _ in 0..8 {
        pass(&mut world, &[300.0, 280.0, 270.0], Value::Known(850.0));
    }
    assert_eq!(ordered_to(&world, "pause"), [(0, 0), (3, 1), (6, 2)], "{}", world.told());
}

#[test]
fn with_an_unknown_member_the_sum_raises_and_never_clears() {
    let mut world = three(Per::Group, |_| {});
    pass(&mut world, &[100.0, 110.0, 120.0], Value::AtLeast(330.0));
    pass(&mut world, &[10.0, 11.0, 12.0], Value::AtLeast(33.0));
    assert_eq!(world.state.group(0).unwrap().ladders().next().unwrap().level, Level::Elevated);
    pass(&mut world, &[10.0, 11.0, 12.0], Value::Known(33.0));
    assert_eq!(world.state.group(0).unwrap().ladders().next().unwrap().level, Level::Normal);
}

#[test]
fn a_newcomer_climbs_to_the_level_of_its_group() {
    let mut world = three(Per::Group, |_| {});
    pass(&mut world, &[100.0, 110.0, 120.0], Value::Known(330.0));
    world.arrive(3, Duration::ZERO);
    pass(&mut world, &[100.0, 110.0, 120.0, 1.0], Value::Known(331.0));
    assert_eq!(ordered_to(&world, "reset_pool").last(), Some(&(1, 3)), "{}", world.told());
}

/// The host's memory at 60 and 80 %; first a signal, then a request, then a kill.
pub(super) fn host(changed: impl FnOnce(&mut Config)) -> World {
    let mut observed = Target {
        ladders: vec![Ladder { name: "default".into(), steps: PerLevel::default() }],
        actions: vec![signal("shed_load"), http("reduce"), kill()],
        ..target()
    };
    for action in &mut observed.actions {
        action.patience = 5 * SECOND;
    }
    let mut config = config(observed);
    let mut ladder = PerLevel::default();
    let step = |action| HostStep { target: 0, action };
    *ladder.get_mut(Level::Elevated).unwrap() = vec![step(0), step(1)];
    *ladder.get_mut(Level::Critical).unwrap() = vec![step(2)];
    let bounds = [(Level::Elevated, 0.6), (Level::Warning, NEVER), (Level::Critical, 0.8), (Level::Fatal, NEVER)];
    let used = Metric::plain(Base::HostMemoryUsed);
    config.host = Host {
        metrics: vec![used.clone()],
        thresholds: vec![Threshold { name: used, ..threshold(bounds) }],
        ladder,
        ..Host::default()
    };
    changed(&mut config);
    let mut world = World::with(config);
    acknowledging(&mut world);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world
}

pub(super) fn at(world: &mut World, used: f64, seconds: u64) {
    for _ in 0..seconds {
        world.sample.host = vec![reading(world.now, used)];
        let members: Vec<f64> = world.sample.members.iter().map(|member| f64::from(member.member.slot)).collect();
        world.each(&members);
    }
}

/// A group whose sockets of one peer are at fatal, its members with these readings of all peers' and of that
/// peer's, in turn.
fn leaking_to_a_peer(readings: [[Value; 2]; 3]) -> World {
    let peer = Metric::of(Base::CloseWait, Some("postgres".into()));
    let mut world = three(Per::Group, |target| {
        target.metrics = vec![Metric::plain(Base::CloseWait), peer.clone()];
        target.thresholds[0].metric = 1;
        target.thresholds[0].name = peer;
    });
    world.sample.groups = vec![GroupSample { target: 0, readings: vec![reading(world.now, 950.0); 2] }];
    for (member, values) in world.sample.members.iter_mut().zip(readings) {
        member.readings = values.map(|value| Reading { value, ..reading(world.now, 0.0) }).to_vec();
    }
    world.settle_outcomes(Vec::new());
    world
}

#[test]
fn the_largest_is_the_one_that_has_most_of_the_peer() {
    let known = |all: f64, peer: f64| [Value::Known(all), Value::Known(peer)];
    let world = leaking_to_a_peer([known(900.0, 10.0), known(500.0, 500.0), known(450.0, 440.0)]);
    assert_eq!(ordered_to(&world, "kill"), [(0, 1)], "{}", world.told());
}

#[test]
fn nobody_is_ended_for_what_is_not_known_of_him() {
    let unknown = [Value::Unknown(Unknown::Denied); 2];
    let world = leaking_to_a_peer([unknown, [Value::Known(3.0); 2], unknown]);
    assert_eq!(ordered_to(&world, "kill"), [(0, 1)], "{}", world.told());
    let world = leaking_to_a_peer([unknown; 3]);
    assert_eq!(ordered_to(&world, "kill"), [], "{}", world.told());
}

#[test]
fn entries_of_the_hosts_ladder_are_tried_one_after_the_other() {
    let mut world = host(|_| {});
    at(&mut world, 0.7, 8);
    assert_eq!(ordered_to(&world, "shed_load"), [(0, 0), (0, 1)], "{}", world.told());
    assert_eq!(ordered_to(&world, "reduce"), [(5, 0)], "after the patience of the one before: {}", world.told());
    assert!(ordered_to(&world, "kill").is_empty());
    at(&mut world, 0.5, 2);
    assert!(world.told().contains("the host's host: elevated -> normal"), "{}", world.told());
    assert!(world.told().contains("acknowledged undo reduce"), "{}", world.told());
}

#[test]
fn a_kill_of_the_hosts_ladder_skips_no_other_entry_and_takes_the_largest() {
    let mut world = host(|_| {});
    at(&mut world, 0.9, 17);
    assert_eq!(ordered_to(&world, "shed_load"), [(0, 0), (0, 1)]);
    assert_eq!(ordered_to(&world, "reduce"), [(5, 0)]);
    assert_eq!(ordered_to(&world, "kill"), [(10, 1), (15, 0)], "{}", world.told());
}

#[test]
fn a_kill_of_the_hosts_ladder_takes_what_it_needs_first() {
    let mut world = host(|config| {
        config.targets[0].actions[2].needs = Some(Needs { action: 1, within: 3 * SECOND, otherwise: Otherwise::Hold });
        let entries = config.host.ladder.get_mut(Level::Elevated).unwrap();
        entries.clear();
    });
    at(&mut world, 0.1, 6);
    at(&mut world, 0.9, 3);
    assert_eq!(ordered_to(&world, "reduce"), [(6, 1)], "{}", world.told());
    assert_eq!(ordered_to(&world, "kill"), [(6, 1)], "{}", world.told());
}

#[test]
fn an_entry_that_is_held_is_passed_over_and_tried_in_the_next_round() {
    let mut world = host(|config| config.targets[0].actions[0].cooldown = 20 * SECOND);
    at(&mut world, 0.7, 1);
    at(&mut world, 0.5, 1);
    at(&mut world, 0.7, 30);
    let shed: Vec<u64> = ordered_to(&world, "shed_load").into_iter().map(|(second, _)| second).collect();
    assert_eq!(shed.first(), Some(&0));
    assert!(shed[2] >= 20, "{shed:?}");
    assert_eq!(ordered_to(&world, "reduce")[0].0, 3, "the held one is passed over at once: {}", world.told());
    assert_eq!(world.told().matches("held shed_load cooldown").count(), 2, "once a member: {}", world.told());
}

#[test]
fn an_entry_whose_outcome_was_lost_has_its_time_to_help_all_the_same() {
    let mut world = host(|_| {});
    world.executor = Box::new(|_| None);
    at(&mut world, 0.7, 2);
    world.restart();
    acknowledging(&mut world);
    at(&mut world, 0.7, 10);
    assert_eq!(ordered_to(&world, "shed_load"), [(0, 0), (0, 1)], "{}", world.told());
    assert_eq!(ordered_to(&world, "reduce"), [(7, 0)], "{}", world.told());
}

#[test]
fn a_doubtful_measure_of_the_host_is_not_undone_between_two_rounds() {
    let mut world = host(|_| {});
    world.executor = Box::new(|order| {
        let doubt = *order.action == *"reduce" && !order.undo;
        let (kind, reason) =
            if doubt { (OutcomeKind::Failed, Reason::Timeout) } else { (OutcomeKind::Acknowledged, Reason::None) };
        Some((kind, reason))
    });
    at(&mut world, 0.7, 30);
    assert!(ordered_to(&world, "reduce").len() > 1, "{}", world.told());
    assert!(!world.told().contains("undo reduce"), "{}", world.told());
    at(&mut world, 0.5, 2);
    assert!(world.told().contains("acknowledged undo reduce"), "{}", world.told());
}

#[test]
fn a_measure_of_the_host_in_force_is_not_taken_again() {
    let mut world = host(|_| {});
    at(&mut world, 0.7, 40);
    assert_eq!(ordered_to(&world, "reduce").len(), 1, "{}", world.told());
    assert_eq!(ordered_to(&world, "shed_load").len(), 2, "{}", world.told());
}

#[test]
fn an_unknown_host_orders_nothing_and_leaves_no_level() {
    let mut world = host(|_| {});
    at(&mut world, 0.7, 1);
    let before = world.orders.len();
    for _ in 0..20 {
        let unknown = Value::Unknown(crate::model::Unknown::Denied);
        world.sample.host = vec![Reading { value: unknown, ..reading(world.now, 0.0) }];
        world.each(&[0.0, 1.0]);
    }
    assert_eq!(world.state.host().ladders().next().unwrap().level, Level::Elevated);
    assert!(ordered_to(&world, "kill").is_empty());
    assert!(world.orders.len() <= before + 1);
}

fn scheduled(entry: Schedule, scope: ActionScope) -> World {
    let mut timed = Target { schedule: vec![entry], ..target() };
    timed.actions[0].scope = scope;
    let mut world = World::new(timed);
    acknowledging(&mut world);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world
}

#[test]
fn what_is_scheduled_comes_at_its_phase_and_every_so_often_whatever_the_level() {
    let entry = Schedule { action: 0, every: 10 * SECOND, phase: 3 * SECOND, jitter: Duration::ZERO };
    let mut world = scheduled(entry, ActionScope::Process);
    world.play("1x25");
    assert_eq!(ordered_to(&world, "reset_pool"), [(3, 0), (3, 1), (13, 0), (13, 1), (23, 0), (23, 1)]);
    let order = world.orders.first().unwrap();
    assert_eq!((&*order.ladder, order.level, order.cause.is_none()), ("schedule", Level::Normal, true));
}

#[test]
fn what_serves_all_is_scheduled_once() {
    let entry = Schedule { action: 0, every: 10 * SECOND, phase: 3 * SECOND, jitter: Duration::ZERO };
    let mut world = scheduled(entry, ActionScope::Target);
    world.play("1x25");
    assert_eq!(ordered_to(&world, "reset_pool"), [(3, 0), (13, 0), (23, 0)]);
}

#[test]
fn jitter_puts_off_and_does_not_add_up() {
    let entry = Schedule { action: 0, every: 10 * SECOND, phase: 10 * SECOND, jitter: 4 * SECOND };
    let mut world = scheduled(entry, ActionScope::Process);
    world.play("1x1000");
    let times: Vec<u64> =
        ordered_to(&world, "reset_pool").into_iter().filter(|(_, slot)| *slot == 0).map(|(s, _)| s).collect();
    assert!((98..=100).contains(&times.len()), "{}", times.len());
    assert!(times.iter().all(|second| second % 10 <= 5), "{times:?}");
    assert!(times.iter().any(|second| second % 10 >= 2), "{times:?}");
}

#[test]
fn a_scheduled_order_that_is_held_is_dropped_when_the_next_is_due() {
    let entry = Schedule { action: 0, every: 5 * SECOND, phase: 5 * SECOND, jitter: Duration::ZERO };
    let mut world = scheduled(entry, ActionScope::Process);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    world.leave(1);
    world.play("1x11");
    assert!(world.told().contains("lapsed reset_pool refused"), "{}", world.told());
}

#[test]
fn the_schedule_keeps_its_phase_over_a_restart() {
    let entry = Schedule { action: 0, every: 10 * SECOND, phase: 3 * SECOND, jitter: Duration::ZERO };
    let mut world = scheduled(entry, ActionScope::Process);
    world.leave(1);
    world.play("1x7");
    world.restart();
    world.play("1x10");
    assert_eq!(ordered_to(&world, "reset_pool"), [(3, 0), (13, 0)], "{}", world.told());
}
