//! The page in a browser, as an operator has it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test keeps pictures, and says what it skips"
)]

use std::path::PathBuf;

use serde_json::{Value, json};

use super::chromium::{Chromium, Tab, View};
use crate::config::Web;
use crate::export::status::{Account, Judged, Status};
use crate::export::{Publisher, Server, Snapshot, fixture};
use crate::model::Moment;

/// A phone, a small window, a wide one.
const WIDTHS: [u32; 3] = [360, 800, 1400];

/// What the page says, in the form of the status.
const SAID: &str = r#"(() => {
    const text = (node) => node.textContent.replace(/\s+/g, " ").trim();
    const level = (node) => text(node.querySelector(".level"));
    const value = (node) => {
        const data = node.querySelector("data");
        return data ? text(node).replace(text(data), data.value) : text(node);
    };
    const readings = (node) => {
        const all = {};
        for (const gauge of node.querySelectorAll(":scope > .gauge"))
            all[text(gauge.querySelector(".metric"))] = value(gauge.querySelector(".value"));
        for (const pair of node.querySelectorAll(":scope > dl.readings > div"))
            all[text(pair.querySelector("dt"))] = value(pair.querySelector("dd"));
        return all;
    };
    const judged = (node) => ({ level: level(node), readings: readings(node) });
    const account = (node) => {
        const lines = {};
        for (const line of node.querySelectorAll(":scope > .account > div"))
            lines[text(line.querySelector("dt"))] = [...line.querySelectorAll("dd > :not(.nothing)")].map(text);
        return lines;
    };
    const targets = {};
    for (const target of document.querySelectorAll("article")) {
        const members = {};
        for (const member of target.querySelectorAll(".member")) members[member.dataset.key] = judged(member);
        const group = target.querySelector(".group");
        targets[target.dataset.key] =
            { level: level(target), account: account(target), members, group: group ? judged(group) : null };
    }
    const host = document.querySelector(".host");
    return { targets, host: readings(host), account: account(host) };
})()"#;

struct Site {
    publisher: Publisher,
    server: Server,
}

impl Site {
    fn of(snapshot: Snapshot) -> Self {
        let publisher = Publisher::new(snapshot);
        let web = Web { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Web::default() };
        let server = Server::start(&web, publisher.published(), fixture::clock).unwrap();
        Self { publisher, server }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.addresses()[0])
    }
}

fn browser() -> Option<Chromium> {
    let browser = Chromium::start();
    if browser.is_none() {
        eprintln!("skipped: the page in a browser: there is no Chromium");
    }
    browser
}

/// The reading as [`SAID`] tells it.
fn readings(readings: &std::collections::BTreeMap<String, crate::export::status::Reading>) -> Value {
    let told = |reading: &crate::export::status::Reading| match (reading.value, &reading.unknown) {
        (Some(value), _) if reading.at_least => format!("at least {value}"),
        (Some(value), _) => value.to_string(),
        (None, Some(why)) => format!("unknown: {why}"),
        (None, None) => "Infinity".to_owned(),
    };
    readings.iter().map(|(metric, reading)| (metric.clone(), json!(told(reading)))).collect()
}

fn account(told: &Account) -> Value {
    let Account { why, done, next, you_can, evidence } = told;
    json!({ "why": why, "done": done, "next": next, "you can": you_can, "evidence": evidence })
}

/// What [`SAID`] must be.
fn expected(status: &Status) -> Value {
    let judged = |judged: &Judged| json!({ "level": judged.level, "readings": readings(&judged.readings) });
    let targets: serde_json::Map<_, _> = status
        .targets
        .iter()
        .map(|target| {
            let members: serde_json::Map<_, _> =
                target.members.iter().map(|member| (member.process.to_string(), judged(&member.judged))).collect();
            let group = target.group.as_ref().map(judged);
            (target.name.clone(), json!({ "level": target.level, "account": account(&target.account), "members": members, "group": group }))
        })
        .collect();
    json!({ "targets": targets, "host": readings(&status.host.readings), "account": account(&status.host.account) })
}

fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/page");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Says what the JSON says, fits its window, and disturbs nobody.
fn is_well(tab: &mut Tab<'_>, site: &Site) {
    let status = Status::of(&site.publisher.published().latest());
    assert_eq!(tab.eval(SAID), expected(&status));
    let wide = tab.eval("document.documentElement.scrollWidth - innerWidth");
    assert!(wide.as_f64().unwrap() <= 0.0, "it scrolls sideways by {wide}");
    let (complaints, asked) = tab.complaints();
    assert_eq!(complaints, [""; 0]);
    assert!(asked.iter().all(|url| url.starts_with(&site.url())), "{asked:?}");
}

