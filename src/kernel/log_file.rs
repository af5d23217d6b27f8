//! The end of a log file that the operator names.
//!
//! Whoever may write a folder on the way can put a symbolic link there, and the daemon may be able to read what its
//! maker may not (`CAP_DAC_READ_SEARCH`): a secret would be copied into an incident. So the way is walked name by name,
//! each held by a descriptor, and a link of a user leads to nothing but files of that user. A hard link does the same
//! where the kernel allows it (`fs.protected_hardlinks = 0`): a file of several names is read only in a folder that
//! nobody may write but root, tradedog and who owns the file. What is no regular file is not even opened.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::noted::{LINKS, parts};

/// A place in the file system: nothing is opened there, so that nothing waits.
const PLACE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Why a log file is not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFileError {
    /// It takes a right that is not there.
    #[error("permission denied")]
    Denied,
    /// In words.
    #[error("{0}")]
    No(String),
}

impl From<Errno> for LogFileError {
    fn from(errno: Errno) -> Self {
        if errno == Errno::ACCESS { Self::Denied } else { Self::No(errno.to_string()) }
    }
}

/// The last `most` bytes of a regular file, and whether there are more before them.
///
/// # Errors
/// Why it is not read.
pub fn end_of_file(path: &Path, most: u64) -> Result<(Vec<u8>, bool), LogFileError> {
    let (place, found) = walk(path)?;
    if kind(&found) != FileType::RegularFile {
        return Err(LogFileError::No("it is no regular file".to_owned()));
    }
    // What is held, whatever has its name by now.
    let held = format!("/proc/self/fd/{}", place.as_raw_fd());
    let file = rustix::fs::openat(CWD, held, READ, Mode::empty())?;
    let size = u64::try_from(found.st_size).unwrap_or(0);
    let from = size.saturating_sub(most);
    let mut text = Vec::new();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    while text.len() < most {
        let at = from + u64::try_from(text.len()).unwrap_or(0);
        let mut piece = vec![0; (most - text.len()).min(64 << 10)];
        match retry_on_intr(|| rustix::io::pread(&file, &mut *piece, at))? {
            0 => break,
            read => text.extend_from_slice(&piece[..read]),
        }
    }
    Ok((text, from > 0))
}

/// Where `path` leads, if nobody else has turned it away.
fn walk(path: &Path) -> Result<(OwnedFd, Stat), LogFileError> {
    let ours = rustix::process::geteuid().as_raw();
    let mut todo = parts(path);
    let mut here = look(None, "/".as_ref())?;
    // The folders passed, each within the one before; and whose links were followed, but for root's and ours.
    let (mut passed, mut strangers, mut links) = (Vec::new(), Vec::new(), 0);
    while let Some(part) = todo.pop() {
        if part == ".." {
            here = passed.pop().unwrap_or(here);
            continue;
        }
        let next = look(Some(&here.0), &part)?;
        if kind(&next.1) != FileType::Symlink {
            passed.push(std::mem::replace(&mut here, next));
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(Errno::LOOP.into());
        }
        let owner = next.1.st_uid;
        if owner != 0 && owner != ours {
            strangers.push((owner, part));
        }
        let target = rustix::fs::readlinkat(&next.0, c"", Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            here = passed.drain(..).next().unwrap_or(here);
        }
        todo.extend(parts(&target));
    }
    turned_by_link(&strangers, &here.1)?;
    turned_by_name(&here.1, passed.last().map(|(_, folder)| folder), ours)?;
    Ok(here)
}

/// Nobody's symbolic link leads to what is of somebody else.
fn turned_by_link(strangers: &[(u32, OsString)], found: &Stat) -> Result<(), LogFileError> {
    let owner = found.st_uid;
    let Some((of, link)) = strangers.iter().find(|(of, _)| *of != owner) else { return Ok(()) };
    Err(LogFileError::No(format!(
        "the symbolic link {} on the way is of the user {of}, and leads to what is of the user {owner}: name the file \
         itself, or let root make the link",
        crate::model::printable(link.as_encoded_bytes(), 100)
    )))
}

/// Nobody but its owner has given it a second name in that folder.
fn turned_by_name(found: &Stat, folder: Option<&Stat>, ours: u32) -> Result<(), LogFileError> {
    let Some(folder) = folder.filter(|folder| is_given_by_another(found, folder, ours)) else { return Ok(()) };
    Err(LogFileError::No(format!(
        "it has {} names, and the user {} or others who may write its folder may have given it this one: the file is of \
         the user {}",
        found.st_nlink, folder.st_uid, found.st_uid
    )))
}

