//! `tradedog incidents`: the folders of evidence that the daemon has kept. Needs neither daemon nor configuration.

use std::path::PathBuf;

use anstyle::Style;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::output::{ERROR, WARNING, fit_to_show};
use super::{Failure, Output};
use crate::model::Trigger;
use crate::record::incident::{Document, IncidentError, Shelf, incidents_path};

/// Longest line shown.
const MOST_CHARS: usize = 4000;
/// The name that means the latest.
const LAST: &str = "last";

/// What to show.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The state directory of the daemon, or its folder incidents; without it, that of the daemon on this host
    #[arg(long, value_name = "DIR", global = true)]
    dir: Option<PathBuf>,
    /// Only incidents of this target
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Print as JSON: a list of the documents, or with show the one
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one incident: what was decided, which files there are, what is missing
    Show(Show),
}

#[derive(Args, Debug)]
struct Show {
    /// Its name, as the list has it; "last" is the latest
    id: String,
    /// Print this file of it, such as descriptors.txt
    file: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let Some(Command::Show(show)) = &arguments.command else { return list(arguments, output) };
    fitting(arguments, show)?;
    let shelf = open(arguments.dir.as_ref())?;
    let id = if show.id == LAST { last(&shelf)? } else { show.id.clone() };
    match &show.file {
        Some(file) => print_file(&shelf, (&id, file), output),
        None if arguments.json => Ok(output.json(&shelf.document(&id).map_err(|error| failure(&error))?)?),
        None => describe(&shelf, &id, output),
    }
}

/// Refuses what says nothing beside `show`: an option before it is not seen there by clap.
fn fitting(arguments: &Arguments, show: &Show) -> Result<(), Failure> {
    if arguments.target.is_some() {
        return Err(Failure::usage("`--target` chooses from the list, and `show` names one incident: leave it out"));
    }
    if arguments.json && show.file.is_some() {
        return Err(Failure::usage("`--json` prints the document of an incident, not a file of it: leave one out"));
    }
    Ok(())
}

fn open(dir: Option<&PathBuf>) -> Result<Shelf, Failure> {
    let place = dir.cloned().or_else(incidents_path);
    let place = place.ok_or_else(|| {
        Failure::usage(
            "nothing says where the incidents are: name the state directory with --dir, or set STATE_DIRECTORY",
        )
    })?;
    Shelf::open(&place).map_err(|error| failure(&error))
}

fn last(shelf: &Shelf) -> Result<String, Failure> {
    shelf.ids().pop().ok_or_else(|| Failure::runtime("there is no incident yet"))
}

fn failure(error: &IncidentError) -> Failure {
    Failure::runtime(error.to_string())
}

/// The oldest first, so that the latest stands where the prompt is.
fn list(wanted: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let shelf = open(wanted.dir.as_ref())?;
    let mut documents = Vec::new();
    for id in shelf.ids() {
        match shelf.document(&id) {
            Ok(document) if wanted.target.as_ref().is_none_or(|target| document.about.target == *target) => {
                documents.push(document);
            }
            Ok(_) => {}
            Err(error) if wanted.json => return Err(failure(&error)),
            Err(error) => output.styled(WARNING, format!("{id}  {}", fit(&error.to_string())))?,
        }
    }
    if wanted.json {
        return Ok(output.json(&documents)?);
    }
    for document in &documents {
        output.styled(style(document), line(document))?;
    }
    if documents.is_empty() {
        output.line("no incidents")?;
    }
    Ok(())
}

/// `20261121T231502.123Z-trader-0-kill  pid 4711  open_fds 905, bound 900  2 things missing`
fn line(document: &Document) -> String {
    let about = &document.about;
    let grounds = about.grounds.as_ref();
    let grounds = grounds.map(|g| format!("  {} {}, bound {}", fit(&g.metric), g.value, g.bound)).unwrap_or_default();
    let missing = match document.missing.len() {
        0 => String::new(),
        1 => "  1 thing missing".to_owned(),
        count => format!("  {count} things missing"),
    };
    format!("{}  pid {}{grounds}{missing}", fit(&document.id), about.pid)
}

fn describe(shelf: &Shelf, id: &str, output: &mut Output) -> Result<(), Failure> {
    let document = shelf.document(id).map_err(|error| failure(&error))?;
    let about = &document.about;
    output.styled(style(&document), fit(&about.decision))?;
    output.line("")?;
    for (name, text) in [
        ("collected", format!("{} in {} ms, {}", fit(&document.at), document.took_millis, when(about.trigger))),
        (
            "process",
            format!(
                "{}[{}], pid {}, since {}",
                fit(&about.target),
                about.process,
                about.pid,
                time(about.started_millis)
            ),
        ),
        ("host", fit(&about.host)),
        ("folder", fit(&shelf.path().join(id).to_string_lossy())),
    ] {
        output.line(format!("{name:<10} {text}"))?;
    }
    if about.dry_run {
        output.line(format!("{:<10} nothing was done, only told", "dry run"))?;
    }
    output.line("")?;
    for (name, count) in &document.counts {
        output.line(format!("{count:>10} {}", fit(name)))?;
    }
    output.line("")?;
    for file in &document.files {
        output.line(format!("{:<18} {:>9}  {}", fit(&file.name), file.bytes, fit(&file.about)))?;
    }
    for missing in &document.missing {
        let needs = missing.needs.as_ref().map_or_else(String::new, |needs| format!("; needs {}", fit(needs)));
        output.styled(WARNING, format!("missing: {}: {}{needs}", fit(&missing.what), fit(&missing.why)))?;
    }
    Ok(())
}

fn print_file(shelf: &Shelf, (id, name): (&str, &str), output: &mut Output) -> Result<(), Failure> {
    let text = shelf.file(id, name).map_err(|error| failure(&error))?;
    for line in text.strip_suffix(b"\n").unwrap_or(&text).split(|byte| *byte == b'\n') {
        let parts: Vec<String> =
            line.split(|byte| *byte == b'\t').map(|part| fit(&String::from_utf8_lossy(part))).collect();
        output.line(parts.join("\t"))?;
    }
    Ok(())
}

fn when(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Critical => "at critical",
        Trigger::Kill => "before a kill",
    }
}

fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn style(document: &Document) -> Style {
    match document.about.trigger {
        Trigger::Kill => ERROR,
        Trigger::Critical => WARNING,
    }
}

/// As it was written, if that is fit to be shown.
fn fit(text: &str) -> String {
    fit_to_show(text, MOST_CHARS)
}

#[cfg(test)]
mod tests;
