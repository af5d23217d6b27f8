//! Kept apart: the windows, cycles, leases, holds and hours of one are not those of another. And what is shown of them.

use std::sync::Arc;

use super::effects::{alone, effects};
use super::leases::{DAY, SECOND, obliging, pausing, standing, world};
use super::operator::{act, names};
use super::reloads::two;
use super::several::{neighbours, silent, workers};
use super::together::{at, host, ordered_to, pass, three};
use super::world::{World, config, http, signal, target};
use crate::config::{Action, Budget, Needs, Otherwise, Per};
use crate::judge::Wanted;
use crate::model::{ActionScope, LeaseStanding, Level, MemberKey, Note, Outcome, OutcomeKind, Reason, Standing, Value};

const FIRST: MemberKey = MemberKey { target: 0, slot: 0 };

#[test]
fn each_process_has_a_window_of_its_own() {
    for two in [workers, neighbours] {
        let mut world = two(alone(signal("reset_pool")));
        for _ in 0..12 {
            world.each(&[400.0, 410.0]);
        }
        let expected = ["10s ineffective reset_pool 400 -> 400", "10s ineffective reset_pool 410 -> 410"];
        assert_eq!(effects(&world), expected, "{}", world.told());
    }
}

#[test]
fn a_kill_of_a_group_waits_for_freezes_and_kills_alone() {
    let mut world = three(Per::Group, |_| {});
    silent(&mut world, "reset_pool");
    pass(&mut world, &[100.0, 110.0, 120.0], Value::Known(330.0));
    pass(&mut world, &[300.0, 350.0, 400.0], Value::Known(1050.0));
    assert_eq!(ordered_to(&world, "kill"), [(1, 2)], "{}", world.told());
}

#[test]
fn the_entry_before_waits_for_its_round_while_another_one_is_open() {
    let mut world = host(|config| config.targets[0].actions[0].cooldown = 6 * SECOND);
    at(&mut world, 0.7, 1);
    at(&mut world, 0.5, 1);
    silent(&mut world, "reduce");
    at(&mut world, 0.7, 8);
    assert_eq!(ordered_to(&world, "shed_load"), [(0, 0), (0, 1)], "{}", world.told());
}

#[test]
fn an_operator_undoes_the_measure_that_he_names() {
    let mut two = pausing();
    two.actions.push(http("off"));
    *two.ladders[0].steps.get_mut(Level::Elevated).unwrap() = vec![2];
    let mut world = world(two, "810x2");
    assert_eq!(standing(&world).len(), 2);
    let undone = world.state.want_undo(Some("trader"), Some("pause"), world.now);
    assert_eq!(undone.iter().map(|order| &*order.action).collect::<Vec<_>>(), ["pause"]);
    assert!(world.state.want_undo(Some("other"), Some("pause"), world.now).is_empty());
}

#[test]
fn each_measure_has_cycles_of_its_own() {
    let mut two = pausing();
    two.actions.push(http("off"));
    for action in [0, 2] {
        two.actions[action].max_cycles = Budget { max: 1, per: DAY };
    }
    *two.ladders[0].steps.get_mut(Level::Elevated).unwrap() = vec![2];
    let world = world(two, "310 10 810 10x2");
    assert!(world.told().contains("stays in force off"), "{}", world.told());
    assert!(world.told().contains("acknowledged undo pause"), "{}", world.told());
}

#[test]
fn what_is_to_be_undone_and_has_to_wait_is_taken_up_by_no_rung() {
    let mut wide = pausing();
    wide.actions.push(Action { scope: ActionScope::Target, ..signal("reset_pool") });
    let mut world = world(wide, "810");
    silent(&mut world, "reset_pool");
    act(&mut world, "reset_pool").unwrap();
    world.state.want_undo(Some("trader"), Some("pause"), world.now);
    for series in ["810", "10 810"] {
        world.play(series);
        assert_eq!(standing(&world), [LeaseStanding::Undoing], "{}", world.told());
    }
    assert_eq!(names(&world), ["pause", "reset_pool"]);
}

#[test]
fn it_is_shown_when_a_measure_will_be_undone() {
    let mut paused = pausing();
    paused.actions[0].undo.as_mut().unwrap().after = 3 * SECOND;
    let mut world = world(paused, "810");
    let left = world.now;
    world.play("10");
    assert_eq!(standing(&world), [LeaseStanding::Undone { at: left + 3 * SECOND }]);
}

#[test]
fn what_was_in_vain_too_often_is_shown_as_given_up() {
    let mut world = World::of(alone(Action { max_attempts: 1, ..signal("reset_pool") }), "10 400x5");
    let shown = |world: &World| world.state.member(FIRST).unwrap().rungs().next().unwrap().standing;
    assert!(matches!(shown(&world), Standing::Done { .. }));
    world.play("400x6");
    assert_eq!(shown(&world), Standing::GaveUp { reason: Reason::None }, "{}", world.told());
}

