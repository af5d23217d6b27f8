//! Thresholds on what is foretold: they are judged as any other, by a reading each ten seconds.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::config::{Bound, Forecast, Forecasts, Limit, Per, Target, Threshold};
use crate::judge::State;
use crate::model::{
    Base, Derived, ForecastView, GroupSample, Growth, Level, MemberKey, Memory, Metric, PerLevel, Reading, Unknown,
    Value,
};

const DAY: Duration = Duration::from_secs(86_400);
const WINDOW: Duration = Duration::from_secs(600);

/// Open files end at 900; it is elevated when that is nearer than an hour, warning at 20 minutes, critical at
/// 10.
pub(super) fn foretelling() -> Target {
    let fatal = threshold([(Level::Fatal, 900.0), (Level::Fatal, 900.0), (Level::Fatal, 900.0), (Level::Fatal, 900.0)]);
    let mut bounds = PerLevel::default();
    for (level, at) in [(Level::Elevated, 3600.0), (Level::Warning, 1200.0), (Level::Critical, 600.0)] {
        *bounds.get_mut(level).unwrap() = Some(Bound { at, clear: at * 1.1, hold: Duration::ZERO });
    }
    let name = Metric::plain(Base::OpenFds).with(Some(Derived::TimeLeft));
    let left =
        Threshold { name, bounds, clear_hold: Duration::from_secs(30), ..threshold([(Level::Fatal, f64::NAN); 4]) };
    let rows = vec![Forecast { metric: 0, fatal: Some(900.0), limit: Limit::None }];
    Target { thresholds: vec![fatal, left], forecasts: Forecasts { window: WINDOW, rows }, ..target() }
}

/// The same, without the end of it.
pub(super) fn leaking(text: &str) -> World {
    World::of(foretelling(), text)
}

#[test]
fn a_leak_climbs_the_ladder_long_before_its_bound() {
    // 12 a minute: 100 to 900 in 4000 seconds.
    let world = leaking("100+0.2x3600");
    let orders = world.ordered();
    let at = |action: &str| orders.iter().find(|(_, other)| *other == action).map(|(at, _)| *at).unwrap();
    assert!((390..=420).contains(&at("reset_pool")), "{orders:?}");
    assert!((2780..=2820).contains(&at("disable_websocket")), "{orders:?}");
    assert!((3380..=3420).contains(&at("pause")), "{orders:?}");
}

#[test]
fn a_calm_process_is_left_alone() {
    let world = leaking("100+1x20 120-1x20 100+1x20 120-1x20 100x2000 600x2000 100x2000");
    world.expect("");
}

#[test]
fn a_repair_clears_it() {
    let mut world = leaking("100+0.2x1500");
    assert_eq!(world.level(), Level::Elevated);
    world.play("95x180");
    assert_eq!(world.level(), Level::Normal);
}

#[test]
fn unknown_neither_raises_nor_clears() {
    let mut world = leaking("100+0.2x1500");
    world.play("deniedx900");
    assert_eq!(world.level(), Level::Elevated);
    world.play("400x120");
    assert_eq!(world.level(), Level::Elevated, "too short a time was seen since");
    let world = leaking("100+0.5x250 deniedx60 225x20 deniedx2000");
    assert_eq!(world.level(), Level::Normal);
}

/// What is foretold of the only process.
fn told(world: &World) -> ForecastView {
    let member = world.state.member(MemberKey { target: 0, slot: 0 }).unwrap();
    member.watched().forecasts().next().unwrap()
}

/// What is foretold each second of a series, with a restart at one of them.
fn foretold(text: &str, restart: Option<usize>) -> Vec<(Value, Value, Option<Growth>, Level)> {
    let mut target = foretelling();
    // What is pending begins anew with a restart.
    target.thresholds[1].clear_hold = Duration::ZERO;
    let mut world = World::new(target);
    world.arrive(0, DAY);
    let pass = |(second, value): (usize, Option<Value>)| {
        if restart == Some(second) {
            // At the moment of the last pass: a later one would judge its reading once more.
            world.now = world.now - world.interval;
            world.restart();
            world.now = world.now + world.interval;
        }
        world.pass(&[value]);
        let ForecastView { growth, time_left, growing, .. } = told(&world);
        (growth, time_left, growing, world.level())
    };
    series(text).into_iter().enumerate().map(pass).collect()
}

