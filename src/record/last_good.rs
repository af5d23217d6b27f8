//! The files that were last used as a whole, kept in the state directory: with them the daemon starts
//! when those that are there are not good.
//!
//! One file for each path of a main file, so that another daemon's is never taken for it. It is text: a
//! comment line that says how long the rest is and what its checksum is, then each file behind a comment
//! line of its own. Nobody but its owner may read it, for it names where secrets are; one that others may
//! write is not believed, for it names commands.
//!
//! What belongs here: the file. What does not: whether its content is still good.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use super::folders::{flaw, shown, state_directory, state_path};
use crate::config::Source;

/// The version of the format.
const VERSION: u32 = 1;

/// Largest file that is written or read.
const LARGEST: u64 = 64 << 20;

/// What is made is for its owner alone.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);

/// How each line begins that is not of the files themselves.
const MARK: &[u8] = b"# ";

/// Files that were used, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// The main one first, under the paths that were asked for.
    pub sources: Vec<Source>,
    /// When they were kept.
    pub kept: SystemTime,
}

/// Why there is none to be used.
#[derive(Debug, thiserror::Error)]
#[error("the last good configuration in {} {why}", shown(path))]
pub struct LastGoodError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, in words that follow its name.
    pub why: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    tradedog_last_good: u32,
    bytes: u64,
    crc32: u32,
}

/// Of one file: the absolute path of the main one, the name of a drop-in.
#[derive(Serialize, Deserialize)]
struct Part {
    file: String,
    bytes: usize,
}

impl LastGood {
    /// Those that a daemon of this user last used with that main file; none where it never did.
    ///
    /// # Errors
    ///
    /// There is a file, and it cannot be read or not be believed.
    pub fn read(main: &Path) -> Result<Option<Self>, LastGoodError> {
        match state_path() {
            Some(folder) => Self::read_from(&folder, main),
            None => Ok(None),
        }
    }

    fn read_from(folder: &Path, main: &Path) -> Result<Option<Self>, LastGoodError> {
        let name = name_of(main);
        let path = folder.join(&name);
        let (bytes, kept) = match read(folder, &name) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(why) => return Err(LastGoodError { path, why }),
        };
        match unwrap(&bytes, main) {
            Ok(sources) => Ok(Some(Self { sources, kept })),
            Err(why) => Err(LastGoodError { path, why }),
        }
    }

    /// Keeps `sources`, the main one first, in place of those that were kept. Waits for the disk.
    ///
    /// # Errors
    ///
    /// A sentence that says what is not kept, why, and what to do.
    pub fn keep(sources: &[Source]) -> Result<(), String> {
        let told =
            |why: String| format!("{why}; until that is mended, tradedog cannot start when its files are not good");
        let nowhere =
            || told("nothing says where the last good configuration is to be kept: set STATE_DIRECTORY".to_owned());
        let folder = state_directory().map_err(|error| told(error.to_string()))?.ok_or_else(nowhere)?;
        let kept = Self::keep_in(&folder, sources);
        kept.map_err(|why| told(format!("the configuration cannot be kept in {}: {why}", shown(&folder))))
    }

    fn keep_in(folder: &Path, sources: &[Source]) -> Result<(), String> {
        let Some(main) = sources.first() else { return Ok(()) };
        let name = name_of(&main.path);
        let bytes = wrap(sources).map_err(|error| error.to_string())?;
        // The age of what is there is told when it is used: it is written anew although it is the same.
        let folder = open_folder(folder)?;
        let mut new = name.clone();
        new.push(".new");
        let written = write(&folder, (&new, &name), &bytes);
        if written.is_err() {
            // A full disk should have the room back.
            let _ = unlinkat(&folder, &new, AtFlags::empty());
        }
        written.map_err(|error| error.to_string())
    }
}

/// `watchdog.toml.1a2b3c4d.good`, the number being of the absolute path.
fn name_of(main: &Path) -> OsString {
    let path = absolute(main);
    let number = crc32fast::hash(path.as_os_str().as_bytes());
    let mut name = path.file_name().unwrap_or(OsStr::new("watchdog.toml")).to_owned();
    name.push(format!(".{number:08x}.good"));
    name
}

fn absolute(main: &Path) -> PathBuf {
    // It fails for the empty path and without a working directory.
    std::path::absolute(main).unwrap_or_else(|_| main.to_owned())
}

