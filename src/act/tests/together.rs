//! A kill or a freeze of one of a group, which counts what all of them have.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal::SIGKILL, kill as send};
use nix::unistd::Pid;

use super::{BY_USER, Case, crew, end, eventually, kill, usr1};
use crate::discover::{Change, Roster, scan};
use crate::kernel::now;
use crate::model::{FreezeBy, KillScope, Measure, Order, OutcomeKind, Reason};

const FREEZE: Measure = Measure::Freeze { by: FreezeBy::Signal, deadline: Duration::from_secs(60) };
const VETOED: Option<(OutcomeKind, Reason)> = Some((OutcomeKind::Vetoed, Reason::Imitable));

/// Two processes of one target. The other one is ended with it.
struct Pair {
    case: Case,
    other: Pid,
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = send(self.other, SIGKILL);
    }
}

/// The other one matches by something that anybody could have, where `loose`.
fn pair(settings: &str, loose: bool) -> Pair {
    let body = "signal.signal(signal.SIGUSR1, lambda *_: None)\nos.fork() or (sys.stdout.close(), time.sleep(60))";
    let mut case = crew(body, settings);
    let ours = case.child.id();
    let mut changes: Vec<Change> = scan(&case.executor.config).into_iter().map(Change::Found).collect();
    for change in &mut changes {
        if let Change::Found(found) = change
            && found.process.identity().pid.get().unsigned_abs() != ours
        {
            found.facts.anchored &= !loose;
        }
    }
    case.roster = Roster::new(&case.executor.config);
    case.roster.apply(&mut changes, now(), &mut Vec::new());
    let mut pids = case.roster.members().iter().map(|member| member.process.identity().pid.get());
    let other = pids.find(|pid| pid.unsigned_abs() != ours).map(Pid::from_raw).expect("the fork is a member");
    Pair { case, other }
}

impl Pair {
    /// An order for the first one, whose match nobody can imitate.
    fn draft(&mut self, measure: Measure) -> Order {
        let ours = self.case.child.id();
        let order = self.case.draft(measure);
        let mut members = self.case.roster.members().iter();
        let member = members.find(|member| member.process.identity().pid.get().unsigned_abs() == ours).unwrap();
        Order { member: member.key, identity: member.process.identity(), ..order }
    }

    /// How such an order would end; none where it may go out.
    fn asked(&mut self, order: Order) -> Option<(OutcomeKind, Reason)> {
        end(self.case.executor.admit(&Arc::new(order), &self.case.roster, now()).err())
    }
}

fn grouped() -> String {
    format!("{BY_USER}per = \"group\"\n")
}

#[test]
fn nobody_is_ended_or_stopped_for_a_sum_that_others_could_add_to() {
    let mut pair = pair(&grouped(), true);
    for measure in [kill(5, KillScope::Process), FREEZE] {
        let order = Arc::new(pair.draft(measure));
        let outcome = pair.case.executor.admit(&order, &pair.case.roster, now()).unwrap_err();
        assert_eq!(end(Some(outcome.clone())), VETOED);
        let told = format!("pid {}, which counts with it, is one that others could imitate", pair.other);
        assert_eq!(outcome.detail.as_deref(), Some(&*told));
    }
    let order = pair.draft(usr1(false));
    assert_eq!(pair.asked(order), None, "what it handles does it no harm");
}

#[test]
fn what_an_operator_wants_is_for_no_sum() {
    let mut pair = pair(&grouped(), true);
    let order = pair.draft(kill(5, KillScope::Process));
    assert_eq!(pair.asked(Order { by: Some("alice".into()), ..order }), None);
}

#[test]
fn who_is_judged_by_himself_dies_for_himself() {
    let mut pair = pair(BY_USER, true);
    let order = pair.draft(kill(5, KillScope::Process));
    assert_eq!(pair.asked(order), None);
}

#[test]
fn a_group_that_nobody_can_join_is_no_veto() {
    let mut pair = pair(&grouped(), false);
    let order = pair.draft(kill(5, KillScope::Process));
    assert_eq!(pair.asked(order), None);
}

#[test]
fn who_has_ended_counts_with_nobody() {
    let mut pair = pair(&grouped(), true);
    let order = pair.draft(kill(5, KillScope::Process));
    assert_eq!(pair.asked(order.clone()), VETOED);
    send(pair.other, SIGKILL).unwrap();
    let members = pair.case.roster.members();
    eventually(|| members.iter().any(|member| member.process.has_exited()));
    assert_eq!(pair.asked(order), None);
}

#[test]
fn who_is_of_another_target_counts_with_nobody_here() {
    let mut pair =
        pair(&format!("{}shared = true\n[target.u]\nmatch = {{ MATCH, UID }}\nshared = true\n", grouped()), false);
    let order = pair.draft(kill(5, KillScope::Process));
    let mut changes: Vec<Change> = scan(&pair.case.executor.config).into_iter().map(Change::Found).collect();
    for change in &mut changes {
        if let Change::Found(found) = change {
            found.facts.anchored &= found.target == order.member.target;
        }
    }
    pair.case.roster.apply(&mut changes, now(), &mut Vec::new());
    let members = pair.case.roster.members();
    assert!(members.iter().any(|member| member.key.target != order.member.target && !member.facts.anchored));
    assert_eq!(pair.asked(order), None);
}
