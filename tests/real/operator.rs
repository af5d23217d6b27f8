//! What an operator does to the running daemon: undo, thaw, reload.

use std::fs;
use std::path::PathBuf;

use super::support::{Daemon, Leaker, eventually, texts, throughout, tradedog};

/// Paused at 60 open files by a command, and undone by nobody but the operator; frozen at 100.
fn watching(leaker: &Leaker, mark: &str) -> Daemon {
    Daemon::told(&format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
settle = "200ms"
[target.trader.thresholds]
open_fds = {{ critical = 60, fatal = 100, clear_hold = "200ms" }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["freeze"]
[target.trader.actions.pause]
command = ["/usr/bin/touch", "{mark}"]
undo = {{ command = ["/bin/rm", "{mark}"] }}
undo_by = "operator"
[target.trader.actions.freeze]
freeze = {{ by = "signal", deadline = "10m" }}
cooldown = "1s"
"#,
        leaker.tag()
    ))
    .start()
}

const PAUSED: (&str, &[(&str, &str)]) = ("tradedog_lease", &[("action", "pause"), ("process", "")]);
const FROZEN: (&str, &[(&str, &str)]) = ("tradedog_lease", &[("action", "freeze"), ("process", "0")]);

fn is_stopped(leaker: &Leaker) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", leaker.pid())).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

struct Mark(tempfile::TempDir);

impl Mark {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("paused")
    }
}

/// Runs a command that asks `daemon`: how it ends, what it prints, what it says.
fn ask(daemon: &Daemon, words: &[&str]) -> (i32, String, String) {
    let folder = daemon.runtime_directory();
    let words: Vec<&str> = words.iter().copied().chain(["--runtime-directory", folder.to_str().unwrap()]).collect();
    texts(&tradedog(&folder, &words))
}

#[test]
fn what_is_in_force_is_shown_and_undone_by_the_operator_alone() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker, mark.path().to_str().unwrap());
    daemon.wait_for(5, PAUSED, 0.0);
    let (code, _, said) = ask(&daemon, &["undo", "trader", "pause"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("pause of trader is not in force"), "{said}");
    leaker.tell("files 80");
    daemon.wait_for(5, PAUSED, 1.0);
    eventually(5, "the command to have run", || mark.path().exists().then_some(()));
    leaker.tell("files 0");
    daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), 0.0);
    throughout(std::time::Duration::from_secs(1), "it waits for the operator", || mark.path().exists());
    let url = format!("http://{}", daemon.server());
    let (_, told, _) = texts(&tradedog(&daemon.runtime_directory(), &["status", "--url", &url]));
    assert!(told.contains("IN FORCE: pause of trader since") && told.contains("tradedog undo trader pause"), "{told}");
    let (code, told, said) = ask(&daemon, &["undo", "trader", "pause"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("pause of trader: no longer in force"), "{told}");
    assert!(!mark.path().exists(), "it says so, and it is so");
    daemon.wait_for(2, PAUSED, 0.0);
}

#[test]
fn an_undo_that_fails_is_told_of() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker, mark.path().to_str().unwrap());
    leaker.tell("files 80");
    daemon.wait_for(5, PAUSED, 1.0);
    eventually(5, "the command to have run", || fs::remove_file(mark.path()).ok());
    let (code, told, said) = ask(&daemon, &["undo", "--all", "--wait", "1s"]);
    assert_eq!(code, 1, "{told}{said}");
    assert!(told.contains("pause of trader: still in force: its undo"), "{told}");
    assert!(said.contains("1 of 1 not undone after 1s"), "{said}");
    let failures = daemon.value("tradedog_undo_failures_total", &[("action", "pause"), ("reason", "refused")]);
    assert!(failures.is_some_and(|count| count >= 1.0), "{failures:?}");
    fs::write(mark.path(), "").unwrap();
    daemon.wait_for(20, PAUSED, 0.0);
}

#[test]
fn who_is_frozen_is_thawed_with_the_daemon_and_without() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&[]).start();
    let mut daemon = watching(&leaker, mark.path().to_str().unwrap());
    leaker.tell("files 150");
    daemon.wait_for(5, FROZEN, 1.0);
    eventually(5, "it to be stopped", || is_stopped(&leaker).then_some(()));
    let (code, told, said) = ask(&daemon, &["thaw"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("freeze of trader[0]: no longer in force") && !is_stopped(&leaker), "{told}");
    throughout(std::time::Duration::from_secs(1), "not taken again at the same level", || !is_stopped(&leaker));
    leaker.tell("files 0");
    daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), 0.0);
    leaker.tell("files 150");
    daemon.wait_for(10, FROZEN, 1.0);
    eventually(5, "it to be stopped again", || is_stopped(&leaker).then_some(()));
    daemon.kill_9();
    assert!(is_stopped(&leaker), "nobody is there to let it go");
    let (code, told, said) = ask(&daemon, &["undo", "--all"]);
    assert_eq!(code, 1, "{told}");
    assert!(said.contains("no tradedog answers at") && said.contains("systemctl start tradedog"), "{said}");
    let (code, told, said) = ask(&daemon, &["thaw"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("thawed") && !is_stopped(&leaker), "{told}");
}

#[test]
fn a_reload_is_whole_or_not_at_all_and_says_which() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker, mark.path().to_str().unwrap());
    leaker.tell("files 80");
    daemon.wait_for(5, PAUSED, 1.0);
    let text = fs::read_to_string(daemon.configuration()).unwrap();
    fs::write(daemon.configuration(), text.replace("open_fds =", "open_fd =")).unwrap();
    let (code, _, said) = ask(&daemon, &["reload"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("watchdog.toml:") && said.contains("open_fd"), "{said}");
    assert_eq!(daemon.value("tradedog_config_last_reload_successful", &[]), Some(0.0));
    assert_eq!(daemon.value("tradedog_target_processes", &[("target", "trader")]), Some(1.0), "it goes on");
    fs::write(daemon.configuration(), text.replace("trader", "broker")).unwrap();
    let (code, told, said) = ask(&daemon, &["reload"]);
    assert_eq!(code, 0, "{said}");
    assert!(told.contains("read again"), "{told}");
    daemon.wait_for(5, ("tradedog_config_last_reload_successful", &[]), 1.0);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "broker")]), 1.0);
    eventually(10, "what the removed target has in force to be undone", || {
        // The same file marks the pause of the new target, which the level asks for.
        let leases = daemon.scrape().all("tradedog_lease").filter(|lease| lease.value == 1.0).count();
        (leases <= 1 && daemon.value("tradedog_lease", &[("target", "trader")]).is_none()).then_some(())
    });
}
