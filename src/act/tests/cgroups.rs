//! Freezes and kills of whole cgroups, in cgroups made for the test: only root may make them.
#![expect(clippy::disallowed_macros, reason = "says on standard error what could not be tried here")]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{BY_USER, Case, DRY_RUN, alive, case, crew, end, eventually, kill};
use crate::act::thaw;
use crate::kernel::{now, own_pid};
use crate::model::{FreezeBy, KillScope, Measure, Order, OutcomeKind, Reason};

const FREEZE: Measure = Measure::Freeze { by: FreezeBy::Cgroup, deadline: Duration::from_secs(60) };
const THAW: Measure = Measure::Thaw { by: FreezeBy::Cgroup };
const REFUSED: (OutcomeKind, Reason) = (OutcomeKind::Failed, Reason::Refused);
const PROTECTED: Option<(OutcomeKind, Reason)> = Some((OutcomeKind::Vetoed, Reason::Protected));

/// A cgroup that ends with its test, and all that is in it.
pub(super) struct Group(PathBuf);

impl Group {
    /// One of v2; none where the test may not make any.
    fn unified() -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        Self::below(mounts.into_iter().find(|mount| mount.join("cgroup.procs").exists()))
    }

    /// One of v1, which has no files to freeze or kill it.
    fn systemd() -> Option<Self> {
        Self::below(Some(PathBuf::from("/sys/fs/cgroup/systemd")))
    }

    pub(super) fn below(mount: Option<PathBuf>) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tradedog_test_{}_{}", own_pid(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = mount.ok_or(io::ErrorKind::NotFound.into()).and_then(|mount| {
            let path = mount.join(name);
            fs::create_dir(&path).map(|()| Self(path))
        });
        made.inspect_err(|error| eprintln!("skipped: cannot make a cgroup: {error}")).ok()
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.0
    }

    /// Python that moves whoever runs it here, or into the group `below`.
    pub(super) fn entered(&self, below: &str) -> String {
        let folder = self.0.join(below);
        fs::create_dir_all(&folder).unwrap();
        format!("open({:?}, 'w').write('0')\n", folder.join("cgroup.procs"))
    }

    pub(super) fn add(&self, pid: i32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    pub(super) fn procs(&self) -> Vec<i32> {
        let below = fs::read_dir(&self.0).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        let texts = below.chain([self.0.clone()]).map(|path| fs::read_to_string(path.join("cgroup.procs")).unwrap());
        texts.flat_map(|text| text.lines().map(|line| line.parse().unwrap()).collect::<Vec<i32>>()).collect()
    }

    fn is_frozen(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.events")).unwrap().contains("frozen 1")
    }

    fn set_frozen(&self, frozen: &str) {
        fs::write(self.0.join("cgroup.freeze"), frozen).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.freeze"), "0");
        if !self.0.exists() {
            return;
        }
        for _ in 0..200 {
            for pid in self.procs() {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
            let below = fs::read_dir(&self.0).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
            below.for_each(|path| drop(fs::remove_dir(path)));
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A child in a cgroup of its own.
fn lonely() -> Option<(Case, Group)> {
    let group = Group::unified()?;
    Some((case(&group.entered(""), BY_USER), group))
}

#[test]
fn a_frozen_cgroup_stands_still_until_it_is_thawed() {
    let Some((mut case, group)) = lonely() else { return };
    for _ in 0..2 {
        let outcome = case.order(FREEZE).unwrap();
        assert!(matches!(outcome.kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged), "{outcome:?}");
        eventually(|| group.is_frozen());
        let outcome = case.order(THAW).unwrap();
        assert!(matches!(outcome.kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged), "{outcome:?}");
        eventually(|| !group.is_frozen());
    }
}

#[test]
fn an_earlier_daemons_cgroup_is_found_by_its_process() {
    let Some((mut case, group)) = lonely() else { return };
    assert!(case.order(FREEZE).unwrap().detail.is_none());
    eventually(|| group.is_frozen());
    let identity = case.roster.members()[0].process.identity();
    assert_eq!(thaw(identity, FreezeBy::Cgroup), Ok(()));
    eventually(|| !group.is_frozen());
    group.set_frozen("1");
    case.restart(DRY_RUN);
    assert!(matches!(case.order(THAW).unwrap().kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged));
    eventually(|| !group.is_frozen());
}

#[test]
fn a_cgroup_with_strangers_is_not_frozen() {
    let Some((mut case, group)) = lonely() else { return };
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    group.add(i32::try_from(stranger.id()).unwrap());
    let outcome = case.order(FREEZE).unwrap();
    assert_eq!((outcome.kind, outcome.reason), REFUSED);
    let said = outcome.detail.unwrap();
    assert!(outcome.untouched && said.contains(&format!("pid {}", stranger.id())), "{said}");
    assert!(said.contains("by = \"signal\""), "it names the remedy: {said}");
    assert!(!group.is_frozen());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_ne!(end(case.order(FREEZE)), Some(REFUSED));
    eventually(|| group.is_frozen());
}

#[test]
fn what_somebody_else_froze_is_left_to_them() {
    let Some((mut case, group)) = lonely() else { return };
    group.set_frozen("1");
    eventually(|| group.is_frozen());
    for by in [FreezeBy::Cgroup, FreezeBy::Signal] {
        let outcome = case.order(Measure::Freeze { by, deadline: Duration::from_secs(1) }).unwrap();
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (REFUSED.0, REFUSED.1, true));
        assert_eq!(outcome.detail.as_deref(), Some("its cgroup is frozen already, by somebody else"));
    }
    case.executor.advance(now(), &mut Vec::new());
    case.restart("");
    assert!(case.lives() && group.is_frozen());
}

#[test]
fn who_has_no_cgroup_of_his_own_is_not_frozen_by_it_nor_killed_with_it() {
    let mut case = case("pass", BY_USER);
    let text = fs::read_to_string(format!("/proc/{}/cgroup", case.pid())).unwrap();
    if text.lines().any(|line| (line.starts_with("0::") || line.contains("=systemd:")) && !line.ends_with(":/")) {
        return eprintln!("skipped: whoever is started here is in a cgroup");
    }
    let outcome = case.order(FREEZE).unwrap();
    assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (REFUSED.0, REFUSED.1, true));
    assert!(outcome.detail.unwrap().contains("by = \"signal\""));
    let outcome = case.order(kill(0, KillScope::Cgroup)).unwrap();
    assert_eq!((outcome.kind, outcome.reason), (OutcomeKind::Vetoed, Reason::Protected));
    assert!(outcome.detail.unwrap().contains("scope = \"tree\""));
    assert!(case.lives());
}

#[test]
fn a_kill_of_a_frozen_cgroup_wakes_it_up() {
    let Some(group) = Group::unified() else { return };
    let mut case =
        case(&format!("{}signal.signal(signal.SIGTERM, lambda *_: os._exit(7))", group.entered("")), BY_USER);
    case.order(FREEZE).unwrap();
    eventually(|| group.is_frozen());
    let order = Order { thaw: Some(FreezeBy::Cgroup), ..case.draft(kill(30_000, KillScope::Process)) };
    assert_eq!(case.carry_out(order), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.child.wait().unwrap().code(), Some(7), "SIGTERM, not SIGKILL");
    assert!(!group.is_frozen());
}

#[test]
fn who_was_moved_out_of_its_frozen_cgroup_runs_already() {
    let Some((mut case, group)) = lonely() else { return };
    case.order(FREEZE).unwrap();
    eventually(|| group.is_frozen());
    let outside = group.0.parent().unwrap().join("cgroup.procs");
    fs::write(outside, case.pid().to_string()).unwrap();
    eventually(|| fs::remove_dir(&group.0).is_ok());
    assert_eq!(end(case.order(THAW)), Some((OutcomeKind::Delivered, Reason::None)));
    assert_eq!(end(case.order(THAW)), Some((OutcomeKind::Acknowledged, Reason::None)));
    assert!(case.lives());
}

/// Two members in one cgroup.
fn couple() -> Option<(Case, Group)> {
    let group = Group::unified()?;
    let body = format!("{}os.fork() or (sys.stdout.close(), time.sleep(60))", group.entered(""));
    let case = crew(&body, BY_USER);
    assert_eq!(case.roster.members().len(), 2);
    Some((case, group))
}

/// The same order for the other of them.
fn of_second(case: &Case, order: Order) -> Order {
    let member = &case.roster.members()[1];
    Order { member: member.key, identity: member.process.identity(), ..order }
}

#[test]
fn a_cgroup_goes_on_with_the_last_that_was_frozen_in_it() {
    let Some((mut case, group)) = couple() else { return };
    let (one, two) = (case.draft(FREEZE), case.draft(FREEZE));
    let two = of_second(&case, two);
    for order in [one, two] {
        let outcome = case.carry_out(order).unwrap();
        assert!(matches!(outcome.kind, OutcomeKind::Delivered | OutcomeKind::Acknowledged), "{outcome:?}");
    }
    eventually(|| group.is_frozen());
    let (one, two) = (case.draft(THAW), case.draft(THAW));
    let two = of_second(&case, two);
    assert_eq!(end(case.carry_out(one)), Some((OutcomeKind::Delivered, Reason::None)));
    assert!(group.is_frozen(), "the other is still to stand still");
    case.carry_out(two).unwrap();
    eventually(|| !group.is_frozen());
}

#[test]
fn a_kill_wakes_up_whom_the_freeze_of_another_stopped() {
    let Some((mut case, group)) = couple() else { return };
    let order = case.draft(FREEZE);
    let (order, killed) = (of_second(&case, order), case.child.id());
    case.carry_out(order).unwrap();
    eventually(|| group.is_frozen());
    assert_eq!(case.order(kill(30_000, KillScope::Process)), None);
    assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    assert_eq!(case.roster.members()[0].process.identity().pid.get(), i32::try_from(killed).unwrap());
    assert_eq!(case.ended_by(), Some(15));
    assert!(!group.is_frozen());
}

#[test]
fn nobody_stays_frozen_for_a_dead_process() {
    let Some((mut case, group)) = couple() else { return };
    let child = i32::try_from(case.child.id()).unwrap();
    let of_child = case.roster.members().iter().find(|m| m.process.identity().pid.get() == child).unwrap();
    let (member, identity) = (of_child.key, of_child.process.identity());
    let order = Order { member, identity, ..case.draft(FREEZE) };
    case.carry_out(order).unwrap();
    eventually(|| group.is_frozen());
    case.executor.advance(now(), &mut Vec::new());
    assert!(group.is_frozen());
    case.child.kill().unwrap();
    case.child.wait().unwrap();
    case.executor.advance(now(), &mut Vec::new());
    eventually(|| !group.is_frozen());
    assert!(group.procs().into_iter().all(alive));
}

/// A child with two children, one of them in a group below, who all ignore SIGTERM.
fn stubborn(group: &Group) -> Case {
    let body = format!(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{}\
         one = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, start_new_session=True)\n\
         two = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, start_new_session=True)\n\
         open({:?}, 'w').write(str(two.pid))",
        group.entered(""),
        group.0.join("below/cgroup.procs"),
    );
    fs::create_dir(group.0.join("below")).unwrap();
    case(&body, BY_USER)
}

