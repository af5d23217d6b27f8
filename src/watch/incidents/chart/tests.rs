#![expect(clippy::disallowed_methods, reason = "has another program read what was drawn")]

use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;
use crate::config::{Config, Source, parse};
use crate::model::{BootId, Identity, MemberKey, MemberSample, Pid, Reading, Sample};
use crate::record::samples::Hour;

const MEMBER: MemberKey = MemberKey { target: 0, slot: 0 };
/// 2026-11-21T23:15:02.123Z
const WALL: i64 = 1_795_302_902_123;
const TEXT: &str = "[target.trader]\nmatch = { unit = \"trader.service\" }\n[target.trader.thresholds]\n\
                    open_fds = { elevated = 300, critical = 800 }\nrss = { elevated = \"900MB\" }\n\
                    \"open_fds.time_left\" = { elevated = \"2h\" }\n";

fn config() -> Arc<Config> {
    Arc::new(parse(vec![Source::new("watchdog.toml", TEXT)]).unwrap_or_else(|all| panic!("{}", all.render(false))))
}

/// Readings of `open_fds` every ten seconds, each by the process of that pid; none where nobody sat there.
fn hour(config: &Arc<Config>, readings: &[Option<(i32, f64)>]) -> LastHour {
    let mut hour = Hour::new(Arc::clone(config));
    for (at, one) in (0..).zip(readings) {
        let at = Moment::from_secs(1000 + 10 * at);
        let member = one.map(|(pid, value)| {
            let is_it = |metric: &Metric| metric.to_string() == "open_fds";
            let read = |metric| Value::Known(if is_it(metric) { value } else { 7e8 });
            let reading = |metric| Reading { at, period: Duration::from_secs(1), value: read(metric) };
            let identity = Identity { boot: BootId(1), pid: Pid::new(pid).unwrap(), start_ticks: 7, pidfs_inode: None };
            let readings = config.targets[0].metrics.iter().map(reading).collect();
            MemberSample { member: MEMBER, identity, started: at, first_seen: at, readings }
        });
        hour.keep(&Sample { members: member.into_iter().collect(), ..Sample::default() }, at);
    }
    hour.of(MEMBER).unwrap()
}

fn drawn(readings: &[Option<(i32, f64)>], name: &str) -> String {
    let (config, at) = (config(), Moment::from_secs(1000 + 10 * readings.len() as u64));
    draw(&hour(&config, readings), &config.targets[0], (name, When { at, wall: WALL })).unwrap()
}

/// What another program finds in it, a line each: elements with their classes and texts.
fn read(svg: &str) -> Vec<String> {
    let script = "import sys, xml.etree.ElementTree as tree\n\
                  for one in tree.parse(sys.stdin).iter():\n    \
                      print(one.tag.split('}')[1], one.get('class', '-'), one.get('d') or repr(one.text))";
    let mut python = Command::new("python3");
    let python = python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), svg.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "not well-formed:\n{svg}");
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn of<'a>(found: &'a [String], begin: &str) -> Vec<&'a str> {
    found.iter().filter_map(|line| line.strip_prefix(begin)).collect()
}

#[test]
fn every_metric_with_a_threshold_has_its_series_and_its_bounds() {
    let readings: Vec<_> = (0..40).map(|at| Some((40, 100.0 + 20.0 * f64::from(at)))).collect();
    let found = read(&drawn(&readings, "trader[0]"));
    assert_eq!(of(&found, "title "), ["- 'The last hour of trader[0]'"]);
    let lines = of(&found, "path line ");
    assert_eq!(lines.len(), 2, "open_fds once, rss once: {found:#?}");
    assert_eq!(lines[0].matches(" L").count(), 39, "{}", lines[0]);
    // From 100 to 880 in a panel that ends a little above: it rises, and stays within the panel.
    let heights: Vec<f64> =
        lines[0].split([' ', 'L', 'M']).filter_map(|word| word.parse().ok()).skip(1).step_by(2).collect();
    assert!(heights.is_sorted_by(|one, other| one >= other), "{heights:?}");
    assert!(heights.iter().all(|y| (SPACE..=SPACE + PANEL).contains(y)), "{heights:?}");
    let bounds = ["bound elevated", "bound critical"].map(|class| of(&found, &format!("line {class} ")).len());
    assert_eq!(bounds, [2, 1], "{found:#?}");
    for text in ["open_fds", "rss", "elevated 300", "critical 800", "elevated 900MB", "23:15:02 UTC", "23:08:22"] {
        assert!(found.contains(&format!("text - '{text}'")), "{text}: {found:#?}");
    }
    assert!(of(&found, "line life").is_empty());
}

#[test]
fn a_gap_is_not_joined_and_who_sat_there_before_is_told_apart() {
    let before = (0..10).map(|_| Some((40, 500.0)));
    let after = (0..10).map(|_| Some((4711, 90.0)));
    let readings: Vec<_> = before.chain((0..6).map(|_| None)).chain(after).collect();
    let found = read(&drawn(&readings, "trader[0]"));
    assert_eq!(of(&found, "path line ")[0].matches(" M").count(), 2, "{found:#?}");
    assert_eq!(of(&found, "line life ").len(), 2, "in each panel");
    assert!(found.contains(&"text - 'pid 4711'".to_owned()), "{found:#?}");
}

#[test]
fn a_name_breaks_no_drawing_and_nothing_read_is_nothing_drawn() {
    let found = read(&drawn(&[Some((40, 1.0))], "</title><script>&\"'"));
    assert_eq!(of(&found, "title "), ["- 'The last hour of </title><script>&\"\\''"]);
    assert!(of(&found, "script").is_empty());
    let hour = hour(&config(), &[Some((40, 1.0))]);
    let when = When { at: Moment::from_secs(1010), wall: WALL };
    assert!(draw(&hour, &Target::default(), ("x", when)).is_none());
}
