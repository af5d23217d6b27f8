//! What an operator does to the running daemon: undo, thaw, reload, act, inhibit, release.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::support::{BINARY, Daemon, Leaker, eventually, has, is_root, texts, throughout, tradedog};

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
    assert!(told.contains("read again: 1 target"), "{told}");
    assert!(told.contains("target broker: added\ntarget trader: removed"), "{told}");
    assert!(daemon.log().contains("target broker: added"), "{}", daemon.log());
    daemon.wait_for(5, ("tradedog_config_last_reload_successful", &[]), 1.0);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "broker")]), 1.0);
    eventually(10, "what the removed target has in force to be undone", || {
        // The same file marks the pause of the new target, which the level asks for.
        let leases = daemon.scrape().all("tradedog_lease").filter(|lease| lease.value == 1.0).count();
        (leases <= 1 && daemon.value("tradedog_lease", &[("target", "trader")]).is_none()).then_some(())
    });
}

/// `reset_pool` at 60 open files, once in ten minutes; the kill would come at 500, once a day.
fn operated(leaker: &Leaker, mark: &str, dry_run: bool) -> Daemon {
    Daemon::told(&format!(
        r#"
[daemon]
interval = "200ms"
dry_run = {dry_run}
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
settle = "200ms"
kill_budget = {{ max = 1, per = "1d" }}
[target.trader.thresholds]
open_fds = {{ elevated = 60, warning = 300, critical = 400, fatal = 500, clear_hold = "200ms" }}
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["other"]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions.reset_pool]
signal = "SIGUSR1"
cooldown = "10m"
[target.trader.actions.other]
signal = "SIGUSR2"
[target.trader.actions.pause]
command = ["/usr/bin/touch", "{mark}"]
undo = {{ command = ["/bin/rm", "{mark}"] }}
undo_after = "0s"
[target.trader.actions.kill]
kill = {{ grace = "5s" }}
needs = {{ action = "pause", within = "10s", otherwise = "hold" }}
"#,
        leaker.tag()
    ))
    .start()
}

#[test]
fn what_is_asked_for_skips_the_cooldown_and_never_a_veto() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    for count in [2.0, 3.0] {
        let (code, told, said) = ask(&daemon, &["act", "trader", "reset_pool"]);
        assert_eq!(code, 0, "{told}{said}");
        assert!(told.contains("ordered: reset_pool of trader[0]"), "{told}");
        assert!(told.contains("reset_pool of trader[0]: delivered"), "{told}");
        assert_eq!(daemon.orders("reset_pool", "delivered", "none"), count, "what is told is what is shown");
    }
    let (code, told, said) = ask(&daemon, &["act", "trader", "other", "--process", "0"]);
    assert_eq!(code, 1, "{told}{said}");
    assert!(told.contains("vetoed: the process has no handler") && said.contains("1 of 1 not done"), "{told}{said}");
    assert_eq!(daemon.orders("other", "vetoed", "unhandled"), 1.0);
    assert!(leaker.lives());
    let log = daemon.log();
    assert!(log.contains("asks to take reset_pool of trader") && log.contains("(uid "), "{log}");
}

#[test]
fn a_name_that_is_wrong_is_answered_with_those_that_are_there() {
    let mark = Mark::new();
    let leaker = Leaker::handling(&[]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    for (words, part) in [
        (&["act", "tradr", "pause"][..], "there is trader"),
        (&["act", "trader", "paus\n"], "it has reset_pool, other, pause, kill"),
        (&["act", "trader", "kill", "--process", "7"], "has no process 7: there is 0"),
        (&["inhibit", "tradr", "--for", "1m"], "there is trader"),
        (&["inhibit", "trader", "paus", "--for", "1m"], "it has reset_pool"),
        (&["release", "trader"], "nothing of trader is held back"),
    ] {
        let (code, _, said) = ask(&daemon, words);
        assert!(code == 1 && said.contains(part), "{words:?}: {code} {said}");
    }
    let (code, _, said) = ask(&daemon, &["inhibit", "trader"]);
    assert!(code == 2 && said.contains("--until-successor"), "{said}");
    assert_eq!(ask(&daemon, &["inhibit"]).1, "nothing is held back\n");
    assert_eq!(ask(&daemon, &["release", "--all"]).1, "nothing was held back\n");
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    let (code, _, said) = ask(&daemon, &["act", "trader", "pause"]);
    assert!(code == 1 && said.contains("nobody of trader is there"), "{said}");
}

#[test]
fn a_dry_run_says_so_and_does_nothing() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), true);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    for action in ["pause", "kill"] {
        let (code, told, said) = ask(&daemon, &["act", "trader", action]);
        assert_eq!(code, 0, "{told}{said}");
        assert!(told.contains("dry run: nothing was done"), "{told}");
        assert_eq!(daemon.orders(action, "dry_run", "none"), 1.0);
    }
    assert!(leaker.lives() && !mark.path().exists());
    assert_eq!(daemon.in_force("pause"), 0);
}

#[test]
fn what_is_asked_for_stays_in_force_until_it_is_undone() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let (code, told, said) = ask(&daemon, &["act", "trader", "pause"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("pause of trader: acknowledged") && mark.path().exists(), "{told}");
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    leaker.tell("files 0");
    daemon.wait_for(5, ("tradedog_target_level", &[("target", "trader")]), 0.0);
    throughout(std::time::Duration::from_secs(1), "no level ends it", || mark.path().exists());
    let (code, told, _) = ask(&daemon, &["act", "trader", "pause"]);
    assert!(code == 0 && told.contains("in force already"), "{told}");
    let (code, told, said) = ask(&daemon, &["inhibit", "trader", "--for", "1h"]);
    assert_eq!(code, 0, "{told}{said}");
    let (code, told, said) = ask(&daemon, &["undo", "trader", "pause"]);
    assert_eq!(code, 0, "what is held back is still undone: {told}{said}");
    assert!(!mark.path().exists() && daemon.in_force("pause") == 0);
}

