//! Orders on real children: the right process or none, and an outcome for each.
#![expect(clippy::disallowed_methods, reason = "starts, ends and waits for its own children")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

mod cgroups;
mod faults;
mod freezes;
mod resumed;
mod slow;
mod strangers;
mod together;
mod undone;

use super::Executor;
use crate::config::{Config, Source, parse};
use crate::discover::{Change, Roster, scan};
use crate::kernel::{now, own_pid};
use crate::model::{
    ActionScope, Base, Cause, KillScope, Level, Measure, MemberKey, Metric, Order, OrderId, Outcome, OutcomeKind,
    Reason, Signal,
};

/// A child and the target that matches nobody else.
struct Case {
    child: Child,
    roster: Roster,
    executor: Executor,
    /// The configuration.
    text: String,
    order: u64,
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python child that runs `body` and says when it is ready; `settings` go into the target.
fn case(body: &str, settings: &str) -> Case {
    let case = crew(body, settings);
    assert_eq!(case.roster.members().len(), 1);
    case
}

/// The same, of a child that may have forked members like itself.
fn crew(body: &str, settings: &str) -> Case {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let tag = format!("act_case_{}_{}", own_pid(), NEXT.fetch_add(1, Ordering::Relaxed));
    let program =
        format!("import os, signal, subprocess, sys, time\n{body}\nprint('ready', flush=True)\ntime.sleep(60)\n");
    let mut python = Command::new("python3");
    let mut child = python.args(["-c", &program, &tag]).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let uid = nix::unistd::getuid();
    let matched =
        settings.replace("MATCH", &format!("cmdline = \"{tag}$\"")).replace("UID", &format!("user = \"{uid}\""));
    let config = Arc::new(configuration(&matched));
    let mut changes: Vec<Change> = scan(&config).into_iter().map(Change::Found).collect();
    let mut roster = Roster::new(&config);
    roster.apply(&mut changes, now(), &mut Vec::new());
    Case { child, roster, executor: Executor::new(config, 1, || {}).unwrap(), text: matched, order: 0 }
}

fn configuration(text: &str) -> Config {
    parse(vec![Source::new(PathBuf::from("watchdog.toml"), text)])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

const BY_USER: &str = "[target.t]\nmatch = { MATCH, UID }\n";
const BY_CMDLINE: &str = "[target.t]\nmatch = { MATCH }\n";
const DRY_RUN: &str = "[daemon]\ndry_run = true\n";

impl Case {
    /// An order for the first member.
    fn draft(&mut self, measure: Measure) -> Order {
        self.order += 1;
        let member = &self.roster.members()[0];
        Order {
            id: OrderId(self.order),
            member: member.key,
            identity: member.process.identity(),
            target: "t".into(),
            ladder: "default".into(),
            level: Level::Fatal,
            action: "measure".into(),
            measure,
            cause: Some(Cause {
                metric: Metric::plain(Base::OpenFds),
                value: 9.0,
                bound: 5.0,
                since: now(),
                escalated: None,
            }),
            undo: false,
            scope: ActionScope::Process,
            thaw: None,
            decided: now(),
            attempt: 1,
            by: None,
        }
    }

    fn order(&mut self, measure: Measure) -> Option<Outcome> {
        let order = self.draft(measure);
        self.carry_out(order)
    }

    fn carry_out(&mut self, order: Order) -> Option<Outcome> {
        let order = Arc::new(order);
        match self.executor.admit(&order, &self.roster, now()) {
            Ok(()) => self.executor.deliver(&order, &self.roster, now()),
            Err(outcome) => Some(outcome),
        }
    }

    /// Advances until there is an outcome, for ten seconds at most.
    fn outcome(&mut self) -> Outcome {
        let mut outcomes = Vec::new();
        for _ in 0..1000 {
            self.executor.advance(now(), &mut outcomes);
            if let Some(outcome) = outcomes.pop() {
                return outcome;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no outcome in ten seconds");
    }

    /// From now on another daemon, which may have read `prefix` too, has to do with it.
    fn restart(&mut self, prefix: &str) {
        let config = configuration(&format!("{prefix}{}", self.text));
        self.executor = Executor::new(config.into(), 2, || {}).unwrap();
    }

    fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.roster.members()[0].process.identity().pid.get())
    }

    /// What anybody else would do to it.
    fn send(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.pid(), signal).unwrap();
    }

    /// Its state as the kernel prints it.
    fn state(&self) -> char {
        state(self.pid().as_raw())
    }

    /// Whether it stands still. Whoever does not may sleep or run at the moment that he is looked at.
    fn stopped(&self) -> bool {
        self.state() == 'T'
    }

    fn ended_by(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        self.child.wait().unwrap().signal()
    }

    fn lives(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(100));
        self.child.try_wait().unwrap().is_none()
    }
}

