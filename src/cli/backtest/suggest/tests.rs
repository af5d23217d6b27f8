//! Bounds for a trader that breathes for two days and leaks once.

use serde_json::Value as Json;

use super::super::tests::{folder, told};

/// Looked at no more often than there is anything to see.
const CONFIG: &str = r#"
[daemon]
interval = "1m"
[target.trader]
match = { unit = "trader.service" }
[target.trader.thresholds]
open_fds = { elevated = 100, warning = 600, fatal = { at = 900, hold = "3m" } }
[target.trader.ladder]
fatal = ["kill"]
[target.trader.actions.kill]
kill = { grace = "45s" }
"#;

/// A row a minute: 85 to 105 open files, and on the second day a leak up to 980 within two hours.
fn breathing() -> String {
    let line = |minute: i64| {
        let leak = if (1800..1920).contains(&minute) { 7 * (minute - 1800) } else { 0 };
        format!("{},{},{}\n", 1_772_443_800 + 60 * minute, 85 + minute * 8 % 21 + leak, minute % 4)
    };
    let lines: String = (0..2880).map(line).collect();
    format!("time,open_fds,close_wait\n{lines}")
}

#[test]
fn bounds_above_what_is_usual_and_how_often_each_is_reached() {
    let told = told(&folder(CONFIG, &breathing()), &["--suggest"]);
    insta::assert_snapshot!(told);
    // What is to be copied is accepted.
    let lines: Vec<&str> = told.lines().skip_while(|line| !line.starts_with("[target")).skip(1).collect();
    let rows = lines.join("\n");
    let text =
        format!("[target.trader]\nmatch = {{ unit = \"trader.service\" }}\n[target.trader.thresholds]\n{rows}\n");
    crate::config::parse(vec![crate::config::Source::new("watchdog.toml", &text)]).unwrap();
}

#[test]
fn for_programs() {
    let told = told(&folder(CONFIG, &breathing()), &["--suggest", "--json"]);
    let json: Json = serde_json::from_str(&told).unwrap();
    let fds = &json["suggestions"][0];
    assert_eq!(
        (&fds["metric"], &fds["median"], &fds["quantile_999"]),
        (&"open_fds".into(), &95.0.into(), &105.0.into())
    );
    let bound = |level: usize, key: &str| fds["bounds"][level][key].clone();
    assert_eq!(
        (bound(0, "level"), bound(0, "bound"), bound(0, "entered")),
        ("elevated".into(), 140.0.into(), 1.into())
    );
    // Within what is usual: it would hold nearly always.
    assert_eq!(fds["bounds"][0]["now"]["bound"], 100.0);
    assert!(fds["bounds"][0]["now"]["entered_seconds"].as_f64().unwrap() > 100_000.0, "{told}");
    // 900 for three minutes.
    assert_eq!((bound(2, "level"), &fds["bounds"][2]["now"]["entered"]), ("fatal".into(), &1.into()));
    let waiting = &json["suggestions"][1];
    assert_eq!((&waiting["metric"], &waiting["bounds"][0]["bound"]), (&"close_wait".into(), &8.0.into()));
    assert!(waiting["bounds"][0].get("now").is_none());
    assert!(json["suggestions"][0]["calm_seconds"].as_f64() < json["suggestions"][0]["seconds"].as_f64());
}

#[test]
fn nothing_comes_of_nothing() {
    let told = told(&folder(CONFIG, "time,note\n1,x\n2,y\n"), &["--suggest"]);
    assert!(told.contains("nothing is suggested"), "{told}");
}

const GROUP: &str = r#"
[daemon]
interval = "1m"
[host.thresholds]
host_swap_used = { elevated = "60%", hold = "2m" }
[target.workers]
match = { unit = "workers.service" }
per = "group"
[target.workers.thresholds]
open_fds = { elevated = 200 }
"#;

/// Two workers with 40 to 49 open files each, a row a minute for a day; the host's swap is at 50 %, and at 70 % for an
/// hour.
fn workers() -> String {
    let line = |minute: i64| {
        let (at, swap) = (1_772_443_800 + 60 * minute, if (600..660).contains(&minute) { "0.7" } else { "0.5" });
        let fds = 40 + minute % 10;
        format!("{at},a,{fds},{swap}\n{at},b,{fds},{swap}\n")
    };
    let lines: String = (0..1440).map(line).collect();
    format!("time,process,open_fds,host_swap_used\n{lines}")
}

#[test]
fn groups_are_added_up_and_the_host_has_bounds_of_its_own() {
    let folder = folder(GROUP, &workers());
    let text = told(&folder, &["--suggest"]);
    for said in ["[target.workers.thresholds]", "[host.thresholds]"] {
        assert!(text.contains(said), "{said} is not in\n{text}");
    }
    let rows: String = text.lines().skip_while(|line| !line.starts_with('[')).map(|line| format!("{line}\n")).collect();
    let config = format!("[target.workers]\nmatch = {{ unit = \"workers.service\" }}\n{rows}");
    crate::config::parse(vec![crate::config::Source::new("watchdog.toml", &config)]).unwrap();
    let json: Json = serde_json::from_str(&told(&folder, &["--suggest", "--json"])).unwrap();
    let [fds, swap] = [0, 1].map(|at| &json["suggestions"][at]);
    assert_eq!(
        (&fds["target"], &fds["metric"], &fds["highest"]),
        (&"workers".into(), &"open_fds".into(), &98.0.into())
    );
    assert_eq!(
        (&swap["target"], &swap["metric"], &swap["median"]),
        (&Json::Null, &"host_swap_used".into(), &0.5.into())
    );
    // At 60 % for two minutes, for an hour; and what it was judged by before is judged too.
    let now = &swap["bounds"][0]["now"];
    assert_eq!((&now["bound"], &now["entered"]), (&0.6.into(), &1.into()), "{swap}");
    let held = now["entered_seconds"].as_f64().unwrap();
    assert!((3300.0..=3600.0).contains(&held), "{held}");
    assert_eq!(json["suggestions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_all_leak_is_no_bound_to_copy() {
    let line = |minute: i64| format!("{},{},{}\n", 1_772_443_800 + 60 * minute, 85 + 9 * minute, minute % 4);
    let lines: String = (0..120).map(line).collect();
    let series = format!("time,open_fds,close_wait\n{lines}");
    let text = told(&folder(CONFIG, &series), &["--suggest"]);
    assert!(text.contains("trader open_fds grew nearly all the time"), "{text}");
    assert!(text.contains("\n# it grew: open_fds = {") && text.contains("\nclose_wait = {"), "{text}");
    let json: Json = serde_json::from_str(&told(&folder(CONFIG, &series), &["--suggest", "--json"])).unwrap();
    let grows = |at: usize| json["suggestions"][at]["grows"].clone();
    assert_eq!((grows(0), grows(1)), (true.into(), false.into()), "{json}");
}
