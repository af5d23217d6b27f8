use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

use super::super::run;
use super::super::tests::{CONFIG, folder};
use crate::cli::{Cli, Command, Output};
use crate::config::{Source, parse};
use crate::model::{BootId, Identity, MemberKey, MemberSample, Moment, Pid, Reading, Sample, Value};
use crate::record::history::{HistoryWriter, Limits, Place};
use crate::record::{LogWriter, Recorder};

const BEGIN: u64 = 1_772_443_800;

fn clock() -> (Moment, SystemTime) {
    (Moment::from_secs(1000), SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN + 1000))
}

/// Six minutes of a leak, and of a restart behind it, as the daemon would have kept it.
fn keep(place: &std::path::Path) {
    keep_rows(place, 50, Duration::from_secs(500));
}

/// The first rows of them, and one more when the daemon ends.
fn keep_rows(place: &std::path::Path, rows: u32, end: Duration) {
    let config = Arc::new(parse(vec![Source::new("watchdog.toml", CONFIG)]).unwrap());
    let (writer, history) =
        HistoryWriter::start(Place::Folder(place.to_owned()), Limits::of(&config.history), clock).unwrap();
    let (_log, logs) = LogWriter::start().unwrap();
    let mut recorder = Recorder::new(Arc::clone(&config), logs).keeping(history);
    let metrics = &config.targets[0].metrics;
    let mut sample = Sample::default();
    for row in 0..rows {
        let at = Moment::from_secs(0) + Duration::from_secs(10) * row;
        let (pid, value) = if row < 40 { (40, 100 + 25 * row) } else { (41, 90) };
        let reading = |name: String| match &*name {
            "open_fds" => Value::Known(f64::from(value)),
            "fd_usage" => Value::Known(f64::from(value) / 3000.0),
            _ => Value::Known(7.0),
        };
        let readings = metrics.iter().map(|metric| Reading {
            at,
            period: Duration::from_secs(1),
            value: reading(metric.to_string()),
        });
        let identity = Identity {
            boot: BootId(1),
            pid: Pid::new(pid).unwrap(),
            start_ticks: u64::try_from(pid).unwrap(),
            pidfs_inode: None,
        };
        let started = if pid == 40 { Moment::from_secs(0) } else { Moment::from_secs(400) };
        let member = MemberKey { target: 0, slot: 0 };
        sample.members =
            vec![MemberSample { member, identity, started, first_seen: started, readings: readings.collect() }];
        recorder.keep_sample(&sample, at);
    }
    recorder.end_samples(&sample, Moment::from_secs(0) + end);
    drop(recorder);
    assert!(writer.finish(Duration::from_secs(60)));
}

