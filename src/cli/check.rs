//! `tradedog check`: the configuration by the same code as at the start, then what it means on this
//! host now. It only looks: nothing is sent to anybody.

mod absent;
mod cgroups;
mod containers;
mod deliveries;
mod host;
mod lints;
mod members;
mod readings;
mod signals;

use std::io;

use anstyle::{AnsiColor, Style};
use clap::Args;

use super::live::Live;
use super::lookup::{ConfigFile, shown};
use super::output::{ERROR, WARNING};
use super::unit::Units;
use super::{Failure, Output};
use crate::config::Config;
use crate::model::printable;

/// What to check.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

/// What is told, and how much of it needs attention.
struct Report<'a> {
    output: &'a mut Output,
    warnings: usize,
    errors: usize,
}

impl Report<'_> {
    fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        self.output.line(text)
    }

    /// Something good to know.
    fn note(&mut self, indent: &str, text: impl std::fmt::Display) -> io::Result<()> {
        self.output.line(format!("{indent}note: {text}"))
    }

    /// Something that will not work as it is meant to.
    fn warn(&mut self, indent: &str, text: impl std::fmt::Display) -> io::Result<()> {
        self.warnings += 1;
        self.output.line(format!("{indent}{WARNING}warning:{WARNING:#} {text}"))
    }

    /// Something that must not be so.
    fn error(&mut self, indent: &str, text: impl std::fmt::Display) -> io::Result<()> {
        self.errors += 1;
        self.output.line(format!("{indent}{ERROR}error:{ERROR:#} {text}"))
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    match tell((&config, &Live::look(&config)), &Units::of_host(), output)? {
        0 => Ok(()),
        errors => {
            Err(Failure::usage(format!("the configuration does not fit this host: {}", several(errors, "error"))))
        }
    }
}

/// Tells everything; gives the number of errors.
fn tell((config, live): (&Config, &Live), units: &Units, output: &mut Output) -> io::Result<usize> {
    output.text(&config.warnings.render(true))?;
    let mut report = Report { output, warnings: config.warnings.len(), errors: 0 };
    summary(config, &mut report)?;
    for trouble in live.trouble.iter().filter(|trouble| trouble.target.is_none()) {
        report.warn("", trouble)?;
    }
    host::tell(live, &mut report)?;
    for (index, target) in config.targets.iter().enumerate() {
        report.line("")?;
        members::tell((index, target), (live, units), &mut report)?;
    }
    report.line("")?;
    if report.errors == 0 {
        verdict(&mut report)?;
    }
    Ok(report.errors)
}

/// What was read, and by whose rights the rest is judged.
fn summary(config: &Config, report: &mut Report<'_>) -> io::Result<()> {
    let files: Vec<String> = config.files.iter().map(|path| shown(path)).collect();
    let actions: usize = config.targets.iter().map(|target| target.actions.len()).sum();
    let counts = format!("{}, {}", several(config.targets.len(), "target"), several(actions, "action"));
    report.line(format!("{}: {counts}", files.join(", ")))?;
    if config.daemon.dry_run {
        report.line("dry run: measures will be told of, not taken")?;
    }
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let user = printable(user.as_bytes(), 64);
    report.line(format!("seen with the rights of {user}: the service may have others"))
}

fn verdict(report: &mut Report<'_>) -> io::Result<()> {
    if report.warnings == 0 {
        let style = Style::new().fg_color(Some(AnsiColor::Green.into()));
        return report.output.styled(style, "ok: the configuration can be used");
    }
    let count = several(report.warnings, "warning");
    report.output.styled(WARNING, format!("the configuration can be used, with {count}"))
}

fn several(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
