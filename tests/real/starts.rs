//! A start for which not every file is good: a bad drop-in is set aside alone, a bad main file falls back
//! on what was used last, and both are said aloud.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::support::{Daemon, Leaker, eventually, texts, tradedog};

const SUCCESSFUL: &str = "tradedog_config_last_reload_successful";
const SET_ASIDE: &str = "tradedog_config_files_set_aside";

fn target(name: &str, leaker: &Leaker) -> String {
    format!("[target.{name}]\nmatch = {{ cmdline = \"{}\", user = \"{{user}}\" }}\n", leaker.tag())
}

/// Writes a drop-in beside the daemon's main file.
fn drop_in(daemon: &Daemon, name: &str, text: &str) {
    let folder = daemon.configuration().with_file_name("watchdog.d");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
}

fn processes(daemon: &Daemon, target: &str) -> Option<f64> {
    daemon.value("tradedog_target_processes", &[("target", target)])
}

fn status(daemon: &Daemon) -> serde_json::Value {
    serde_json::from_str(&daemon.get("/api/v1/status").unwrap().1).unwrap()
}

/// Waits until the files that are used now are kept.
fn wait_until_kept(daemon: &Daemon) {
    let folder = daemon.state_directory();
    eventually(10, "the configuration to be kept", || {
        let newest = fs::metadata(daemon.configuration()).unwrap().modified().unwrap();
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
        let good = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().ends_with(".good");
        let kept = entries.filter(good).map(|entry| entry.metadata().unwrap());
        kept.map(|kept| kept.modified().unwrap()).any(|at| at >= newest).then_some(())
    });
}

#[test]
fn a_bad_drop_in_is_set_aside_alone_and_loudly() {
    let (one, two) = (Leaker::handling(&[]).start(), Leaker::handling(&[]).start());
    let mut daemon = Daemon::told(&target("trader", &one)).start();
    daemon.stop();
    drop_in(&daemon, "bad.toml", "[target.bad]\nmatch = { com = \"x\" }\n");
    drop_in(&daemon, "good.toml", &format!("[target.good]\nmatch = {{ cmdline = \"{}\" }}\n", two.tag()));
    daemon.start_again();
    daemon.wait_for(5, (SET_ASIDE, &[]), 1.0);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "good")]), 1.0);
    assert_eq!(processes(&daemon, "bad"), None);
    assert_eq!(daemon.value(SUCCESSFUL, &[]), Some(1.0), "the rest was read with success");
    let log = daemon.log();
    assert!(log.contains("bad.toml is set aside") && log.contains("bad.toml:2: unknown key `com`"), "{log}");
    let aside = &status(&daemon)["configuration"]["set_aside"][0];
    assert!(aside["file"].as_str().unwrap().ends_with("bad.toml"), "{aside}");
    assert!(aside["problems"][0].as_str().unwrap().contains("unknown key `com`"), "{aside}");
    daemon.reload();
    daemon.wait_for(5, (SUCCESSFUL, &[]), 0.0);
    assert_eq!(daemon.value(SET_ASIDE, &[]), Some(1.0), "a reload is whole or not at all");
    drop_in(&daemon, "bad.toml", "[target.bad]\nmatch = { comm = \"x\" }\n");
    daemon.reload();
    daemon.wait_for(5, (SET_ASIDE, &[]), 0.0);
    daemon.wait_for(5, (SUCCESSFUL, &[]), 1.0);
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "bad")]), 0.0);
}

#[test]
fn a_bad_main_file_falls_back_on_the_last_good_one_and_its_drop_ins() {
    let (one, two) = (Leaker::handling(&[]).start(), Leaker::handling(&[]).start());
    let mut daemon = Daemon::told(&target("trader", &one)).start();
    drop_in(&daemon, "more.toml", &format!("[target.more]\nmatch = {{ cmdline = \"{}\" }}\n", two.tag()));
    daemon.rewrite(&target("trader", &one));
    daemon.reload();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "more")]), 1.0);
    wait_until_kept(&daemon);
    daemon.kill_9();
    fs::remove_dir_all(daemon.configuration().with_file_name("watchdog.d")).unwrap();
    for bad in [Some("[target.trader\n"), Some("[daemon]\ninterval = 1\n"), None] {
        match bad {
            Some(text) => daemon.rewrite(text),
            None => fs::remove_file(daemon.configuration()).unwrap(),
        }
        daemon.start_again();
        daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
        daemon.wait_for(5, ("tradedog_target_processes", &[("target", "more")]), 1.0);
        assert_eq!(daemon.value(SUCCESSFUL, &[]), Some(0.0), "{bad:?}");
        assert_eq!(daemon.value("tradedog_config_last_reload_success_timestamp_seconds", &[]), None);
        let log = daemon.log();
        assert!(log.contains("by the last good one, of") && log.contains("watchdog.toml:"), "{log}");
        let status = status(&daemon);
        let good = &status["configuration"]["last_good"];
        assert!(good["kept"].as_f64().unwrap() > 1e9 && !good["problems"][0].as_str().unwrap().is_empty(), "{good}");
        assert!(status["banners"].to_string().contains("OLD CONFIGURATION"), "{status}");
        assert_eq!(daemon.get("/-/ready").map(|(code, _)| code), Some(200), "all thresholds see");
        daemon.kill_9();
    }
    daemon.rewrite(&target("trader", &one));
    daemon.start_again();
    daemon.wait_for(5, (SUCCESSFUL, &[]), 1.0);
    assert_eq!(processes(&daemon, "more"), None, "the files that are there are used again");
}

#[test]
fn what_was_never_good_is_an_error_and_so_is_what_is_kept_and_damaged() {
    let leaker = Leaker::handling(&[]).start();
    let mut daemon = Daemon::told(&target("trader", &leaker)).start();
    wait_until_kept(&daemon);
    daemon.stop();
    let run = |file: &std::path::Path| {
        let mut command = std::process::Command::new(super::support::BINARY);
        command.args(["run", "--config"]).arg(file).env("STATE_DIRECTORY", daemon.state_directory());
        texts(&command.env("RUNTIME_DIRECTORY", daemon.runtime_directory()).env("NO_COLOR", "1").output().unwrap())
    };
    let (code, _, said) = run(&daemon.configuration().with_file_name("wrong.toml"));
    assert!(code == 2 && said.contains("wrong.toml") && said.contains("cannot be read"), "{code} {said}");
    daemon.rewrite("[daemon]\ninterval = 1\n");
    let (code, _, said) =
        texts(&tradedog(&daemon.runtime_directory(), &["check", "--config", daemon.configuration().to_str().unwrap()]));
    assert!(code == 2 && said.contains("no unit"), "check never falls back: {code} {said}");
    let entries = fs::read_dir(daemon.state_directory()).unwrap().map(|entry| entry.unwrap().path());
    let good = entries.into_iter().find(|path| path.extension().is_some_and(|e| e == "good")).unwrap();
    let text = fs::read_to_string(&good).unwrap();
    fs::write(&good, text.replace("trader", "traitor")).unwrap();
    let (code, _, said) = run(&daemon.configuration());
    assert!(code == 2 && said.contains("no unit") && said.contains("is not as it was written"), "{code} {said}");
    fs::write(&good, text).unwrap();
    fs::set_permissions(&good, fs::Permissions::from_mode(0o666)).unwrap();
    let (code, _, said) = run(&daemon.configuration());
    assert!(code == 2 && said.contains("may be written by others than its owner"), "{code} {said}");
}
