//! Where the daemon keeps what must outlive it, and where its control socket is.
//!
//! What belongs here: the one look at the environment that it takes to know. What does not: what is
//! in the folder.
#![expect(clippy::disallowed_methods, reason = "the environment is asked for folders here and nowhere else")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, DirEntry, FileType, Mode, OFlags, Stat, fchmod, fstat, lstat, openat, stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::model::printable;

/// Longest path that is shown in a sentence.
const MOST_CHARS: usize = 200;

/// The folder of root's daemon, and of the one that systemd starts.
const OF_HOST: &str = "/run/tradedog";

/// Open to all by their purpose, whoever owns them.
const EVERYBODYS: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock"];

/// Why there is no folder to keep anything in.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there and cannot be made, or cannot be looked at.
    #[error(
        "the {} directory {} cannot be made: {error}; set {} to a folder that it can be",
        which.name(), shown(path), which.variable()
    )]
    Missing {
        /// What for.
        which: Which,
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody else could change what is in it, and it names commands.
    #[error(
        "the {} directory {} {why}: set {} to another folder, or remove this one",
        which.name(), shown(path), which.variable()
    )]
    Unsafe {
        /// What for.
        which: Which,
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What is of this boot: the state file, the control socket.
    Runtime,
    /// What is of this host: the last good configuration.
    State,
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::State => "state",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "RUNTIME_DIRECTORY",
            Self::State => "STATE_DIRECTORY",
        }
    }
}

/// The folder of the state file and the control socket, made if it is not there: with mode 0750, for
/// the group may use the socket, and what is in the file it may not read.
///
/// The first of systemd's `RUNTIME_DIRECTORY`; else root's `/run/tradedog`; else `tradedog` in
/// `XDG_RUNTIME_DIR`; else a folder of this user in the system's folder for temporary files.
///
/// # Errors
///
/// Where it cannot be made, and where another user than root could write in it.
pub fn runtime_directory() -> Result<PathBuf, FolderError> {
    ready(Place::of(|name| env::var_os(name), geteuid().as_raw()))
}

/// The folder of what outlives the boot, made if it is not there; none where nothing says where.
///
/// The first of systemd's `STATE_DIRECTORY`; else root's `/var/lib/tradedog`; else `tradedog` in
/// `XDG_STATE_HOME` or in `.local/state` of `HOME`.
///
/// # Errors
///
/// As [`runtime_directory`].
pub(super) fn state_directory() -> Result<Option<PathBuf>, FolderError> {
    state_place().map(ready).transpose()
}

/// As [`state_directory`], whether it is there or not.
pub(super) fn state_path() -> Option<PathBuf> {
    state_place().map(|place| place.path)
}

fn state_place() -> Option<Place> {
    Place::of_state(|name| env::var_os(name), geteuid().as_raw())
}

/// As [`runtime_directory`], whether it is there or not.
pub fn runtime_path() -> PathBuf {
    Place::of(|name| env::var_os(name), geteuid().as_raw()).path
}

/// Where the running daemon is that this user would ask: his own, if there is one with that socket, else
/// the host's.
pub fn daemon_path(socket: &str) -> PathBuf {
    let own = Place::of(|name| env::var_os(name), geteuid().as_raw()).path;
    asked(own, Path::new(OF_HOST), socket)
}

fn asked(own: PathBuf, host: &Path, socket: &str) -> PathBuf {
    // One that this user may not look at is there as well.
    let is_there = |path: &Path| !matches!(lstat(path), Err(Errno::NOENT | Errno::NOTDIR));
    let host_is_meant = || is_there(&host.join(socket)) || !is_there(&own);
    if !is_there(&own.join(socket)) && host_is_meant() { host.to_owned() } else { own }
}

/// Where the folder is, and how much of the way there is made too.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    which: Which,
    path: PathBuf,
    /// Whether others may make names beside it, and so before it.
    in_public: bool,
}

