//! Hours: which bounds are in force, what a switch keeps, and what holds a kill.

mod measures;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::leases::{DAY, SECOND};
use super::world::{World, config, http, kill, open_fds, signal, target, threshold};
use crate::config::{Action, Calendar, Config, During, Hours, Session, Span, Target, Threshold, Usual};
use crate::model::{Base, Level, Metric, Note, OutcomeKind, Reason, Unknown, Value};

const EVERY: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// From 10:00 to 16:00 each day, with lunch at noon; holidays are known to the end of 2026.
fn market() -> Calendar {
    let session =
        |name: &str, from: u16, to: u16| Session { name: name.into(), span: Span { from: from * 60, to: to * 60 } };
    Calendar {
        name: "market".into(),
        zone: TimeZone::UTC,
        days: EVERY.to_vec(),
        sessions: vec![session("morning", 10, 12), session("afternoon", 13, 16)],
        holidays: BTreeSet::new(),
        half_days: BTreeMap::new(),
        valid_until: Some("2026-12-31".parse().unwrap()),
    }
}

const NONE: [u64; 0] = [];

const ANY: Hours = Hours { calendar: 0, session: None };

/// While the market is open open_fds goes by half of its usual bounds.
fn halved() -> Threshold {
    threshold([(Level::Elevated, 150.0), (Level::Warning, 300.0), (Level::Critical, 400.0), (Level::Fatal, 450.0)])
}

fn during(row: Option<Threshold>) -> During {
    During {
        name: "market".into(),
        hours: ANY,
        thresholds: vec![(Metric::plain(Base::OpenFds), row)],
        steps: Vec::new(),
    }
}

fn with(during: Vec<During>, base: Target) -> Config {
    let usual = Usual { thresholds: base.thresholds.clone(), ladders: base.ladders.clone() };
    Config { calendars: vec![market()], ..config(Target { usual, during, ..base }) }
}

/// A world at that time of the wall, with one old process.
struct Hall {
    world: World,
    /// Nanoseconds between the clocks.
    ahead: i128,
}

impl Hall {
    fn at(config: Config, wall: &str) -> Self {
        let mut world = World::with(config);
        world.arrive(0, DAY);
        let mut hall = Self { world, ahead: 0 };
        hall.set(wall);
        hall
    }

    /// Sets the wall clock.
    fn set(&mut self, wall: &str) {
        let wall: Timestamp = wall.parse().unwrap();
        self.ahead = wall.as_nanosecond() - i128::from(self.world.now.as_nanos());
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.ahead + i128::from(self.world.now.as_nanos())).unwrap()
    }

    fn pass(&mut self, value: Option<Value>) {
        let wall = self.wall();
        if let Some(verdicts) = self.world.state.tell_time(wall, &self.world.sample, self.world.now) {
            self.world.events.extend(verdicts.events);
        }
        self.world.pass(&[value]);
    }

    fn stay(&mut self, value: f64, seconds: usize) {
        for _ in 0..seconds {
            self.pass(Some(Value::Known(value)));
        }
    }

    /// Lets time pass without a look.
    fn skip(&mut self, wall: &str) {
        let wall: Timestamp = wall.parse().unwrap();
        let span = wall.duration_since(self.wall()).unsigned_abs();
        self.world.now = self.world.now + span;
    }

    fn fatal_bound(&self) -> Option<f64> {
        let row = self.world.state.config().targets[0].thresholds.first()?;
        (*row.bounds.get(Level::Fatal)?).map(|bound| bound.at)
    }

    fn kills(&self) -> Vec<u64> {
        self.world.ordered().iter().filter(|(_, action)| *action == "kill").map(|(at, _)| *at).collect()
    }

    fn held(&self, action: &str) -> Vec<(Reason, Option<u64>)> {
        let held = self.world.events.iter().filter_map(|event| match &event.note {
            Note::Held { order, reason, opens } if *order.action == *action => {
                Some((*reason, opens.map(|at| at.since(event.at).as_secs())))
            }
            _ => None,
        });
        held.collect()
    }

    fn said(&self, words: &str) -> usize {
        let texts = self.world.events.iter().filter_map(|event| match &event.note {
            Note::Daemon { text, .. } => Some(text),
            _ => None,
        });
        texts.filter(|text| text.contains(words)).count()
    }
}

