//! Slow measures leave the loop at once and come back as outcomes.
#![expect(clippy::disallowed_macros, reason = "the latency is for whoever runs the test")]

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{BY_USER, Case, case, configuration, end, usr1};
use crate::act::Executor;
use crate::kernel::now;
use crate::model::{Command, Http, Measure, Order, OutcomeKind, Reason};

fn run(program: &str) -> Measure {
    Measure::Command(Arc::new(Command { argv: vec![program.to_owned()], timeout: Duration::from_secs(5) }))
}

fn post(url: &str) -> Measure {
    let (post, expect, timeout) = (url, vec![200], Duration::from_secs(5));
    Measure::Http(Arc::new(Http {
        post: post.into(),
        headers: Vec::new(),
        bearer_file: None,
        body: None,
        expect,
        timeout,
    }))
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
fn hung_endpoints_and_a_full_queue_do_not_delay_a_signal() {
    let mut case = case("signal.signal(signal.SIGUSR1, lambda *_: None)", BY_USER);
    // Connections wait there until the kernel takes no more; nobody ever answers one.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let hung = post(&format!("http://{}/", hung.local_addr().unwrap()));
    let began = now();
    let (mut sent, mut last) = (0, None);
    while last.is_none() {
        last = case.order(hung.clone());
        sent += u32::from(last.is_none());
    }
    assert_eq!(sent, 64);
    assert_eq!(end(last.clone()), Some((OutcomeKind::Failed, Reason::QueueFull)));
    assert!(last.unwrap().untouched);
    let handed_over = now();
    assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Delivered, Reason::None)));
    let latency = now().since(handed_over);
    println!("{sent} requests handed over in {:?}, the signal after them in {latency:?}", handed_over.since(began));
    assert!(latency < Duration::from_millis(100), "{latency:?}");
}
