//! What outlives the daemon: everything that it would do twice or forget otherwise, and nothing that
//! it cannot believe.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::libc::SIGTERM;

use super::support::{
    BINARY, Daemon, Endpoint, Leaker, NOBODY, eventually, is_root, state, target, texts, throughout, watching,
};

const TRADER: (&str, &str) = ("target", "trader");
const LEVEL: (&str, &[(&str, &str)]) = ("tradedog_level", &[TRADER, ("process", "0"), ("ladder", "default")]);

/// Asked by signal at 100 open files, paused at 200 and killed at 400.
fn tables(endpoint: &Endpoint) -> String {
    format!(
        r#"
[target.trader.thresholds]
open_fds = {{ elevated = 100, critical = 200, fatal = 400, clear_hold = "1500ms" }}
[target.trader.ladder]
elevated = ["reset_pool"]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "1h" }}
pause = {{ http = {{ post = "{}" }}, undo = {{ http = {{ post = "{}" }} }}, undo_after = "0s", cooldown = "1h" }}
kill = {{ kill = {{ grace = "30s" }} }}
"#,
        endpoint.url("/pause"),
        endpoint.url("/resume")
    )
}

fn leaker() -> Leaker {
    Leaker::handling(&["SIGUSR1"]).start()
}

/// A daemon that was killed while it had the process paused; the process is calm again since.
fn killed_while_paused(leaker: &mut Leaker, endpoint: &Endpoint) -> Daemon {
    let mut daemon = watching(leaker, &tables(endpoint));
    leaker.tell("files 250");
    daemon.wait_for_order(5, "pause", ("acknowledged", "none"));
    daemon.wait_for_lease(3, "pause", 1);
    // What is not urgent is written a second later at the latest.
    std::thread::sleep(Duration::from_millis(1200));
    daemon.kill_9();
    leaker.tell("files 5");
    daemon
}

/// The daemon starts with that damage, says so, keeps the file, and knows of nothing.
fn assert_forgets(damage: impl FnOnce(&Path), says: &str) {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let mut daemon = killed_while_paused(&mut leaker, &endpoint);
    let file = daemon.runtime_directory().join("state.json");
    damage(&file);
    daemon.start_again();
    // The log is written by a thread of its own.
    let says = |log: &String| log.contains(says) && log.contains("see whether something was left paused");
    eventually(5, "a word about it", || Some(daemon.log()).filter(says));
    assert!(file.with_extension("json.bad").symlink_metadata().is_ok(), "it is kept");
    daemon.wait_for(5, LEVEL, 0.0);
    throughout(Duration::from_millis(500), "nothing is undone", || endpoint.count("/resume") == 0);
    assert_eq!(daemon.in_force("pause"), 0);
    // It works, and what it remembers from now on is believed again.
    leaker.tell("files 250");
    endpoint.wait_for(5, "/pause", 2);
    daemon.kill_9();
    leaker.tell("files 5");
    daemon.start_again();
    endpoint.wait_for(8, "/resume", 1);
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_changed_byte_is_noticed() {
    let change = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    assert_forgets(|file| edit(file, change), "is damaged (its checksum is wrong)");
}

#[test]
fn a_file_that_was_cut_off_is_noticed() {
    let change = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    assert_forgets(|file| edit(file, change), "bytes are there");
    assert_forgets(|file| edit(file, Vec::clear), "is damaged (its first line is none of tradedog's)");
}

#[test]
fn a_file_of_somebody_else_is_not_believed() {
    let open = |file: &Path| fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
    assert_forgets(open, "may be written by others than its owner");
    let link = |file: &Path| {
        let elsewhere = file.with_file_name("elsewhere");
        fs::rename(file, &elsewhere).unwrap();
        symlink(&elsewhere, file).unwrap();
    };
    assert_forgets(link, "is a symbolic link");
    if is_root() {
        assert_forgets(|file| chown(file, Some(NOBODY), None).unwrap(), "belongs to user 65534");
    }
}

#[test]
fn a_file_of_another_version_is_set_aside() {
    let change = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen("\"tradedog_state\":", "\"tradedog_state\":9", 1).into_bytes();
    };
    assert_forgets(|file| edit(file, change), "was written by another version of tradedog (format 9");
}