#[test]
fn a_kill_that_is_asked_for_waits_for_nothing_unless_it_is_to() {
    let mark = Mark::new();
    for needs in [false, true] {
        let mut leaker = Leaker::handling(&[]).start();
        let daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
        daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
        let words = ["act", "trader", "kill", "--needs"];
        let (code, told, said) = ask(&daemon, if needs { &words } else { &words[..3] });
        assert_eq!(code, 0, "{told}{said}");
        assert!(told.contains("kill of trader[0]: done, the process is gone"), "{told}");
        assert_eq!(daemon.orders("kill", "gone", "none"), 1.0);
        assert_eq!(daemon.orders("pause", "acknowledged", "none"), if needs { 1.0 } else { 0.0 });
        leaker.end_signal(5, "it was killed");
    }
}

#[test]
fn what_is_held_back_waits_over_a_restart_until_it_is_released() {
    let mark = Mark::new();
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let mut daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let (code, told, said) = ask(&daemon, &["inhibit", "trader", "reset_pool", "--for", "30h"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("(uid ") && told.contains("is the longest"), "{told}");
    assert_eq!(daemon.value("tradedog_inhibited", &[("target", "trader")]), Some(1.0));
    leaker.tell("files 80");
    daemon.wait_for_order(5, "reset_pool", ("held", "inhibited"));
    let (code, _, said) = ask(&daemon, &["act", "trader", "reset_pool"]);
    assert!(code == 1 && said.contains("the operator holds it back"), "{said}");
    daemon.kill_9();
    daemon.start_again();
    let (_, told, _) = ask(&daemon, &["inhibit"]);
    assert!(told.starts_with("reset_pool of trader: held back for 2") && told.contains("by "), "{told}");
    daemon.wait_for_order(5, "reset_pool", ("held", "inhibited"));
    throughout(std::time::Duration::from_secs(1), "nothing goes out", || {
        daemon.orders("reset_pool", "delivered", "none") == 0.0
    });
    assert_eq!(daemon.orders("reset_pool", "held", "inhibited"), 1.0, "counted once");
    let (code, told, said) = ask(&daemon, &["release", "trader", "reset_pool"]);
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("held back no more"), "{told}");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    assert_eq!(daemon.value("tradedog_inhibited", &[("target", "trader")]), Some(0.0));
}

#[test]
fn what_is_held_back_until_the_successor_is_let_go_by_him() {
    let mark = Mark::new();
    let leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), false);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let (code, told, said) = ask(&daemon, &["inhibit", "trader", "--until-successor"]);
    assert_eq!(code, 0, "{told}{said}");
    let successor = Leaker::handling(&["SIGUSR1"]).beside(&leaker);
    drop(leaker);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
    assert_eq!(daemon.value("tradedog_inhibited", &[("target", "trader")]), Some(1.0), "nobody has come");
    let _successor = successor.start();
    daemon.wait_for(5, ("tradedog_inhibited", &[("target", "trader")]), 0.0);
    assert!(daemon.log().contains("the successor is there"), "{}", daemon.log());
}

/// Needs root: only root may become somebody else.
#[test]
fn members_of_the_daemons_group_may_ask_and_strangers_may_not() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mark = Mark::new();
    let leaker = Leaker::handling(&[]).start();
    let daemon = operated(&leaker, mark.path().to_str().unwrap(), true);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let folder = daemon.runtime_directory();
    // As the unit has it: the group may go in.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    let state = fs::metadata(folder.join("state.json")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o600, "what is remembered is the daemon's alone");
    let copy = folder.with_file_name("tradedog");
    fs::copy(BINARY, &copy).unwrap();
    let ask_as = |groups: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "54321", "--regid", "54321"]).args(groups).arg(&copy);
        command.args(["act", "trader", "pause", "--runtime-directory"]).arg(&folder).env("NO_COLOR", "1");
        texts(&command.output().unwrap())
    };
    let (code, told, said) = ask_as(&["--groups", "0"]);
    assert!(code == 0 && told.contains("dry run: nothing was done"), "{code} {told}{said}");
    assert!(daemon.log().contains("somebody (uid 54321, pid "), "{}", daemon.log());
    let (code, _, said) = ask_as(&["--clear-groups"]);
    assert!(code == 1 && said.contains("may not ask") && said.contains("member of its group"), "{said}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, _, said) = ask_as(&["--clear-groups"]);
    assert!(code == 1 && said.contains("may not ask"), "the socket itself is closed to him: {said}");
    fs::set_permissions(folder.join("control.sock"), fs::Permissions::from_mode(0o666)).unwrap();
    for _ in 0..20 {
        let (code, _, said) = ask_as(&["--clear-groups"]);
        assert!(code == 1 && said.contains("only root and members of the group root may"), "{said}");
    }
    eventually(5, "a word on the strangers", || daemon.log().contains("asked at the control socket").then_some(()));
    assert!(daemon.log().matches("asked at the control socket").count() <= 2, "not a line each: {}", daemon.log());
    assert_eq!(daemon.orders("pause", "dry_run", "none"), 1.0, "nothing of it was done");
}
