//! The state file: what the next daemon must know.
//!
//! One file in the runtime directory, written beside and renamed, without fsync: that directory is
//! in memory, and what is in it is bound to this boot. Everything happens below one descriptor of
//! the folder, so that nobody can put another folder in its place. It names commands, so that a file
//! that somebody else may have written is never believed.
//!
//! What belongs here: the file. What does not: what is in it (`model::Memory`), and when it is written.

mod error;
mod frame;

#[cfg(test)]
mod tests;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RawMode, Stat, flock, fstat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

pub use self::frame::Damage;
use self::frame::LARGEST;
use super::folders::flaw;
use crate::model::{BootId, Memory, Pid};

pub use error::{Aside, StateError};

const LOCK: &CStr = c"lock";
const STATE: &CStr = c"state.json";
const NEW: &CStr = c"state.json.new";
const BAD: &CStr = c"state.json.bad";

/// What is made is for its owner alone: headers of a request may be secret.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);

/// How often a lock is tried for, and the pause between: a daemon that was killed may have had a
/// child that is not yet the command it was to be, and holds the lock until it is.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// The state file of this daemon: nobody else has it while this value lives.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    folder: OwnedFd,
    /// Kept from write to write.
    buffer: Vec<u8>,
    /// Held until it is closed; a command that is started does not inherit it.
    _lock: File,
}

