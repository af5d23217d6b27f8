//! Each problem is told once, at its line and column, and brings no other with it.

use super::*;

/// A target that is right, to which a case adds its lines 3 and on.
const TARGET: &str = "[target.trader]\nmatch = { unit = \"trader.service\" }\n";

/// Text, then line, column and a part of what is said for each problem, in order.
type Case = (&'static str, &'static [(usize, usize, &'static str)]);

fn check(head: &str, cases: &[Case]) {
    for (text, expected) in cases {
        let result = parse(&format!("{head}{text}"));
        let told = told(&result);
        let right = told.len() == expected.len()
            && told
                .iter()
                .zip(*expected)
                .all(|((line, column, what), (l, c, part))| (line, column) == (l, c) && what.contains(part));
        assert!(right, "{text}\nexpected {expected:#?}\ntold {told:#?}");
    }
}

#[test]
fn values() {
    check(
        "",
        &[
            ("[daemon]\ninterval = 1\n", &[(2, 12, "`1` has no unit")]),
            ("[daemon]\n  interval = \"1\"\n", &[(2, 14, "`1` has no unit")]),
            ("[daemon]\ninterval = \"10ms\"\n", &[(2, 12, "out of range")]),
            ("[daemon]\ndry_run = \"true\"\n", &[(2, 11, "true or false is due")]),
            ("daemon.interval = 1\n", &[(1, 19, "has no unit")]),
            ("[web]\nlisten = [\"127.0.0.1:1\",\n  \"x\"]\n", &[(3, 3, "not an IP address")]),
            ("[web]\nlisten = [\"[::1]:1\", \"[::1]:1\"]\n", &[(2, 22, "written twice")]),
            ("[peers]\na = \"10.0.0.1\"\nb = 3\n", &[(2, 5, "no port"), (3, 5, "string is due")]),
            ("[daemon]\nkill_budget = { max = -1, per = \"1y\" }\n", &[(2, 23, "range"), (2, 33, "not a duration")]),
        ],
    );
}

#[test]
fn keys() {
    check(
        "",
        &[
            ("deamon = 1\n", &[(1, 1, "unknown key `deamon`")]),
            ("# ä\n[daemon]\nintervall = \"1s\"\ndryrun = true\n", &[(3, 1, "`intervall`"), (4, 1, "`dryrun`")]),
            ("[daemon]\n\"ä\" = 1; x = 2\n", &[(2, 12, "not TOML")]),
            ("[host.ladder]\nwarning = [\"x.y\"]\n", &[(2, 1, "never reached"), (2, 12, "no target `x`")]),
            ("[host]\nladders = 1\n", &[(2, 1, "unknown key `ladders`")]),
            ("[target.a]\n", &[(1, 9, "has no `match`")]),
            ("[[target.a]]\nmatch = { comm = \"a\" }\n", &[(1, 1, "not a list of tables")]),
            ("[target]\na = { match = { comm = \"é\", nix = 1 } }\n", &[(2, 29, "unknown key `nix`")]),
            ("[target.a]\nmatch.comm = \"a\"\nmatch.colour = 1\n", &[(3, 7, "unknown key `colour`")]),
        ],
    );
}

#[test]
fn thresholds() {
    check(
        TARGET,
        &[
            ("thresholds = 3\n", &[(3, 14, "a table is due")]),
            ("[target.trader.thresholds]\nopen_fd = {}\n", &[(4, 1, "unknown metric `open_fd`")]),
            ("[target.trader.thresholds]\nopen_fds = {}\n", &[(4, 12, "without a bound")]),
            (
                "[target.trader.thresholds]\nopen_fds = { warning = 6, critical = 5, fatal = 4 }\n",
                &[(4, 38, "not above `warning` (6)"), (4, 49, "not above `critical` (5)")],
            ),
            (
                "[target.trader.thresholds]\nopen_fds = { warning = \"6\", critical = { at = 5.5, hold = 3 } }\n",
                &[(4, 24, "bare number is due"), (4, 47, "whole number is due"), (4, 59, "no unit")],
            ),
            (
                "[target.trader.thresholds]\n\trss = { elevated = 9, clear = \"1%\", ladder = \"x\" }\n",
                &[(4, 21, "`9` has no unit")],
            ),
            ("[target.trader.thresholds]\nrss = { elevated = \"9MB\", ladder = \"x\" }\n", &[(4, 36, "no ladder `x`")]),
            ("[target.trader.thresholds]\nclose_wait.db = { elevated = 1 }\n", &[(4, 1, "a dot outside of quotes")]),
            (
                "[target.trader.thresholds]\nopen_fds.elevated = 3\nopen_fds.warning = 2\n",
                &[(5, 20, "not above `elevated` (3)")],
            ),
            (
                "[target.trader.thresholds.open_fds]\nelevated = 3\nwarning.at = 2\n",
                &[(5, 14, "not above `elevated` (3)")],
            ),
        ],
    );
}

/// Bounds for two levels and two actions; a case adds its lines 9 and on.
const ACTING: &str = "[target.trader]\nmatch = { unit = \"trader.service\" }\n\
    [target.trader.thresholds]\nopen_fds = { elevated = 300, fatal = 900 }\n\
    [target.trader.actions]\nreset = { signal = \"SIGUSR1\" }\nkill = { kill = {} }\n[target.trader.ladder]\n";

#[test]
fn ladders_and_actions() {
    check(
        ACTING,
        &[
            ("elevated = [\"reset\", \"kill\"]\n", &[]),
            ("elevated = [\"resett\"]\n", &[(9, 13, "no action `resett`")]),
            ("elevated = \"reset\"\n", &[(9, 12, "a list is due")]),
            ("elevated = [\"reset\"]\n", &[(7, 1, "`kill` is never ordered")]),
            ("fatal = [\"kill\", \"reset\", \"kill\"]\n", &[(9, 27, "named twice")]),
            ("fatal = [\"kill\"]\nelevated = [\n  \"reset\",\n  \"rset\" ]\n", &[(12, 3, "no action `rset`")]),
            ("memory.elevated = [\"kill\", \"reset\"]\n", &[(9, 1, "nothing feeds the ladder `memory`")]),
            ("fatal = [\"kill\", \"reset\"]\nwarn = [\"kill\"]\n", &[(10, 1, "unknown level `warn`")]),
        ],
    );
    let deliver = |text: &str| format!("{TARGET}[target.trader.actions.x]\n{text}");
    for (text, place, what) in [
        ("signal = \"SIGUSR1\"\nkill = {}\n", (5, 1), "two deliveries in one action: `signal` and `kill`"),
        ("cooldown = \"1m\"\n", (3, 24), "action `x` delivers nothing"),
        ("http = { post = \"x\" }\n", (4, 17), "`x` is not a URL"),
        ("command = [\"x\"]\n", (4, 12), "`x` is not an absolute path"),
        ("freeze = {}\n", (4, 10), "a freeze without `deadline`"),
        ("kill = {}\nassume_handled = true\n", (5, 1), "`assume_handled` belongs to `signal`"),
        ("kill = {}\nundo = { signal = \"SIGUSR2\" }\n", (5, 1), "a kill cannot be undone"),
        ("signal = \"SIGUSR1\"\nundo_after = \"1m\"\n", (5, 1), "`undo_after` without `undo`"),
        ("signal = \"SIGUSR1\"\nexpect_successor = \"1m\"\n", (5, 1), "`expect_successor` belongs to `kill`"),
        ("kill = { grace = \"45\" }\n", (4, 18), "`45` has no unit"),
    ] {
        let told = told(&parse(&deliver(text)));
        assert_eq!(told.len(), 1, "{text}{told:#?}");
        assert_eq!(((told[0].0, told[0].1), told[0].2.as_str()), (place, what), "{text}");
    }
}

#[test]
fn text_that_is_not_toml() {
    check(
        TARGET,
        &[
            ("settle = 5s\nper = 3\n", &[(3, 10, "`5s` is neither"), (4, 7, "a string is due")]),
            ("settle =\n", &[(3, 9, "the value is missing")]),
            ("settle = \"5s\nmembers = \"some\"\n", &[(3, 13, "not TOML"), (4, 11, "`some` means nothing")]),
            ("settle = [\"5s\"\nmembers = \"some\"\n", &[(3, 10, "`[` is not closed"), (4, 11, "`some`")]),
            ("settle = \"\"\"5s\nmembers = \"some\"\n", &[(3, 10, "`\"\"\"` is not closed"), (4, 11, "`some`")]),
            ("settle = \"5s\"\nsettle = \"6s\"\n", &[(4, 1, "`settle` is written twice")]),
            ("[target.trader]\nper = 3\n", &[(3, 9, "`trader` is written twice"), (4, 7, "a string is due")]),
            ("[target.gateway\nper = 3\n[daemon]\ninterval = 3\n", &[(3, 16, "not TOML"), (6, 12, "no unit")]),
            ("expect = {\n  min = 1,\n  max = 0,\n}\n", &[(3, 10, "`min` is above `max`")]),
        ],
    );
}

#[test]
fn columns_count_characters_and_lines_end_in_either_way() {
    let text = "[daemon]\r\nkill_budget = { \"\u{fc}\u{1f415}\" = 1, max = 1, per = 2 }\r\n";
    let (unknown, unit) = ((2, 17, "unknown key `ü🐕` in kill_budget"), (2, 42, "`2` has no unit"));
    let expected = [unknown, unit].map(|(line, column, what)| (line, column, what.to_owned()));
    assert_eq!(told(&parse(text)), expected);
    assert_eq!(told(&parse(&format!("\u{feff}{text}"))), expected, "a byte order mark is no column");
}
