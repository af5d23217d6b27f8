//! Evidence of real processes: there before the kill, whole, of the right one, without a secret; and no kill waits
//! for it longer than it should.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc::SIGTERM;

use super::support::{
    Daemon, Leaker, Survived, eventually, has, in_mounts_of_its_own, is_root, mount, target, texts, tradedog,
};

const SECRET: &str = "hunter2-of-the-broker";

/// Killed at 100 open files, at critical from 60 on; `more` goes into the target.
fn text(leaker: &Leaker, daemon: &str, more: &str) -> String {
    let tables = format!(
        r#"
{more}
[target.trader.thresholds]
open_fds = {{ critical = 60, fatal = 100 }}
[target.trader.ladder]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
pause = {{ http = {{ post = "http://127.0.0.1:1/{SECRET}", headers = {{ X-Note = "{SECRET}" }}, body = "{SECRET}" }} }}
kill = {{ kill = {{ grace = "5s" }} }}
"#
    );
    format!("[daemon]\ninterval = \"200ms\"\n{daemon}\n{}", target(leaker, &tables))
}

fn leaker() -> Leaker {
    Leaker::handling(&[]).within(&["env", &format!("BROKER_TOKEN={SECRET}")]).start()
}

/// The folders of incidents, the oldest first.
fn folders(daemon: &Daemon) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(daemon.state_directory().join("incidents")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    paths.sort();
    paths
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

fn script(folder: &Path, body: &str) -> String {
    let path = folder.join("evidence");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("evidence = {{ command = [\"{}\", \"{{pid}}\"], timeout = \"2s\" }}", path.display())
}

#[test]
fn evidence_is_there_at_critical_and_before_the_kill_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("trader.log");
    fs::write(&log, "the last words of the trader\n").unwrap();
    let more = format!("logs = [\"{}\"]\n{}", log.display(), script(folder.path(), "echo dump of $1"));
    let mut leaker = leaker();
    let pid = leaker.pid();
    let daemon = Daemon::told(&text(&leaker, "", &more)).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 65");
    let count = |trigger| ("tradedog_incidents_total", [("target", "trader"), ("trigger", trigger)]);
    let (name, labels) = count("critical");
    daemon.wait_for(10, (name, &labels), 1.0);
    leaker.tell("cw 10");
    leaker.tell("files 120");
    assert_eq!(leaker.end_signal(10, "killed at fatal"), Some(SIGTERM));
    let (name, labels) = count("kill");
    daemon.wait_for(5, (name, &labels), 1.0);
    let all = folders(&daemon);
    assert_eq!(all.len(), 2, "{all:?}");
    let document: serde_json::Value = serde_json::from_str(&read(&all[1], "incident.json")).unwrap();
    assert_eq!((&document["trigger"], &document["pid"]), (&"kill".into(), &pid.into()));
    assert_eq!((&document["grounds"]["metric"], &document["order"]["action"]), (&"open_fds".into(), &"kill".into()));
    assert!(read(&all[1], "sockets.txt").contains("CLOSE_WAIT"), "{}", read(&all[1], "sockets.txt"));
    assert!(read(&all[1], "status.txt").contains(&format!("Pid:\t{pid}\n")));
    assert!(read(&all[1], "command.txt").starts_with(&format!("dump of {pid}\n")));
    assert_eq!(read(&all[1], "log-1.txt"), "the last words of the trader\n");
    assert!(read(&all[1], "decision.txt").contains("kill (SIGTERM"), "{}", read(&all[1], "decision.txt"));
    for file in all.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path())) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains(SECRET), "{}:\n{text}", file.display());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    shown(&daemon, &all[1], pid);
}

