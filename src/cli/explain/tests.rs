//! Every word has its screen.

use super::*;
use crate::config::{self, Source};
use crate::model::{Level, OutcomeKind};

const SHIPPED: &str = include_str!("../../../watchdog.toml");

fn shipped() -> Config {
    config::parse(vec![Source::new("watchdog.toml", SHIPPED)])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// What is told of a word, as it is printed.
fn told(word: &str, config: Option<&Config>) -> String {
    entries(word, config).iter().map(|entry| format!("{}\n{}", entry.head(), entry.body())).collect()
}

/// Without what the width of a terminal makes of it.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One terminal: 80 columns and 24 lines, an empty one between two entries included.
fn fits(entry: &Entry) {
    let text = format!("{}\n{}", entry.head(), entry.body());
    assert!(text.lines().count() <= 24, "{} lines:\n{text}", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn every_word_has_a_screen_of_its_own() {
    let config = shipped();
    for (kind, names) in names(Some(&config)) {
        assert!(!names.is_empty(), "{kind}");
        for name in names {
            let entries = entries(&name, Some(&config));
            assert!(!entries.is_empty(), "{name}");
            entries.iter().for_each(fits);
        }
    }
}

#[test]
fn every_reason_outcome_level_and_metric_is_told_of() {
    // The reasons have no list in the model: what every order's vetoes and brakes may say stands here twice,
    // and a name that is not among them would not be found.
    for reason in reasons::ALL {
        assert!(told(reason.name(), None).contains("Concerns"), "{reason}");
    }
    let words = OutcomeKind::ALL.map(OutcomeKind::name).into_iter().chain(Level::ABOVE_NORMAL.map(Level::name));
    for word in
        words.chain(METRICS.iter().map(|row| row.name)).chain(outcomes::UNKNOWN.map(crate::model::Unknown::name))
    {
        assert!(!entries(word, None).is_empty(), "{word}");
    }
    let design = "none, inhibited, cooldown, startup_grace, settling, kill_budget, keep_at_least, calendar, breaker, needs, \
                  killing, state_unwritable, crash_loop, unknown, unconfirmed, identity, protected, imitable, unhandled, \
                  timeout, refused, queue_full, level_left";
    assert_eq!(reasons::ALL.map(crate::model::Reason::name).join(", "), design);
}

#[test]
fn a_metric_tells_where_it_is_read_and_what_to_do() {
    let text = told("close_wait", None);
    for part in ["each process, a count; higher is worse", "Read from    the kernel's table", "Right", "ss -tnp"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let config = shipped();
    let text = told("close_wait.postgres", Some(&config));
    assert!(
        flat(&text).contains("only sockets of postgres: connections that the process made, to port 5432"),
        "{text}"
    );
    assert!(told("close_wait.nobody", Some(&config)).contains("nobody is not in [peers]"));
    assert!(entries("rss.postgres", None).is_empty(), "memory has no peer");
    assert_eq!(told("CLOSE-WAIT", None), told("close_wait", None));
}

#[test]
fn an_action_is_told_as_it_will_be_taken() {
    let config = shipped();
    let text = told("trader.kill", Some(&config));
    for part in [
        "trader.kill: an action of target trader (watchdog.toml:",
        "Ends the process: SIGTERM, and SIGKILL if it is still there after 30s.",
        "fatal on the ladder default: open_fds 900 for 3s",
        "pause must be acknowledged; if it is not within 20s, it is killed all the same",
        "kill_budget 3 per 1h, 10 per 1h for all targets, keep_at_least 0",
        "identity, protected, imitable",
        "a new process must be there within 1m",
        "on: it is told of, not taken",
        "tradedog act trader kill",
    ] {
        assert!(flat(&text).contains(part), "{part:?} is not in:\n{text}");
    }
    let both = told("kill", Some(&config));
    assert!(both.contains("an action of target trader") && both.contains("a delivery"), "{both}");
    assert!(!told("kill", None).contains("an action of target"));
    let text = told("disable_websocket", Some(&config));
    assert!(
        flat(&text).contains("POST http://127.0.0.1:8080/admin/websocket/enable, 5m after its level was"),
        "{text}"
    );
    assert!(text.contains("warning on the host's ladder"), "{text}");
}

#[test]
fn a_key_is_told_in_the_words_of_the_shipped_file() {
    let text = told("patience", None);
    assert!(flat(&text).contains("how long it has to help; then its effect is judged"), "{text}");
    let text = told("grace", None);
    assert!(flat(&text).contains("kill = { grace = \"30s\""), "{text}");
    for key in ["match", "interval", "dry_run", "clear_hold", "within", "every", "comm", "undo_after"] {
        assert!(keys::names().iter().any(|name| name == key), "{key}");
    }
}

#[test]
fn an_unknown_word_is_answered_with_the_nearest_and_all() {
    let said = |word: &str| {
        let Failure::Usage(error) = unknown(word, None) else { panic!("the exit code is 2") };
        error.to_string()
    };
    assert!(said("close_wiat").starts_with("nothing is called close_wiat; did you mean close_wait?\n"));
    assert!(said("open_fds.postgres").contains("; open_fds is not counted by peer\n"));
    let far = said("\u{1b}[31mqqqqqqqqqqqqq");
    assert!(far.starts_with("nothing is called \\x1b[31mqqqqqqqqqqqqq\ntradedog explain WORD"), "{far}");
    assert!(far.contains("Brakes") && far.contains("startup_grace"), "{far}");
}

#[test]
fn text_is_broken_between_words() {
    let text = wrapped(("Label", "word ".repeat(40)));
    assert!(text.lines().all(|line| line.chars().count() <= 80) && text.lines().count() == 4, "{text}");
    assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(13))), "{text}");
    assert_eq!(wrapped(("", "a\nb".to_owned())), "a\nb\n");
}

proptest::proptest! {
    #[test]
    fn no_word_is_too_strange(word in "\\PC{0,80}") {
        let config = shipped();
        let _ = entries(&word, Some(&config));
        let _ = unknown(&word, Some(&config));
    }
}

#[test]
fn no_screen_shows_a_secret() {
    let text = "[target.trader]\nmatch = { user = \"root\" }\n[target.trader.actions.hook]\n\
                http = { post = \"https://h/services/s3cr3t-9/off?token=s3cr3t-9\", body = \"s3cr3t-9\" }\n\
                [[target.trader.schedule]]\nevery = \"5m\"\naction = \"hook\"\n";
    let config = config::parse(vec![Source::new("watchdog.toml", text)]).unwrap();
    let said = flat(&told("trader.hook", Some(&config)));
    assert!(said.contains("POST https://h/services/[hidden]/off?token=[hidden]"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
}
