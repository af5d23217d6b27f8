//! `tradedog demo` in both forms to its end, and what is left when it is ended early: nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{BINARY, NOBODY, eventually, has, is_root, lives, output};

/// A shell with nothing in it.
fn demo(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// What it printed, if it ended well.
fn told(ended: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (told, said) = (text(&ended.stdout), text(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{told}{said}");
    for line in told.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
    }
    assert!(!told.contains('\u{1b}'), "colour although nobody looks:\n{told}");
    let folder = told.split("Removed: ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    assert!(!Path::new(folder).exists(), "{folder} is still there");
    told
}

/// That the parts come in that order.
fn assert_order(told: &str, parts: &[&str]) {
    let mut rest = told;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not there, or too early:\n{told}"));
        rest = &rest[at + part.len()..];
    }
}

const CLIMB: [&str; 6] = [
    "normal -> elevated: close_wait.broker",
    "order reset_pool (signal SIGUSR1) -> delivered",
    "elevated -> warning: open_fds",
    "order disable_websocket (HTTP POST) -> acknowledged",
    "warning -> critical: open_fds",
    "order pause (command) -> acknowledged",
];

fn assert_docile(told: &str) {
    assert_order(told, &CLIMB);
    assert_order(told, &["trader    \"paused", "undo  pause (command) -> acknowledged", "\"resumed", "never killed"]);
    assert_order(
        told,
        &["\"WebSocket disabled", "undo  disable_websocket (HTTP POST) -> acknowledged", "WebSocket enabled"],
    );
    assert!(!told.contains("fatal:") && !told.contains("order kill") && !told.contains("starts a successor"), "{told}");
}

fn assert_stubborn(told: &str) {
    assert_order(told, &CLIMB);
    let end = [
        "critical -> fatal: open_fds",
        "SIGTERM is sent",
        "\"SIGTERM: noted, and nothing done",
        "order kill (SIGTERM, then SIGKILL) -> gone",
        "starts a successor",
        "is the successor",
    ];
    assert_order(told, &end);
    for undone in ["undo  pause (command) -> acknowledged", "undo  disable_websocket (HTTP POST) -> acknowledged"] {
        assert_order(told, &["is the successor", undone, "and was killed"]);
    }
}

/// That each line of the README's excerpt is one that was printed, whatever its numbers.
fn assert_readme(told: &str) {
    let shape = |line: &str| {
        let numbers = line.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        let text = numbers.fold(line.to_owned(), |text, number| text.replacen(number, "#", 1));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let printed: BTreeSet<String> = told.lines().map(shape).collect();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let excerpt = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for line in excerpt.lines() {
        assert!(printed.contains(&shape(line)), "README.md shows what was not printed: {line}\n{told}");
    }
}

#[test]
fn a_docile_trader_goes_down_the_ladder_and_back() {
    by_everybody(&["demo"], assert_docile);
}

#[test]
fn a_stubborn_trader_is_killed_and_succeeded() {
    by_everybody(&["demo", "--stubborn"], assert_stubborn);
}

/// The demo by the user of the tests and, beside it, by one who owns nothing.
fn by_everybody(arguments: &'static [&'static str], check: fn(&str)) {
    let by_nobody = thread::spawn(move || by_nobody(arguments));
    let told_us = told(&output(demo(BINARY.as_ref()).args(arguments)));
    check(&told_us);
    if arguments.len() == 1 {
        assert_readme(&told_us);
    }
    if let Some(ended) = by_nobody.join().unwrap() {
        check(&told(&ended));
    }
}

fn by_nobody(arguments: &[&str]) -> Option<Output> {
    if !is_root() || !has("setpriv") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("tradedog");
    fs::copy(BINARY, &copy).unwrap();
    let id = NOBODY.to_string();
    let mut command = demo("setpriv".as_ref());
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--bounding-set=-all"]).arg(copy);
    Some(output(command.args(arguments)))
}

/// A demo in its first seconds.
struct Running {
    demo: Child,
    /// Trader and daemon.
    children: Vec<i32>,
    folder: String,
}

impl Running {
    fn start() -> Self {
        let mut command = demo(BINARY.as_ref());
        let mut demo = command.arg("demo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map_while(Result::ok);
        let look = lines.find(|line| line.contains("less ")).unwrap();
        let folder = look.trim().trim_start_matches("less ").trim_end_matches("/watchdog.toml").to_owned();
        lines.find(|line| line.contains("open_fds  ")).unwrap();
        // It must find somebody who reads.
        thread::spawn(move || lines.count());
        let children = children_of(demo.id());
        assert_eq!(children.len(), 2, "{children:?}");
        Self { demo, children, folder }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.demo.id().try_into().unwrap()), signal).unwrap();
    }

    fn wait_until_alone(&self) {
        eventually(5, "the end of trader and daemon", || (!self.children.iter().any(|pid| lives(*pid))).then_some(()));
    }
}

fn children_of(parent: u32) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(parent.to_string().as_str())
    };
    pids.filter(is_child).collect()
}

#[test]
fn too_few_descriptors_are_told_of_at_once() {
    if !has("prlimit") {
        return;
    }
    let mut command = demo("prlimit".as_ref());
    let ended = output(command.arg("--nofile=256:256").arg(BINARY).arg("demo"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("256") && said.contains("ulimit"), "{said}");
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let running = Running::start();
        running.signal(signal);
        let ended = running.demo.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        assert!(!running.children.iter().any(|pid| lives(*pid)), "{:?}", running.children);
        assert!(!Path::new(&running.folder).exists(), "{} is still there", running.folder);
    }
}

#[test]
fn nobody_outlives_a_demo_that_is_killed() {
    let mut running = Running::start();
    running.signal(Signal::SIGKILL);
    running.demo.wait().unwrap();
    running.wait_until_alone();
    fs::remove_dir_all(&running.folder).unwrap();
}

#[test]
fn a_demo_whose_daemon_ends_says_so_with_its_log() {
    let running = Running::start();
    let is_daemon = |pid: &&i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().contains("watchdog.toml");
    let daemon = running.children.iter().find(is_daemon).unwrap();
    kill(Pid::from_raw(*daemon), Signal::SIGKILL).unwrap();
    let ended = running.demo.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("the daemon ended with signal: 9") && said.contains("found"), "{said}");
    assert!(!running.children.iter().any(|pid| lives(*pid)), "{:?}", running.children);
}
