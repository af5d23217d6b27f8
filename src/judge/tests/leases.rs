//! Measures in force: who needs them, when they are undone, and that none is forgotten.

use std::time::Duration;

use super::world::{World, freeze, http, kill, target, threshold};
use crate::config::{Budget, Ladder, Needs, Otherwise, Target, Threshold};
use crate::model::{ActionScope, LeaseStanding, Level, Order, OutcomeKind, PerLevel, Reason, UndoBy};

pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Pause at critical, over HTTP, undone at once; a kill at fatal.
pub(super) fn pausing() -> Target {
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Critical).unwrap() = vec![0];
    *steps.get_mut(Level::Fatal).unwrap() = vec![1];
    Target { ladders: vec![Ladder { name: "default".into(), steps }], actions: vec![http("pause"), kill()], ..target() }
}

/// Acknowledges everything but kills, which work.
pub(super) fn obliging(order: &Order) -> Option<(OutcomeKind, Reason)> {
    Some((if order.measure.is_kill() { OutcomeKind::Gone } else { OutcomeKind::Acknowledged }, Reason::None))
}

pub(super) fn world(target: Target, text: &str) -> World {
    let mut world = World::new(target);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play(text);
    world
}

/// Answers the orders named so with these outcomes one after the other, all else obligingly.
pub(super) fn answering(world: &mut World, undo: bool, mut answers: Vec<(OutcomeKind, Reason)>) {
    answers.reverse();
    world.executor = Box::new(move |order| match order.undo == undo && !order.measure.is_kill() {
        true => answers.pop().or_else(|| obliging(order)),
        false => obliging(order),
    });
}

pub(super) fn standing(world: &World) -> Vec<LeaseStanding> {
    world.state.leases(world.now).map(|lease| lease.standing).collect()
}

#[test]
fn what_nobody_needs_any_more_is_undone() {
    world(pausing(), "10 810x2 10x2").expect(
        "1s default: normal -> critical
         1s order pause
         1s acknowledged pause none
         4s default: critical -> normal
         4s order undo pause
         4s acknowledged undo pause none",
    );
}

#[test]
fn undo_waits_for_undo_after_and_a_level_entered_again_stops_that_clock() {
    let mut paused = pausing();
    paused.actions[0].undo.as_mut().unwrap().after = 3 * SECOND;
    world(paused, "810 10x1 810 10x5").expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s default: critical -> normal
         3s default: normal -> critical
         4s default: critical -> normal
         7s order undo pause
         7s acknowledged undo pause none",
    );
}

#[test]
fn two_ladders_and_one_pause() {
    let mut memory = PerLevel::default();
    *memory.get_mut(Level::Critical).unwrap() = vec![0];
    let mut both = pausing();
    both.ladders.push(Ladder { name: "memory".into(), steps: memory });
    both.thresholds.push(Threshold {
        metric: 1,
        name: crate::model::Metric::plain(crate::model::Base::Rss),
        ladder: 1,
        ..threshold([
            (Level::Elevated, f64::INFINITY),
            (Level::Warning, f64::INFINITY),
            (Level::Critical, 100.0),
            (Level::Fatal, f64::INFINITY),
        ])
    });
    let mut world = World::new(both);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    for (fds, rss) in [(810.0, 10.0), (810.0, 110.0), (10.0, 110.0), (10.0, 110.0), (10.0, 10.0)] {
        world.pass(&[Some(crate::model::Value::Known(fds)), Some(crate::model::Value::Known(rss))]);
    }
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s memory: normal -> critical
         2s default: critical -> normal
         4s memory: critical -> normal
         4s order undo pause
         4s acknowledged undo pause none",
    );
}

#[test]
fn two_workers_and_one_pause() {
    let mut world = World::new(pausing());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world.each(&[810.0, 10.0]);
    world.each(&[810.0, 810.0]);
    world.each(&[10.0, 810.0]);
    world.each(&[10.0, 10.0]);
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s default: normal -> critical
         2s default: critical -> normal
         3s default: critical -> normal
         3s order undo pause
         3s acknowledged undo pause none",
    );
}

