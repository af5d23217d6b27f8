//! A unit's file and its drop-ins, where systemd does not run (systemd.unit(5), systemd.syntax(7)).
//!
//! Specifiers (`%i`) are left as they are: nothing that is asked of a unit here is written with them.
#![expect(clippy::disallowed_methods, reason = "a command that an operator runs reads unit files itself")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Where unit files are, the strongest first.
pub(super) const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// What a key of a file is called on the bus.
const RENAMED: &[(&str, &[&str])] = &[
    ("RestartSec", &["RestartUSec"]),
    ("TimeoutSec", &["TimeoutStopUSec", "TimeoutStartUSec"]),
    ("TimeoutStopSec", &["TimeoutStopUSec"]),
    ("TimeoutStartSec", &["TimeoutStartUSec"]),
    ("WatchdogSec", &["WatchdogUSec"]),
    ("StartLimitIntervalSec", &["StartLimitIntervalUSec"]),
    ("StartLimitInterval", &["StartLimitIntervalUSec"]),
];

/// Keys whose values add up, a line each; an empty one begins anew, with an empty line.
const LISTS: [&str; 6] = [
    "SuccessExitStatus",
    "RestartPreventExitStatus",
    "RestartForceExitStatus",
    "CapabilityBoundingSet",
    "AmbientCapabilities",
    "SupplementaryGroups",
];

/// Which files said what.
pub(super) type Found = (Vec<PathBuf>, BTreeMap<String, String>);

/// The unit as its files have it; none where there is no file.
///
/// # Errors
/// A clause about a file that cannot be read.
pub(super) fn read(folders: &[PathBuf], name: &str) -> Result<Option<Found>, String> {
    let names = names(name);
    let candidates = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let Some(main) = candidates.into_iter().find(|path| fs::symlink_metadata(path).is_ok()) else { return Ok(None) };
    read_all(main, drop_ins(folders, &names)).map(Some)
}

/// The unit in one file, with the drop-ins of the folder beside it.
///
/// # Errors
/// As [`read`].
pub(super) fn read_one(path: &Path) -> Result<Found, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let beside = drop_ins(&[path.parent().unwrap_or(Path::new("")).to_owned()], name.as_slice());
    read_all(path.to_owned(), beside)
}

fn read_all(main: PathBuf, drop_ins: Vec<PathBuf>) -> Result<Found, String> {
    let files: Vec<PathBuf> = std::iter::once(main).chain(drop_ins).collect();
    let mut properties = BTreeMap::new();
    for file in &files {
        take(&text(file)?, &mut properties);
    }
    Ok((files, properties))
}

/// The name, and for an instance that of its template: `a@b.service`, `a@.service`.
fn names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let (Some((prefix, _)), Some((_, suffix))) = (name.split_once('@'), name.rsplit_once('.')) {
        let template = format!("{prefix}@.{suffix}");
        if template != name {
            names.push(template);
        }
    }
    names
}

/// The drop-ins, by file name; of equal names the one of the strongest folder.
fn drop_ins(folders: &[PathBuf], names: &[String]) -> Vec<PathBuf> {
    let mut found: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for folder in names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(format!("{name}.d")))) {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "conf")) {
                found.entry(name.to_owned()).or_insert_with(|| path.clone());
            }
        }
    }
    found.into_values().collect()
}

fn text(path: &Path) -> Result<String, String> {
    let wrong = |error: &std::io::Error| format!("{} cannot be read: {error}", crate::cli::lookup::shown(path));
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)) {
        // What is not UTF-8 is in no value that is asked for.
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!("{}; it is a broken link", wrong(&error))),
        Err(error) => Err(wrong(&error)),
    }
}

/// Adds the assignments of one file.
fn take(text: &str, properties: &mut BTreeMap<String, String>) {
    for line in logical_lines(text) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), unquoted(value.trim()));
        let renamed = RENAMED.iter().find(|(from, _)| *from == key).map(|(_, to)| *to);
        for name in renamed.unwrap_or(&[key]) {
            match properties.get_mut(*name).filter(|_| LISTS.contains(name) && !value.is_empty()) {
                Some(before) => before.extend(["\n", value]),
                None => drop(properties.insert((*name).to_owned(), value.to_owned())),
            }
        }
    }
}

/// Without comments, and continued lines joined.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        // A comment in the midst of a continued line is passed over.
        if line.starts_with(['#', ';']) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(&format!("{part} ")),
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    lines
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}
