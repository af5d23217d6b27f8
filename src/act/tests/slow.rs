//! Slow measures leave the loop at once and come back as outcomes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{BY_USER, Case, case, configuration, end};
use crate::act::Executor;
use crate::kernel::now;
use crate::model::{Command, Http, Measure, Order, OutcomeKind, Reason};

fn run(program: &str) -> Measure {
    Measure::Command(Arc::new(Command { argv: vec![program.to_owned()], timeout: Duration::from_secs(5) }))
}

fn post(url: &str) -> Measure {
    let (post, expect, timeout) = (url.to_owned(), vec![200], Duration::from_secs(5));
    Measure::Http(Arc::new(Http { post, headers: Vec::new(), bearer_file: None, body: None, expect, timeout }))
}

/// A case whose executor counts how often it wakes the loop.
fn counted() -> (Case, Arc<AtomicUsize>) {
    let (mut case, woken) = (case("pass", BY_USER), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&woken);
    let wake = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    case.executor = Executor::new(configuration(&case.text).into(), 3, wake).unwrap();
    (case, woken)
}

#[test]
fn an_outcome_comes_later_and_wakes_the_loop() {
    let (mut case, woken) = counted();
    for (measure, kind, reason, untouched) in [
        (run("/bin/true"), OutcomeKind::Acknowledged, Reason::None, false),
        (run("/bin/false"), OutcomeKind::Failed, Reason::Refused, false),
        (run("/no/such/program"), OutcomeKind::Failed, Reason::Refused, true),
        (post("http://127.0.0.1:1/"), OutcomeKind::Failed, Reason::Refused, true),
    ] {
        let before = woken.load(Ordering::Relaxed);
        assert_eq!(case.order(measure.clone()), None);
        let outcome = case.outcome();
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (kind, reason, untouched), "{measure:?}");
        assert!(woken.load(Ordering::Relaxed) > before);
    }
    assert_eq!(case.executor.next_deadline(now()), None);
}

#[test]
fn what_is_under_way_survives_a_reload_that_forgets_it() {
    let (mut case, _) = counted();
    let order = Order { undo: true, ..case.draft(run("/bin/true")) };
    assert_eq!(case.carry_out(order), None);
    assert!(case.executor.next_deadline(now()).is_some());
    case.executor.reconfigure(configuration("").into());
    assert_eq!(case.outcome().kind, OutcomeKind::Acknowledged);
}

#[test]
fn a_full_queue_is_an_outcome_too() {
    let (mut case, _) = counted();
    let ends: Vec<_> = (0..80).map(|_| end(case.order(run("/bin/sleep")))).collect();
    assert_eq!(ends[0], None);
    assert_eq!(ends[79], Some((OutcomeKind::Failed, Reason::QueueFull)));
}
