//! Freezes by SIGSTOP: who is stopped, who is let go, and who is neither.
#![expect(clippy::disallowed_macros, reason = "says on standard error what could not be tried here")]

use std::time::Duration;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

use super::{BY_CMDLINE, BY_USER, Case, DRY_RUN, case, configuration, end, eventually, kill, state};
use crate::act::thaw;
use crate::discover::{Change, Roster, scan};
use crate::kernel::{Error, now, own_pid};
use crate::model::{FreezeBy, KillScope, Measure, Order, OutcomeKind, Reason};

const FREEZE: Measure = Measure::Freeze { by: FreezeBy::Signal, deadline: Duration::from_secs(60) };
const THAW: Measure = Measure::Thaw { by: FreezeBy::Signal };
const DELIVERED: Option<(OutcomeKind, Reason)> = Some((OutcomeKind::Delivered, Reason::None));

/// A case that an order has frozen.
fn frozen(body: &str, settings: &str) -> Case {
    let mut case = case(body, settings);
    assert_eq!(end(case.order(FREEZE)), DELIVERED);
    eventually(|| case.state() == 'T');
    case
}

#[test]
fn a_frozen_process_stands_still_until_it_is_thawed() {
    let mut case = frozen("pass", BY_USER);
    assert_eq!(end(case.order(THAW)), DELIVERED);
    eventually(|| case.state() == 'S');
}

#[test]
fn whom_somebody_else_stopped_is_neither_frozen_nor_thawed() {
    let mut case = case("pass", BY_USER);
    case.send(SIGSTOP);
    eventually(|| case.state() == 'T');
    let outcome = case.order(FREEZE).unwrap();
    assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (OutcomeKind::Failed, Reason::Refused, true));
    assert_eq!(outcome.detail.as_deref(), Some("it is stopped already, by somebody else"));
    case.executor.advance(now(), &mut Vec::new());
    case.restart("");
    assert!(case.lives());
    assert_eq!(case.state(), 'T');
    case.send(SIGCONT);
    eventually(|| case.state() == 'S');
    assert_eq!(end(case.order(FREEZE)), DELIVERED, "once it runs it may be frozen");
}

#[test]
fn whoever_else_has_the_number_is_not_thawed() {
    let mut case = frozen("pass", BY_USER);
    let mine = case.roster.members()[0].process.identity();
    let mut others = [mine; 3];
    others[0].start_ticks += 1;
    others[1].boot.0 ^= 1;
    others[2].pidfs_inode = others[2].pidfs_inode.map(|inode| inode + 1);
    for identity in others {
        if identity == mine {
            eprintln!("skipped: the kernel has no pidfs");
            continue;
        }
        assert_eq!(thaw(identity, FreezeBy::Signal), Err(Error::Gone));
        assert_eq!(thaw(identity, FreezeBy::Cgroup), Err(Error::Gone));
        let order = Order { identity, ..case.draft(THAW) };
        assert_eq!(end(case.carry_out(order)), Some((OutcomeKind::Gone, Reason::None)));
        assert!(case.lives());
        assert_eq!(case.state(), 'T');
    }
    assert_eq!(thaw(mine, FreezeBy::Signal), Ok(()));
    eventually(|| case.state() == 'S');
}

#[test]
fn a_thaw_needs_no_seat() {
    let mut case = frozen("pass", BY_USER);
    let (pid, again, back) = (case.pid().as_raw(), case.draft(FREEZE), case.draft(THAW));
    case.roster = Roster::new(&case.executor.config);
    assert_eq!(end(case.carry_out(again)), Some((OutcomeKind::Gone, Reason::None)));
    assert_eq!(end(case.carry_out(back)), DELIVERED);
    eventually(|| state(pid) == 'S');
}

#[test]
fn a_dry_run_freezes_nobody_and_thaws_what_is_frozen() {
    let mut case = frozen("pass", BY_USER);
    let dry = configuration(&format!("{DRY_RUN}{}", case.text));
    case.executor.reconfigure(dry.into());
    assert_eq!(end(case.order(THAW)), DELIVERED);
    eventually(|| case.state() == 'S');
    let outcome = case.order(FREEZE).unwrap();
    assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (OutcomeKind::DryRun, Reason::None, true));
    assert!(case.lives());
    assert!(!case.stopped());
    case.restart(DRY_RUN);
    assert_eq!(end(case.order(THAW)), DELIVERED, "so does a daemon that was never anything else");
}

#[test]
fn a_frozen_process_wakes_up_to_its_sigterm() {
    for (body, code) in [("pass", None), ("signal.signal(signal.SIGTERM, lambda *_: os._exit(7))", Some(7))] {
        let mut case = frozen(body, BY_USER);
        let order = Order { thaw: Some(FreezeBy::Signal), ..case.draft(kill(30_000, KillScope::Process)) };
        let began = now();
        assert_eq!(case.carry_out(order), None);
        let outcome = case.outcome();
        assert_eq!((outcome.kind, outcome.untouched), (OutcomeKind::Gone, false));
        assert!(now().since(began) < Duration::from_secs(5), "{:?}", now().since(began));
        assert_eq!(case.child.wait().unwrap().code(), code, "SIGTERM, not SIGKILL");
    }
}

#[test]
fn what_others_can_imitate_is_not_frozen() {
    let mut case = case("pass", BY_CMDLINE);
    assert_eq!(end(case.order(FREEZE)), Some((OutcomeKind::Vetoed, Reason::Imitable)));
    assert!(!case.stopped());
}

#[test]
fn nobody_freezes_himself() {
    let mut case = case("pass", BY_USER);
    let itself = "[target.t]\nmatch = { MATCH }\n"
        .replace("MATCH", &format!("user = \"{}\", comm = \"{}\"", nix::unistd::getuid(), own_comm()));
    let config = configuration(&itself);
    let mut roster = Roster::new(&config);
    let mut changes: Vec<Change> = scan(&config).into_iter().map(Change::Found).collect();
    roster.apply(&mut changes, now(), &mut Vec::new());
    let own = roster.members().iter().find(|member| member.process.identity().pid == own_pid()).unwrap();
    let (member, identity) = (own.key, own.process.identity());
    (case.roster, case.executor) = (roster, crate::act::Executor::new(config.into(), 2, || {}).unwrap());
    for measure in
        [FREEZE, Measure::Freeze { by: FreezeBy::Cgroup, deadline: Duration::ZERO }, kill(0, KillScope::Tree)]
    {
        let order = Order { member, identity, ..case.draft(measure) };
        assert_eq!(end(case.carry_out(order)), Some((OutcomeKind::Vetoed, Reason::Protected)));
    }
}

fn own_comm() -> String {
    std::fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned()
}
