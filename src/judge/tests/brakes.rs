//! Every brake closed and opened.

use std::time::Duration;

use super::world::{World, config, target};
use crate::config::{Budget, Config, Daemon, Target};
use crate::model::{Note, OutcomeKind, Reason};

const HOUR: Duration = Duration::from_secs(3600);

/// Only a kill at fatal, and a reset at elevated.
fn two_rungs() -> Target {
    let mut config = target();
    for level in [crate::model::Level::Warning, crate::model::Level::Critical] {
        config.ladders[0].steps.get_mut(level).unwrap().clear();
    }
    config
}

#[test]
fn startup_grace_holds_every_order_until_the_process_is_old_enough() {
    let mut world = World::new(Target { startup_grace: Duration::from_secs(5), ..target() });
    world.arrive(0, Duration::from_secs(2));
    world.play("310x4");
    world.expect(
        "0s default: normal -> elevated
         0s held reset_pool startup_grace
         3s open reset_pool startup_grace
         3s order reset_pool
         3s delivered reset_pool none",
    );
}

#[test]
fn a_held_order_lapses_when_its_level_is_left() {
    let mut world = World::new(Target { startup_grace: Duration::from_secs(5), ..target() });
    world.arrive(0, Duration::ZERO);
    world.play("310 310 10 10x9");
    world.expect(
        "0s default: normal -> elevated
         0s held reset_pool startup_grace
         2s default: elevated -> normal
         2s lapsed reset_pool level_left",
    );
}

#[test]
fn cooldown_counts_from_delivery() {
    let mut config = target();
    config.actions[0].cooldown = Duration::from_secs(4);
    World::of(config, "310 10 310x5").expect(
        "0s default: normal -> elevated
         0s order reset_pool
         0s delivered reset_pool none
         1s default: elevated -> normal
         2s default: normal -> elevated
         2s held reset_pool cooldown
         4s open reset_pool cooldown
         4s order reset_pool
         4s delivered reset_pool none",
    );
}

#[test]
fn an_unknown_reading_suspends_the_kill_and_not_the_rest() {
    let mut world = World::new(Target { settle: Duration::from_secs(2), ..two_rungs() });
    world.arrive(0, Duration::from_secs(86_400));
    world.play("950 denied denied denied 950");
    world.expect(
        "0s default: normal -> fatal
         0s held kill settling
         0s order reset_pool
         0s delivered reset_pool none
         1s open_fds denied
         2s held kill unknown
         4s open_fds known
         4s open kill unknown
         4s order kill
         4s gone kill none",
    );
}

#[test]
fn kill_budget_of_the_target_opens_when_the_oldest_kill_leaves_the_span() {
    let budget = Budget { max: 2, per: Duration::from_secs(10) };
    let mut world = World::new(Target { kill_budget: budget, ..two_rungs() });
    for slot in 0..3 {
        world.arrive(slot, Duration::from_secs(86_400));
    }
    world.play("950x12");
    let kills: Vec<_> = world.ordered().into_iter().filter(|(_, action)| *action == "kill").map(|(at, _)| at).collect();
    assert_eq!(kills, [0, 0, 10]);
    assert_eq!(world.told().matches("held kill kill_budget").count(), 1);
}

#[test]
fn kill_budget_of_the_daemon_counts_all_targets() {
    let mut all = config(two_rungs());
    all.daemon = Daemon { kill_budget: Budget { max: 1, per: HOUR }, ..all.daemon };
    let mut world = World::with(Config { ..all });
    world.arrive(0, Duration::from_secs(86_400));
    world.arrive(1, Duration::from_secs(86_400));
    world.play("950x3");
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 1);
    assert!(world.told().contains("held kill kill_budget"));
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 0);
}

#[test]
fn a_kill_that_did_not_happen_costs_no_budget() {
    let mut world = World::new(Target { kill_budget: Budget { max: 1, per: HOUR }, ..two_rungs() });
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.play("950x3");
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 1);
}

