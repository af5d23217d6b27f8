//! What holds for every series.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::world::{World, freeze, http, open_fds, target};
use crate::config::{Action, Bound, Budget, Ladder, Target, Threshold};
use crate::model::{Level, Note, OutcomeKind, PerLevel, Reason, Unknown, Value};

fn readings() -> impl Strategy<Value = Vec<Option<Value>>> {
    let reading = prop_oneof![
        6 => (0u32..1100).prop_map(|v| Some(Value::Known(f64::from(v)))),
        1 => (0u32..1100).prop_map(|v| Some(Value::AtLeast(f64::from(v)))),
        1 => Just(Some(Value::Unknown(Unknown::Denied))),
        1 => Just(None),
    ];
    // Each value lasts a while, so that holds are reached and broken.
    prop::collection::vec((reading, 1usize..8), 1..40)
        .prop_map(|runs| runs.into_iter().flat_map(|(value, times)| vec![value; times]).collect())
}

fn row(hold: u64, clear_hold: u64) -> Threshold {
    let mut row = open_fds();
    for (_, bound) in row.bounds.iter_mut() {
        *bound = bound.map(|bound| Bound { hold: Duration::from_secs(hold), ..bound });
    }
    Threshold { clear_hold: Duration::from_secs(clear_hold), ..row }
}

