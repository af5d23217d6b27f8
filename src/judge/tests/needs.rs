//! What a kill needs first.

use super::leases::{DAY, SECOND, answering, obliging, pausing};
use super::world::{World, http, kill};
use crate::config::{Action, Needs, Otherwise, Target};
use crate::model::{OutcomeKind, Reason};

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
