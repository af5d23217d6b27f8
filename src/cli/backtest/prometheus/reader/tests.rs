//! Pages, gaps, restarts and labels, of a Prometheus that evaluates as the real one does.

use std::time::Duration;

use super::super::client::{Client, Secrets};
use super::super::fake::Store;
use super::super::plan::{Plan, Wish};
use super::super::queries::{Label, Mapping};
use super::super::source::Range;
use super::*;
use crate::config::{Config, Source as File, parse};

const CONFIG: &str = r#"
[target.trader]
match = { user = "root" }
[target.trader.thresholds]
open_fds = { elevated = 300 }
"#;
const FDS: &str = r#"tradedog_process_open_fds{target="trader",process!="all"}"#;
const START: &str = r#"tradedog_process_start_time_seconds{target="trader",process!="all"}"#;
/// A moment in 2026, in milliseconds.
const T: i64 = 1_790_000_000_000;

fn config(text: &str) -> Config {
    parse(vec![File::new("watchdog.toml", text)]).unwrap()
}

struct Asked<'a> {
    config: &'a str,
    queries: &'a [&'a str],
    labels: &'a [&'a str],
    seconds: i64,
    step: Option<u64>,
}

const ASKED: Asked<'_> = Asked { config: CONFIG, queries: &[], labels: &[], seconds: 10, step: None };

fn look(store: Store, asked: &Asked<'_>) -> Result<Rc<Source>, String> {
    let fake = store.serve();
    let client = Client::new(fake.address, Secrets::default(), None).unwrap();
    let mappings: Vec<Mapping> = asked.queries.iter().map(|text| text.parse().unwrap()).collect();
    let labels: Vec<Label> = asked.labels.iter().map(|text| text.parse().unwrap()).collect();
    let plan = Plan::of(&[&config(asked.config)], Wish { target: None, mappings: &mappings, labels: &labels });
    let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
    let step = asked.step.map(Duration::from_millis);
    let range = Range { from: at(T), to: at(T + asked.seconds * 1000), step, interval: Duration::from_secs(1) };
    Source::look(client, plan, range).map(Rc::new).map_err(|fault| fault.to_string())
}

/// Its rows: `+SECONDS target/process cell cell`.
fn rows(source: &Rc<Source>) -> Result<Vec<String>, String> {
    let mut reader = Reader::new(source);
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while reader.read(&mut row).map_err(|fault| fault.to_string())? {
        let cell =
            |cell: &Option<Value>| cell.and_then(Value::number).map_or("_".to_owned(), |value| value.to_string());
        let cells: Vec<String> = row.cells.iter().map(cell).collect();
        let at = (row.at.as_millisecond() - T) as f64 / 1000.0;
        let started = row.started.map(|start| format!(" since {}", start.as_second() - T / 1000)).unwrap_or_default();
        let target = row.target.as_deref().unwrap_or("?");
        rows.push(format!("+{at} {target}/{} {}{started}", row.process, cells.join(" ")));
    }
    Ok(rows)
}

const ZERO: &[(&str, &str)] = &[("target", "trader"), ("process", "0"), ("instance", "a:7911")];

#[test]
fn each_scrape_is_a_row_once() {
    let store = Store::default().every((FDS, ZERO), (T + 200, 5000), &[85.0, 90.0, 95.0]);
    let source = look(store, &Asked { seconds: 20, ..ASKED }).unwrap();
    assert_eq!(source.grid().step, 5000, "as it is scraped, not as the daemon reads");
    assert_eq!(rows(&source).unwrap(), ["+5 trader/0 85 _", "+10 trader/0 90 _", "+15 trader/0 95 _"]);
}

#[test]
fn what_is_given_again_and_again_is_not_new() {
    // A scrape every second, then none for a while; the last value is still given.
    let store = Store::default().with(FDS, ZERO, &[(T, 1.0), (T + 1000, 2.0), (T + 2000, 3.0), (T + 8000, 4.0)]);
    let source = look(store, &Asked { step: Some(1000), ..ASKED }).unwrap();
    let expected = ["+0 trader/0 1 _", "+1 trader/0 2 _", "+2 trader/0 3 _", "+8 trader/0 4 _"];
    assert_eq!(rows(&source).unwrap(), expected);
}

