//! The fuzz targets over their corpus, and over what a few changes make of it: as far as a short run gets on a
//! stable compiler. `cargo fuzz` looks further: fuzz/README.md.
#![expect(unused_attributes, reason = "a fuzz target is a program of its own; here it is a module")]
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests read their own files and fail by panicking; so do fuzz targets"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

// What a fuzz target takes from libfuzzer-sys is found here instead.
extern crate self as libfuzzer_sys;

/// How often each file of the corpus is changed.
const CASES: u32 = 400;

/// One change of bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    /// What stands at one place stands at another, too.
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        // Numbers that are too large, and what ends or begins something.
        let telling = prop::sample::select(vec![
            "18446744073709551616",
            "-1",
            "9223372036854775807",
            "1e308",
            "nan",
            "\0",
            "\n",
            "\"",
            ") R ",
            "[",
            "{",
            "\u{202e}",
        ]);
        let piece =
            prop_oneof![telling.prop_map(|text| text.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 1..8),];
        prop_oneof![
            (place(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (place(), piece).prop_map(|(at, piece)| Self::Insert(at, piece)),
            place().prop_map(Self::Cut),
            (place(), 1_usize..16).prop_map(|(at, count)| Self::Remove(at, count)),
            (place(), place(), 1_usize..64).prop_map(|(from, to, count)| Self::Copy(from, to, count)),
        ]
    }

    fn make(&self, bytes: &mut Vec<u8>) {
        let at = |place: &prop::sample::Index| place.index(bytes.len() + 1);
        match self {
            Self::Set(place, byte) => {
                let at = at(place);
                bytes.get_mut(at).into_iter().for_each(|there| *there = *byte);
            }
            Self::Insert(place, piece) => {
                let at = at(place);
                bytes.splice(at..at, piece.iter().copied());
            }
            Self::Cut(place) => bytes.truncate(at(place)),
            Self::Remove(place, count) => {
                let (from, to) = (at(place), (at(place) + count).min(bytes.len()));
                bytes.drain(from..to);
            }
            Self::Copy(from, to, count) => {
                let (from, to) = (at(from), at(to));
                let piece = bytes[from..(from + count).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a target over each file of its corpus, as it is and changed. The changes are the same each time.
fn run_over_corpus(target: &str, run: fn(&[u8])) {
    let files = corpus(target);
    assert!(!files.is_empty(), "fuzz/corpus/{target} is empty");
    for file in files {
        let seed = std::fs::read(&file).unwrap();
        run(&seed);
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let changes = prop::collection::vec(Change::any(), 1..6);
        let outcome = runner.run(&changes, |changes| {
            let mut bytes = seed.clone();
            changes.iter().for_each(|change| change.make(&mut bytes));
            run(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// Each file of `fuzz/fuzz_targets`; `every_target_is_here` sees that none is missing.
#[path = "../fuzz/fuzz_targets"]
mod targets {
    pub(crate) mod config;
    pub(crate) mod control;
    pub(crate) mod net_tcp;
    pub(crate) mod printable;
    pub(crate) mod proc;
    pub(crate) mod proc_events;
    pub(crate) mod samples;
    pub(crate) mod series;
    pub(crate) mod sock_diag;
    pub(crate) mod state;
}

// Behind the targets, so that it reaches them through their import alone.
/// Makes a function of what libfuzzer-sys makes a program of.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub(crate) fn run($bytes: &[u8]) $body
    };
    (|$text:ident: &str| $body:block) => {
        pub(crate) fn run(bytes: &[u8]) {
            let Ok($text) = std::str::from_utf8(bytes) else { return };
            $body
        }
    };
    (|$both:ident: (&[u8], &[u8])| $body:block) => {
        pub(crate) fn run(bytes: &[u8]) {
            let $both = bytes.split_at(bytes.len() / 2);
            $body
        }
    };
}

/// A target by its name.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 10] = [
    ("config", targets::config::run),
    ("control", targets::control::run),
    ("net_tcp", targets::net_tcp::run),
    ("printable", targets::printable::run),
    ("proc", targets::proc::run),
    ("proc_events", targets::proc_events::run),
    ("samples", targets::samples::run),
    ("series", targets::series::run),
    ("sock_diag", targets::sock_diag::run),
    ("state", targets::state::run),
];

#[test]
fn every_target_is_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, TARGETS.map(|(name, _)| name));
    let program = |name: &str| format!("path = \"fuzz_targets/{name}.rs\"");
    let programs = include_str!("../fuzz/Cargo.toml");
    assert!(TARGETS.iter().all(|(name, _)| programs.contains(&program(name))));
}

#[test]
fn config() {
    run_over_corpus("config", targets::config::run);
}

#[test]
fn control() {
    run_over_corpus("control", targets::control::run);
}

#[test]
fn net_tcp() {
    run_over_corpus("net_tcp", targets::net_tcp::run);
}

#[test]
fn printable() {
    run_over_corpus("printable", targets::printable::run);
}

#[test]
fn proc() {
    run_over_corpus("proc", targets::proc::run);
}

#[test]
fn proc_events() {
    run_over_corpus("proc_events", targets::proc_events::run);
}

#[test]
fn samples() {
    run_over_corpus("samples", targets::samples::run);
}

#[test]
fn series() {
    run_over_corpus("series", targets::series::run);
}

#[test]
fn sock_diag() {
    run_over_corpus("sock_diag", targets::sock_diag::run);
}

#[test]
fn state() {
    run_over_corpus("state", targets::state::run);
}