#[test]
fn a_process_scope_gives_each_worker_its_own() {
    let mut each = pausing();
    each.actions[0].scope = ActionScope::Process;
    let mut world = World::new(each);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world.each(&[810.0, 810.0]);
    world.each(&[10.0, 810.0]);
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 1);
    assert_eq!(world.state.leases(world.now).map(|lease| lease.process).collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn a_delivery_in_doubt_is_retried_under_its_number_and_undone_all_the_same() {
    let mut world = World::new(pausing());
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Timeout), (OutcomeKind::Failed, Reason::Timeout)]);
    world.arrive(0, DAY);
    world.play("810x16 10");
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s retry pause timeout
         5s order pause
         5s retry pause timeout
         15s order pause
         15s acknowledged pause none
         17s default: critical -> normal
         17s order undo pause
         17s acknowledged undo pause none",
    );
    let ids: Vec<u64> = world.orders.iter().map(|order| order.id.0).collect();
    assert_eq!(ids, [1, 1, 1, 2]);
}

#[test]
fn a_doubtful_delivery_whose_level_is_left_is_undone() {
    let mut world = World::new(pausing());
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Timeout)]);
    world.arrive(0, DAY);
    world.play("810x2");
    assert_eq!(standing(&world), [LeaseStanding::Doubtful]);
    world.play("10");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
    assert_eq!(standing(&world), []);
}

#[test]
fn a_clear_refusal_leaves_nothing_to_undo() {
    let mut world = World::new(pausing());
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("810x2 10x3");
    assert!(!world.told().contains("undo"), "{}", world.told());
}

#[test]
fn a_clear_refusal_after_a_doubt_leaves_the_doubt() {
    let mut world = World::new(pausing());
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Timeout), (OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("810x6 10x3");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
}

#[test]
fn undo_is_retried_until_it_has_worked() {
    let mut world = World::new(pausing());
    answering(&mut world, true, vec![(OutcomeKind::Failed, Reason::Timeout), (OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("810 10x20");
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s default: critical -> normal
         1s order undo pause
         1s retry undo pause timeout
         6s retry undo pause refused
         16s acknowledged undo pause none",
    );
}

#[test]
fn a_level_entered_again_while_the_undo_is_in_doubt_delivers_anew() {
    let mut world = World::new(pausing());
    answering(&mut world, true, vec![(OutcomeKind::Failed, Reason::Timeout)]);
    world.arrive(0, DAY);
    world.play("810 10 810 810x9");
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s default: critical -> normal
         1s order undo pause
         1s retry undo pause timeout
         2s default: normal -> critical
         2s order pause
         2s acknowledged pause none",
    );
    assert_eq!(standing(&world), [LeaseStanding::Needed]);
}

#[test]
fn a_level_entered_again_ends_the_retries_of_an_undo_although_a_brake_holds_the_measure() {
    let mut cooling = pausing();
    cooling.actions[0].cooldown = 20 * SECOND;
    let mut world = World::new(cooling);
    answering(&mut world, true, vec![(OutcomeKind::Failed, Reason::Timeout)]);
    world.arrive(0, DAY);
    world.play("810 10 810x20");
    world.expect(
        "0s default: normal -> critical
         0s order pause
         0s acknowledged pause none
         1s default: critical -> normal
         1s order undo pause
         1s retry undo pause timeout
         2s default: normal -> critical
         2s held pause cooldown
         20s open pause cooldown
         20s order pause
         20s acknowledged pause none",
    );
}

#[test]
fn a_level_entered_again_after_a_refused_undo_joins_what_is_in_force() {
    let mut world = World::new(pausing());
    answering(&mut world, true, vec![(OutcomeKind::Failed, Reason::Refused)]);
    world.arrive(0, DAY);
    world.play("810 10 810 810x9");
    assert_eq!(world.orders.iter().filter(|order| !order.undo).count(), 1);
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 1);
}

#[test]
fn what_the_operator_undoes_only_he_undoes_and_then_it_counts_as_done() {
    let mut operators = pausing();
    operators.actions[0].undo.as_mut().unwrap().by = UndoBy::Operator;
    let mut world = world(operators, "810 10x9");
    assert_eq!(standing(&world), [LeaseStanding::Operator]);
    world.play("810");
    assert_eq!(world.orders.len(), 1, "it joined: {}", world.told());
    assert_eq!(world.state.want_undo(Some("trader"), Some("pause"), world.now).len(), 1);
    world.play("810x5");
    assert_eq!(world.orders.len(), 2);
    assert_eq!(standing(&world), []);
    world.play("10 810");
    assert_eq!(world.orders.len(), 3, "left and entered again: {}", world.told());
}

