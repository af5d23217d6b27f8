//! What changes after a process was found.

use super::{Change, Scene, Victim, facts_of, found, founds, lost, marker, targets, waiting};

#[test]
fn an_exec_into_something_else_loses_the_member() {
    let marker = marker();
    let script = waiting("", "os.execvp('sleep', ['sleep', '1000'])");
    let mut victim = Victim::python(&script, &[&marker]);
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}")]));
    assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    victim.go();
    scene.until("the loss", |change| lost(std::slice::from_ref(change)) == [victim.pid()]);
    assert!(lost(&scene.scan()).is_empty(), "lost once");
}

#[test]
fn an_exec_that_still_matches_renews_the_facts() {
    let marker = marker();
    let script = waiting("", "os.execvp('sh', ['sh', '-c', 'read x; read y', sys.argv[1]])");
    let mut victim = Victim::python(&script, &[&marker]);
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}")]));
    let before = facts_of(&scene.scan(), victim.pid());
    victim.go();
    let change = scene.until("the new facts", |change| found(std::slice::from_ref(change), 0) == [victim.pid()]);
    let after = facts_of(&[change], victim.pid());
    assert_ne!(after.exec_generation, before.exec_generation);
    assert_eq!(after.comm, "sh");
}

/// A fork is seen with its parent's arguments before it becomes what it is.
#[test]
fn a_young_process_is_looked_at_until_it_is_what_it_will_be() {
    let marker = marker();
    let script = waiting("", "time.sleep(0.1)\nos.execvp('sh', ['sh', '-c', 'read x', 'becomes-' + sys.argv[1]])");
    let mut victim = Victim::python(&script, &[&marker]);
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = 'becomes-{marker}' }}")]));
    assert!(founds(&scene.scan()).next().is_none());
    victim.go();
    scene.until("the exec", |change| found(std::slice::from_ref(change), 0) == [victim.pid()]);
}

/// The gate: while the kernel gives out no number, an old process is read only with everybody else.
#[test]
fn an_old_process_that_changes_is_seen_within_the_scan_of_everybody() {
    let marker = marker();
    let script = waiting("", "os.execvp('sleep', ['sleep', '1000'])");
    let mut victim = Victim::python(&script, &[&marker]);
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}")]));
    assert_eq!(found(&scene.scan_all(), 0), [victim.pid()]);
    victim.go();
    while std::fs::read(format!("/proc/{}/comm", victim.pid())).unwrap() != b"sleep\n" {
        std::thread::yield_now();
    }
    assert!(lost(&scene.scan()).is_empty(), "half a minute ahead nobody is young");
    assert_eq!(lost(&scene.scan_all()), [victim.pid()]);
}

#[test]
fn short_lived_processes_disturb_nobody() {
    let marker = marker();
    let victim = Victim::sleeping(&marker);
    let storm = "for i in range(3000):\n  pid = os.fork()\n  if pid == 0: os._exit(0)\n  if i % 3: os.waitpid(pid, 0)";
    let mut storm = Victim::python(&waiting("", storm), &[]);
    let mut scene = Scene::of(&targets(&[&format!("match = {{ cmdline = '{marker}' }}"), "match = { user = 'root' }"]));
    storm.go();
    let mut changes = scene.scan();
    for _ in 0..100 {
        changes.extend(scene.scan());
    }
    assert_eq!(found(&changes, 0), [victim.pid()]);
    let gone = |change: &Change| matches!(change, Change::Lost { identity, .. } if identity.pid == victim.pid());
    assert!(!changes.iter().any(gone));
}
