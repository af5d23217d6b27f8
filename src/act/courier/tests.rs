//! Deliveries over real sockets on the loopback and through real commands.
#![expect(clippy::disallowed_methods, reason = "plays the other side: sockets, threads, files, processes")]

mod http;
mod run;
mod server;
mod tls;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Courier, Full, MOST};
use crate::kernel::now;
use crate::model::{
    ActionScope, Base, BootId, Cause, Command, Http, Identity, Level, Measure, MemberKey, Metric, Order, OrderId,
    Outcome, OutcomeKind, Pid, Reason,
};

/// So long at most a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
const SERIES: u64 = 0x1d;

/// A courier, and what wakes its loop.
struct Case {
    courier: Courier,
    woken: Receiver<()>,
}

fn case() -> Case {
    let (wake, woken) = channel();
    let courier = Courier::start(SERIES, move || wake.send(()).unwrap_or_default()).unwrap();
    Case { courier, woken }
}

impl Case {
    fn deliver(&mut self, measure: Measure) -> Outcome {
        self.courier.send(&order(1, measure), now()).unwrap();
        self.outcome()
    }

    fn outcome(&mut self) -> Outcome {
        let mut outcomes = Vec::new();
        while outcomes.is_empty() {
            self.woken.recv_timeout(PATIENCE).expect("no outcome");
            self.courier.advance(now(), &mut outcomes);
        }
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }
}

fn order(id: u64, measure: Measure) -> Arc<Order> {
    Arc::new(Order {
        id: OrderId(id),
        member: MemberKey { target: 0, slot: 3 },
        identity: Identity { boot: BootId(1), pid: Pid::new(4242).unwrap(), start_ticks: 5, pidfs_inode: None },
        target: "trader".into(),
        ladder: "default".into(),
        level: Level::Critical,
        action: "pause".into(),
        measure,
        cause: Some(Cause {
            metric: Metric::plain(Base::OpenFds),
            value: 812.0,
            bound: 800.0,
            since: now(),
            escalated: None,
        }),
        undo: false,
        scope: ActionScope::Target,
        thaw: None,
        decided: now(),
        attempt: 2,
        by: None,
    })
}

fn http(post: &str) -> Http {
    Http {
        post: post.into(),
        headers: Vec::new(),
        bearer_file: None,
        body: None,
        expect: vec![200, 202, 204],
        timeout: Duration::from_secs(10),
    }
}

fn post(http: Http) -> Measure {
    Measure::Http(Arc::new(http))
}

/// A script of the shell, within `timeout` milliseconds; `$0` is the folder.
fn script(text: &str, folder: &Path, timeout: u64) -> Measure {
    let argv = ["/bin/sh", "-c", text, folder.to_str().unwrap()].map(str::to_owned).to_vec();
    Measure::Command(Arc::new(Command { argv, timeout: Duration::from_millis(timeout) }))
}

/// What matters of an outcome: kind, reason, untouched, detail.
fn facts(outcome: &Outcome) -> (OutcomeKind, Reason, bool, &str) {
    (outcome.kind, outcome.reason, outcome.untouched, outcome.detail.as_deref().unwrap_or(""))
}

const ACKNOWLEDGED: (OutcomeKind, Reason, bool, &str) = (OutcomeKind::Acknowledged, Reason::None, false, "");

/// Waits until it holds.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_too_much_is_not_taken_and_a_place_is_free_again_after_its_outcome() {
    let mut case = case();
    let hung = server::silent();
    let quick = || post(Http { timeout: Duration::from_millis(300), ..http(&hung.url()) });
    for id in 0..u64::try_from(MOST).unwrap() {
        assert_eq!(case.courier.send(&order(id, quick()), now()), Ok(()));
    }
    assert_eq!(case.courier.send(&order(99, quick()), now()), Err(Full));
    // Nobody asks for a while: none is lost for that.
    for _ in 0..MOST {
        case.woken.recv_timeout(PATIENCE).unwrap();
    }
    let mut outcomes = Vec::new();
    case.courier.advance(now(), &mut outcomes);
    let mut ids: Vec<u64> = outcomes.iter().map(|outcome| outcome.order.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..u64::try_from(MOST).unwrap()).collect::<Vec<_>>());
    assert!(outcomes.iter().all(|outcome| outcome.reason == Reason::Timeout && !outcome.untouched));
    assert_eq!(case.courier.next_deadline(), None);
    assert_eq!(case.courier.send(&order(99, quick()), now()), Ok(()));
}