#[test]
fn it_says_what_the_json_says_at_any_width_in_the_dark_and_without_a_script() {
    let Some(mut browser) = browser() else { return };
    let site = Site::of(fixture::snapshot());
    for width in WIDTHS {
        for dark in [false, true] {
            let mut tab = browser.open(&site.url(), View { width, dark, script: true });
            is_well(&mut tab, &site);
            tab.picture(&pictures().join(format!("trouble-{width}-{}.png", if dark { "dark" } else { "light" })));
        }
    }
    let mut tab = browser.open(&site.url(), View { width: 800, dark: false, script: false });
    is_well(&mut tab, &site);
}

/// What axe-core (npm package, in target/tools) holds against the page; none where it is not there.
fn accused(tab: &mut Tab<'_>) -> Option<Value> {
    let axe = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe.min.js");
    let Ok(axe) = std::fs::read_to_string(axe) else {
        eprintln!("skipped: accessibility of the page: there is no target/tools/axe/axe.min.js");
        return None;
    };
    tab.eval(&format!("{axe};0"));
    Some(tab.eval(
        "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact !== 'minor')
             .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))",
    ))
}

/// All is as it should be.
fn calm() -> Snapshot {
    let like = fixture::snapshot();
    let mut snapshot =
        Snapshot::empty(std::sync::Arc::new(fixture::config(vec![fixture::target("trader", &["broker"])])));
    (snapshot.wall, snapshot.taken, snapshot.host_name) = (like.wall, like.taken, like.host_name);
    snapshot.not_ready.clear();
    fixture::push_member(
        &mut snapshot,
        crate::model::MemberKey { target: 0, slot: 1 },
        crate::model::Value::Known(85.0),
    );
    snapshot
}

/// Two hundred processes, of which one is not calm.
fn many() -> Snapshot {
    let mut snapshot = calm();
    for slot in (2..201).chain([0]) {
        let key = crate::model::MemberKey { target: 0, slot };
        fixture::push_member(&mut snapshot, key, crate::model::Value::Known(if slot == 0 { 305.0 } else { 85.0 }));
    }
    snapshot
}

/// Names and texts that nobody would choose who means well, at their longest.
fn hostile() -> Snapshot {
    let name = "<img src=x onerror=alert(1)>\u{202e}".to_owned() + &"x".repeat(4096);
    let mut snapshot = fixture::snapshot();
    let mut config = (*snapshot.config).clone();
    config.daemon.dry_run = true;
    config.targets[0].name = std::sync::Arc::from(&*name);
    config.targets[2].actions[2].name = std::sync::Arc::from("y".repeat(300));
    snapshot.config = std::sync::Arc::new(config);
    snapshot.host_name = std::sync::Arc::from(&*name);
    snapshot.not_ready = vec![name];
    snapshot
}

#[test]
fn nobody_is_shut_out_whatever_is_shown() {
    let Some(mut browser) = browser() else { return };
    for (name, snapshot) in
        [("calm", calm()), ("many", many()), ("hostile", hostile()), ("trouble", fixture::snapshot())]
    {
        let site = Site::of(snapshot);
        for (width, dark) in [(360, false), (1400, true)] {
            let mut tab = browser.open(&site.url(), View { width, dark, script: true });
            let wide = tab.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(wide.as_f64().unwrap() <= 0.0, "{name} scrolls sideways by {wide} at {width}");
            let (complaints, _) = tab.complaints();
            assert_eq!(complaints, [""; 0], "{name}");
            tab.picture(&pictures().join(format!("{name}-{width}-{}.png", if dark { "dark" } else { "light" })));
            if let Some(accused) = accused(&mut tab) {
                assert_eq!(accused, json!([]), "{name} {width} {dark}");
            }
        }
    }
}

#[test]
fn it_is_refreshed_in_place() {
    let Some(mut browser) = browser() else { return };
    let mut site = Site::of(fixture::snapshot());
    let mut tab = browser.open(&site.url(), View { width: 800, dark: false, script: true });
    tab.eval(
        "window.first = true; document.querySelector('.member:not([open])').open = true; scrollTo(0, 300);
         document.querySelector('nav a').focus({ preventScroll: true });
         getSelection().selectAllChildren(document.querySelector('h2'))",
    );
    let mut next = fixture::snapshot();
    next.taken = Moment::from_secs(10_001);
    fixture::push_member(&mut next, crate::model::MemberKey { target: 1, slot: 1 }, crate::model::Value::Known(77.0));
    site.publisher.publish(|snapshot| *snapshot = next);
    tab.until("document.body.textContent.includes('77')");
    is_well(&mut tab, &site);
    assert_eq!(
        tab.eval(
            "[window.first, scrollY, document.activeElement.tagName, getSelection().toString().includes('workers'),
              document.querySelectorAll('.group ~ .member[open]').length]"
        ),
        json!([true, 300, "A", true, 1]),
        "nothing of what the reader did is lost"
    );
    drop(site);
    tab.until("document.querySelector('#live').textContent.startsWith('STALE since')");
    assert!(tab.eval("document.title").as_str().unwrap().starts_with("STALE"));
}
