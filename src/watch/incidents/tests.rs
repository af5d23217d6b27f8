use super::*;
use crate::config::Config;
use crate::export::{Publisher, Snapshot};
use crate::model::{BootId, Pid, Sent};

fn incidents(folder: &std::path::Path) -> Incidents {
    let publisher = Publisher::new(Snapshot::empty(Arc::new(Config::default())));
    Incidents::start(Store::in_folder(folder.to_owned()), publisher.published(), Arc::new(|| {})).unwrap().0
}

fn identity(pid: i32) -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(pid).unwrap(), start_ticks: 7, pidfs_inode: None }
}

const fn at(seconds: u64) -> Moment {
    Moment::from_secs(seconds)
}

fn left(pid: i32, to: Level) -> Note {
    let member = MemberKey { target: 0, slot: 0 };
    let (target, ladder) = (Arc::from("trader"), Arc::from("default"));
    Note::LevelChanged { target, member, identity: identity(pid), ladder, from: Level::Critical, to, cause: None }
}

#[test]
fn a_process_is_looked_at_once_until_it_was_at_normal_and_some_time_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let mut incidents = incidents(folder.path());
    let mut due = |pid, now, notes: &[Note]| {
        notes.iter().for_each(|note| incidents.heed(note));
        incidents.is_due(identity(pid), Trigger::Critical, at(now))
    };
    assert!(due(1, 100, &[]));
    assert!(!due(1, 101, &[]) && !due(1, 2000, &[]), "it has not been at normal");
    assert!(due(2, 101, &[]), "another one");
    assert!(!due(2, 200, &[left(2, Level::Normal)]), "too soon");
    assert!(!due(1, 2001, &[left(1, Level::Warning)]));
    assert!(due(1, 2002, &[left(1, Level::Normal)]));
    assert!(due(2, 702, &[]));
}

#[test]
fn a_kill_is_looked_at_anew_but_not_at_each_try_and_says_all_that_critical_would() {
    let folder = tempfile::tempdir().unwrap();
    let mut incidents = incidents(folder.path());
    let mut due = |trigger, now| incidents.is_due(identity(1), trigger, at(now));
    assert!(due(Trigger::Critical, 100));
    assert!(due(Trigger::Kill, 100) && !due(Trigger::Kill, 159) && due(Trigger::Kill, 160));
    assert!(!due(Trigger::Critical, 161), "the kill has looked at it just now");
}

#[test]
fn looks_are_forgotten_with_the_process_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut incidents = incidents(folder.path());
    for pid in 1..4_200 {
        assert!(incidents.is_due(identity(pid), Trigger::Critical, at(1)));
    }
    assert_eq!(incidents.looks.len(), MOST_LOOKS);
    let gone = Note::Gone { target: "t".into(), member: MemberKey { target: 0, slot: 0 }, identity: identity(4_199) };
    incidents.heed(&gone);
    assert_eq!(incidents.looks.len(), MOST_LOOKS - 1);
}

/// A kill as judge gives it.
fn order(number: u64) -> Arc<Order> {
    use crate::model::{ActionScope, KillScope, Measure};
    Arc::new(Order {
        id: OrderId(number),
        member: MemberKey { target: 0, slot: 0 },
        identity: identity(1),
        target: "trader".into(),
        ladder: "default".into(),
        level: Level::Fatal,
        action: "kill".into(),
        undo: false,
        scope: ActionScope::Process,
        measure: Measure::Kill { grace: Duration::from_secs(5), scope: KillScope::Process },
        thaw: None,
        cause: None,
        decided: at(10),
        attempt: 1,
        by: None,
    })
}

#[test]
fn a_kill_that_waits_is_not_remembered_as_sent_and_then_as_sent_when_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut incidents = incidents(folder.path());
    let remembered = || {
        let sent = |number| Sent { order: order(number), at: at(10) };
        let mut memory = Memory { killing: vec![sent(1), sent(2)], ..Memory::default() };
        memory.kills = [1, 2]
            .map(|number| crate::model::KillMemory {
                order: OrderId(number),
                target: "trader".into(),
                slot: 0,
                at: at(10),
            })
            .to_vec();
        memory
    };
    incidents.waiting.push(Waiting { order: order(1), job: 1, until: at(12) });
    let told = |incidents: &mut Incidents| {
        let mut memory = remembered();
        incidents.correct(&mut memory);
        let killing: Vec<_> = memory.killing.iter().map(|sent| (sent.order.id.0, sent.at)).collect();
        (killing, memory.kills.len())
    };
    assert_eq!(told(&mut incidents), (vec![(2, at(10))], 1));
    assert_eq!(incidents.next_deadline(), Some(at(12)));
    assert!(incidents.take_ready(at(11)).is_empty());
    assert_eq!(incidents.take_ready(at(12)).len(), 1);
    assert_eq!(told(&mut incidents), (vec![(1, at(12)), (2, at(10))], 2));
    incidents.correct(&mut Memory::default());
    assert!(incidents.went.is_empty(), "what has ended is not corrected any more");
}

#[test]
fn a_kill_goes_on_as_soon_as_its_evidence_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut incidents = incidents(folder.path());
    for (number, job) in [(1, 7), (2, 8)] {
        incidents.waiting.push(Waiting { order: order(number), job, until: at(99) });
    }
    incidents.finish(8, at(11));
    let ready: Vec<u64> = incidents.take_ready(at(11)).iter().map(|order| order.id.0).collect();
    assert_eq!((ready, incidents.next_deadline()), (vec![2], Some(at(99))));
}

#[test]
fn what_an_earlier_daemon_has_kept_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let about = |at_millis| crate::record::incident::About {
        trigger: Trigger::Kill,
        at_millis,
        target: "trader".to_owned(),
        process: 0,
        pid: 4711,
        started_millis: at_millis,
        host: "host".to_owned(),
        dry_run: false,
        decision: "order 1: kill".to_owned(),
        grounds: None,
        order: None,
    };
    let store = Store::in_folder(folder.path().to_owned());
    let limits = crate::record::incident::Limits { count: 100, size: 1 << 30 };
    let wall = kernel::wall_instant().as_millisecond();
    let mut last = String::new();
    for age in (0..20).rev() {
        last = store.keep(&about(wall - age * 60_000), (&crate::model::Evidence::default(), 1), limits).unwrap().id;
    }
    let shown = incidents(folder.path()).shown;
    assert_eq!(shown.len(), MOST_SHOWN);
    assert_eq!((&*shown[MOST_SHOWN - 1].id, &*shown[0].target), (&*last, "trader"));
    let span = shown[MOST_SHOWN - 1].at.since(shown[0].at).as_secs();
    assert!((899..=901).contains(&span), "{span}");
}
