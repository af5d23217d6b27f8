//! Kills: the bloated one dies, and nobody else.

use std::time::{Duration, Instant};

use nix::libc::{SIGKILL, SIGTERM};

use super::support::{Daemon, Group, Leaker, NOBODY, Setup, eventually, has, is_root, lives, throughout};

const GONE: (&str, &str) = ("gone", "none");

/// A target that is killed at 100 open files, matched by `selector`; TAG is the leaker's.
fn watching(leaker: &Leaker, selector: &str, kill: &str) -> Daemon {
    told(leaker, selector, kill).start()
}

fn told(leaker: &Leaker, selector: &str, kill: &str) -> Setup {
    Daemon::told(&format!(
        r#"
[target.trader]
match = {{ {} }}
settle = "200ms"
[target.trader.thresholds]
open_fds = {{ critical = 60, fatal = 100 }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
pause = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ {kill} }} }}
"#,
        selector.replace("TAG", &leaker.tag())
    ))
}

const ANCHORED: &str = r#"cmdline = "TAG", user = "{user}""#;

#[test]
fn the_bloated_one_dies_and_the_calm_one_lives() {
    let mut calm = Leaker::handling(&["SIGUSR1"]).start();
    let mut bloated = Leaker::handling(&["SIGUSR1"]).beside(&calm).start();
    let mut stranger = Leaker::handling(&["SIGUSR1"]).start();
    stranger.tell("files 300");
    calm.tell("files 20");
    let daemon = watching(&calm, ANCHORED, r#"grace = "5s""#);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    let breached = Instant::now();
    bloated.tell("files 150");
    assert_eq!(bloated.end_signal(6, "killed at fatal"), Some(SIGTERM));
    assert!(breached.elapsed() < Duration::from_secs(3), "killed after {:?}", breached.elapsed());
    daemon.wait_for_order(5, "kill", GONE);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let left = calm.pid();
    eventually(5, "series of the calm one alone", || {
        let pids = daemon.scrape().all("tradedog_process_pid").map(|sample| sample.value).collect::<Vec<_>>();
        (pids == [f64::from(left)]).then_some(())
    });
    throughout(Duration::from_secs(1), "the calm one and the stranger live", || calm.lives() && stranger.lives());
    assert!(calm.signals().is_empty() && stranger.signals().is_empty());
}

/// The brake opens between two readings: what was read before says nothing any more.
#[test]
fn a_kill_that_a_fresh_reading_does_not_confirm_is_held() {
    let other = Leaker::handling(&[]).start();
    let mut leaker = Leaker::handling(&[]).beside(&other).start();
    leaker.tell("files 150");
    let told = r#"
[daemon]
interval = "5s"
[target.trader]
match = { cmdline = "TAG", user = "{user}" }
settle = "1s"
[target.trader.thresholds]
open_fds = { fatal = 100 }
[target.trader.ladder]
fatal = ["kill"]
[target.trader.actions]
kill = { kill = { grace = "1s" } }
"#;
    let daemon = Daemon::told(&told.replace("TAG", &leaker.tag())).start();
    daemon.wait_for_order(3, "kill", ("held", "settling"));
    leaker.tell("files 10");
    std::thread::sleep(Duration::from_millis(1200));
    // An exit wakes the daemon while its last reading is still the bad one.
    drop(other);
    daemon.wait_for_order(2, "kill", ("held", "unconfirmed"));
    assert!(leaker.lives(), "killed although it had recovered");
    assert_eq!(daemon.orders("kill", "gone", "none"), 0.0);
}

#[test]
fn no_series_is_left_of_the_last_process() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "5s""#);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    assert!(!daemon.series_of_processes().is_empty());
    leaker.tell("files 150");
    leaker.end_signal(6, "killed at fatal");
    eventually(5, "an end of its series", || daemon.series_of_processes().is_empty().then_some(()));
    daemon.wait_for(1, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    daemon.wait_for(1, ("tradedog_target_level", &[("target", "trader")]), 0.0);
}

#[test]
fn a_process_that_ends_within_its_grace_is_not_forced() {
    let mut leaker = Leaker::handling(&["SIGTERM=exit"]).start();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "30s""#);
    leaker.tell("files 150");
    assert_eq!(leaker.end_signal(6, "it leaves at SIGTERM"), None, "it was forced");
    daemon.wait_for_order(5, "kill", GONE);
    assert_eq!(leaker.signals(), ["SIGTERM"]);
}

#[test]
fn a_process_that_ignores_sigterm_has_its_grace_and_is_then_forced() {
    let mut leaker = Leaker::handling(&["SIGTERM"]).start();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "2s""#);
    leaker.tell("files 150");
    eventually(5, "SIGTERM", || (!leaker.signals().is_empty()).then_some(()));
    let asked = Instant::now();
    assert_eq!(leaker.end_signal(6, "forced after its grace"), Some(SIGKILL));
    let took = asked.elapsed();
    assert!(took > Duration::from_millis(1700) && took < Duration::from_secs(4), "forced after {took:?}");
    assert_eq!(leaker.signals(), ["SIGTERM"], "SIGTERM is sent once");
    daemon.wait_for_order(5, "kill", GONE);
}

/// Once SIGTERM is out, the kill runs to its end whatever the readings do.
#[test]
fn a_recovery_within_the_grace_does_not_save_it() {
    let mut leaker = Leaker::handling(&["SIGTERM"]).start();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "2s""#);
    leaker.tell("files 150");
    eventually(5, "SIGTERM", || (!leaker.signals().is_empty()).then_some(()));
    leaker.tell("files 1");
    assert_eq!(leaker.end_signal(6, "forced after its grace"), Some(SIGKILL));
    daemon.wait_for_order(5, "kill", GONE);
}

#[test]
fn a_namesake_of_another_user_is_untouched() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut ours = Leaker::handling(&[]).start();
    let mut namesake = Leaker::handling(&[]).beside(&ours).run_by_nobody().start();
    namesake.tell("files 300");
    let daemon = watching(&ours, ANCHORED, r#"grace = "1s""#);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    ours.tell("files 150");
    assert_eq!(ours.end_signal(6, "killed at fatal"), Some(SIGTERM));
    throughout(Duration::from_secs(2), "the namesake lives", || namesake.lives());
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
}

#[test]
fn a_kill_on_an_imitable_match_is_vetoed_and_the_lower_rungs_go_out() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = watching(&leaker, r#"cmdline = "TAG""#, r#"grace = "1s""#);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 150");
    daemon.wait_for_order(5, "kill", ("vetoed", "imitable"));
    daemon.wait_for_order(5, "pause", ("delivered", "none"));
    throughout(Duration::from_secs(2), "it lives", || leaker.lives());
    assert_eq!(leaker.signals(), ["SIGUSR1"]);
    assert_eq!(daemon.orders("kill", "vetoed", "imitable"), 1.0, "a veto is counted once");
}

#[test]
fn a_kill_of_a_tree_ends_the_children() {
    let mut leaker = Leaker::handling(&[]).start();
    let mut other = Leaker::handling(&[]).start();
    let ours: Vec<i32> = leaker.tell("children 3")[1..].to_vec();
    let strangers: Vec<i32> = other.tell("children 1")[1..].to_vec();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "1s", scope = "tree""#);
    leaker.tell("files 150");
    leaker.end_signal(6, "killed at fatal");
    eventually(5, "the end of its children", || ours.iter().all(|pid| !lives(*pid)).then_some(()));
    daemon.wait_for_order(5, "kill", GONE);
    assert!(strangers.iter().all(|pid| lives(*pid)), "a stranger's child was killed");
    other.tell("children 0");
}

#[test]
fn a_kill_of_a_process_leaves_its_children() {
    let mut leaker = Leaker::handling(&[]).start();
    let children: Vec<i32> = leaker.tell("children 1")[1..].to_vec();
    let daemon = watching(&leaker, ANCHORED, r#"grace = "1s""#);
    leaker.tell("files 150");
    leaker.end_signal(6, "killed at fatal");
    daemon.wait_for_order(5, "kill", GONE);
    throughout(Duration::from_millis(500), "the child lives", || children.iter().all(|pid| lives(*pid)));
    for pid in children {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

/// Whoever is in the cgroup dies with its member; without a cgroup of its own nobody does.
#[test]
fn a_cgroup_is_killed_whole_and_the_root_never() {
    let mut leaker = Leaker::handling(&[]).start();
    let child = leaker.tell("children 1")[1];
    leaker.tell("files 150");
    let target = watching(&leaker, ANCHORED, r#"grace = "300ms", scope = "cgroup""#);
    let in_root = std::fs::read_to_string(format!("/proc/{child}/cgroup")).unwrap().lines().any(|line| line == "0::/");
    if in_root {
        target.wait_for_order(5, "kill", ("vetoed", "protected"));
    }
    let Some(_group) = Group::holding(&leaker.tag(), &[leaker.pid(), child]) else { return };
    assert_eq!(leaker.end_signal(8, "killed at fatal"), Some(SIGTERM));
    target.wait_for_order(5, "kill", GONE);
    assert!(!lives(child), "it was in the cgroup");
}

/// Where cgroup.kill is not for us, each process gets its own SIGKILL until the cgroup is empty.
#[test]
fn a_cgroup_that_may_not_be_written_is_killed_one_by_one() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGTERM"]).run_by_nobody().start();
    let child = leaker.tell("children 1")[1];
    leaker.tell("files 150");
    let Some(_group) = Group::holding(&leaker.tag(), &[leaker.pid(), child]) else { return };
    let anchored = ANCHORED.replace("{user}", &NOBODY.to_string());
    let daemon = told(&leaker, &anchored, r#"grace = "300ms", scope = "cgroup""#).run_by_nobody().start();
    assert_eq!(leaker.end_signal(8, "killed at fatal"), Some(SIGKILL));
    // While the kill was settling the pause went out.
    assert_eq!(leaker.signals(), ["SIGUSR1", "SIGTERM"]);
    daemon.wait_for_order(5, "kill", GONE);
    assert!(!lives(child), "it was in the cgroup");
}
