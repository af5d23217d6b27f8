//! What an operator wants done now, and what he holds back.

use std::sync::Arc;
use std::time::Duration;

use super::leases::{DAY, SECOND, obliging, pausing, standing, world};
use super::world::{World, config, freeze, kill, signal, target};
use crate::config::{Budget, Needs, Otherwise, Problems, SetAside, Target};
use crate::judge::{Chosen, Wanted, Wish, inhibition_length};
use crate::model::{
    ActionScope, Inhibition, InhibitionEnd, LONGEST_INHIBITION, LeaseStanding, MemberKey, Note, OrderId, OutcomeKind,
    Reason, Standing,
};

/// Wants an action of the only process.
pub(super) fn act(world: &mut World, action: &str) -> Result<Vec<Wanted>, String> {
    act_on(world, action, Chosen::Only, false)
}

pub(super) fn act_on(world: &mut World, action: &str, whom: Chosen, needs: bool) -> Result<Vec<Wanted>, String> {
    let wish = Wish { target: "trader", action, whom, needs, by: "alice (uid 1000)".into() };
    let wanted = world.state.want_act(&wish, world.now);
    world.settle_outcomes(Vec::new());
    wanted
}

fn only(wanted: Result<Vec<Wanted>, String>) -> OrderId {
    match wanted.unwrap().as_slice() {
        [Wanted::Ordered(order) | Wanted::InForce(order)] => order.id,
        other => panic!("not one order: {other:?}"),
    }
}

pub(super) fn inhibit(world: &mut World, action: Option<&str>, length: Duration, until_successor: bool) {
    let inhibition = Inhibition {
        target: "trader".into(),
        action: action.map(Into::into),
        by: "alice (uid 1000)".into(),
        since: world.now,
        until: world.now + length,
        until_successor,
    };
    let events = world.state.inhibit(inhibition);
    world.events.extend(events);
}

fn release(world: &mut World, action: Option<&str>) -> usize {
    let events = world.state.release((Some("trader"), action), &"bob".into(), world.now);
    let count = events.len();
    world.events.extend(events);
    count
}

