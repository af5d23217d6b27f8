//! The last look at a process, with each of its reads failing in each way: what cannot be told speaks
//! against a measure, and nothing that was seen half is acted on.

use std::sync::Arc;
use std::time::Duration;

use super::{BY_USER, Case, case, kill};
use crate::discover::{Change, Found, Roster};
use crate::kernel::faulty::{Fault, Plan};
use crate::kernel::{Proc, Process, now};
use crate::model::{FreezeBy, KillScope, Measure, Order, Outcome, OutcomeKind};

impl Case {
    /// The same member, of whom the planned read fails.
    fn faulty(&self, plan: &Arc<Plan>) -> Roster {
        let member = &self.roster.members()[0];
        plan.pause();
        let process = Arc::new(Process::open_faulty(self.roster.members()[0].process.identity().pid, plan).unwrap());
        plan.resume();
        let found = Found { target: 0, process, facts: member.facts.clone() };
        let mut roster = Roster::new(&self.executor.config);
        roster.apply(&mut vec![Change::Found(found)], now(), &mut Vec::new());
        roster
    }

    /// Carries the order out with `fault` at every read, until one run makes fewer: then it ends as
    /// `expected`. Before, it must not have.
    fn with_each_read_failing(&mut self, order: &Arc<Order>, expected: Option<OutcomeKind>) -> usize {
        let mut faults = 0;
        for fault in Fault::ALL {
            for at in 0.. {
                let plan = Plan::new(fault, at);
                let roster = self.faulty(&plan);
                let outcome: Option<Outcome> = match self.executor.admit(order, &roster, now()) {
                    Ok(()) => self.executor.deliver(order, &roster, now()),
                    Err(outcome) => Some(outcome),
                };
                if !plan.struck() {
                    assert_eq!(outcome.map(|outcome| outcome.kind), expected);
                    break;
                }
                let outcome = outcome.unwrap_or_else(|| panic!("{fault:?} at {at} is no answer"));
                assert!(outcome.untouched, "{fault:?} at {at}: {outcome:?}");
                faults += 1;
            }
        }
        faults
    }
}

#[test]
fn nobody_is_stopped_or_killed_on_half_a_look() {
    let mut case = case("pass", BY_USER);
    // Whoever is started here is in no cgroup of his own, or with others: the whole look ends in a no.
    let by_cgroup = Measure::Freeze { by: FreezeBy::Cgroup, deadline: Duration::from_secs(1) };
    for (measure, expected) in [(by_cgroup, OutcomeKind::Failed), (kill(0, KillScope::Cgroup), OutcomeKind::Vetoed)] {
        let order = Arc::new(case.draft(measure));
        assert!(case.with_each_read_failing(&order, Some(expected)) >= 12);
    }
    assert!(case.lives());
    assert!(!case.stopped());
}

#[test]
fn an_undo_without_a_seat_says_gone_or_why_not() {
    let mut case = case("pass", BY_USER);
    let pid = case.roster.members()[0].process.identity().pid;
    let order = Arc::new(case.draft(Measure::Thaw { by: FreezeBy::Cgroup }));
    let killing = Arc::new(case.draft(kill(60_000, KillScope::Cgroup)));
    let nobody = Roster::new(&case.executor.config);
    for fault in Fault::ALL {
        for at in 0.. {
            let plan = Plan::of(pid, fault, at);
            case.executor.ground.proc = Proc::live().unwrap().with_faults(plan.clone());
            let resumed = case.executor.resume(&killing, now(), now());
            assert!(resumed.is_some_and(|outcome| outcome.untouched), "{fault:?} at {at}");
            let outcome = match case.executor.admit(&order, &nobody, now()) {
                Ok(()) => case.executor.deliver(&order, &nobody, now()),
                Err(outcome) => Some(outcome),
            };
            let outcome = outcome.unwrap();
            if !plan.struck() {
                assert_eq!(outcome.kind, OutcomeKind::Acknowledged);
                break;
            }
            assert!(
                matches!(outcome.kind, OutcomeKind::Gone | OutcomeKind::Failed | OutcomeKind::Acknowledged),
                "{fault:?} at {at}: {outcome:?}"
            );
        }
    }
    assert!(case.lives());
}
