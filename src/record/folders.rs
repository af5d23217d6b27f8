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

use rustix::fs::{FileType, Stat, lstat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::model::printable;

/// Longest path that is shown in a sentence.
const MOST_CHARS: usize = 200;

/// The folder of root's daemon, and of the one that systemd starts.
const OF_HOST: &str = "/run/tradedog";

/// Why there is no folder to keep anything in.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there and cannot be made, or cannot be looked at.
    #[error(
        "the runtime directory {} cannot be made: {error}; set RUNTIME_DIRECTORY to a folder that it can be",
        shown(path)
    )]
    Missing {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody else could change what is in it, and it names commands.
    #[error("the runtime directory {} {why}: set RUNTIME_DIRECTORY to another folder, or remove this one", shown(path))]
    Unsafe {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
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
            Some(path) => Self { path, in_public: false },
            None => Self { path: env::temp_dir().join(format!("tradedog-{uid}")), in_public: true },
        }
    }
}

/// systemd gives several folders, separated by colons, where the unit names several.
fn first(value: &OsStr) -> Option<OsString> {
    let first = value.as_bytes().split(|byte| *byte == b':').find(|part| !part.is_empty())?.to_vec();
    Some(OsString::from_vec(first))
}

fn ready(place: Place) -> Result<PathBuf, FolderError> {
    let Place { path, in_public } = place;
    let missing = |error: io::Error| FolderError::Missing { path: path.clone(), error };
    let mode = if in_public { 0o700 } else { 0o750 };
    let made = DirBuilder::new().mode(mode).recursive(!in_public).create(&path);
    made.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
        .map_err(missing)?;
    // A link would be followed by whoever comes next, to wherever it points then.
    let found = if in_public { lstat(&path) } else { rustix::fs::stat(&path) };
    let found = found.map_err(|errno| missing(errno.into()))?;
    match flaw(&found, if in_public { 0o077 } else { 0o022 }) {
        Some(why) => Err(FolderError::Unsafe { path, why }),
        None => Ok(path),
    }
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
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn place(variables: &[(&str, &str)], uid: u32) -> PathBuf {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        Place::of(find, uid).path
    }

    #[test]
    fn the_environment_says_where() {
        let all = [("RUNTIME_DIRECTORY", "/run/a:/run/b"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        assert_eq!(place(&all, 7), Path::new("/run/a"));
        assert_eq!(place(&all[1..], 7), Path::new("/run/user/7/tradedog"));
        assert_eq!(place(&all[1..], 0), Path::new("/run/tradedog"));
        let empty = [("RUNTIME_DIRECTORY", ":"), ("XDG_RUNTIME_DIR", "")];
        assert_eq!(place(&empty, 7), env::temp_dir().join("tradedog-7"));
        assert_eq!(place(&[("XDG_RUNTIME_DIR", "here")], 7), env::temp_dir().join("tradedog-7"));
    }

    #[test]
    fn a_folder_is_made_for_us_and_where_nobody_makes_names_beside_it_for_our_group() {
        let root = tempfile::tempdir().unwrap();
        for (path, in_public, mode) in [("a/b/run", false, 0o750), ("tradedog-7", true, 0o700)] {
            let path = root.path().join(path);
            for _ in 0..2 {
                assert_eq!(ready(Place { path: path.clone(), in_public }).unwrap(), path);
            }
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn whoever_runs_no_daemon_of_his_own_asks_the_hosts() {
        let root = tempfile::tempdir().unwrap();
        let (own, host) = (root.path().join("own"), root.path().join("host"));
        let asked = || asked(own.clone(), &host, "control.sock");
        assert_eq!(asked(), host, "there is neither: that is the one to be started");
        fs::create_dir(&own).unwrap();
        assert_eq!(asked(), own);
        fs::create_dir(&host).unwrap();
        assert_eq!(asked(), own);
        fs::write(host.join("control.sock"), "").unwrap();
        assert_eq!(asked(), host);
        fs::write(own.join("control.sock"), "").unwrap();
        assert_eq!(asked(), own);
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        fs::create_dir(&path).unwrap();
        for (mode, in_public, good) in [
            (0o700, true, true),
            (0o755, false, true),
            (0o755, true, false),
            (0o770, false, false),
            (0o1777, false, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let result = ready(Place { path: path.clone(), in_public });
            assert_eq!(result.is_ok(), good, "{mode:o} {in_public}");
            if let Err(error) = result {
                assert!(
                    error.to_string().contains("is open to others") && error.to_string().contains("RUNTIME_DIRECTORY")
                );
            }
        }
    }

    #[test]
    fn what_is_no_folder_of_ours_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (folder, link, file) = (root.path().join("run"), root.path().join("link"), root.path().join("file"));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        symlink(&folder, &link).unwrap();
        fs::write(&file, "x").unwrap();
        let refused =
            |path: &Path, in_public| ready(Place { path: path.to_owned(), in_public }).unwrap_err().to_string();
        assert!(refused(&link, true).contains("is no folder"), "made by somebody else, to be followed");
        assert!(ready(Place { path: link, in_public: false }).is_ok(), "where the operator points is the operator's");
        assert!(refused(&file, true).contains("is no folder"));
        assert!(refused(&file.join("a\nb"), false).contains("a\\nb cannot be made"));
        if geteuid().is_root() {
            std::os::unix::fs::chown(&folder, Some(4321), None).unwrap();
            assert!(refused(&folder, false).contains("belongs to user 4321"));
        }
    }
}
