//! A file that cannot be believed is moved away, never removed: somebody may want to look at it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{CWD, Dir, Mode, OFlags, RenameFlags, openat, renameat_with};
use rustix::io::Errno;

use super::FILE;
use super::trouble::{Cause, Trouble};

/// Most of them: a disk that damages everything must not fill itself with the pieces.
const MOST: usize = 8;

/// What SQLite keeps beside the file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Moves the file and what is beside it out of the way, under a name that tells when.
pub(super) fn set_aside(folder: &Path, unix_millis: i64) -> Result<PathBuf, Trouble> {
    let there = count(folder)?;
    if there >= MOST {
        let text = format!("{there} damaged files are beside it already: move them away");
        return Err(Trouble::new(Cause::Damaged, text));
    }
    let stamp = Timestamp::from_millisecond(unix_millis).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = (0..MOST).map(|number| match number {
        0 => format!("{FILE}.damaged-{stamp}"),
        number => format!("{FILE}.damaged-{stamp}-{number}"),
    });
    for name in name {
        match rename(folder, "", &name) {
            Ok(()) => {
                for suffix in BESIDE {
                    // They need not be there.
                    let _ = rename(folder, suffix, &name);
                }
                return Ok(folder.join(name));
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(Trouble::new(Cause::Damaged, "no name is free to set it aside"))
}

fn rename(folder: &Path, suffix: &str, name: &str) -> Result<(), Errno> {
    let from = folder.join(format!("{FILE}{suffix}"));
    let to = folder.join(format!("{name}{suffix}"));
    match renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE) {
        // Some file systems know no such rename.
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::rename(&from, &to),
        other => other,
    }
}

fn count(folder: &Path) -> io::Result<usize> {
    let prefix = OsString::from(format!("{FILE}.damaged-"));
    let folder = openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let names = Dir::read_from(folder)?.filter_map(Result::ok);
    let ours = names.filter(|entry| {
        let name = entry.file_name().to_bytes();
        name.starts_with(prefix.as_encoded_bytes()) && !name.ends_with(b"-wal") && !name.ends_with(b"-shm")
    });
    Ok(ours.count())
}
