//! Memory and descriptors at the workloads that the daemon is made for, held to ceilings.

use std::path::PathBuf;
use std::time::Duration;

use super::crowd::{Crowd, Size};
use super::support::{Daemon, Sample, eventually, status};
use super::watching::{wait_for_all, watching};

const MIB: u64 = 1024;
/// What is resident of a debug build's own text beyond that of a release build.
const DEBUG_TEXT: u64 = 28 * MIB;
/// Descriptors that it has whoever is watched.
const OWN_DESCRIPTORS: usize = 100;
/// Descriptors that it may have open for a process that it watches.
const OF_EACH: usize = 8;

const SMALL: Size = Size { processes: 10, files: 100, established: 500, close_wait: 50 };
const MIDDLE: Size = Size { processes: 100, files: 500, established: 10_000, close_wait: 1_000 };
const LARGE: Size = Size { processes: 1000, files: 500, established: 50_000, close_wait: 10_000 };

/// What it may have in memory, in KiB.
struct Ceiling {
    anonymous: u64,
    resident: u64,
}

fn watched(crowd: &Crowd) -> Daemon {
    let setup = watching(crowd, "off");
    match release() {
        Some(path) => setup.binary(&path).start(),
        None => setup.start(),
    }
}

fn release() -> Option<PathBuf> {
    std::env::var_os("TRADEDOG_RELEASE").map(PathBuf::from)
}

fn is_close_wait(sample: &Sample) -> bool {
    sample.label("state") == "close_wait" && sample.label("peer").is_empty()
}

/// Holds a daemon over `crowd` to `ceiling`.
fn held_to(ceiling: &Ceiling, (crowd, size): (&Crowd, Size)) {
    let daemon = watched(crowd);
    wait_for_all(&daemon, size.processes);
    eventually(90, "every socket in CLOSE_WAIT counted", || {
        let scrape = daemon.scrape();
        let shown = scrape.all("tradedog_process_sockets");
        let ours: Vec<f64> = shown.filter(|one| is_close_wait(one)).map(|one| one.value).collect();
        let each = (size.close_wait / size.processes) as f64;
        (!ours.is_empty() && ours.iter().all(|count| *count >= each)).then_some(())
    });
    // Some passes, scrapes and pages: what is kept of them is there then.
    for _ in 0..4 {
        daemon.metrics();
        daemon.get("/").unwrap();
        daemon.get("/api/v1/status").unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let (anonymous, resident) = (status(daemon.pid(), "RssAnon"), status(daemon.pid(), "VmRSS"));
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    println!("{size:?}: {anonymous} KiB anonymous, {resident} KiB resident, {descriptors} descriptors");
    let text = if release().is_some() { 0 } else { DEBUG_TEXT };
    assert!(anonymous <= ceiling.anonymous, "{anonymous} KiB anonymous, {} allowed", ceiling.anonymous);
    assert!(resident <= ceiling.resident + text, "{resident} KiB resident, {} allowed", ceiling.resident + text);
    let most = size.processes * OF_EACH + OWN_DESCRIPTORS;
    assert!(descriptors <= most, "{descriptors} descriptors, {most} allowed");
}

#[test]
fn ten_processes_take_little() {
    let crowd = Crowd::start("small", SMALL);
    held_to(&Ceiling { anonymous: 4 * MIB, resident: 12 * MIB }, (&crowd, SMALL));
}

#[test]
fn a_hundred_processes_take_little() {
    let crowd = Crowd::start("middle", MIDDLE);
    held_to(&Ceiling { anonymous: 8 * MIB, resident: 16 * MIB }, (&crowd, MIDDLE));
}

#[test]
fn a_thousand_processes_with_half_a_million_descriptors_take_little() {
    let crowd = Crowd::start("large", LARGE);
    held_to(&Ceiling { anonymous: 28 * MIB, resident: 40 * MIB }, (&crowd, LARGE));
}