fn state(pid: i32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

/// Waits until it holds, for five seconds at most.
fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within five seconds");
}

fn end(outcome: Option<Outcome>) -> Option<(OutcomeKind, Reason)> {
    outcome.map(|outcome| (outcome.kind, outcome.reason))
}

fn usr1(assume_handled: bool) -> Measure {
    Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled }
}

fn kill(grace: u64, scope: KillScope) -> Measure {
    Measure::Kill { grace: Duration::from_millis(grace), scope }
}

#[test]
fn a_handled_signal_is_delivered() {
    let mut case = case("signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))", BY_USER);
    assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Delivered, Reason::None)));
    assert_eq!(case.child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_signal_without_a_handler_is_withheld() {
    for body in ["pass", "signal.signal(signal.SIGUSR1, signal.SIG_IGN)"] {
        let mut case = case(body, BY_USER);
        assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Vetoed, Reason::Unhandled)), "{body}");
        assert!(case.lives());
    }
}

#[test]
fn a_blocked_signal_counts_as_not_handled_unless_it_is_assumed_to_be() {
    let body = "signal.signal(signal.SIGUSR1, print); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])";
    let mut case = case(body, BY_USER);
    assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Vetoed, Reason::Unhandled)));
    assert_eq!(end(case.order(usr1(true))), Some((OutcomeKind::Delivered, Reason::None)));
    assert!(case.lives());
}

#[test]
fn a_kill_asks_first_and_ends_in_gone() {
    let mut case = case("pass", BY_USER);
    assert_eq!(case.order(kill(5000, KillScope::Process)), None);
    let outcome = case.outcome();
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Gone, Reason::None));
    assert_eq!(case.ended_by(), Some(15));
}

#[test]
fn after_the_grace_it_is_sigkill() {
    let mut case = case("signal.signal(signal.SIGTERM, signal.SIG_IGN)", BY_USER);
    let began = now();
    assert_eq!(case.order(kill(400, KillScope::Process)), None);
    let deadline = case.executor.next_deadline(now()).unwrap();
    assert!(deadline.since(began) >= Duration::from_millis(400));
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert!(now().since(began) >= Duration::from_millis(400));
    assert_eq!(case.ended_by(), Some(9));
    assert_eq!(case.executor.next_deadline(now()), None);
}

#[test]
fn a_stopped_process_dies_too() {
    let mut case = case("pass", BY_USER);
    case.send(nix::sys::signal::Signal::SIGSTOP);
    eventually(|| case.state() == 'T');
    assert_eq!(case.order(kill(200, KillScope::Process)), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.ended_by(), Some(9));
}

/// Starts a grandchild that ignores SIGTERM and writes its pid down.
const FAMILY: &str = "
g = subprocess.Popen([sys.executable, '-c', 'import signal, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\nprint(1, flush=True)\\ntime.sleep(60)'], stdout=subprocess.PIPE)
g.stdout.read(1)
sys.stdout.flush()
os.environ['x'] = '1'
";