/// Clocks that are set right a little at a time do not hold kills.
#[test]
fn a_clock_that_moves_by_a_minute_was_not_set() {
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-03-02T09:00:00Z");
    hall.stay(10.0, 1);
    for (by, told) in [(60, ""), (-60, ""), (61, "set forward by 61s"), (-61, "set back by 61s")] {
        hall.world.events.clear();
        hall.ahead += by * 1_000_000_000;
        hall.stay(10.0, 1);
        let text = hall.world.told();
        assert_eq!(text.contains("the wall clock was set"), !told.is_empty(), "{by}: {text}");
        assert!(text.contains(told), "{by}: {text}");
    }
}

#[test]
fn bounds_follow_the_hours_and_levels_follow_the_bounds() {
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-06-01T09:59:57Z");
    hall.stay(160.0, 3);
    assert_eq!((hall.fatal_bound(), hall.world.level()), (Some(900.0), Level::Normal));
    hall.stay(160.0, 2);
    assert_eq!((hall.fatal_bound(), hall.world.level()), (Some(450.0), Level::Elevated), "{}", hall.world.told());
    assert_eq!(hall.said("the bounds of market hold"), 1);
    hall.skip("2026-06-01T11:59:59Z");
    hall.stay(160.0, 1);
    assert_eq!(hall.world.level(), Level::Elevated);
    // Lunch: by the usual bounds it is nothing, and needs no clear_hold to be so.
    hall.stay(160.0, 2);
    assert_eq!((hall.fatal_bound(), hall.world.level()), (Some(900.0), Level::Normal), "{}", hall.world.told());
    let steps: Vec<String> =
        hall.world.told().lines().filter(|line| line.contains("default:")).map(String::from).collect();
    assert_eq!(steps.len(), 2, "both are told: {steps:?}");
}

#[test]
fn a_switch_orders_no_kill_before_the_hold_has_passed_anew() {
    let mut row = halved();
    for (_, bound) in row.bounds.iter_mut() {
        bound.as_mut().unwrap().hold = 20 * SECOND;
    }
    let base = Target { settle: 5 * SECOND, ..target() };
    let mut hall = Hall::at(with(vec![during(Some(row))], base), "2026-06-01T09:59:50Z");
    // Far past what will be fatal, and for long: 500 is elevated as yet.
    hall.stay(500.0, 10);
    hall.stay(500.0, 20);
    assert_eq!(hall.kills(), NONE, "{}", hall.world.told());
    hall.stay(500.0, 5);
    assert_eq!(hall.kills(), [30], "{}", hall.world.told());
}

#[test]
fn a_kill_that_a_switch_brings_waits_for_the_hold_too() {
    let mut base = Target { actions: vec![signal("a"), signal("b"), signal("c"), signal("d"), kill()], ..target() };
    base.thresholds[0].bounds.get_mut(Level::Fatal).unwrap().as_mut().unwrap().hold = 5 * SECOND;
    let ending = During { thresholds: Vec::new(), steps: vec![(0, Level::Fatal, vec![4])], ..during(None) };
    let mut hall = Hall::at(with(vec![ending], base), "2026-06-01T09:59:50Z");
    hall.stay(950.0, 25);
    assert_eq!(hall.kills(), [15], "{}", hall.world.told());
    assert_eq!(hall.world.told().matches("default:").count(), 2, "its level holds: {}", hall.world.told());
}

#[test]
fn a_hold_goes_on_over_a_switch_that_is_about_another_metric() {
    let mut base = target();
    base.thresholds[0].bounds.get_mut(Level::Elevated).unwrap().as_mut().unwrap().hold = 10 * SECOND;
    let rss = Threshold { metric: 1, name: Metric::plain(Base::Rss), ..open_fds() };
    base.thresholds.push(rss.clone());
    let lower = Threshold { name: rss.name.clone(), metric: 1, ..halved() };
    let other = During { thresholds: vec![(rss.name, Some(lower))], ..during(None) };
    let mut hall = Hall::at(with(vec![other], base), "2026-06-01T09:59:55Z");
    hall.stay(310.0, 15);
    assert_eq!(hall.said("the bounds of market hold"), 1);
    assert_eq!(hall.world.ordered(), [(10, "reset_pool")], "{}", hall.world.told());
}

