//! Bad endpoints and bad commands: what is said of them, what is left of them, and that the daemon
//! stays small and quick.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Answer, Daemon, Endpoint, Leaker, eventually, running, status, throughout, watching};

const MIB: u64 = 1024;

/// One measure at 100 open files, and a signal at 200 that it must not hold up for longer than it may
/// take itself.
fn taking(leaker: &Leaker, measure: &str) -> Daemon {
    let daemon = watching(
        leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ warning = 100, critical = 200, clear_hold = "500ms" }}
[target.trader.ladder]
warning = ["measure"]
critical = ["reset_pool"]
[target.trader.actions]
measure = {{ {measure} }}
reset_pool = {{ signal = "SIGUSR1" }}
"#
        ),
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    daemon
}

fn post(endpoint: &Endpoint, more: &str) -> String {
    let (off, on) = (endpoint.url("/off"), endpoint.url("/on"));
    format!(
        "http = {{ post = \"{off}\", timeout = \"1s\" {more} }}, undo = {{ http = {{ post = \"{on}\" }} }}, undo_after = \"0s\", max_attempts = 1"
    )
}

fn command(argv: &[&str]) -> String {
    format!("command = {argv:?}, timeout = \"2s\", max_attempts = 1, undo = {{ command = [\"/bin/true\"] }}")
}

/// Breaches, waits for the outcome, then for the signal behind it; the daemon has grown by little.
fn outcome(leaker: &mut Leaker, daemon: &Daemon, (kind, reason): (&str, &str)) {
    let before = status(daemon.pid(), "VmRSS");
    leaker.tell("files 250");
    let breached = Instant::now();
    daemon.wait_for_order(6, "measure", (kind, reason));
    let ended = breached.elapsed();
    assert!(ended < Duration::from_secs(4), "the outcome came after {ended:?}");
    eventually(2, "the next signal", || (leaker.signals() == ["SIGUSR1"]).then_some(()));
    let asked = Instant::now();
    assert!(daemon.get("/-/healthy").is_some_and(|(code, _)| code == 200));
    assert!(asked.elapsed() < Duration::from_secs(1), "healthy after {:?}", asked.elapsed());
    let after = status(daemon.pid(), "VmRSS");
    assert!(after < before + 16 * MIB, "from {before} to {after} KiB");
    assert!(leaker.lives());
}

fn http(answer: Answer, end: (&str, &str), word: &str) -> (Endpoint, Leaker, Daemon) {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let daemon = taking(&leaker, &post(&endpoint, ""));
    endpoint.answer("/off", &[answer]);
    outcome(&mut leaker, &daemon, end);
    assert!(daemon.log().contains(word), "{word:?} is not said:\n{}", daemon.log());
    assert_eq!(endpoint.count("/off"), 1);
    (endpoint, leaker, daemon)
}

/// It may be in force: it is undone once nobody needs it.
fn undone_later((endpoint, mut leaker, daemon): (Endpoint, Leaker, Daemon)) {
    assert_eq!(daemon.in_force("measure"), 1);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/on", 1);
    daemon.wait_for_lease(3, "measure", 0);
}

#[test]
fn an_endpoint_that_hangs_is_a_timeout() {
    undone_later(http(Answer::Hang, ("failed", "timeout"), "no answer within 1s"));
}

#[test]
fn an_endpoint_that_says_nothing_is_in_doubt() {
    undone_later(http(Answer::Nothing, ("failed", "refused"), "no HTTP answer"));
}

#[test]
fn a_503_is_in_doubt() {
    undone_later(http(Answer::Status(503), ("failed", "refused"), "HTTP 503"));
}

#[test]
fn a_redirect_is_not_followed() {
    let (endpoint, leaker, daemon) = http(Answer::Redirect, ("failed", "refused"), "redirect");
    assert_eq!(endpoint.count("/elsewhere"), 0);
    drop((leaker, daemon));
}

#[test]
fn of_200_mib_no_more_is_read_than_is_needed() {
    undone_later(http(Answer::Flood(200), ("acknowledged", "none"), "acknowledged"));
    undone_later(http(Answer::Flood(503), ("failed", "refused"), "HTTP 503"));
}

