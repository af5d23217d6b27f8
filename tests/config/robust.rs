//! No text makes the reader panic, and whatever is told has a place in the text.

use proptest::prelude::*;

use super::*;

/// Every problem points into the text, and all of them can be shown.
fn survive(text: &str) {
    let result = parse(text);
    let problems = match &result {
        Ok(config) => &config.warnings,
        Err(problems) => problems,
    };
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').count();
    for problem in problems.iter() {
        assert!((1..=lines).contains(&problem.line), "{problem:?}");
        assert!(problem.column >= 1 && !problem.what.is_empty(), "{problem:?}");
        assert!(!problem.what.contains(['\n', '\u{1b}', '\u{202e}']), "{problem:?}");
    }
    let shown = problems.render(false);
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    problems.render(true);
}

/// Pieces that meet each other in a configuration, and some that should not.
const WORDS: &[&str] = &[
    "[daemon]\n",
    "[web]\n",
    "[peers]\n",
    "[host.thresholds]\n",
    "[host.ladder]\n",
    "[[target.a.schedule]]\n",
    "[defaults]\n",
    "[target.a]\n",
    "[target.a.thresholds]\n",
    "[target.a.ladder]\n",
    "[target.a.ladder.m]\n",
    "[target.a.actions]\n",
    "[target.a.actions.x]\n",
    "[[target.a]]\n",
    "[target.\"a b\"]\n",
    "match = ",
    "unit = ",
    "open_fds = ",
    "host_swap_in = ",
    "every = ",
    "jitter = ",
    "rss = ",
    "\"close_wait.p\" = ",
    "close_wait.p = ",
    "elevated = ",
    "fatal = ",
    "at = ",
    "clear = ",
    "hold = ",
    "kill = ",
    "signal = ",
    "http = ",
    "post = ",
    "headers = ",
    "command = ",
    "freeze = ",
    "deadline = ",
    "undo = ",
    "undo_after = ",
    "needs = ",
    "action = ",
    "ladder = ",
    "p = ",
    "x = ",
    "interval = ",
    "listen = ",
    "{ ",
    " }",
    "[",
    "]",
    ",",
    "\n",
    "\r\n",
    " ",
    "#",
    "=",
    ".",
    "\"",
    "'",
    "\"\"\"",
    "300",
    "-1",
    "1e999",
    "nan",
    "0x7fffffffffffffffffff",
    "\"30s\"",
    "\"1h1h\"",
    "\"512MiB\"",
    "\"85%\"",
    "\"none\"",
    "\"500/s\"",
    "[\"a.x\"]",
    "\"a.service\"",
    "\"SIGUSR1\"",
    "\"http://[::1]:0/?\"",
    "\"https://a@b\"",
    "[\"/bin/x\", \"{pid}\"]",
    "\"SIGRTMIN+99999999999\"",
    "\"10.0.0.0/0:*\"",
    "\"[::/129]:1\"",
    "true",
    "1979-05-27",
    "30s",
    "\u{202e}",
    "\u{1b}[2J",
    "\u{0}",
    "ä",
    "\u{1f415}",
    "\u{feff}",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order(pieces in proptest::collection::vec(piece(), 0..40)) {
        survive(&pieces.concat());
    }

    #[test]
    fn any_text(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn the_shipped_file_with_a_hole(from in 0_usize..10_000, length in 0_usize..80, put in piece()) {
        let mut text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("watchdog.toml")).unwrap();
        let start = text.floor_char_boundary(from);
        let end = text.floor_char_boundary(from + length).max(start);
        text.replace_range(start..end, &put);
        survive(&text);
    }

    #[test]
    fn any_bytes_in_a_file(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watchdog.toml");
        fs::write(&file, bytes).unwrap();
        if let Err(problems) = config::load(&file) {
            assert!(!problems.render(true).is_empty());
        }
    }
}

#[test]
fn a_file_of_garbage_is_told_in_time_and_in_bounds() {
    for line in ["= 3\n", "[a\n", "a = [\n", "\"\n", "a = 1\n", "[target.a]\n", "{{{{\n", "a.b.c.d = {a = {\n"] {
        let started = std::time::Instant::now();
        let problems = parse(&line.repeat(5_000)).unwrap_err();
        assert!(problems.render(false).len() < 200_000, "{line:?}");
        assert!(started.elapsed() < Duration::from_secs(30), "{line:?}: {:?}", started.elapsed());
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1", "{ b = ".repeat(100_000)),
        format!("{} = 1", "a.".repeat(100_000)),
    ] {
        survive(&text);
    }
}