#[test]
fn a_hung_endpoint_and_a_hung_command_keep_nobody_else_waiting() {
    let mut case = case();
    let (hung, good) = (server::silent(), server::answering("200 OK", ""));
    let folder = tempfile::tempdir().unwrap();
    for id in 10..20 {
        case.courier.send(&order(id, post(http(&hung.url()))), now()).unwrap();
        case.courier.send(&order(id + 10, script("exec sleep 60", folder.path(), 10_000)), now()).unwrap();
    }
    let began = Instant::now();
    let outcome = case.deliver(post(http(&good.url())));
    assert_eq!((outcome.order, facts(&outcome)), (OrderId(1), ACKNOWLEDGED));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn the_loop_ends_what_the_thread_does_not_and_what_comes_then_is_dropped() {
    let mut case = case();
    let slow = server::delayed(Duration::from_millis(300), "200 OK");
    let sent = now();
    case.courier.send(&order(7, post(http(&slow.url()))), sent).unwrap();
    let overdue = case.courier.next_deadline().unwrap();
    assert_eq!(overdue.since(sent), Duration::from_secs(11), "timeout and a second");
    let mut outcomes = Vec::new();
    case.courier.advance(sent, &mut outcomes);
    assert_eq!(outcomes, []);
    case.courier.advance(overdue, &mut outcomes);
    assert_eq!(outcomes.len(), 1);
    assert_eq!((outcomes[0].order, outcomes[0].kind, outcomes[0].untouched), (OrderId(7), OutcomeKind::Failed, false));
    assert_eq!(outcomes[0].reason, Reason::Timeout);
    // The retry of the order is not ended by what is said of the try before.
    case.courier.send(&order(7, post(http(&server::silent().url()))), now()).unwrap();
    case.woken.recv_timeout(PATIENCE).unwrap();
    case.courier.advance(now(), &mut outcomes);
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
}

#[test]
fn a_job_that_was_not_begun_in_time_is_not_begun() {
    let mut case = case();
    let server = server::answering("200 OK", "");
    let past = crate::model::Moment::from_nanos(now().as_nanos() - 60_000_000_000);
    case.courier.send(&order(1, post(http(&server.url()))), past).unwrap();
    case.woken.recv_timeout(PATIENCE).unwrap();
    let mut outcomes = Vec::new();
    case.courier.advance(past, &mut outcomes);
    assert_eq!(
        (outcomes[0].kind, outcomes[0].reason, outcomes[0].untouched),
        (OutcomeKind::Failed, Reason::Timeout, true)
    );
    assert!(server.requests().is_empty());
}

#[test]
fn what_has_no_other_side_is_refused() {
    let outcome = case().deliver(Measure::Thaw { by: crate::model::FreezeBy::Signal });
    assert_eq!((outcome.kind, outcome.untouched), (OutcomeKind::Failed, true));
}

#[test]
fn the_end_waits_for_nobody() {
    let mut case = case();
    let hung = server::silent();
    let folder = tempfile::tempdir().unwrap();
    case.courier.send(&order(1, post(http(&hung.url()))), now()).unwrap();
    let measure = script("sleep 61 & echo $$ $! > $0/new; mv $0/new $0/pids; wait", folder.path(), 60_000);
    case.courier.send(&order(2, measure), now()).unwrap();
    let pids = run::pids(folder.path());
    let began = Instant::now();
    drop(case);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for pid in pids {
        eventually("the command is killed", || !run::lives(pid));
    }
}