/// None of these says that nothing was done.
#[test]
fn an_answer_that_is_no_answer_is_in_doubt() {
    undone_later(http(Answer::Drip, ("failed", "timeout"), "no answer within 1s"));
    undone_later(http(Answer::Head, ("failed", "refused"), "no HTTP answer"));
    undone_later(http(Answer::Noise, ("failed", "refused"), "no HTTP answer"));
}

/// Whether the name is unknown at once or nobody says so in time.
#[test]
fn a_host_that_nobody_knows_is_asked_nothing() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let nowhere = "http = { post = \"http://trader.invalid:8080/off\" }, undo = { command = [\"/bin/false\"] }";
    let daemon = taking(&leaker, &format!("{nowhere}, max_attempts = 1"));
    leaker.tell("files 120");
    eventually(6, "an outcome", || {
        let ended = |reason| daemon.orders("measure", "failed", reason);
        (ended("refused") + ended("timeout") == 1.0).then_some(())
    });
    assert_eq!(daemon.in_force("measure"), 0);
}

#[test]
fn where_nobody_listens_nothing_is_in_force() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = format!("http = {{ post = \"http://127.0.0.1:{port}/off\" }}, undo = {{ command = [\"/bin/false\"] }}");
    let daemon = taking(&leaker, &format!("{gone}, max_attempts = 1"));
    outcome(&mut leaker, &daemon, ("failed", "refused"));
    assert_eq!(daemon.in_force("measure"), 0);
    assert!(daemon.log().contains("onnect"), "{}", daemon.log());
}

#[test]
fn a_request_carries_the_token_and_tells_of_the_order() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "opensesame42\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let more = format!(", bearer_file = \"{}\", headers = {{ X-Reason = \"leak\" }}", secret.display());
    let daemon = taking(&leaker, &post(&endpoint, &more));
    leaker.tell("files 120");
    daemon.wait_for_order(5, "measure", ("acknowledged", "none"));
    let asked = endpoint.wait_for(1, "/off", 1);
    assert_eq!(asked.header("authorization"), Some("Bearer opensesame42"));
    assert_eq!(asked.header("x-reason"), Some("leak"));
    for told in [
        "\"target\":\"trader\"",
        &format!("\"pid\":{}", leaker.pid()),
        "\"level\":\"warning\"",
        "\"metric\":\"open_fds\"",
        &format!("\"order\":\"{}\"", asked.header("idempotency-key").unwrap()),
    ] {
        assert!(asked.body.contains(told), "{told} is not in {}", asked.body);
    }
    let shown = [daemon.log(), daemon.metrics(), daemon.get("/api/v1/status").unwrap().1].concat();
    assert!(!shown.contains("opensesame42"), "the secret is shown");
}

