//! What a measure did, by the readings after it.

use std::time::Duration;

use super::world::{World, config, freeze, http, kill, signal, target};
use crate::config::{Action, EffectKind, Schedule, Target};
use crate::judge::{Chosen, Wish};
use crate::model::{ActionScope, Effect, Level, Note, OutcomeKind, PerLevel, Reason};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// One action at elevated (300), which has ten seconds to help.
pub(super) fn alone(action: Action) -> Target {
    let mut one = target();
    one.actions = vec![Action { patience: 10 * SECOND, ..action }];
    one.ladders[0].steps = PerLevel::default();
    *one.ladders[0].steps.get_mut(Level::Elevated).unwrap() = vec![0];
    one
}

/// What was told of effects, with the second.
pub(super) fn effects(world: &World) -> Vec<String> {
    let told = world.told();
    let lines = told.lines().map(str::trim);
    let words = ["effective ", "ineffective ", "unknown ", "gave up "];
    let about = |line: &&str| words.iter().any(|word| line.split_once(' ').is_some_and(|(_, l)| l.starts_with(word)));
    lines.filter(about).map(str::to_owned).collect()
}

fn effects_of(action: Action, series: &str) -> Vec<String> {
    effects(&World::of(alone(action), series))
}

#[test]
fn it_has_helped_where_the_best_reading_falls_by_min_effect() {
    let falls = || signal("reset_pool");
    assert_eq!(effects_of(falls(), "10 400 380 400x20"), ["11s effective reset_pool 400 -> 380"]);
    assert_eq!(effects_of(falls(), "10 400 381x20"), ["11s ineffective reset_pool 400 -> 381"]);
    let third = Action { min_effect: 0.3, ..signal("reset_pool") };
    assert_eq!(effects_of(third.clone(), "10 1000 701x20"), ["11s ineffective reset_pool 1000 -> 701"]);
    assert_eq!(effects_of(third, "10 1000 700x20"), ["11s effective reset_pool 1000 -> 700"]);
}

#[test]
fn a_pool_that_grows_again_has_helped_all_the_same() {
    let series = "10 400 290 295+20x12";
    assert_eq!(effects_of(signal("reset_pool"), series), ["11s effective reset_pool 400 -> 290"]);
}

#[test]
fn leaving_the_level_is_an_effect_however_little_it_fell() {
    let mut narrow = alone(Action { min_effect: 1.0, ..signal("reset_pool") });
    let bound = narrow.thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap();
    bound.clear = 299.0;
    assert_eq!(effects(&World::of(narrow, "10 301 298x20")), ["11s effective reset_pool 301 -> 298"]);
}

#[test]
fn what_falls_after_its_patience_comes_too_late() {
    let series = "10 400 400x10 10x5";
    assert_eq!(effects_of(signal("reset_pool"), series), ["11s ineffective reset_pool 400 -> 400"]);
}

#[test]
fn growth_that_is_under_half_of_what_it_was_is_an_effect_of_what_stops_growth() {
    let stops = || Action { patience: 10 * SECOND, scope: ActionScope::Process, ..http("disable_websocket") };
    // Ten a second before; the level is entered at 300.
    let slower = effects_of(stops(), "100+10x20 304+4x12");
    assert_eq!(slower, ["30s effective disable_websocket 300 -> 340"]);
    let as_fast = effects_of(stops(), "100+10x40");
    assert_eq!(as_fast, ["30s ineffective disable_websocket 300 -> 400"]);
    let hardly = effects_of(stops(), "100+10x20 306+6x12");
    assert_eq!(hardly, ["30s ineffective disable_websocket 300 -> 360"]);
    let falls = Action { effect: EffectKind::Falls, ..stops() };
    assert_eq!(effects_of(falls, "100+10x20 300x12"), ["30s ineffective disable_websocket 300 -> 300"]);
}

/// There was no growth to stop, and nothing has become better.
#[test]
fn what_did_not_grow_before_has_to_fall() {
    let stops = || Action { scope: ActionScope::Process, ..http("pause") };
    assert_eq!(effects_of(stops(), "10 400x20"), ["11s ineffective pause 400 -> 400"]);
    assert_eq!(effects_of(stops(), "10x30 400x20"), ["41s ineffective pause 400 -> 400"], "a step is not a slope");
    assert_eq!(effects_of(stops(), "10 400+5x20"), ["11s ineffective pause 400 -> 450"]);
}

