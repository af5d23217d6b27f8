//! What happened is on disk, whenever the daemon ends and whatever the disk does; and it shows when somebody
//! changes it.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use super::support::{BINARY, Daemon, Leaker, eventually, target, texts, watching};

const TABLES: &str = r#"
[target.trader.thresholds]
open_fds = { elevated = 100 }
[target.trader.ladder]
elevated = ["reset_pool"]
[target.trader.actions]
reset_pool = { signal = "SIGUSR1", cooldown = "1s", repeat = "1s" }
"#;

fn leaker() -> Leaker {
    Leaker::handling(&["SIGUSR1"]).start()
}

/// `tradedog history` of that daemon, in an environment that says nothing.
fn history(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("history").args(arguments).arg(daemon.state_directory()).env_clear();
    command.output().unwrap()
}

fn events(daemon: &Daemon, arguments: &[&str]) -> Vec<serde_json::Value> {
    let (code, out, err) = texts(&history(daemon, &[&["--json"][..], arguments].concat()));
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

fn assert_verifies(daemon: &Daemon) {
    let (code, out, err) = texts(&history(daemon, &["--verify"]));
    assert!(code == 0 && out.starts_with("ok: "), "{out}{err}");
}

#[test]
fn every_line_of_the_log_is_an_event() {
    let mut leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    leaker.tell("files 150");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    assert!(daemon.stop().success());
    assert_verifies(&daemon);
    let told: Vec<String> =
        events(&daemon, &[]).iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect();
    for line in daemon.log().lines() {
        assert!(told.iter().any(|text| line.ends_with(text)), "{line:?} is not among {told:#?}");
    }
    let ordered = events(&daemon, &["--kind", "ordered", "--target", "trader", "--since", "1h"]);
    assert_eq!((&ordered[0]["action"], &ordered[0]["severity"]), (&"reset_pool".into(), &"warning".into()));
    assert_eq!(ordered[0]["metric"], "open_fds");
    assert_eq!(events(&daemon, &["--target", "nobody"]), [serde_json::Value::Null; 0]);
    let (code, out, _) = texts(&history(&daemon, &[]));
    assert!(code == 0 && out.contains("WARN order ") && out.contains("reset_pool"), "{out}");
}

#[test]
fn a_daemon_that_is_killed_leaves_a_history_that_verifies() {
    let mut leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    leaker.tell("files 150");
    for round in 0..5_u64 {
        daemon.wait_for_order(8, "reset_pool", ("delivered", "none"));
        std::thread::sleep(Duration::from_millis(37 * round));
        daemon.kill_9();
        assert_verifies(&daemon);
        daemon.start_again();
    }
    let stored = || daemon.value("tradedog_history_events_total", &[]).filter(|count| *count > 0.0);
    eventually(5, "events of the new daemon", stored);
    assert_verifies(&daemon);
    let numbers: Vec<i64> = events(&daemon, &[]).iter().map(|event| event["number"].as_i64().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "{numbers:?}");
}

#[test]
fn what_a_lock_keeps_out_until_the_end_is_counted_in_the_last_line_of_the_log() {
    let leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    let stored = || daemon.value("tradedog_history_events_total", &[]).filter(|count| *count > 0.0);
    eventually(5, "the first events", stored);
    let other = rusqlite::Connection::open(daemon.state_directory().join("history.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(daemon.stop().success());
    drop(other);
    let log = daemon.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains(" are not in the history, ") && last.contains("another process holds it locked"), "{log}");
    assert_verifies(&daemon);
}

#[test]
fn a_history_that_was_changed_says_where() {
    let leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    assert!(daemon.stop().success());
    let file = daemon.state_directory().join("history.db");
    let mut bytes = fs::read(&file).unwrap();
    let word = b"this history begins here";
    let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
    bytes[at..at + 4].copy_from_slice(b"That");
    fs::write(&file, bytes).unwrap();
    let (code, out, err) = texts(&history(&daemon, &["--verify"]));
    assert_eq!((code, &*out), (1, ""));
    assert!(err.contains("event 1 is not as it was written"), "{err}");
}

#[test]
fn without_a_place_to_keep_it_the_daemon_decides_all_the_same_and_is_not_ready() {
    let mut leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    assert!(daemon.stop().success());
    // A folder in the place of the file: no right helps against that.
    let file = daemon.state_directory().join("history.db");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    daemon.start_again();
    let ready = || daemon.get("/-/ready").filter(|(_, text)| text.contains("the history cannot be written"));
    assert_eq!(eventually(5, "a word about the history", ready).0, 503);
    leaker.tell("files 150");
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    assert_eq!(daemon.value("tradedog_history_last_write_successful", &[]), Some(0.0));
    assert!(daemon.value("tradedog_history_buffered_events", &[]) > Some(0.0));
    fs::remove_dir(&file).unwrap();
    let written = || daemon.value("tradedog_history_last_write_successful", &[]).filter(|ok| *ok == 1.0);
    eventually(60, "the history again", written);
    assert_eq!(daemon.get("/-/ready").unwrap().0, 200);
    assert_eq!(daemon.value("tradedog_history_dropped_events_total", &[]), Some(0.0));
    assert!(!events(&daemon, &["--kind", "ordered"]).is_empty(), "what waited is there");
    let told = || daemon.log().contains("the history is written again").then_some(());
    eventually(5, "a word that it is written again", told);
    assert_verifies(&daemon);
}

#[test]
fn what_was_read_is_kept_and_can_be_replayed() {
    let leaker = leaker();
    let mut daemon = watching(&leaker, TABLES);
    let seen = || daemon.value("tradedog_process_open_fds", &[("target", "trader")]).filter(|count| *count > 0.0);
    let open_fds = eventually(10, "open files of the trader", seen);
    // It keeps what it has read last when it ends, and need not be waited for.
    assert!(daemon.stop().success());
    let (code, out, err) = texts(&history(&daemon, &["--samples", "--target", "trader"]));
    assert_eq!(code, 0, "{err}");
    let heads: Vec<&str> = out.lines().next().unwrap().split(',').collect();
    let last: Vec<&str> = out.lines().last().unwrap().split(',').collect();
    let of = |name: &str| last[heads.iter().position(|head| *head == name).unwrap()];
    assert_eq!((of("target"), of("process"), of("open_fds")), ("trader", "0", &*open_fds.to_string()), "{out}");
    assert!(of("rss").parse::<f64>().unwrap() > 0.0 && of("host_memory_used").parse::<f64>().unwrap() > 0.0, "{out}");
    let mut command = Command::new(BINARY);
    command.arg("backtest").arg("--config").arg(daemon.configuration()).arg("--history").arg(daemon.state_directory());
    let (code, out, err) = texts(&command.env_clear().output().unwrap());
    assert!(code == 0 && out.contains("trader"), "{out}{err}");
}

#[test]
fn a_reload_changes_how_much_is_kept() {
    let leaker = leaker();
    let daemon = Daemon::told(&target(&leaker, TABLES)).start();
    daemon.rewrite(&format!("[history]\nevents = \"7d\"\n{}", target(&leaker, TABLES)));
    let (_, out, _) = texts(&daemon.ask(&["reload"]));
    assert!(out.contains("[history] events 90d -> 7d"), "{out}");
}
