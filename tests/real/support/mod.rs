//! What the tests on real processes share: a leaking process under command, a running daemon, a
//! scrape, and waits that end.

mod cgroup;
mod daemon;
mod endpoint;
mod fault;
mod leaker;
mod overseer;
mod sandbox;
mod scrape;

use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use cgroup::Group;
pub(crate) use daemon::{BINARY, Daemon, Setup};
pub(crate) use endpoint::{Answer, Endpoint};
pub(crate) use fault::Survived;
pub(crate) use leaker::{Leaker, Options, Peer};
pub(crate) use overseer::Overseer;
pub(crate) use sandbox::{Forbidden, within};
pub(crate) use scrape::{Sample, get};

/// A user that owns nothing here.
pub(crate) const NOBODY: u32 = 65534;

/// A target `trader` of the processes beside `leaker`, with these tables, watched.
pub(crate) fn watching(leaker: &Leaker, tables: &str) -> Daemon {
    Daemon::told(&target(leaker, tables)).start()
}

/// The text of that target.
pub(crate) fn target(leaker: &Leaker, tables: &str) -> String {
    let tag = leaker.tag();
    let head = format!("[target.trader]\nmatch = {{ cmdline = \"{tag}\", user = \"{{user}}\" }}");
    format!("{head}\nsettle = \"200ms\"\n{tables}")
}

/// Runs an ignored test of this program where what it mounts is seen by nobody else.
pub(crate) fn in_mounts_of_its_own(test: &str) {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
    let inside = output(command.args([test, "--exact", "--ignored", "--nocapture"]));
    let said = String::from_utf8_lossy(&inside.stdout).into_owned() + &String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
}

pub(crate) fn mount(arguments: &[&str]) {
    let done = output(Command::new("mount").args(arguments));
    assert!(done.status.success(), "{done:?}");
}

/// Waits until `probe` gives something; fails with `what` after `seconds`.
pub(crate) fn eventually<T>(seconds: u64, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(25));
    }
}

/// Makes sure that `holds` is true now and at every look for that long.
pub(crate) fn throughout(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(holds(), "no longer: {what}");
        thread::sleep(Duration::from_millis(25));
    }
}

/// Whether the test may run: says on standard error that it does not.
pub(crate) fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

/// Whether that program is there.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

/// How many sockets of the process `ss` sees in a state of its own naming (`close-wait`).
pub(crate) fn ss(pid: i32, filter: &[&str]) -> usize {
    let listing = output(Command::new("ss").args(["-tanHpO"]).args(filter));
    let owner = format!("pid={pid},");
    String::from_utf8_lossy(&listing.stdout).lines().filter(|line| line.contains(&owner)).count()
}

/// A line `Name: value` of `/proc/PID/status`.
pub(crate) fn status(pid: i32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The state letter of `/proc/PID/stat`: T for a process that is stopped.
pub(crate) fn state(pid: i32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap()
}

/// The processes whose command line contains that text.
pub(crate) fn running(text: &str) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let says = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pids.filter(|pid| String::from_utf8_lossy(&says(pid)).contains(text) && lives(*pid)).collect()
}

/// Whether a process of that number lives, zombies not counted.
pub(crate) fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !matches!(stat.rsplit(") ").next().and_then(|rest| rest.chars().next()), Some('Z' | 'X')))
}

pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// Runs `tradedog` to its end.
pub(crate) fn tradedog(folder: &Path, arguments: &[&str]) -> Output {
    output(Command::new(BINARY).args(arguments).current_dir(folder).env("NO_COLOR", "1"))
}

/// How it ended, what it printed and what it said on standard error.
pub(crate) fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// `promtool check metrics`, where there is one.
pub(crate) fn assert_lint_clean(metrics: &str) {
    use std::io::Write;
    if !has("promtool") {
        return;
    }
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let result = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr));
    assert!(result.status.success() && said.trim().is_empty(), "promtool: {said}");
}