fn told(words: &[&str]) -> String {
    let cli = <Cli as clap::Parser>::try_parse_from(words).unwrap();
    Output::captured(|output| {
        if let Command::Backtest(arguments) = &cli.command {
            run(arguments, output).unwrap();
        } else if let Command::History(arguments) = &cli.command {
            crate::cli::history::run(arguments, output).unwrap();
        }
    })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test writes the file that is read")]
fn what_was_kept_gives_the_orders_of_the_same_readings_in_a_file() {
    let folder = folder(CONFIG, "");
    let place = folder.path().to_str().unwrap();
    keep(folder.path());
    let csv = told(&["tradedog", "history", "--samples", "--target", "trader", place]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 51, "{csv}");
    assert!(lines[0].starts_with("time,target,process,started,"), "{}", lines[0]);
    assert!(lines[1].starts_with("2026-03-02T09:30:00.000Z,trader,0,2026-03-02T09:30:00.000Z,"), "{}", lines[1]);
    std::fs::write(folder.path().join("leak.csv"), &csv).unwrap();
    let (config, file) = (format!("{place}/watchdog.toml"), format!("{place}/leak.csv"));
    let orders = |from: [&str; 2]| {
        let words = ["tradedog", "backtest", "--config", &config, from[0], from[1], "--json"];
        let json: Json = serde_json::from_str(&told(&words)).unwrap();
        json["orders"].as_array().unwrap().clone()
    };
    let kept = orders(["--history", place]);
    let first = |action: &str| kept.iter().position(|order| order["action"] == action);
    let (reset, kill) = (first("reset_pool").unwrap(), first("kill").unwrap());
    assert!(reset < kill && kept[reset]["time"] == "2026-03-02T09:31:20Z", "300 at 80s: {kept:#?}");
    // Its start tells one process from the next in its seat, here as there.
    assert_eq!(kept, orders(["--series", &file]));
}

#[test]
fn the_last_row_of_a_daemon_that_ends_sooner_is_not_how_often_it_looked() {
    let folder = folder(CONFIG, "");
    let place = folder.path().to_str().unwrap();
    keep_rows(folder.path(), 2, Duration::from_secs(12));
    let config = format!("{place}/watchdog.toml");
    let said = told(&["tradedog", "backtest", "--config", &config, "--history", place]);
    assert!(said.contains("3 rows of trader in 12s, every 10s") && !said.contains("gaps:"), "{said}");
}

#[test]
fn a_part_of_the_history_is_replayed_by_the_words_that_a_prometheus_is_asked_with() {
    let folder = folder(CONFIG, "");
    let place = folder.path().to_str().unwrap();
    keep(folder.path());
    let config = format!("{place}/watchdog.toml");
    let times = |more: &[&str]| {
        let words = ["tradedog", "backtest", "--config", &config, "--history", place, "--json"];
        let json: Json = serde_json::from_str(&told(&[&words, more].concat())).unwrap();
        let orders = json["orders"].as_array().unwrap();
        orders.iter().map(|order| order["time"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = times(&[]);
    let until = times(&["--to", "2026-03-02T09:32:00Z"]);
    assert!(!until.is_empty() && until.len() < all.len() && all.starts_with(&until), "{until:?} of {all:?}");
    for word in ["--from", "--since"] {
        let part = times(&[word, "2026-03-02T09:32:00Z", "--range", "5m"]);
        let within = |time: &String| ("2026-03-02T09:32:00Z".."2026-03-02T09:37:00Z").contains(&time.as_str());
        assert!(!part.is_empty() && part.iter().all(within), "{part:?}");
    }
    let words = ["tradedog", "backtest", "--config", &config, "--history", place, "--range", "1h"];
    let cli = <Cli as clap::Parser>::try_parse_from(words).unwrap();
    let Command::Backtest(arguments) = &cli.command else { panic!("{:?}", cli.command) };
    let mut error = String::new();
    Output::captured(|output| error = format!("{:?}", run(arguments, output).unwrap_err()));
    assert!(error.contains("there is no reading in it") && error.contains(", from 20"), "{error}");
}

#[test]
fn what_is_damaged_is_passed_over_and_told_of_in_the_end() {
    let folder = folder(CONFIG, "");
    let place = folder.path().to_str().unwrap();
    keep(folder.path());
    let config = format!("{place}/watchdog.toml");
    let sound = told(&["tradedog", "history", "--samples", place]);
    let file = rusqlite::Connection::open(folder.path().join("history.db")).unwrap();
    let damaged = "UPDATE blocks SET data = x'01ff' WHERE id = (SELECT id FROM blocks WHERE target IS NOT NULL ORDER BY at LIMIT 1 OFFSET 1)";
    assert_eq!(file.execute(damaged, []).unwrap(), 1);
    drop(file);
    let cli = <Cli as clap::Parser>::try_parse_from(["tradedog", "history", "--samples", place]).unwrap();
    let Command::History(arguments) = &cli.command else { panic!("{:?}", cli.command) };
    let mut error = String::new();
    let csv = Output::captured(|output| {
        error = format!("{:?}", crate::cli::history::run(arguments, output).unwrap_err());
    });
    let left_out =
        "1 block of samples could not be read and is left out: from 2026-03-02T09:31:00Z to 2026-03-02T09:31:50Z";
    assert!(error.contains(left_out), "{error}");
    assert_eq!(csv.lines().count(), sound.lines().count() - 6, "a minute is missing, and no more");
    assert_eq!(csv.lines().last(), sound.lines().last());
    for more in [&["--json"][..], &["--json", "--suggest"]] {
        let words = ["tradedog", "backtest", "--config", &config, "--history", place];
        let json: Json = serde_json::from_str(&told(&[&words, more].concat())).unwrap();
        assert!(json.to_string().contains(left_out), "{more:?}: {json}");
    }
}
