//! Every metric, and every way to match.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tradedog::model::{METRICS, Scope, Unit};

use super::super::support::{Group, Leaker, tradedog};
use super::table::{ALONE, Row, part};
use super::{OWNER, SETS, Stage, may_try};

/// A target that asks for every metric, of the process with that tag.
fn everything(tag: &str) -> String {
    let bound = |unit| match unit {
        Unit::Count => "1000000000",
        Unit::Bytes => "\"1000000GB\"",
        Unit::Ratio => "\"100%\"",
        Unit::PerSecond => "\"1000000000/s\"",
        other @ (Unit::CountPerMinute
        | Unit::BytesPerMinute
        | Unit::RatioPerMinute
        | Unit::RatePerMinute
        | Unit::Seconds) => unreachable!("a metric that is read counts no {other:?}"),
    };
    let rows = METRICS.iter().filter(|metric| metric.bounded);
    let rows = rows.map(|metric| format!("{} = {{ elevated = {} }}\n", metric.name, bound(metric.unit)));
    let thresholds: String = rows.collect();
    format!("[target.trader]\nmatch = {{ cmdline = \"{tag}\" }}\n[target.trader.thresholds]\n{thresholds}")
}

#[test]
fn every_metric_can_be_read_where_the_table_says_so() {
    if !may_try() {
        return;
    }
    let rows = part("readings");
    let mut leaker = Leaker::handling(&[]).run_by(OWNER).start();
    leaker.tell("cw 3");
    // It is in the cgroup of the tests, with others.
    let together = |row: &&Row| !row.head.ends_with(ALONE);
    try_readings(&leaker, &rows.iter().filter(together).collect::<Vec<_>>());
    for name in rows.iter().flat_map(Row::names) {
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name} is no metric");
    }
}

#[test]
fn who_is_alone_in_a_cgroup_is_read_without_any_right() {
    if !may_try() {
        return;
    }
    let rows = part("readings");
    let mut leaker = Leaker::handling(&[]).run_by(OWNER).start();
    let Some(_group) = Group::holding(&leaker.tag(), &[leaker.pid()]) else { return };
    leaker.tell("cw 3");
    let alone = |row: &&Row| row.head.ends_with(ALONE) || !row.names().contains(&"close_wait");
    try_readings(&leaker, &rows.iter().filter(alone).collect::<Vec<_>>());
}

/// Whether each metric can be read is as its line says, under each set.
fn try_readings(leaker: &Leaker, rows: &[&Row]) {
    let row = |metric: &str| -> &Row {
        let mut of: Vec<&Row> = rows.iter().copied().filter(|row| row.names().contains(&metric)).collect();
        assert_eq!(of.len(), 1, "{metric} is to be in one line of docs/privileges.md");
        of.remove(0)
    };
    let stage = Stage::new();
    // What root is denied, no right gives: this host has not what is to be read, such as a limit.
    let all = tradedog(stage.0.path(), &["once", "--json", "--config", &stage.write(&everything(&leaker.tag()))]);
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    let all = &all["targets"][0]["processes"][0]["readings"];
    for (set, capabilities) in SETS {
        let output = stage.run(capabilities, (&["once", "--json"], &everything(&leaker.tag())));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let readings = &document["targets"][0]["processes"][0]["readings"];
        for metric in METRICS.iter().filter(|metric| all[metric.name]["unknown"] != "denied") {
            let reading = &readings[metric.name];
            assert!(reading.is_object() || metric.scope == Scope::Host, "{set}: {} was not read", metric.name);
            let denied = reading["unknown"] == "denied";
            assert_eq!(!denied, row(metric.name).says(set), "{set}: {} is {reading}", metric.name);
        }
        if row("close_wait").says(set) {
            assert_eq!(readings["close_wait"]["value"], 3.0, "{set}");
        }
    }
}

#[test]
fn every_match_finds_where_the_table_says_so() {
    if !may_try() {
        return;
    }
    let (leaker, slice) = (Leaker::handling(&[]).run_by(OWNER).start(), Slice::new());
    let stage = Stage::new();
    let mut tried = Vec::new();
    for row in part("match") {
        for name in row.names() {
            tried.push(name.to_owned());
            let (value, group) = way(name, &leaker, &stage);
            if group.is_some() && slice.path.is_none() {
                eprintln!("skipped: match.{name}: there is no cgroup v2 to make one in");
                continue;
            }
            let place = group.as_ref().map(|group| format!("system.slice/{group}"));
            let _group = place.and_then(|place| Group::holding(&place, &[leaker.pid()]));
            try_match(&row, (name, &value), &leaker, &stage);
            // Its group is ended with what is in it: a process that is still needed leaves first.
            if group.is_some() {
                leave(leaker.pid());
            }
        }
    }
    for name in ["unit", "cgroup", "container", "exe", "cmdline", "comm", "user", "pidfile"] {
        assert!(tried.iter().any(|tried| tried == name), "docs/privileges.md has no line for match.{name}");
    }
}

/// What `match` has to say to mean the process, and the cgroup in `system.slice` where that must be.
fn way(name: &str, leaker: &Leaker, stage: &Stage) -> (String, Option<String>) {
    let (pid, container) = (leaker.pid(), format!("{:0>64x}", std::process::id()));
    let unit = || Some("dog-test.service".to_owned());
    match name {
        "user" => (OWNER.to_string(), None),
        "comm" => (fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim_end().to_owned(), None),
        "cmdline" => (leaker.tag(), None),
        "exe" => (fs::read_link(format!("/proc/{pid}/exe")).unwrap().display().to_string(), None),
        "pidfile" => {
            let file = stage.0.path().join("trader.pid");
            fs::write(&file, format!("{pid}\n")).unwrap();
            (file.display().to_string(), None)
        }
        "unit" => ("dog-test.service".to_owned(), unit()),
        "cgroup" => ("/**/dog-test.service".to_owned(), unit()),
        "container" => (container.clone(), Some(format!("docker-{container}.scope"))),
        other => panic!("nobody tries match.{other}"),
    }
}

/// Whether it is found is as the line says, under each set.
fn try_match(row: &Row, (name, value): (&str, &str), leaker: &Leaker, stage: &Stage) {
    let told = format!("[target.trader]\nmatch = {{ {name} = {value:?} }}\n");
    for (set, capabilities) in SETS {
        let output = stage.run(capabilities, (&["once", "--json"], &told));
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
        let processes = document["targets"][0]["processes"].as_array().unwrap();
        let found = processes.iter().any(|process| process["pid"] == leaker.pid());
        assert_eq!(found, row.says(set), "{set}: match.{name}: {document}");
    }
}

/// Back into the root of all cgroups.
fn leave(pid: i32) {
    for mount in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
        if Path::new(mount).join("cgroup.procs").is_file() {
            return fs::write(Path::new(mount).join("cgroup.procs"), pid.to_string()).unwrap();
        }
    }
}

/// `system.slice` in the tree of cgroups v2, made where there is no systemd that did.
struct Slice {
    path: Option<std::path::PathBuf>,
    made: bool,
}

impl Slice {
    fn new() -> Self {
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").is_file());
        let path = mount.map(|mount| mount.join("system.slice"));
        let made = path.as_ref().is_some_and(|path| fs::create_dir(path).is_ok());
        Self { path: path.filter(|path| path.is_dir()), made }
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        if let Some(path) = self.path.as_ref().filter(|_| self.made) {
            // Another test may be in it by now.
            let _ = fs::remove_dir(path);
        }
    }
}
