//! Sockets of processes in network namespaces of their own, as containers have them.
#![expect(clippy::disallowed_methods, reason = "tests start their own processes")]

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::server::Server;
use crate::watched::{Eye, Watched, config, config_of_group, is_root, output_of, skip, until};
use tradedog::kernel;
use tradedog::model::{Unknown, Value};

/// A process in a network namespace of its own, with its loopback up; none where this machine has
/// none to give.
pub(crate) fn inside() -> Option<Watched> {
    let flags: &[&str] = if is_root() { &["--net"] } else { &["--net", "--user", "--map-root-user"] };
    let may = Command::new("unshare").args(flags).arg("true").stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        skip("needs a network namespace (root, or user namespaces for everybody)");
        return None;
    }
    let mut unshare = Command::new("unshare");
    let mut watched = Watched::start_by({
        unshare.args(flags).arg("python3");
        unshare
    });
    watched.tell("up");
    Some(watched)
}

/// Another process in the namespace of `of`.
fn beside(of: &Watched) -> Watched {
    let mut nsenter = Command::new("nsenter");
    nsenter.args(["--net", "--target", &of.pid().to_string(), "python3"]);
    Watched::start_by(nsenter)
}

const KNOWN_12: Value = Value::Known(12.0);

#[test]
fn they_are_counted_in_their_own_namespace_and_those_of_the_host_are_not() {
    let Some(mut process) = inside() else { return };
    let port = process.tell("leak 127.0.0.1 12");
    process.tell("leak ::1 3");
    // As many of the host's, to the same port number, and by a process like it.
    let host = Server::at("127.0.0.1:0");
    let mut outside = Watched::start();
    outside.tell(&format!("connect 127.0.0.1 {} 40", host.port()));
    host.drop_connections(40);

    let peers = format!("[peers]\ninner = '127.0.0.1:{port}'\nouter = '127.0.0.1:{}'", host.port());
    let mut eye = Eye::on(config(&peers), &[process.pid(), outside.pid()]);
    assert_eq!(eye.number("close_wait", 0), 15.0);
    assert_eq!((eye.number("close_wait.inner", 0), eye.number("close_wait.outer", 0)), (12.0, 0.0));
    assert_eq!((eye.number("listen", 0), eye.number("sockets", 0), eye.number("established", 0)), (2.0, 17.0, 0.0));
    until("the host's process has its own", || eye.value("close_wait.outer", 1) == Value::Known(40.0));
    assert_eq!((eye.number("close_wait.inner", 1), eye.number("close_wait", 1)), (0.0, 40.0));
    let beside = ["--net", "--target", &process.pid().to_string(), "ss", "-tanpeH", "state", "close-wait"];
    match output_of("nsenter", &beside) {
        Some(shown) => {
            let theirs = |line: &&str| line.contains(&format!("pid={},", process.pid()));
            assert_eq!(shown.lines().filter(theirs).count(), 15, "{shown}");
        }
        None => skip("needs root and ss (package iproute2) to compare with"),
    }
    for (name, count) in [("close_wait", 15.0), ("close_wait.inner", 12.0), ("listen", 2.0)] {
        assert_eq!(eye.fresh(name, 0), Value::Known(count), "{name} read anew");
    }
}

#[test]
fn a_namespace_is_read_every_ten_seconds_and_its_readings_say_so() {
    let Some(mut process) = inside() else { return };
    process.tell("leak 127.0.0.1 5");
    let mut eye = Eye::on(config(""), &[process.pid()]);
    let at = eye.metric("close_wait");
    let fds = eye.metric("open_fds");
    let now = kernel::now();
    let first = eye.look_at(now).members[0].readings[at];
    assert_eq!((first.value, first.period), (Value::Known(5.0), Duration::from_secs(10)));
    process.tell("leak 127.0.0.1 2");
    let row = eye.look_at(now + Duration::from_secs(5)).members[0].readings.clone();
    assert_eq!(row[at], first, "the same reading, so that nobody steps on it twice");
    assert!(row[fds].at > first.at && row[fds].period < first.period, "the others go on");
    assert_eq!(eye.fresh("close_wait", 0), Value::Known(7.0), "before a kill it is read anew");
    let second = eye.look_at(now + Duration::from_secs(11)).members[0].readings[at];
    assert_eq!(second.value, Value::Known(7.0));
    assert!(second.at > first.at);
}

#[test]
fn what_two_hold_counts_for_both_and_once_for_the_group_wherever_they_are() {
    let Some(mut process) = inside() else { return };
    process.tell("leak 127.0.0.1 12");
    let worker = process.tell("fork");
    process.tell("leak 127.0.0.1 3");
    let Some(mut other) = inside() else { return };
    other.tell("leak 127.0.0.1 4");
    let host = Server::at("127.0.0.1:0");
    let mut outside = Watched::start();
    outside.tell(&format!("connect 127.0.0.1 {} 20", host.port()));
    host.drop_connections(20);

    let mut eye = Eye::on(config_of_group(""), &[process.pid(), worker, other.pid()]);
    let each: Vec<f64> = (0..3).map(|member| eye.number("close_wait", member)).collect();
    assert_eq!(each, [15.0, 12.0, 4.0]);
    assert_eq!(eye.together("close_wait"), Value::Known(19.0));
    assert_eq!(eye.together_anew("close_wait"), Value::Known(19.0));
    let at = eye.metric("close_wait");
    let group = eye.look().groups[0].readings[at];
    assert_eq!(group.period, Duration::from_secs(10), "none of it is newer");
    drop(eye);

    let mut eye = Eye::on(config_of_group(""), &[process.pid(), worker, other.pid(), outside.pid()]);
    until("those of the host are there too", || eye.together("close_wait") == Value::Known(39.0));
    assert_eq!(eye.together_anew("close_wait"), Value::Known(39.0));
}

