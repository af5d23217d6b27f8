use std::sync::Arc;
use std::time::Duration;

use super::{config, order, undo};
use crate::model::{Base, Effect, Event, Measured, Metric, Moment, Note, Order, OrderId, OutcomeKind, Reason};
use crate::record::{Counters, Logs, Recorder};

fn ended(order: Arc<Order>, kind: OutcomeKind, reason: Reason) -> Note {
    Note::Ended { order, kind, reason, detail: None }
}

fn retrying(order: Arc<Order>, reason: Reason) -> Note {
    Note::Retrying { order, reason, detail: None, at: Moment::from_secs(2) }
}

fn record(recorder: &mut Recorder, notes: Vec<Note>) {
    let events: Vec<Event> = notes.into_iter().map(|note| Event { at: Moment::from_secs(1), note }).collect();
    recorder.record(&events);
}

/// Every count above zero, in words.
fn counted(counters: &Counters) -> Vec<String> {
    let orders = counters.orders().filter(|(_, count)| *count > 0);
    orders.map(|(k, count)| format!("{} {} {} {count}", k.action, k.outcome.name(), k.reason)).collect()
}

fn failures(counters: &Counters) -> Vec<String> {
    counters.undo_failures().map(|(k, count)| format!("{} {} {} {count}", k.target, k.action, k.reason)).collect()
}

#[test]
fn what_may_happen_soon_is_zero_before_it_does() {
    let counters = Counters::of(&config(&["trader"], false));
    assert!(counted(&counters).is_empty());
    let well = counters.orders().filter(|(k, _)| k.outcome != OutcomeKind::Failed);
    let well: Vec<String> = well.map(|(k, _)| format!("{} {}", k.action, k.outcome.name())).collect();
    let wanted = [
        "disable_websocket acknowledged",
        "freeze delivered",
        "freeze_all delivered",
        "kill gone",
        "pause acknowledged",
        "reset_pool delivered",
    ];
    assert_eq!(well, wanted);
    let failed = counters.orders().filter(|(k, _)| k.outcome == OutcomeKind::Failed).map(|(k, _)| k.reason);
    assert_eq!(failed.collect::<Vec<_>>(), [Reason::Timeout, Reason::Refused].repeat(6));
    let undone: Vec<&str> = counters.undo_failures().map(|(k, _)| &*k.action).collect();
    let four = ["disable_websocket", "freeze", "freeze_all", "pause"];
    assert_eq!(undone, four.map(|action| [action; 2]).concat(), "for two reasons");
}

#[test]
fn each_order_counts_once_at_its_end_and_a_hold_when_it_is_told() {
    let config = config(&["trader"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&config), logs);
    let before = recorder.counters();
    let of = |action| order(&config.targets[0], action);
    let held = |reason| Note::Held { order: of(1), reason, opens: None };
    let notes = vec![
        Note::Ordered(of(0)),
        retrying(of(0), Reason::Refused),
        ended(of(0), OutcomeKind::Delivered, Reason::None),
        ended(of(0), OutcomeKind::Vetoed, Reason::Unhandled),
        held(Reason::KillBudget),
        Note::StillHeld { order: of(1), reason: Reason::KillBudget, opens: None },
        Note::Released { order: of(1), reason: Reason::KillBudget },
        ended(of(1), OutcomeKind::Gone, Reason::None),
        ended(of(1), OutcomeKind::Gone, Reason::Settling),
        ended(of(2), OutcomeKind::Acknowledged, Reason::None),
        Note::GaveUp { order: of(0), reason: Reason::Refused },
        Note::LeaseEnded { order: of(2) },
    ];
    record(&mut recorder, notes);
    let after = recorder.counters();
    let wanted = [
        "kill held kill_budget 1",
        "kill gone none 1",
        "kill gone settling 1",
        "pause acknowledged none 1",
        "reset_pool delivered none 1",
        "reset_pool vetoed unhandled 1",
    ];
    assert_eq!(counted(&after), wanted);
    assert_eq!(after.recent().count(), 5);
    assert!(counted(&before).is_empty(), "who holds the old counts keeps them");
}

#[test]
fn an_undo_counts_only_each_time_it_fails() {
    let config = config(&["trader"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&config), logs);
    let of = |action| undo(&config.targets[0], action);
    record(
        &mut recorder,
        vec![
            Note::Ordered(of(2)),
            retrying(of(2), Reason::Timeout),
            retrying(of(2), Reason::Timeout),
            retrying(of(2), Reason::Breaker),
            ended(of(2), OutcomeKind::Acknowledged, Reason::None),
            ended(of(4), OutcomeKind::Delivered, Reason::None),
            Note::Held { order: of(3), reason: Reason::Breaker, opens: None },
        ],
    );
    let counters = recorder.counters();
    assert!(counted(&counters).is_empty());
    let failed: Vec<String> = failures(&counters).into_iter().filter(|text| !text.ends_with(" 0")).collect();
    assert_eq!(failed, ["trader pause breaker 1", "trader pause timeout 2"]);
    assert_eq!(counters.recent().map(|ended| ended.order.undo).collect::<Vec<_>>(), [true, true], "shown as recent");
}