#[test]
fn slower_growth_is_no_effect_of_what_is_to_make_it_fall() {
    let mut one = alone(signal("reset_pool"));
    one.actions.push(http("off"));
    *one.ladders[0].steps.get_mut(Level::Fatal).unwrap() = vec![1];
    let told = effects(&World::of(one, "100+10x20 304+4x12"));
    assert_eq!(told, ["30s ineffective reset_pool 300 -> 340"]);
}

#[test]
fn growth_is_told_a_minute() {
    let stops = Action { patience: 10 * SECOND, scope: ActionScope::Process, ..http("off") };
    let world = World::of(alone(stops), "100+10x20 304+4x12");
    let measured = world.events.iter().find_map(|event| match &event.note {
        Note::Measured { measured, .. } => measured.growth,
        _ => None,
    });
    let slowing = measured.unwrap();
    let near = |growth: Option<f64>, told: f64| (growth.unwrap() - told).abs() < 10.0;
    assert!(near(slowing.before, 600.0) && near(slowing.after, 240.0), "{slowing:?}");
}

#[test]
fn the_best_reading_is_told_where_the_level_was_left() {
    let mut narrow = alone(Action { min_effect: 1.0, ..signal("reset_pool") });
    narrow.thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().clear = 299.0;
    let world = World::of(narrow, "10 301 250 298x20");
    assert_eq!(effects(&world), ["11s effective reset_pool 301 -> 250"]);
}

#[test]
fn outcomes_are_taken_in_without_judging() {
    let mut world = World::new(target());
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("310");
    let order = Arc::clone(&world.orders[0]);
    let outcome = Outcome {
        order: order.id,
        member: order.member,
        kind: OutcomeKind::Delivered,
        reason: Reason::None,
        at: world.now,
        untouched: false,
        detail: None,
    };
    let verdicts = world.state.take_outcomes(&[outcome], &world.sample, world.now);
    assert!(matches!(verdicts.events.as_slice(), [event] if matches!(event.note, Note::Ended { .. })));
}

#[test]
fn each_process_takes_up_its_own_hold_after_a_reload() {
    let mut world = workers(two());
    for _ in 0..4 {
        world.each(&[310.0, 10.0]);
    }
    for _ in 0..4 {
        world.each(&[310.0, 310.0]);
    }
    world.reconfigure(config(two()));
    for _ in 0..12 {
        world.each(&[310.0, 310.0]);
    }
    assert_eq!(ordered_to(&world, "reset_pool"), [(10, 0), (14, 1)], "{}", world.told());
}

#[test]
fn a_newcomer_takes_up_nothing_of_another() {
    let mut world = workers(target());
    world.each(&[310.0, 10.0]);
    let before = world.orders.len();
    world.restart_blind();
    let stays = world.sample.members.pop().unwrap();
    world.arrive(0, DAY);
    world.sample.members.push(stays);
    world.settle_outcomes(Vec::new());
    let view = world.state.member(FIRST).unwrap();
    assert_eq!(view.ladders().next().unwrap().level, Level::Normal);
    assert_eq!(world.orders.len(), before, "{}", world.told());
}

#[test]
fn an_operator_does_not_wait_for_the_retry_of_a_ladder() {
    let mut world = World::new(target());
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    world.arrive(0, DAY);
    world.play("310");
    world.executor = Box::new(obliging);
    let wanted = act(&mut world, "reset_pool").unwrap();
    assert!(matches!(wanted.as_slice(), [Wanted::Ordered(_)]), "{wanted:?}");
    assert_eq!(world.orders.len(), 2, "{}", world.told());
}

#[test]
fn a_dry_kill_needs_what_was_taken_dry() {
    let mut needed = pausing();
    needed.actions[1].needs = Some(Needs { action: 0, within: 5 * SECOND, otherwise: Otherwise::Hold });
    let mut dry = config(needed);
    dry.daemon.dry_run = true;
    let mut world = World::with(dry);
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.arrive(0, DAY);
    world.play("10x6 950x2");
    assert_eq!(names(&world), ["pause", "kill"], "{}", world.told());
}

#[test]
fn a_rung_of_a_ladder_waits_as_long_as_it_must_beside_an_operators() {
    let mut world = World::of(target(), "10");
    world.executor = Box::new(|_| None);
    act(&mut world, "pause").unwrap();
    world.play("310x70");
    assert!(!world.told().contains("lapsed"), "{}", world.told());
}
