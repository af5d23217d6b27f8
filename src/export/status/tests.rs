use super::*;
use crate::export::fixture;

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
