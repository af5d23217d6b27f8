//! Faults of the daemon's own and of its host: what is lost by them, and how late the next order is.
//!
//! Each is a row of the table in docs/reliability.md, as some of the other tests are (`support::Survived`).

mod clocks;
mod descriptors;
mod strangers;
mod thrash;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::latency::{longest, quick};
use super::support::{
    Answer, Daemon, Endpoint, Group, Leaker, Survived, eventually, has, in_mounts_of_its_own, is_root, mount, status,
};

fn leaker() -> Leaker {
    Leaker::handling(&["SIGUSR1"]).start()
}

#[test]
fn a_daemon_that_was_stopped_goes_on_where_it_was() {
    let mut leaker = leaker();
    let daemon = Daemon::told(&quick(&leaker)).start();
    daemon.wait_for(5, ("tradedog_target_level", &[("target", "quick")]), 0.0);
    let seconds = if std::env::var_os("CAMPAIGN").is_some() { 60 } else { 4 };
    kill(Pid::from_raw(daemon.pid()), Signal::SIGSTOP).unwrap();
    leaker.tell("files 80");
    thread::sleep(Duration::from_secs(seconds));
    assert!(leaker.signals().is_empty());
    kill(Pid::from_raw(daemon.pid()), Signal::SIGCONT).unwrap();
    let began = Instant::now();
    eventually(5, "the signal", || (leaker.signals() == ["SIGUSR1"]).then_some(()));
    let took = began.elapsed();
    assert!(daemon.value("tradedog_missed_passes_total", &[]) >= Some(1.0), "what was missed is counted");
    let tried = format!("{seconds} s");
    let lost = "readings of that time, counted";
    Survived { fault: "the daemon stopped (SIGSTOP)", tried: &tried, next_order: Some(took), lost }.tell();
}

#[test]
fn a_thousand_connections_shut_nobody_out() {
    let mut leaker = leaker();
    let daemon = Daemon::told(&quick(&leaker)).start();
    let mut held: Vec<TcpStream> = (0..950).map(|_| TcpStream::connect(daemon.server()).unwrap()).collect();
    // Some send their request a byte at a time.
    let slow = held.split_off(900);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let latest = thread::scope(|scope| {
        scope.spawn(|| {
            for byte in b"GET /metrics HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x')) {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                slow.iter().for_each(|mut stream| drop(stream.write(&[*byte])));
                thread::sleep(Duration::from_millis(100));
            }
        });
        let latest = longest(&mut leaker, &daemon, "beside a thousand connections");
        for _ in 0..20 {
            assert_eq!(daemon.get("/-/healthy").unwrap().0, 200);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        latest
    });
    let fault = "silent and slow connections to /metrics";
    Survived { fault, tried: "950 at once", next_order: Some(latest), lost: "no scrape" }.tell();
}

const WAYS: [(&str, Answer); 6] = [
    ("hang", Answer::Hang),
    ("drip", Answer::Drip),
    ("flood", Answer::Flood(200)),
    ("redirect", Answer::Redirect),
    ("head", Answer::Head),
    ("noise", Answer::Noise),
];
const SCRIPTS: [(&str, &str); 3] = [
    ("forks", "sleep 3 & exec sleep 1"),
    ("deaf", "trap '' TERM\nsleep 20\n:"),
    ("floods", "exec /usr/bin/yes flooding"),
];

/// A target of that process alone, and its measure, which is gone mad in a way of its own.
fn mad((name, measure): (&str, &str), leaker: &Leaker) -> String {
    quick(leaker)
        .replace("target.quick", &format!("target.{name}"))
        .replace("reset_pool", name)
        .replace("signal = \"SIGUSR1\", cooldown = \"100ms\"", &format!("{measure}, max_attempts = 1"))
}

