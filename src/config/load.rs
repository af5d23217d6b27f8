//! Reads the files: the main one and the drop-ins beside it.
#![expect(clippy::disallowed_methods, reason = "configuration files are read here and nowhere else")]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use super::source::Source;
use super::text::escape;

/// Largest file that is read: far beyond any configuration, small enough for any host.
const LARGEST: u64 = 1 << 20;

/// Most drop-ins that are read.
const DROP_INS: usize = 1000;

/// Why a file was not read.
pub(super) struct Refusal {
    pub what: String,
    pub help: String,
}

/// A file and why its text is not there, if so.
pub(super) struct Loaded {
    pub source: Source,
    pub refusal: Option<Refusal>,
}

impl Loaded {
    fn new(path: PathBuf, text: Result<String, Refusal>) -> Self {
        match text {
            Ok(text) => Self { source: Source::new(path, &text), refusal: None },
            Err(refusal) => Self { source: Source::new(path, ""), refusal: Some(refusal) },
        }
    }
}

/// The main file, then the drop-ins by name.
pub(super) fn read(main: &Path) -> Vec<Loaded> {
    let mut files = vec![Loaded::new(main.to_owned(), text(main))];
    let folder = main.with_file_name("watchdog.d");
    match drop_ins(&folder) {
        Ok(paths) => files.extend(paths.into_iter().map(|path| {
            let text = text(&path);
            Loaded::new(path, text)
        })),
        Err(refusal) => files.push(Loaded::new(folder, Err(refusal))),
    }
    files
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

fn text(path: &Path) -> Result<String, Refusal> {
    // Not blocking: a pipe in the place of a file must not stop the start.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(|error| unreadable(&error))?;
    let found = file.metadata().map_err(|error| unreadable(&error))?;
    if !found.is_file() {
        return Err(Refusal { what: "not a file".to_owned(), help: "name the file itself: watchdog.toml".to_owned() });
    }
    closed(path, found.mode())?;
    bytes(&file).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| Refusal {
            what: format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to()),
            help: "save it as UTF-8".to_owned(),
        })
    })
}

fn bytes(file: &File) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        let what = "larger than 1 MiB".to_owned();
        return Err(Refusal { what, help: "is this the file that was meant?".to_owned() });
    }
    Ok(bytes)
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
    let helps = [
        (io::ErrorKind::NotFound, "name another one by --config"),
        (io::ErrorKind::PermissionDenied, "let the daemon's user read it"),
    ];
    let help = helps.iter().find(|(kind, _)| *kind == error.kind()).map_or("see whether the disk is well", |(_, h)| h);
    Refusal { what: format!("cannot be read: {}", escape(&error.to_string())), help: help.to_owned() }
}