#[test]
fn who_answers_for_multiples_of_the_step_is_read_too() {
    let values: Vec<f64> = (0..1500).map(f64::from).collect();
    let mut store = Store::default().every((FDS, ZERO), (T - 9000, 5000), &values);
    (store.aligned, store.most_points) = (true, 700);
    let source = look(store, &Asked { seconds: 7000, step: Some(7000), ..ASKED }).unwrap();
    let rows = rows(&source).unwrap();
    assert_eq!(rows.len(), 1001, "one every seven seconds");
    // Five seconds before, of a reading that is a second old then.
    assert!(rows[1000].starts_with("+7000 trader/0 1400"), "{}", rows[1000]);
}

#[test]
fn who_gives_nothing_but_ranges_is_read_as_often_as_the_daemon_would() {
    let mut store = Store::default().every((FDS, ZERO), (T, 1000), &[7.0, 7.0, 7.0, 9.0]);
    store.plain = true;
    let source = look(store, &Asked { seconds: 3, ..ASKED }).unwrap();
    let expected = ["+0 trader/0 7 _", "+1 trader/0 7 _", "+2 trader/0 7 _", "+3 trader/0 9 _"];
    assert_eq!(rows(&source).unwrap(), expected);
}

#[test]
fn long_ranges_come_page_by_page_and_smaller_ones_where_that_is_too_much() {
    let values: Vec<f64> = (0..3000).map(f64::from).collect();
    let mut store = Store::default().every((FDS, ZERO), (T, 1000), &values);
    store.most_points = 700;
    let source = look(store, &Asked { seconds: 2999, ..ASKED }).unwrap();
    let rows = rows(&source).unwrap();
    assert_eq!(rows.len(), 3000);
    assert!(rows[2999].starts_with("+2999 trader/0 2999"), "{}", rows[2999]);
}

#[test]
fn a_process_that_starts_anew_says_so() {
    let store = Store::default().every((FDS, ZERO), (T, 1000), &[5.0, 6.0, 1.0]).every(
        (START, ZERO),
        (T, 1000),
        &[(T / 1000 - 100) as f64, (T / 1000 - 100) as f64, (T / 1000 + 2) as f64],
    );
    let source = look(store, &Asked { seconds: 2, ..ASKED }).unwrap();
    assert_eq!(
        rows(&source).unwrap(),
        ["+0 trader/0 5 _ since -100", "+1 trader/0 6 _ since -100", "+2 trader/0 1 _ since 2"]
    );
}

#[test]
fn several_daemons_are_told_apart_by_a_label() {
    let other = &[("target", "trader"), ("process", "0"), ("instance", "b:7911")];
    let both =
        || Store::default().every((FDS, ZERO), (T, 1000), &[1.0, 2.0]).every((FDS, other), (T, 1000), &[3.0, 4.0]);
    let said = look(both(), &ASKED).unwrap_err();
    assert!(
        said.contains("2 daemons")
            && said.contains("instance: a:7911, b:7911")
            && said.contains("--label instance=a:7911"),
        "{said}"
    );
    let named = r#"tradedog_process_open_fds{target="trader",process!="all",instance="b:7911"}"#;
    let store = both().every((named, other), (T, 1000), &[3.0, 4.0]);
    let source = look(store, &Asked { labels: &["instance=b:7911"], seconds: 1, ..ASKED }).unwrap();
    assert_eq!(rows(&source).unwrap(), ["+0 trader/0 3 _", "+1 trader/0 4 _"]);
}

#[test]
fn the_labels_of_another_exporter_tell_processes_apart() {
    let config = r#"
[target.trader]
match = { user = "root" }
[target.trader.thresholds]
open_fds = { elevated = 300 }
rss = { elevated = "1GB" }
cgroup_memory = { elevated = "2GB" }
host_swap_used = { elevated = "80%" }
"#;
    let worker = |name: &'static str| [("groupname", name), ("job", "x")];
    let store = Store::default()
        .every(("fds", &worker("one")), (T, 1000), &[1.0, 2.0])
        .every(("fds", &worker("two")), (T, 1000), &[3.0, 4.0])
        .every(("mem", &worker("one")), (T, 1000), &[10.0, 20.0])
        .every(("group", &[("job", "y")]), (T, 1000), &[7.0, 8.0])
        .every(("1 - swap", &[("instance", "h")]), (T, 1000), &[0.5, 0.25]);
    let queries = &["open_fds=fds", "rss=mem", "cgroup_memory=group", "host_swap_used=1 - swap"];
    let source = look(store, &Asked { config, queries, seconds: 1, step: Some(1000), ..ASKED }).unwrap();
    let names: Vec<&str> = source.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["open_fds", "rss", "cgroup_memory", "max_fds", "cgroup_memory_limit", "host_swap_used"]);
    assert_eq!(
        rows(&source).unwrap(),
        [
            "+0 trader/one 1 10 7 _ _ 0.5",
            "+0 trader/two 3 _ 7 _ _ 0.5",
            "+1 trader/one 2 20 8 _ _ 0.25",
            "+1 trader/two 4 _ 8 _ _ 0.25"
        ]
    );
}

