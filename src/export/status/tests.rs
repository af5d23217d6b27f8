use std::sync::Arc;

use super::*;
use crate::export::{RungOf, RungView, Standing, fixture};
use crate::model::{Http, Level, Measure, MemberKey};

/// Regenerate with `INSTA_UPDATE=always cargo test export::status`: the field names are an interface.
#[test]
fn golden() {
    let status = Status { version: "VERSION".into(), ..Status::of(&fixture::snapshot()) };
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&status).unwrap());
}

/// What an older daemon does not say is absent, and no failure.
#[test]
fn fields_that_came_later_may_be_absent() {
    let mut document = serde_json::to_value(Status::of(&fixture::snapshot())).unwrap();
    document.as_object_mut().unwrap().remove("leases");
    for field in ["level", "since", "readings", "thresholds", "rungs"] {
        document["host"].as_object_mut().unwrap().remove(field);
    }
    for target in document["targets"].as_array_mut().unwrap() {
        target.as_object_mut().unwrap().remove("group");
        target.as_object_mut().unwrap().remove("successor_missing");
    }
    let status: Status = serde_json::from_value(document).unwrap();
    assert!(status.leases.is_empty() && status.host.level.is_none() && status.targets[2].group.is_none());
}

/// JSON has no NaN: an order that no reading caused says nothing of a reading.
#[test]
fn an_order_without_cause_has_no_numbers() {
    let status = Status::of(&fixture::snapshot());
    let mut order = status.recent_orders[0].clone();
    (order.metric, order.value, order.bound) = (None, None, None);
    let text = serde_json::to_string(&order).unwrap();
    assert!(!text.contains("null") && !text.contains("metric") && !text.contains("bound"), "{text}");
    assert_eq!(serde_json::from_str::<EndedOrder>(&text).unwrap(), order);
}

#[test]
fn a_calendar_that_is_over_or_soon_will_be_is_told_before_all_else() {
    for (until, words) in [("2026-09-20", "nyse is out of date"), ("2026-10-20", "nyse is valid until 2026-10-20")] {
        let mut snapshot = fixture::snapshot();
        let mut config = crate::config::Config::clone(&snapshot.config);
        config.calendars[0].valid_until = Some(until.parse().unwrap());
        snapshot.config = std::sync::Arc::new(config);
        let status = Status::of(&snapshot);
        let banner = status.banners.iter().find(|banner| banner.kind == "calendar").unwrap();
        assert!(banner.text.starts_with(words), "{}", banner.text);
    }
    let status = Status::of(&fixture::snapshot());
    assert!(status.banners.iter().all(|banner| banner.kind != "calendar"));
    assert_eq!(status.calendars[0].held, ["open"]);
    assert_eq!(status.targets[0].during, ["nyse.open"]);
    // 16:00 in New York.
    assert_eq!(status.targets[0].bounds_change, Some(1_790_020_800.0));
}

#[test]
fn neither_document_nor_page_shows_a_secret() {
    const SECRET: &str = "s3cr3t-9";
    let mut snapshot = fixture::snapshot();
    let mut config = crate::config::Config::clone(&snapshot.config);
    let http = Http {
        post: format!("https://me:{SECRET}@hooks.example/services/{SECRET}/off?token={SECRET}").into(),
        headers: vec![("X-Key".to_owned(), SECRET.to_owned())],
        bearer_file: None,
        body: Some(SECRET.to_owned()),
        expect: vec![200],
        timeout: std::time::Duration::from_secs(2),
    };
    for action in &mut config.targets[0].actions {
        action.measure = Measure::Http(Arc::new(http.clone()));
    }
    snapshot.config = Arc::new(config);
    let member = MemberKey { target: 0, slot: 0 };
    let (ladder, standing) = (RungOf::Ladder(0), Standing::InFlight);
    snapshot.rungs = vec![RungView { member, ladder, level: Level::Fatal, action: 1, standing }];
    let status = Status::of(&snapshot);
    let json = serde_json::to_string_pretty(&status).unwrap();
    let shown = "POST https://[hidden]@hooks.example/services/[hidden]/off?token=[hidden], waits for the answer";
    assert!(json.contains(shown), "{json}");
    let page = crate::export::page::html(&status, crate::export::page::Seen { now: status.time, patience: 30.0 });
    assert!(!json.contains(SECRET) && !page.contains(SECRET) && !format!("{snapshot:?}").contains(SECRET));
}
