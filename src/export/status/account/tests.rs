mod scenes;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Account, MOST_CHARS, MOST_LINES, of_host, of_target};
use crate::config::{Config, Daemon};
use crate::export::status::{Status, summaries};
use crate::export::{RungOf, Snapshot, Standing, fixture};
use crate::model::{Base, Inhibition, Level, MemberKey, Metric, Moment, Note, Reason, Unknown, Value};
use crate::record::Counters;
use scenes::Stage;

fn told(name: &str, account: &Account) -> String {
    let part =
        |word: &str, lines: &[String]| -> String { lines.iter().map(|line| format!("  {word:<8} {line}\n")).collect() };
    let Account { why, done, next, you_can, evidence } = account;
    let lines = [("why", why), ("done", done), ("next", next), ("you can", you_can), ("evidence", evidence)];
    let lines: String = lines.iter().map(|(word, lines)| part(word, lines)).collect();
    format!("{name}\n{lines}\n")
}

fn of(stage: &Stage) -> Account {
    let target = Arc::clone(&stage.snapshot.config);
    of_target(&stage.snapshot, 0, &target.targets[0])
}

/// The first line that comes next of what stands so.
fn next_of(standing: Standing) -> String {
    let mut stage = Stage::open();
    stage.member(0, (905.0, Level::Fatal));
    stage.rung(Level::Fatal, "kill", standing);
    of(&stage).next.remove(0)
}

#[test]
fn golden_of_the_fixture() {
    let status = Status::of(&fixture::snapshot());
    let mut text = told("host", &status.host.account);
    for target in &status.targets {
        text += &told(&target.name, &target.account);
    }
    insta::assert_snapshot!("fixture", text);
}