#[test]
fn what_waits_to_be_accepted_is_nobodys_and_not_nothing() {
    let Some(mut process) = inside() else { return };
    process.tell("leak 127.0.0.1 2");
    process.tell("queue 127.0.0.1 6");
    let mut eye = Eye::on(config(""), &[process.pid()]);
    assert_eq!(eye.number("close_wait", 0), 2.0);
    let unclear: f64 = eye
        .sampler
        .unattributed()
        .filter(|(base, _)| base.info().name == "close_wait")
        .map(|(_, count)| count as f64)
        .sum();
    assert!(unclear >= 6.0, "{unclear}");
}

#[test]
fn one_who_moves_is_counted_where_he_is_and_keeps_what_he_brought() {
    if !is_root() {
        return skip("needs root");
    }
    let host = Server::at("127.0.0.1:0");
    let mut process = Watched::start();
    process.tell(&format!("connect 127.0.0.1 {} 9", host.port()));
    host.drop_connections(9);
    let mut eye = Eye::on(config(""), &[process.pid()]);
    until("he has those of the host", || eye.value("close_wait", 0) == Value::Known(9.0));
    process.tell("leave");
    process.tell("leak 127.0.0.1 4");
    assert_eq!(eye.number("close_wait", 0), 13.0, "a young process is looked at in each pass");
    assert_eq!(eye.fresh("close_wait", 0), Value::Known(13.0));
}

/// Without the right to look at descriptors of others.
pub(crate) fn renounced<T: Send>(look: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            kernel::renounce_rights().unwrap();
            look()
        });
        thread.join().unwrap()
    })
}

/// All values of `close_wait`, `established` and `listen` of these, seen without rights; then together.
fn seen_by_nobody(pids: &[i32]) -> Vec<Value> {
    let pids = pids.to_vec();
    renounced(move || {
        let mut eye = Eye::on(config_of_group(""), &pids);
        let mut seen = Vec::new();
        for name in ["close_wait", "established", "listen"] {
            seen.extend((0..pids.len()).map(|member| eye.value(name, member)));
            seen.push(eye.together(name));
            assert_eq!(eye.together(name), eye.together_anew(name), "{name} read anew");
        }
        seen
    })
}

const DENIED: Value = Value::Unknown(Unknown::Denied);

#[test]
fn without_rights_the_namespace_tells_what_its_processes_must_hold() {
    if !is_root() {
        return skip("needs root");
    }
    let Some(mut process) = inside() else { return };
    process.tell("leak 127.0.0.1 50");
    process.tell("become 65534");
    let (none, one, known) = (Value::Known(0.0), Value::Known(1.0), Value::Known(50.0));
    assert_eq!(
        seen_by_nobody(&[process.pid()]),
        [known, known, none, none, one, one],
        "alone in its namespace it holds all there is"
    );

    // Three descriptors, of which any may be one of the sockets: so do those of the other.
    let mut helper = beside(&process);
    helper.tell("become 65534");
    let fds = |watched: &Watched| std::fs::read_dir(format!("/proc/{}/fd", watched.pid())).unwrap().count() as f64;
    let at_least = Value::AtLeast(50.0 - fds(&helper));
    assert_eq!(
        seen_by_nobody(&[process.pid()]),
        [at_least, at_least, none, none, DENIED, DENIED],
        "a stranger has {} descriptors",
        fds(&helper)
    );
    assert_eq!(
        seen_by_nobody(&[process.pid(), helper.pid()]),
        [at_least, DENIED, known, none, none, none, DENIED, DENIED, one],
        "together they have all of it"
    );
    let (pid, with_rights) = (process.pid(), Value::Known(50.0));
    assert_eq!(Eye::on(config(""), &[pid]).value("close_wait", 0), with_rights);
}

#[test]
fn a_loop_does_not_wait_for_it() {
    let Some(mut process) = inside() else { return };
    process.tell("leak 127.0.0.1 12");
    let mut eye = Eye::on(config(""), &[process.pid()]);
    let wake: tradedog::sample::Wake = std::sync::Arc::new(|| {});
    eye.sampler = tradedog::sample::Sampler::new(eye.config.clone()).detached(&wake);
    // However soon the other thread answers: until then it is unknown, and never a zero.
    until("the other thread has answered", || match eye.value("close_wait", 0) {
        Value::Unknown(why) => {
            assert_eq!(why, Unknown::Overdue);
            false
        }
        known @ (Value::Known(_) | Value::AtLeast(_)) => {
            assert_eq!(known, KNOWN_12);
            true
        }
    });
    // What was read last is no proof of itself: it is read anew, by the other thread.
    assert_eq!(eye.fresh("close_wait", 0), Value::Unknown(Unknown::Overdue));
    until("an answer to that", || eye.sampler.is_awaited());
    assert_eq!(eye.value("close_wait", 0), KNOWN_12);
    assert!(!eye.sampler.is_awaited());
    assert_eq!(eye.fresh("close_wait", 0), KNOWN_12);
}