#[test]
fn how_a_metric_went_is_known_after_a_switch_that_is_about_another_one() {
    let stops = Action { patience: 10 * SECOND, ..http("off") };
    let mut base = super::effects::alone(stops);
    let rss = Threshold { metric: 1, name: Metric::plain(Base::Rss), ..open_fds() };
    base.thresholds.insert(0, rss.clone());
    let lower = Threshold { name: rss.name.clone(), metric: 1, ..halved() };
    let other = During { thresholds: vec![(rss.name, Some(lower))], ..during(None) };
    let mut hall = Hall::at(with(vec![other], base), "2026-06-01T09:59:40Z");
    for value in (100..=300).step_by(10).chain((304..).step_by(4).take(12)) {
        hall.pass(Some(Value::Known(f64::from(value))));
    }
    let told = super::effects::effects(&hall.world);
    assert_eq!(told, ["30s effective off 300 -> 340"], "{}", hall.world.told());
}

#[test]
fn a_level_that_held_before_kills_only_after_the_hold_too() {
    // Fatal stays fatal, by other bounds; the kill was held by the operator until now.
    let mut row = halved();
    row.bounds.get_mut(Level::Fatal).unwrap().as_mut().unwrap().hold = 30 * SECOND;
    let base = Target { actions: vec![signal("a"), signal("b"), signal("c"), signal("d"), kill()], ..target() };
    let mut at_times = during(Some(row));
    at_times.steps = vec![(0, Level::Fatal, vec![4])];
    let mut hall = Hall::at(with(vec![at_times], base), "2026-06-01T09:59:50Z");
    hall.stay(950.0, 10);
    assert_eq!(hall.world.level(), Level::Fatal);
    hall.stay(950.0, 30);
    assert_eq!(hall.kills(), NONE, "{}", hall.world.told());
    hall.stay(950.0, 5);
    assert_eq!(hall.kills(), [40], "{}", hall.world.told());
}

#[test]
fn with_neither_hold_nor_changed_bounds_a_new_kill_settles_first() {
    let base = Target {
        settle: 5 * SECOND,
        actions: vec![signal("a"), signal("b"), signal("c"), signal("d"), kill()],
        ..target()
    };
    let at_times = During { thresholds: Vec::new(), steps: vec![(0, Level::Fatal, vec![4])], ..during(None) };
    let mut hall = Hall::at(with(vec![at_times], base), "2026-06-01T09:59:50Z");
    hall.stay(950.0, 20);
    assert_eq!(hall.kills(), [15], "{}", hall.world.told());
    assert_eq!(hall.held("kill"), [(Reason::Settling, Some(5))]);
}

#[test]
fn a_clock_that_is_set_orders_no_kill() {
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-06-01T05:00:00Z");
    hall.stay(500.0, 10);
    hall.set("2026-06-01T11:00:00Z");
    hall.stay(500.0, 100);
    assert_eq!(hall.fatal_bound(), Some(450.0), "the bounds are those of the hour");
    assert_eq!(hall.kills(), NONE, "{}", hall.world.told());
    assert_eq!(hall.held("kill"), [(Reason::Calendar, Some(300))]);
    assert_eq!(hall.said("the wall clock was set forward by"), 1);
    // And back, and forward again.
    hall.set("2026-06-01T05:00:00Z");
    hall.stay(500.0, 10);
    assert_eq!((hall.fatal_bound(), hall.world.level()), (Some(900.0), Level::Elevated));
    hall.set("2026-06-01T11:00:00Z");
    hall.stay(500.0, 299);
    assert_eq!(hall.kills(), NONE);
    hall.stay(500.0, 5);
    assert_eq!(hall.kills(), [420], "{}", hall.world.told());
}

