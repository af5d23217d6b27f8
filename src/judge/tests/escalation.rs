//! A measure without effect steps its ladder up, and the ladder steps down again.

use super::effects::{DAY, SECOND, alone, effects};
use super::reloads::since;
use super::several::workers;
use super::world::{World, config, freeze, http, kill, signal, target, threshold};
use crate::config::{Action, Config, Escalate, Host, HostStep, Per, Target};
use crate::judge::confirm;
use crate::model::{
    ActionScope, Base, Effect, GroupSample, Level, Metric, Note, OutcomeKind, PerLevel, Reading, Reason, Value,
};

const NEVER: f64 = f64::INFINITY;

/// Elevated to fatal, each with its action, which have ten seconds and step up without effect.
fn stepping(escalate: Escalate) -> Target {
    let mut stepping = target();
    for action in stepping.actions.iter_mut().take(3) {
        *action = Action { patience: 10 * SECOND, escalate, ..action.clone() };
    }
    stepping
}

fn levels(world: &World) -> Vec<String> {
    let told = world.told();
    told.lines().map(str::trim).filter(|line| line.contains("->") && line.contains(": ")).map(str::to_owned).collect()
}

#[test]
fn a_measure_without_effect_steps_the_ladder_up_with_its_reason() {
    let world = World::of(stepping(Escalate::Yes), "10 400x12");
    world.expect(
        "1s default: normal -> elevated
         1s order reset_pool
         1s delivered reset_pool none
         11s ineffective reset_pool 400 -> 400
         11s default: elevated -> warning
         11s order disable_websocket
         11s delivered disable_websocket none",
    );
    let cause = world.orders[1].cause.as_ref().unwrap();
    let in_vain = cause.escalated.as_ref().unwrap();
    assert_eq!((cause.bound, cause.value), (300.0, 400.0), "the bound that it is itself at");
    assert_eq!((&*in_vain.action, in_vain.from, in_vain.to), ("reset_pool", 400.0, Some(400.0)));
    assert_eq!(world.orders[1].level, Level::Warning);
}

#[test]
fn it_goes_on_step_by_step_and_ends_before_a_kill() {
    let world = World::of(stepping(Escalate::Yes), "10 400x90");
    assert_eq!(world.ordered(), [(1, "reset_pool"), (11, "disable_websocket"), (21, "pause")]);
    assert_eq!(world.level(), Level::Critical);
}

#[test]
fn to_a_kill_it_goes_only_where_it_is_told_to() {
    let world = World::of(stepping(Escalate::ToKill), "10 400x40");
    assert_eq!(world.ordered(), [(1, "reset_pool"), (11, "disable_websocket"), (21, "pause"), (31, "kill")]);
    // The last step alone asks for it.
    for last in 0..3 {
        let mut target = stepping(Escalate::Yes);
        target.actions[last].escalate = Escalate::ToKill;
        let world = World::of(target, "10 400x90");
        assert_eq!(world.ordered().len(), if last == 2 { 4 } else { 3 }, "{}", world.told());
    }
}

#[test]
fn a_kill_beside_other_measures_is_not_reached_either() {
    let mut target = stepping(Escalate::Yes);
    *target.ladders[0].steps.get_mut(Level::Warning).unwrap() = vec![1, 3];
    let world = World::of(target, "10 400x90");
    assert_eq!(world.ordered(), [(1, "reset_pool")], "nor passed over");
}

#[test]
fn the_kill_asks_for_the_bound_that_the_metric_is_itself_at() {
    let mut world = World::of(stepping(Escalate::ToKill), "10 400x20");
    world.executor = Box::new(|_| None);
    world.play("400x15");
    let order = world.orders.last().unwrap();
    assert!(order.measure.is_kill());
    let read = |value| Reading { at: world.now, period: SECOND, value: Value::Known(value) };
    assert_eq!(confirm(order, &read(300.0)), Ok(()));
    assert_eq!(confirm(order, &read(299.0)), Err(Reason::Unconfirmed), "its level holds, but it is not past its bound");
}