/// Whether somebody else than its owner may have given the file its name in that folder, which is not its only one.
fn is_given_by_another(file: &Stat, folder: &Stat, ours: u32) -> bool {
    let is_trusted = [0, ours, file.st_uid].contains(&folder.st_uid);
    let others_write = Mode::from_raw_mode(folder.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    kind(file) == FileType::RegularFile && file.st_nlink > 1 && (!is_trusted || others_write)
}

/// What has that name, held.
fn look(folder: Option<&OwnedFd>, name: &std::ffi::OsStr) -> Result<(OwnedFd, Stat), LogFileError> {
    let folder = folder.map_or(CWD, |folder| folder.as_fd());
    let place = rustix::fs::openat(folder, name, PLACE, Mode::empty())?;
    let found = rustix::fs::fstat(&place)?;
    Ok((place, found))
}

fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "makes the files that are read")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    #[test]
    fn the_end_of_a_log_is_read_and_nothing_else_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, b"one\ntwo\nthree\n").unwrap();
        assert_eq!(end_of_file(&log, 6), Ok((b"three\n".to_vec(), true)));
        assert_eq!(end_of_file(&log, 100), Ok((b"one\ntwo\nthree\n".to_vec(), false)));
        assert!(end_of_file(&folder.path().join("../..").join(log.strip_prefix("/").unwrap()), 6).unwrap().1);
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        for other in [folder.path(), &pipe, Path::new("/dev/zero"), Path::new("/")] {
            assert!(end_of_file(other, 6).unwrap_err().to_string().contains("no regular file"), "{}", other.display());
        }
        assert!(end_of_file(&log.join("x"), 6).is_err());
        assert!(end_of_file(&folder.path().join("none"), 6).unwrap_err().to_string().contains("No such file"));
    }

    #[test]
    fn a_link_of_our_own_is_followed_and_a_circle_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("old")).unwrap();
        fs::write(path("old/log"), b"one\n").unwrap();
        symlink("old", path("current")).unwrap();
        symlink(path("current/../current/log"), path("latest")).unwrap();
        assert_eq!(end_of_file(&path("latest"), 100), Ok((b"one\n".to_vec(), false)));
        symlink("circle", path("circle")).unwrap();
        assert!(end_of_file(&path("circle"), 100).unwrap_err().to_string().contains("symbolic links"));
    }

    #[test]
    fn a_file_of_several_names_is_read_where_nobody_else_may_have_given_it_one() {
        const OTHER: Option<u32> = Some(65534);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("logs")).unwrap();
        let (one, other) = (path("secret"), path("logs/log"));
        fs::write(&one, "secret").unwrap();
        fs::hard_link(&one, &other).unwrap();
        assert_eq!(end_of_file(&other, 100).unwrap().0, b"secret", "a folder of our own");
        let mode = |mode| rustix::fs::chmod(path("logs"), Mode::from_raw_mode(mode)).unwrap();
        mode(0o1777);
        let why = end_of_file(&other, 100).unwrap_err().to_string();
        assert!(why.contains("it has 2 names"), "{why}");
        mode(0o755);
        if rustix::process::geteuid().is_root() {
            lchown(path("logs"), OTHER, None).unwrap();
            assert!(end_of_file(&other, 100).unwrap_err().to_string().contains("the user 65534 or others"));
            lchown(&other, OTHER, None).unwrap();
            assert_eq!(end_of_file(&other, 100).unwrap().0, b"secret", "a file of who has the folder");
            lchown(&other, Some(0), None).unwrap();
        }
        fs::remove_file(&one).unwrap();
        mode(0o1777);
        assert_eq!(end_of_file(&other, 100).unwrap().0, b"secret", "its only name");
    }

    #[test]
    fn a_link_of_a_user_leads_to_files_of_that_user_alone() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        const OTHER: Option<u32> = Some(65534);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for of in ["secret", "own"] {
            fs::create_dir(path(of)).unwrap();
            fs::write(path(of).join("log"), of).unwrap();
        }
        lchown(path("own/log"), OTHER, None).unwrap();
        let link = |target: &str| {
            let current = path("current");
            let _ = fs::remove_file(&current);
            symlink(target, &current).unwrap();
            lchown(&current, OTHER, None).unwrap();
            current
        };
        let refused = |path: &Path| end_of_file(path, 100).unwrap_err().to_string();
        let why = refused(&link("secret").join("log"));
        assert!(why.contains("link current on the way is of the user 65534") && why.contains("of the user 0"), "{why}");
        assert!(refused(&link("secret/log")).contains("name the file itself"));
        assert_eq!(end_of_file(&link("own").join("log"), 100), Ok((b"own".to_vec(), false)));
        assert_eq!(end_of_file(&link("own/log"), 100), Ok((b"own".to_vec(), false)));
        // Whoever follows a link of root's into one of theirs is led as far as they are.
        symlink("current", path("roots")).unwrap();
        link("secret/log");
        assert!(refused(&path("roots")).contains("of the user 65534"));
    }
}
