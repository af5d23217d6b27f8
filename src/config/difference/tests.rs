use super::*;
use crate::config::{Source, parse};

const BASE: &str = r#"
[daemon]
interval = "1s"
[web]
listen = ["127.0.0.1:7911"]
[peers]
db = "10.0.0.1:5432"
[host.thresholds]
host_memory_used = { warning = "72%" }
[host.ladder]
warning = ["trader.pause"]
[target.trader]
match = { unit = "trader.service" }
startup_grace = "2m"
[target.trader.thresholds]
open_fds = { elevated = 300, warning = 600, fatal = 900 }
rss = { warning = "900MB", ladder = "memory" }
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["pause"]
fatal = ["kill"]
[target.trader.ladder.memory]
warning = ["pause"]
[target.trader.actions.reset_pool]
signal = "SIGUSR1"
[target.trader.actions.pause]
http = { post = "http://127.0.0.1:8080/pause?token=s3cret", headers = { X-Key = "s3cret" }, body = "s3cret" }
undo = { command = ["/bin/ctl", "--password", "s3cret"] }
[target.trader.actions.kill]
kill = { grace = "45s" }
needs = { action = "pause", within = "20s", otherwise = "kill" }
[[target.trader.schedule]]
every = "5m"
action = "reset_pool"
[target.gateway]
match = { comm = "gateway" }
"#;

