//! Discovery by the kernel's events: what a test says they are, and the live ones.

use std::collections::VecDeque;
use std::io::{PipeReader, pipe};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Change, Scene, Victim, facts_of, found, founds, lost, marker, targets, waiting};
use crate::discover::ears::{Ears, Hear};
use crate::discover::scanner::Scanner;
use crate::discover::{Member, Way, recheck};
use crate::kernel::proc_events::{Deaf, Drained, ProcEvent};
use crate::kernel::{Proc, now};
use crate::model::{MemberKey, Pid, Reason};

/// What each round hears; nothing once that is used up.
type Rounds = VecDeque<Result<(Vec<ProcEvent>, Drained), Deaf>>;

#[derive(Clone, Default)]
pub(super) struct Script(Arc<Mutex<Rounds>>, Option<Arc<PipeReader>>);

impl Script {
    pub(super) fn say(&self, events: &[ProcEvent]) {
        self.0.lock().unwrap().push_back(Ok((events.to_vec(), Drained::default())));
    }

    fn lose(&self) {
        self.0.lock().unwrap().push_back(Ok((Vec::new(), Drained { lost: true, crowded: true })));
    }

    fn fail(&self, why: Deaf) {
        self.0.lock().unwrap().push_back(Err(why));
    }
}

impl Hear for Script {
    fn drain(&mut self, visit: &mut dyn FnMut(ProcEvent)) -> Result<Drained, Deaf> {
        let (events, drained) = self.0.lock().unwrap().pop_front().transpose()?.unwrap_or_default();
        events.into_iter().for_each(visit);
        Ok(drained)
    }

    fn call(&mut self) -> Result<(), Deaf> {
        Ok(())
    }

    fn renew(&mut self, _: &Proc) -> Result<(), Deaf> {
        Err(Deaf::Missing)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.1.as_ref().map(|news| news.as_fd())
    }
}

pub(super) fn scene(tables: &[&str]) -> (Scene, Script) {
    hearing(Scene::of(&targets(tables)))
}

/// A scene that hears what a test says.
pub(super) fn hearing(mut scene: Scene) -> (Scene, Script) {
    let script = Script::default();
    scene.scanner.listen_to(Ears::over(Box::new(script.clone())));
    (scene, script)
}

fn looks(scene: &mut Scene) -> (Vec<Change>, usize) {
    let before = scene.scanner.looks;
    let changes = scene.scan();
    (changes, scene.scanner.looks - before)
}

fn ways(changes: &[Change]) -> Vec<Way> {
    let ways = changes.iter().filter_map(|change| match change {
        Change::Way(way) => Some(*way),
        Change::Found(_) | Change::Lost { .. } | Change::Trouble(_) => None,
    });
    ways.collect()
}

#[test]
fn nobody_is_looked_at_of_whom_nothing_is_heard() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    assert_eq!(ways(&scene.scan()), [Way::Events]);
    scene.ahead += Duration::from_secs(10);
    // Who was young at the start is looked at a last time.
    scene.scan();
    let victim = Victim::sleeping(&marker);
    for _ in 0..20 {
        let (changes, looks) = looks(&mut scene);
        assert!(changes.is_empty() && looks == 0, "{changes:?} {looks}");
    }
    script.say(&[ProcEvent::Forked(victim.pid())]);
    let (changes, looks) = looks(&mut scene);
    assert_eq!((found(&changes, 0), looks), (vec![victim.pid()], 1));
}

/// How long the next scan may wait for news, after everybody was looked at.
fn quiet(table: &str, script: &Script) -> Option<Duration> {
    let mut scene = Scene::of(&targets(&[table]));
    scene.scanner.listen_to(Ears::over(Box::new(script.clone())));
    scene.scan();
    scene.ahead += Duration::from_secs(10);
    scene.scan_all();
    let told = scene.scanner.is_told(now() + scene.ahead);
    told.map(|(_, quiet)| quiet)
}

#[test]
fn a_scan_waits_for_news_where_news_can_be_waited_for_and_tells_all() {
    let (news, _tell) = pipe().unwrap();
    let told = Script(Arc::default(), Some(Arc::new(news)));
    let by_name = "match = { comm = 'nobody' }";
    // Until the next rescan, unless somebody on this host is young.
    assert!(quiet(by_name, &told).is_some_and(|quiet| quiet <= Duration::from_secs(30)));
    assert_eq!(quiet(by_name, &Script::default()), None, "a source that cannot be waited for");
    for untold in ["pidfile = '/run/nobody.pid'", "cidfile = '/run/nobody.cid'", "unit = 'nobody.service'"] {
        assert_eq!(quiet(&format!("match = {{ {untold} }}"), &told), None, "{untold}");
    }
    let marker = marker();
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}")]));
    scene.scanner.listen_to(Ears::over(Box::new(told)));
    let _young = Victim::sleeping(&marker);
    scene.scan();
    let (_, quiet) = scene.scanner.is_told(now()).unwrap();
    assert!(quiet <= Duration::from_secs(5), "whoever is young is looked at soon: {quiet:?}");
}

