//! Units as a running systemd tells them, and as their files do.
#![expect(clippy::disallowed_methods, reason = "the tests write unit files")]

use std::fs;
use std::time::Duration;

use super::values::time;
use super::*;

/// Some of what `systemctl show` of systemd 252 prints.
const SHOWN: &str = "Type=notify\nRestart=on-failure\nRestartUSec=2s\nTimeoutStopUSec=1min 30s\nWatchdogUSec=infinity\n\
    StartLimitIntervalUSec=10s\nStartLimitBurst=5\nSuccessExitStatus=143 TERM\nLoadState=loaded\n\
    InactiveExitTimestampMonotonic=5000000\nExecMainStartTimestampMonotonic=5250000\nEnvironment=A=B\n";

#[test]
fn what_systemd_tells_is_understood() {
    let units = Units::of(Some(|_| Ok(SHOWN.to_owned())), Vec::new());
    let unit = units.look("trader.service").unwrap();
    assert_eq!(unit.told_by, ToldBy::Systemd);
    assert_eq!((unit.restart(), unit.restart_after()), (Restart::OnFailure, Duration::from_secs(2)));
    assert_eq!(unit.time("TimeoutStopUSec"), Some(Duration::from_secs(90)));
    assert_eq!(unit.watchdog(), None);
    assert_eq!(unit.start_limit(), Some((5, Duration::from_secs(10))));
    assert_eq!(unit.start_took(), Some(Duration::from_millis(250)));
    assert_eq!(unit.get("Environment"), "A=B");
    assert_eq!(unit.place(), "systemctl edit trader.service");
}

#[test]
fn who_is_not_there_is_said() {
    let absent = Units::of(Some(|_| Ok("LoadState=not-found\nRestart=no\n".to_owned())), Vec::new());
    assert!(matches!(absent.look("a.service"), Err(UnitError::Missing(_))));
    let silent = Units::of(Some(|_| Err("it hangs".to_owned())), Vec::new());
    assert!(silent.look("a.service").unwrap_err().to_string().ends_with("could not be asked: it hangs"));
    assert!(matches!(Units::of(None, Vec::new()).look("a.service"), Err(UnitError::Missing(_))));
    for name in ["", "a", "--all.service", "../x.service", "a b.service", "a\n.service", &"x.".repeat(200)] {
        assert!(matches!(silent.look(name), Err(UnitError::Name(_))), "{name:?}");
    }
}

#[test]
fn files_are_read_where_systemd_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let (strong, weak) = (folder.path().join("etc"), folder.path().join("lib"));
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        weak.join("trader@.service"),
        "[Unit]\nStartLimitBurst=3\n# Restart=always\n[Service]\nRestart = no\nSuccessExitStatus=143\n\
         ExecStart=/bin/a \\\n; not this\n  --b=c\nTimeoutSec=5min 20s\nRestartSec=1.5\n",
    );
    write(weak.join("trader@.service.d/10.conf"), "[Service]\nRestart=always\n");
    write(strong.join("trader@.service.d/10.conf"), "[Service]\nRestart=on-abnormal\n");
    write(strong.join("trader@eu.service.d/20.conf"), "[Service]\nSuccessExitStatus=SIGKILL\nWatchdogSec=30\n");
    write(strong.join("trader@eu.service.d/ignored.txt"), "[Service]\nWatchdogSec=1\n");
    let units = Units::of(None, vec![strong.clone(), weak.clone()]);
    let unit = units.look("trader@eu.service").unwrap();
    let files = [
        weak.join("trader@.service"),
        strong.join("trader@.service.d/10.conf"),
        strong.join("trader@eu.service.d/20.conf"),
    ];
    assert_eq!(unit.told_by, ToldBy::Files(files.into()));
    assert_eq!(unit.restart(), Restart::OnAbnormal);
    assert_eq!(unit.restart_after(), Duration::from_millis(1500));
    assert_eq!(unit.time("TimeoutStopUSec"), Some(Duration::from_secs(320)));
    assert_eq!(unit.watchdog(), Some(Duration::from_secs(30)));
    assert_eq!(unit.start_limit(), Some((3, Duration::from_secs(10))));
    assert_eq!(unit.get("ExecStart"), "/bin/a  --b=c");
    assert!(unit.statuses("SuccessExitStatus").has(Ending::Killed));
    write(strong.join("trader@eu.service.d/30.conf"), "[Service]\nSuccessExitStatus=\n");
    assert_eq!(units.look("trader@eu.service").unwrap().get("SuccessExitStatus"), "");
}

#[test]
fn spans_of_time_are_those_of_systemd() {
    for (text, seconds) in
        [("5", 5.0), ("90s", 90.0), ("1min 30s", 90.0), ("100ms", 0.1), ("1h30min", 5400.0), ("0", 0.0)]
    {
        assert_eq!(time(text), Some(Duration::from_secs_f64(seconds)), "{text}");
    }
    for text in ["infinity", "", "soon", "5 parsecs", "99999999999999999999", "1y 18446744073709551615s"] {
        assert_eq!(time(text), None, "{text}");
    }
}

fn unit(properties: &str) -> Unit {
    let properties = systemctl::properties(properties);
    Unit { name: "a.service".to_owned(), told_by: ToldBy::Systemd, properties }
}

#[test]
fn who_is_started_again_depends_on_how_it_ended() {
    let ends = [Ending::CleanExit, Ending::Terminated, Ending::Killed];
    for (properties, expected) in [
        ("Restart=no", [false; 3]),
        ("Restart=on-watchdog", [false; 3]),
        ("Restart=always", [true; 3]),
        ("Restart=on-success", [true, true, false]),
        ("Restart=on-failure", [false, false, true]),
        ("Restart=on-abnormal", [false, false, true]),
        ("Restart=on-abort", [false, false, true]),
        ("Restart=on-failure\nSuccessExitStatus=SIGKILL", [false, false, false]),
        ("Restart=on-success\nSuccessExitStatus=KILL", [true, true, true]),
        ("Restart=always\nRestartPreventExitStatus=0 SIGKILL", [false, true, false]),
        ("Restart=no\nRestartForceExitStatus=SIGTERM", [false, true, false]),
        ("", [false; 3]),
        ("Restart=gibberish", [false; 3]),
    ] {
        assert_eq!(ends.map(|ending| unit(properties).restarts_after(ending)), expected, "{properties}");
    }
}

#[test]
fn no_limit_of_starts_is_none() {
    for (properties, limit) in [
        ("StartLimitIntervalUSec=0", None),
        ("StartLimitBurst=0", None),
        ("StartLimitIntervalUSec=infinity", None),
        ("StartLimitBurst=2\nStartLimitIntervalUSec=1h", Some((2, Duration::from_secs(3600)))),
    ] {
        assert_eq!(unit(properties).start_limit(), limit, "{properties}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,200}") {
        let _ = time(&text);
        let unit = unit(&text);
        let _ = (unit.start_limit(), unit.restart(), unit.start_took(), unit.watchdog());
    }
}