#[test]
fn unknown_readings_are_neither_an_effect_nor_its_absence() {
    let falls = || signal("reset_pool");
    assert_eq!(effects_of(falls(), "10 400 deniedx20"), ["11s unknown reset_pool 400 -> ?"]);
    assert_eq!(effects_of(falls(), "10 400 deniedx5 400x20"), ["11s ineffective reset_pool 400 -> 400"]);
    assert_eq!(effects_of(falls(), "10 400 300 deniedx20"), ["11s effective reset_pool 400 -> 300"]);
    // Of its second half nothing is known.
    assert_eq!(effects_of(falls(), "10 400 400x3 deniedx20"), ["11s unknown reset_pool 400 -> 400"]);
    // No reading at all is a gap, which is unknown too.
    assert_eq!(effects_of(falls(), "10 400 _x20"), ["11s unknown reset_pool 400 -> ?"]);
}

#[test]
fn a_lower_bound_shows_that_it_has_not_fallen_and_never_that_it_has() {
    let falls = || signal("reset_pool");
    assert_eq!(effects_of(falls(), "10 400 >=400x20"), ["11s ineffective reset_pool 400 -> 400"]);
    assert_eq!(effects_of(falls(), "10 400 >=10x20"), ["11s unknown reset_pool 400 -> ?"]);
}

#[test]
fn what_is_read_seldom_is_waited_for() {
    let mut world = World::new(alone(signal("reset_pool")));
    world.interval = 15 * SECOND;
    world.arrive(0, DAY);
    world.play("10 400");
    world.interval = SECOND;
    // The next reading comes fifteen seconds after the order, its patience is over after ten.
    world.now = world.now - 14 * SECOND;
    world.play("_x13");
    assert_eq!(effects(&world), [""; 0]);
    world.play("_ 390");
    assert_eq!(effects(&world).len(), 1, "{}", world.told());
}

#[test]
fn orders_in_one_anothers_window_are_judged_as_one_under_the_last() {
    let mut two = alone(signal("reset_pool"));
    two.actions.push(Action { patience: 5 * SECOND, ..signal("drop_caches") });
    *two.ladders[0].steps.get_mut(Level::Warning).unwrap() = vec![1];
    // The second goes out seven seconds after the first, and their windows end at 11 and 13.
    let world = World::of(two.clone(), "10 400x6 700x20");
    assert_eq!(effects(&world), ["13s ineffective drop_caches 700 -> 700"]);
    // The window of the first is the longer one.
    two.actions[0].patience = 20 * SECOND;
    let world = World::of(two.clone(), "10 400x6 700x20");
    assert_eq!(effects(&world), ["21s ineffective drop_caches 700 -> 700"]);
    // One that goes out when it is over has its own.
    two.actions[0].patience = 4 * SECOND;
    let world = World::of(two, "10 400x6 700x20");
    let told = ["5s ineffective reset_pool 400 -> 400", "13s ineffective drop_caches 700 -> 700"];
    assert_eq!(effects(&world), told);
}

#[test]
fn several_at_once_are_one() {
    let mut jump = target();
    jump.actions.iter_mut().for_each(|action| action.patience = 10 * SECOND);
    let world = World::of(jump, "10 850x20");
    assert_eq!(effects(&world), ["11s ineffective pause 850 -> 850"]);
}

/// What falls before the last order went out is not its effect.
#[test]
fn the_last_order_is_measured_from_its_own_reading() {
    let mut two = alone(signal("reset_pool"));
    two.actions[0].repeat = Some(6 * SECOND);
    let world = World::of(two, "10 900 500x5 600x5 600x3");
    assert_eq!(effects(&world), [""; 0], "the windows hang together");
    let mut two = alone(signal("reset_pool"));
    two.actions[0].repeat = Some(6 * SECOND);
    two.actions[0].max_attempts = 2;
    let mut world = World::of(two, "10 900 500x5 600");
    world.play("600 10 10x20");
    assert_eq!(effects(&world).len(), 1, "{}", world.told());
}