#[test]
fn one_series_needs_no_label() {
    let store = Store::default().every(("sum(fds)", &[]), (T, 1000), &[1.0, 2.0]);
    let source = look(store, &Asked { queries: &["open_fds=sum(fds)"], seconds: 1, ..ASKED }).unwrap();
    assert_eq!(rows(&source).unwrap(), ["+0 trader/0 1 _", "+1 trader/0 2 _"]);
}

#[test]
fn several_values_for_one_process_are_no_reading() {
    // Seen only from near: the first look goes over it.
    let one: Vec<(i64, f64)> = (0..2000).map(|second| (T + second * 1000, 1.0)).collect();
    let blip = [(T + 301_000, 2.0), (T + 302_000, f64::NAN)];
    let store = Store::default().with("fds", &[("kind", "a")], &one).with("fds", &[("kind", "b")], &blip);
    let source = look(store, &Asked { queries: &["open_fds=fds"], seconds: 1999, ..ASKED }).unwrap();
    let said = rows(&source).unwrap_err();
    assert!(said.contains("several values for one process") && said.contains("sum by"), "{said}");
}

#[test]
fn nothing_at_all_says_what_to_look_at() {
    let said = look(Store::default(), &ASKED).unwrap_err();
    assert!(said.contains("knows nothing of the configuration's metrics from 2026-09-21T"), "{said}");
    assert!(said.contains("whether it scrapes tradedog") && said.contains("--query METRIC='PROMQL'"), "{said}");
    let said = look(Store::default(), &Asked { queries: &["open_fds=x"], ..ASKED }).unwrap_err();
    assert!(said.contains("the queries of --query"), "{said}");
}

#[test]
fn what_it_does_not_have_is_told() {
    let text = format!("{CONFIG}threads = {{ elevated = 50 }}\nmajor_faults = {{ elevated = \"5/s\" }}\n");
    let store = Store::default().every((FDS, ZERO), (T, 1000), &[1.0]);
    let source = look(store, &Asked { config: &text, ..ASKED }).unwrap();
    assert!(source.notes()[0].contains("nothing on threads, major_faults: unknown throughout"), "{:?}", source.notes());
}

#[test]
fn the_host_is_read_where_nobody_is_there() {
    let text = format!("{CONFIG}host_swap_used = {{ elevated = \"80%\" }}\n");
    let store = Store::default().every((FDS, ZERO), (T + 1000, 1000), &[85.0]).every(
        ("tradedog_host_swap_used_ratio{}", &[("instance", "a:7911")]),
        (T, 1000),
        &[0.5, 0.25, 0.75],
    );
    let source = look(store, &Asked { config: &text, seconds: 2, step: Some(1000), ..ASKED }).unwrap();
    let told = rows(&source).unwrap();
    assert_eq!(told.first().map(String::as_str), Some("+0 ?/ _ _ 0.5"), "{told:?}");
    assert_eq!(told.get(1).map(String::as_str), Some("+1 trader/0 85 _ 0.25"), "{told:?}");
}

#[test]
fn what_is_in_another_unit_is_no_reading() {
    let text = format!("{CONFIG}fd_usage = {{ elevated = \"80%\" }}\n");
    for (value, words) in [(85.0, "which is more than all: fd_usage is a share"), (-1.0, "which is negative: leave it")]
    {
        let store = Store::default().every(("x", &[]), (T, 1000), &[0.5, value]);
        let asked = Asked { config: &text, queries: &["fd_usage=x"], seconds: 1, step: Some(1000), ..ASKED };
        let said = rows(&look(store, &asked).unwrap()).unwrap_err();
        assert!(said.contains(&format!("x gives {value} for fd_usage, {words}")), "{said}");
    }
}