impl StateFile {
    /// Takes `folder` for this daemon alone. What is in it is not read yet.
    ///
    /// # Errors
    ///
    /// [`StateError::Held`] and [`StateError::Folder`].
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let unfit = |why: String| StateError::Folder { folder: folder.to_owned(), why };
        let unusable = |errno: Errno| unfit(format!("cannot be used: {errno}"));
        let descriptor = open_folder(folder).map_err(unusable)?;
        if let Some(why) = flaw(&fstat(&descriptor).map_err(unusable)?, 0o022) {
            return Err(unfit(why));
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let lock = openat(&descriptor, LOCK, flags, OWN);
        let mut lock = File::from(lock.map_err(|errno| unfit(format!("has no lock to be taken: {errno}")))?);
        match take(&lock, TRIES) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StateError::Held { folder: folder.to_owned(), pid: holder(&lock) }),
            Err(errno) => return Err(unfit(format!("cannot be locked: {errno}"))),
        }
        // For the sentence that the next one prints; without it that one says less.
        let _ = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        Ok(Self { path: folder.join("state.json"), folder: descriptor, buffer: Vec::new(), _lock: lock })
    }

    /// What the last daemon of this boot remembered; none where there was none. A file that cannot be
    /// read or believed is moved to `state.json.bad`, over the last one there, so that no
    /// [`write`](Self::write) replaces it.
    ///
    /// # Errors
    ///
    /// All but [`StateError::Held`] and [`StateError::Folder`].
    pub fn read(&self, boot: BootId) -> Result<Option<Memory>, StateError> {
        let found = read(&self.folder, &[0, geteuid().as_raw()]);
        let memory = found.map_err(|failure| failure.told(&self.path, || self.set_aside()))?;
        of_boot(memory, boot, &self.path)
    }

    /// What these bytes of a state file remember.
    ///
    /// # Errors
    ///
    /// Why they are not to be believed.
    pub fn memory_in(bytes: &[u8]) -> Result<Memory, Damage> {
        frame::unwrap(bytes)
    }

    /// Replaces the file. Either all of it is there afterwards or the old one still is.
    ///
    /// # Errors
    ///
    /// Those of the file system; what is in force would then not be known after a restart.
    pub fn write(&mut self, memory: &Memory) -> io::Result<()> {
        frame::wrap(memory, &mut self.buffer)?;
        let written = self.replace();
        if written.is_err() {
            // A full file system should have the room back.
            let _ = self.remove_new();
        }
        written
    }

    fn replace(&self) -> io::Result<()> {
        self.remove_new()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, NEW, flags, OWN)?);
        file.write_all(&self.buffer)?;
        Ok(renameat(&self.folder, NEW, &self.folder, STATE)?)
    }

    /// Removes what a daemon that was killed while it wrote has left.
    fn remove_new(&self) -> io::Result<()> {
        match unlinkat(&self.folder, NEW, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn set_aside(&self) -> Aside {
        match renameat(&self.folder, STATE, &self.folder, BAD) {
            Ok(()) => Aside::Kept(self.path.with_file_name("state.json.bad")),
            Err(errno) => Aside::Failed(errno.into()),
        }
    }
}

/// What a daemon that runs no more has left. As long as this is kept, none can be started there.
#[derive(Debug, Default)]
pub struct Left {
    /// None where it left nothing.
    pub memory: Option<Memory>,
    /// None where no daemon has ever been.
    _lock: Option<File>,
}

/// What a daemon that runs no more has left in `folder`. Nothing is
/// changed. The file may be of whoever has the folder: root takes back what the daemon's user did.
///
/// # Errors
///
/// [`StateError::Held`] while a daemon runs, which is to be asked instead; else as
/// [`StateFile::read`].
pub fn unlocked(folder: &Path, boot: BootId) -> Result<Left, StateError> {
    let unusable =
        |errno: Errno| StateError::Folder { folder: folder.to_owned(), why: format!("cannot be used: {errno}") };
    let descriptor = match open_folder(folder) {
        Err(Errno::NOENT) => return Ok(Left::default()),
        other => other.map_err(unusable)?,
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let lock = match openat(&descriptor, LOCK, flags, Mode::empty()) {
        Ok(lock) => {
            let lock = File::from(lock);
            if take(&lock, 1) == Err(Errno::WOULDBLOCK) {
                return Err(StateError::Held { folder: folder.to_owned(), pid: holder(&lock) });
            }
            Some(lock)
        }
        // No daemon has ever been here, or root has cleared it away.
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(unusable(errno)),
    };
    let owner = fstat(&descriptor).map_err(unusable)?.st_uid;
    let path = folder.join("state.json");
    let found = read(&descriptor, &[0, geteuid().as_raw(), owner]);
    let memory = of_boot(found.map_err(|failure| failure.told(&path, || Aside::Left))?, boot, &path)?;
    Ok(Left { memory, _lock: lock })
}

fn of_boot(memory: Option<Memory>, boot: BootId, path: &Path) -> Result<Option<Memory>, StateError> {
    match memory {
        Some(memory) if memory.boot != boot => Err(StateError::OtherBoot { path: path.to_owned() }),
        other => Ok(other),
    }
}

/// What keeps the file from being read or believed.
enum Failure {
    Unreadable(io::Error),
    Foreign(String),
    Damaged(Damage),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Failure {
    fn told(self, path: &Path, set_aside: impl FnOnce() -> Aside) -> StateError {
        let path = path.to_owned();
        match self {
            Self::Unreadable(error) => StateError::Unreadable { path, error, aside: set_aside() },
            Self::Foreign(why) => StateError::Foreign { path, why, aside: set_aside() },
            Self::Damaged(Damage::Version(version)) => StateError::OtherVersion { path, version, aside: set_aside() },
            Self::Damaged(Damage::Corrupt(why)) => StateError::Corrupt { path, why, aside: set_aside() },
        }
    }
}

/// The memory in the file of `folder`, if there is one and it is of one of `owners`.
fn read(folder: &OwnedFd, owners: &[u32]) -> Result<Option<Memory>, Failure> {
    // Not blocking: a pipe in the place of the file must not stop the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(folder, STATE, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(Failure::Foreign("is a symbolic link".to_owned())),
        Err(errno) => return Err(Failure::Unreadable(errno.into())),
    };
    let found = fstat(&file).map_err(io::Error::from)?;
    if let Some(why) = foreign(&found, owners) {
        return Err(Failure::Foreign(why));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.st_size).unwrap_or(0));
    File::from(file).take(LARGEST + 1).read_to_end(&mut bytes)?;
    StateFile::memory_in(&bytes).map(Some).map_err(Failure::Damaged)
}

/// What speaks against believing the file, in words that follow its name.
fn foreign(found: &Stat, owners: &[u32]) -> Option<String> {
    let mode: RawMode = found.st_mode & 0o7777;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Some("is no file".to_owned());
    }
    if !owners.contains(&found.st_uid) {
        return Some(format!("belongs to user {}", found.st_uid));
    }
    if mode & 0o022 != 0 {
        return Some(format!("may be written by others than its owner (mode {mode:04o})"));
    }
    (u64::try_from(found.st_size).unwrap_or(u64::MAX) > LARGEST).then(|| "is larger than 64 MiB".to_owned())
}

fn open_folder(folder: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

#[expect(clippy::disallowed_methods, reason = "a pause while the daemon starts: there is no loop yet to wait in")]
fn take(lock: &File, tries: u32) -> Result<(), Errno> {
    for _ in 1..tries {
        match flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            other => return other,
        }
    }
    flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive)
}

/// Who says to hold the lock.
fn holder(lock: &File) -> Option<Pid> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.parse().ok().and_then(Pid::new)
}