#[test]
fn beyond_max_cycles_it_stays_in_force_and_shouts() {
    let mut cycling = pausing();
    cycling.actions[0].max_cycles = Budget { max: 2, per: Duration::from_secs(60) };
    let mut world = world(cycling, "810 10 810 10 810 10x3");
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 2);
    assert!(world.told().contains("5s stays in force pause"), "{}", world.told());
    assert!(matches!(standing(&world)[..], [LeaseStanding::Cycling { opens: Some(_) }]));
    world.play("10x51");
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 2);
    world.play("10x2");
    assert_eq!(world.orders.iter().filter(|order| order.undo).count(), 3, "the first has fallen out of the window");
}

#[test]
fn the_operator_need_not_wait_for_the_cycles() {
    let mut cycling = pausing();
    cycling.actions[0].max_cycles = Budget { max: 0, per: Duration::from_secs(60) };
    let mut world = world(cycling, "810 10x3");
    assert_eq!(world.orders.len(), 1);
    world.state.want_undo(None, None, world.now);
    world.play("10");
    assert_eq!(standing(&world), []);
}

#[test]
fn a_freeze_is_thawed_when_its_level_is_left_and_at_its_deadline() {
    let mut frozen = pausing();
    frozen.actions[0] = freeze("freeze");
    let left = world(frozen.clone(), "810 810 10");
    assert!(left.told().contains("2s acknowledged undo freeze"), "{}", left.told());
    let mut held = world(frozen, "810x20");
    assert!(held.told().contains("10s acknowledged undo freeze"), "{}", held.told());
    assert_eq!(held.orders.len(), 2, "not taken again while the level holds");
    held.play("10 810");
    assert_eq!(held.orders.len(), 3);
}

#[test]
fn a_frozen_process_is_let_go_by_its_kill() {
    let mut frozen = pausing();
    frozen.actions[0] = freeze("freeze");
    let world = world(frozen, "810 810x5 950");
    let kill = world.orders.last().unwrap();
    assert!(kill.measure.is_kill() && kill.thaw.is_some(), "{kill:?}");
    assert_eq!(standing(&world), []);
}

#[test]
fn a_target_wide_measure_passes_to_the_successor_and_its_own_rung_delivers_again() {
    let mut world = world(pausing(), "810");
    world.leave(0);
    world.play("_x3");
    assert_eq!(standing(&world), [LeaseStanding::Waiting]);
    world.arrive(0, Duration::ZERO);
    world.play("10");
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
    world.play("810");
    let paused: Vec<_> = world.orders.iter().filter(|order| !order.undo).map(|order| order.identity).collect();
    assert_eq!(paused.len(), 2);
    assert_ne!(paused[0], paused[1]);
}

#[test]
fn the_successors_start_up_grace_comes_before_the_undo() {
    let mut graced = pausing();
    graced.startup_grace = 5 * SECOND;
    let mut world = world(graced, "810");
    world.leave(0);
    world.play("_");
    world.arrive(0, Duration::ZERO);
    world.play("10x4");
    assert!(!world.told().contains("undo"), "{}", world.told());
    world.play("10x2");
    assert!(world.told().contains("undo pause"), "{}", world.told());
}

#[test]
fn the_lease_of_a_process_ends_with_it() {
    let mut each = pausing();
    each.actions[0].scope = ActionScope::Process;
    let mut world = world(each, "810");
    world.executor = Box::new(|order| order.undo.then_some((OutcomeKind::Gone, Reason::None)));
    world.leave(0);
    world.play("_");
    assert!(world.told().contains("ended pause"), "{}", world.told());
    assert_eq!(standing(&world), []);
}

#[test]
fn a_doubtful_delivery_is_not_undone_while_its_level_holds_and_a_kill_keeps_the_next_try() {
    let mut killing = pausing();
    killing.actions.push(http("drain"));
    *killing.ladders[0].steps.get_mut(Level::Fatal).unwrap() = vec![2, 1];
    killing.actions[1].needs = Some(Needs { action: 2, within: 20 * SECOND, otherwise: Otherwise::Hold });
    let mut world = World::new(killing);
    world.executor = Box::new(|order| match &*order.action {
        "pause" if !order.undo => Some((OutcomeKind::Failed, Reason::Timeout)),
        "drain" => Some((OutcomeKind::Failed, Reason::Refused)),
        _ => obliging(order),
    });
    world.arrive(0, DAY);
    world.play("810x2 910x18");
    assert!(!world.told().contains("order undo pause"), "{}", world.told());
}