/// Why inhibitions ended, in that order.
pub(super) fn ends(world: &World) -> Vec<InhibitionEnd> {
    let ends = world.events.iter().filter_map(|event| match &event.note {
        Note::InhibitionEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    ends.collect()
}

pub(super) fn names(world: &World) -> Vec<&str> {
    world.orders.iter().map(|order| &*order.action).collect()
}

#[test]
fn cooldown_grace_budget_and_crash_loop_hold_no_operator() {
    let mut strict = Target { startup_grace: DAY, settle: DAY, kill_budget: Budget { max: 1, per: DAY }, ..target() };
    strict.actions[0].cooldown = DAY;
    let mut world = World::new(strict);
    world.arrive(0, SECOND);
    world.play("10");
    for _ in 0..3 {
        act(&mut world, "reset_pool").unwrap();
        world.play("10");
    }
    assert_eq!(names(&world), ["reset_pool"; 3], "{}", world.told());
    for _ in 0..4 {
        world.arrive(0, SECOND);
        world.play("10");
        act(&mut world, "kill").unwrap();
    }
    assert_eq!(names(&world)[3..], ["kill"; 4], "{}", world.told());
    let told = world.orders.last().unwrap();
    assert_eq!((told.by.as_deref(), &*told.ladder, &told.cause), (Some("alice (uid 1000)"), "operator", &None));
}

/// They count all the same: the ladder knows what was sent.
#[test]
fn what_an_operator_had_done_counts_for_cooldown_and_budget() {
    let mut cooling = Target { kill_budget: Budget { max: 1, per: DAY }, ..target() };
    cooling.actions[0].cooldown = DAY;
    let mut world = World::of(cooling, "10");
    act(&mut world, "reset_pool").unwrap();
    world.play("310");
    assert!(world.told().contains("held reset_pool cooldown"), "{}", world.told());
    act(&mut world, "kill").unwrap();
    assert_eq!(world.state.kill_budget_remaining(0, world.now), 0);
}

#[test]
fn a_veto_ends_it_and_it_is_not_tried_again() {
    let mut world = World::of(target(), "10");
    world.executor = Box::new(|_| Some((OutcomeKind::Vetoed, Reason::Unhandled)));
    let order = only(act(&mut world, "reset_pool"));
    assert!(world.told().contains("vetoed reset_pool unhandled"), "{}", world.told());
    world.play("10x5 _x70");
    assert_eq!((world.orders.len(), world.state.standing_of(order)), (1, None), "{}", world.told());
}

#[test]
fn what_is_no_matter_of_patience_is_refused_with_its_name() {
    let mut world = World::of(Target { keep_at_least: 1, ..target() }, "10");
    assert!(act(&mut world, "kill").unwrap_err().contains("keep_at_least"));
    let mut frozen = target();
    frozen.actions[2] = freeze("pause");
    let mut world = World::of(frozen, "10");
    world.state.set_remembering(false);
    for action in ["kill", "pause"] {
        assert!(act(&mut world, action).unwrap_err().contains("state_unwritable"));
    }
    act(&mut world, "reset_pool").unwrap();
    inhibit(&mut world, None, DAY, false);
    assert!(act(&mut world, "reset_pool").unwrap_err().contains("inhibited"));
    assert_eq!(names(&world), ["reset_pool"]);
    assert_eq!(ends(&world), []);
}

#[test]
fn of_several_processes_one_is_named_or_all() {
    let mut world = World::new(pausing());
    world.executor = Box::new(obliging);
    assert!(act(&mut world, "kill").unwrap_err().contains("nobody of trader is there"));
    for slot in 0..3 {
        world.arrive(slot, DAY);
    }
    world.each(&[10.0, 10.0, 10.0]);
    let refused = act(&mut world, "kill").unwrap_err();
    assert!(refused.contains("3 processes") && refused.contains("0, 1, 2"), "{refused}");
    assert!(act_on(&mut world, "kill", Chosen::Slot(7), false).unwrap_err().contains("has no process 7"));
    act_on(&mut world, "kill", Chosen::Slot(1), false).unwrap();
    assert_eq!(world.orders[0].member, MemberKey { target: 0, slot: 1 });
    // Of what serves all of them one is enough.
    assert_eq!(act(&mut world, "pause").unwrap().len(), 1);
    assert_eq!(act_on(&mut world, "kill", Chosen::All, false).unwrap().len(), 2);
    assert_eq!(names(&world), ["kill", "pause", "kill", "kill"]);
}

#[test]
fn of_all_each_that_is_refused_is_told_of() {
    let mut world = World::new(target());
    world.arrive(0, DAY);
    world.arrive(1, DAY);
    world.each(&[10.0, 10.0]);
    world.executor = Box::new(|_| None);
    act_on(&mut world, "kill", Chosen::Slot(0), false).unwrap();
    let wanted = act_on(&mut world, "reset_pool", Chosen::All, false).unwrap();
    let [Wanted::Refused(why), Wanted::Ordered(order)] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert!(why.contains("trader[0] is held back") && why.contains("killing"), "{why}");
    assert_eq!(order.member.slot, 1);
}

#[test]
fn what_he_took_no_level_ends() {
    let mut world = world(pausing(), "10");
    act(&mut world, "pause").unwrap();
    world.play("10x20 810x3 10x20");
    assert_eq!((names(&world), standing(&world)), (vec!["pause"], vec![LeaseStanding::Operator]), "{}", world.told());
    world.restart();
    world.reconfigure(config(pausing()));
    world.play("10x5");
    assert_eq!(standing(&world), [LeaseStanding::Operator], "neither a restart nor a reload");
    inhibit(&mut world, None, DAY, false);
    world.state.want_undo(Some("trader"), Some("pause"), world.now);
    world.play("10");
    assert!(world.orders.last().unwrap().undo && standing(&world).is_empty(), "{}", world.told());
}

#[test]
fn what_is_in_force_already_is_his_from_then_on() {
    let mut world = world(pausing(), "810x2");
    assert!(matches!(act(&mut world, "pause").unwrap().as_slice(), [Wanted::InForce(_)]));
    world.play("10x20");
    assert_eq!((world.orders.len(), standing(&world)), (1, vec![LeaseStanding::Operator]), "{}", world.told());
}

#[test]
fn what_is_being_undone_just_now_is_not_called_in_force() {
    let mut world = world(pausing(), "810x2");
    world.executor = Box::new(|order| if order.undo { None } else { obliging(order) });
    world.play("10x2");
    let undo = Arc::clone(world.orders.last().unwrap());
    assert!(undo.undo, "{}", world.told());
    assert!(act(&mut world, "pause").unwrap_err().contains("being undone just now"));
    world.answer(&undo, (OutcomeKind::Acknowledged, Reason::None));
    world.play("10");
    assert_eq!((standing(&world), world.orders.len()), (vec![], 2), "nothing was queued: {}", world.told());
    act(&mut world, "pause").unwrap();
    assert_eq!(standing(&world), [LeaseStanding::Operator]);
}

#[test]
fn a_retry_that_a_reload_forgets_is_told_of() {
    let mut world = world(pausing(), "10");
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    let order = only(act(&mut world, "pause"));
    world.reconfigure(config(pausing()));
    world.play("10");
    assert!(world.told().contains("lapsed pause"), "{}", world.told());
    assert_eq!(world.state.standing_of(order), None);
}

#[test]
fn it_waits_for_another_order_of_the_process_and_lapses_after_a_minute() {
    let mut world = World::new(target());
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("310");
    let order = only(act(&mut world, "disable_websocket"));
    assert_eq!(world.state.standing_of(order), Some(Standing::Waiting));
    assert!(act(&mut world, "disable_websocket").unwrap_err().contains("asked for already"));
    let before = Arc::clone(&world.orders[0]);
    world.play("310x30");
    world.answer(&before, (OutcomeKind::Delivered, Reason::None));
    assert_eq!(names(&world), ["reset_pool", "disable_websocket"], "{}", world.told());
    assert_eq!(world.state.standing_of(order), Some(Standing::InFlight));
    let late = only(act(&mut world, "pause"));
    world.play("310x70");
    assert!(world.told().contains("lapsed pause none"), "{}", world.told());
    assert_eq!((world.state.standing_of(late), world.orders.len()), (None, 2));
}

#[test]
fn a_failure_is_tried_again_until_the_minute_is_over() {
    let mut world = world(pausing(), "10");
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    let order = only(act(&mut world, "pause"));
    assert!(matches!(world.state.standing_of(order), Some(Standing::Retrying { reason: Reason::Refused, .. })));
    world.play("10x90");
    assert!(world.told().contains("lapsed pause refused"), "{}", world.told());
    assert!(world.orders.len() > 1 && world.orders.iter().all(|one| one.id == order), "the same order over all tries");
    assert_eq!(standing(&world), [], "nothing of it is in force");
}

#[test]
fn a_kill_waits_for_what_it_needs_only_when_it_is_to() {
    let mut needing = pausing();
    let needs = Needs { action: 0, within: 20 * SECOND, otherwise: Otherwise::Hold };
    needing.actions[1].needs = Some(needs);
    for (wanted, orders) in [(false, &["kill"][..]), (true, &["pause", "kill"])] {
        let mut world = world(needing.clone(), "10");
        act_on(&mut world, "kill", Chosen::Only, wanted).unwrap();
        world.play("10");
        assert_eq!(names(&world), orders, "{}", world.told());
    }
    let mut world = world(needing, "10");
    world.executor = Box::new(|_| Some((OutcomeKind::Failed, Reason::Refused)));
    act_on(&mut world, "kill", Chosen::Only, true).unwrap();
    world.play("10x90");
    assert!(!names(&world).contains(&"kill") && world.told().contains("lapsed kill needs"), "{}", world.told());
}

#[test]
fn what_has_not_gone_out_lapses_with_a_reload_and_is_not_taken_up_by_a_restart() {
    for restart in [false, true] {
        let mut world = World::new(target());
        world.executor = Box::new(|_| None);
        world.arrive(0, DAY);
        world.play("310");
        act(&mut world, "pause").unwrap();
        if restart {
            world.restart();
        } else {
            world.reconfigure(config(target()));
            assert!(world.told().contains("lapsed pause"), "aloud: {}", world.told());
        }
        world.executor = Box::new(obliging);
        world.play("310x70");
        assert!(!names(&world).contains(&"pause"), "{}", world.told());
    }
}

#[test]
fn a_kill_of_his_under_way_goes_on_over_a_restart() {
    let mut world = World::of(target(), "10");
    world.executor = Box::new(|_| None);
    act(&mut world, "kill").unwrap();
    assert_eq!(world.restart().len(), 1);
    world.play("10x5");
    assert_eq!(world.orders.len(), 1, "at most once: {}", world.told());
}

#[test]
fn what_is_held_back_is_told_once_and_goes_out_when_it_is_released() {
    let mut world = World::of(target(), "10");
    inhibit(&mut world, Some("reset_pool"), DAY, false);
    world.play("610x5");
    assert_eq!(names(&world), ["disable_websocket"], "the other action is not meant: {}", world.told());
    assert_eq!(world.told().matches("held reset_pool inhibited").count(), 1, "{}", world.told());
    assert_eq!(release(&mut world, Some("pause")), 0, "nothing of that was held back");
    assert_eq!(release(&mut world, None), 1, "all of the target");
    world.play("610");
    assert!(world.told().contains("open reset_pool inhibited"), "{}", world.told());
    assert_eq!(names(&world), ["disable_websocket", "reset_pool"]);
    assert_eq!(ends(&world), [InhibitionEnd::Released("bob".into())]);
}

#[test]
fn it_ends_by_itself_in_time() {
    let mut world = World::of(target(), "10");
    inhibit(&mut world, None, 5 * SECOND, false);
    world.play("950x4");
    assert!(world.orders.is_empty(), "{}", world.told());
    world.play("950x3");
    assert_eq!((names(&world), ends(&world)), (vec!["kill"], vec![InhibitionEnd::Expired]), "{}", world.told());
    assert_eq!(inhibition_length(Some(48 * 3600 * SECOND)), LONGEST_INHIBITION);
    assert_eq!(inhibition_length(None), LONGEST_INHIBITION);
}

#[test]
fn it_ends_with_the_successor_and_with_nobody_who_was_there() {
    let mut world = World::of(target(), "10");
    world.arrive(1, DAY);
    world.each(&[10.0, 10.0]);
    inhibit(&mut world, None, DAY, true);
    world.play("10x3");
    world.restart();
    world.play("10x3");
    world.leave(0);
    world.play("10x3");
    assert_eq!(ends(&world), [], "one has gone, nobody has come");
    world.arrive(0, 30 * 60 * SECOND);
    world.play("10");
    assert_eq!(ends(&world), [], "he was born before it, and only found late");
    world.arrive(2, Duration::ZERO);
    world.play("10");
    assert_eq!(ends(&world), [InhibitionEnd::Successor]);
}

#[test]
fn it_outlives_the_daemon_and_ends_with_what_it_concerns() {
    let mut world = World::of(target(), "10");
    inhibit(&mut world, Some("pause"), DAY, false);
    inhibit(&mut world, None, DAY, false);
    world.restart();
    assert_eq!(world.state.inhibitions(world.now).count(), 2);
    let mut without = config(target());
    without.targets[0].actions[2] = signal("other");
    world.reconfigure(without.clone());
    world.play("10");
    assert_eq!(ends(&world), [InhibitionEnd::Unknown]);
    without.targets[0].name = "broker".into();
    world.reconfigure(without);
    world.play("10");
    assert_eq!(ends(&world), [InhibitionEnd::Unknown, InhibitionEnd::Unknown]);
    assert_eq!(world.state.inhibitions(world.now).count(), 0);
}

#[test]
fn what_is_set_aside_is_not_taken_for_removed() {
    let mut world = world(pausing(), "10");
    act(&mut world, "pause").unwrap();
    inhibit(&mut world, None, DAY, false);
    let mut without = config(pausing());
    without.targets[0].name = "broker".into();
    without.set_aside = vec![SetAside { file: "trader.toml".into(), problems: Problems::default() }];
    world.reconfigure(without);
    world.play("10");
    assert_eq!((ends(&world), world.orders.len()), (vec![], 1), "{}", world.told());
    world.reconfigure(config(pausing()));
    world.play("10");
    assert_eq!((ends(&world), standing(&world)), (vec![], vec![LeaseStanding::Operator]), "{}", world.told());
}

#[test]
fn one_of_the_same_takes_the_place_of_the_first() {
    let mut world = World::of(target(), "10");
    inhibit(&mut world, None, 5 * SECOND, false);
    inhibit(&mut world, None, DAY, false);
    assert_eq!(world.state.inhibitions(world.now).count(), 1);
    world.play("950x20");
    assert!(world.orders.is_empty(), "{}", world.told());
}

#[test]
fn what_is_held_back_leaves_room_for_other_rungs_and_for_undo() {
    let mut both = pausing();
    both.actions[1] = kill();
    let mut world = world(both, "810x2");
    inhibit(&mut world, Some("kill"), DAY, false);
    world.play("950x5");
    assert_eq!(names(&world), ["pause"], "{}", world.told());
    world.play("10x2");
    assert!(world.orders.last().unwrap().undo, "{}", world.told());
    assert_eq!(world.orders.last().unwrap().scope, ActionScope::Target);
}
