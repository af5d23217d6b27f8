//! The commands as a shell sees them: what they print, and how they end.

use std::net::TcpListener;

use super::support::{Daemon, Leaker, eventually, texts, tradedog};

fn folder_with(configuration: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watchdog.toml");
    std::fs::write(&file, configuration).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    folder
}

#[test]
fn check_reports_every_problem_with_its_place_and_ends_with_2() {
    let broken = "[target.trader]\nmatch = { cmdline = \"trader\" }\n[target.trader.thresholds]\nopen_fd = { elevated = 300 }\nrss = { elevated = 900 }\n";
    let folder = folder_with(broken);
    let (code, _, said) = texts(&tradedog(folder.path(), &["check", "--config", "watchdog.toml"]));
    assert_eq!(code, 2, "{said}");
    for part in ["watchdog.toml:4:1", "open_fds", "watchdog.toml:5:"] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn check_of_a_good_file_ends_with_0() {
    let leaker = Leaker::handling(&[]).start();
    let folder = folder_with(&format!("[target.trader]\nmatch = {{ cmdline = \"{}\" }}\n", leaker.tag()));
    let (code, told, said) = texts(&tradedog(folder.path(), &["check", "--config", "watchdog.toml"]));
    assert_eq!(code, 0, "{told}{said}");
}

#[test]
fn a_configuration_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder_with("[target.trader]\nmatch = { cmdline = \"x\" }\n");
    let file = folder.path().join("watchdog.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    for command in ["check", "run"] {
        let (code, _, said) = texts(&tradedog(folder.path(), &[command, "--config", "watchdog.toml"]));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("watchdog.toml") && said.contains("chmod"), "no remedy in: {said}");
    }
}

#[test]
fn what_is_not_a_command_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["barkk"][..], &["run", "--confg", "x"], &[]] {
        let (code, _, said) = texts(&tradedog(folder.path(), arguments));
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(!said.is_empty());
    }
    let (code, _, said) = texts(&tradedog(folder.path(), &["run", "--config", "absent.toml"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("absent.toml"), "{said}");
}

#[test]
fn a_port_in_use_ends_with_1_and_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder =
        folder_with(&format!("[web]\nlisten = [\"{address}\"]\n[target.trader]\nmatch = {{ cmdline = \"x\" }}\n"));
    let (code, _, said) = texts(&tradedog(folder.path(), &["run", "--config", "watchdog.toml"]));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&address.to_string()), "the address is not in: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn once_counts_what_ls_counts() {
    let mut leaker = Leaker::handling(&[]).start();
    leaker.tell("files 77");
    leaker.tell("cw 3");
    let folder = folder_with(&format!("[target.trader]\nmatch = {{ cmdline = \"{}\" }}\n", leaker.tag()));
    let (code, table, said) = texts(&tradedog(folder.path(), &["once", "--config", "watchdog.toml"]));
    assert_eq!(code, 0, "{said}");
    let fds = leaker.fds().to_string();
    assert!(table.split_whitespace().any(|word| word == fds), "no {fds} in:\n{table}");
    assert!(!table.contains('\u{1b}'), "colour although nobody looks:\n{table}");
    let (code, json, _) = texts(&tradedog(folder.path(), &["once", "--json", "--config", "watchdog.toml"]));
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let text = json.to_string();
    assert!(text.contains(&fds) && text.contains(&leaker.pid().to_string()), "{text}");
}

#[test]
fn status_tells_what_the_daemon_knows() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = Daemon::told(&format!(
        "[target.trader]\nmatch = {{ cmdline = \"{}\" }}\n[target.trader.thresholds]\nopen_fds = {{ elevated = 60 }}\n",
        leaker.tag()
    ))
    .start();
    leaker.tell("files 80");
    daemon.wait_for(5, ("tradedog_level", &[("target", "trader")]), 1.0);
    let server = daemon.server().to_string();
    let folder =
        folder_with(&format!("[web]\nlisten = [\"{server}\"]\n[target.trader]\nmatch = {{ cmdline = \"x\" }}\n"));
    let (code, told, said) = texts(&tradedog(folder.path(), &["status", "--config", "watchdog.toml"]));
    assert_eq!(code, 0, "{said}");
    assert!(told.contains("trader") && told.contains("elevated") && told.contains("open_fds"), "{told}");
    let (code, json, _) = texts(&tradedog(folder.path(), &["status", "--json", "--config", "watchdog.toml"]));
    assert_eq!(code, 0);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    // Over the control socket nobody need know the address.
    let directory = daemon.runtime_directory();
    let directory = directory.to_str().unwrap();
    let (code, told, said) = texts(&tradedog(folder.path(), &["status", "trader", "--runtime-directory", directory]));
    assert_eq!(code, 0, "{said}");
    for word in ["trader: elevated", "  why ", "open_fds", "  done ", "  next ", "  you can ", "  evidence "] {
        assert!(told.contains(word), "{word:?} is not in {told}");
    }
}

#[test]
fn each_target_is_summed_up_from_time_to_time() {
    let leaker = Leaker::handling(&[]).start();
    let text = format!(
        "[daemon]\ninterval = \"200ms\"\nsummary = \"1s\"\n[target.trader]\nmatch = {{ cmdline = \"{}\" }}\n[target.trader.thresholds]\nopen_fds = \
         {{ elevated = 6000 }}\n",
        leaker.tag()
    );
    let daemon = Daemon::told(&text).start();
    let line = |log: &str| log.lines().any(|line| line.contains("trader: normal") && line.contains("elevated at 6000"));
    eventually(20, "a summary", || line(&daemon.log()).then_some(()));
}

#[test]
fn a_stop_ends_with_0_and_frees_the_port() {
    let mut daemon = Daemon::told("[target.trader]\nmatch = { cmdline = \"nobody has this name\" }\n").start();
    let server = daemon.server();
    assert!(daemon.stop().success());
    eventually(2, "a free port", || TcpListener::bind(server).ok());
}

#[test]
fn manual_and_completions_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (code, manual, _) = texts(&tradedog(folder.path(), &["man"]));
    assert!(code == 0 && manual.contains(".TH"), "{manual}");
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = texts(&tradedog(folder.path(), &["completions", shell]));
        assert!(code == 0 && script.contains("tradedog"), "{shell}: {script}");
    }
}
