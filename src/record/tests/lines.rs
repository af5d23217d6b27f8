use std::sync::Arc;
use std::time::Duration;

use super::{SECRET, WHO, cause, config, identity, order, undo};
use crate::config::Config;
use crate::model::{
    Base, Cause, Collected, Command, Effect, Event, Flaw, Inhibition, InhibitionEnd, Level, Measure, Measured, Metric,
    Moment, Note, Order, OutcomeKind, Reason, Slowing, Trigger, Unknown,
};
use crate::record::{Line, show_duration, show_measure};

fn line(config: &Config, at: u64, note: Note) -> String {
    let line = Line::of(&Event { at: Moment::from_secs(at), note }, config, config.daemon.dry_run);
    format!("{:?}: {}", line.severity, line.text)
}

/// One of each: what an operator reads.
fn every_note(config: &Config) -> Vec<Note> {
    let mut notes = notes_of_processes(config);
    notes.extend(notes_of_orders(config));
    notes.extend(notes_of_measures(config));
    notes.extend(notes_of_others(config));
    notes.extend(notes_of_operators(config));
    notes.extend(notes_of_effects(config));
    notes.extend(notes_of_incidents(config));
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
    let postgres = cause(Metric::of(Base::CloseWait, Some(Arc::from("postgres"))), 12.0, 10.0);
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

/// What is said of measures that are asked of others, and taken back.
fn notes_of_measures(config: &Config) -> Vec<Note> {
    let target = &config.targets[0];
    let mut notes = Vec::new();
    for action in 2..target.actions.len() {
        let (order, undo) = (order(target, action), undo(target, action));
        let ended = |order: &Arc<Order>, kind, reason, detail: Option<&str>| Note::Ended {
            order: Arc::clone(order),
            kind,
            reason,
            detail: detail.map(Arc::from),
        };
        notes.extend([
            Note::Ordered(Arc::clone(&order)),
            ended(&order, OutcomeKind::Acknowledged, Reason::None, None),
            ended(&order, OutcomeKind::DryRun, Reason::None, None),
            ended(&order, OutcomeKind::Failed, Reason::Refused, Some("HTTP 503")),
            ended(&order, OutcomeKind::Gone, Reason::None, None),
            Note::Ordered(Arc::clone(&undo)),
            ended(&undo, OutcomeKind::Acknowledged, Reason::None, None),
            Note::LeaseEnded { order: Arc::clone(&order) },
        ]);
        let (reason, at) = (Reason::Refused, Moment::from_secs(115));
        for attempt in [1, 3] {
            let order = Arc::new(Order { attempt, ..(*undo).clone() });
            notes.push(Note::Retrying { order, reason, detail: Some("exit code 3: no\nsession".into()), at });
        }
        for opens in [None, Some(Moment::from_secs(700))] {
            notes.push(Note::StaysInForce { order: Arc::clone(&order), opens });
        }
    }
    notes
}

/// What is said of the host, of all processes together, of schedules and of successors.
fn notes_of_others(config: &Config) -> Vec<Note> {
    let target = || Arc::clone(&config.targets[0].name);
    let swap = Metric::plain(Base::HostSwapIn);
    let on = |ladder: &str, level, cause| {
        let reset = (*order(&config.targets[0], 0)).clone();
        Arc::new(Order { ladder: ladder.into(), level, cause, ..reset })
    };
    let host = on("host", Level::Warning, Some(cause(swap.clone(), 812.0, 500.0)));
    let memory = on("memory", Level::Elevated, Some(cause(Metric::plain(Base::Rss), 950e6, 900e6)));
    let schedule = on("schedule", Level::Normal, None);
    let mut notes = Vec::new();
    for target in [None, Some(target())] {
        for (from, to) in [(Level::Normal, Level::Warning), (Level::Warning, Level::Critical)] {
            let (ladder, cause) = (Arc::from("host"), Some(cause(swap.clone(), 812.0, 500.0)));
            notes.push(Note::LadderStepped { target: target.clone(), ladder, from, to, cause });
        }
        let (from, to, ladder) = (Level::Critical, Level::Normal, Arc::from("host"));
        notes.push(Note::LadderStepped { target: target.clone(), ladder, from, to, cause: None });
        for why in [Some(Unknown::Overdue), None] {
            notes.push(Note::Seen { target: target.clone(), metric: "host_swap_in".into(), why });
        }
    }
    for order in [host, memory, schedule] {
        let (reason, opens) = (Reason::Cooldown, None);
        notes.push(Note::Ordered(Arc::clone(&order)));
        notes.push(Note::GaveUp { order: Arc::clone(&order), reason: Reason::Timeout });
        notes.push(Note::StillHeld { order, reason, opens });
    }
    notes.push(Note::SuccessorMissing { target: target(), within: Duration::from_secs(60) });
    notes.push(Note::SuccessorCame { target: target(), member: WHO, identity: identity() });
    notes
}

/// What operators ask for, and what the daemon says from time to time.
fn notes_of_operators(config: &Config) -> Vec<Note> {
    let target = || Arc::clone(&config.targets[0].name);
    let by: Arc<str> = "alice (uid 1000, pid 4711)".into();
    let wanted = |action: usize| {
        let order = (*order(&config.targets[0], action)).clone();
        let (ladder, by) = (Arc::from("operator"), Some(Arc::clone(&by)));
        Arc::new(Order { ladder, level: Level::Normal, cause: None, by, ..order })
    };
    let held = |action: Option<&str>, until_successor| Inhibition {
        target: target(),
        action: action.map(Arc::from),
        by: Arc::clone(&by),
        since: Moment::from_secs(110),
        until: Moment::from_secs(1_910),
        until_successor,
    };
    let (all, pause) = (held(None, false), held(Some("pause"), true));
    let end = |why| Note::InhibitionEnded { inhibition: all.clone(), why };
    let ended = |order, kind, reason| Note::Ended { order, kind, reason, detail: None };
    vec![
        Note::Asked { by: Arc::clone(&by), what: "hold back pause of trader".into() },
        Note::Inhibited(all.clone()),
        Note::Inhibited(pause),
        end(InhibitionEnd::Expired),
        end(InhibitionEnd::Successor),
        end(InhibitionEnd::Released(Arc::clone(&by))),
        end(InhibitionEnd::Unknown),
        Note::Ordered(wanted(0)),
        Note::Ordered(wanted(1)),
        Note::Held { order: wanted(1), reason: Reason::Inhibited, opens: Some(Moment::from_secs(1_910)) },
        Note::GaveUp { order: wanted(0), reason: Reason::Timeout },
        ended(wanted(0), OutcomeKind::Delivered, Reason::None),
        ended(wanted(1), OutcomeKind::Lapsed, Reason::Inhibited),
        Note::Summary { target: target(), level: Level::Warning, text: " for 12m, 1 process".into() },
    ]
}

/// What came of collecting evidence.
fn notes_of_incidents(config: &Config) -> Vec<Note> {
    let order = order(&config.targets[0], 0);
    let told = |trigger, collected| Note::Incident {
        target: Arc::clone(&order.target),
        member: order.member,
        identity: order.identity,
        trigger,
        collected,
    };
    let kept = |missing| Collected::Kept {
        folder: "/var/lib/tradedog/incidents/20261121T231502.123Z-trader-0-kill".into(),
        missing,
    };
    let flawed = |flaw, detail: &str| Collected::Flawed { flaw, detail: detail.into() };
    let flaws = Flaw::ALL.map(|flaw| told(Trigger::Kill, flawed(flaw, if flaw < Flaw::Busy { "as told" } else { "" })));
    let mut notes = vec![told(Trigger::Critical, kept(0)), told(Trigger::Kill, kept(3))];
    notes.extend(flaws);
    notes
}

/// What measures did, and what follows where they did nothing.
fn notes_of_effects(config: &Config) -> Vec<Note> {
    let target = &config.targets[0];
    let measured = |action: usize, to, growth| {
        let action = Arc::clone(&target.actions[action].name);
        let (metric, within) = (Metric::plain(Base::OpenFds), Duration::from_secs(60));
        Arc::new(Measured { action, metric, from: 640.0, to, within, growth })
    };
    let slowing = |before| Some(Slowing { before, after: Some(11.0) });
    let told = |action: usize, effect, measured| Note::Measured { order: order(target, action), effect, measured };
    let in_vain = Cause { escalated: Some(measured(0, Some(655.0), None)), ..order(target, 0).cause.clone().unwrap() };
    let raised = Arc::new(Order { cause: Some(in_vain.clone()), level: Level::Warning, ..(*order(target, 2)).clone() });
    let (from, to, ladder) = (Level::Elevated, Level::Warning, Arc::from("default"));
    let (name, cause) = (Arc::clone(&target.name), Some(in_vain));
    let pause = 2;
    vec![
        told(0, Some(Effect::Ineffective), measured(0, Some(655.0), None)),
        told(0, Some(Effect::Effective), measured(0, Some(320.0), None)),
        told(0, None, measured(0, None, None)),
        told(pause, Some(Effect::Ineffective), measured(pause, Some(655.0), slowing(Some(12.0)))),
        told(pause, Some(Effect::Ineffective), measured(pause, Some(655.0), slowing(None))),
        Note::GaveUp { order: order(target, 0), reason: Reason::None },
        Note::GaveUp { order: order(target, pause), reason: Reason::None },
        Note::LevelChanged { target: name, member: WHO, identity: identity(), ladder, from, to, cause },
        Note::Ordered(raised),
    ]
}

/// The fields say of each line what it is about, and hold nothing secret.
#[test]
fn golden_fields() {
    let config = config(&["trader"], false);
    let mut told = String::new();
    for note in every_note(&config) {
        let line = Line::of(&Event { at: Moment::from_secs(110), note }, &config, false);
        told.push_str(&line.text);
        for (name, value) in line.fields.all().filter(|(name, _)| *name != "OBJECT_PID") {
            assert!(!value.contains(SECRET) && !value.contains('\n'), "{name}={value}");
            told.push_str(&format!("\n    {name}={value}"));
        }
        told.push('\n');
    }
    insta::assert_snapshot!("fields", told);
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
fn spans_are_shown_by_their_two_largest_units() {
    for (millis, text) in
        [(0, "0ms"), (250, "250ms"), (3_000, "3s"), (3_400, "3.4s"), (61_000, "1m 1s"), (7_200_000, "2h")]
    {
        assert_eq!(show_duration(Duration::from_millis(millis)), text);
    }
}

#[test]
fn no_line_shows_a_secret() {
    for dry_run in [false, true] {
        let config = config(&["trader"], dry_run);
        for note in every_note(&config) {
            let line = line(&config, 110, note);
            assert!(!line.contains(SECRET), "{line}");
        }
    }
}

#[test]
fn a_command_shows_where_its_arguments_end_and_cannot_forge_a_line() {
    let shown = |argv: &[&str]| {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        show_measure(&Measure::Command(Arc::new(Command { argv, timeout: Duration::ZERO })))
    };
    assert_eq!(shown(&["ctl", "a b", "", "it's"]), "ctl 'a b' '' \"it's\"");
    assert_eq!(shown(&["ctl", "x\nINFO forged \u{202e}"]), "ctl 'x\\nINFO forged \\u{202e}'");
    assert!(shown(&["x".repeat(5000).as_str()]).chars().count() < 250);
}
