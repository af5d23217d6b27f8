//! `[incidents]`, and what a target says that belongs into one: `logs`, `evidence`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Table, Value};
use super::super::text::quoted;
use super::super::value::{duration, size};
use super::super::{Incidents, Wanted};
use super::action::command_line;
use crate::model::Command;

/// Default of `evidence = { timeout }`.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most files of one target.
const MOST_LOGS: usize = 8;

pub(super) fn read(value: Value<'_>, report: &mut Report) -> Incidents {
    let mut incidents = Incidents::default();
    let Some(mut table) = value.table("[incidents]", report) else { return incidents };
    if let Some(most) = table.take("max_count").and_then(|value| value.whole(1..=10_000, report)) {
        incidents.max_count = u32::try_from(most).unwrap_or(u32::MAX);
    }
    if let Some(most) = table.take("max_size").and_then(|value| size(value, "16MiB"..="1TiB", report)) {
        incidents.max_size = most;
    }
    table.finish(&keys::INCIDENTS, report);
    incidents
}

/// What a target wants to see in its incidents; none where something of it is wrong.
pub(super) fn wanted(table: &mut Table<'_>, report: &mut Report) -> Option<Wanted> {
    let logs = table.take("logs").map_or(Some(Vec::new()), |value| logs(value, report));
    let command = table.take("evidence").map_or(Some(None), |value| evidence(value, report).map(Some));
    Some(Wanted { logs: logs?, command: command?.map(Into::into) })
}

fn logs(value: Value<'_>, report: &mut Report) -> Option<Vec<PathBuf>> {
    const EXAMPLE: &str = "[\"/var/log/trader.log\"]";
    if value.as_text().is_some() {
        value.refuse("a list", format!("write {EXAMPLE}"), report);
        return None;
    }
    let items = value.list(EXAMPLE, report)?;
    if items.len() > MOST_LOGS {
        report
            .error(value.place, format!("more than {MOST_LOGS} log files"))
            .help("name those that tell most: the end of each is copied before a kill");
        return None;
    }
    let paths: Vec<Option<PathBuf>> = items.iter().map(|item| log(*item, report)).collect();
    paths.into_iter().collect()
}

fn log(value: Value<'_>, report: &mut Report) -> Option<PathBuf> {
    let text = value.text("/var/log/trader.log", report)?;
    let path = Path::new(text);
    if path.is_absolute() && !text.contains('\0') && path.file_name().is_some() {
        return Some(path.to_owned());
    }
    report
        .error(value.place, format!("{} is not the absolute path of a file", quoted(text)))
        .help("write the whole path, such as \"/var/log/trader.log\"; patterns are not expanded");
    None
}

fn evidence(value: Value<'_>, report: &mut Report) -> Option<Command> {
    let mut table =
        value.table("evidence = { command = [\"/usr/bin/py-spy\", \"dump\", \"--pid\", \"{pid}\"] }", report)?;
    let place = table.place;
    let timeout = table.take("timeout").map_or(Some(TIMEOUT), |value| duration(value, "100ms"..="1m", report));
    let command = table.take("command");
    if table.finish(&keys::EVIDENCE, report) && command.is_none() {
        report
            .missing(place, "`evidence` without `command`")
            .help("write { command = [\"/usr/bin/py-spy\", \"dump\", \"--pid\", \"{pid}\"] }");
    }
    let argv = command_line(command?, report)?;
    Some(Command { argv, timeout: timeout? })
}
