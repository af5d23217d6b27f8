//! An idle second makes no more system calls than the kernel's floor for the readings, plus a constant.

use std::time::Duration;

use super::crowd::{Crowd, Size};
use super::strace::{Calls, Strace};
use super::support::Daemon;
use super::watching::{wait_for_all, watching};

const TARGETS: usize = 100;
const FEW: usize = 10;
const BYSTANDERS: usize = 500;
/// Of a process: fstat of its kept descriptors, pread of its kept memory figures.
const OF_EACH: usize = 2;
/// What a second has whoever is watched: the list of sockets, the host's figures, timers, wake-ups.
const CONSTANT: usize = 60;
/// What is only shown is read of a few processes in a pass, however many there are; of ten that is less.
const SHOWN: usize = 40;
/// How many calls two idle seconds may differ by that are alike.
const JITTER: usize = 20;
/// The longest period of what is read of a process again and again.
const PERIOD: usize = 10;
const SECONDS: usize = 2 * PERIOD;
/// Processes younger than this may still be on their way into a container, and are asked about that.
const GROWN: Duration = Duration::from_secs(16);

/// Under strace a call costs so much that it would be made more seldom to keep a ceiling.
fn watched(crowd: &Crowd, processes: usize) -> Daemon {
    let daemon = watching(crowd, "off").start();
    wait_for_all(&daemon, processes);
    daemon
}

fn crowd(name: &str, processes: usize) -> Crowd {
    Crowd::start(name, Size { processes, files: 100, established: 5 * processes, close_wait: processes })
}

/// The calls of these daemons, who are looked at at the same time.
fn looked_at(daemons: &[Daemon]) -> Option<Vec<Calls>> {
    // Until it knows whose sockets are whose, and what is read once was read.
    std::thread::sleep(Duration::from_secs(4));
    let looking: Option<Vec<_>> = daemons.iter().map(|daemon| Strace::of(daemon.pid(), SECONDS)).collect();
    looking?.into_iter().map(Strace::calls).collect()
}

#[test]
fn an_idle_second_costs_the_floor_and_a_constant_whoever_else_is_there() {
    let (many, few) = (crowd("many", TARGETS), crowd("few", FEW));
    let beside = Crowd::start("beside", Size { processes: BYSTANDERS, files: 12, established: 0, close_wait: 0 });
    std::thread::sleep(GROWN);
    let daemons = [watched(&many, TARGETS), watched(&few, FEW)];
    let Some(calls) = looked_at(&daemons) else { return };
    drop((daemons, beside));
    let daemons = [watched(&many, TARGETS)];
    let Some(alone) = looked_at(&daemons) else { return };

    println!("{TARGETS} targets, {FEW}, and {TARGETS} without bystanders: {}{}{}", calls[0], calls[1], alone[0]);
    let [many, few, alone] = [&calls[0], &calls[1], &alone[0]].map(|calls| calls.idle_second(PERIOD));
    let most = TARGETS * OF_EACH + CONSTANT;
    assert!(many <= most, "{many} calls in an idle second, {most} allowed");
    let more = (TARGETS - FEW) * OF_EACH + SHOWN;
    assert!(many <= few + more, "{many} calls for {TARGETS} processes, {few} for {FEW}");
    assert!(many.abs_diff(alone) <= JITTER, "{many} calls with {BYSTANDERS} bystanders, {alone} without");
}