fn wrap(sources: &[Source]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let path = if index == 0 {
            absolute(&source.path)
        } else {
            source.path.file_name().map(PathBuf::from).unwrap_or_default()
        };
        let part = Part { file: path.to_string_lossy().into_owned(), bytes: source.text.len() };
        body.extend_from_slice(MARK);
        serde_json::to_writer(&mut body, &part)?;
        body.push(b'\n');
        body.extend_from_slice(source.text.as_bytes());
        body.push(b'\n');
    }
    let header = Header { tradedog_last_good: VERSION, bytes: body.len() as u64, crc32: crc32fast::hash(&body) };
    if header.bytes >= LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "together its files are larger than 64 MiB"));
    }
    let mut bytes = MARK.to_vec();
    serde_json::to_writer(&mut bytes, &header)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn unwrap(bytes: &[u8], main: &Path) -> Result<Vec<Source>, String> {
    let (header, mut rest) =
        line::<Header>(bytes).ok_or("does not begin as tradedog's own, or is of another version")?;
    if header.tradedog_last_good != VERSION {
        return Err(format!("is of another version of tradedog (format {})", header.tradedog_last_good));
    }
    if rest.len() as u64 != header.bytes || crc32fast::hash(rest) != header.crc32 {
        return Err("is not as it was written".to_owned());
    }
    let damaged = || "is damaged".to_owned();
    let mut sources: Vec<Source> = Vec::new();
    while !rest.is_empty() {
        let (part, after) = line::<Part>(rest).ok_or_else(damaged)?;
        let text = after.get(..part.bytes).and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(damaged)?;
        let path = if sources.is_empty() {
            if part.file != absolute(main).to_string_lossy() {
                return Err(format!("is of another file: {}", shown(Path::new(&part.file))));
            }
            main.to_owned()
        } else {
            main.with_file_name("watchdog.d").join(&part.file)
        };
        sources.push(Source { path, text: text.to_owned() });
        rest = after.get(part.bytes + 1..).ok_or_else(damaged)?;
    }
    if sources.is_empty() { Err(damaged()) } else { Ok(sources) }
}

/// The marked line that `bytes` begins with, and what is behind it.
fn line<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let said = bytes.get(..end)?.strip_prefix(MARK)?;
    Some((serde_json::from_slice(said).ok()?, bytes.get(end + 1..)?))
}

fn open_folder(folder: &Path) -> Result<OwnedFd, String> {
    let descriptor = openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let descriptor = descriptor.map_err(|errno| errno.to_string())?;
    let found = fstat(&descriptor).map_err(|errno| errno.to_string())?;
    flaw(&found, 0o022).map_or(Ok(descriptor), |why| Err(format!("the folder {why}")))
}

/// The bytes of the file, and when it was written.
fn read(folder: &Path, name: &OsStr) -> Result<Option<(Vec<u8>, SystemTime)>, String> {
    let folder = match openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(_) => open_folder(folder)?,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(format!("cannot be read: {errno}")),
    };
    // Not blocking: a pipe in the place of the file must not stop the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(&folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(format!("cannot be read: {errno}")),
    };
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let found = fstat(&file).map_err(|errno| unreadable(errno.into()))?;
    foreign(&found).map_or(Ok(()), Err)?;
    let mut bytes = Vec::new();
    (&file).take(LARGEST + 4096).read_to_end(&mut bytes).map_err(unreadable)?;
    let seconds = u64::try_from(found.st_mtime).unwrap_or(0);
    Ok(Some((bytes, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))))
}

/// What speaks against believing the file, in words that follow its name.
fn foreign(found: &Stat) -> Option<String> {
    let mode = found.st_mode & 0o7777;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Some("is no file".to_owned());
    }
    if ![0, geteuid().as_raw()].contains(&found.st_uid) {
        return Some(format!("belongs to user {}", found.st_uid));
    }
    (mode & 0o022 != 0).then(|| format!("may be written by others than its owner (mode {mode:04o})"))
}

fn write(folder: &OwnedFd, (new, name): (&OsStr, &OsStr), bytes: &[u8]) -> io::Result<()> {
    match unlinkat(folder, new, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, new, flags, OWN)?);
    file.write_all(bytes)?;
    // It is for the day on which the host comes up again and the files are not good.
    fsync(&file)?;
    Ok(renameat(folder, new, folder, name)?)
}

#[cfg(test)]
mod tests;