/// Every reboot is one: nothing of it holds, and nobody need be told.
#[test]
fn a_file_of_another_boot_means_nothing() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let mut daemon = killed_while_paused(&mut leaker, &endpoint);
    let file = daemon.runtime_directory().join("state.json");
    edit(&file, |bytes| *bytes = of_another_boot(bytes));
    let before = daemon.log().len();
    daemon.start_again();
    daemon.wait_for(5, LEVEL, 0.0);
    throughout(Duration::from_secs(1), "nothing is undone", || endpoint.count("/resume") == 0);
    assert_eq!(daemon.in_force("pause"), 0);
    let log = daemon.log()[before..].to_owned();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

/// The same memory under another boot id, framed as the daemon frames it.
fn of_another_boot(bytes: &[u8]) -> Vec<u8> {
    let (_, body) = std::str::from_utf8(bytes).unwrap().split_once('\n').unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().replace('-', "");
    let boot = u128::from_str_radix(&boot, 16).unwrap();
    assert!(body.contains(&boot.to_string()), "{body}");
    let body = body.replace(&boot.to_string(), &(boot ^ 1).to_string());
    let (length, crc32) = (body.len(), crc32fast::hash(body.as_bytes()));
    let head = format!("{{\"tradedog_state\":1,\"bytes\":{length},\"crc32\":{crc32}}}");
    format!("{head:63}\n{body}").into_bytes()
}

/// A folder in the place of the new file: not even root can write it then.
fn obstruct(daemon: &Daemon) -> std::path::PathBuf {
    let obstacle = daemon.runtime_directory().join("state.json.new");
    fs::create_dir_all(obstacle.join("full")).unwrap();
    obstacle
}

const UNWRITABLE: (&str, &str) = ("held", "state_unwritable");

#[test]
fn what_cannot_be_remembered_is_not_killed_until_it_can() {
    let (mut leaker, endpoint, folder) = (leaker(), Endpoint::start(), tempfile::tempdir().unwrap());
    let (mark, text) = (folder.path().join("noted"), tables(&endpoint));
    let note = format!("\nnote = {{ command = [\"/usr/bin/touch\", \"{}\"] }}\nkill = {{", mark.display());
    let text = text.replace("[\"reset_pool\"]", "[\"reset_pool\", \"note\"]").replacen("\nkill = {", &note, 1);
    let daemon = watching(&leaker, &text);
    daemon.wait_for(5, LEVEL, 0.0);
    let obstacle = obstruct(&daemon);
    leaker.tell("files 450");
    daemon.wait_for_order(5, "kill", UNWRITABLE);
    endpoint.wait_for(5, "/pause", 1);
    eventually(5, "signal and command", || (mark.exists() && leaker.signals() == ["SIGUSR1"]).then_some(()));
    throughout(Duration::from_secs(2), "it lives", || leaker.lives());
    assert_eq!(daemon.orders("kill", UNWRITABLE.0, UNWRITABLE.1), 1.0, "a hold is counted once");
    assert!(daemon.log().contains("cannot be written: "), "{}", daemon.log());
    let (status, why) = daemon.get("/-/ready").unwrap();
    assert!(status == 503 && why.contains("freezes and kills are held"), "{status} {why}");
    fs::remove_dir_all(obstacle).unwrap();
    assert_eq!(leaker.end_signal(5, "killed once it can be remembered"), Some(SIGTERM));
    eventually(5, "ready", || daemon.get("/-/ready").filter(|(status, _)| *status == 200));
    assert!(daemon.log().contains("the state file is written again"), "{}", daemon.log());
    assert_eq!(endpoint.count("/pause"), 1);
}

