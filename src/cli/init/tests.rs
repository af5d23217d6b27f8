//! Whatever is seen, the file is right: as it is, and with its examples uncommented.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::bounds::{FDS, MEMORY, row};
use super::look::Seen;
use super::peers::{Network, PeerSeen};
use super::text::{name, quoted};
use super::write::document;
use super::*;
use crate::cli::check;
use crate::cli::unit::{Ask, Units};
use crate::config::Config;
use crate::model::{Base, Level, Measure, Signal};

fn parse(text: &str) -> Config {
    config::parse(vec![Source::new("watchdog.toml", text)])
        .unwrap_or_else(|problems| panic!("{text}\n{}", problems.render(false)))
}

/// The lines behind a bare `#` uncommented.
fn uncommented(text: &str) -> String {
    let line =
        |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n";
    text.lines().map(line).collect()
}

/// As it is, and with its examples.
fn is_right(seen: &Seen) -> Config {
    let text = document(seen, "1.0");
    let config = parse(&text);
    assert!(config.warnings.is_empty(), "{}\n{text}", config.warnings.render(false));
    assert!(config.daemon.dry_run);
    assert_eq!(config.targets.len(), 1);
    assert_eq!(&*config.targets[0].name, seen.name);
    let all = parse(&uncommented(&text));
    assert!(all.targets[0].actions.len() >= config.targets[0].actions.len());
    config
}

/// The trader of the first case: 87 files of 1024, sockets to a database, a handler for SIGUSR1.
fn trader() -> Seen {
    let readings = [
        (Base::OpenFds, 87.0),
        (Base::MaxFds, 1024.0),
        (Base::CloseWait, 3.0),
        (Base::Rss, 420e6),
        (Base::Swap, 0.0),
        (Base::Threads, 12.0),
    ];
    let peer = PeerSeen { name: "postgres".into(), pattern: "10.0.5.10:5432".into(), sockets: 12.0, close_wait: 3.0 };
    Seen {
        name: "trader".into(),
        matching: "{ unit = \"trader.service\" }".into(),
        processes: vec!["pid 4711 (python3)".into()],
        count: 1,
        age: Duration::from_secs(7200),
        anchored: true,
        reachable: true,
        readings: readings.into(),
        memory: Some(16e9),
        free: Signal::new(libc::SIGUSR1).into_iter().collect(),
        network: Network { peers: vec![peer], more: 0, listens: vec![8443] },
        ..Seen::default()
    }
}

