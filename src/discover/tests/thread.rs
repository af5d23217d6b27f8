use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Change, Victim, config, found, lost, marker, waiting};
use crate::discover::Discovery;

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name == "discovery\n").count()
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen within 6 s");
}

#[test]
fn it_tells_what_happens_and_wakes_only_for_that() {
    let marker = marker();
    let config = config(&format!("[daemon]\ninterval = '100ms'\n[target.a]\nmatch = {{ cmdline = '{marker}' }}"));
    let mut first = Victim::python(&waiting("", "os.execvp('sleep', ['sleep', '1000'])"), &[&marker]);
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = wakes.clone();
    let mut discovery = Discovery::start(config, move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap();
    let mut changes = Vec::new();
    let mut take = |done: &dyn Fn(&[Change]) -> bool| {
        discovery.changes(&mut changes);
        done(&changes)
    };
    wait("the first member", || take(&|changes| found(changes, 0) == [first.pid()]));
    first.go();
    wait("its loss", || take(&|changes| lost(changes) == [first.pid()]));
    let second = Victim::sleeping(&marker);
    wait("the second member", || take(&|changes| found(changes, 0).contains(&second.pid())));
    let so_far = wakes.load(Ordering::SeqCst);
    assert!(so_far <= 4, "woken {so_far} times for three changes");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(wakes.load(Ordering::SeqCst), so_far, "woken for nothing");
    assert!(discovery.last_scan().is_some());
    drop(discovery);
    wait("the end of the thread", || threads() == 0);
}

#[test]
fn once_a_scan_was_made_all_that_it_found_can_be_taken() {
    let marker = marker();
    let config = config(&format!("[target.a]\nmatch = {{ cmdline = '{marker}' }}"));
    let victim = Victim::sleeping(&marker);
    for _ in 0..30 {
        let mut discovery = Discovery::start(config.clone(), || {}).unwrap();
        while discovery.last_scan().is_none() {
            std::hint::spin_loop();
        }
        let mut changes = Vec::new();
        discovery.changes(&mut changes);
        assert_eq!(found(&changes, 0), [victim.pid()]);
    }
}

#[test]
fn a_loop_that_takes_nothing_makes_nothing_grow() {
    let marker = marker();
    let config = config(&format!("[daemon]\ninterval = '100ms'\n[target.a]\nmatch = {{ cmdline = '{marker}' }}"));
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = wakes.clone();
    let mut first = Victim::sleeping(&marker);
    let mut discovery = Discovery::start(config, move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap();
    wait("the first wake", || wakes.load(Ordering::SeqCst) == 1);
    for _ in 0..5 {
        first.end();
        first = Victim::sleeping(&marker);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(wakes.load(Ordering::SeqCst), 1, "one batch waits at most");
    let mut changes = Vec::new();
    wait("the last one", || {
        discovery.changes(&mut changes);
        found(&changes, 0).contains(&first.pid())
    });
    assert!(changes.len() <= 4, "{changes:?}");
}
