//! Kills that an earlier daemon began: each step once, over the restart too.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal::{SIGSTOP, SIGTERM};

use super::{BY_USER, Case, DRY_RUN, case, eventually, kill};
use crate::kernel::now;
use crate::model::{FreezeBy, KillScope, Measure, Order, OutcomeKind, Reason};

/// A child that writes down each SIGTERM, and the file it writes into.
fn counting() -> (Case, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("terms");
    let body = format!("signal.signal(signal.SIGTERM, lambda *_: open({file:?}, 'a').write('x'))");
    (case(&body, BY_USER), folder)
}

fn terms(folder: &Path) -> usize {
    std::fs::read(folder.join("terms")).map_or(0, |text| text.len())
}

#[test]
fn the_rest_of_the_grace_runs_on_without_a_second_sigterm() {
    let (mut case, folder) = counting();
    let order = Arc::new(case.draft(kill(1500, KillScope::Process)));
    let sent = now();
    assert_eq!(case.executor.admit(&order, &case.roster, sent), Ok(()));
    assert_eq!(case.executor.deliver(&order, &case.roster, sent), None);
    eventually(|| terms(folder.path()) == 1);
    std::thread::sleep(Duration::from_millis(300));

    case.restart(DRY_RUN);
    assert_eq!(case.executor.resume(&order, sent, now()), None);
    assert_eq!(case.executor.next_deadline(now()), Some(sent + Duration::from_millis(1500)));
    assert!(case.lives(), "the grace is not over");
    let outcome = case.outcome();
    assert_eq!((outcome.order, outcome.kind, outcome.untouched), (order.id, OutcomeKind::Gone, false));
    let took = now().since(sent);
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_millis(4000), "{took:?}");
    assert_eq!(terms(folder.path()), 1);
    assert_eq!(case.ended_by(), Some(9));
}

#[test]
fn a_grace_that_ended_between_two_daemons_is_over() {
    let (mut case, folder) = counting();
    let order = Arc::new(case.draft(kill(200, KillScope::Tree)));
    assert_eq!(case.executor.resume(&order, now() - Duration::from_secs(5), now()), None);
    assert!(case.executor.next_deadline(now()).unwrap() <= now());
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.ended_by(), Some(9));
    assert_eq!(terms(folder.path()), 0);
}

#[test]
fn what_was_frozen_wakes_up_to_the_sigterm_that_waits_for_it() {
    let mut case = case("signal.signal(signal.SIGTERM, lambda *_: os._exit(7))", BY_USER);
    case.send(SIGSTOP);
    eventually(|| case.state() == 'T');
    case.send(SIGTERM);
    assert_eq!(case.state(), 'T');
    let order = Order { thaw: Some(FreezeBy::Signal), ..case.draft(kill(30_000, KillScope::Process)) };
    assert_eq!(case.executor.resume(&Arc::new(order), now(), now()), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.child.wait().unwrap().code(), Some(7));
}

#[test]
fn whoever_else_has_the_number_is_not_killed() {
    let mut case = case("pass", BY_USER);
    let mut order = case.draft(kill(0, KillScope::Process));
    order.identity.start_ticks += 1;
    let outcome = case.executor.resume(&Arc::new(order.clone()), now(), now()).unwrap();
    assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (OutcomeKind::Gone, Reason::None, true));
    order.identity.start_ticks -= 1;
    order.identity.boot.0 ^= 1;
    assert_eq!(case.executor.resume(&Arc::new(order), now(), now()).unwrap().kind, OutcomeKind::Gone);
    let thaw = Arc::new(case.draft(Measure::Thaw { by: FreezeBy::Signal }));
    assert_eq!(case.executor.resume(&thaw, now(), now()).unwrap().reason, Reason::Refused, "no kill at all");
    assert_eq!(case.executor.next_deadline(now()), None);
    assert!(case.lives());

    let order = Arc::new(case.draft(kill(0, KillScope::Process)));
    case.child.kill().unwrap();
    case.child.wait().unwrap();
    assert_eq!(case.executor.resume(&order, now(), now()).unwrap().kind, OutcomeKind::Gone);
}
