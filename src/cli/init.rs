//! `tradedog init`: looks at running processes, and writes a commented watchdog.toml for them, in dry
//! run, with bounds from what it sees. It only looks: nothing is sent to anybody.
//!
//! What belongs here: looking (`look`, `peers`), proposing (`bounds`, `ladder`), writing (`write`,
//! `text`, `save`). What does not: whether the file is right, which `check` tells.

mod bounds;
mod ladder;
mod look;
mod peers;
mod save;
mod text;
mod write;

use std::path::PathBuf;

use clap::Args;
use nix::unistd::{Uid, User};

use super::live::Live;
use super::lookup::shown as path_shown;
use super::unit::Units;
use super::{Failure, Output};
use crate::config::{self, Source};
use crate::kernel::{Proc, Process};
use crate::model::{Pid, printable};
use text::{name, quoted, shown};

/// Programs that run a script: its name says more than theirs.
const INTERPRETERS: [&str; 7] = ["python", "node", "java", "ruby", "perl", "bash", "sh"];

/// Whom to write it for, and where to.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    whom: Whom,
    /// The name of the target; without it one is made from whom it is for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write it there instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite FILE
    #[arg(long, requires = "output")]
    force: bool,
}

/// Which processes.
#[derive(Args, Debug, Default)]
#[group(required = true, multiple = false)]
struct Whom {
    /// Those of a unit of systemd
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Those of a container, by id or name
    #[arg(long, value_name = "CONTAINER")]
    container: Option<String>,
    /// One process: its unit or container, or its user and program
    #[arg(long, value_name = "PID")]
    pid: Option<i32>,
    /// Those of that name, as `ps -o comm` shows it
    #[arg(long, value_name = "NAME")]
    comm: Option<String>,
    /// As `match` in watchdog.toml: 'cmdline = "trader", user = "trader"'
    #[arg(long = "match", value_name = "KEYS")]
    matching: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let (wanted, matching) = arguments.whom.resolve()?;
    let wanted = match &arguments.name {
        Some(given) if config::is_name(given) => given.clone(),
        Some(given) => {
            let made = name(given, "trader");
            return Err(Failure::usage(format!("{} is no name of a target: write --name {made}", shown(given))));
        }
        None => wanted,
    };
    let seen = look::look(&wanted, &matching, &Units::of_host()).map_err(Failure::Configuration)?;
    if seen.count == 0 {
        return Err(Failure::runtime(format!(
            "no process matches {}: start it first, for the bounds come from what is seen of it",
            printable(matching.as_bytes(), 300)
        )));
    }
    let text = write::document(&seen, env!("CARGO_PKG_VERSION"));
    let Some(path) = &arguments.output else { return Ok(output.text(&text)?) };
    save::save(path, &text, arguments.force)?;
    let path = path_shown(path);
    output.line(format!("written: {path}"))?;
    Ok(output.line(format!("next: tradedog check --config {path}, then tradedog run --config {path}"))?)
}

impl Whom {
    /// A name for the target, and the inline table of its `match`.
    fn resolve(&self) -> Result<(String, String), Failure> {
        if let Some(unit) = &self.unit {
            let unit = if unit.contains('.') { unit.clone() } else { format!("{unit}.service") };
            return Ok((name(&unit, "target"), format!("{{ unit = {} }}", quoted(&unit))));
        }
        if let Some(container) = &self.container {
            return Ok((name(container, "container"), format!("{{ container = {} }}", quoted(container))));
        }
        if let Some(pid) = self.pid {
            return of_pid(pid);
        }
        if let Some(comm) = &self.comm {
            return Ok((name(comm, "target"), with_user(&format!("comm = {}", quoted(comm)))?));
        }
        let keys = self.matching.as_deref().unwrap_or_default();
        if keys.contains(['\n', '\r']) {
            return Err(Failure::usage("--match takes the keys of `match` on one line"));
        }
        let keys = keys.trim().trim_start_matches('{').trim_end_matches('}').trim();
        Ok(("target".to_owned(), format!("{{ {keys} }}")))
    }
}

/// With the user of those who match, if they have one: a kill needs such an anchor.
fn with_user(keys: &str) -> Result<String, Failure> {
    let alone = format!("{{ {keys} }}");
    let head = format!("[target.probe]\nmatch = {alone}\n");
    let config = config::parse(vec![Source::new("match", &head)]).map_err(Failure::Configuration)?;
    let live = Live::look(&config);
    let mut uids = live.roster.members().iter().map(|member| member.facts.uids);
    let first = uids.next();
    Ok(match first.filter(|(real, effective)| real == effective && uids.all(|uid| uid == (*real, *effective))) {
        Some((uid, _)) => format!("{{ {keys}, user = {} }}", quoted(&user(uid))),
        None => alone,
    })
}

/// The name of a user, or its number where it has none that can be written.
fn user(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| uid.to_string())
}

/// By its unit or container where it has one of its own, else by user and program.
fn of_pid(pid: i32) -> Result<(String, String), Failure> {
    let gone = || Failure::runtime(format!("there is no process {pid}, or it may not be seen"));
    let proc = Proc::live().map_err(|error| Failure::runtime(format!("/proc cannot be read: {error}")))?;
    let process = Pid::new(pid).and_then(|pid| proc.open(pid).ok()).ok_or_else(gone)?;
    let status = process.status(&mut Vec::new()).map_err(|_| gone())?;
    let unit = look::unit_of_process(&process);
    if let Some(unit) = unit.as_ref().filter(|unit| unit.ends_with(".service") && !is_of_a_runtime(unit)) {
        return Ok((name(unit, "target"), format!("{{ unit = {} }}", quoted(unit))));
    }
    if let Some(id) = unit.as_deref().and_then(container) {
        return Ok((format!("container_{}", &id[..12]), format!("{{ container = {} }}", quoted(id))));
    }
    let (program, keys) = program(&process);
    Ok((name(&program, "target"), format!("{{ {keys}, user = {} }}", quoted(&user(status.uids.0)))))
}

/// Services whose processes belong to somebody else's work.
fn is_of_a_runtime(unit: &str) -> bool {
    ["docker.service", "containerd.service", "crio.service", "ssh.service", "cron.service"].contains(&unit)
}

/// The id in `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope`.
fn container(unit: &str) -> Option<&str> {
    let id = unit.strip_suffix(".scope")?.rsplit('-').next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// What tells it from others: its script, or its name.
fn program(process: &Process) -> (String, String) {
    let arguments = look::arguments(process);
    let words: Vec<String> =
        arguments.split(|byte| *byte == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let own = words.first().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
    let interpreted = INTERPRETERS.iter().any(|known| own.trim_end_matches(|c: char| !c.is_alphabetic()) == *known);
    let script = words.iter().skip(1).find(|word| !word.is_empty() && !word.starts_with('-'));
    match script.filter(|script| interpreted && printable(script.as_bytes(), 200) == **script) {
        Some(script) => {
            let file = script.rsplit('/').next().unwrap_or(script);
            let file = file.strip_suffix(".py").or_else(|| file.strip_suffix(".js")).unwrap_or(file);
            (file.to_owned(), format!("cmdline = {}", quoted(&regex::escape(script))))
        }
        None => {
            let stat = process.stat(&mut Vec::new()).ok();
            let comm = stat.map(|stat| String::from_utf8_lossy(stat.comm.as_bytes()).into_owned()).unwrap_or_default();
            (comm.clone(), format!("comm = {}", quoted(&comm)))
        }
    }
}

#[cfg(test)]
mod tests;