#[test]
fn max_attempts_without_effect_give_up_loudly_until_the_level_was_left() {
    let series = "10 400x60 10 10x5 400x5";
    let action = Action { repeat: Some(15 * SECOND), max_attempts: 2, ..signal("reset_pool") };
    let mut world = World::of(alone(action), series);
    let told =
        ["11s ineffective reset_pool 400 -> 400", "26s ineffective reset_pool 400 -> 400", "26s gave up reset_pool"];
    assert_eq!(effects(&world), told);
    let ordered: Vec<u64> = world.ordered().into_iter().map(|(second, _)| second).collect();
    assert_eq!(ordered, [1, 16, 69], "entered anew, it is tried anew");
    world.play("400x12");
    assert_eq!(effects(&world).len(), 4, "one without effect is not two: {}", world.told());
}

#[test]
fn an_effective_one_does_not_count() {
    let action = Action { repeat: Some(15 * SECOND), max_attempts: 2, ..signal("reset_pool") };
    let world = World::of(alone(action), "10 400x20 350x10 400x60");
    let told = [
        "11s ineffective reset_pool 400 -> 400",
        "26s effective reset_pool 400 -> 350",
        "41s ineffective reset_pool 350 -> 400",
        "41s gave up reset_pool",
    ];
    assert_eq!(effects(&world), told, "{}", world.told());
}

#[test]
fn it_begins_with_the_delivery() {
    let mut world = World::new(alone(signal("reset_pool")));
    world.arrive(0, DAY);
    let clock = std::rc::Rc::clone(&world.clock);
    world.executor = Box::new(move |_| {
        let refused = (OutcomeKind::Failed, Reason::Refused);
        Some(if clock.get() < 6 { refused } else { (OutcomeKind::Delivered, Reason::None) })
    });
    // Refused at 1s, tried again at 6s: what fell before is not its doing.
    world.play("10 400 300x3 350x20");
    assert_eq!(effects(&world), ["16s ineffective reset_pool 350 -> 350"], "{}", world.told());
}

#[test]
fn nothing_is_measured_of_what_no_reading_caused() {
    let mut scheduled = alone(signal("reset_pool"));
    scheduled.ladders[0].steps = PerLevel::default();
    scheduled.schedule = vec![Schedule { action: 0, every: 10 * SECOND, phase: SECOND, jitter: Duration::ZERO }];
    let world = World::of(scheduled, "400x40");
    assert!(world.ordered().len() > 2 && effects(&world).is_empty(), "{}", world.told());

    let mut world = World::of(alone(signal("reset_pool")), "10x3");
    let wish = Wish { target: "trader", action: "reset_pool", whom: Chosen::Only, needs: false, by: "alice".into() };
    world.state.want_act(&wish, world.now).unwrap();
    world.play("10x20");
    assert!(world.ordered().len() == 1 && effects(&world).is_empty(), "{}", world.told());

    let mut world = World::of(alone(kill()), "10");
    world.executor = Box::new(|_| Some((OutcomeKind::Delivered, Reason::None)));
    world.play("400x20");
    assert!(world.ordered().len() == 1 && effects(&world).is_empty(), "{}", world.told());
}

#[test]
fn a_dry_order_has_none_and_an_undo_neither() {
    let mut dry = config(alone(signal("reset_pool")));
    dry.daemon.dry_run = true;
    let mut world = World::with(dry);
    world.executor = Box::new(|_| Some((OutcomeKind::DryRun, Reason::None)));
    world.arrive(0, DAY);
    world.play("10 400x20");
    assert_eq!(effects(&world), [""; 0]);

    let world = World::of(alone(Action { scope: ActionScope::Process, ..freeze("pause") }), "10 400x5 10x30");
    assert!(world.orders.iter().any(|order| order.undo));
    assert_eq!(effects(&world), ["11s effective pause 400 -> 10"]);
}

#[test]
fn nothing_is_said_of_a_process_that_is_gone() {
    let mut world = World::of(alone(signal("reset_pool")), "10 400x3");
    world.leave(0);
    world.play("_x20");
    world.arrive(0, DAY);
    world.play("10x20");
    assert_eq!(effects(&world), [""; 0], "{}", world.told());
}