#[test]
fn a_cgroup_dies_whole_after_the_grace_of_its_member() {
    // By cgroup.kill, and one by one where the hierarchy has no such file.
    for group in [Group::unified(), Group::systemd()].into_iter().flatten() {
        let mut case = stubborn(&group);
        assert_eq!(group.procs().len(), 3);
        let began = now();
        assert_eq!(case.order(kill(400, KillScope::Cgroup)), None);
        let outcome = case.outcome();
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (OutcomeKind::Gone, Reason::None, false));
        assert!(now().since(began) >= Duration::from_millis(400));
        assert_eq!(group.procs(), [0; 0]);
        assert_eq!(case.ended_by(), Some(9));
    }
}

#[test]
fn a_cgroup_is_done_when_it_is_empty_and_not_before() {
    for group in [Group::unified(), Group::systemd()].into_iter().flatten() {
        let body = format!(
            "{}p = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, start_new_session=True)",
            group.entered("")
        );
        let mut case = case(&body, BY_USER);
        assert_eq!(case.order(kill(600, KillScope::Cgroup)), None);
        assert_eq!(case.ended_by(), Some(15), "the member ends at once");
        let mut outcomes = Vec::new();
        case.executor.advance(now(), &mut outcomes);
        assert_eq!(outcomes, [], "its child has not ended");
        assert!(case.executor.next_deadline(now()).unwrap().since(now()) <= Duration::from_millis(50));
        assert_eq!(case.outcome().kind, OutcomeKind::Gone);
        assert_eq!(group.procs(), [0; 0]);
    }
}

