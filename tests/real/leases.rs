//! Measures in force: when they are taken back, by whom, and who may not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::support::{Answer, BINARY, Daemon, Endpoint, Leaker, NOBODY, has, is_root, output, target, throughout};

/// Paused at 100 open files; `more` is put into the action.
fn text(leaker: &Leaker, endpoint: &Endpoint, more: &str) -> String {
    let (pause, resume) = (endpoint.url("/pause"), endpoint.url("/resume"));
    let tables = format!(
        r#"
[target.trader.thresholds]
open_fds = {{ critical = 100, clear_hold = "500ms" }}
[target.trader.ladder]
critical = ["pause"]
[target.trader.actions.pause]
http = {{ post = "{pause}" }}
undo = {{ http = {{ post = "{resume}" }} }}
cooldown = "100ms"
{more}
"#
    );
    target(leaker, &tables)
}

fn pausing(leaker: &Leaker, endpoint: &Endpoint, more: &str) -> Daemon {
    Daemon::told(&text(leaker, endpoint, more)).start()
}

fn wait_for_level(daemon: &Daemon, level: f64) {
    daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), level);
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn undo_after_runs_from_when_the_last_owner_left() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "undo_after = \"3s\"");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    std::thread::sleep(Duration::from_millis(1500));
    // A new owner stops that clock.
    leaker.tell("files 120");
    wait_for_level(&daemon, 3.0);
    throughout(Duration::from_secs(3), "needed again", || endpoint.count("/resume") == 0);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    let left = Instant::now();
    let undone = endpoint.wait_for(6, "/resume", 1).at.duration_since(left);
    assert!(undone > Duration::from_millis(2500) && undone < Duration::from_millis(4500), "undone after {undone:?}");
    assert_eq!(endpoint.paths(), ["/pause", "/resume"]);
}

#[test]
fn what_the_operator_undoes_nobody_else_does() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "undo_after = \"0s\"\nundo_by = \"operator\"");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    throughout(Duration::from_secs(3), "it stays paused", || endpoint.count("/resume") == 0);
    let undone = daemon.ask(&["undo", "trader", "pause"]);
    assert!(undone.status.success(), "{}", said(&undone));
    assert_eq!(endpoint.count("/resume"), 1, "it says so when it is done");
    daemon.wait_for_lease(1, "pause", 0);
    let again = daemon.ask(&["undo", "trader", "pause"]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("not in force"), "{}", said(&again));
    let all = daemon.ask(&["undo", "--all"]);
    assert!(all.status.success() && said(&all).contains("nothing is in force"), "{}", said(&all));
    let unknown = daemon.ask(&["undo", "trader", "puase"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    assert_eq!(endpoint.paths(), ["/pause", "/resume"]);
}

/// What the operator took back stays so until the level was left; then it is taken as ever.
#[test]
fn an_undo_while_the_level_holds_is_not_taken_back() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    let undone = daemon.ask(&["undo", "--all"]);
    assert!(undone.status.success(), "{}", said(&undone));
    throughout(Duration::from_secs(3), "not paused again", || endpoint.paths() == ["/pause", "/resume"]);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    leaker.tell("files 120");
    endpoint.wait_for(5, "/pause", 2);
}

/// It goes on trying, says that it does, and the measure stays listed.
#[test]
fn an_undo_that_fails_for_ever_stays_listed() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "undo_after = \"0s\"");
    endpoint.answer("/resume", &[Answer::Status(500)]);
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    endpoint.wait_for(5, "/resume", 1);
    let asked = Instant::now();
    let undone = daemon.ask(&["undo", "trader", "pause"]);
    assert_eq!(undone.status.code(), Some(1), "{}", said(&undone));
    assert!(said(&undone).contains("still in force"), "{}", said(&undone));
    assert!(asked.elapsed() > Duration::from_secs(25), "it gave up after {:?}", asked.elapsed());
    assert_eq!(daemon.in_force("pause"), 1);
    let failures = &[("action", "pause"), ("reason", "refused")][..];
    assert!(daemon.value("tradedog_undo_failures_total", failures).unwrap() >= 3.0);
    assert!(daemon.log().contains("ERROR"), "nobody shouts:\n{}", daemon.log());
    let status = daemon.get("/api/v1/status").unwrap().1;
    assert!(status.contains("\"pause\""), "{status}");
    // Whatever became of the owner.
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    throughout(Duration::from_secs(1), "it stays listed", || daemon.in_force("pause") == 1);
}

