//! An idle second makes no more system calls than the kernel's floor for the readings, plus a constant.

use super::crowd::{Crowd, Size};
use super::strace::Calls;
use super::support::Daemon;

const TARGETS: usize = 100;
const BYSTANDERS: usize = 500;
/// Of a process: fstat of its kept descriptors, pread of its kept memory figures.
const OF_EACH: usize = 2;
/// What a second has whoever is watched: the list of sockets, the host's figures, timers, wake-ups.
const CONSTANT: usize = 60;
/// How many calls seconds differ by that are alike: a wake-up of another thread falls into one or the next.
const JITTER: usize = 20;
const SECONDS: usize = 12;

/// As the shipped configuration has it, with what traders have thresholds on.
fn watched(crowd: &Crowd) -> Daemon {
    let text = format!(
        r#"
[daemon]
interval = "1s"
[target.crowd]
{}
[target.crowd.thresholds]
open_fds = {{ elevated = 20000 }}
close_wait = {{ elevated = 20000 }}
rss = {{ elevated = "90GB" }}
"#,
        crowd.selector()
    );
    Daemon::told(&text).start()
}

/// The calls of an idle second; none where nobody can count them.
fn idle_second(bystanders: usize) -> Option<Calls> {
    let size = Size { processes: TARGETS, files: 100, established: 500, close_wait: 100 };
    let crowd = Crowd::start("watched", size);
    let idle = Size { processes: bystanders, files: 12, established: 0, close_wait: 0 };
    let _beside = (bystanders > 0).then(|| Crowd::start("beside", idle));
    let daemon = watched(&crowd);
    daemon.wait_for(20, ("tradedog_target_processes", &[("target", "crowd")]), TARGETS as f64);
    // Until it knows whose sockets are whose, and what is read once was read.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let calls = Calls::of(daemon.pid(), SECONDS)?;
    println!("{TARGETS} targets, {bystanders} bystanders: {calls}");
    Some(calls)
}

#[test]
fn an_idle_second_costs_the_floor_and_a_constant_whoever_else_is_there() {
    let Some(calls) = idle_second(BYSTANDERS) else { return };
    let most = TARGETS * OF_EACH + CONSTANT;
    assert!(calls.median() <= most, "{} calls in an idle second, {most} allowed: {calls}", calls.median());

    let Some(alone) = idle_second(0) else { return };
    let difference = calls.median().abs_diff(alone.median());
    assert!(difference <= JITTER, "{} with {BYSTANDERS} bystanders, {} without", calls.median(), alone.median());
}
