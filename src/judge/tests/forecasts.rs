//! Thresholds on what is foretold: they are judged as any other, by a reading each ten seconds.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::config::{Bound, Forecast, Forecasts, Limit, Per, Target, Threshold};
use crate::model::{Base, Derived, GroupSample, Level, MemberKey, Metric, PerLevel, Reading, Value};

const DAY: Duration = Duration::from_secs(86_400);
const WINDOW: Duration = Duration::from_secs(600);

/// Open files end at 900; it is elevated when that is nearer than an hour, warning at 20 minutes, critical at
/// 10.
fn foretelling() -> Target {
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
fn leaking(text: &str) -> World {
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

#[test]
fn a_restart_of_the_daemon_leaves_the_level_until_enough_was_seen() {
    let mut world = leaking("100+0.2x1500");
    world.restart();
    world.play("400+0.2x100");
    assert_eq!(world.level(), Level::Elevated);
    world.play("420x400");
    assert_eq!(world.level(), Level::Normal);
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
