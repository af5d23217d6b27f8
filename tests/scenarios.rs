//! The rules of judging, as scenarios: series of readings in, verdicts out.
//!
//! `tests/scenarios/*.scenario` is the catalogue, a file for each group of rules; `tests/scenarios/README.md`
//! is the language. They are played by the engine of `tradedog backtest`, on configurations that the reader of
//! watchdog.toml has checked. `INSTA_UPDATE=always cargo nextest run --test scenarios` writes the expectations
//! anew from what the code says now: read `git diff` before you believe them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "the test reads the catalogue, fails by panicking, and tells new kinds of events as they are"
)]

#[path = "scenarios/language.rs"]
mod language;
#[path = "scenarios/play.rs"]
mod play;
#[path = "scenarios/tell.rs"]
mod tell;
#[path = "scenarios/tokens.rs"]
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use language::Catalogue;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "scenario")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_ends_as_expected() {
    let bless = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    let mut complaints = Vec::new();
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut catalogue = Catalogue::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        for at in 0..catalogue.scenarios.len() {
            let told = play::play(&catalogue, at).unwrap_or_else(|error| panic!("{name}: {error}"));
            let scenario = &mut catalogue.scenarios[at];
            if scenario.expect != told && !bless {
                let (was, is) = (scenario.expect.join("\n    "), told.join("\n    "));
                complaints.push(format!("{name}: {}\n  expected\n    {was}\n  told\n    {is}", scenario.name));
            }
            scenario.expect = told;
        }
        if bless {
            let written = catalogue.write(&text);
            if written != text {
                fs::write(&path, written).unwrap();
            }
        }
    }
    assert!(complaints.is_empty(), "{} scenarios end otherwise:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn scenarios_are_named_once() {
    let mut seen = BTreeSet::new();
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        for scenario in Catalogue::parse(&text).unwrap().scenarios {
            assert!(seen.insert(scenario.name.clone()), "two scenarios are called {:?}", scenario.name);
        }
    }
    assert!(seen.len() >= 80, "the catalogue has {} scenarios only", seen.len());
}

#[test]
fn what_is_not_the_language_is_refused() {
    for (text, said) in [
        ("scenario x\nopen_fds 1\n", "line 2"),
        ("open_fds: 1\n", "before the first scenario"),
        ("scenario x\nopen_fds: 1\nopen_fds: 2\n", "line 3"),
        ("scenario x\nopen_fds: 1..5\n", "1..5"),
        ("scenario x\nat soon restart\n", "soon"),
        ("config\n    [target.t]\n    match = { comm = \"t\" }\nscenario x\nat 3s dance\nuntil 5s\n", "dance"),
        ("config\n    [daemon\nscenario x\nopen_fds: 1\n", "configuration"),
    ] {
        let catalogue = Catalogue::parse(text);
        let error = catalogue.and_then(|catalogue| play::play(&catalogue, 0)).expect_err(text);
        assert!(error.contains(said), "{said:?} is not in {error:?}");
    }
}