#[test]
fn a_cgroup_with_somebody_protected_in_it_is_not_killed() {
    for group in [Group::unified(), Group::systemd()].into_iter().flatten() {
        let mut case = case(&group.entered("below"), BY_USER);
        group.add(case.pid().as_raw());
        let named = format!("{}open('/proc/self/comm', 'w').write('sshd')", group.entered("below"));
        let mut guard = super::case(&named, BY_USER);
        let outcome = case.order(kill(0, KillScope::Cgroup)).unwrap();
        assert_eq!((outcome.kind, outcome.reason), PROTECTED.unwrap());
        assert!(outcome.detail.unwrap().contains(&format!("also holds pid {}, sshd", guard.pid())));
        guard.child.kill().unwrap();
        guard.child.wait().unwrap();

        let before = Moved::into(&group);
        let outcome = case.order(kill(0, KillScope::Cgroup)).unwrap();
        assert_eq!((outcome.kind, outcome.reason), PROTECTED.unwrap());
        assert!(outcome.detail.unwrap().contains("tradedog itself"));
        drop(before);
        assert!(case.lives());
    }
}

/// The test itself in a cgroup, until it is dropped.
struct Moved(PathBuf);

impl Moved {
    fn into(group: &Group) -> Self {
        group.add(own_pid().get());
        Self(group.0.parent().unwrap().join("cgroup.procs"))
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        fs::write(&self.0, own_pid().to_string()).unwrap();
    }
}

#[test]
fn who_moved_in_during_the_grace_and_is_protected_is_spared() {
    for group in [Group::unified(), Group::systemd()].into_iter().flatten() {
        let mut case = stubborn(&group);
        assert_eq!(case.order(kill(300, KillScope::Cgroup)), None);
        let moved = Moved::into(&group);
        eventually_with(&mut case, || group.procs() == [own_pid().get()]);
        assert_eq!(case.ended_by(), Some(9));
        drop(moved);
        assert_eq!(case.outcome().kind, OutcomeKind::Gone);
    }
}

/// Advances until it holds, for five seconds at most.
fn eventually_with(case: &mut Case, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        case.executor.advance(now(), &mut Vec::new());
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within five seconds");
}
