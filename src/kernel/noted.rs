//! Small files in which somebody wrote down who is meant (pidfiles, cidfiles), and whether they can be
//! believed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::Error;
use super::source::read_all;

/// Such a file as it is now.
pub(super) struct Noted {
    text: Vec<u8>,
    /// When it was last written.
    pub(super) written: SystemTime,
    /// Whether only root can have written it: the file, every folder that leads to it and every
    /// link on the way are root's, and nobody else may write them.
    pub(super) roots: bool,
}

impl Noted {
    /// Reads the file at `path`, of at most `most` bytes. [`Error::Gone`] means that it is not there, or
    /// is empty: nobody runs. Anything else that is no such file is not what was `expected`.
    pub(super) fn read(path: &Path, most: i64, expected: Error) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size > most {
            return Err(expected);
        }
        let mut text = Vec::new();
        read_all(&file, &mut text)?;
        if text.trim_ascii().is_empty() {
            return Err(Error::Gone);
        }
        let roots = only_root_writes(&stat) && only_root_leads_to(path);
        Ok(Self { text, written: modified(&stat), roots })
    }

    /// What is in it, without blanks and line ends around it.
    pub(super) fn text(&self) -> &[u8] {
        self.text.trim_ascii()
    }
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    let nanos = Duration::from_nanos(stat.st_mtime_nsec);
    SystemTime::UNIX_EPOCH + seconds + nanos
}

/// Links on the way; more is a circle (the kernel itself follows 40).
pub(super) const LINKS: usize = 40;

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
pub(super) fn parts(path: &Path) -> Vec<OsString> {
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
