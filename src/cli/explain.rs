//! `tradedog explain`: what a word of the configuration, the metrics, the log or the page means, and
//! what to do when it is seen.
//!
//! What belongs here: texts for people, one screen each, and which of them a word asks for. What does
//! not: anything that looks at the host.

mod action;
mod entry;
mod keys;
mod metrics;
mod outcomes;
mod reasons;
mod words;

use std::collections::BTreeSet;

use clap::Args;

use super::lookup::ConfigFile;
use super::{Failure, Output};
use crate::config::{Config, nearest};
use crate::model::{Base, METRICS, Metric, printable};
use entry::{Entry, wrapped};

/// Longest word that is shown.
const MOST_CHARS: usize = 64;

/// What to explain.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A metric, an action (ACTION or TARGET.ACTION), a reason, an outcome, a level, a key; without it
    /// all words are listed
    #[arg(value_name = "WORD")]
    word: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load_if_there()?;
    let Some(word) = &arguments.word else { return Ok(output.text(&list(config.as_ref()))?) };
    let entries = entries(word, config.as_ref());
    if entries.is_empty() {
        return Err(unknown(word, config.as_ref()));
    }
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        entry.print(output)?;
    }
    Ok(())
}

/// Everything that goes by that name, what is configured first.
fn entries(word: &str, config: Option<&Config>) -> Vec<Entry> {
    let mut entries = config.map(|config| action::entries(word, config)).unwrap_or_default();
    let word = plain(word);
    entries.extend(metric(&word, config));
    entries.extend(words::entry(&word));
    // What a delivery or a metric is says more than the line of the shipped file that uses it.
    let said = entries.len();
    entries.extend(reasons::entry(&word));
    entries.extend(outcomes::entry(&word));
    entries.extend(keys::entry(&word).filter(|_| said == 0));
    entries
}

/// As it is written: `CLOSE-WAIT` is `close_wait`, `tradedog_dry_run` is `dry_run`.
fn plain(word: &str) -> String {
    let word = word.trim().to_lowercase().replace('-', "_");
    word.strip_prefix("tradedog_").unwrap_or(&word).trim_end_matches('=').to_owned()
}

/// A metric, with or without peer.
fn metric(word: &str, config: Option<&Config>) -> Option<Entry> {
    let metric = Metric::try_from(word.to_owned()).ok()?;
    let known = metric.peer.is_none() || metric.info().per_peer;
    known.then(|| metrics::entry(&metric, config))
}

/// All names by kind.
fn names(config: Option<&Config>) -> Vec<(&'static str, Vec<String>)> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut all = vec![
        ("Metrics", METRICS.iter().map(|row| row.name.to_owned()).collect()),
        ("Levels", owned(words::LEVELS.to_vec())),
        ("Deliveries", owned(words::DELIVERIES.to_vec())),
        ("Outcomes", owned(outcomes::names())),
        ("Brakes", owned(reasons::names(reasons::Kind::Brake))),
        ("Vetoes", owned(reasons::names(reasons::Kind::Veto))),
        ("Failures", owned(reasons::names(reasons::Kind::Failure))),
        ("Words", owned(words::names())),
        ("Keys", keys::names()),
    ];
    let actions = config.map(action::names).unwrap_or_default();
    if !actions.is_empty() {
        all.insert(0, ("Actions", actions));
    }
    all
}

/// All names, wrapped.
fn list(config: Option<&Config>) -> String {
    let mut text = String::from("tradedog explain WORD, where WORD is one of these:\n");
    for (kind, names) in names(config) {
        text.push_str(&wrapped((kind, names.join(" "))));
    }
    text
}

fn unknown(word: &str, config: Option<&Config>) -> Failure {
    let shown = printable(word.as_bytes(), MOST_CHARS);
    let names: BTreeSet<String> = names(config).into_iter().flat_map(|(_, names)| names).collect();
    let plain = plain(word);
    let head = plain.split('.').next().unwrap_or_default();
    let near = [plain.as_str(), head].into_iter().find_map(|word| nearest(word, names.iter().map(String::as_str)));
    let peerless = Base::by_name(head).is_some() && plain.contains('.');
    let hint = match near {
        Some(near) if peerless => format!("; {near} is not counted by peer"),
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    Failure::usage(format!("nothing is called {shown}{hint}\n{}", list(config).trim_end()))
}

#[cfg(test)]
mod tests;
