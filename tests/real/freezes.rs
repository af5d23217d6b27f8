//! Freezes: the bloated one stands still for a while, and runs again whatever becomes of the daemon.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Daemon, Group, Leaker, NOBODY, eventually, has, is_root, throughout};

const FROZEN: (&str, &str) = ("delivered", "none");

/// A target that is frozen at 100 open files.
const TOLD: &str = r#"
HEAD
[target.trader]
match = { cmdline = "TAG", user = "{user}" }
settle = "200ms"
[target.trader.thresholds]
open_fds = { critical = 100 }
[target.trader.ladder]
critical = ["freeze"]
[target.trader.actions]
freeze = { freeze = { FREEZE } }
"#;

fn watching(leaker: &Leaker, head: &str, freeze: &str) -> Daemon {
    let told = TOLD.replace("HEAD", head).replace("TAG", &leaker.tag()).replace("FREEZE", freeze);
    Daemon::told(&told).start()
}

fn state(leaker: &Leaker) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", leaker.pid())).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

fn wait_for_state(leaker: &Leaker, wanted: char) {
    eventually(5, &format!("state {wanted}"), || (state(leaker) == wanted).then_some(()));
}

fn bloated() -> Leaker {
    let mut leaker = Leaker::handling(&[]).start();
    leaker.tell("files 150");
    leaker
}

#[test]
fn the_bloated_one_stands_still_until_the_deadline_and_the_calm_one_runs() {
    let leaker = bloated();
    let mut calm = Leaker::handling(&[]).beside(&leaker).start();
    let daemon = watching(&leaker, "", r#"deadline = "2s""#);
    wait_for_state(&leaker, 'T');
    daemon.wait_for_order(3, "freeze", FROZEN);
    calm.tell("files 20");
    wait_for_state(&leaker, 'S');
    // It is not frozen again while the level holds.
    throughout(Duration::from_secs(1), "both run", || state(&leaker) != 'T' && state(&calm) != 'T');
    assert_eq!(daemon.orders("freeze", FROZEN.0, FROZEN.1), 1.0);
}

#[test]
fn a_stop_leaves_nobody_frozen() {
    let leaker = bloated();
    let mut daemon = watching(&leaker, "", r#"deadline = "10m""#);
    wait_for_state(&leaker, 'T');
    assert!(daemon.stop().success());
    wait_for_state(&leaker, 'S');
}

#[test]
fn whom_somebody_else_stopped_stays_theirs() {
    let leaker = bloated();
    let pid = Pid::from_raw(leaker.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    wait_for_state(&leaker, 'T');
    let mut daemon = watching(&leaker, "", r#"deadline = "500ms""#);
    eventually(5, "a word about somebody else", || daemon.log().contains("by somebody else").then_some(()));
    throughout(Duration::from_millis(1200), "it is stopped", || state(&leaker) == 'T');
    assert_eq!(daemon.orders("freeze", FROZEN.0, FROZEN.1), 0.0);
    daemon.stop();
    throughout(Duration::from_millis(300), "it is stopped", || state(&leaker) == 'T');
    kill(pid, Signal::SIGCONT).unwrap();
}

#[test]
fn nobody_is_frozen_in_a_dry_run() {
    let leaker = bloated();
    let dry = "[daemon]\ninterval = \"200ms\"\ndry_run = true";
    let daemon = watching(&leaker, dry, r#"deadline = "10m""#);
    daemon.wait_for_order(5, "freeze", ("dry_run", "none"));
    assert_ne!(state(&leaker), 'T');
}

/// What the kernel denies is told with its remedy.
#[test]
fn a_daemon_that_may_not_write_into_cgroups_says_what_it_takes() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = Leaker::handling(&[]).run_by_nobody().start();
    leaker.tell("files 150");
    let Some(group) = Group::holding(&leaker.tag(), &[leaker.pid()]) else { return };
    let told = TOLD.replace("{user}", &NOBODY.to_string()).replace("HEAD", "").replace("TAG", &leaker.tag());
    let freeze = told.replace("FREEZE", r#"by = "cgroup", deadline = "10m""#);
    let daemon = Daemon::told(&freeze).run_by_nobody().start();
    eventually(5, "the remedy", || daemon.log().contains("CAP_DAC_OVERRIDE").then_some(()));
    assert!(std::fs::read_to_string(group.path().join("cgroup.events")).unwrap().contains("frozen 0"));
    assert_ne!(state(&leaker), 'T');
}