#[test]
fn what_was_not_heard_is_found_with_the_next_rescan() {
    let marker = marker();
    let (mut scene, _) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    scene.scan();
    let mut victim = Victim::sleeping(&marker);
    assert!(founds(&scene.scan()).next().is_none());
    assert_eq!(found(&scene.scan_all(), 0), [victim.pid()]);
    victim.end();
    assert!(!scene.scan_all().iter().any(|change| matches!(change, Change::Found(_))));
}

#[test]
fn a_rescan_passes_over_whoever_is_nobodys_and_looks_the_same_but_for_each_tenth_time() {
    let marker = marker();
    let (mut scene, _) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let (_member, _bystander) = (Victim::sleeping(&marker), Victim::sleeping("other"));
    scene.scan();
    scene.ahead += Duration::from_secs(10);
    let mut counts = Vec::new();
    for _ in 0..12 {
        let before = scene.scanner.looks;
        scene.scan_all();
        counts.push(scene.scanner.looks - before);
    }
    let all = counts[9];
    // Others come and go on this host, and whoever has just come is looked at again.
    let most = all * 3 / 4;
    assert!(counts[1..9].iter().all(|&some| some < most), "{counts:?}");
    assert!(counts[10] < most, "{counts:?}");
}

#[test]
fn a_rescan_sees_that_a_member_became_another_program_of_which_nothing_was_told() {
    let marker = marker();
    let (mut scene, _) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let mut victim = Victim::python(&waiting("", "os.execvp('sleep', ['sleep', '1000'])"), &[&marker]);
    assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    scene.scan_all();
    victim.go();
    let comm = format!("/proc/{}/comm", victim.pid());
    while std::fs::read_to_string(&comm).unwrap() != "sleep\n" {
        std::thread::sleep(Duration::from_millis(10));
    }
    // It passes over whoever looks the same, as the one before did and the next would.
    assert_eq!(lost(&scene.scan_all()), [victim.pid()]);
}

#[test]
fn a_rescan_looks_at_everybody_where_a_container_is_meant_or_nothing_is_heard() {
    let container = "match = { container = 'deadbeefdeadbeef' }";
    for (table, hears) in [(container, true), ("match = { comm = 'nobody' }", false)] {
        let (mut scene, script) = scene(&[table]);
        if !hears {
            script.fail(Deaf::Silent);
        }
        scene.scan();
        scene.ahead += Duration::from_secs(10);
        scene.scan_all();
        let before = scene.scanner.looks;
        scene.scan_all();
        let processes = std::fs::read_dir("/proc").unwrap().filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()))
        });
        assert!(scene.scanner.looks - before > processes.count() / 2, "{table}");
    }
}

#[test]
fn a_storm_of_the_short_lived_costs_no_look() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    scene.scan();
    scene.ahead += Duration::from_secs(10);
    scene.scan();
    let pids = (3_000_000..3_002_000).map(|number| Pid::new(number).unwrap());
    let lives = pids.flat_map(|pid| [ProcEvent::Forked(pid), ProcEvent::Execed(pid), ProcEvent::Exited(pid)]);
    script.say(&lives.collect::<Vec<_>>());
    assert_eq!(looks(&mut scene).1, 0);
}

#[test]
fn who_ended_is_forgotten_without_a_list() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let (mut member, mut bystander) = (Victim::sleeping(&marker), Victim::sleeping("other"));
    assert_eq!(found(&scene.scan(), 0), [member.pid()]);
    assert!([&member, &bystander].iter().all(|one| scene.scanner.knows(one.pid())));
    // The main thread of a process that lives on.
    script.say(&[ProcEvent::Exited(member.pid())]);
    assert!(lost(&scene.scan()).is_empty());
    assert!(scene.scanner.knows(member.pid()), "it is there");
    member.end();
    bystander.end();
    script.say(&[ProcEvent::Exited(member.pid()), ProcEvent::Exited(bystander.pid())]);
    scene.scan();
    assert!([&member, &bystander].iter().all(|one| !scene.scanner.knows(one.pid())));
}

#[test]
fn what_was_lost_is_made_good_by_a_look_at_everybody_but_not_all_the_time() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    scene.scan();
    let first = Victim::sleeping(&marker);
    script.lose();
    let (changes, all) = looks(&mut scene);
    assert_eq!(found(&changes, 0), [first.pid()]);
    assert!(scene.scanner.is_crowded());
    let second = Victim::sleeping(&marker);
    script.lose();
    let (changes, some) = looks(&mut scene);
    assert_eq!(found(&changes, 0), [second.pid()], "a list has it");
    assert!(some < all, "{some} of {all} were looked at");
    scene.ahead += Duration::from_secs(6);
    let before = scene.scanner.looks;
    scene.scan();
    assert!(scene.scanner.looks - before > 2, "it is still owed");
    assert!(!scene.scanner.is_crowded());
    let before = scene.scanner.looks;
    scene.ahead += Duration::from_secs(6);
    scene.scan();
    scene.ahead += Duration::from_secs(6);
    scene.scan();
    assert!(scene.scanner.looks - before <= 20, "it was made good once");
}

