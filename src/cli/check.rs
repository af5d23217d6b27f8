//! `tradedog check`: the configuration by the same code as at the start, then what it means on this
//! host now. It only looks: nothing is sent to anybody.

mod absent;
mod cgroups;
mod containers;
mod deliveries;
mod host;
mod hours;
mod lints;
mod members;
mod readings;
mod service;
mod signals;
mod web;

use std::io;

use anstyle::{AnsiColor, Style};
use clap::Args;
use nix::unistd::{Uid, User};

use super::live::Live;
use super::lookup::{ConfigFile, shown};
use super::output::{ERROR, WARNING};
use super::unit::Units;
use super::{Failure, Output};
use crate::config::Config;
use crate::discover::Way;
use crate::kernel::{lacks, own_rights, wall_instant};
use crate::model::printable;
use service::Service;
pub(super) use signals::{catches_all, means};

/// What to check.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Judge with the user and the capabilities of that service: its unit, as in tradedog.service, or a
    /// path to the unit's file. Needs root
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
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
    let units = Units::of_host();
    let service = arguments.unit.as_ref().map(|unit| Service::find(unit, &units)).transpose()?;
    if let Some(service) = &service {
        service.take_on()?;
    }
    let file = arguments.file.or(service.as_ref().and_then(Service::configuration));
    let config = file.load().inspect_err(|_| {
        // What cannot be read by one user can by another. The problems follow on standard error.
        let _ = output.line(format!("read {}", whose(service.as_ref())));
    })?;
    match tell((&config, &Live::look(&config)), &units, service.as_ref(), output)? {
        0 => Ok(()),
        errors => {
            Err(Failure::usage(format!("the configuration does not fit this host: {}", several(errors, "error"))))
        }
    }
}

/// Tells everything; gives the number of errors.
fn tell(
    (config, live): (&Config, &Live),
    units: &Units,
    service: Option<&Service>,
    output: &mut Output,
) -> io::Result<usize> {
    output.text(&config.warnings.render(true))?;
    let mut report = Report { output, warnings: config.warnings.len(), errors: 0 };
    summary(config, service, &mut report)?;
    for trouble in live.trouble.iter().filter(|trouble| trouble.target.is_none()) {
        report.warn("", trouble)?;
    }
    host_names(live, &mut report)?;
    host::tell(live, &mut report)?;
    web::tell(&config.web, &mut report)?;
    hours::tell(config, wall_instant(), &mut report)?;
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

/// Whether the host names of peers can be resolved here and now.
fn host_names(live: &Live, report: &mut Report<'_>) -> io::Result<()> {
    live.names.iter().try_for_each(|name| match (name.addresses, &name.trouble) {
        (Some(_), None) => report.line(name),
        (Some(_) | None, Some(_)) => report.warn("", name),
        (None, None) => report.warn("", format!("{name}, and there is no answer yet: does DNS answer?")),
    })
}

/// What was read, and by whose rights the rest is judged.
fn summary(config: &Config, service: Option<&Service>, report: &mut Report<'_>) -> io::Result<()> {
    let files: Vec<String> = config.files.iter().map(|path| shown(path)).collect();
    let actions: usize = config.targets.iter().map(|target| target.actions.len()).sum();
    let counts = format!("{}, {}", several(config.targets.len(), "target"), several(actions, "action"));
    report.line(format!("{}: {counts}", files.join(", ")))?;
    if config.daemon.dry_run {
        report.line("dry run: measures will be told of, not taken")?;
    }
    report.line(format!("seen {}", whose(service)))?;
    report.line(Way::tried())?;
    lacks().iter().try_for_each(|lack| report.warn("", lack))?;
    let walls = service.map(|service| service.walls(config)).unwrap_or_default();
    walls.iter().try_for_each(|wall| report.warn("", wall))
}

/// By whose rights everything is seen.
fn whose(service: Option<&Service>) -> String {
    let rights = own_rights();
    match service {
        Some(service) => format!("with the rights of {}: user {}, {rights}", service.name, service.user),
        None => format!(
            "with the rights of {}, {rights}: the service may have others (check --unit tradedog.service)",
            user(rights.uid)
        ),
    }
}

/// A user by name, or by number where it has none.
fn user(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| printable(user.name.as_bytes(), 64))
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

/// The warnings about a target and its unit.
#[cfg(test)]
pub(super) fn unit_warnings(target: &crate::config::Target, unit: &str, units: &Units) -> Vec<String> {
    lints::unit_warnings(target, unit, units)
}

#[cfg(test)]
mod tests;