#[test]
fn what_cannot_be_remembered_is_not_frozen_until_it_can() {
    let mut leaker = leaker();
    let tables = "[target.trader.thresholds]\nopen_fds = { critical = 100 }\n[target.trader.ladder]\ncritical = [\"hold_still\"]\n\
                  [target.trader.actions]\nhold_still = { freeze = { deadline = \"10m\" } }\n";
    let mut daemon = watching(&leaker, tables);
    daemon.wait_for(5, LEVEL, 0.0);
    let obstacle = obstruct(&daemon);
    leaker.tell("files 150");
    daemon.wait_for_order(5, "hold_still", UNWRITABLE);
    throughout(Duration::from_secs(1), "it runs", || state(leaker.pid()) != 'T');
    fs::remove_dir_all(obstacle).unwrap();
    eventually(5, "frozen once it can be remembered", || (state(leaker.pid()) == 'T').then_some(()));
    assert!(daemon.stop().success());
    eventually(2, "it runs", || (state(leaker.pid()) != 'T').then_some(()));
}

/// Whoever may write there could have commands run.
#[test]
fn without_a_folder_of_its_own_it_asks_but_does_not_kill() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let mut daemon = watching(&leaker, &tables(&endpoint));
    assert!(daemon.stop().success());
    fs::set_permissions(daemon.runtime_directory(), Permissions::from_mode(0o777)).unwrap();
    daemon.start_again();
    // The log is written by a thread of its own.
    eventually(5, "a word about it", || daemon.log().contains("freezes and kills are held").then_some(()));
    eventually(5, "not ready", || daemon.get("/-/ready").filter(|(_, why)| why.contains("freezes and kills are held")));
    leaker.tell("files 450");
    daemon.wait_for_order(5, "kill", UNWRITABLE);
    endpoint.wait_for(5, "/pause", 1);
    throughout(Duration::from_secs(1), "it lives", || leaker.lives());
    assert_eq!(leaker.signals(), ["SIGUSR1"]);
}

#[test]
fn a_second_daemon_with_the_same_folder_refuses() {
    let leaker = leaker();
    let daemon = watching(&leaker, &tables(&Endpoint::start()));
    let mut command = Command::new(BINARY);
    command.args(["run", "--config"]).arg(daemon.configuration()).env("RUNTIME_DIRECTORY", daemon.runtime_directory());
    let (code, _, error) = texts(&command.output().unwrap());
    assert_ne!(code, 0);
    let named = format!("another tradedog (pid {})", daemon.pid());
    assert!(error.contains(&named) && error.contains("stop it, or set RUNTIME_DIRECTORY"), "{error}");
    daemon.wait_for(5, LEVEL, 0.0);
}

#[test]
fn who_lives_keeps_its_slot_while_the_daemon_is_down() {
    let first = leaker();
    let mut daemon = watching(&first, &tables(&Endpoint::start()));
    let pid_of = |slot| ("tradedog_process_pid", [TRADER, ("process", slot)]);
    let is = |daemon: &Daemon, slot: &'static str, leaker: &Leaker| {
        let (name, labels) = pid_of(slot);
        daemon.wait_for(5, (name, &labels), f64::from(leaker.pid()));
    };
    is(&daemon, "0", &first);
    let second = Leaker::handling(&["SIGUSR1"]).beside(&first).start();
    is(&daemon, "1", &second);
    std::thread::sleep(Duration::from_millis(1200));
    daemon.kill_9();
    let beside = Leaker::handling(&["SIGUSR1"]).beside(&first);
    drop(first);
    daemon.start_again();
    is(&daemon, "1", &second);
    throughout(Duration::from_millis(500), "nobody takes its seat", || {
        daemon.value("tradedog_process_pid", &[TRADER, ("process", "0")]).is_none()
    });
    let third = beside.start();
    is(&daemon, "0", &third);
    is(&daemon, "1", &second);
}