impl Place {
    fn of(variable: impl Fn(&str) -> Option<OsString>, uid: u32) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let given = variable("RUNTIME_DIRECTORY").and_then(|value| first(&value)).map(PathBuf::from);
        let own = || (uid == 0).then(|| PathBuf::from(OF_HOST));
        // The specification wants an absolute path, and others ignored.
        let xdg = || variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        match given.or_else(own).or_else(|| Some(xdg()?.join("tradedog"))) {
            Some(path) => Self { which: Which::Runtime, path, in_public: false },
            None => {
                let path = env::temp_dir().join(format!("tradedog-{uid}"));
                Self { which: Which::Runtime, path, in_public: true }
            }
        }
    }

    fn of_state(variable: impl Fn(&str) -> Option<OsString>, uid: u32) -> Option<Self> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let given = variable("STATE_DIRECTORY").and_then(|value| first(&value)).map(PathBuf::from);
        let own = || (uid == 0).then(|| PathBuf::from("/var/lib/tradedog"));
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let xdg = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let path = given.or_else(own).or_else(|| Some(xdg()?.join("tradedog")))?;
        Some(Self { which: Which::State, path, in_public: false })
    }
}

/// systemd gives several folders, separated by colons, where the unit names several.
fn first(value: &OsStr) -> Option<OsString> {
    let first = value.as_bytes().split(|byte| *byte == b':').find(|part| !part.is_empty())?.to_vec();
    Some(OsString::from_vec(first))
}

fn ready(place: Place) -> Result<PathBuf, FolderError> {
    let Place { which, path, in_public } = place;
    let missing = |error: io::Error| FolderError::Missing { which, path: path.clone(), error };
    let mode = if in_public { 0o700 } else { 0o750 };
    let made = DirBuilder::new().mode(mode).recursive(!in_public).create(&path);
    made.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
        .map_err(missing)?;
    if !in_public {
        close(&path).map_err(|errno| missing(errno.into()))?;
    }
    // A link would be followed by whoever comes next, to wherever it points then.
    let found = if in_public { lstat(&path) } else { stat(&path) };
    let found = found.map_err(|errno| missing(errno.into()))?;
    match flaw(&found, if in_public { 0o077 } else { 0o022 }) {
        Some(why) => Err(FolderError::Unsafe { which, path, why }),
        None => Ok(path),
    }
}

/// Closes an empty folder of ours to others: a file system that was just mounted is open to all (tmpfs), and nobody
/// has put anything into it yet. One that is left open is refused by [`flaw`].
fn close(path: &Path) -> Result<(), Errno> {
    let folder = match openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(folder) => folder,
        // What is wrong with it is said by whoever looks next.
        Err(Errno::NOTDIR | Errno::ACCESS) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let found = fstat(&folder)?;
    let is_ours = found.st_uid == geteuid().as_raw() && !is_everybodys(&found);
    let is_empty =
        || Dir::read_from(&folder).is_ok_and(|mut names| names.all(|name| name.is_ok_and(|name| is_dots(&name))));
    if found.st_mode & 0o022 == 0 || !is_ours || !is_empty() {
        return Ok(());
    }
    let closed = fchmod(&folder, Mode::from_raw_mode(found.st_mode & 0o755));
    if closed.is_ok() && !is_empty() {
        // Somebody was quicker: it is as little ours as before.
        fchmod(&folder, Mode::from_raw_mode(found.st_mode & 0o7777))?;
    }
    Ok(())
}

fn is_everybodys(found: &Stat) -> bool {
    let same = |path: &Path| stat(path).is_ok_and(|other| (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino));
    EVERYBODYS.iter().any(|path| same(Path::new(path))) || same(&env::temp_dir())
}

fn is_dots(entry: &DirEntry) -> bool {
    matches!(entry.file_name().to_bytes(), b"." | b"..")
}

/// What keeps a folder from being ours alone, in words that follow its name. `open` are the bits of
/// the mode that must not be set.
pub(super) fn flaw(found: &Stat, open: u32) -> Option<String> {
    let mode = found.st_mode & 0o7777;
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Some("is no folder".to_owned());
    }
    if ![0, geteuid().as_raw()].contains(&found.st_uid) {
        return Some(format!("belongs to user {}", found.st_uid));
    }
    (mode & open != 0).then(|| format!("is open to others than its owner (mode {mode:04o})"))
}

/// A path as it may be printed.
pub(super) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes(), MOST_CHARS)
}

#[cfg(test)]
mod tests;