#[test]
fn brakes_hold_a_kill_that_was_escalated_to() {
    let mut target = stepping(Escalate::ToKill);
    target.kill_budget.max = 0;
    let world = World::of(target, "10 400x40");
    assert!(world.told().contains("31s held kill kill_budget"), "{}", world.told());
    let mut target = stepping(Escalate::ToKill);
    target.settle = 60 * SECOND;
    let world = World::of(target, "10 400x65");
    assert!(world.told().contains("31s held kill settling"), "{}", world.told());
    assert_eq!(world.ordered().last().unwrap(), &(60, "kill"));
}

#[test]
fn an_unknown_reading_holds_it_and_ends_nothing() {
    let mut world = World::of(stepping(Escalate::ToKill), "10 400x29 deniedx3");
    assert_eq!((world.level(), world.ordered().len()), (Level::Fatal, 3), "{}", world.told());
    assert!(world.told().contains("31s held kill unknown"), "{}", world.told());
    world.play("400");
    assert_eq!(world.ordered().last().unwrap(), &(34, "kill"));
    let world = World::of(stepping(Escalate::ToKill), "10 400x22 deniedx30");
    assert_eq!(world.level(), Level::Critical, "what is not known has not fallen: {}", world.told());
    assert_eq!(world.ordered().len(), 3);
}

#[test]
fn it_steps_down_when_the_own_level_of_the_metric_falls() {
    let world = World::of(stepping(Escalate::Yes), "10 400x15 280 269x20");
    assert_eq!(
        levels(&world),
        ["1s default: normal -> elevated", "11s default: elevated -> warning", "18s default: warning -> normal"]
    );
    // From warning by its own bound to elevated is a fall as well.
    let world = World::of(stepping(Escalate::Yes), "10 700x13 500x5 500x2");
    let ordered = world.ordered();
    assert_eq!(ordered, [(1, "reset_pool"), (1, "disable_websocket"), (11, "pause")]);
    assert_eq!(world.level(), Level::Elevated, "{}", world.told());
}

#[test]
fn what_was_taken_there_is_undone_when_it_is_over() {
    let mut target = stepping(Escalate::Yes);
    target.actions[1] = Action { patience: 10 * SECOND, scope: ActionScope::Process, ..http("disable_websocket") };
    let world = World::of(target, "10 400x15 10x5");
    let undone: Vec<_> = world.orders.iter().filter(|order| order.undo).map(|order| &*order.action).collect();
    assert_eq!(undone, ["disable_websocket"], "{}", world.told());
}

#[test]
fn a_metric_that_climbs_by_itself_is_asked_by_its_own_bound_again() {
    let world = World::of(stepping(Escalate::Yes), "10 400x15 650x3");
    assert_eq!(world.level(), Level::Warning);
    assert_eq!(world.ordered().len(), 2, "what is there is there: {}", world.told());
}

#[test]
fn levels_without_actions_are_passed_over() {
    let mut target = stepping(Escalate::Yes);
    *target.ladders[0].steps.get_mut(Level::Warning).unwrap() = Vec::new();
    let world = World::of(target, "10 400x15");
    assert_eq!(world.ordered(), [(1, "reset_pool"), (11, "pause")]);
    let mut target = stepping(Escalate::Yes);
    for level in [Level::Warning, Level::Critical, Level::Fatal] {
        *target.ladders[0].steps.get_mut(level).unwrap() = Vec::new();
    }
    let world = World::of(target, "10 400x15");
    assert_eq!((world.ordered().len(), world.level()), (1, Level::Elevated));
}