#[test]
fn a_level_restored_holds_until_readings_clear_it() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let mut daemon = killed_while_paused(&mut leaker, &endpoint);
    // Its first reading is of before it answers.
    let started = Instant::now();
    daemon.start_again();
    daemon.wait_for(3, LEVEL, 3.0);
    throughout(Duration::from_millis(900), "the level holds, and so does its measure", || {
        daemon.value(LEVEL.0, LEVEL.1) == Some(3.0) && endpoint.count("/resume") == 0
    });
    daemon.wait_for(3, LEVEL, 0.0);
    assert!(started.elapsed() > Duration::from_millis(1500), "left after {:?}", started.elapsed());
    endpoint.wait_for(3, "/resume", 1);
    daemon.wait_for_lease(3, "pause", 0);
    assert_eq!((endpoint.count("/pause"), leaker.signals().len()), (1, 1));
}

#[test]
fn a_cooldown_runs_on_while_the_daemon_is_down() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let mut daemon = killed_while_paused(&mut leaker, &endpoint);
    daemon.start_again();
    daemon.wait_for(8, LEVEL, 0.0);
    endpoint.wait_for(3, "/resume", 1);
    leaker.tell("files 250");
    for action in ["reset_pool", "pause"] {
        daemon.wait_for_order(5, action, ("held", "cooldown"));
    }
    throughout(Duration::from_secs(1), "nothing comes twice", || {
        (endpoint.count("/pause"), leaker.signals().len()) == (1, 1)
    });
}

#[test]
fn a_kill_is_counted_over_a_restart() {
    let (mut first, endpoint) = (leaker(), Endpoint::start());
    let mut second = Leaker::handling(&["SIGUSR1"]).beside(&first).start();
    let tables = format!("kill_budget = {{ max = 1, per = \"1h\" }}\n{}", tables(&endpoint));
    let mut daemon = watching(&first, &tables);
    daemon.wait_for(5, ("tradedog_kill_budget_remaining", &[TRADER]), 1.0);
    first.tell("files 450");
    assert_eq!(first.end_signal(5, "killed at fatal"), Some(SIGTERM));
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    daemon.kill_9();
    daemon.start_again();
    daemon.wait_for(5, ("tradedog_kill_budget_remaining", &[TRADER]), 0.0);
    second.tell("files 450");
    daemon.wait_for_order(5, "kill", ("held", "kill_budget"));
    throughout(Duration::from_secs(1), "the other one lives", || second.lives());
}

#[test]
fn a_level_whose_bound_was_raised_meanwhile_is_left_at_once() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let slow = tables(&endpoint).replace("1500ms", "10m");
    let mut daemon = watching(&leaker, &slow);
    leaker.tell("files 250");
    endpoint.wait_for(5, "/pause", 1);
    daemon.wait_for_lease(3, "pause", 1);
    daemon.kill_9();
    daemon.rewrite(&target(&leaker, &slow.replace("critical = 200", "critical = 300")));
    daemon.start_again();
    endpoint.wait_for(5, "/resume", 1);
    daemon.wait_for(3, LEVEL, 1.0);
    assert_eq!((endpoint.count("/pause"), leaker.signals().len()), (1, 1));
}

/// Nobody dies of a bound before it has held for as long as anew.
#[test]
fn a_kill_whose_bound_was_lowered_meanwhile_waits_for_its_hold() {
    let (mut leaker, endpoint) = (leaker(), Endpoint::start());
    let text = tables(&endpoint);
    let mut daemon = watching(&leaker, &text);
    leaker.tell("files 250");
    endpoint.wait_for(5, "/pause", 1);
    daemon.wait_for_lease(3, "pause", 1);
    daemon.kill_9();
    let hold = text.replace("fatal = 400", "fatal = { at = 220, hold = \"3s\" }");
    daemon.rewrite(&target(&leaker, &hold));
    let started = Instant::now();
    daemon.start_again();
    throughout(Duration::from_secs(2).saturating_sub(started.elapsed()), "it lives", || leaker.lives());
    assert_eq!(leaker.end_signal(5, "killed after the hold"), Some(SIGTERM));
    assert!(started.elapsed() > Duration::from_secs(3), "killed after {:?}", started.elapsed());
    assert_eq!(endpoint.count("/pause"), 1);
}
