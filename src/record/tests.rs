use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::*;
use crate::config::{Action, Budget, Daemon, Ladder, Target, Web};
use crate::model::{
    ActionScope, Base, BootId, Cause, Identity, KillScope, Level, Measure, MemberKey, Metric, Moment, Note, Order,
    OrderId, OutcomeKind, PerLevel, Pid, Reason, Signal, Unknown,
};

fn action(name: &str, measure: Measure) -> Action {
    let cooldown = Duration::from_secs(60);
    Action { name: Arc::from(name), measure, cooldown, ..Action::default() }
}

fn target(name: &str) -> Target {
    let ladder = |name: &str| Ladder { name: Arc::from(name), steps: PerLevel::default() };
    let signal = Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled: false };
    Target {
        name: Arc::from(name),
        kill_budget: Budget { max: 3, per: Duration::from_secs(3600) },
        metrics: vec![Metric::plain(Base::OpenFds)],
        thresholds: Vec::new(),
        ladders: if name == "trader" { vec![ladder("default")] } else { vec![ladder("default"), ladder("memory")] },
        actions: vec![
            action("reset_pool", signal),
            action("kill", Measure::Kill { grace: Duration::from_secs(45), scope: KillScope::Tree }),
        ],
        ..Target::default()
    }
}

fn config(targets: &[&str], dry_run: bool) -> Arc<Config> {
    let kill_budget = Budget { max: 10, per: Duration::from_secs(3600) };
    Arc::new(Config {
        daemon: Daemon { interval: Duration::from_secs(1), dry_run, kill_budget },
        web: Web { listen: Vec::new(), max_series: 10 },
        targets: targets.iter().map(|name| target(name)).collect(),
        ..Config::default()
    })
}

const WHO: MemberKey = MemberKey { target: 0, slot: 0 };

fn identity() -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(1234).unwrap(), start_ticks: 1, pidfs_inode: None }
}

fn cause(metric: Metric, value: f64, bound: f64) -> Cause {
    Cause { metric, value, bound, since: Moment::from_secs(100) }
}

fn order(target: &Target, action: usize) -> Arc<Order> {
    let action = &target.actions[action];
    Arc::new(Order {
        id: OrderId(17),
        member: WHO,
        identity: identity(),
        target: Arc::clone(&target.name),
        ladder: Arc::from("default"),
        level: Level::Elevated,
        action: Arc::clone(&action.name),
        measure: action.measure.clone(),
        cause: Some(cause(Metric::plain(Base::OpenFds), 305.0, 300.0)),
        undo: false,
        scope: ActionScope::Process,
        thaw: None,
        decided: Moment::from_secs(100),
        attempt: 1,
    })
}

fn line(config: &Config, at: u64, note: Note) -> String {
    let line = Line::of(&Event { at: Moment::from_secs(at), note }, config, config.daemon.dry_run);
    format!("{:?}: {}", line.severity, line.text)
}

/// One of each: what an operator reads.
fn every_note(config: &Config) -> Vec<Note> {
    let mut notes = notes_of_processes(config);
    notes.extend(notes_of_orders(config));
    notes
}

fn notes_of_processes(config: &Config) -> Vec<Note> {
    let target = || Arc::clone(&config.targets[0].name);
    let (member, identity) = (WHO, identity());
    let level = |from, to, cause| Note::LevelChanged {
        target: target(),
        member,
        identity,
        ladder: Arc::from("default"),
        from,
        to,
        cause,
    };
    let fds = cause(Metric::plain(Base::OpenFds), 655.0, 600.0);
    let rss = cause(Metric::plain(Base::Rss), 950e6, 900e6);
    let host = cause(Metric::plain(Base::HostSwapUsed), 0.999, 0.85);
    let postgres = cause(Metric { base: Base::CloseWait, peer: Some(Arc::from("postgres")) }, 12.0, 10.0);
    let metric: Arc<str> = Arc::from("close_wait.broker");
    vec![
        Note::Found { target: target(), member, identity },
        level(Level::Normal, Level::Warning, Some(fds.clone())),
        level(Level::Warning, Level::Fatal, Some(rss)),
        level(Level::Normal, Level::Elevated, Some(host)),
        level(Level::Normal, Level::Elevated, Some(postgres)),
        level(Level::Warning, Level::Elevated, Some(fds)),
        level(Level::Elevated, Level::Normal, None),
        Note::Reading { target: target(), member, identity, metric: Arc::clone(&metric), why: Some(Unknown::Denied) },
        Note::Reading { target: target(), member, identity, metric, why: None },
        Note::Contested { target: target(), member, identity },
        Note::Gone { target: target(), member, identity },
        Note::Daemon { text: "started: 1 target".into(), bad: false },
        Note::Daemon { text: "watchdog.d/a\nFORGED \u{1b}[31m\u{202e}.toml is set aside".into(), bad: true },
    ]
}

