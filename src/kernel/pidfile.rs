//! Pidfiles: a number that somebody wrote down, and whether it can be believed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::Error;
use super::digits::number;
use super::source::read_all;
use crate::model::Pid;

/// A pidfile as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pidfile {
    /// The number in it.
    pub pid: Pid,
    /// When it was last written.
    pub written: SystemTime,
    /// Whether only root can have written it: the file, every folder that leads to it and every
    /// link on the way are root's, and nobody else may write them.
    pub roots: bool,
}

impl Pidfile {
    /// Reads the file at `path`. [`Error::Gone`] means that it is not there, or is empty: nobody runs.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let expected = Error::Malformed("a pidfile: a file with one number");
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size > 64 {
            return Err(expected);
        }
        let mut text = Vec::new();
        read_all(&file, &mut text)?;
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(Error::Gone);
        }
        let pid = number(text).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::new).ok_or(expected)?;
        let roots = only_root_writes(&stat) && only_root_leads_to(path);
        Ok(Self { pid, written: modified(&stat), roots })
    }
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    let nanos = Duration::from_nanos(stat.st_mtime_nsec);
    SystemTime::UNIX_EPOCH + seconds + nanos
}

/// Links on the way; more is a circle (the kernel itself follows 40).
const LINKS: usize = 40;

/// Walks to `path` as the kernel does, and looks at every folder and link that it passes.
fn only_root_leads_to(path: &Path) -> bool {
    if !path.is_absolute() {
        return false;
    }
    let mut todo = parts(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = todo.pop() {
        // The folder decides who may replace what is in it.
        let folder = rustix::fs::statat(CWD, &here, AtFlags::SYMLINK_NOFOLLOW);
        if !folder.is_ok_and(|stat| only_root_writes(&stat)) {
            return false;
        }
        if part == ".." {
            here.pop();
            continue;
        }
        here.push(part);
        match rustix::fs::readlinkat(CWD, &here, Vec::new()) {
            Ok(target) => {
                links += 1;
                if links > LINKS {
                    return false;
                }
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                here.pop();
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                todo.extend(parts(&target));
            }
            // Not a link.
            Err(Errno::INVAL) => {}
            Err(_) => return false,
        }
    }
    true
}

/// The names of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

/// Owned by root and not writable by group or others.
fn only_root_writes(stat: &Stat) -> bool {
    stat.st_uid == 0 && Mode::from_raw_mode(stat.st_mode) & (Mode::WGRP | Mode::WOTH) == Mode::empty()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "makes the files that are read")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn one_number_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            Pidfile::read(&path).map(|file| file.pid.get())
        };
        assert_eq!(read("4711\n"), Ok(4711));
        assert_eq!(read(" 4711"), Ok(4711));
        assert_eq!(read(""), Err(Error::Gone));
        for text in ["0", "-1", "4711 4712", "4711x", "99999999999", &"1".repeat(100)] {
            assert!(matches!(read(text), Err(Error::Malformed(_))), "{text}");
        }
        assert_eq!(Pidfile::read(&folder.path().join("none")), Err(Error::Gone));
        assert!(matches!(Pidfile::read(folder.path()), Err(Error::Malformed(_))));
        assert!(matches!(Pidfile::read(Path::new("/dev/null")), Err(Error::Malformed(_))));
    }

    #[test]
    fn it_is_roots_only_where_nobody_else_can_replace_it() {
        if !rustix::process::geteuid().is_root() {
            eprintln_skipped();
            return;
        }
        // Not in /tmp, which everybody may write.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/run").unwrap();
        let path = folder.path().join("x.pid");
        fs::write(&path, "1").unwrap();
        let roots = |path: &Path| Pidfile::read(path).unwrap().roots;
        assert!(roots(&path));
        assert!(roots(&folder.path().join("../..").join(path.strip_prefix("/").unwrap())));

        let by_link = folder.path().join("link.pid");
        symlink("x.pid", &by_link).unwrap();
        assert!(roots(&by_link));

        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        symlink(&path, open.join("detour.pid")).unwrap();
        assert!(!roots(&open.join("detour.pid")), "the link itself can be replaced");
        let through = folder.path().join("through.pid");
        symlink("open/detour.pid", &through).unwrap();
        assert!(!roots(&through), "a link on the way can be replaced");

        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        assert!(!roots(&path), "the group may write it");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert!(!roots(&path), "its owner may write it");
    }

    #[expect(clippy::disallowed_macros, reason = "says that a test looked at nothing")]
    fn eprintln_skipped() {
        eprintln!("skipped: needs root");
    }
}