#[test]
fn keep_at_least_leaves_that_many() {
    let mut world = World::new(Target { keep_at_least: 2, ..two_rungs() });
    for slot in 0..3 {
        world.arrive(slot, Duration::from_secs(86_400));
    }
    world.play("950x5");
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 1);
    assert_eq!(world.told().matches("held kill keep_at_least").count(), 2);
}

#[test]
fn keep_at_least_does_not_count_who_is_being_killed() {
    let mut world = World::new(Target { keep_at_least: 1, ..two_rungs() });
    world.arrive(0, Duration::from_secs(86_400));
    world.arrive(1, Duration::from_secs(86_400));
    world.executor = Box::new(|_| None);
    world.play("950x5");
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 1);
}

#[test]
fn three_kills_at_a_seat_are_a_crash_loop() {
    let mut world = World::new(Target { kill_budget: Budget { max: 99, per: HOUR }, ..two_rungs() });
    for _ in 0..4 {
        world.arrive(0, Duration::from_secs(86_400));
        world.play("950");
    }
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 3);
    let opens = world.events.iter().find_map(|event| match event.note {
        Note::Held { reason: Reason::CrashLoop, opens, .. } => opens,
        _ => None,
    });
    assert_eq!(opens.map(|at| at.since(world.now).as_secs()), Some(30 * 60 - 4));
}

#[test]
fn a_kill_under_way_holds_other_ladders_and_runs_to_its_end() {
    let mut config = two_rungs();
    let mut steps = crate::model::PerLevel::default();
    *steps.get_mut(crate::model::Level::Elevated).unwrap() = vec![1];
    config.ladders.push(crate::config::Ladder { name: "memory".into(), steps });
    config.thresholds.push(crate::config::Threshold { ladder: 1, ..super::world::open_fds() });
    let mut world = World::new(config);
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| (!order.measure.is_kill()).then_some((OutcomeKind::Delivered, Reason::None)));
    world.play("950 950 10 10");
    world.expect(
        "0s default: normal -> fatal
         0s memory: normal -> fatal
         0s order kill
         1s held disable_websocket killing
         2s default: fatal -> normal
         2s memory: fatal -> normal
         2s lapsed disable_websocket level_left",
    );
    let kill_order = world.orders[0].clone();
    world.leave(0);
    let gone = crate::model::Outcome {
        order: kill_order.id,
        member: kill_order.member,
        kind: OutcomeKind::Gone,
        reason: Reason::None,
        at: world.now,
        untouched: false,
        detail: None,
    };
    world.settle_outcomes(vec![gone]);
    assert!(world.told().ends_with("   4s gone kill none\n"), "{}", world.told());
}

#[test]
fn a_level_left_and_entered_again_finds_its_kill_under_way() {
    let mut world = World::new(two_rungs());
    world.arrive(0, Duration::from_secs(86_400));
    world.executor = Box::new(|order| (!order.measure.is_kill()).then_some((OutcomeKind::Delivered, Reason::None)));
    world.play("950 10 950 950");
    assert_eq!(world.orders.iter().filter(|order| order.measure.is_kill()).count(), 1);
    let order = world.orders[0].clone();
    let (kind, reason) = (OutcomeKind::Failed, Reason::Timeout);
    world.settle_outcomes(vec![crate::model::Outcome {
        order: order.id,
        member: order.member,
        kind,
        reason,
        at: world.now,
        untouched: false,
        detail: None,
    }]);
    assert!(world.told().contains("retry kill timeout"), "{}", world.told());
}

#[test]
fn fatal_that_is_held_is_said_again_every_five_minutes() {
    let mut world = World::new(Target { settle: HOUR, ..two_rungs() });
    world.arrive(0, Duration::from_secs(86_400));
    world.play("950x660");
    let said: Vec<_> = world.told().lines().filter(|line| line.contains("still held")).map(str::to_owned).collect();
    assert_eq!(said, [" 300s still held kill settling", " 600s still held kill settling"]);
}

#[test]
fn an_open_breaker_holds_measures_and_undo_alike() {
    let mut failing = super::leases::pausing();
    failing.actions[0].max_attempts = 1;
    let mut world = World::new(failing);
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Timeout)));
    world.arrive(0, Duration::from_secs(86_400));
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
