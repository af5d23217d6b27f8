//! A leak, a configuration, and what is told of them.
#![expect(clippy::disallowed_methods, reason = "the tests write the files that are read")]

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use tempfile::TempDir;

use super::*;

pub(super) const CONFIG: &str = r#"
[daemon]
dry_run = true
[target.trader]
match = { unit = "trader.service" }
[target.trader.thresholds]
open_fds = { elevated = 300, warning = 600, critical = 800, fatal = { at = 900, hold = "3s" } }
rss = { elevated = "900MB" }
[target.trader.ladder]
elevated = ["reset_pool"]
warning  = ["disable_websocket"]
critical = ["pause"]
fatal    = ["kill"]
[target.trader.actions.reset_pool]
signal = "SIGUSR1"
repeat = "30m"
[target.trader.actions.disable_websocket]
http = { post = "http://127.0.0.1:1/off" }
undo = { http = { post = "http://127.0.0.1:1/on" } }
undo_after = "10m"
[target.trader.actions.pause]
command = ["/bin/true"]
undo = { command = ["/bin/true"] }
undo_by = "operator"
[target.trader.actions.kill]
kill = { grace = "45s" }
"#;

/// 85 open files, nine more in each minute, for two hours; then calm for one.
fn leak() -> String {
    let line = |minute: i64| {
        let value = if minute < 120 { 85 + 9 * minute } else { 90 };
        format!("{},{value},x\n", jiff::Timestamp::from_second(1_772_443_800 + 60 * minute).unwrap())
    };
    let lines: String = (0..180).map(line).collect();
    format!("time,open_fds,note\n{lines}")
}

pub(super) fn folder(config: &str, series: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("watchdog.toml", config), ("leak.csv", series)] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    folder
}

fn arguments(folder: &Path, more: &[&str]) -> Arguments {
    let (config, series) = (folder.join("watchdog.toml"), folder.join("leak.csv"));
    let fixed = ["tradedog", "backtest", "--config", config.to_str().unwrap(), "--series", series.to_str().unwrap()];
    let cli = <super::super::Cli as clap::Parser>::try_parse_from(fixed.into_iter().chain(more.iter().copied()));
    let super::super::Command::Backtest(arguments) = cli.unwrap().command else { panic!("another command") };
    arguments
}

pub(super) fn told(folder: &TempDir, more: &[&str]) -> String {
    let arguments = arguments(folder.path(), more);
    let told = Output::captured(|output| run(&arguments, output).unwrap());
    told.replace(&folder.path().display().to_string(), "FOLDER")
}

