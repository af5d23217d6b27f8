//! What is told of closed brakes is what the brakes say when they are asked for a rung that is not due yet.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::several::{silent, workers};
use super::world::{World, http, kill, signal, target};
use crate::config::{Budget, Target};
use crate::judge::orders::{Turn, groundless};
use crate::judge::rung::RungState;
use crate::model::{ActionScope, BrakeView, Holds, Inhibition, MemberKey, Moment, OutcomeKind, Reason};

const MINUTE: Duration = Duration::from_secs(60);

/// Every brake but the hours may close.
fn hindered() -> Target {
    let mut hindered = target();
    hindered.startup_grace = Duration::from_secs(4);
    hindered.settle = Duration::from_secs(6);
    hindered.kill_budget = Budget { max: 1, per: MINUTE };
    hindered.keep_at_least = 1;
    let cooldown = Duration::from_secs(9);
    hindered.actions = vec![
        crate::config::Action { cooldown, ..signal("reset_pool") },
        crate::config::Action { undo: None, cooldown, max_attempts: 9, ..http("disable_websocket") },
        crate::config::Action { cooldown, scope: ActionScope::Target, ..signal("pause") },
        kill(),
    ];
    hindered
}

fn holds(brake: &BrakeView, (key, action, is_kill): (MemberKey, usize, bool)) -> bool {
    let whom = brake.whom.is_none_or(|whom| whom == key || whom == MemberKey::all_of(key.target));
    whom && match brake.holds {
        Holds::Any => true,
        Holds::Action(at) => usize::from(at) == action,
        Holds::Kills | Holds::Deadly => is_kill,
        Holds::Hours => false,
    }
}

/// Compares both for every idle rung at that time.
fn compare(world: &World, at: Moment) {
    let state = &world.state;
    let closed: Vec<BrakeView> = state.closed(world.now).collect();
    let config = Arc::clone(&state.config);
    for (key, member) in &state.members {
        for (index, rung) in member.rungs.iter().enumerate().filter(|(_, rung)| rung.state == RungState::Idle) {
            let action = &config.targets[0].actions[rung.action];
            let turn = Turn { key: *key, rung: index, target: &config.targets[0], action, grounds: groundless() };
            let asked = (*key, rung.action, action.measure.is_kill());
            let told: Vec<_> = closed.iter().filter(|brake| holds(brake, asked) && brake.is_closed(at)).collect();
            match state.brake(&turn, at) {
                None => assert!(told.is_empty(), "{} is free at {at:?}: {told:?}", action.name),
                Some(hold) => {
                    let same = |brake: &BrakeView| brake.reason == hold.reason && brake.opens == hold.opens;
                    assert!(told.iter().copied().any(same), "{} at {at:?}: {hold:?} {told:?}", action.name);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn it_is_what_the_brakes_say(steps in proptest::collection::vec((0_u8..12, 0_u64..12), 1..40)) {
        let mut world = World::new(hindered());
        world.executor = Box::new(|order| {
            Some(if order.measure.is_kill() {
                (OutcomeKind::Gone, Reason::None)
            } else if &*order.action == "disable_websocket" {
                (OutcomeKind::Failed, Reason::Timeout)
            } else {
                (OutcomeKind::Delivered, Reason::None)
            })
        });
        for slot in 0..3 {
            world.arrive(slot, Duration::from_secs(u64::from(slot) * 3));
        }
        for (step, more) in steps {
            match step {
                0 => world.arrive(u32::try_from(more % 3).unwrap(), Duration::from_secs(more)),
                1 => world.state.set_remembering(more % 2 == 0),
                2 => {
                    let action = (more % 2 == 0).then(|| "pause".into());
                    let until = world.now + Duration::from_secs(more);
                    let (target, by, since) = ("trader".into(), "alice".into(), world.now);
                    world.state.inhibitions.push(Inhibition { target, action, by, since, until, until_successor: false });
                }
                3 => world.play("950"),
                4 => world.play("850x3"),
                5 => world.play("350"),
                _ => world.play("100x5"),
            }
            for later in [0, 3, more, 70, 4_000] {
                compare(&world, world.now + Duration::from_secs(later));
            }
        }
    }
}

#[test]
fn whom_a_kill_holds_is_told_while_it_is_under_way() {
    let mut world = workers(Target { settle: Duration::ZERO, ..target() });
    let killing = |world: &World| {
        let closed = world.state.closed(world.now).filter(|brake| brake.reason == Reason::Killing);
        closed.map(|brake| (brake.whom.unwrap().slot, brake.holds, brake.opens)).collect::<Vec<_>>()
    };
    silent(&mut world, "reset_pool");
    world.each(&[10.0, 310.0]);
    assert_eq!(killing(&world), [], "what is under way is no kill");
    silent(&mut world, "kill");
    world.each(&[950.0, 310.0]);
    assert_eq!(killing(&world), [(0, Holds::Any, None)], "{}", world.told());
    let kill = world.orders.iter().find(|order| order.measure.is_kill()).map(Arc::clone).unwrap();
    world.answer(&kill, (OutcomeKind::Failed, Reason::Refused));
    assert_eq!(killing(&world), []);
}

#[test]
fn what_opens_now_and_what_never_closed_is_not_told() {
    let mut young = World::new(Target { startup_grace: Duration::from_secs(4), ..target() });
    let closed = |world: &World| world.state.closed(world.now).map(|brake| brake.reason).collect::<Vec<_>>();
    assert_eq!(closed(&young), [], "nobody is there, and nobody has to be");
    young.arrive(0, Duration::ZERO);
    young.play("100x2");
    assert_eq!(closed(&young), [Reason::StartupGrace], "three seconds old");
    young.play("100");
    assert_eq!(closed(&young), []);
}
