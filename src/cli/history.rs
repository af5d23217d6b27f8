//! `tradedog history`: what happened and what was read, as the daemon has kept it. Needs neither daemon nor
//! configuration.

mod samples;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anstyle::Style;
use clap::Args;
use jiff::Timestamp;

use super::output::{ERROR, WARNING, fit_to_show};
use super::{Failure, Output};
use crate::config::units;
use crate::kernel;
use crate::record::history::{Entry, Filter, HistoryError, Reader, SampleFilter, Verdict, history_path};

/// Longest text shown.
const MOST_CHARS: usize = 2000;

/// What to show.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// Folder of history.db, or the file itself; without it, the state directory of the daemon
    #[arg(value_name = "DIR")]
    place: Option<PathBuf>,
    /// Only what happened since then: a span until now ("2h") or a time ("2026-11-21T09:30:00Z")
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Only events or samples of this target
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only events of this kind, such as ordered, held, ended or level
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Print a list of the events, as JSON
    #[arg(long)]
    json: bool,
    /// Look whether events are missing or were changed; exit status 1 if so
    #[arg(long, conflicts_with_all = ["since", "target", "kind", "json"])]
    verify: bool,
    /// Print what was read instead, every 10 s, as the CSV that `tradedog backtest --series` reads
    #[arg(long, conflicts_with_all = ["kind", "json", "verify"])]
    samples: bool,
}

/// Since when.
#[derive(Clone, Copy, Debug)]
enum Since {
    Ago(Duration),
    Time(Timestamp),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(span) = text.parse::<units::Duration>() {
        return Ok(Since::Ago(span.0));
    }
    text.parse().map(Since::Time).map_err(|_| {
        "write a span such as \"2h\" or \"30m\", or a time such as \"2026-11-21T09:30:00Z\" (RFC 3339)".to_owned()
    })
}

impl Since {
    fn unix_millis(self) -> i64 {
        match self {
            Self::Time(time) => time.as_millisecond(),
            Self::Ago(span) => {
                let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                kernel::wall_instant().as_millisecond().saturating_sub(span)
            }
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let place = arguments.place.clone().or_else(history_path);
    let place = place.ok_or_else(|| {
        Failure::usage("nothing says where the history is: name the folder of history.db, or set STATE_DIRECTORY")
    })?;
    let reader = Reader::open(&place).map_err(failure)?;
    if arguments.verify {
        return verify(&reader, output);
    }
    if arguments.samples {
        let since = arguments.since.map(Since::unix_millis);
        let filter = SampleFilter { since, until: None, target: arguments.target.clone() };
        return samples::print(reader, filter, output);
    }
    let filter = Filter {
        since: arguments.since.map(Since::unix_millis),
        target: arguments.target.clone(),
        kind: arguments.kind.clone(),
    };
    if arguments.json { list(&reader, &filter, output) } else { print(&reader, &filter, output) }
}

fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::Told(error) => error.into(),
        HistoryError::Missing { .. } | HistoryError::Unreadable { .. } => Failure::runtime(error.to_string()),
    }
}

fn verify(reader: &Reader, output: &mut Output) -> Result<(), Failure> {
    match reader.verify().map_err(failure)? {
        Verdict::Sound { count, first, hash } => {
            let plural = if count == 1 { "" } else { "s" };
            let last = first + count - 1;
            output.line(format!(
                "ok: {count} event{plural}, {first} to {last}, none missing and none changed; the last has hash {hash}"
            ))?;
        }
        Verdict::Broken { why, .. } => {
            return Err(Failure::runtime(format!("the history is not as it was written: {why}")));
        }
    }
    Ok(())
}

fn print(reader: &Reader, filter: &Filter, output: &mut Output) -> Result<(), Failure> {
    reader.each(filter, |entry| output.styled(style(&entry), line(&entry))).map_err(failure)
}

/// A list, each event on a line of its own.
fn list(reader: &Reader, filter: &Filter, output: &mut Output) -> Result<(), Failure> {
    let mut before = "[\n";
    let told = reader.each(filter, |entry| {
        let text = serde_json::to_string(&entry).map_err(io::Error::from)?;
        output.text(std::mem::replace(&mut before, ",\n"))?;
        output.text(&text)
    });
    told.map_err(failure)?;
    output.text(if before == "[\n" { "[]\n" } else { "\n]\n" })?;
    Ok(())
}

/// `2026-11-21T11:10:22.636Z  WARN order 17: ...`, as in the log.
fn line(entry: &Entry) -> String {
    let time = Timestamp::from_millisecond(entry.at).unwrap_or_default();
    let severity = match &*entry.severity {
        "info" => " INFO",
        "warning" => " WARN",
        "error" => "ERROR",
        _ => "    ?",
    };
    format!("{} {severity} {}", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), fit(&entry.text))
}

/// As it was written, if that is fit to be shown.
fn fit(text: &str) -> String {
    fit_to_show(text, MOST_CHARS)
}

fn style(entry: &Entry) -> Style {
    match &*entry.severity {
        "error" => ERROR,
        "warning" => WARNING,
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests;