#[test]
fn nothing_is_said_of_an_order_whose_level_was_left_before_it_arrived() {
    let mut world = World::new(alone(signal("reset_pool")));
    world.arrive(0, DAY);
    world.executor = Box::new(|_| None);
    world.play("400 10");
    let order = std::sync::Arc::clone(&world.orders[0]);
    world.answer(&order, (OutcomeKind::Delivered, Reason::None));
    world.play("10x20");
    assert_eq!(effects(&world), [""; 0], "{}", world.told());
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    for (before, after, told) in [
        ("10 400 300", "400x20", "11s effective reset_pool 400 -> 300"),
        ("10 400 400", "400x20", "11s ineffective reset_pool 400 -> 400"),
        ("10 400 400", "400x4 300 400x20", "11s effective reset_pool 400 -> 300"),
    ] {
        let mut world = World::of(alone(signal("reset_pool")), before);
        world.restart();
        world.play(after);
        assert_eq!(effects(&world), [told], "{}", world.told());
    }
}

#[test]
fn attempts_outlive_a_restart() {
    let action = Action { repeat: Some(15 * SECOND), max_attempts: 2, ..signal("reset_pool") };
    let mut world = World::of(alone(action), "10 400x13");
    world.restart();
    world.play("400x15");
    world.restart();
    world.play("400x60");
    assert_eq!(effects(&world).last().unwrap(), "26s gave up reset_pool", "{}", world.told());
    assert_eq!(world.ordered().len(), 2);
}

#[test]
fn a_reload_keeps_what_is_about_the_same_action() {
    let mut world = World::of(alone(signal("reset_pool")), "10 400x3");
    world.reconfigure(config(alone(signal("reset_pool"))));
    world.play("400x20");
    assert_eq!(effects(&world), ["11s ineffective reset_pool 400 -> 400"], "{}", world.told());

    let mut world = World::of(alone(signal("reset_pool")), "10 400x3");
    world.reconfigure(config(alone(Action { min_effect: 0.5, ..signal("reset_pool") })));
    world.play("400x20");
    assert_eq!(effects(&world), [""; 0], "of another action nothing is known: {}", world.told());
}

#[test]
fn growth_before_outlives_a_reload() {
    let stops = || alone(Action { patience: 10 * SECOND, scope: ActionScope::Process, ..http("disable_websocket") });
    let mut world = World::of(stops(), "100+10x19");
    world.reconfigure(config(stops()));
    world.play("300 304+4x12");
    assert_eq!(effects(&world), ["30s effective disable_websocket 300 -> 340"], "{}", world.told());
}

#[test]
fn the_order_tells_its_effect_as_data() {
    let world = World::of(alone(signal("reset_pool")), "10 400x20");
    let told = world.events.iter().find_map(|event| match &event.note {
        Note::Measured { order, effect, measured } => Some((order.id, *effect, measured.clone())),
        _ => None,
    });
    let (id, effect, measured) = told.unwrap();
    assert_eq!((id, effect), (world.orders[0].id, Some(Effect::Ineffective)));
    assert_eq!((measured.from, measured.to, measured.within), (400.0, Some(400.0), 10 * SECOND));
    assert_eq!((&*measured.action, measured.metric.to_string()), ("reset_pool", "open_fds".to_owned()));
}

/// `check` warns of such a pair: each is ordered while the other's time is not over yet.
#[test]
fn two_measures_that_come_by_turns_are_judged_only_where_both_rest_at_once() {
    for (patience, judged) in [([9, 6], false), ([6, 6], true)] {
        let mut turns = target();
        for (action, patience) in turns.actions.iter_mut().zip(patience) {
            (action.patience, action.repeat) = (patience * SECOND, Some(12 * SECOND));
            action.max_attempts = 1000;
        }
        let mut world = World::new(turns);
        world.arrive(0, DAY);
        // The second is first due seven seconds after the first.
        world.play("310x6 610x200");
        assert!(world.ordered().len() > 30, "{}", world.told());
        assert_eq!(world.told().contains("effective"), judged, "{patience:?}: {}", world.told());
    }
}
