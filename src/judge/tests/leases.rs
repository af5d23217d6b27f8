//! Measures in force: who needs them, when they are undone, and that none is forgotten.

use std::sync::Arc;
use std::time::Duration;

use super::world::{World, config, freeze, http, kill, signal, target, threshold};
use crate::config::{Action, Budget, Ladder, Needs, Otherwise, Target, Threshold};
use crate::model::{
    ActionScope, LeaseStanding, Level, MemberKey, Note, Order, OutcomeKind, PerLevel, Reason, Undo, UndoBy,
};

const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

/// Pause at critical, over HTTP, undone at once; a kill at fatal.
fn pausing() -> Target {
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Critical).unwrap() = vec![0];
    *steps.get_mut(Level::Fatal).unwrap() = vec![1];
    Target { ladders: vec![Ladder { name: "default".into(), steps }], actions: vec![http("pause"), kill()], ..target() }
}

/// Acknowledges everything but kills, which work.
fn obliging(order: &Order) -> Option<(OutcomeKind, Reason)> {
    Some((if order.measure.is_kill() { OutcomeKind::Gone } else { OutcomeKind::Acknowledged }, Reason::None))
}

fn world(target: Target, text: &str) -> World {
    let mut world = World::new(target);
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play(text);
    world
}

/// Answers the orders named so with these outcomes one after the other, all else obligingly.
fn answering(world: &mut World, undo: bool, mut answers: Vec<(OutcomeKind, Reason)>) {
    answers.reverse();
    world.executor = Box::new(move |order| match order.undo == undo && !order.measure.is_kill() {
        true => answers.pop().or_else(|| obliging(order)),
        false => obliging(order),
    });
}

fn standing(world: &World) -> Vec<LeaseStanding> {
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
fn an_open_breaker_holds_measures_and_undo_alike() {
    let mut failing = pausing();
    failing.actions[0].max_attempts = 1;
    let mut world = World::new(failing);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.arrive(0, DAY);
    // Each entering is one failure, each leaving one of the undo.
    world.play("810 10 810 10 810 810 10");
    let failures = world.orders.len();
    assert_eq!(failures, 5, "{}", world.told());
    world.play("810x3");
    assert_eq!(world.orders.len(), 5, "{}", world.told());
    assert!(world.told().contains("held pause breaker"), "{}", world.told());
    world.play("810x30");
    assert!(world.orders.len() > 5);
}

fn needing(otherwise: Otherwise) -> Target {
    let mut needing = pausing();
    needing.actions[1].needs = Some(Needs { action: 0, within: 5 * SECOND, otherwise });
    needing
}

#[test]
fn a_kill_takes_what_it_needs_first() {
    let mut world = World::new(needing(Otherwise::Hold));
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("10x6 950x1");
    world.expect(
        "7s default: normal -> fatal
         7s held kill needs
         7s order pause
         7s acknowledged pause none
         7s open kill needs
         7s order kill
         7s gone kill none",
    );
}

#[test]
fn a_kill_that_gets_no_answer_goes_ahead_or_is_held() {
    for (otherwise, killed) in [(Otherwise::Kill, true), (Otherwise::Hold, false)] {
        let mut world = World::new(needing(otherwise));
        world.executor = Box::new(|order| match order.measure.is_kill() {
            true => Some((OutcomeKind::Gone, Reason::None)),
            false => None,
        });
        world.arrive(0, DAY);
        world.play("10x6 950x9");
        let kill = world.ordered().into_iter().find(|(_, action)| *action == "kill");
        assert_eq!(kill.map(|(second, _)| second), killed.then_some(12), "{}", world.told());
    }
}

#[test]
fn what_a_kill_needs_is_retried_soon() {
    let needs = Needs { action: 0, within: 60 * SECOND, otherwise: Otherwise::Hold };
    let actions = vec![http("pause"), Action { needs: Some(needs), ..kill() }];
    let mut world = World::new(Target { actions, ..needing(Otherwise::Hold) });
    answering(&mut world, false, vec![(OutcomeKind::Failed, Reason::Timeout); 4]);
    world.arrive(0, DAY);
    world.play("10x6 950x25");
    let tries: Vec<u64> =
        world.ordered().into_iter().filter(|(_, action)| *action == "pause").map(|(second, _)| second).collect();
    assert_eq!(tries, [7, 12, 17, 22, 27], "{}", world.told());
}

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
    let mut world = World::with(lower.clone());
    world.executor = Box::new(obliging);
    world.arrive(0, DAY);
    world.play("810x9");
    let bound = lower.targets[0].thresholds[0].bounds.get_mut(Level::Fatal).unwrap().as_mut().unwrap();
    (bound.at, bound.clear, bound.hold) = (805.0, 700.0, 4 * SECOND);
    world.reconfigure(lower.clone());
    world.play("810x2");
    assert!(!world.told().contains("kill"), "{}", world.told());
    world.play("810x3");
    assert!(world.told().contains("gone kill"), "{}", world.told());
    let mut higher = config(pausing());
    for (_, bound) in higher.targets[0].thresholds[0].bounds.iter_mut() {
        bound.as_mut().unwrap().at *= 10.0;
    }
    let mut world = super::leases::world(pausing(), "810x3");
    world.reconfigure(higher);
    world.play("810");
    assert!(world.told().contains("default: critical -> normal"), "left at once: {}", world.told());
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
