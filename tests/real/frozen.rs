//! Frozen, and then: the level is left, somebody needs it dead, or the daemon is gone.

use std::time::{Duration, Instant};

use nix::libc::SIGTERM;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Daemon, Leaker, Peer, eventually, state, target, throughout};

/// Frozen by `thresholds` at critical, killed at fatal.
fn text(leaker: &Leaker, thresholds: &str) -> String {
    let tables = format!(
        r#"
[target.trader.thresholds]
threads = {{ fatal = 900 }}
{thresholds}
[target.trader.ladder]
critical = ["freeze"]
fatal = ["kill"]
[target.trader.actions]
freeze = {{ freeze = {{ deadline = "10m" }}, cooldown = "100ms" }}
kill = {{ kill = {{ grace = "30s" }} }}
"#
    );
    target(leaker, &tables)
}

fn wait_for(leaker: &Leaker, seconds: u64, frozen: bool) {
    let what = if frozen { "frozen" } else { "it runs" };
    eventually(seconds, what, || ((state(leaker.pid()) == 'T') == frozen).then_some(()));
}

/// What is read of a process that stands still changes by what others do to it.
#[test]
fn it_runs_again_when_the_level_is_left() {
    let (peer, mut leaker) = (Peer::listen(), Leaker::handling(&[]).start());
    let thresholds = "established = { critical = 6, clear_hold = \"500ms\" }";
    let daemon = Daemon::told(&text(&leaker, thresholds)).start();
    leaker.tell(&format!("connect 8 {}", peer.port));
    wait_for(&leaker, 15, true);
    daemon.wait_for_lease(3, "freeze", 1);
    throughout(Duration::from_secs(1), "as long as the level holds", || state(leaker.pid()) == 'T');
    peer.close(8);
    wait_for(&leaker, 15, false);
    daemon.wait_for_lease(3, "freeze", 0);
    leaker.tell("files 10");
}

/// It is let go first: otherwise its SIGTERM would wait for the end of its grace.
#[test]
fn a_kill_of_a_frozen_one_takes_moments() {
    let (peer, mut leaker) = (Peer::listen(), Leaker::handling(&[]).start());
    let thresholds = "open_fds = { critical = 100 }\nclose_wait = { fatal = 6 }";
    let daemon = Daemon::told(&text(&leaker, thresholds)).start();
    leaker.tell(&format!("connect 8 {}", peer.port));
    leaker.tell("files 150");
    wait_for(&leaker, 4, true);
    peer.close(8);
    let closed = Instant::now();
    assert_eq!(leaker.end_signal(15, "killed though frozen"), Some(SIGTERM));
    println!("killed {:?} after the breach, frozen, with 30 s of grace", closed.elapsed());
    daemon.wait_for_order(3, "kill", ("gone", "none"));
    daemon.wait_for_lease(3, "freeze", 0);
}

#[test]
fn killed_by_others_while_frozen_it_leaves_nothing() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = Daemon::told(&text(&leaker, "open_fds = { critical = 100 }")).start();
    leaker.tell("files 150");
    wait_for(&leaker, 4, true);
    kill(Pid::from_raw(leaker.pid()), Signal::SIGKILL).unwrap();
    leaker.end_signal(2, "killed by us");
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    assert_eq!(daemon.in_force("freeze"), 0);
}

/// What accept/frozen asks, and the level that holds over the restart: thawed once, not frozen again.
#[test]
fn after_a_kill_of_the_daemon_the_next_one_thaws() {
    for critical in [100, 5000] {
        let mut leaker = Leaker::handling(&[]).start();
        let mut daemon = Daemon::told(&text(&leaker, "open_fds = { critical = 100 }")).start();
        leaker.tell("files 150");
        wait_for(&leaker, 4, true);
        daemon.kill_9();
        throughout(Duration::from_millis(500), "nobody thaws it", || state(leaker.pid()) == 'T');
        daemon.rewrite(&text(&leaker, &format!("open_fds = {{ critical = {critical} }}")));
        let started = Instant::now();
        daemon.start_again();
        wait_for(&leaker, 2, false);
        assert!(started.elapsed() < Duration::from_secs(2), "thawed after {:?}", started.elapsed());
        println!("thawed within {:?} of the restart, critical at {critical}", started.elapsed());
        daemon.wait_for_lease(2, "freeze", 0);
        throughout(Duration::from_secs(2), "not frozen again", || state(leaker.pid()) != 'T');
        leaker.tell("files 5");
    }
}

/// Stopped by its owner, then by nobody: only then may it be ours, and only then is it let go.
#[test]
fn whom_somebody_else_stopped_becomes_ours_only_when_they_let_go() {
    let mut leaker = Leaker::handling(&[]).start();
    leaker.tell("files 150");
    let pid = Pid::from_raw(leaker.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    let mut daemon = Daemon::told(&text(&leaker, "open_fds = { critical = 100 }")).start();
    let waits = ("tradedog_order_waiting", &[("action", "freeze"), ("reason", "refused")][..]);
    daemon.wait_for(4, waits, 1.0);
    assert_eq!(daemon.in_force("freeze"), 0, "what others stopped is none of ours");
    daemon.ask(&["thaw"]);
    throughout(Duration::from_secs(1), "it is not let go", || state(leaker.pid()) == 'T');
    kill(pid, Signal::SIGCONT).unwrap();
    daemon.wait_for_order(8, "freeze", ("delivered", "none"));
    wait_for(&leaker, 1, true);
    assert!(daemon.stop().success());
    wait_for(&leaker, 1, false);
}
