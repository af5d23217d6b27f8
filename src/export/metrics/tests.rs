use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use prometheus::core::{Collector, Desc};

use super::*;
use crate::config::Config;
use crate::export::fixture;
use crate::model::{MemberKey, Moment, Unknown, Value};

fn rendered(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    render(snapshot, &mut out).unwrap();
    out
}

/// Regenerate with `INSTA_UPDATE=always cargo test export::metrics`, then read the difference: names
/// and labels are an interface.
#[test]
fn golden() {
    let text = rendered(&fixture::snapshot());
    let build = format!("version=\"{}\",arch=\"{}\"", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    insta::assert_snapshot!("metrics", text.replace(&build, "version=\"VERSION\",arch=\"ARCH\""));
}

/// One family of one scrape, as the prometheus crate wants to see it.
struct FamilyCollector {
    family: &'static Family,
    desc: Desc,
    scrape: &'static Scrape<'static>,
}

impl Collector for FamilyCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut collected = MetricFamily::default();
        let has_any = self.family.collect(self.scrape, &mut collected);
        has_any.then_some(collected).into_iter().collect()
    }
}

#[test]
fn the_crate_accepts_every_family_and_collects_the_same() {
    let snapshot: &'static Snapshot = Box::leak(Box::new(fixture::snapshot()));
    let scrape: &'static Scrape<'static> = Box::leak(Box::new(Scrape::of(snapshot)));
    let registry = prometheus::Registry::new();
    for family in families() {
        let labels = family.labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(family.name.to_owned(), family.help.to_owned(), labels, HashMap::new()).unwrap();
        registry.register(Box::new(FamilyCollector { family, desc, scrape })).unwrap();
    }
    let mut names: Vec<_> = families().map(|family| family.name).collect();
    names.sort_unstable();
    let gathered = registry.gather();
    assert_eq!(gathered.iter().map(MetricFamily::name).collect::<Vec<_>>(), names);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "promtool judges what we print")]
fn promtool_finds_nothing_to_say() {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        #[expect(clippy::disallowed_macros, reason = "a test that is skipped says so")]
        {
            eprintln!("SKIPPED: promtool is not installed (Debian: apt install prometheus)");
        }
        return;
    };
    child.stdin.take().unwrap().write_all(rendered(&fixture::snapshot()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn hostile_label_values_stay_in_their_quotes() {
    let mut config = fixture::config(vec![fixture::target("tra\"der\\\n} 1 #", &["bro\"ker\n"])]);
    config.daemon.dry_run = true;
    let mut snapshot = Snapshot::empty(Arc::new(config));
    fixture::push_member(&mut snapshot, MemberKey { target: 0, slot: 0 }, Value::Known(1.0));
    let text = rendered(&snapshot);
    assert!(text.contains(r#"tradedog_target_processes{target="tra\"der\\\n} 1 #"} 1"#), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#') || line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok()));
}

#[test]
fn the_unknown_has_no_sample_and_nobody_is_zero_by_default() {
    let text = rendered(&fixture::snapshot());
    assert!(!text.contains(r#"process_open_fds{target="trader",process="1"}"#));
    assert!(text.contains(r#"tradedog_reading_unknown{target="trader",process="1",metric="open_fds"} 1"#));
    let nothing = rendered(&Snapshot::empty(Arc::new(fixture::config(vec![fixture::target("trader", &[])]))));
    for absent in ["last_sample", "process_pid", "host_", "reload_success_timestamp", "process_cpu", "process_open_fds"]
    {
        assert!(!nothing.contains(absent), "{absent} in\n{nothing}");
    }
    assert!(nothing.contains(r#"tradedog_target_processes{target="trader"} 0"#));
}

#[test]
fn what_may_be_in_force_is_there_as_a_zero_before_it_is() {
    let mut snapshot = fixture::snapshot();
    snapshot.leases.clear();
    snapshot.host_thresholds.clear();
    snapshot.host = vec![fixture::host_reading(Value::Unknown(Unknown::Denied)); snapshot.host.len()];
    let text = rendered(&snapshot);
    for series in [
        r#"tradedog_lease{target="workers",action="freeze",process="0"} 0"#,
        r#"tradedog_lease{target="workers",action="freeze",process="1"} 0"#,
        r#"tradedog_lease{target="workers",action="pause",process=""} 0"#,
    ] {
        assert!(text.contains(series), "{series} is not in\n{text}");
    }
    for absent in ["lease_since", "tradedog_host_", r#"action="reset_pool",process"#, "removed"] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
}

#[test]
fn a_group_has_one_seat_beside_those_of_its_processes_and_is_never_left_out() {
    let mut snapshot = fixture::snapshot();
    let config = Config::clone(&snapshot.config);
    let web = crate::config::Web { max_series: 0, ..config.web };
    snapshot.config = Arc::new(Config { web, ..config });
    assert_eq!(left_out(&snapshot), snapshot.members().len());
    let text = rendered(&snapshot);
    assert!(text.contains(r#"tradedog_level{target="workers",process="all",ladder="default"} 3"#), "{text}");
    assert!(text.contains(r#"tradedog_target_level{target="workers"} 3"#), "{text}");
    assert!(text.contains(r#"tradedog_target_processes{target="workers"} 2"#), "{text}");
    assert!(!text.contains("tradedog_process_pid") && !text.contains("tradedog_process_max_fds"), "{text}");
}

fn crowd(max_series: usize) -> Snapshot {
    let config = fixture::config(vec![fixture::target("a", &[]), fixture::target("b", &[])]);
    let mut snapshot =
        Snapshot::empty(Arc::new(Config { web: crate::config::Web { max_series, ..config.web }, ..config }));
    for target in 0..2 {
        for slot in 0..4 {
            fixture::push_member(&mut snapshot, MemberKey { target, slot }, Value::Known(1.0));
        }
    }
    snapshot
}

#[test]
fn max_series_leaves_out_whole_processes_from_the_highest_slot() {
    let per_member = {
        let all = crowd(usize::MAX);
        assert_eq!(left_out(&all), 0);
        7 + 8 + 2 + 4 + 3
    };
    for fit in 0..=8 {
        let snapshot = crowd(per_member * fit);
        assert_eq!(left_out(&snapshot), 8 - fit);
        let text = rendered(&snapshot);
        let pids = text.lines().filter(|line| line.starts_with("tradedog_process_pid{")).count();
        assert_eq!(pids, fit);
        let of_processes = text.lines().filter(|line| line.contains("process=\"")).count();
        assert!(of_processes <= per_member * fit);
        assert!(text.contains(r#"tradedog_target_processes{target="b"} 4"#), "targets are always whole");
    }
    assert!(!rendered(&crowd(per_member * 2)).contains("process=\"1\""), "one of each target comes first");
}

#[test]
fn an_incident_is_told_of_each_target() {
    let mut snapshot = fixture::snapshot();
    for (incident, expected) in [(None, "0"), (Some(Moment::from_secs(9_999)), "1")] {
        snapshot.targets[0].incident = incident;
        let text = rendered(&snapshot);
        let line = text.lines().find_map(|line| line.strip_prefix("tradedog_incident{target=\"trader\"} ")).unwrap();
        assert_eq!(line, expected);
    }
}