#[test]
fn any_of_those_that_share_a_window_may_step_up() {
    let mut target = stepping(Escalate::No);
    target.actions[0].escalate = Escalate::Yes;
    *target.ladders[0].steps.get_mut(Level::Elevated).unwrap() = vec![0, 2];
    *target.ladders[0].steps.get_mut(Level::Critical).unwrap() = Vec::new();
    let world = World::of(target, "10 400x15");
    assert_eq!(world.ordered(), [(1, "reset_pool"), (1, "pause"), (11, "disable_websocket")]);
    let why = world.orders[2].cause.as_ref().unwrap().escalated.clone().unwrap();
    assert_eq!(&*why.action, "reset_pool", "it is the one that asks for it");
}

#[test]
fn a_metric_of_the_host_does_not_raise_a_targets_own_ladder() {
    let mut target = stepping(Escalate::Yes);
    target.metrics[0] = Metric::plain(Base::HostSwapUsed);
    target.thresholds = vec![threshold([
        (Level::Elevated, 300.0),
        (Level::Warning, NEVER),
        (Level::Critical, NEVER),
        (Level::Fatal, NEVER),
    ])];
    target.thresholds[0].name = Metric::plain(Base::HostSwapUsed);
    let world = World::of(target, "10 400x30");
    assert_eq!(world.ordered(), [(1, "reset_pool")], "{}", world.told());
}

#[test]
fn the_other_ladder_stays_where_it_is() {
    let mut target = stepping(Escalate::Yes);
    let mut memory = target.ladders[0].clone();
    memory.name = "memory".into();
    target.ladders.push(memory);
    let world = World::of(target, "10 400x15");
    let member = world.state.member(crate::model::MemberKey { target: 0, slot: 0 }).unwrap();
    assert_eq!(member.ladders().map(|view| view.level).collect::<Vec<_>>(), [Level::Warning, Level::Normal]);
}

#[test]
fn it_outlives_a_restart_and_a_reload() {
    for reload in [false, true] {
        let mut world = World::of(stepping(Escalate::Yes), "10 400x15");
        if reload {
            world.reconfigure(config(stepping(Escalate::Yes)));
        } else {
            world.restart();
        }
        world.play("400x2");
        assert_eq!(world.level(), Level::Warning, "{}", world.told());
        world.play("400x4");
        assert_eq!(world.ordered(), [(1, "reset_pool"), (11, "disable_websocket"), (21, "pause")], "{}", world.told());
        world.play("10x2");
        assert_eq!(world.level(), Level::Normal);
    }
}

/// Whatever is changed, a kill comes of it only where the new configuration would lead to one.
#[test]
fn a_reload_that_would_not_lead_there_ends_it() {
    let mut kills = stepping(Escalate::Yes);
    *kills.ladders[0].steps.get_mut(Level::Warning).unwrap() = vec![3];
    *kills.ladders[0].steps.get_mut(Level::Fatal).unwrap() = vec![1];
    for other in [stepping(Escalate::No), kills] {
        let mut world = World::of(stepping(Escalate::Yes), "10 400x15");
        world.reconfigure(config(other));
        world.play("400x5");
        assert_eq!(world.level(), Level::Elevated, "{}", world.told());
        assert!(world.orders.iter().all(|order| !order.measure.is_kill()));
    }
}

#[test]
fn a_group_is_judged_by_its_own_reading_and_counted_once() {
    let mut grouped = Target { per: Per::Group, ..stepping(Escalate::Yes) };
    grouped.actions[0].max_attempts = 1;
    let mut world = World::new(grouped);
    (0..3).for_each(|slot| world.arrive(slot, DAY));
    for _ in 0..15 {
        let sum = Reading { at: world.now, period: SECOND, value: Value::Known(400.0) };
        world.sample.groups = vec![GroupSample { target: 0, readings: vec![sum; 2] }];
        world.each(&[10.0, 20.0, 370.0]);
    }
    let told = effects(&world);
    assert_eq!(told, ["10s ineffective reset_pool 400 -> 400", "10s gave up reset_pool"], "{}", world.told());
    let pauses: Vec<_> = world.ordered().into_iter().filter(|(_, action)| *action != "reset_pool").collect();
    assert_eq!(pauses, [(10, "disable_websocket"); 3], "{}", world.told());
    assert!(world.told().contains("10s trader default: elevated -> warning"), "{}", world.told());
}

