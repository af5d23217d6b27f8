//! Each lint, with its opposite, on units as systemd tells them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Severity, measures, of_unit};
use crate::cli::unit::{Ask, Units};
use crate::config::{self, Config, Source};
use crate::model::{BootId, Identity, MemberKey, MemberSample, Metric, Moment, Pid, Reading, Unknown, Value};

fn config(target: &str) -> Config {
    let text = format!(
        "[target.trader]\nmatch = {{ unit = \"trader.service\" }}\n{target}\n\
         [target.trader.thresholds]\nopen_fds = {{ elevated = 60, fatal = 900 }}\n\
         [target.trader.ladder]\nelevated = [\"hold_still\"]\nfatal = [\"kill\"]\n"
    );
    let actions = "[target.trader.actions]\nhold_still = { freeze = { deadline = \"30s\" } }\n\
                   kill = { kill = { grace = \"45s\" }, expect_successor = \"60s\" }\n";
    let text = if target.contains("actions.") { text } else { text + actions };
    config::parse(vec![Source::new("watchdog.toml", &text)])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// What is said of a unit with these properties, and how many warnings are among it.
fn said(target: &str, handles: Option<bool>, show: Ask) -> (String, usize) {
    let config = config(target);
    let lints = of_unit(&config.targets[0], "trader.service", &Units::of(Some(show), Vec::new()), handles);
    let warnings = lints.iter().filter(|lint| lint.severity == Severity::Warning).count();
    (lints.into_iter().map(|lint| lint.text).collect::<Vec<_>>().join("\n"), warnings)
}

#[test]
fn a_unit_that_starts_it_again_needs_no_word() {
    let (said, warnings) =
        said("", Some(true), |_| Ok("Restart=always\nRestartUSec=1s\nTimeoutStopUSec=1min 30s".into()));
    assert_eq!(said, "kill: trader.service starts it again (Restart=always, after 1s)");
    assert_eq!(warnings, 0);
}

#[test]
fn who_starts_it_again_after_a_kill_is_looked_at() {
    let no: Ask = |_| Ok("Restart=no".into());
    let failure: Ask = |_| Ok("Restart=on-failure".into());
    let success: Ask = |_| Ok("Restart=on-success".into());
    let prevented: Ask = |_| Ok("Restart=always\nRestartPreventExitStatus=0".into());
    for (show, handles, part) in [
        (no, None, "nobody starts it again, for trader.service has Restart=no; write Restart=always (systemctl edit"),
        (
            failure,
            Some(true),
            "a process that ends on SIGTERM counts as a success, after which trader.service (Restart=",
        ),
        (failure, Some(false), "counts as a success"),
        (success, None, "should it need SIGKILL after 45s, trader.service (Restart=on-success) is not started again"),
        (prevented, Some(true), "counts as a success"),
    ] {
        let (said, warnings) = said("", handles, show);
        assert!(said.contains(part) && warnings == 1, "{part:?} is not in:\n{said}");
    }
    let (_, warnings) = said("", Some(false), prevented);
    assert_eq!(warnings, 0, "it dies of SIGTERM, which is not prevented");
}

#[test]
fn the_time_to_stop_is_compared() {
    let longer: Ask = |_| Ok("Restart=always\nTimeoutStopUSec=2min".into());
    let shorter: Ask = |_| Ok("Restart=always\nTimeoutStopUSec=10s".into());
    let (text, warnings) = said("", None, longer);
    assert!(text.contains("SIGKILL comes after 45s here; write kill = { grace = \"2m\" }") && warnings == 1, "{text}");
    let (text, warnings) = said("", None, shorter);
    assert!(text.contains("systemd itself would not wait longer than 10s") && warnings == 0, "{text}");
}

#[test]
fn a_successor_needs_its_time() {
    let slow: Ask = |_| Ok("Restart=always\nRestartUSec=2min".into());
    let (text, warnings) = said("", None, slow);
    assert!(text.contains("has RestartSec=2m, so no successor can be there within 1m") && warnings == 1, "{text}");
    assert!(text.contains("write expect_successor = \"6m\""), "{text}");
    let start: Ask =
        |_| Ok("Restart=always\nInactiveExitTimestampMonotonic=1\nExecMainStartTimestampMonotonic=65000001".into());
    let (text, warnings) = said("", None, start);
    assert!(text.contains("and its last start took 1m 5s") && warnings == 1, "{text}");
}

#[test]
fn a_frozen_service_answers_no_watchdog() {
    let watched: Ask = |_| Ok("Restart=always\nWatchdogUSec=30s".into());
    let (text, warnings) = said("", None, watched);
    assert!(
        text.contains("hold_still: frozen for up to 30s, it cannot answer WatchdogSec=30s") && warnings == 1,
        "{text}"
    );
    let (_, warnings) = said("", None, |_| Ok("Restart=always\nWatchdogUSec=1min".into()));
    assert_eq!(warnings, 0);
}

#[test]
fn kills_do_not_use_up_the_starts() {
    let few: Ask = |_| Ok("Restart=always\nStartLimitBurst=3\nStartLimitIntervalUSec=1h".into());
    let (text, warnings) = said("", None, few);
    assert!(
        text.contains("kill_budget allows 3 kills in 1h, and systemd no more than 3 starts") && warnings == 1,
        "{text}"
    );
    let (_, warnings) = said("kill_budget = { max = 2, per = \"1h\" }", None, few);
    assert_eq!(warnings, 0);
    let (text, warnings) = said("kill_budget = { max = 100, per = \"1h\" }", None, |_| Ok("Restart=always".into()));
    assert_eq!(warnings, 0, "{text}: 5 s of settling between two kills, and 5 starts in 10 s");
}

#[test]
fn what_cannot_be_told_is_said() {
    let (text, warnings) = said("", None, |_| Err("it hangs".into()));
    assert!(text.contains("could not be asked: it hangs") && warnings == 0, "{text}");
    let config = config("");
    let none = Units::of(None, Vec::new());
    assert!(of_unit(&config.targets[0], "trader.service", &none, None).is_empty());
    let scope = of_unit(&config.targets[0], "docker-0a.scope", &none, None);
    assert!(scope[0].text.contains("docker: --restart=always"), "{scope:?}");
}

/// What is said of measures, where the members have these readings and listen on port 8080.
fn of_measures(target: &str, readings: &[(&str, Value)]) -> (String, usize) {
    let text = format!("[target.trader]\nmatch = {{ unit = \"trader.service\" }}\n{target}");
    let config = config::parse(vec![Source::new("watchdog.toml", &text)])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let target = &config.targets[0];
    let unknown = Value::Unknown(Unknown::Denied);
    let value = |name: &str| readings.iter().find(|(known, _)| *known == name).map_or(unknown, |(_, value)| *value);
    let reading = |metric: &Metric| Reading {
        at: Moment::from_secs(1),
        period: Duration::from_secs(1),
        value: value(&metric.to_string()),
    };
    let sample = MemberSample {
        member: MemberKey { target: 0, slot: 0 },
        identity: Identity { boot: BootId(1), pid: Pid::new(100).unwrap(), start_ticks: 1, pidfs_inode: None },
        started: Moment::from_secs(0),
        first_seen: Moment::from_secs(0),
        readings: target.metrics.iter().map(reading).collect(),
    };
    let lints = measures::of(target, &[&sample], &BTreeSet::from([8080]));
    let warnings = lints.iter().filter(|lint| lint.severity == Severity::Warning).count();
    (lints.into_iter().map(|lint| lint.text).collect::<Vec<_>>().join("\n"), warnings)
}

#[test]
fn a_frozen_process_starves_its_peers() {
    let text = "[target.trader.thresholds]\nopen_fds = { elevated = 60 }\nestablished = { expected = 100 }\n[target.trader.ladder]\nelevated = [\"still\"]\n\
                [target.trader.actions]\nstill = { freeze = { deadline = \"30s\" } }\n";
    let (said, warnings) = of_measures(text, &[("established", Value::Known(12.0))]);
    assert!(
        said.contains("still: the process has 12 connections") && said.contains("for up to 30s") && warnings == 1,
        "{said}"
    );
    for none in [Value::Known(0.0), Value::Unknown(Unknown::Denied)] {
        assert_eq!(of_measures(text, &[("established", none)]).1, 0);
    }
}

#[test]
fn who_is_out_of_files_accepts_nothing() {
    let text = |level: &str, url: &str, metric: &str| {
        format!(
            "[target.trader.thresholds]\n{metric}\n[target.trader.ladder]\n{level} = [\"pause\"]\n\
             [target.trader.actions]\npause = {{ http = {{ post = \"{url}\" }}, undo = {{ http = {{ post = \"{url}\" }} }} }}\n"
        )
    };
    let fds = "open_fds = { warning = 600, critical = 800 }";
    for (level, url, metric, expected) in [
        ("critical", "http://127.0.0.1:8080/pause", fds, 1),
        ("critical", "http://localhost:8080/pause", "fd_usage = { critical = \"90%\" }", 1),
        ("critical", "http://[::1]:8080/pause", fds, 1),
        ("warning", "http://127.0.0.1:8080/pause", fds, 0),
        ("critical", "http://127.0.0.1:9090/pause", fds, 0),
        ("critical", "http://10.0.0.1:8080/pause", fds, 0),
        ("critical", "http://127.0.0.1:8080/pause", "threads = { critical = 800 }", 0),
    ] {
        let (said, warnings) = of_measures(&text(level, url, metric), &[]);
        assert_eq!(warnings, expected, "{level} {url} {metric}: {said}");
        assert_eq!(said.contains("use a signal there"), expected == 1, "{said}");
    }
}

#[test]
fn a_share_of_no_limit_is_told_of() {
    let usage = "[target.trader.thresholds]\ncgroup_memory_usage = { elevated = \"80%\" }\n";
    let rss = "[target.trader.thresholds]\nrss = { elevated = \"1GB\" }\n";
    let none = [("cgroup_memory_limit", Value::Known(f64::INFINITY)), ("rss", Value::Known(5e8))];
    let (said, warnings) = of_measures(usage, &none);
    assert!(
        said.contains("no memory limit to be a share of (memory.max); write MemoryMax=") && warnings == 1,
        "{said}"
    );
    let (said, warnings) = of_measures(rss, &none);
    assert!(said.contains("nothing but tradedog bounds its memory (500MB now)") && warnings == 0, "{said}");
    for text in [usage, rss] {
        assert_eq!(of_measures(text, &[("cgroup_memory_limit", Value::Known(1e9))]).0, "");
        assert_eq!(of_measures(text, &[]).0, "", "what is not known gives no opinion");
    }
}