#[test]
fn a_restart_of_the_daemon_changes_nothing_of_what_is_foretold() {
    let leak = "100+0.2x700 240x40 240+0.2x500 90x60 90+0.4x300";
    let through = foretold(leak, None);
    assert!(through.iter().any(|(.., growing, level)| *level == Level::Elevated && growing.is_some()));
    for restart in [1, 5, 200, 333, 640, 720, 741, 1200, 1245, 1290, 1301, 1555] {
        let broken = foretold(leak, Some(restart));
        for (second, (one, other)) in through.iter().zip(&broken).enumerate() {
            assert_eq!(one, other, "restarted at {restart}, second {second}");
        }
    }
}

#[test]
fn what_the_daemon_has_not_seen_is_a_gap_and_no_growth() {
    for away in [3_u32, 20, 100, 250, 400, 10_000] {
        let mut world = leaking("100x600");
        world.restart_blind();
        world.now = world.now + away * Duration::from_secs(1);
        let mut early = Vec::new();
        for second in 0..700 {
            world.pass(&[Some(Value::Known(700.0))]);
            world.state.all_found();
            let left = told(&world).time_left;
            assert!(left.number().is_none_or(f64::is_infinite), "away for {away}, {second} s after: {left:?}");
            early.extend((second < 200).then_some(left.number().is_some()));
        }
        // Half of the window is still known where it was short.
        assert_eq!(early.contains(&true), away < 300, "away for {away}");
    }
}

#[test]
fn a_growth_goes_on_over_a_short_absence() {
    let mut world = leaking("100+0.2x1000");
    let before = told(&world).time_left.number().unwrap();
    world.restart_blind();
    world.now = world.now + Duration::from_secs(60);
    world.play("312+0.2x30");
    world.state.all_found();
    let after = told(&world).time_left.number().unwrap();
    assert!((before - 90.0 - after).abs() < 60.0, "{before} {after}");
    assert_eq!(world.level(), Level::Elevated);
}

#[test]
fn what_is_foretold_of_a_group_is_remembered_too() {
    let mut world = World::new(Target { per: Per::Group, ..foretelling() });
    world.arrive(0, DAY);
    for second in 0..700_u32 {
        let value = Value::Known(0.5_f64.mul_add(f64::from(second), 100.0));
        let reading = Reading { at: world.now, period: Duration::from_secs(1), value };
        world.sample.groups = vec![GroupSample { target: 0, readings: vec![reading; 2] }];
        world.pass(&[Some(value)]);
    }
    let left = |world: &World| world.state.group(0).unwrap().forecasts().next().unwrap().time_left.number().unwrap();
    let before = left(&world);
    world.restart();
    assert!((before - left(&world)).abs() < 11.0, "{before} {}", left(&world));
}

#[test]
fn no_more_is_remembered_than_there_is_room_for_and_what_grows_comes_first() {
    let mut world = World::new(foretelling());
    for slot in 0..400 {
        world.arrive(slot, DAY);
    }
    let mut dice = 1_u32;
    for second in 0..400_u32 {
        let value = |slot: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if slot == 399 { 0.3_f64.mul_add(f64::from(second), 100.0) } else { f64::from(100 + dice / 200_000_000) }
        };
        world.each(&(0..400).map(value).collect::<Vec<_>>());
    }
    let pasts = world.state.pasts();
    assert!((150..300).contains(&pasts.len()), "{}", pasts.len());
    assert!(pasts[0].series[0].growth.is_some());
    let written = serde_json::to_vec(&world.state.memory().pasts).unwrap();
    assert!(written.len() < 256 * 1024, "{}", written.len());
}