/// By the mode of the socket first, and where somebody opens that, by the kernel's word on the peer.
#[test]
fn another_user_is_refused() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("tradedog");
    fs::copy(BINARY, &copy).unwrap();
    let id = NOBODY.to_string();
    let ask = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(&copy).args(["undo", "--all"]);
        output(command.arg("--runtime-directory").arg(daemon.runtime_directory()))
    };
    for open in [false, true] {
        if open {
            fs::set_permissions(daemon.runtime_directory(), Permissions::from_mode(0o711)).unwrap();
            let socket = daemon.runtime_directory().join("control.sock");
            assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
            fs::set_permissions(socket, Permissions::from_mode(0o666)).unwrap();
        }
        let refused = ask();
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("root"), "{}", said(&refused));
    }
    assert_eq!((endpoint.count("/resume"), daemon.in_force("pause")), (0, 1), "it was undone for nobody");
    assert!(daemon.ask(&["undo", "--all"]).status.success());
}

/// Nobody is there for whom it could be undone, until somebody comes.
#[test]
fn what_serves_all_passes_to_the_successor() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "undo_after = \"0s\"");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    let successor = Leaker::handling(&[]).beside(&leaker);
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    throughout(Duration::from_secs(2), "it waits for somebody", || endpoint.paths() == ["/pause"]);
    assert_eq!(daemon.in_force("pause"), 1);
    let successor = successor.start();
    let undone = endpoint.wait_for(35, "/resume", 1);
    assert!(undone.body.contains(&format!("\"pid\":{}", successor.pid())), "{}", undone.body);
    daemon.wait_for_lease(3, "pause", 0);
}

/// The successor is born after the delivery: its own breach is its own measure.
#[test]
fn a_successor_that_breaches_is_paused_anew() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "undo_by = \"operator\"");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    let successor = Leaker::handling(&[]).beside(&leaker);
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    let mut successor = successor.start();
    successor.tell("files 120");
    let asked = endpoint.wait_for(35, "/pause", 2);
    assert!(asked.body.contains(&format!("\"pid\":{}", successor.pid())), "{}", asked.body);
    assert_eq!(daemon.in_force("pause"), 1, "one measure, in force once");
}

#[test]
fn what_serves_one_process_ends_with_it() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let daemon = pausing(&leaker, &endpoint, "scope = \"process\"\nundo_after = \"0s\"");
    leaker.tell("files 120");
    daemon.wait_for_lease(5, "pause", 1);
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    daemon.wait_for_lease(3, "pause", 0);
    throughout(Duration::from_secs(1), "nobody is asked for the dead", || endpoint.paths() == ["/pause"]);
    assert!(daemon.log().contains("in force no more"), "{}", daemon.log());
}

#[test]
fn beyond_max_cycles_it_stays_in_force_and_shouts() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let more = "undo_after = \"0s\"\nmax_cycles = { max = 2, per = \"1h\" }";
    let daemon = pausing(&leaker, &endpoint, more);
    for cycle in 1..=2 {
        leaker.tell("files 120");
        endpoint.wait_for(5, "/pause", cycle);
        leaker.tell("files 5");
        endpoint.wait_for(5, "/resume", cycle);
        daemon.wait_for_lease(3, "pause", 0);
    }
    leaker.tell("files 120");
    endpoint.wait_for(5, "/pause", 3);
    leaker.tell("files 5");
    wait_for_level(&daemon, 0.0);
    throughout(Duration::from_secs(3), "it stays in force", || endpoint.count("/resume") == 2);
    assert!(daemon.log().contains("taken and undone too often"), "{}", daemon.log());
    let undone = daemon.ask(&["undo", "trader", "pause"]);
    assert!(undone.status.success(), "{}", said(&undone));
    assert_eq!(endpoint.count("/resume"), 3);
}

/// What was asked has no answer yet: it may be in force. It is not asked twice, and it is undone.
#[test]
fn a_stop_in_the_middle_of_a_delivery_forgets_nothing() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    let mut daemon = pausing(&leaker, &endpoint, "undo_after = \"0s\"");
    endpoint.answer("/pause", &[Answer::Hang]);
    leaker.tell("files 120");
    endpoint.wait_for(5, "/pause", 1);
    let asked = Instant::now();
    assert!(daemon.stop().success());
    assert!(asked.elapsed() < Duration::from_secs(3), "stopped after {:?}", asked.elapsed());
    daemon.start_again();
    daemon.wait_for_lease(3, "pause", 1);
    throughout(Duration::from_secs(3), "not asked twice", || endpoint.paths() == ["/pause"]);
    leaker.tell("files 5");
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
}