/// The host's ladder: `shed` at warning, `pause` at critical, a kill at fatal.
fn hosts(escalate: Escalate) -> Config {
    let mut shedding = target();
    shedding.thresholds = Vec::new();
    shedding.ladders[0].steps = PerLevel::default();
    shedding.actions = vec![
        Action { patience: 10 * SECOND, escalate, ..signal("shed") },
        Action { patience: 10 * SECOND, escalate, scope: ActionScope::Process, ..freeze("pause") },
        kill(),
    ];
    let mut host = Host { metrics: vec![Metric::plain(Base::HostMemoryUsed)], ..Host::default() };
    host.thresholds = vec![threshold([
        (Level::Elevated, NEVER),
        (Level::Warning, 72.0),
        (Level::Critical, 80.0),
        (Level::Fatal, 90.0),
    ])];
    for (index, level) in [Level::Warning, Level::Critical, Level::Fatal].into_iter().enumerate() {
        *host.ladder.get_mut(level).unwrap() = vec![HostStep { target: 0, action: index }];
    }
    Config { host, ..config(shedding) }
}

fn host_pass(world: &mut World, value: f64, times: usize) {
    for _ in 0..times {
        world.sample.host = vec![Reading { at: world.now, period: SECOND, value: Value::Known(value) }];
        world.each(&[10.0]);
    }
}

#[test]
fn an_entry_of_the_hosts_ladder_is_judged_by_the_host() {
    let mut world = World::with(hosts(Escalate::No));
    world.arrive(0, DAY);
    host_pass(&mut world, 75.0, 15);
    assert_eq!(effects(&world), ["10s ineffective shed 75 -> 75"], "{}", world.told());
    assert_eq!(world.ordered(), [(0, "shed")]);

    let mut world = World::with(hosts(Escalate::No));
    world.arrive(0, DAY);
    host_pass(&mut world, 75.0, 5);
    host_pass(&mut world, 71.0, 10);
    assert_eq!(effects(&world), ["10s effective shed 75 -> 71"], "{}", world.told());
}

#[test]
fn the_hosts_ladder_steps_up_too_and_to_a_kill_only_where_it_is_told_to() {
    for (escalate, ordered) in
        [(Escalate::Yes, &[(0, "shed"), (10, "pause")][..]), (Escalate::ToKill, &[(0, "shed"), (10, "pause")])]
    {
        let mut world = World::with(hosts(escalate));
        world.arrive(0, DAY);
        host_pass(&mut world, 75.0, 19);
        assert_eq!(world.ordered(), ordered, "{}", world.told());
    }
    let mut target = hosts(Escalate::ToKill);
    target.targets[0].actions[1] = Action { patience: 10 * SECOND, escalate: Escalate::ToKill, ..signal("pause") };
    let mut world = World::with(target.clone());
    world.arrive(0, DAY);
    host_pass(&mut world, 75.0, 25);
    assert_eq!(world.ordered(), [(0, "shed"), (10, "pause"), (20, "kill")], "{}", world.told());
    target.targets[0].actions[1].escalate = Escalate::Yes;
    let mut world = World::with(target);
    world.arrive(0, DAY);
    host_pass(&mut world, 75.0, 60);
    assert!(world.orders.iter().all(|order| !order.measure.is_kill()), "{}", world.told());
    host_pass(&mut world, 60.0, 2);
    assert_eq!(world.state.host().ladders().next().unwrap().level, Level::Normal);
}