#[test]
fn a_past_that_cannot_be_is_not_taken_up() {
    let mut world = leaking("100+0.2x700");
    let memory = world.state.memory();
    let mut pasts = memory.pasts.to_vec();
    for series in pasts.iter_mut().flat_map(|past| &mut past.series) {
        series.closes = world.now + Duration::from_secs(3600);
    }
    let changed = Memory { pasts: Arc::new(pasts), ..memory };
    let (state, _) = State::restore(&Arc::new(config(foretelling())), changed, world.now);
    world.state = state;
    world.play("240x20");
    assert_eq!(told(&world).time_left, Value::Unknown(Unknown::TooShort), "a clock of the future");
}

#[test]
fn what_never_ends_can_be_remembered() {
    let mut target = foretelling();
    target.thresholds[1].clear_hold = Duration::from_secs(600);
    let mut world = World::of(target, "100+0.2x1500");
    let never = |world: &World| {
        let member = world.state.member(MemberKey { target: 0, slot: 0 }).unwrap();
        let left = member.watched().forecasts().next().unwrap().time_left;
        left == Value::Known(f64::INFINITY)
    };
    while !never(&world) {
        world.play("95");
    }
    assert_eq!(world.level(), Level::Elevated, "clear_hold is not over");
    world.restart();
    assert_eq!(world.level(), Level::Elevated);
}

#[test]
fn a_reload_forgets_nothing_that_was_seen() {
    let mut world = leaking("100+0.2x250");
    world.reconfigure(config(foretelling()));
    world.play("150+0.2x200");
    assert_eq!(world.level(), Level::Elevated);
}

#[test]
fn nothing_is_foretold_in_the_start_up_grace() {
    let mut target = foretelling();
    target.startup_grace = Duration::from_secs(3000);
    let mut world = World::new(target);
    world.arrive(0, Duration::ZERO);
    world.play("100+0.2x2990");
    assert_eq!(world.level(), Level::Normal);
    // From here on the window fills.
    world.play("700x330");
    assert_eq!(world.level(), Level::Normal);
}

#[test]
fn a_group_is_foretold_together() {
    let mut world = World::new(Target { per: Per::Group, ..foretelling() });
    world.arrive(0, DAY);
    for second in 0..600_u32 {
        let value = Value::Known(0.5_f64.mul_add(f64::from(second), 100.0));
        let reading = Reading { at: world.now, period: Duration::from_secs(1), value };
        world.sample.groups = vec![GroupSample { target: 0, readings: vec![reading; 2] }];
        world.pass(&[Some(value)]);
    }
    let group = world.state.group(0).unwrap();
    let left = group.forecasts().next().unwrap().time_left.number().unwrap();
    assert!((left - 1000.0).abs() < 30.0, "{left}");
    assert_eq!(group.ladders().next().unwrap().level, Level::Warning);
}

#[test]
fn a_kill_that_was_foretold_asks_whether_the_metric_is_still_there() {
    let mut target = foretelling();
    *target.ladders[0].steps.get_mut(Level::Critical).unwrap() = vec![3];
    let beside = Threshold { metric: 1, name: Metric::plain(Base::Rss), ..open_fds() };
    target.thresholds.insert(0, beside);
    let mut world = World::new(target);
    world.executor = Box::new(|_| None);
    world.arrive(0, DAY);
    world.play("100+0.2x3500");
    let order = world.orders.iter().find(|order| order.measure.is_kill()).map(Arc::clone).unwrap();
    let fresh = |value: Value| Reading { at: world.now, period: Duration::from_secs(1), value };
    assert_eq!(world.state.confirm(&order, &fresh(Value::Known(800.0))), Ok(()));
    assert!(world.state.confirm(&order, &fresh(Value::Known(100.0))).is_err());
    assert!(world.state.confirm(&order, &fresh(Value::Unknown(crate::model::Unknown::Gone))).is_err());
}