#[test]
fn a_source_that_breaks_is_said_and_scans_go_on() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    scene.scan();
    script.fail(Deaf::Silent);
    assert_eq!(ways(&scene.scan()), [Way::Scans(Deaf::Silent)]);
    let victim = Victim::sleeping(&marker);
    scene.until("the find", |change| found(std::slice::from_ref(change), 0) == [victim.pid()]);
    assert_eq!(Way::Scans(Deaf::Silent).to_string(), "discovery: by scans of /proc alone: the kernel stays silent");
}

#[test]
fn an_exec_that_changes_nothing_else_renews_the_facts_and_fails_the_recheck_of_old_ones() {
    let marker = marker();
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let victim = Victim::sleeping(&marker);
    let member = |changes: &[Change]| {
        let found = founds(changes).next().expect("a member").clone();
        let key = MemberKey { target: 0, slot: 0 };
        Member { key, process: found.process, facts: found.facts, first_seen: now() }
    };
    let before = member(&scene.scan());
    assert_eq!(recheck(&before, &config.targets[0], &mut Vec::new()), Ok(()));
    script.say(&[ProcEvent::Execed(victim.pid())]);
    let after = member(&scene.scan());
    assert_eq!((before.facts.execs.count(), after.facts.execs.count()), (0, 1));
    assert_ne!(before.facts, after.facts);
    assert_eq!(recheck(&before, &config.targets[0], &mut Vec::new()), Err(Reason::Identity));
    assert_eq!(recheck(&after, &config.targets[0], &mut Vec::new()), Ok(()));
}

#[test]
fn the_young_are_looked_at_ever_more_seldom() {
    let marker = marker();
    let (mut scene, script) = scene(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    scene.scan();
    scene.ahead += Duration::from_secs(10);
    scene.scan();
    scene.ahead = Duration::ZERO;
    let victim = Victim::sleeping("nobody's");
    script.say(&[ProcEvent::Forked(victim.pid())]);
    let before = scene.scanner.looks;
    for _ in 0..200 {
        scene.scan();
        scene.ahead += Duration::from_millis(50);
    }
    let looks = scene.scanner.looks - before;
    assert!((2..=12).contains(&looks), "{looks}");
}

/// A scanner over the live kernel's events, where this host has them for us.
fn live(tables: &[&str]) -> Option<Scene> {
    if let Way::Scans(why) = Way::tried() {
        eprintln!("skipped: {why}");
        return None;
    }
    let mut scanner = Scanner::listening(targets(tables)).unwrap();
    let mut changes = Vec::new();
    scanner.scan(now(), &mut changes);
    assert_eq!(ways(&changes), [Way::Events]);
    Some(Scene { scanner, ahead: Duration::ZERO })
}

#[test]
fn a_child_is_found_in_the_very_next_round() {
    let marker = marker();
    let Some(mut scene) = live(&[&format!("match = {{ cmdline = '{marker}' }}")]) else { return };
    for _ in 0..10 {
        let victim = Victim::sleeping(&marker);
        assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    }
}

#[test]
fn an_exec_matches_anew_both_ways() {
    let marker = marker();
    let other = format!("becomes-{marker}");
    let Some(mut scene) = live(&[&format!("match = {{ cmdline = '{other}' }}")]) else { return };
    // From one that does not match to one that does, and back.
    let back = "os.execvp('sleep', ['sleep', '1000'])";
    let there =
        format!("os.execv(sys.executable, [sys.executable, '-c', {:?}, 'becomes-' + sys.argv[1]])", waiting("", back));
    let mut victim = Victim::python(&waiting("", &there), &[&marker]);
    scene.ahead += Duration::from_secs(10);
    assert!(founds(&scene.scan()).next().is_none(), "nobody is young any more");
    victim.go();
    let change = scene.until("the match", |change| found(std::slice::from_ref(change), 0) == [victim.pid()]);
    let facts = facts_of(&[change], victim.pid());
    assert!(facts.execs.count() >= 1 && facts.execs.are_known());
    scene.ahead += Duration::from_secs(10);
    scene.scan();
    victim.go();
    scene.until("the loss", |change| lost(std::slice::from_ref(change)) == [victim.pid()]);
    assert!(!facts.execs.are_known(), "whoever has the old facts sees it");
}

#[test]
fn a_storm_on_the_live_kernel_disturbs_nobody() {
    let marker = marker();
    let Some(mut scene) = live(&[&format!("match = {{ cmdline = '{marker}' }}")]) else { return };
    let victim = Victim::sleeping(&marker);
    assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    let before = scene.scanner.looks;
    let storm = "for i in range(2000):\n  pid = os.fork()\n  if pid == 0: os._exit(0)\n  os.waitpid(pid, 0)\nprint('done', flush=True)";
    let mut storm = Victim::python(&waiting("", storm), &[]);
    storm.go();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(storm.child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let changes = scene.scan();
    assert!(lost(&changes).is_empty());
    // The rest of the host is not quiet while tests run.
    assert!(scene.scanner.looks - before < 1000, "{} looks", scene.scanner.looks - before);
}
