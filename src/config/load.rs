//! Reads the files: the main one and the drop-ins beside it.
#![expect(clippy::disallowed_methods, reason = "configuration files are read here and nowhere else")]

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::iter;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use nix::libc;

use super::source::Source;
use super::text::escape;

/// Largest file that is read: far beyond any configuration, small enough for any host.
const LARGEST: u64 = 1 << 20;

/// Most drop-ins that are read.
const DROP_INS: usize = 1000;

/// Why a file is not good enough, whatever it says.
pub(super) struct Refusal {
    pub what: String,
    pub help: String,
}

/// A file as it was found.
pub(super) struct Loaded {
    /// Its text; empty where it could not be read.
    pub source: Source,
    /// Why it is refused.
    pub refusal: Option<Refusal>,
    /// What speaks against believing it, though it is used.
    pub doubts: Vec<Refusal>,
}

impl Loaded {
    /// A text that is in memory.
    pub(super) const fn of(source: Source) -> Self {
        Self { source, refusal: None, doubts: Vec::new() }
    }
}

/// The main file, then the drop-ins by name.
pub(super) fn read(main: &Path) -> Vec<Loaded> {
    let folder = main.with_file_name("watchdog.d");
    let (drop_ins, refusal) = match drop_ins(&folder) {
        Ok(paths) => (paths, None),
        Err(refusal) => (Vec::new(), Some(refusal)),
    };
    let mut files: Vec<Loaded> = iter::once(main.to_owned()).chain(drop_ins).map(file).collect();
    files.extend(refusal.map(|refusal| Loaded { refusal: Some(refusal), ..Loaded::of(Source::new(folder, "")) }));
    if let Some(first) = files.first_mut() {
        first.doubts.extend(replaceable(main));
    }
    files
}

fn file(path: PathBuf) -> Loaded {
    let mut text = String::new();
    // What it says is checked even where it is refused: the next start should not find the next problem.
    let (found, refusal) = match fill(&path, &mut text) {
        Ok(found) => (Some(found), None),
        Err(refusal) => (None, Some(refusal)),
    };
    let doubts = found.and_then(|found| strange(&path, found.uid())).into_iter().collect();
    Loaded { source: Source::new(path, &text), refusal, doubts }
}

/// Whoever owns a file says what is done to processes, with the rights of the daemon.
fn strange(path: &Path, uid: u32) -> Option<Refusal> {
    if [0, rustix::process::geteuid().as_raw()].contains(&uid) {
        return None;
    }
    Some(Refusal {
        what: format!("it belongs to user {uid}, who thereby says what is done with the rights of this daemon"),
        help: format!("chown root {}", escape(&path.to_string_lossy())),
    })
}

/// Whether somebody else could put another file in the place of this one.
fn replaceable(path: &Path) -> Option<Refusal> {
    const STICKY: u32 = 0o1000;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = fs::metadata(folder).ok()?;
    let open = found.mode() & 0o002 != 0 && found.mode() & STICKY == 0;
    let shown = escape(&folder.to_string_lossy());
    open.then(|| Refusal {
        what: format!(
            "anybody may put another file in its place (mode {:04o} of its folder), and it names measures",
            found.mode() & 0o7777
        ),
        help: format!("chmod o-w {shown}"),
    })
}

/// The `*.toml` of the folder, sorted; a hidden one is somebody's editor.
fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, Refusal> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
        Ok(found) => closed(folder, found.mode())?,
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let names = entries.map_err(|error| unreadable(&error))?.into_iter().map(|entry| PathBuf::from(entry.file_name()));
    let hidden = |name: &Path| name.as_os_str().as_encoded_bytes().starts_with(b".");
    let mut names: Vec<PathBuf> =
        names.filter(|name| name.extension() == Some(OsStr::new("toml")) && !hidden(name)).collect();
    if names.len() > DROP_INS {
        let what = format!("more than {DROP_INS} drop-ins");
        return Err(Refusal { what, help: "is this the folder that was meant?".to_owned() });
    }
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn fill(path: &Path, text: &mut String) -> Result<fs::Metadata, Refusal> {
    // Not blocking: a pipe in the place of a file must not stop the start.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(|error| unreadable(&error))?;
    let found = file.metadata().map_err(|error| unreadable(&error))?;
    if !found.is_file() {
        return Err(Refusal { what: "not a file".to_owned(), help: "name the file itself: watchdog.toml".to_owned() });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        let what = "larger than 1 MiB".to_owned();
        return Err(Refusal { what, help: "is this the file that was meant?".to_owned() });
    }
    *text = String::from_utf8(bytes).map_err(|error| not_utf8(&error))?;
    closed(path, found.mode()).map(|()| found)
}

fn not_utf8(error: &FromUtf8Error) -> Refusal {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    Refusal { what: format!("not UTF-8 in line {line}"), help: "save it as UTF-8".to_owned() }
}

/// Refuses what others than its owner may write: it names what will be done to processes.
fn closed(path: &Path, mode: u32) -> Result<(), Refusal> {
    if mode & 0o022 == 0 {
        return Ok(());
    }
    Err(Refusal {
        what: format!("others than its owner may write it (mode {:04o}), and it names measures", mode & 0o7777),
        help: format!("chmod go-w {}", escape(&path.to_string_lossy())),
    })
}

fn unreadable(error: &io::Error) -> Refusal {
    let path = "is the path right, and does no link lead nowhere? tradedog init writes a new one";
    let helps = [
        (io::ErrorKind::NotFound, path),
        (io::ErrorKind::NotADirectory, path),
        (io::ErrorKind::InvalidFilename, path),
        (io::ErrorKind::PermissionDenied, "let the user that tradedog runs as read it"),
    ];
    let help = helps.iter().find(|(kind, _)| *kind == error.kind()).map_or("see whether the disk is well", |(_, h)| h);
    Refusal { what: format!("cannot be read: {}", escape(&error.to_string())), help: help.to_owned() }
}
