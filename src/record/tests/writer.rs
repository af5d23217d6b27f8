use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::record::{Fields, Line, LogWriter, Logs, Severity};

fn told(count: usize) -> Vec<Line> {
    (0..count).map(|n| Line { severity: Severity::Info, text: n.to_string(), fields: Fields::default() }).collect()
}

fn received(lines: &Receiver<Vec<Line>>) -> Vec<String> {
    lines.try_iter().flatten().map(|line| line.text).collect()
}

#[test]
fn a_stopped_reader_costs_lines_and_they_are_counted() {
    let (mut logs, lines) = Logs::captured();
    for _ in 0..1000 {
        logs.send(told(1));
    }
    let kept = received(&lines).len();
    assert_eq!(kept + logs.dropped(), 1000);
    assert!(logs.dropped() > 0);
    let lost = logs.dropped();
    logs.send(told(2));
    let said = received(&lines);
    assert_eq!(said.len(), 3);
    assert!(said[2].starts_with(&format!("{lost} log lines were dropped")), "{said:?}");
    assert_eq!(logs.dropped(), 0, "said once");
}

#[test]
fn one_enormous_pass_is_cut_as_well() {
    let (mut logs, lines) = Logs::captured();
    logs.send(told(100_000));
    assert_eq!(received(&lines).len() + logs.dropped(), 100_000);
    assert!(logs.dropped() > 90_000);
}

#[test]
fn nobody_who_listens_is_no_reason_to_stop() {
    let (mut logs, lines) = Logs::captured();
    drop(lines);
    logs.send(told(3));
    assert_eq!(logs.dropped(), 3);
}

#[test]
fn the_writer_ends_with_its_queue() {
    let (writer, mut logs) = LogWriter::start().unwrap();
    logs.send(told(1));
    drop(logs);
    assert!(writer.finish(Duration::from_secs(10)));
}

#[test]
fn a_writer_that_is_still_fed_is_not_waited_for() {
    let (writer, logs) = LogWriter::start().unwrap();
    assert!(!writer.finish(Duration::from_millis(20)));
    drop(logs);
}