fn grandchild(case: &Case) -> Option<i32> {
    let pid = case.child.id();
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    listed.split_whitespace().next()?.parse().ok()
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn the_tree_dies_with_its_root_and_only_then_is_it_done() {
    let mut case = case(FAMILY, BY_USER);
    let child = grandchild(&case).expect("the kernel lists children");
    assert_eq!(case.order(kill(300, KillScope::Tree)), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.ended_by(), Some(15));
    assert!(!alive(child), "the grandchild ignores SIGTERM and must have got SIGKILL");
}

#[test]
fn scope_process_leaves_the_children_alone() {
    let mut case = case(FAMILY, BY_USER);
    let child = grandchild(&case).expect("the kernel lists children");
    assert_eq!(case.order(kill(300, KillScope::Process)), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert!(alive(child));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[test]
fn a_kill_on_what_others_can_imitate_is_vetoed_and_a_signal_is_not() {
    let mut case = case("signal.signal(signal.SIGUSR1, lambda *_: None)", BY_CMDLINE);
    assert_eq!(end(case.order(kill(100, KillScope::Process))), Some((OutcomeKind::Vetoed, Reason::Imitable)));
    assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Delivered, Reason::None)));
    assert!(case.lives());
}

#[test]
fn nobody_is_killed_in_a_dry_run_and_vetoes_still_speak() {
    let mut case = case("pass", BY_USER);
    case.restart(DRY_RUN);
    assert_eq!(end(case.order(kill(0, KillScope::Process))), Some((OutcomeKind::DryRun, Reason::None)));
    assert_eq!(end(case.order(usr1(false))), Some((OutcomeKind::Vetoed, Reason::Unhandled)));
    assert!(case.lives());
}

#[test]
fn an_exec_between_judging_and_acting_is_another_program() {
    let mut case = case("signal.signal(signal.SIGUSR2, lambda *_: os.execvp('sleep', ['sleep', '60']))", BY_USER);
    let pid = case.pid();
    case.send(nix::sys::signal::Signal::SIGUSR2);
    eventually(|| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n"));
    assert_eq!(end(case.order(kill(0, KillScope::Process))), Some((OutcomeKind::Vetoed, Reason::Identity)));
    assert!(case.lives());
}

#[test]
fn who_is_gone_already_is_gone() {
    let mut case = case("pass", BY_USER);
    case.child.kill().unwrap();
    case.child.wait().unwrap();
    assert_eq!(end(case.order(usr1(true))), Some((OutcomeKind::Gone, Reason::None)));
    assert_eq!(end(case.order(kill(0, KillScope::Process))), Some((OutcomeKind::Gone, Reason::None)));
}

#[test]
fn an_order_for_an_empty_or_reassigned_seat_touches_nobody() {
    let mut case = case("signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))", BY_USER);
    let order = case.draft(usr1(true));
    let empty = Order { member: MemberKey { slot: 9, ..order.member }, ..order.clone() };
    assert_eq!(end(case.carry_out(empty)), Some((OutcomeKind::Gone, Reason::None)));
    let mut reassigned = order;
    reassigned.identity.start_ticks += 1;
    assert_eq!(end(case.carry_out(reassigned)), Some((OutcomeKind::Gone, Reason::None)));
    assert!(case.lives());
}

/// Between the last questions and the deed others are asked about, and the state file is written.
#[test]
fn an_exec_after_the_last_questions_is_still_seen() {
    let execs = "signal.signal(signal.SIGUSR1, lambda *_: None)\n\
                 signal.signal(signal.SIGUSR2, lambda *_: os.execvp('sleep', ['sleep', '60']))";
    for measure in [usr1(false), kill(5, KillScope::Process)] {
        let mut case = case(execs, BY_USER);
        let order = Arc::new(case.draft(measure));
        assert_eq!(case.executor.admit(&order, &case.roster, now()), Ok(()));
        case.send(nix::sys::signal::Signal::SIGUSR2);
        let comm = format!("/proc/{}/comm", case.pid());
        for _ in 0..500 {
            if std::fs::read(&comm).unwrap() == b"sleep\n" {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let outcome = case.executor.deliver(&order, &case.roster, now());
        assert_eq!(end(outcome), Some((OutcomeKind::Vetoed, Reason::Identity)));
        assert!(case.lives());
    }
}