/// A folder with a script in it that runs as a command.
fn script(folder: &Path, body: &str) -> String {
    let path = folder.join("script");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn runs(body: &str, end: (&str, &str), word: &str) -> (Leaker, Daemon) {
    let (folder, mut leaker) = (tempfile::tempdir().unwrap(), Leaker::handling(&["SIGUSR1"]).start());
    let program = script(folder.path(), body);
    let daemon = taking(&leaker, &command(&[&program]));
    outcome(&mut leaker, &daemon, end);
    assert!(daemon.log().contains(word), "{word:?} is not said:\n{}", daemon.log());
    eventually(4, "an end of the command", || running(&program).is_empty().then_some(()));
    (leaker, daemon)
}

/// A number that no other process was told to sleep for.
fn nap(tenths: u32) -> String {
    format!("60{tenths}.{}", std::process::id())
}

#[test]
fn a_command_is_told_of_the_order_and_nothing_else() {
    let (folder, mut leaker) = (tempfile::tempdir().unwrap(), Leaker::handling(&["SIGUSR1"]).start());
    let told = folder.path().join("told");
    let program = script(folder.path(), &format!("env >{0}; echo arguments \"$@\" >>{0}", told.display()));
    let daemon = taking(&leaker, &command(&[&program, "{pid}", "; touch /tmp/never", "$HOME"]));
    leaker.tell("files 120");
    daemon.wait_for_order(5, "measure", ("acknowledged", "none"));
    let told = fs::read_to_string(told).unwrap();
    let pid = leaker.pid();
    assert!(told.contains(&format!("arguments {pid} ; touch /tmp/never $HOME")), "{told}");
    for line in ["TRADEDOG_TARGET=trader", &format!("TRADEDOG_PID={pid}"), "TRADEDOG_METRIC=open_fds"] {
        assert!(told.lines().any(|one| one == line), "{line} is not in:\n{told}");
    }
    assert!(!told.contains("RUNTIME_DIRECTORY") && !told.contains("CARGO"), "the daemon's environment:\n{told}");
}

#[test]
fn a_command_that_forks_is_done_when_it_has_ended() {
    let nap = nap(1);
    let (_leaker, _daemon) = runs(&format!("sleep {nap} &"), ("acknowledged", "none"), "acknowledged");
    // What it left in the background is its own.
    let left = running(&format!("sleep {nap}").replace(' ', "\0"));
    for pid in &left {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    assert_eq!(left.len(), 1);
}

#[test]
fn a_command_that_hangs_is_ended() {
    let nap = nap(2);
    let (_leaker, daemon) = runs(&format!("sleep {nap}\n:"), ("failed", "timeout"), "not ended within 2s");
    eventually(3, "an end of all of it", || running(&nap).is_empty().then_some(()));
    assert_eq!(daemon.in_force("measure"), 1, "it may have done it");
}

#[test]
fn a_command_that_ignores_sigterm_is_killed() {
    let nap = nap(3);
    runs(&format!("trap '' TERM\nsleep {nap}\n:"), ("failed", "timeout"), "not ended within 2s");
    eventually(3, "an end of all of it", || running(&nap).is_empty().then_some(()));
}

#[test]
fn a_command_that_floods_its_output_is_read_and_forgotten() {
    runs("head -c 20000000 /dev/zero | tr '\\0' x", ("acknowledged", "none"), "acknowledged");
    runs("exec /usr/bin/yes flooding", ("failed", "timeout"), "not ended within 2s");
}

#[test]
fn a_command_that_fails_says_why() {
    let escape = "printf 'no such session\\033[31m\\n' >&2; exit 3";
    let (_leaker, daemon) = runs(escape, ("failed", "refused"), "exit code 3: no such session");
    assert!(!daemon.log().contains("session\u{1b}"), "what it said is not escaped");
    assert_eq!(daemon.in_force("measure"), 1, "it may have done it");
}

#[test]
fn a_command_that_does_not_exist_leaves_nothing_in_force() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = taking(&leaker, &command(&["/usr/local/bin/no-such-trader-ctl", "pause"]));
    outcome(&mut leaker, &daemon, ("failed", "refused"));
    assert!(daemon.log().contains("/usr/local/bin/no-such-trader-ctl: No such file"), "{}", daemon.log());
    throughout(Duration::from_secs(1), "nothing is in force", || daemon.in_force("measure") == 0);
}

#[test]
fn without_its_token_nothing_is_sent() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let daemon = taking(&leaker, &post(&endpoint, ", bearer_file = \"/nonexistent/token\""));
    outcome(&mut leaker, &daemon, ("failed", "refused"));
    assert!(daemon.log().contains("/nonexistent/token"), "{}", daemon.log());
    assert_eq!((endpoint.paths().len(), daemon.in_force("measure")), (0, 0));
}

/// A stop waits for no command, and leaves none that hangs.
#[test]
fn a_stop_leaves_no_command_behind() {
    let (folder, mut leaker) = (tempfile::tempdir().unwrap(), Leaker::handling(&[]).start());
    let program = script(folder.path(), "trap '' TERM\nwhile :; do sleep 0.1; done");
    let mut daemon = taking(&leaker, &command(&[&program]).replace("timeout = \"2s\"", "timeout = \"60s\""));
    leaker.tell("files 120");
    eventually(4, "the command", || (!running(&program).is_empty()).then_some(()));
    let asked = Instant::now();
    assert!(daemon.stop().success());
    assert!(asked.elapsed() < Duration::from_secs(3), "stopped after {:?}", asked.elapsed());
    eventually(2, "an end of the command", || running(&program).is_empty().then_some(()));
}