/// The log, the history, the page and the command line all tell of it.
fn shown(daemon: &Daemon, folder: &Path, pid: i32) {
    let line = format!("evidence before the kill is in {}", folder.display());
    eventually(5, "the line of the log", || daemon.log().contains(&line).then_some(()));
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert!(daemon.get("/").unwrap().1.contains(&format!("tradedog incidents show {id}")));
    let state = daemon.state_directory();
    let state = state.to_str().unwrap();
    let (code, out, err) = texts(&tradedog(Path::new("/"), &["incidents", "show", "last", "--dir", state]));
    assert!(code == 0 && out.contains(&format!("pid {pid}")), "{out}{err}");
    let (_, out, _) = texts(&tradedog(Path::new("/"), &["incidents", "--dir", state]));
    assert_eq!(out.lines().count(), 2, "{out}");
    let kept = || {
        let (_, out, _) = texts(&tradedog(Path::new("/"), &["history", "--kind", "incident", state]));
        out.contains(id).then_some(())
    };
    eventually(5, "the incident in the history", kept);
}

#[test]
fn a_kill_does_not_wait_for_evidence_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let mut leaker = leaker();
    let more = script(folder.path(), "trap '' TERM; sleep 1000");
    let daemon = Daemon::told(&text(&leaker, "evidence_timeout = \"300ms\"", &more)).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let begun = Instant::now();
    leaker.tell("files 120");
    assert_eq!(leaker.end_signal(10, "killed at fatal"), Some(SIGTERM));
    assert!(begun.elapsed() > Duration::from_millis(300), "it was not waited for");
    daemon.wait_for(5, ("tradedog_incident_flaws_total", &[("reason", "late")]), 1.0);
    eventually(5, "a word that the kill goes ahead", || daemon.log().contains("the kill goes ahead").then_some(()));
    // What was collected is kept all the same, and says what is missing.
    let kept = || folders(&daemon).into_iter().find(|path| path.to_string_lossy().ends_with("kill"));
    let kept = eventually(10, "what was collected until then", kept);
    assert!(read(&kept, "missing.txt").contains("it was ended after 2s"), "{}", read(&kept, "missing.txt"));
    assert!(read(&kept, "descriptors.txt").contains("descriptors"));
}

/// Until it goes on nothing was sent: the next daemon sends SIGTERM, and does not think that it was.
#[test]
fn a_daemon_that_ends_while_a_kill_waits_has_not_sent_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut leaker = leaker();
    let more = script(folder.path(), "touch \"$0.runs\"; sleep 1000");
    let mut daemon = Daemon::told(&text(&leaker, "evidence_timeout = \"10s\"", &more)).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 120");
    eventually(10, "the evidence of the kill", || daemon.log().contains("order ").then_some(()));
    let waits = || daemon.get("/").filter(|(_, page)| page.contains("as soon as its evidence is collected"));
    eventually(5, "a word that it waits", waits);
    // The state file is written at most once a second.
    std::thread::sleep(Duration::from_millis(1200));
    daemon.kill_9();
    assert!(leaker.lives());
    daemon.rewrite(&text(&leaker, "evidence_timeout = \"200ms\"", ""));
    daemon.start_again();
    assert_eq!(leaker.end_signal(10, "killed by the next daemon"), Some(SIGTERM));
}

#[test]
fn a_reload_lets_a_kill_go_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut leaker = leaker();
    let more = script(folder.path(), "sleep 1000");
    let text = text(&leaker, "evidence_timeout = \"10s\"", &more);
    let daemon = Daemon::told(&text).start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 120");
    let waits = || daemon.get("/").filter(|(_, page)| page.contains("as soon as its evidence is collected"));
    eventually(5, "a word that it waits", waits);
    daemon.reload();
    assert_eq!(leaker.end_signal(5, "killed at the reload"), Some(SIGTERM));
    daemon.wait_for_order(5, "kill", ("gone", "none"));
}

#[test]
fn where_it_cannot_be_kept_the_kill_is_done_and_it_is_counted() {
    let mut leaker = leaker();
    let daemon = Daemon::told(&text(&leaker, "", "")).start();
    // A file in the place of the folder: no right helps against that.
    fs::write(daemon.state_directory().join("incidents"), "x").unwrap();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 120");
    assert_eq!(leaker.end_signal(10, "killed at fatal"), Some(SIGTERM));
    // At critical, too, where the kill had to settle first.
    let counted =
        || daemon.value("tradedog_incident_flaws_total", &[("reason", "denied")]).filter(|count| *count >= 1.0);
    eventually(5, "a count of what is not kept", counted);
    let told = || daemon.log().contains("evidence before the kill is not kept").then_some(());
    eventually(5, "a word that it is not kept", told);
    assert_eq!(daemon.value("tradedog_incidents_total", &[("target", "trader"), ("trigger", "kill")]), Some(0.0));
}