#[test]
fn the_limit_of_files_gives_the_bounds() {
    let text = document(&trader(), "1.0");
    for part in [
        "expected = 130 ",
        "elevated = 260 ",
        "warning  = 512 ",
        "critical = 717 ",
        "fatal    = { at = 870, hold = \"3s\" } ",
        "# 50 % of 1024\n",
        "# 87 now, limit 1024: past it accept(), open() and the log fail\n",
        "postgres = \"10.0.5.10:5432\"",
        "# 12 sockets now, 3 of them in CLOSE_WAIT\n",
        "\"close_wait.postgres\" = { elevated = 10, hold = \"10s\" }",
        "signal   = \"SIGUSR1\"",
        "#clients = { local = \"*:8443\" }",
        "#fatal    = [\"kill\"]",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let config = is_right(&trader());
    assert_eq!(config.targets[0].rungs(0, Level::Elevated).count(), 1);
}

#[test]
fn nothing_is_taken_that_cannot_work() {
    let unhandled = Seen { free: Vec::new(), ..trader() };
    let config = is_right(&unhandled);
    assert!(!config.targets[0].has_ladder() && config.targets[0].actions.is_empty(), "it is only observed");
    let unanchored =
        Seen { anchored: false, matching: "{ comm = \"python3\" }".into(), unit: unit(ALWAYS), ..trader() };
    assert!(is_right(&unanchored).targets[0].actions.iter().all(|action| !action.measure.is_kill()));
}

const ALWAYS: Ask = |_| Ok("Restart=always\nRestartUSec=5s\nTimeoutStopUSec=45s".into());

fn unit(show: Ask) -> Option<Result<crate::cli::unit::Unit, String>> {
    Some(Ok(Units::of(Some(show), Vec::new()).look("trader.service").unwrap()))
}

#[test]
fn a_kill_is_proposed_only_where_somebody_starts_it_again_and_check_agrees() {
    let shows: [(Ask, bool); 7] = [
        (ALWAYS, true),
        (|_| Ok("Restart=no".into()), false),
        (|_| Ok("Restart=on-failure".into()), false),
        (|_| Ok("Restart=always\nStartLimitBurst=1\nStartLimitIntervalUSec=1h".into()), false),
        (|_| Ok("Restart=always\nStartLimitBurst=2\nStartLimitIntervalUSec=1h".into()), true),
        (|_| Ok("Restart=always\nStartLimitBurst=3\nStartLimitIntervalUSec=1d".into()), true),
        (|_| Ok("Restart=always\nRestartUSec=10min\nStartLimitBurst=4\nStartLimitIntervalUSec=6h".into()), true),
    ];
    for (show, kills) in shows {
        let seen = Seen { unit: unit(show), ..trader() };
        let config = is_right(&seen);
        let target = &config.targets[0];
        assert_eq!(target.rungs(0, Level::Fatal).count() == 1, kills, "{:?}", show("x"));
        let warnings = check::unit_warnings(target, "trader.service", &Units::of(Some(show), Vec::new()));
        assert_eq!(warnings, Vec::<String>::new(), "{:?}", show("x"));
    }
    let config = is_right(&Seen { unit: unit(ALWAYS), ..trader() });
    let kill = config.targets[0].actions.iter().find(|action| action.measure.is_kill()).unwrap();
    let Measure::Kill { grace, .. } = kill.measure else { panic!("it is a kill") };
    assert_eq!(grace, Duration::from_secs(45), "TimeoutStopSec= of the unit");
}

#[test]
fn what_could_not_be_seen_is_said() {
    let dark = BTreeMap::from([(("denied", "needs CAP_SYS_PTRACE"), vec!["close_wait", "sockets"])]);
    let mut seen = Seen { dark, unit: Some(Err("systemd hangs".into())), ..trader() };
    seen.readings.remove(&Base::CloseWait);
    let text = document(&seen, "1.0");
    assert!(text.contains("# Not seen (denied): close_wait, sockets; needs CAP_SYS_PTRACE.\n"), "{text}");
    assert!(text.contains("Not seen: who starts it again. systemd hangs."), "{text}");
    assert!(!text.contains("close_wait ="), "no bound on what nobody can read:\n{text}");
    assert!(!text.contains("not been running for long"), "{text}");
    is_right(&seen);
    let seen = Seen { readings: BTreeMap::new(), age: Duration::from_secs(3), ..seen };
    is_right(&seen);
    assert!(document(&seen, "1.0").contains("not been running for long"));
}

#[test]
fn names_are_made_of_anything() {
    for (text, expected) in [
        ("trader.service", "trader"),
        ("Trader@EU-1.service", "trader_eu_1"),
        ("99 bottles", "bottles"),
        ("__", "otherwise"),
        ("日本", "otherwise"),
        ("a\n\"]#", "a"),
    ] {
        assert_eq!(name(text, "otherwise"), expected);
    }
    assert!(name(&"x".repeat(500), "otherwise").len() <= 64);
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchdog.toml");
    save::save(&path, "one", false).unwrap();
    let Err(Failure::Runtime(error)) = save::save(&path, "two", false) else { panic!("it must be refused") };
    assert!(error.to_string().contains("is there already") && error.to_string().contains("--force"), "{error}");
    save::save(&path, "two", true).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test looks at the file")]
    let (text, mode) = (std::fs::read_to_string(&path).unwrap(), std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(text, "two");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o644);
    assert!(save::save(&folder.path().join("no/such"), "x", true).is_err());
}

#[test]
fn the_container_of_a_scope_is_its_id() {
    let id = "0123456789abcdef".repeat(4);
    assert_eq!(container(&format!("docker-{id}.scope")), Some(&*id));
    assert_eq!(container("session-1.scope"), None);
}

/// Text as a process or a peer would choose it to break out of its line.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("\"]\n[daemon]\ndry_run = false #".to_owned()),
        Just("'''\"\"\"\\\u{202e}\r\n\u{7f}\0".to_owned()),
        Just("x".repeat(4096)),
    ]
}

proptest! {
    #[test]
    fn nothing_breaks_out((one, two, three) in (hostile(), hostile(), hostile()), (now, limit) in (0u32..5000, 16u32..2_000_000)) {
        let mut seen = trader();
        seen.name = name(&one, "target");
        seen.matching = format!("{{ cmdline = {}, user = \"root\" }}", quoted(&regex::escape(&format!("x{two}"))));
        // As `look` has it: what a process calls itself has passed `printable`.
        seen.processes = vec![format!("pid 1 ({})", printable(three.as_bytes(), 64))];
        seen.unit = Some(Err(two));
        seen.readings.insert(Base::OpenFds, f64::from(now.min(limit)));
        seen.readings.insert(Base::MaxFds, f64::from(limit));
        let config = is_right(&seen);
        prop_assert!(config.daemon.dry_run);
    }

    #[test]
    fn bounds_stand_above_the_reading_and_in_their_order(now in 0u32..2_000_000, above in 1u32..2_000_000) {
        let (now, ceiling) = (f64::from(now), f64::from(now) + f64::from(above));
        for cells in [row(&FDS, now, Some(ceiling)), row(&MEMORY, now * 1e5, Some(ceiling * 1e5)), row(&FDS, now, None)] {
            for pair in cells.windows(2) {
                prop_assert!(pair[0].value < pair[1].value, "{cells:?}");
            }
        }
        for cell in row(&FDS, now, Some(ceiling)) {
            prop_assert!(cell.value > now && cell.value < ceiling, "{now} {ceiling} {cell:?}");
            prop_assert!(cell.key == "expected" || cell.value * 0.9 > now, "left again at once: {now} {cell:?}");
        }
        for cell in row(&MEMORY, now * 1e5, Some(ceiling * 1e5)) {
            prop_assert!(cell.value > now * 1e5, "{now} {cell:?}");
        }
    }

    #[test]
    fn a_string_is_read_as_it_was(text in hostile()) {
        let table: toml::Table = toml::from_str(&format!("x = {}", quoted(&text))).unwrap();
        prop_assert_eq!(table["x"].as_str(), Some(&*text));
    }
}