#[test]
fn one_that_has_helped_steps_nowhere() {
    let world = World::of(stepping(Escalate::ToKill), "10 400x5 350x30");
    assert_eq!(world.ordered(), [(1, "reset_pool")]);
    let unknown = World::of(stepping(Escalate::ToKill), "10 400 deniedx60");
    assert_eq!(unknown.ordered(), [(1, "reset_pool")], "what is not known is not in vain");
    let one = World::of(alone(Action { escalate: Escalate::ToKill, ..signal("reset_pool") }), "10 400x30");
    assert_eq!(effects(&one).len(), 1);
    let measured =
        one.events.iter().any(|event| matches!(&event.note, Note::Measured { effect: Some(Effect::Ineffective), .. }));
    assert!(measured && one.level() == Level::Elevated, "there is nowhere to go");
}

#[test]
fn outcomes_that_are_long_in_coming_do_not_hurry_it() {
    let mut world = World::new(stepping(Escalate::Yes));
    world.arrive(0, DAY);
    world.executor = Box::new(|_| None);
    world.play("10 400x30");
    assert_eq!(effects(&world), [""; 0], "it was not delivered yet");
    let order = std::sync::Arc::clone(&world.orders[0]);
    world.executor = Box::new(|_| Some((OutcomeKind::Delivered, Reason::None)));
    world.answer(&order, (OutcomeKind::Delivered, Reason::None));
    world.play("400x12");
    assert_eq!(effects(&world), ["42s ineffective reset_pool 400 -> 400"], "{}", world.told());
}

#[test]
fn what_is_in_vain_again_raises_its_ladder_once() {
    let mut target = stepping(Escalate::Yes);
    target.actions[0].repeat = Some(12 * SECOND);
    target.actions[1].escalate = Escalate::No;
    let world = World::of(target, "10 400x29");
    assert_eq!(world.ordered(), [(1, "reset_pool"), (11, "disable_websocket"), (13, "reset_pool"), (25, "reset_pool")]);
    assert_eq!(effects(&world).len(), 2, "{}", world.told());
    assert_eq!(world.state.memory().members[0].thresholds[0].escalations.len(), 1);
}

#[test]
fn each_step_of_a_raised_ladder_has_a_time_of_its_own_after_a_restart() {
    let mut world = World::of(stepping(Escalate::Yes), "10 400x25");
    let before = since(&world, 0);
    assert_eq!(before.0, Level::Critical);
    world.restart();
    assert_eq!(since(&world, 0), before);
}

#[test]
fn the_hosts_ladder_stays_raised_over_a_restart_and_a_reload_that_would_lead_there() {
    let level = |world: &World| world.state.host().ladders().next().unwrap().level;
    for (reload, kept) in [(None, true), (Some(Escalate::Yes), true), (Some(Escalate::No), false)] {
        let mut world = World::with(hosts(Escalate::Yes));
        world.arrive(0, DAY);
        host_pass(&mut world, 75.0, 12);
        assert_eq!(level(&world), Level::Critical, "{}", world.told());
        match reload {
            Some(escalate) => world.reconfigure(hosts(escalate)),
            None => _ = world.restart(),
        }
        host_pass(&mut world, 75.0, 2);
        assert_eq!(level(&world), if kept { Level::Critical } else { Level::Warning }, "{}", world.told());
    }
}

#[test]
fn a_window_that_ends_before_all_are_found_again_counts_for_them_too() {
    let wide = Action { scope: ActionScope::Target, ..signal("reset_pool") };
    let mut world = workers(alone(wide));
    for _ in 0..5 {
        world.each(&[400.0, 410.0]);
    }
    world.restart_blind();
    let late = world.sample.members.pop().unwrap();
    for _ in 0..8 {
        world.each(&[400.0]);
    }
    assert_eq!(effects(&world).len(), 1, "{}", world.told());
    world.sample.members.push(late);
    world.each(&[400.0, 410.0]);
    let rungs = world.state.memory().members.into_iter().map(|member| member.rungs.into_iter().next().unwrap());
    let counts: Vec<_> = rungs.map(|rung| (rung.ineffective, rung.judged.is_some())).collect();
    assert_eq!(counts, [(1, false); 2], "{}", world.told());
}
