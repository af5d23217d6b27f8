//! The daemon holds itself to limits of its own.

use std::path::PathBuf;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::latency::quick;
use super::support::{Daemon, Leaker, eventually, has, status};

/// Resident memory: the bar is for a release build, a debug build is bigger by its text alone.
const RELEASE_MIB: u64 = 12;
const DEBUG_MIB: u64 = 40;
/// Descriptors that it has whether or not it watches anybody.
const OWN: usize = 58;

#[test]
fn memory_and_descriptors_stay_small_over_ten_processes() {
    let release = std::env::var_os("TRADEDOG_RELEASE").map(PathBuf::from);
    let ceiling = if release.is_some() { RELEASE_MIB } else { DEBUG_MIB };
    let first = Leaker::handling(&[]).start();
    let mut leakers: Vec<Leaker> = (0..9).map(|_| Leaker::handling(&[]).beside(&first).start()).collect();
    leakers.push(first);
    for leaker in &mut leakers {
        leaker.tell("files 80");
        leaker.tell("cw 5");
    }
    let setup = Daemon::told(&format!(
        "[target.trader]\nmatch = {{ cmdline = \"{}\", user = \"{{user}}\" }}\n[target.trader.thresholds]\nopen_fds = {{ elevated = 500 }}\n",
        leakers[0].tag()
    ));
    let daemon = match release {
        Some(path) => setup.binary(&path).start(),
        None => setup.start(),
    };
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 10.0);
    for _ in 0..50 {
        daemon.metrics();
    }
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    let (memory, open) = (status(daemon.pid(), "VmRSS"), descriptors());
    assert!(memory <= ceiling * 1024, "{memory} KiB resident, {ceiling} MiB allowed");
    // Some of its own (log, web, control socket, state file, history, the host's files, TCP's counters, the reserves for
    // orders and for evidence, the pipe that ends discovery), and for each process its pidfd, its folder, `fd/`, `stat`,
    // `statm`, `status` and `cgroup`.
    assert!(open <= OWN + 10 * 7, "{open} descriptors");

    leakers.truncate(1);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    eventually(5, "descriptors of the dead given back", || (descriptors() <= OWN + 7).then_some(()));
}

/// What a process may lock by default: `ulimit -l 8192`.
const MEMLOCK: u64 = 8 << 20;

fn watched_by(leaker: &Leaker) -> Daemon {
    let daemon = Daemon::told(&format!(
        "[target.trader]\nmatch = {{ cmdline = \"{}\", user = \"{{user}}\" }}\n[target.trader.thresholds]\nopen_fds = {{ elevated = 50 }}\n",
        leaker.tag()
    ));
    let daemon = daemon.start();
    daemon.wait_for(10, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    daemon
}

/// The limit counts what is mapped, touched or not: memory locked under it would make an allocation fail later.
#[test]
fn under_a_limit_memory_is_not_locked_and_everything_goes_on() {
    let mut leaker = Leaker::handling(&[]).start();
    let hard = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap().1.min(MEMLOCK);
    setrlimit(Resource::RLIMIT_MEMLOCK, MEMLOCK.min(hard), hard).unwrap();
    let daemon = watched_by(&leaker);
    assert_eq!(status(daemon.pid(), "VmLck"), 0);
    // More is allocated than could be locked: pages, scrapes, a level.
    for _ in 0..50 {
        daemon.metrics();
        daemon.get("/").unwrap();
    }
    leaker.tell("files 100");
    daemon.wait_for(10, ("tradedog_target_level", &[("target", "trader")]), 1.0);
    assert!(!daemon.log().contains("memory cannot be locked"), "{}", daemon.log());
}

#[test]
fn without_a_limit_what_is_touched_stays_in_memory() {
    let unlimited = nix::libc::RLIM_INFINITY;
    if setrlimit(Resource::RLIMIT_MEMLOCK, unlimited, unlimited).is_err() {
        println!("skipped: lifting the limit of locked memory needs CAP_SYS_RESOURCE");
        return;
    }
    let daemon = watched_by(&Leaker::handling(&[]).start());
    let (locked, resident) = (status(daemon.pid(), "VmLck"), status(daemon.pid(), "VmRSS"));
    assert!(locked >= resident, "{locked} KiB locked, {resident} KiB resident");
}

/// What is kept for everything else would be all there is.
#[test]
fn under_a_narrow_limit_of_descriptors_somebody_is_watched() {
    if !has("prlimit") {
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = Daemon::told(&quick(&leaker)).descriptors(64).start();
    daemon.wait_for(10, ("tradedog_target_level", &[("target", "quick")]), 0.0);
    leaker.tell("files 80");
    eventually(5, "the signal", || (leaker.signals() == ["SIGUSR1"]).then_some(()));
    assert!(!daemon.log().contains("more processes match"), "{}", daemon.log());
}
