//! Undo orders: asked less than measures, and never more.

use std::sync::Arc;
use std::time::Duration;

use super::{BY_CMDLINE, BY_USER, DRY_RUN, case, end, kill, usr1};
use crate::discover::Roster;
use crate::kernel::now;
use crate::model::{ActionScope, Command, FreezeBy, Http, Measure, Order, OutcomeKind, Reason};

const GONE: Option<(OutcomeKind, Reason)> = Some((OutcomeKind::Gone, Reason::None));

fn post() -> Measure {
    Measure::Http(Arc::new(Http {
        post: "http://127.0.0.1:1/".into(),
        headers: Vec::new(),
        bearer_file: None,
        body: None,
        expect: vec![200],
        timeout: Duration::from_secs(1),
    }))
}

fn command() -> Measure {
    Measure::Command(Arc::new(Command { argv: vec!["/bin/true".to_owned()], timeout: Duration::from_secs(1) }))
}

#[test]
fn an_undo_for_the_target_looks_at_no_process_and_one_for_a_process_does() {
    let mut case = case("pass", BY_USER);
    case.restart(DRY_RUN);
    for measure in [post(), command()] {
        let undo = Order { undo: true, ..case.draft(measure) };
        let everybody = Order { scope: ActionScope::Target, ..undo.clone() };
        let nobody = Roster::new(&case.executor.config);
        for roster in [&case.roster, &nobody] {
            assert_eq!(case.executor.admit(&Arc::new(undo.clone()), roster, now()), Ok(()));
            assert_eq!(case.executor.admit(&Arc::new(everybody.clone()), roster, now()), Ok(()));
        }
        let mut other = undo.clone();
        other.identity.start_ticks += 1;
        let outcome = case.executor.admit(&Arc::new(other.clone()), &case.roster, now()).unwrap_err();
        assert_eq!((outcome.kind, outcome.untouched), (OutcomeKind::Gone, true));
        let everybody = Order { scope: ActionScope::Target, ..other };
        assert_eq!(case.executor.admit(&Arc::new(everybody), &case.roster, now()), Ok(()));
        let measure = Arc::new(Order { undo: false, ..undo });
        let outcome = case.executor.admit(&measure, &case.roster, now()).unwrap_err();
        assert_eq!(outcome.kind, OutcomeKind::DryRun, "the measure itself is dry");
    }
}

#[test]
fn a_measure_over_http_asks_for_the_same_process_and_for_no_anchor() {
    let mut case = case("pass", BY_CMDLINE);
    let order = case.draft(post());
    assert_eq!(case.executor.admit(&Arc::new(order.clone()), &case.roster, now()), Ok(()));
    let nobody = Roster::new(&case.executor.config);
    let outcome = case.executor.admit(&Arc::new(order), &nobody, now()).unwrap_err();
    assert_eq!(outcome.kind, OutcomeKind::Gone);
}

#[test]
fn a_signal_that_takes_back_needs_a_handler_and_no_seat() {
    let body = "signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))";
    let mut case = case(body, BY_USER);
    let usr2 = Measure::Signal { signal: crate::model::Signal::new(12).unwrap(), assume_handled: false };
    let (handled, unhandled) = (case.draft(usr1(false)), case.draft(usr2));
    case.roster = Roster::new(&case.executor.config);
    case.restart(DRY_RUN);
    let veto = Some((OutcomeKind::Vetoed, Reason::Unhandled));
    assert_eq!(end(case.carry_out(Order { undo: true, ..unhandled })), veto);
    assert!(case.lives());
    let delivered = Some((OutcomeKind::Delivered, Reason::None));
    assert_eq!(end(case.carry_out(Order { undo: true, ..handled.clone() })), delivered);
    assert_eq!(case.child.wait().unwrap().code(), Some(7));
    assert_eq!(end(case.carry_out(Order { undo: true, ..handled })), GONE);
}

#[test]
fn nothing_is_taken_back_by_a_kill() {
    let mut case = case("pass", BY_USER);
    let freeze = Measure::Freeze { by: FreezeBy::Signal, deadline: Duration::from_secs(1) };
    for measure in [kill(0, crate::model::KillScope::Tree), freeze] {
        let order = Order { undo: true, ..case.draft(measure) };
        assert_eq!(end(case.carry_out(order)), Some((OutcomeKind::Failed, Reason::Refused)));
    }
    assert!(case.lives());
    assert!(!case.stopped());
}
