//! `max_cpu`: what the daemon may use of a processor, kept at a thousand processes and with 200,000 sockets on
//! the host.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, Size};
use super::support::{Daemon, eventually};
use super::watching::{wait_for_all, watching};

const CROWD: Size = Size { processes: 1000, files: 500, established: 200_000, close_wait: 10_000 };
/// Until it has read everybody a few times.
const WARM: Duration = Duration::from_secs(5);
/// Until it knows what its parts cost, and has stretched what it must: it thinks about that every ten seconds.
const SETTLED: Duration = Duration::from_secs(15);
const WINDOW: Duration = Duration::from_secs(20);
/// Of the ceiling: what is measured over half a minute is not what it plans with.
const ALLOWED: f64 = 1.5;

fn watched(crowd: &Crowd, max_cpu: &str) -> Daemon {
    let daemon = watching(crowd, max_cpu).start();
    wait_for_all(&daemon, CROWD.processes);
    daemon
}

/// The processor time that all its threads have used since its start.
fn used(daemon: &Daemon) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let of = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(|thread| of(thread.unwrap())).sum())
}

/// Its share of a processor over a while, in percent.
fn share(daemon: &Daemon, window: Duration) -> f64 {
    let (before, begun) = (used(daemon), Instant::now());
    std::thread::sleep(window);
    (used(daemon) - before).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
}

#[test]
fn the_ceiling_is_kept_by_reading_more_seldom_and_it_says_so() {
    let crowd = Crowd::start("dear", CROWD);
    let daemon = watched(&crowd, "off");
    std::thread::sleep(WARM);
    let without = share(&daemon, WINDOW / 2);
    assert!(!daemon.log().contains("max_cpu = "), "it has no ceiling");
    drop(daemon);

    // What this build on this machine would use decides what is little.
    let ceiling = (without / 2.0).ceil();
    let daemon = watched(&crowd, &format!("{ceiling}%"));
    std::thread::sleep(SETTLED);
    let with = share(&daemon, WINDOW);
    println!("{without:.2} % of a processor without a ceiling, {with:.2} % with one of {ceiling} %");
    assert!(with <= ceiling * ALLOWED, "{with:.2} % used, {ceiling} % allowed");
    assert!(daemon.log().contains(&format!("to stay below max_cpu = {ceiling}%")), "it says nothing");
    // What is read more seldom is not late: it has another period.
    eventually(60, "nothing overdue, and everything ready", || {
        let (_, status) = daemon.get("/api/v1/status")?;
        let (ready, _) = daemon.get("/-/ready")?;
        (ready == 200 && !status.contains("overdue")).then_some(())
    });
}