#[test]
fn a_clock_that_was_never_set_and_a_calendar_that_is_over_hold_kills() {
    for (wall, words) in [("1970-01-01T00:10:00Z", "cannot be right"), ("2027-01-01T11:00:00Z", "is out of date")] {
        let mut hall = Hall::at(with(vec![during(None)], target()), wall);
        hall.stay(950.0, 30);
        if wall.starts_with("1970") {
            assert_eq!(hall.held("kill"), [(Reason::Calendar, None)], "{}", hall.world.told());
            assert_eq!(hall.fatal_bound(), Some(900.0));
        }
        assert_eq!(hall.kills(), NONE);
        assert_eq!(hall.said(words), 1, "{}", hall.world.told());
    }
    // While it is out of date its hours go on as every week.
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2027-01-01T11:00:00Z");
    hall.stay(500.0, 30);
    assert_eq!((hall.fatal_bound(), hall.kills()), (Some(450.0), Vec::new()));
    assert_eq!(hall.held("kill"), [(Reason::Calendar, None)]);
    assert!(hall.world.ordered().len() >= 3, "all else goes out: {}", hall.world.told());
    // It ends in the middle of everything.
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-12-31T23:59:55Z");
    hall.stay(100.0, 5);
    hall.stay(950.0, 5);
    assert_eq!(hall.kills(), NONE);
    assert_eq!(hall.said("is out of date"), 1);
}

#[test]
fn nobody_who_asks_no_calendar_is_held_by_one() {
    let other = Config { calendars: vec![market()], ..config(target()) };
    let mut hall = Hall::at(other, "2027-01-01T11:00:00Z");
    hall.stay(950.0, 2);
    assert_eq!(hall.kills(), [0]);
}

#[test]
fn a_kill_is_held_where_the_time_was_never_told() {
    let mut world = World::with(with(vec![during(Some(halved()))], target()));
    world.arrive(0, DAY);
    world.play("950x9");
    assert!(world.ordered().iter().all(|(_, action)| *action != "kill"), "{}", world.told());
}

fn script() -> impl Strategy<Value = Vec<(Option<Value>, u64)>> {
    let reading = prop_oneof![
        6 => (0u32..1100).prop_map(|v| Some(Value::Known(f64::from(v)))),
        1 => Just(Some(Value::Unknown(Unknown::Denied))),
        1 => Just(None),
    ];
    // Readings, and every now and then hours that pass, or a clock that is set.
    prop::collection::vec((reading, prop_oneof![8 => Just(0u64), 1 => 1u64..20_000, 1 => 20_000u64..40_000]), 1..120)
}

fn replay(script: &[(Option<Value>, u64)]) -> Hall {
    let mut row = halved();
    for (_, bound) in row.bounds.iter_mut() {
        bound.as_mut().unwrap().hold = 3 * SECOND;
    }
    let base = Target { settle: 2 * SECOND, thresholds: vec![open_fds()], ..target() };
    let mut hall = Hall::at(with(vec![during(Some(row))], base), "2026-06-01T09:59:00Z");
    hall.world.executor = Box::new(|_| Some((OutcomeKind::Delivered, Reason::None)));
    for (value, jump) in script {
        match jump {
            0 => {}
            1..20_000 => hall.world.now = hall.world.now + Duration::from_secs(*jump),
            _ => hall.ahead += i128::from(*jump) * 1_000_000_000,
        }
        hall.pass(*value);
    }
    hall
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// What is in force is what the hour says, and nothing else; the same script gives the same verdicts; and
    /// a kill never comes sooner after a switch than its hold, nor within the distrust of a clock that was set.
    #[test]
    fn the_bounds_are_those_of_the_hour_and_no_switch_kills_at_once(script in script()) {
        let hall = replay(&script);
        let now = &hall.world.state.config().targets[0];
        let at = hall.world.state.almanac().unwrap();
        let expected = if at.is_held(ANY) { now.during[0].thresholds[0].1.clone().unwrap() } else { now.usual.thresholds[0].clone() };
        prop_assert_eq!(&now.thresholds, &vec![expected]);
        prop_assert_eq!(hall.world.told(), replay(&script).world.told());
        let (mut switched, mut set) = (None, None);
        for event in &hall.world.events {
            match &event.note {
                Note::Daemon { text, .. } if text.contains("bounds") && text.contains("hold") => switched = Some((event.at, text.contains("usual"))),
                Note::Daemon { text, .. } if text.contains("was set") => set = Some(event.at),
                Note::Ordered(order) if order.measure.is_kill() => {
                    if let Some((at, usual)) = switched {
                        let hold = if usual { 2 } else { 3 };
                        prop_assert!(event.at.since(at) >= Duration::from_secs(hold), "{}", hall.world.told());
                    }
                    if let Some(at) = set {
                        prop_assert!(event.at.since(at) >= Duration::from_secs(300), "{}", hall.world.told());
                    }
                }
                _ => {}
            }
        }
    }
}