/// What is to be copied into a shell comes out of it as it was configured.
#[test]
#[expect(clippy::disallowed_methods, reason = "asks a shell")]
fn a_command_to_copy_is_what_a_shell_takes_it_for() {
    let hash = "$2b$12$abcdefghijklmnopqrstuuMd2zXqTWMGIGKcQFwhq3ya7CB3TmKcq";
    let web = format!("[web]\nlisten = [\"[::1]:7911\"]\nusers = {{ \"o'hara; id $HOME\" = \"{hash}\" }}\n");
    let text = web + "[target.trader]\nmatch = { unit = 'trader-a\\x2db.service' }\n";
    let mut snapshot = Stage::open().snapshot;
    snapshot.config = Arc::new(scenes::parsed(&text));
    let config = Arc::clone(&snapshot.config);
    let evidence = of_target(&snapshot, 0, &config.targets[0]).evidence;
    let words = |command: &str| {
        let line = evidence.iter().find(|line| line.starts_with(command)).unwrap();
        let told = format!("printf '%s\\n' {line}");
        let said = Command::new("sh").args(["-c", &told]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words("curl"), ["curl", "-s", "-u", "o'hara; id $HOME", "http://[::1]:7911/api/v1/status"]);
    assert_eq!(words("systemctl"), ["systemctl", "status", "trader-a\\x2db.service"]);
    assert_eq!(words("journalctl"), ["journalctl", "-u", "trader-a\\x2db.service", "-n", "50"]);
}

#[test]
fn golden_of_each_level() {
    let mut text = String::new();
    for (fds, level) in [
        (92.0, Level::Normal),
        (305.0, Level::Elevated),
        (655.0, Level::Warning),
        (810.0, Level::Critical),
        (905.0, Level::Fatal),
    ] {
        let mut stage = Stage::open();
        stage.member(0, (fds, level));
        text += &told(level.name(), &of(&stage));
    }
    insta::assert_snapshot!("levels", text);
}

#[test]
fn golden_of_what_comes_next() {
    let opens = Some(Moment::from_secs(10_034));
    let at = Moment::from_secs(10_005);
    let mut lines = vec![next_of(Standing::Waiting), next_of(Standing::InFlight)];
    for reason in [
        Reason::Inhibited,
        Reason::Cooldown,
        Reason::StartupGrace,
        Reason::Settling,
        Reason::KillBudget,
        Reason::KeepAtLeast,
        Reason::Calendar,
        Reason::Breaker,
        Reason::Needs,
        Reason::Killing,
        Reason::StateUnwritable,
        Reason::CrashLoop,
        Reason::Unknown,
        Reason::Unconfirmed,
    ] {
        lines.extend([opens, None].map(|opens| next_of(Standing::Held { reason, opens })));
    }
    lines.push(next_of(Standing::Retrying { reason: Reason::Timeout, at }));
    lines.push(next_of(Standing::Vetoed { reason: Reason::Imitable }));
    lines.push(next_of(Standing::GaveUp { reason: Reason::Refused }));
    insta::assert_snapshot!("next", lines.join("\n"));
}

#[test]
fn golden_of_what_else_happens() {
    let mut text = String::new();
    for (name, set) in scenes::ALL {
        let mut stage = Stage::open();
        set(&mut stage);
        text += &told(name, &of(&stage));
        for banner in super::banners(&stage.snapshot) {
            text += &format!("  {}: {}\n", banner.title, banner.text);
        }
    }
    insta::assert_snapshot!("scenes", text);
}

#[test]
fn golden_of_the_host() {
    let mut text = String::new();
    for (name, used, level) in [("calm", 0.41, Level::Normal), ("warning", 0.74, Level::Warning)] {
        let mut stage = Stage::open();
        stage.member(0, (92.0, Level::Normal));
        stage.host(used, level);
        if level == Level::Warning {
            let held = Standing::Held { reason: Reason::Cooldown, opens: Some(Moment::from_secs(10_034)) };
            stage.rung_of(RungOf::Host, (level, "reset_pool"), held);
        }
        text += &told(name, &of_host(&stage.snapshot));
    }
    insta::assert_snapshot!("host", text);
}

#[test]
fn golden_of_summaries() {
    let mut text = String::new();
    for dry_run in [false, true] {
        let mut stage = Stage::open();
        if dry_run {
            stage.dry();
        }
        stage.member(0, (655.0, Level::Warning));
        stage.ended(&["reset_pool", "reset_pool", "pause"]);
        let before = Counters::default();
        for note in summaries(&stage.snapshot, &before, Duration::from_secs(300)) {
            let Note::Summary { target, level, text: rest } = note else { panic!("{note:?}") };
            text += &format!("{target}: {level}{rest}\n");
        }
        let counted = Arc::clone(&stage.snapshot.counters);
        let Some(Note::Summary { text: rest, .. }) = summaries(&stage.snapshot, &counted, Duration::ZERO).pop() else {
            panic!("there is one target")
        };
        assert!(!rest.contains("; in "), "nothing since: {rest}");
    }
    insta::assert_snapshot!("summaries", text);
}

/// What cannot be seen is never told as a number.
#[test]
fn an_unknown_reading_is_no_number() {
    let mut stage = Stage::open();
    stage.member_with(0, Value::Unknown(Unknown::Denied), Level::Warning);
    let account = of(&stage);
    let told = "open_fds is denied, was at or past 600 (warning) for 12m: its level stays, process 0, pid 4711; needs";
    assert!(account.why.len() == 1 && account.why[0].starts_with(told), "{account:?}");
    assert!(account.next[0].contains("unknown now"), "{account:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the names: few lines, each one line of bounded plain text.
    #[test]
    fn every_line_is_plain_and_bounded(
        name in any::<String>(),
        long in 0_usize..5_000,
        members in 0_u32..40,
        level in 0_usize..4,
    ) {
        let evil: Arc<str> = format!("{name}\n\u{1b}[31m{}", "x".repeat(long)).into();
        let mut stage = Stage::open();
        let mut config = Config::clone(&stage.snapshot.config);
        let target = &mut config.targets[0];
        target.name = Arc::clone(&evil);
        target.selector.unit = Some(evil.to_string());
        for action in &mut target.actions {
            action.name = Arc::clone(&evil);
        }
        stage.snapshot.config = Arc::new(config);
        let level = Level::ABOVE_NORMAL[level];
        for slot in 0..members {
            stage.member(slot, (905.0, level));
        }
        let until = Moment::from_secs(20_000);
        let (target, by, since) = (Arc::clone(&evil), Arc::clone(&evil), Moment::default());
        stage.snapshot.inhibitions = vec![Inhibition { target, action: None, by, since, until, until_successor: true }];
        stage.snapshot.not_ready = vec![evil.to_string(); 30];
        stage.rung_at(Standing::Held { reason: Reason::KillBudget, opens: None }, members);
        let account = of(&stage);
        let Account { why, done, next, you_can, evidence } = &account;
        for lines in [why, done, next, you_can, evidence] {
            prop_assert!(!lines.is_empty() && lines.len() <= MOST_LINES, "{lines:?}");
            for line in lines {
                prop_assert!(line.chars().count() <= MOST_CHARS + 1, "{line}");
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
        for banner in super::banners(&stage.snapshot) {
            prop_assert!(!banner.text.chars().any(char::is_control), "{banner:?}");
        }
        prop_assert!(super::banners(&stage.snapshot).len() < 20);
    }
}
