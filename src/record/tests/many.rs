//! Readings that many processes lose at once.

use std::sync::Arc;

use super::*;
use crate::model::{Event, Note, Unknown};
use crate::record::{Kind, Line};

fn reading(target: &str, slot: u32, why: Option<Unknown>) -> Event {
    let member = MemberKey { target: 0, slot };
    let identity = Identity { pid: Pid::new(1000 + i32::try_from(slot).unwrap()).unwrap(), ..identity() };
    let metric = Arc::from("open_fds");
    Event { at: Moment::from_secs(1), note: Note::Reading { target: Arc::from(target), member, identity, metric, why } }
}

fn logged(events: &[Event]) -> Vec<Line> {
    let (logs, lines) = Logs::captured();
    Recorder::new(config(&["trader"], false), logs).record(events);
    lines.try_iter().flatten().collect()
}

fn texts(events: &[Event]) -> Vec<String> {
    logged(events).into_iter().map(|line| line.text).collect()
}

#[test]
fn a_few_are_lines_of_their_own() {
    let events: Vec<Event> = (0..3).map(|slot| reading("trader", slot, Some(Unknown::Overdue))).collect();
    assert_eq!(texts(&events).len(), 3);
    let both = (0..6).map(|slot| reading("trader", slot, (slot % 2 == 0).then_some(Unknown::Overdue)));
    assert_eq!(texts(&both.collect::<Vec<_>>()).len(), 6, "three of each");
}

#[test]
fn many_are_one_line_where_the_first_of_them_stood() {
    let other = |text: &str| {
        let note = Note::Daemon { text: text.into(), bad: false };
        Event { at: Moment::from_secs(1), note }
    };
    let many = (0..103).map(|slot| reading("trader", slot, Some(Unknown::Overdue)));
    let events: Vec<Event> = [other("before")].into_iter().chain(many).chain([other("after")]).collect();
    let said = texts(&events);
    let names = "trader[0] pid 1000, trader[1] pid 1001, trader[2] pid 1002, trader[3] pid 1003, trader[4] pid 1004";
    let line = format!("open_fds is unknown: overdue, of 103 processes: {names} and 98 more");
    assert_eq!(said, ["before", &line, "after"]);
    let line = logged(&events).remove(1);
    assert_eq!((line.severity, line.fields.kind), (Severity::Warning, Kind::Reading));
    assert_eq!((line.fields.target.as_deref(), line.fields.pid), (Some("trader"), None));
    assert_eq!((line.fields.metric.as_deref(), line.fields.reason), (Some("open_fds"), Some("overdue")));
}

#[test]
fn of_several_targets_none_is_named_and_every_reason_has_its_line() {
    let events: Vec<Event> = (0..8)
        .map(|slot| reading(if slot < 2 { "trader" } else { "gateway" }, slot, None))
        .chain((0..4).map(|slot| reading("trader", slot, Some(Unknown::Denied))))
        .collect();
    let lines = logged(&events);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].text.starts_with("open_fds is known again, of 8 processes: trader[0]"), "{}", lines[0].text);
    assert!(lines[0].text.ends_with("gateway[4] pid 1004 and 3 more"), "{}", lines[0].text);
    assert_eq!((lines[0].severity, lines[0].fields.target.as_deref()), (Severity::Info, None));
    assert_eq!(lines[1].fields.target.as_deref(), Some("trader"));
}
