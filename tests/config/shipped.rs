//! The shipped file holds what the code does: its values are the defaults, and every key is in it.

use super::*;

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("watchdog.toml")).unwrap()
}

/// What the file means, the targets' order aside.
fn meaning(text: &str) -> String {
    match parse(text) {
        Ok(config) => {
            assert!(config.warnings.is_empty(), "{}", config.warnings);
            format!(
                "{:#?}",
                (
                    config.daemon,
                    config.web,
                    (config.history, config.incidents),
                    config.peers,
                    config.host,
                    config.targets
                )
            )
        }
        Err(problems) => panic!("{text}\n{problems}"),
    }
}

#[test]
fn it_is_right_and_not_writable_by_others() {
    config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("watchdog.toml")).unwrap();
}

/// What its first action says.
const RESET_POOL: [&str; 9] = [
    "cooldown",
    "max_attempts",
    "patience",
    "effect",
    "min_effect",
    "escalate",
    "escalate_to_kill",
    "assume_handled",
    "scope",
];

#[test]
fn its_values_are_the_defaults() {
    let whole = text();
    let meant = meaning(&whole);
    let defaults = [
        ("[daemon]", &["interval", "kill_budget", "summary", "forecast_window", "evidence_timeout"][..]),
        ("[web]", &["listen", "max_series"]),
        ("[history]", &["events", "max_size"]),
        ("[incidents]", &["max_count", "max_size"]),
        (
            "[target.trader]",
            &["members", "per", "shared", "startup_grace", "settle", "kill_budget", "keep_at_least", "forecast_window"],
        ),
        ("[target.trader.thresholds.threads]", &["clear", "clear_hold", "hold", "ladder"]),
        ("[target.trader.actions.reset_pool]", &RESET_POOL),
        ("[target.trader.actions.disable_websocket]", &["scope", "undo_after", "undo_by", "max_cycles"]),
        ("[target.trader.actions.disable_websocket.http]", &["expect", "timeout"]),
        ("[target.trader.actions.pause]", &["timeout"]),
        ("[[target.trader.schedule]]", &["phase", "jitter"]),
    ];
    for (header, keys) in defaults {
        for key in keys {
            let without = remove(&whole, header, key);
            assert_eq!(meaning(&without), meant, "the shipped {key} of {header} is not the default");
        }
    }
    for (shown, bare) in [
        ("kill             = { grace = \"30s\", scope = \"process\" }", "kill = {}"),
        ("freeze = { by = \"signal\", deadline", "freeze = { deadline"),
        ("\"resume\"], timeout = \"10s\" }", "\"resume\"] }"),
    ] {
        let without = whole.replace(shown, bare);
        assert_ne!(without, whole, "{shown}");
        assert_eq!(meaning(&without), meant, "{shown} is not the default");
    }
}

/// The text with the line of that key under that header left empty.
fn remove(text: &str, header: &str, key: &str) -> String {
    let start = text.find(&format!("\n{header} ")).or_else(|| text.find(&format!("\n{header}\n"))).unwrap() + 1;
    let line = text[start..].lines().find(|line| line.split('=').next().unwrap().trim() == key).unwrap();
    let at = start + text[start..].find(&format!("\n{line}\n")).unwrap();
    format!("{}\n{}", &text[..at], &text[at + line.len() + 1..])
}

#[test]
fn dry_run_is_the_one_exception() {
    let whole = text();
    let without = remove(&whole, "[daemon]", "dry_run");
    assert!(parse(&whole).unwrap().daemon.dry_run, "as shipped nothing is done");
    assert!(!parse(&without).unwrap().daemon.dry_run, "the default is to act");
    assert!(whole.contains("then set to false, the default"), "and the file says so");
}

#[test]
fn what_it_shows_behind_a_hash_is_right_too() {
    let whole = text();
    let shown: Vec<&str> = whole.lines().filter(|line| line.starts_with('#') && !line.starts_with("# ")).collect();
    let shown: Vec<&str> = shown.into_iter().filter(|line| *line != "#").collect();
    assert!(shown.len() > 8, "{shown:?}");
    let (matches, blocks): (Vec<&str>, Vec<&str>) = shown.iter().partition(|line| line.starts_with("#match"));
    for line in matches {
        let original = whole.lines().find(|line| line.starts_with("match ")).unwrap();
        let result = parse(&whole.replacen(original, &line[1..], 1));
        let errors = result.as_ref().err().map(ToString::to_string);
        assert_eq!(errors, None, "{line}");
    }
    let mut uncommented = whole.clone();
    for line in blocks {
        uncommented = uncommented.replacen(line, &line[1..], 1);
    }
    assert_ne!(meaning(&uncommented), meaning(&whole), "what is inherited shows in the target");
}

/// The tables that stand by themselves.
const SECTIONS: [&str; 9] = [
    "daemon",
    "web",
    "history",
    "incidents",
    "host",
    "defaults",
    "target.trader",
    "target.trader.match",
    "target.trader.expect",
];

#[test]
fn every_key_is_in_it() {
    // The keys as the refusals name them: no other list to keep.
    let refused = |text: &str| {
        let problems = parse(text).unwrap_err();
        let help = problems
            .iter()
            .find(|problem| problem.what.contains("qqqqq"))
            .and_then(|problem| problem.help.clone())
            .unwrap();
        let keys = help.split(": ").last().unwrap();
        keys.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let target = "[target.trader]\nmatch = { comm = \"x\" }\n";
    let mut keys = refused("qqqqq = 1\n");
    for section in SECTIONS {
        keys.extend(refused(&format!("[{section}]\nqqqqq = 1\n")));
    }
    for part in ["thresholds.open_fds", "thresholds.open_fds.fatal", "actions.a"] {
        keys.extend(refused(&format!("{target}[target.trader.{part}]\nqqqqq = 1\n")));
    }
    for part in ["http", "freeze", "kill", "undo", "max_cycles", "needs"] {
        keys.extend(refused(&format!("{target}[target.trader.actions.a.{part}]\nqqqqq = 1\n")));
    }
    keys.extend(refused(&format!("{target}[[target.trader.schedule]]\nqqqqq = 1\n")));
    keys.extend(refused("[daemon.kill_budget]\nqqqqq = 1\n"));
    keys.extend(refused("[web.tls]\nqqqqq = 1\n"));
    keys.extend(refused("[peers.a]\nqqqqq = 1\n"));
    keys.extend(refused("[calendar.a]\nqqqqq = 1\n"));
    keys.extend(refused(&format!("{target}[target.trader.evidence]\nqqqqq = 1\n")));
    assert!(keys.len() > 50, "{keys:?}");
    let whole = text();
    for key in keys {
        let written = whole.match_indices(key.as_str()).any(|(at, _)| {
            let before = whole[..at].chars().next_back().unwrap_or(' ');
            let after = whole[at + key.len()..].trim_start();
            !before.is_alphanumeric() && before != '_' && after.starts_with(['=', '.', ']'])
        });
        assert!(written, "{key} is not in watchdog.toml");
    }
}
