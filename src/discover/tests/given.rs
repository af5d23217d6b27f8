//! Who comes and goes without a word from the kernel, while it is heard: found without a list of everybody.

use std::time::Duration;

use super::events::{hearing, scene};
use super::{Change, Scene, Victim, found, lost, marker, targets, thread, waiting};
use crate::kernel::Proc;
use crate::kernel::faulty::{Fault, Plan};
use crate::kernel::proc_events::ProcEvent;
use crate::model::Pid;

/// A rescan that passes over whoever looks the same; how often it listed everybody.
fn rescan(scene: &mut Scene) -> (Vec<Change>, usize) {
    let before = scene.scanner.lists;
    let changes = scene.scan_all();
    (changes, scene.scanner.lists - before)
}

/// Nobody is young any more, and everybody was looked at just now.
fn settled(tables: &[&str]) -> Scene {
    let (mut scene, _) = scene(tables);
    settle(&mut scene);
    scene
}

fn settle(scene: &mut Scene) {
    scene.scan();
    scene.ahead += Duration::from_secs(10);
    scene.scan();
}

fn number(pid: Pid) -> u64 {
    u64::try_from(pid.get()).unwrap()
}

#[test]
fn who_came_unheard_is_found_without_a_list_of_everybody() {
    let marker = marker();
    let mut scene = settled(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    for _ in 0..3 {
        let victim = Victim::sleeping(&marker);
        let (changes, lists) = rescan(&mut scene);
        assert_eq!((found(&changes, 0), lists), (vec![victim.pid()], 0));
    }
}

#[test]
fn a_thread_that_came_unheard_is_no_process() {
    let mut scene = settled(&["match = { user = 'root' }", "match = { comm = 'nobody' }"]);
    let (thread, _end) = thread();
    for _ in 0..2 {
        let (changes, lists) = rescan(&mut scene);
        assert!(!scene.scanner.knows(thread) && !found(&changes, 0).contains(&thread));
        assert_eq!(lists, 0);
    }
}

#[test]
fn everybody_is_listed_where_the_numbers_begin_anew() {
    let marker = marker();
    let mut scene = settled(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let victim = Victim::sleeping(&marker);
    // The highest that there can be (`PID_MAX_LIMIT`).
    scene.scanner.given_up_to(1 << 22);
    let (changes, lists) = rescan(&mut scene);
    assert_eq!((found(&changes, 0), lists), (vec![victim.pid()], 1));
}

#[test]
fn a_number_that_was_given_anew_is_looked_at_and_others_are_passed_over() {
    let marker = marker();
    let mut scene = settled(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    // Not yet among its arguments.
    let backwards: String = marker.chars().rev().collect();
    let then = format!("os.execvp('sh', ['sh', '-c', 'read x', '{backwards}'[::-1]])");
    let mut victim = Victim::python(&waiting("", &then), &[]);
    let (changes, _) = rescan(&mut scene);
    assert!(scene.scanner.knows(victim.pid()) && found(&changes, 0).is_empty());
    victim.go();
    let arguments = format!("/proc/{}/cmdline", victim.pid());
    while !std::fs::read_to_string(&arguments).unwrap().ends_with(&format!("{marker}\0")) {
        std::thread::sleep(Duration::from_millis(10));
    }
    scene.scanner.given_up_to(number(victim.pid()) - 1);
    let (changes, lists) = rescan(&mut scene);
    assert_eq!((found(&changes, 0), lists), (vec![], 0), "nothing told of it");
    scene.scanner.forget_mark(victim.pid());
    scene.scanner.given_up_to(number(victim.pid()) - 1);
    let (changes, lists) = rescan(&mut scene);
    assert_eq!((found(&changes, 0), lists), (vec![victim.pid()], 0));
}

#[test]
fn who_only_seemed_to_be_gone_is_found_again() {
    let marker = marker();
    let victim = Victim::sleeping(&marker);
    let plan = Plan::of(victim.pid(), Fault::Gone, 0);
    plan.pause();
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let (mut scene, script) = hearing(Scene::over(&config, Proc::live().unwrap().with_faults(plan.clone())));
    settle(&mut scene);
    plan.resume();
    script.say(&[ProcEvent::Changed(victim.pid())]);
    scene.scan();
    assert!(plan.struck() && !scene.scanner.knows(victim.pid()));
    let (changes, lists) = rescan(&mut scene);
    assert_eq!((found(&changes, 0), lists), (vec![victim.pid()], 0));
}

#[test]
fn a_zombie_makes_no_lists() {
    let marker = marker();
    let script = "pid = os.fork()\nif pid == 0: os._exit(0)\nopen('/dev/null')";
    let _parent = Victim::python(&waiting(script, ""), &[&marker]);
    let mut scene = settled(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    for _ in 0..3 {
        assert_eq!(rescan(&mut scene).1, 0);
    }
}

#[test]
fn who_went_unheard_is_lost_at_once_and_forgotten_when_everybody_is_looked_at() {
    let marker = marker();
    let (mut member, mut bystander) = (Victim::sleeping(&marker), Victim::sleeping("other"));
    let mut scene = settled(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    member.end();
    bystander.end();
    let (changes, lists) = rescan(&mut scene);
    assert!(!scene.scanner.knows(member.pid()) && lost(&changes).is_empty(), "its pidfd says it");
    assert_eq!(lists, 0);
    for _ in 0..10 {
        rescan(&mut scene);
    }
    assert!(!scene.scanner.knows(bystander.pid()));
}
