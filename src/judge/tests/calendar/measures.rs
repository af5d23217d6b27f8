//! What hours do to measures: when one opens, when it is undone, what is told of it.

use super::*;

#[test]
fn not_during_says_when_it_opens() {
    let mut quiet = signal("reset_pool");
    quiet.not_during = vec![ANY];
    let never = |action: Action| Action { not_during: vec![Hours { calendar: 0, session: Some(1) }], ..action };
    let base = Target { actions: vec![quiet, signal("b"), signal("c"), never(kill())], ..target() };
    let mut hall = Hall::at(with(Vec::new(), base), "2026-06-01T11:59:50Z");
    hall.stay(310.0, 10);
    assert_eq!(hall.held("reset_pool"), [(Reason::Calendar, Some(10))]);
    assert_eq!(hall.world.ordered().len(), 0);
    hall.stay(310.0, 1);
    assert_eq!(hall.world.ordered(), [(10, "reset_pool")], "lunch: {}", hall.world.told());
    hall.skip("2026-06-01T15:59:30Z");
    hall.stay(950.0, 30);
    assert_eq!(hall.held("kill"), [(Reason::Calendar, Some(30))]);
    assert_eq!(hall.kills(), NONE);
    hall.stay(950.0, 1);
    assert_eq!(hall.kills().len(), 1, "{}", hall.world.told());
}

#[test]
fn hours_that_follow_one_another_are_one_wait() {
    let mut calendar = market();
    calendar.sessions[0].span.to = 13 * 60;
    let first = Hours { calendar: 0, session: Some(0) };
    let mut quiet = signal("reset_pool");
    quiet.not_during = vec![first, Hours { calendar: 0, session: Some(1) }];
    let actions = vec![quiet, signal("b"), signal("c"), kill()];
    let config = Config { calendars: vec![calendar], ..with(Vec::new(), Target { actions, ..target() }) };
    let mut hall = Hall::at(config, "2026-06-01T12:00:00Z");
    hall.stay(310.0, 2);
    assert_eq!(hall.held("reset_pool"), [(Reason::Calendar, Some(4 * 3600))]);
}

#[test]
fn a_measure_is_undone_when_the_hours_in_which_it_belongs_are_over() {
    let mut base = target();
    base.actions[0] = http("pause");
    let at_times = During { thresholds: Vec::new(), steps: vec![(0, Level::Elevated, Vec::new())], ..during(None) };
    let mut hall = Hall::at(with(vec![at_times], base), "2026-06-01T09:59:50Z");
    hall.stay(310.0, 10);
    assert_eq!(hall.world.ordered(), [(0, "pause")]);
    hall.stay(310.0, 5);
    assert_eq!(hall.world.level(), Level::Elevated, "the level is the same");
    assert!(hall.world.told().contains("undo pause"), "{}", hall.world.told());
}

#[test]
fn what_is_on_both_ladders_stays_as_it_is() {
    let mut base = target();
    base.actions[0] = http("pause");
    let at_times = During { thresholds: Vec::new(), steps: vec![(0, Level::Elevated, vec![0, 1])], ..during(None) };
    let mut hall = Hall::at(with(vec![at_times], base), "2026-06-01T09:59:50Z");
    hall.stay(310.0, 20);
    assert_eq!(hall.world.ordered(), [(0, "pause"), (10, "disable_websocket")], "{}", hall.world.told());
    assert!(!hall.world.told().contains("undo"), "{}", hall.world.told());
}

#[test]
fn an_order_that_is_held_lapses_with_its_hours_and_is_told_of() {
    let base = Target { startup_grace: 10 * DAY, ..target() };
    let mut hall = Hall::at(with(vec![during(Some(halved()))], base), "2026-06-01T11:59:50Z");
    hall.stay(200.0, 20);
    let lapsed = |event: &&crate::model::Event| {
        matches!(&event.note, Note::Ended { kind: OutcomeKind::Lapsed, reason: Reason::LevelLeft, .. })
    };
    assert_eq!(hall.world.events.iter().filter(lapsed).count(), 1, "{}", hall.world.told());
}

#[test]
fn somebody_is_told_thirty_days_ahead_and_every_day() {
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-12-01T23:00:00Z");
    hall.stay(10.0, 3);
    assert_eq!(hall.said("is valid until 2026-12-31"), 0);
    hall.skip("2026-12-02T11:00:00Z");
    hall.stay(10.0, 3);
    assert_eq!(hall.said("is valid until 2026-12-31"), 1);
    for day in ["2026-12-02T13:30:00Z", "2026-12-02T23:00:00Z", "2026-12-03T10:30:00Z", "2026-12-03T13:30:00Z"] {
        hall.skip(day);
        hall.stay(10.0, 1);
    }
    assert_eq!(hall.said("is valid until 2026-12-31"), 2, "{}", hall.world.told());
}

#[test]
fn a_restart_within_the_hours_and_one_over_their_end() {
    let mut hall = Hall::at(with(vec![during(Some(halved()))], target()), "2026-06-01T11:00:00Z");
    hall.stay(160.0, 5);
    assert_eq!(hall.world.level(), Level::Elevated);
    let orders = hall.world.ordered().len();
    hall.world.restart();
    hall.stay(160.0, 5);
    assert_eq!((hall.world.level(), hall.world.ordered().len()), (Level::Elevated, orders), "{}", hall.world.told());
    assert_eq!(hall.fatal_bound(), Some(450.0));
}

#[test]
fn a_group_switches_as_one() {
    let base = Target { per: crate::config::Per::Group, ..target() };
    let mut hall = Hall::at(with(vec![during(Some(halved()))], base), "2026-06-01T09:59:58Z");
    let reading =
        |hall: &Hall| crate::model::Reading { at: hall.world.now, period: SECOND, value: Value::Known(160.0) };
    for _ in 0..5 {
        let one = reading(&hall);
        let metrics = hall.world.state.config().targets[0].metrics.len();
        hall.world.sample.groups = vec![crate::model::GroupSample { target: 0, readings: vec![one; metrics] }];
        hall.pass(Some(Value::Known(160.0)));
    }
    let group = hall.world.state.group(0).unwrap();
    assert_eq!(group.ladders().next().unwrap().level, Level::Elevated, "{}", hall.world.told());
}