fn play(target: Target, readings: &[Option<Value>], members: u32) -> World {
    let mut world = World::new(target);
    for slot in 0..members {
        world.arrive(slot, Duration::from_secs(86_400));
    }
    world.executor = Box::new(|order| {
        let veto = order.id.0.is_multiple_of(5);
        let fail = order.id.0.is_multiple_of(7);
        Some(match (veto, fail, order.measure.is_kill()) {
            (true, _, _) => (OutcomeKind::Vetoed, Reason::Unhandled),
            (_, true, _) => (OutcomeKind::Failed, Reason::Refused),
            (_, _, true) => (OutcomeKind::Gone, Reason::None),
            (_, _, false) => (OutcomeKind::Delivered, Reason::None),
        })
    });
    for &reading in readings {
        world.pass(&[reading]);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// A level is entered only when every reading of the last `hold` was at or past its bound, all
    /// of them known, and left only when every one of `clear_hold` was exact and below the clear.
    #[test]
    fn levels_follow_from_the_readings_of_the_hold(values in readings(), hold in 0u64..6, clear_hold in 0u64..6) {
        let observed = Target { thresholds: vec![row(hold, clear_hold)], ladders: vec![Ladder { name: "default".into(), steps: PerLevel::default() }], actions: vec![], ..target() };
        let mut world = World::new(observed);
        world.arrive(0, Duration::from_secs(86_400));
        let mut seen: Vec<(u64, Value)> = Vec::new();
        for (second, &value) in (0u64..).zip(&values) {
            let before = world.state.member(crate::model::MemberKey { target: 0, slot: 0 }).map_or(Level::Normal, |_| world.level());
            world.pass(&[value]);
            seen.extend(value.map(|value| (second, value)));
            let after = world.level();
            let within = |span: u64| seen.iter().filter(move |(at, _)| at + span >= second).map(|(_, value)| *value);
            if after > before {
                let at = open_fds().bounds.get(after).unwrap().unwrap().at;
                prop_assert!(within(hold).all(|v| v.number().is_some_and(|n| n >= at)), "{before}->{after} at {second}s of {seen:?}");
            }
            if after < before {
                let clear = open_fds().bounds.get(before).unwrap().unwrap().clear;
                prop_assert!(within(clear_hold).all(|v| matches!(v, Value::Known(n) if n < clear)), "{before}->{after} at {second}s of {seen:?}");
            }
        }
    }

    /// Unknown readings alone change nothing.
    #[test]
    fn unknown_never_orders(n in 1usize..100) {
        let world = play(target(), &vec![Some(Value::Unknown(Unknown::Malformed)); n], 1);
        prop_assert!(world.orders.is_empty());
    }

    /// The same series gives the same verdicts.
    #[test]
    fn replay_is_identical(values in readings()) {
        prop_assert_eq!(play(target(), &values, 3).told(), play(target(), &values, 3).told());
    }

    /// No two deliveries of one action to one process within its cooldown; no kill beyond budget.
    #[test]
    fn brakes_hold(values in readings(), cooldown in 0u64..20, max in 0u32..4) {
        let mut braked = Target { kill_budget: Budget { max, per: Duration::from_secs(3600) }, ..target() };
        for action in &mut braked.actions {
            action.cooldown = Duration::from_secs(cooldown);
        }
        let world = play(braked, &values, 5);
        let mut last = BTreeMap::new();
        for event in &world.events {
            let Note::Ended { order, kind: OutcomeKind::Delivered, .. } = &event.note else { continue };
            let before = last.insert((order.identity.pid, order.action.clone()), event.at);
            prop_assert!(before.is_none_or(|before| event.at.since(before) >= Duration::from_secs(cooldown)));
        }
        let kills = world.told().matches("gone kill none").count();
        prop_assert!(kills <= usize::try_from(max).unwrap(), "{}", world.told());
    }

    /// Every order that went out has exactly one final outcome, or is still waiting for its retry.
    #[test]
    fn every_order_ends_at_most_once_and_none_is_forgotten(values in readings()) {
        let mut world = play(target(), &values, 2);
        world.leave(0);
        world.leave(1);
        world.play("_");
        let mut ends: BTreeMap<u64, u32> = BTreeMap::new();
        for event in &world.events {
            if let Note::Ended { order, kind, .. } = &event.note {
                *ends.entry(order.id.0).or_default() += u32::from(*kind != OutcomeKind::Vetoed);
            }
        }
        for event in &world.events {
            let (Note::Ordered(order) | Note::Held { order, .. }) = &event.note else { continue };
            prop_assert!(ends.contains_key(&order.id.0), "order {:?} of {} has no end:\n{}", order.id, order.action, world.told());
        }
        prop_assert!(ends.values().all(|&n| n <= 1), "{ends:?}");
    }
}

/// A leased request at warning, a freeze at critical; each with its cooldown.
fn leased() -> Target {
    let mut leased = target();
    leased.actions[1] = Action { cooldown: COOLDOWN, ..http("disable_websocket") };
    leased.actions[2] = Action { cooldown: COOLDOWN, ..freeze("pause") };
    for action in &mut leased.actions {
        action.max_cycles = Budget { max: 1000, ..action.max_cycles };
    }
    leased
}

const COOLDOWN: Duration = Duration::from_secs(7);

/// What the other side saw: `(second, order, undo)` of each delivery by action.
type Seen = Rc<RefCell<BTreeMap<Arc<str>, Vec<(u64, u64, bool)>>>>;

/// Delivers everything; the outcome of every so many-th order is a doubt, or is never heard of.
fn recording(world: &mut World, trouble: u64) -> Seen {
    let seen = Seen::default();
    let (book, clock) = (Rc::clone(&seen), Rc::clone(&world.clock));
    let mut count = 0u64;
    world.executor = Box::new(move |order| {
        count += 1;
        book.borrow_mut().entry(Arc::clone(&order.action)).or_default().push((clock.get(), order.id.0, order.undo));
        if trouble > 0 && count.is_multiple_of(trouble) {
            return (count.is_multiple_of(2)).then_some((OutcomeKind::Failed, Reason::Timeout));
        }
        Some((if order.measure.is_kill() { OutcomeKind::Gone } else { OutcomeKind::Acknowledged }, Reason::None))
    });
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the readings, whatever is lost and whenever the daemon dies: no measure twice within
    /// its cooldown, and once all is calm nothing is left in force.
    #[test]
    fn over_any_restarts_no_measure_is_doubled_and_no_lease_forgotten(
        values in prop::collection::vec((0u32..1100, 1usize..6, prop::bool::weighted(0.3)), 1..30),
        trouble in 0u64..6,
    ) {
        let mut world = World::new(leased());
        world.arrive(0, Duration::from_secs(86_400));
        let seen = recording(&mut world, trouble);
        for (value, times, restart) in values {
            for _ in 0..times {
                // Nobody is killed here: that is another property.
                world.pass(&[Some(Value::Known(f64::from(value.min(890))))]);
            }
            if restart {
                world.restart();
            }
        }
        recorded_once(&seen.borrow())?;
        recording(&mut world, 0);
        for _ in 0..300 {
            world.pass(&[Some(Value::Known(1.0))]);
        }
        // What was in flight without an outcome when the series ended is known after a restart.
        world.restart();
        for _ in 0..300 {
            world.pass(&[Some(Value::Known(1.0))]);
        }
        prop_assert_eq!(world.state.leases(world.now).count(), 0, "{}", world.told());
        prop_assert_eq!(world.level(), Level::Normal);
    }
}

fn recorded_once(seen: &BTreeMap<Arc<str>, Vec<(u64, u64, bool)>>) -> Result<(), TestCaseError> {
    for (action, deliveries) in seen.iter().filter(|(action, _)| ***action != *"reset_pool") {
        let measures: Vec<_> = deliveries.iter().enumerate().filter(|(_, (_, _, undo))| !undo).collect();
        for pair in measures.windows(2) {
            let (&(here, &(before, first, _)), &(there, &(after, second, _))) = (&pair[0], &pair[1]);
            // A retry has the number of the first try; a new order has waited for the cooldown, or
            // followed on a thaw: the end of the daemon cuts a freeze short.
            let rested = after - before >= COOLDOWN.as_secs();
            let thawed = **action == *"pause" && there > here + 1;
            prop_assert!(first == second || rested || thawed, "{action}: {deliveries:?}");
        }
    }
    Ok(())
}