#[test]
fn counts_change_hands_without_being_copied() {
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(config(&["trader"], false), logs);
    let first = recorder.counters();
    recorder.record(&[Event { at: Moment::default(), note: Note::Daemon { text: "x".into(), bad: false } }]);
    assert!(Arc::ptr_eq(&first, &recorder.counters()), "an event that is not counted copies nothing");
}

#[test]
fn a_reload_keeps_the_counts_of_what_stays() {
    let old = config(&["trader", "gateway"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&old), logs);
    for target in &old.targets {
        let well = ended(order(target, 0), OutcomeKind::Delivered, Reason::None);
        record(&mut recorder, vec![well, retrying(undo(target, 2), Reason::Timeout)]);
    }
    recorder.reconfigure(config(&["trader", "analysis"], false));
    let counters = recorder.counters();
    let sum = |name: &str| counters.orders().filter(|(k, _)| *k.target == *name).map(|(_, c)| c).sum::<u64>();
    assert_eq!((sum("trader"), sum("gateway"), sum("analysis")), (1, 0, 0));
    assert_eq!(counters.orders().filter(|(k, _)| *k.target == *"gateway").count(), 0);
    assert_eq!(counters.orders().filter(|(k, _)| *k.target == *"analysis").count(), 18);
    let failed = failures(&counters);
    assert!(failed.contains(&"trader pause timeout 1".to_owned()), "{failed:?}");
    assert!(failed.contains(&"analysis pause timeout 0".to_owned()), "{failed:?}");
    assert!(!failed.iter().any(|text| text.starts_with("gateway")), "{failed:?}");
}

#[test]
fn an_effect_counts_once_with_explicit_zeros_and_is_kept_with_its_order() {
    let config = config(&["trader"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&config), logs);
    let of = || order(&config.targets[0], 0);
    let measured = |to| {
        let (action, metric) = (Arc::clone(&of().action), Metric::plain(Base::OpenFds));
        Arc::new(Measured { action, metric, from: 305.0, to, within: Duration::from_secs(60), growth: None })
    };
    let told = |effect, to| Note::Measured { order: of(), effect, measured: measured(to) };
    record(
        &mut recorder,
        vec![
            ended(of(), OutcomeKind::Delivered, Reason::None),
            told(Some(Effect::Ineffective), Some(310.0)),
            told(None, None),
        ],
    );
    let counters = recorder.counters();
    let counts: Vec<String> = counters
        .effects()
        .filter(|(key, count)| *key.action == *"reset_pool" || *key.action == *"kill" || *count > 0)
        .map(|(key, count)| format!("{} {} {count}", key.action, key.effect.name()))
        .collect();
    assert_eq!(counts, ["reset_pool effective 0", "reset_pool ineffective 1"], "none of a kill, and none unknown");
    assert_eq!(counters.recent().next().unwrap().effect.as_ref().unwrap().effect, None, "the last that was told");
}

#[test]
fn what_an_operator_wanted_of_many_processes_is_known_of_each() {
    let config = config(&["trader"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(std::sync::Arc::clone(&config), logs);
    let order = |id: u64, by: Option<&str>| {
        Arc::new(Order { id: OrderId(id), by: by.map(Arc::from), ..(*order(&config.targets[0], 0)).clone() })
    };
    let all = (1..=200).map(|id| ended(order(id, Some("alice")), OutcomeKind::Delivered, Reason::None));
    let others = (1001..=1200).map(|id| ended(order(id, None), OutcomeKind::Delivered, Reason::None));
    record(&mut recorder, all.chain(others).collect());
    let counters = recorder.counters();
    assert!((1..=200).all(|id| counters.ended(OrderId(id)).is_some()));
    assert_eq!(
        counters.ended(OrderId(1001)).map(|ended| ended.outcome),
        None,
        "judge's own are shown as long as they are recent"
    );
    assert!(counters.ended(OrderId(1200)).is_some());
    assert_eq!(counters.recent().count(), 64);
    let more = (2001..=7000).map(|id| ended(order(id, Some("alice")), OutcomeKind::Vetoed, Reason::Identity));
    record(&mut recorder, more.collect());
    let counters = recorder.counters();
    assert!(counters.ended(OrderId(1)).is_none() && counters.ended(OrderId(7000)).is_some(), "not for ever");
}
