//! Descriptors: the daemon may have no more (EMFILE), the host has none left (ENFILE).

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;

use super::super::latency::quick;
use super::super::support::{Daemon, Leaker, Survived, has, output};
use super::leaker;

/// Between two looks of a test that waits for a signal.
const LOOK: Duration = Duration::from_millis(1);

/// Signalled at 60 open files; another one, killed at 60.
fn both(leaker: &Leaker, deaf: &Leaker) -> String {
    let fatal = quick(deaf)
        .replace("target.quick", "target.deaf")
        .replace("elevated = 60, clear_hold = \"200ms\"", "fatal = 60")
        .replace("elevated = [\"reset_pool\"]", "fatal = [\"kill\"]")
        .replace(
            "reset_pool = { signal = \"SIGUSR1\", cooldown = \"100ms\" }",
            "kill = { kill = { grace = \"300ms\" } }",
        );
    format!("{}{fatal}", quick(leaker))
}

/// The time from a breach to the signal.
fn signalled(leaker: &mut Leaker, daemon: &Daemon) -> Duration {
    leaker.tell("files 5");
    thread::sleep(Duration::from_millis(2500));
    let signals = leaker.signals().len();
    let breached = Instant::now();
    leaker.tell("files 80");
    while leaker.signals().len() == signals {
        assert!(breached.elapsed() < Duration::from_secs(5), "no signal: {}", daemon.log());
        thread::sleep(LOOK);
    }
    breached.elapsed()
}

/// Three signals and a kill; the longest time from a breach to its signal.
fn orders_go_out((leaker, deaf): (&mut Leaker, &mut Leaker), daemon: &Daemon) -> Duration {
    let longest = (0..3).map(|_| signalled(leaker, daemon)).max().unwrap();
    deaf.tell("files 80");
    assert_eq!(deaf.end_signal(8, "killed without a descriptor left"), Some(libc::SIGKILL));
    longest
}

fn assert_counted(daemon: &Daemon, before: f64) {
    daemon.wait_for_order(8, "kill", ("gone", "none"));
    assert!(daemon.orders("reset_pool", "delivered", "none") - before >= 3.0, "{}", daemon.log());
}

/// Before that kill it was looked at all the same.
fn assert_looked_at(daemon: &Daemon) {
    let folders = fs::read_dir(daemon.state_directory().join("incidents")).unwrap().map(|one| one.unwrap().path());
    let kill = folders.filter(|path| fs::read_to_string(path.join("incident.json")).unwrap().contains("\"kill\""));
    let folder = kill.max().unwrap();
    let missing = fs::read_to_string(folder.join("missing.txt")).unwrap_or_default();
    for file in ["status.txt", "limits.txt", "descriptors.txt", "sockets.txt", "threads.txt", "host.txt"] {
        assert!(folder.join(file).exists(), "{file} is missing: {missing}");
    }
    assert!(!missing.contains("open files"), "{missing}");
}

/// The numbers of descriptors that the daemon can have end there.
fn limit_descriptors(daemon: &Daemon, end: u64) {
    let limit = format!("--nofile={end}:");
    let set = output(Command::new("prlimit").args(["--pid", &daemon.pid().to_string(), &limit]));
    assert!(set.status.success(), "{set:?}");
}

/// Leaves the daemon none but its reserve: its numbers end behind that, and connections take what is free below.
fn use_up_descriptors(daemon: &Daemon) -> Vec<TcpStream> {
    let open = || fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().map(Result::unwrap);
    let is_reserve = |one: &fs::DirEntry| fs::read_link(one.path()).is_ok_and(|path| path == Path::new("/"));
    let numbers = |one: fs::DirEntry| one.file_name().to_str().unwrap().parse::<u64>().unwrap();
    let reserve: Vec<u64> = open().filter(is_reserve).map(numbers).collect();
    assert!(reserve.len() >= 16, "{reserve:?}");
    limit_descriptors(daemon, reserve.iter().max().unwrap() + 1);
    (0..200).map(|_| TcpStream::connect(daemon.server()).unwrap()).collect()
}

#[test]
fn without_a_descriptor_left_orders_go_out() {
    if !has("prlimit") {
        return;
    }
    let (mut leaker, mut deaf) = (leaker(), Leaker::handling(&["SIGTERM"]).start());
    let daemon = Daemon::told(&both(&leaker, &deaf)).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "deaf")]), 1.0);
    let before = daemon.orders("reset_pool", "delivered", "none");
    let connections = use_up_descriptors(&daemon);
    assert!(daemon.get("/-/healthy").is_none(), "there is one left");
    let began = Instant::now();
    let latest = orders_go_out((&mut leaker, &mut deaf), &daemon);
    let tried = format!("{:.0} s, 3 signals and a kill", began.elapsed().as_secs_f64());
    assert_looked_at(&daemon);
    limit_descriptors(&daemon, 4096);
    drop(connections);
    assert_counted(&daemon, before);
    Survived {
        fault: "no descriptor left (EMFILE)",
        tried: &tried,
        next_order: Some(latest),
        lost: "no order, no evidence",
    }
    .tell();
}

/// As the kernel would answer on a host that is at `fs.file-max`, for this daemon alone: what it gives back it may have
/// again, and what it has given back others may take first.
#[test]
fn on_a_host_without_a_file_left_orders_go_out() {
    let (mut leaker, mut deaf) = (leaker(), Leaker::handling(&["SIGTERM"]).start());
    let daemon = Daemon::told(&both(&leaker, &deaf)).overseen().start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "deaf")]), 1.0);
    let before = daemon.orders("reset_pool", "delivered", "none");
    let mut host = daemon.overseer();
    assert_eq!(host.host_is("full"), 0);
    let began = Instant::now();
    let latest = orders_go_out((&mut leaker, &mut deaf), &daemon);
    let seconds = began.elapsed().as_secs_f64();
    let refused = host.host_is("free");
    assert!(refused > 0, "nothing was refused");
    assert_looked_at(&daemon);
    assert_counted(&daemon, before);
    let tried = format!("{seconds:.0} s, {refused} times refused, 3 signals and a kill");
    let fault = "no file left on the host (ENFILE)";
    Survived { fault, tried: &tried, next_order: Some(latest), lost: "no order, no evidence" }.tell();

    let mut deaf = Leaker::handling(&["SIGTERM"]).beside(&deaf).start();
    daemon.wait_for(35, ("tradedog_target_processes", &[("target", "deaf")]), 1.0);
    host.host_is("greedy");
    let took = signalled(&mut leaker, &daemon);
    deaf.tell("files 80");
    thread::sleep(Duration::from_secs(2));
    assert!(deaf.lives(), "its kill was remembered nowhere");
    assert!(host.host_is("free") > refused, "nothing was refused");
    assert_eq!(deaf.end_signal(8, "killed once there is a file"), Some(libc::SIGKILL));
    println!("{}", daemon.log());
    let (fault, lost) = (
        "no file left on the host (ENFILE), and others take what the daemon gives back",
        "no order; a kill waits for a file, for the state file comes first",
    );
    Survived { fault, tried: "5 s, a signal and a kill", next_order: Some(took), lost }.tell();
}
