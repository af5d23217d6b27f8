//! The page as text; `browser` holds it against a real browser.

mod browser;
mod chromium;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::export::fixture;
use crate::model::Inhibition;

const SEEN: Seen = Seen { now: 1_790_000_000.0, patience: 30.0 };

fn page(status: &Status) -> String {
    html(status, SEEN)
}

#[test]
fn the_title_says_the_worst_first() {
    let mut status = Status::of(&fixture::snapshot());
    assert!(page(&status).contains("<title>critical: workers — tradedog on h1</title>"));
    for target in &mut status.targets {
        target.level = "normal".to_owned();
    }
    assert!(page(&status).contains("<title>warning: host — tradedog on h1</title>"));
    status.host.level = None;
    assert!(page(&status).contains("<title>not ready — tradedog on h1</title>"));
    status.not_ready.clear();
    assert!(page(&status).contains("<title>normal — tradedog on h1</title>"));
}

#[test]
fn banners_come_before_everything_else_and_say_why() {
    let before = |status: &Status, word: &str| page(status).split_once("<main").unwrap().0.contains(word);
    let mut snapshot = fixture::snapshot();
    let status = Status::of(&snapshot);
    assert!(!before(&status, "DRY RUN") && !before(&status, "STALE"));
    assert!(before(&status, "NOT READY") && before(&status, "trader[1]: open_fds is denied"));
    assert!(before(&status, "SUCCESSOR MISSING") && before(&status, "IN FORCE"));
    let mut config = (*snapshot.config).clone();
    config.daemon.dry_run = true;
    snapshot.config = Arc::new(config);
    snapshot.inhibitions.push(Inhibition {
        target: Arc::from("trader"),
        action: None,
        by: Arc::from("anna <b>"),
        since: snapshot.taken,
        until: snapshot.taken + std::time::Duration::from_secs(1_700),
        until_successor: false,
    });
    let status = Status { time: SEEN.now - 31.0, ..Status::of(&snapshot) };
    assert!(before(&status, "DRY RUN") && before(&status, "STALE") && before(&status, "INHIBITED"));
    assert!(before(&status, "anna &lt;b&gt;") && before(&status, "tradedog release trader"));
}

#[test]
fn the_five_lines_come_before_any_bar() {
    let status = Status::of(&fixture::snapshot());
    let page = page(&status);
    for target in &status.targets {
        let own = page.split("<article").find(|part| part.contains(&format!("id=\"target-{}\"", target.name))).unwrap();
        let first = own.split_once("<svg").map_or(own, |(before, _)| before);
        for name in ["why", "done", "next", "you can", "evidence"] {
            assert!(first.contains(&format!("<dt>{name}</dt>")), "{name} of {}", target.name);
        }
        let account = &target.account;
        let lines = [&account.why, &account.done, &account.next, &account.you_can, &account.evidence];
        for line in lines.into_iter().flatten() {
            assert!(first.contains(&maud::html! { (words::text(line)) }.into_string()), "{line}");
        }
    }
}

#[test]
fn what_comes_next_is_a_table_with_times_brakes_and_what_is_left() {
    let mut snapshot = fixture::snapshot();
    snapshot.brakes.push(crate::model::BrakeView {
        whom: None,
        holds: crate::model::Holds::Kills,
        reason: crate::model::Reason::KillBudget,
        opens: Some(snapshot.taken + std::time::Duration::from_secs(7_200)),
    });
    let page = page(&Status::of(&snapshot));
    let table = page.split_once("Levels ahead of trader").unwrap().1.split_once("</table>").unwrap().0;
    for told in ["in 39m 55s", "open_fds 900", "growing by 14.9/min", "held then: kill_budget (opens 1h 20m later)"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    assert!(table.contains("2 kills left in its budget"), "{table}");
}

#[test]
fn a_bar_of_what_is_foretold_shows_it() {
    let mut status = Status::of(&fixture::snapshot());
    let member = &mut status.targets[0].members[0].judged;
    let mut row = member.thresholds[0].clone();
    "open_fds.time_left".clone_into(&mut row.metric);
    member.thresholds = vec![row];
    let gauge = |status: &Status| {
        let page = page(status);
        let part = page.split_once("data-key=\"default/open_fds.time_left\"").unwrap().1;
        part.split_once("<svg").unwrap().0.to_owned()
    };
    assert!(gauge(&status).contains("40m"), "{}", gauge(&status));
    let forecast = status.targets[0].members[0].judged.forecasts.get_mut("open_fds").unwrap();
    forecast.time_left = Some(crate::export::status::Reading { unlimited: true, ..Default::default() });
    assert!(gauge(&status).contains("never"), "{}", gauge(&status));
}

#[test]
fn a_thousand_processes_stay_a_page() {
    let config = fixture::config(vec![fixture::target("trader", &["broker"])]);
    let mut snapshot = crate::export::Snapshot::empty(Arc::new(config));
    for slot in 0..3_000 {
        let value = crate::model::Value::Known(if slot == 2_500 { 999.0 } else { 85.0 });
        fixture::push_member(&mut snapshot, crate::model::MemberKey { target: 0, slot }, value);
    }
    let page = page(&Status::of(&snapshot));
    assert!(
        page.contains("2999 more processes, all normal") && page.contains("1999 processes more"),
        "rows end, and are counted"
    );
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

/// The tags of a page without the values of their attributes, which stand in double quotes.
fn tags(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag));
    tags.map(|tag| tag.split('"').step_by(2).collect::<Vec<_>>().join("")).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let nasty = [
        "\"><img src=x onerror=alert(1)>",
        "</title><script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "' onmouseover='x",
        "&lt;script&gt;",
        ") R 1 (",
        "a\nb\u{202e}\u{0}",
        "{{7*7}}${7*7}",
    ];
    prop_oneof![prop::sample::select(nasty.map(str::to_owned).to_vec()), ".{0,60}", Just("x".repeat(4096))]
}

proptest! {
    #[test]
    fn no_text_from_outside_becomes_markup(text in hostile(), other in hostile()) {
        let mut status = Status::of(&fixture::snapshot());
        status.host.name = Some(text.clone());
        status.banners[0].text = other.clone();
        status.targets[1].account.why = vec![other.clone(), text.clone()];
        status.targets[1].account.you_can = vec![format!("tradedog {text}")];
        status.configuration.files = vec![other.clone()];
        status.leases[0].action = text.clone();
        status.recent_orders[0].reason = other.clone();
        let target = &mut status.targets[0];
        target.name = text.clone();
        let judged = &mut target.members[0].judged;
        judged.level = other.clone();
        judged.thresholds[0].metric = format!("close_wait.{text}");
        judged.rungs[0].action = other.clone();
        let reading = judged.readings["open_fds"].clone();
        judged.readings.insert(format!("close_wait.{text}"), reading.clone());
        judged.readings.insert(other, super::super::status::Reading { value: None, unknown: Some(text), ..reading });
        let page = page(&status);
        for tag in tags(&page) {
            let of_ours = tag.chars().all(|c| c.is_ascii_alphanumeric() || " =-/!".contains(c));
            let strange = ["img", "onerror", "onmouseover", "iframe"].iter().any(|word| tag.contains(word));
            prop_assert!(of_ours && !strange, "{tag} in {page}");
        }
        prop_assert_eq!(page.matches("<script").count(), 1);
        let hidden = page.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{0}'));
        prop_assert!(!hidden, "{page}");
    }
}