pub(super) fn refused(folder: &TempDir, more: &[&str]) -> String {
    match run(&arguments(folder.path(), more), &mut Output::stdout()) {
        Err(Failure::Usage(error) | Failure::Runtime(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leak_steps_the_process_up_the_ladder_and_down_again() {
    insta::assert_snapshot!("leak", told(&folder(CONFIG, &leak()), &[]));
}

#[test]
fn the_same_for_programs_is_one_object() {
    let json: Json = serde_json::from_str(&told(&folder(CONFIG, &leak()), &["--json"])).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["forecasts", "levels", "orders", "summary"]);
    let orders = json["orders"].as_array().unwrap();
    let out: Vec<_> = orders.iter().filter(|row| row["outcome"] == "acknowledged").collect();
    let first = |action: &str, undo: bool| {
        out.iter().find(|row| row["action"] == action && row["undo"] == undo).map(|row| row["time"].as_str().unwrap())
    };
    assert_eq!(first("reset_pool", false), Some("2026-03-02T09:54:00Z"), "24 minutes: {orders:#?}");
    assert_eq!(first("disable_websocket", false), Some("2026-03-02T10:28:00Z"));
    assert_eq!(first("pause", false), Some("2026-03-02T10:50:00Z"));
    assert_eq!(first("kill", false), Some("2026-03-02T11:02:00Z"), "at or past 900 twice");
    assert_eq!(first("disable_websocket", true), Some("2026-03-02T11:41:00Z"), "10m after warning was left: 11:31");
    assert_eq!(first("pause", true), None, "the operator's");
    let row = &orders[0];
    for (key, value) in [("process", "0"), ("level", "elevated"), ("metric", "open_fds"), ("reason", "none")] {
        assert_eq!(row[key], value, "{row}");
    }
    assert!(row["value"].as_f64().is_some_and(|value| (value - 301.0).abs() < 0.5));
    let levels = json["levels"].as_array().unwrap();
    assert_eq!((&levels[0]["from"], &levels[0]["to"]), (&Json::from("normal"), &Json::from("elevated")));
    assert_eq!(json["summary"]["unknown"], Json::from(vec!["rss"]));
    assert_eq!(json["summary"]["ignored"], Json::from(vec!["note"]));
    assert_eq!(json["summary"]["kills"], 1);
}

#[test]
fn what_cannot_be_played_is_told_with_a_remedy() {
    let two = format!("{CONFIG}[target.other]\nmatch = {{ unit = \"other.service\" }}\n");
    for (config, series, more, said) in [
        (CONFIG, "time,open_fds\n", &[][..], "there is no reading in it"),
        (CONFIG, "time,open_fds\n1,2\n2,x\n", &[], "leak.csv, line 3, column 2 (open_fds)"),
        (CONFIG, "time,open_fds\n1,2\n", &["--target", "tradr"], "did you mean trader?"),
        (&two, "time,open_fds\n1,2\n", &[], "choose one of trader, other by --target"),
        (CONFIG, "PK\u{3}\u{4}xl/workbook", &[], "is packed"),
        (CONFIG, "", &[], "is empty: the first line names the columns"),
        (CONFIG, "{\"time\": 1, \"targets\": [", &[], "is not what tradedog status --json prints"),
    ] {
        let told = refused(&folder(config, series), more);
        assert!(told.contains(said), "{said:?} is not in {told:?}");
    }
    let empty = folder(CONFIG, "");
    fs::remove_file(empty.path().join("leak.csv")).unwrap();
    assert!(refused(&empty, &[]).contains("cannot be read"));
}

#[test]
fn a_file_that_is_not_there_is_told_with_what_to_do() {
    let folder = folder(CONFIG, "time,open_fds\n1,2\n");
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let config = folder.path().join("watchdog.toml");
    let said = |words: &[&str]| {
        let all = [&["tradedog", "backtest"], words].concat();
        let cli = <super::super::Cli as clap::Parser>::try_parse_from(all).unwrap();
        let super::super::Command::Backtest(arguments) = &cli.command else { panic!("another command") };
        match run(arguments, &mut Output::stdout()) {
            Err(Failure::Usage(error) | Failure::Runtime(error)) => format!("{error:#}"),
            Err(Failure::Configuration(problems)) => problems.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let (config, series) = (config.to_str().unwrap(), folder.path().join("leak.csv"));
    let series = series.to_str().unwrap();
    let from = ["--config", config, "--prometheus", "http://127.0.0.1:1"];
    let (is_right, init) = ("is the path right?", "tradedog init writes a new one");
    for (words, help) in [
        (&["--config", nowhere, "--series", series][..], init),
        (&["--config", config, "--against", nowhere, "--series", series], init),
        (&["--config", config, "--against", &format!("{series}/x"), "--series", series], init),
        (&["--config", config, "--series", nowhere], &format!("{is_right} --series says")),
        (&["--config", config, "--history", nowhere], "name the folder of history.db"),
        (&["--config", config, "--history", &format!("{series}/x")], "name the folder of history.db"),
        (&["--config", config, "--history", series], "name the folder of history.db"),
        (&[&from[..], &["--basic-auth-file", nowhere]].concat(), &format!("{is_right} --basic-auth-file says")),
        (&[&from[..], &["--bearer-file", nowhere]].concat(), &format!("{is_right} --bearer-file says")),
        (&[&from[..], &["--ca", nowhere]].concat(), &format!("{is_right} --ca says")),
    ] {
        let told = said(words);
        assert!(told.contains(help) && (told.contains(nowhere) || told.contains(series)), "{words:?}: {told}");
    }
}

#[test]
fn gaps_are_told_and_nothing_is_ordered_by_what_was_not_read() {
    let mut lines = String::from("time,open_fds\n");
    for second in (0..100).chain(400..500) {
        lines.push_str(&format!("{second},{}\n", if second < 99 { 85 } else { 350 }));
    }
    let told = told(&folder(CONFIG, &lines), &[]);
    assert!(told.contains("trader[0]: nothing was read for 5m 1s"), "{told}");
    assert!(told.contains("gaps: 1, together 5m 1s"), "{told}");
}

#[test]
fn several_processes_and_targets_are_told_apart() {
    let two = format!(
        "{CONFIG}[target.other]\nmatch = {{ unit = \"other.service\" }}\n[target.other.thresholds]\nrss = {{ elevated = \"1GB\" }}\n"
    );
    let mut lines = String::from("time,target,process,open_fds,rss\n");
    for second in 0..100 {
        lines.push_str(&format!("{second},trader,a,{},1MiB\n{second},trader,b,50,\n", 280 + second));
        lines.push_str(&format!("{second},other,a,,{}GB\n{second},third,a,,5GB\n", 1 + second / 50));
    }
    let told = told(&folder(&two, &lines), &[]);
    assert!(told.contains("trader[a] default: normal -> elevated: open_fds 300 at or past 300"), "{told}");
    assert!(!told.contains("trader[b] default: normal ->"), "{told}");
    assert!(told.contains("other[a]") && !told.contains("third["), "{told}");
}

#[test]
fn what_the_daemon_tells_of_itself_is_a_series_too() {
    let document = |second: i64, value: i64| {
        format!(
            "{{\"time\": {second}, \"targets\": [{{\"name\": \"trader\", \"members\": [{{\"process\": 0, \"started\": 1, \
             \"readings\": {{\"open_fds\": {{\"value\": {value}, \"at\": {second}}}}}}}]}}]}}\n"
        )
    };
    let lines: String = (0..60).map(|second| document(1_772_443_800 + second, 280 + second)).collect();
    let shown = told(&folder(CONFIG, &lines), &[]);
    assert!(shown.contains("trader[0] reset_pool (elevated): open_fds 300 at or past 300"), "{shown}");
    assert!(!shown.contains("ignored"), "{shown}");
    let scrape = "# HELP tradedog_target_processes Live processes of the target.\n";
    assert!(refused(&folder(CONFIG, scrape), &[]).contains("record what tradedog status --json prints"));
}

/// CONFIG with its bounds for open files twice as high for the first two levels.
fn milder() -> String {
    CONFIG.replace("elevated = 300, warning = 600", "elevated = 400, warning = 700")
}

fn against(folder: &TempDir, more: &[&str]) -> String {
    let old = folder.path().join("old.toml");
    fs::write(&old, milder()).unwrap();
    fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    told(folder, &[&["--against", old.to_str().unwrap()], more].concat())
}

#[test]
fn against_another_configuration_only_the_difference_is_told() {
    insta::assert_snapshot!("against", against(&folder(CONFIG, &leak()), &[]));
    let json: Json = serde_json::from_str(&against(&folder(CONFIG, &leak()), &["--json"])).unwrap();
    let times = |list: &str| {
        let rows = json[list].as_array().unwrap().iter();
        rows.map(|row| format!("{} {}", row["time"].as_str().unwrap(), row["action"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(times("only_new").contains(&"2026-03-02T09:54:00Z reset_pool".to_owned()));
    assert!(times("only_old").contains(&"2026-03-02T10:05:00Z reset_pool".to_owned()));
    assert_eq!(json["against"]["kills"], 1);
}

#[test]
fn the_same_configuration_makes_no_difference() {
    let folder = folder(CONFIG, &leak());
    let same = folder.path().join("watchdog.toml");
    let told = told(&folder, &["--against", same.to_str().unwrap()]);
    assert!(!told.contains("\n+ ") && !told.contains("\n- "), "{told}");
}

#[test]
fn a_drawing_shows_the_readings_the_bounds_and_the_orders() {
    let folder = folder(CONFIG, &leak());
    let path = folder.path().join("leak.svg");
    told(&folder, &["--svg", path.to_str().unwrap()]);
    let svg = fs::read_to_string(&path).unwrap();
    for said in
        ["<svg", "open_fds", "warning 600", "fatal 900", "disable_websocket", "undo of disable_websocket", "12:29"]
    {
        assert!(svg.contains(said), "{said} is not drawn");
    }
    assert!(svg.matches("<circle").count() >= 7 && svg.contains("M150 ") && !svg.contains("NaN"), "{svg}");
    let far = folder.path().join("no/such/folder.svg");
    assert!(refused(&folder, &["--svg", far.to_str().unwrap()]).contains("could not be written"));
}

#[test]
fn what_was_foretold_is_told_once_a_minute_and_held_against_what_came() {
    let json: Json = serde_json::from_str(&told(&folder(CONFIG, &leak()), &["--json"])).unwrap();
    let forecasts = json["forecasts"].as_array().unwrap();
    assert!(forecasts.len() > 30, "{}", forecasts.len());
    let half = forecasts.iter().find(|row| row["time"] == "2026-03-02T10:15:00Z").expect("one at half way");
    assert_eq!((&half["metric"], &half["level"]), (&Json::from("open_fds"), &Json::from("fatal")), "{half}");
    // 490 are open, and nine more come a minute: 45.6 minutes to 900.
    let left = half["time_left_seconds"].as_f64().unwrap();
    assert!((left / 60.0 - 45.6).abs() < 45.6 * 0.2, "{left}");
    assert_eq!(json["summary"]["forecast_error"]["ends"], 1, "{}", json["summary"]);
}

#[test]
fn odd_files_are_played() {
    let wide = |text: &str| (0..10_000).map(|at| format!(",{text}{at}")).collect::<String>();
    for (series, said) in [
        // As a spreadsheet saves it, of one row.
        ("\u{feff}time,open_fds\r\n2026-03-02T10:30:00+01:00,950\r\n".to_owned(), "from 2026-03-02T09:30:00Z"),
        ("time,open_fds\n60,950\n".to_owned(), ": 1 row of trader in 0ms, from"),
        ("time,open_fds\n1,nan\n2,denied\n3,\n".to_owned(), "open_fds is unknown (denied)"),
        ("time,process,open_fds\n1,all,950\n2,all,950\n".to_owned(), "rows of the process `all` are left out"),
        (format!("time{},open_fds\n1{},950\n", wide("x"), wide("")), "and 9960 more"),
        ("time,open_fds\n60,310\n120,310\n180,310\n21600,320\n".to_owned(), "nothing was read for 5h 57m"),
    ] {
        let config = CONFIG.replace("dry_run = true", "dry_run = true\ninterval = \"1m\"");
        let told = told(&folder(&config, &series), &[]);
        assert!(told.contains(said), "{said:?} is not in {told}");
    }
}