fn script(folder: &Path, (name, body): (&str, &str)) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn endpoints_and_commands_gone_mad_delay_nobody_else() {
    let (endpoint, folder, mut leaker) = (Endpoint::start(), tempfile::tempdir().unwrap(), leaker());
    let posts = WAYS.map(|(way, answer)| {
        endpoint.answer(&format!("/{way}"), &[answer]);
        (way, format!("http = {{ post = \"{}\", timeout = \"2s\" }}", endpoint.url(&format!("/{way}"))))
    });
    let commands = SCRIPTS
        .map(|(name, body)| (name, format!("command = [{:?}], timeout = \"2s\"", script(folder.path(), (name, body)))));
    let mut bad: Vec<_> = posts.into_iter().chain(commands).map(|one| (one, Leaker::handling(&[]).start())).collect();
    let measures: String = bad.iter().map(|((name, measure), bad)| mad((name, measure), bad)).collect();
    let daemon = Daemon::told(&format!("{}{measures}", quick(&leaker))).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "floods")]), 1.0);
    bad.iter_mut().for_each(|(_, bad)| drop(bad.tell("files 80")));
    endpoint.wait_for(5, "/hang", 1);
    let latest = longest(&mut leaker, &daemon, "beside nine measures gone mad");
    for ((name, _), _) in &bad {
        let good = ["flood", "forks"].contains(&&**name);
        let end = if good { format!("for {name}") } else { format!("gave up {name} ") };
        let ended = |line: &str| line.contains(&end) && (!good || line.contains("acknowledged: "));
        eventually(20, name, || daemon.log().lines().any(ended).then_some(()));
    }
    assert!(status(daemon.pid(), "VmRSS") < 80 * 1024, "it has grown");
    let fault = "endpoints that hang, drip, flood, redirect; commands that fork, ignore SIGTERM, flood";
    Survived { fault, tried: "9 at once", next_order: Some(latest), lost: "nothing" }.tell();
}

#[test]
fn a_memory_bomb_delays_no_order() {
    let mut leaker = leaker();
    let Some(group) = Group::accounted(&format!("tradedog-bomb-{}", std::process::id()), &[leaker.pid()]) else {
        return;
    };
    let daemon = Daemon::told(&quick(&leaker)).start();
    group.limit(64 << 20);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (latest, bombs) = thread::scope(|scope| {
        let bombs = scope.spawn(|| {
            let mut bombs = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let text =
                    "import sys\nsys.stdin.read(1)\nkept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 20))";
                let mut bomb = Command::new("python3")
                    .args(["-c", text])
                    .stdin(Stdio::piped())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                group.add(i32::try_from(bomb.id()).unwrap());
                bomb.stdin.take().unwrap().write_all(b".").unwrap();
                let ended = bomb.wait().unwrap();
                assert!(!ended.success(), "the kernel ends it");
                bombs += 1;
            }
            bombs
        });
        let latest = longest(&mut leaker, &daemon, "beside a memory bomb in the same cgroup");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        (latest, bombs.join().unwrap())
    });
    assert!(leaker.lives());
    let tried = format!("{bombs} bombs, each killed by the kernel");
    let fault = "a memory bomb in the cgroup of the process";
    Survived { fault, tried: &tried, next_order: Some(latest), lost: "nothing" }.tell();
}

#[test]
fn a_full_or_read_only_disk_costs_no_order() {
    if !is_root() || !has("unshare") {
        return;
    }
    in_mounts_of_its_own("faults::with_a_small_disk");
}

#[test]
#[ignore = "in a mount namespace of its own"]
fn with_a_small_disk() {
    let mut leaker = leaker();
    let mut daemon = Daemon::told(&quick(&leaker)).start();
    assert!(daemon.stop().success());
    let disk = daemon.state_directory();
    let path = disk.to_str().unwrap().to_owned();
    mount(&["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", &path]);
    daemon.start_again();
    let is_written = |daemon: &Daemon, wanted: f64| {
        let written = || daemon.value("tradedog_history_last_write_successful", &[]).filter(|ok| *ok == wanted);
        eventually(60, "the history, written or not", written);
    };
    is_written(&daemon, 1.0);
    let full = disk.join("full");
    let filled = std::io::copy(&mut std::io::repeat(b'x').take(2 << 20), &mut fs::File::create(&full).unwrap());
    assert!(filled.is_err(), "the disk is full");
    let on_a_full_disk = longest(&mut leaker, &daemon, "with a full disk");
    is_written(&daemon, 0.0);
    fs::remove_file(&full).unwrap();
    is_written(&daemon, 1.0);
    assert!(daemon.stop().success());
    mount(&["-o", "remount,ro", &path]);
    daemon.start_again();
    let read_only = longest(&mut leaker, &daemon, "with a read-only disk");
    is_written(&daemon, 0.0);
    mount(&["-o", "remount,rw", &path]);
    is_written(&daemon, 1.0);
    assert_eq!(daemon.value("tradedog_history_dropped_events_total", &[]), Some(0.0));
    let lost = "no event";
    Survived { fault: "the disk of the history full", tried: "5 orders", next_order: Some(on_a_full_disk), lost }
        .tell();
    Survived { fault: "the disk of the history read-only", tried: "5 orders", next_order: Some(read_only), lost }
        .tell();
}