fn config(text: &str) -> Config {
    parse(vec![Source::new("watchdog.toml", text)]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is told of these replacements in the base.
fn told(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = BASE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    difference(&config(BASE), &config(&text))
}

#[test]
fn what_means_the_same_is_no_difference() {
    assert_eq!(told(&[]), [""; 0]);
    let same = [("\"1s\"", "\"1000ms\""), ("[web]\n", "# a comment\n[web]\n"), ("\"900MB\"", "\"900000kB\"")];
    assert_eq!(told(&same), [""; 0]);
}

#[test]
fn each_change_is_a_line_with_what_was_and_what_is() {
    for (from, to, line) in [
        ("\"1s\"", "\"2s\"", "[daemon] interval 1s -> 2s"),
        ("\"1s\"", "\"1s\"\ndry_run = true", "[daemon] dry_run false -> true"),
        ("[web]\n", "[history]\nmax_size = \"2GiB\"\n[web]\n", "[history] max_size 1GiB -> 2GiB"),
        ("[web]\n", "[history]\nevents = \"7d\"\n[web]\n", "[history] events 90d -> 7d"),
        (
            "[web]\n",
            "[history]\nsamples = { 10s = \"2d\" }\n[web]\n",
            "[history] samples 10s 1d, 1m 7d, 10m 90d -> 10s 2d, 1m 7d, 10m 90d",
        ),
        ("7911\"", "7911\", \"[::1]:7911\"", "[web] listen 127.0.0.1:7911 -> 127.0.0.1:7911, [::1]:7911"),
        ("10.0.0.1", "10.0.0.2", "[peers] db: 10.0.0.1/32 port 5432 -> 10.0.0.2/32 port 5432"),
        ("\"2m\"", "\"1m\"", "target trader: startup_grace 2m -> 1m"),
        ("trader.service", "other.service", "target trader: match unit trader.service -> other.service"),
        ("SIGUSR1", "SIGUSR2", "target trader: action reset_pool: signal SIGUSR1 -> SIGUSR2"),
        ("\"45s\"", "\"1m\"", "target trader: action kill: kill process, grace 45s -> process, grace 1m"),
        (
            "\"20s\"",
            "\"30s\"",
            "target trader: action kill: needs pause within 20s, otherwise kill -> pause within 30s, otherwise kill",
        ),
        (
            "fatal = [\"kill\"]",
            "fatal = [\"kill\", \"reset_pool\"]",
            "target trader: ladder default: fatal kill -> kill, reset_pool",
        ),
    ] {
        assert_eq!(told(&[(from, to)]), [line]);
    }
    let bounds = told(&[("warning = 600", "warning = 650")]);
    let threshold = "target trader: threshold open_fds: warning";
    assert_eq!(bounds, [format!("{threshold} 600 -> 650"), format!("{threshold} clear 540 -> 585")]);
    let hold = told(&[("warning = 600", "warning = { at = 600, hold = \"3s\" }")]);
    assert_eq!(hold, ["target trader: threshold open_fds: warning hold 0s -> 3s"]);
    let schedule = told(&[("\"5m\"", "\"6m\"")]);
    assert_eq!(schedule.len(), 1, "{schedule:?}");
    assert!(schedule[0].starts_with("target trader: schedule reset_pool every 5m"), "{schedule:?}");
}

#[test]
fn a_whole_that_comes_or_goes_is_one_line() {
    let gateway = "[target.gateway]\nmatch = { comm = \"gateway\" }\n";
    assert_eq!(told(&[(gateway, "")]), ["target gateway: removed"]);
    assert_eq!(told(&[("target.gateway", "target.analysis")]), ["target analysis: added", "target gateway: removed"]);
    let back = difference(&config(&BASE.replace(gateway, "")), &config(BASE));
    assert_eq!(back, ["target gateway: added"]);
    let threshold = told(&[("open_fds = {", "threads = { warning = 9 }\nopen_fds = {")]);
    assert_eq!(threshold, ["target trader: threshold threads added"]);
    let delivery = told(&[("signal = \"SIGUSR1\"", "command = [\"/bin/reset\"]\nscope = \"process\"")]);
    assert!(delivery.contains(&"target trader: action reset_pool: command added".to_owned()), "{delivery:?}");
    assert!(delivery.contains(&"target trader: action reset_pool: signal removed".to_owned()), "{delivery:?}");
}

#[test]
fn no_secret_is_told() {
    for (from, what) in [
        ("token=s3cret", "http changed"),
        ("\"s3cret\" }, body", "http changed"),
        ("body = \"s3cret", "http changed"),
        ("\"--password\", \"s3cret", "undo command changed"),
    ] {
        let lines = told(&[(from, &from.replace("s3cret", "s3cr3t"))]);
        assert_eq!(lines, [format!("target trader: action pause: {what}")]);
    }
    let all = difference(&Config::default(), &config(BASE)).join("\n")
        + &difference(&config(BASE), &Config::default()).join("\n");
    assert!(!all.contains("s3c"), "{all}");
}

#[test]
fn a_difference_too_small_to_be_shown_is_told_all_the_same() {
    let lines = told(&[("\"900MB\"", "\"900000001B\"")]);
    assert!(lines.iter().any(|line| line == "target trader: threshold rss: warning 900MB -> 858.3MiB"), "{lines:?}");
    let near = BASE.replace("\"900MB\"", "\"900000002B\"");
    let nearer = BASE.replace("\"900MB\"", "\"900000001B\"");
    let lines = difference(&config(&nearer), &config(&near));
    assert!(lines.iter().any(|line| line == "target trader: threshold rss: warning changed"), "{lines:?}");
}

#[test]
fn the_other_way_round_it_is_the_opposite() {
    let text = BASE.replace("warning = 600", "warning = 650").replace("target.gateway", "target.analysis");
    let (forth, back) = (difference(&config(BASE), &config(&text)), difference(&config(&text), &config(BASE)));
    assert_eq!(forth.len(), back.len());
    let sorted = |lines: &[String]| lines.is_sorted();
    assert!(
        forth.iter().any(|line| line.ends_with("600 -> 650")) && back.iter().any(|line| line.ends_with("650 -> 600"))
    );
    assert!(sorted(&forth), "{forth:?}");
}

const HOURS: &str = r#"
[calendar.nyse]
zone = "America/New_York"
days = "mon-fri"
sessions = { pre = "04:00-09:30", open = "09:30-16:00" }
holidays = ["2026-12-25"]
valid_until = "2026-12-31"
[target.gateway.thresholds]
open_fds = { elevated = 300, warning = 600 }
rss = { elevated = "1GB" }
[target.gateway.ladder]
warning = ["shed"]
[target.gateway.actions.shed]
signal = "SIGUSR1"
not_during = "nyse.pre"
[target.gateway.during."nyse.open".thresholds]
open_fds = { elevated = 200, warning = 500 }
rss = "none"
[target.gateway.during."nyse.open".ladder]
warning = "none"
"#;

#[test]
fn calendars_and_hours_are_told_of_whatever_hour_it_is() {
    let old = config(&format!("{BASE}{HOURS}"));
    let mut text = format!("{BASE}{HOURS}");
    for (from, to) in [
        ("open = \"09:30-16:00\"", "open = \"09:30-16:30\""),
        ("2026-12-31", "2027-01-31"),
        ("warning = 500", "warning = 550"),
        ("not_during = \"nyse.pre\"", "not_during = \"nyse\""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let new = config(&text);
    let expected = [
        "[calendar] nyse session open 09:30-16:00 -> 09:30-16:30",
        "[calendar] nyse valid_until 2026-12-31 -> 2027-01-31",
        "target gateway: action shed: not_during nyse.pre -> nyse",
        "target gateway: during nyse.open: threshold open_fds: warning 500 -> 550",
    ];
    let told: Vec<String> = difference(&old, &new).into_iter().filter(|line| !line.contains(" clear ")).collect();
    assert_eq!(told, expected);
}

#[test]
fn the_hour_is_no_difference() {
    let old = config(&format!("{BASE}{HOURS}"));
    let inside = old.in_hours(&old.almanac("2026-11-20T15:00:00Z".parse().unwrap())).unwrap();
    assert_eq!(inside.targets[1].thresholds.len(), 1, "rss is taken out");
    assert_eq!(difference(&old, &inside), [""; 0]);
    let back = inside.in_hours(&inside.almanac("2026-11-21T15:00:00Z".parse().unwrap())).unwrap();
    assert_eq!(back.targets[1].thresholds, old.targets[1].thresholds);
    assert_eq!(back.targets[1].ladders, old.targets[1].ladders);
}