#[test]
fn on_a_full_or_read_only_disk_the_kill_is_done_and_what_is_lost_is_counted() {
    if !is_root() || !has("unshare") {
        return;
    }
    in_mounts_of_its_own("incidents::with_a_small_disk");
}

/// From the breach of another process of the target to its end.
fn killed(first: &Leaker, daemon: &Daemon) -> Duration {
    let mut leaker = Leaker::handling(&[]).beside(first).start();
    daemon.wait_for(35, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    let breached = Instant::now();
    leaker.tell("files 120");
    assert_eq!(leaker.end_signal(10, "killed at fatal"), Some(SIGTERM));
    let took = breached.elapsed();
    daemon.wait_for(10, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    took
}

#[test]
#[ignore = "in a mount namespace of its own"]
fn with_a_small_disk() {
    let calm = leaker();
    let mut daemon = Daemon::told(&text(&calm, "", "kill_budget = { max = 9, per = \"1h\" }")).start();
    assert!(daemon.stop().success());
    let disk = daemon.state_directory();
    let path = disk.to_str().unwrap().to_owned();
    mount(&["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", &path]);
    daemon.start_again();
    let flawed = |daemon: &Daemon, reason: &str| {
        let count =
            || daemon.value("tradedog_incident_flaws_total", &[("reason", reason)]).filter(|count| *count >= 1.0);
        eventually(10, reason, count);
    };
    let kept = |daemon: &Daemon| fs::read_dir(daemon.state_directory().join("incidents")).map_or(0, Iterator::count);

    let full = disk.join("full");
    let filled = std::io::copy(&mut std::io::repeat(b'x').take(2 << 20), &mut fs::File::create(&full).unwrap());
    assert!(filled.is_err(), "the disk is full");
    let took = killed(&calm, &daemon);
    flawed(&daemon, "full");
    assert_eq!(kept(&daemon), 0, "not even half of one");
    let (tried, lost) = ("a kill", "its evidence, counted");
    Survived { fault: "the disk of incidents full", tried, next_order: Some(took), lost }.tell();

    // Without a restart, once there is room.
    fs::remove_file(&full).unwrap();
    killed(&calm, &daemon);
    eventually(10, "the evidence of a kill", || {
        folders(&daemon).pop().filter(|path| path.join("incident.json").exists())
    });

    assert!(daemon.stop().success());
    mount(&["-o", "remount,ro", &path]);
    daemon.start_again();
    let before = kept(&daemon);
    let took = killed(&calm, &daemon);
    flawed(&daemon, "read_only");
    assert_eq!(kept(&daemon), before);
    assert!(daemon.log().contains("the file system of the state directory is read-only: make it writable"));
    Survived { fault: "the disk of incidents read-only", tried, next_order: Some(took), lost }.tell();
}

#[test]
fn what_a_right_is_missing_for_is_named() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = leaker();
    let closed = tempfile::tempdir().unwrap();
    let log = closed.path().join("trader.log");
    fs::write(&log, "the last words of the trader\n").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).unwrap();
    let more = format!("logs = [\"{}\"]", log.display());
    let daemon = Daemon::told(&text(&leaker, "", &more)).run_by_nobody().with_capabilities("kill").start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    leaker.tell("files 120");
    assert_eq!(leaker.end_signal(10, "killed at fatal"), Some(SIGTERM));
    daemon.wait_for(5, ("tradedog_incidents_total", &[("target", "trader"), ("trigger", "kill")]), 1.0);
    let folder = folders(&daemon).pop().unwrap();
    let missing = read(&folder, "missing.txt");
    let needs = "permission denied; needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf)\n";
    for what in ["descriptors and sockets", "its memory by kind", "its program"] {
        assert!(missing.contains(&format!("{what}: {needs}")), "{missing}");
    }
    assert!(folder.join("limits.txt").exists() && folder.join("threads.txt").exists());
    let log = format!("{}: permission denied; needs a group that may read it", log.display());
    assert!(missing.contains(&log), "{missing}");
}