fn notes_of_orders(config: &Config) -> Vec<Note> {
    let (signal, kill) = (order(&config.targets[0], 0), order(&config.targets[0], 1));
    let ended = |order: &Arc<Order>, kind, reason| Note::Ended { order: Arc::clone(order), kind, reason, detail: None };
    let opens = Some(Moment::from_secs(154));
    vec![
        Note::Ordered(Arc::clone(&signal)),
        Note::Ordered(Arc::new(Order { attempt: 3, ..(*kill).clone() })),
        Note::Held { order: Arc::clone(&kill), reason: Reason::KillBudget, opens },
        Note::Held { order: Arc::clone(&kill), reason: Reason::Unknown, opens: None },
        Note::StillHeld { order: Arc::clone(&kill), reason: Reason::KillBudget, opens },
        Note::Released { order: Arc::clone(&kill), reason: Reason::KillBudget },
        Note::Retrying {
            order: Arc::clone(&signal),
            reason: Reason::Refused,
            detail: None,
            at: Moment::from_secs(115),
        },
        Note::GaveUp { order: Arc::new(Order { attempt: 5, ..(*signal).clone() }), reason: Reason::Refused },
        ended(&signal, OutcomeKind::Delivered, Reason::None),
        ended(&signal, OutcomeKind::Failed, Reason::Timeout),
        ended(&signal, OutcomeKind::Vetoed, Reason::Unhandled),
        ended(&signal, OutcomeKind::Lapsed, Reason::LevelLeft),
        ended(&signal, OutcomeKind::DryRun, Reason::None),
        ended(&kill, OutcomeKind::DryRun, Reason::None),
        ended(&kill, OutcomeKind::Gone, Reason::None),
        ended(&kill, OutcomeKind::Gone, Reason::Settling),
    ]
}

#[test]
fn golden_lines() {
    for (name, config) in [
        ("live", config(&["trader"], false)),
        ("dry_run", config(&["trader"], true)),
        ("ladders", config(&["gateway"], false)),
    ] {
        let lines: Vec<String> = every_note(&config).into_iter().map(|note| line(&config, 110, note)).collect();
        insta::assert_snapshot!(name, lines.join("\n"));
    }
}

#[test]
fn each_order_counts_once_at_its_end_and_a_hold_when_it_is_told() {
    let config = config(&["trader"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&config), logs);
    let before = recorder.counters();
    let zeros: Vec<u64> = before.orders().map(|(_, count)| count).collect();
    assert_eq!(zeros, [0; 7], "delivered, and failed for two reasons, of two actions; and gone of the kill");
    let events: Vec<Event> =
        every_note(&config).into_iter().map(|note| Event { at: Moment::from_secs(1), note }).collect();
    recorder.record(&events);
    let after = recorder.counters();
    let count = |action: &str, outcome, reason| {
        let found = after.orders().find(|(k, _)| *k.action == *action && k.outcome == outcome && k.reason == reason);
        found.map(|(_, count)| count)
    };
    assert_eq!(count("reset_pool", OutcomeKind::Delivered, Reason::None), Some(1));
    assert_eq!(count("reset_pool", OutcomeKind::Vetoed, Reason::Unhandled), Some(1));
    assert_eq!(count("kill", OutcomeKind::Held, Reason::KillBudget), Some(1), "the reminder does not count");
    assert_eq!(count("kill", OutcomeKind::Gone, Reason::None), Some(1));
    assert_eq!(count("kill", OutcomeKind::Gone, Reason::Settling), Some(1), "one that never went out is told apart");
    assert_eq!(after.orders().map(|(_, count)| count).sum::<u64>(), 10);
    assert_eq!(after.recent().count(), 8);
    assert_eq!(before.orders().map(|(_, count)| count).sum::<u64>(), 0, "who holds the old counts keeps them");
}

#[test]
fn counts_change_hands_without_being_copied() {
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(config(&["trader"], false), logs);
    let first = recorder.counters();
    recorder.record(&[Event { at: Moment::default(), note: Note::Daemon { text: "x".into(), bad: false } }]);
    assert!(Arc::ptr_eq(&first, &recorder.counters()), "an event that is not counted copies nothing");
}

#[test]
fn a_reload_keeps_the_counts_of_what_stays() {
    let old = config(&["trader", "gateway"], false);
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(&old), logs);
    let ended = |target: &Target| Event {
        at: Moment::default(),
        note: Note::Ended { order: order(target, 0), kind: OutcomeKind::Delivered, reason: Reason::None, detail: None },
    };
    recorder.record(&[ended(&old.targets[0]), ended(&old.targets[1])]);
    recorder.reconfigure(config(&["trader", "analysis"], false));
    let counters = recorder.counters();
    let sum = |name: &str| counters.orders().filter(|(k, _)| *k.target == *name).map(|(_, c)| c).sum::<u64>();
    assert_eq!((sum("trader"), sum("gateway"), sum("analysis")), (1, 0, 0));
    assert_eq!(counters.orders().filter(|(k, _)| *k.target == *"gateway").count(), 0);
    assert_eq!(counters.orders().filter(|(k, _)| *k.target == *"analysis").count(), 7);
}

fn told(count: usize) -> Vec<Line> {
    (0..count).map(|n| Line { severity: Severity::Info, text: n.to_string() }).collect()
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

#[test]
fn spans_are_shown_by_their_two_largest_units() {
    for (millis, text) in
        [(0, "0ms"), (250, "250ms"), (3_000, "3s"), (3_400, "3.4s"), (61_000, "1m 1s"), (7_200_000, "2h")]
    {
        assert_eq!(show_duration(Duration::from_millis(millis)), text);
    }
}
