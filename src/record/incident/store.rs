//! Writing an incident: hidden first, renamed when it is whole.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Mutex;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::document::{About, Document};
use super::read::{Shelf, incidents_path};
use super::{DOCUMENT, FOLDER, HIDDEN, OPEN, is_file_name, prune};
use crate::model::{Evidence, Flaw};
use crate::record::folders::{flaw, shown, state_directory};

/// For its owner alone.
const OWN_FOLDER: Mode = Mode::RWXU;
const OWN_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
/// So many of one millisecond have names.
const MOST_ALIKE: u32 = 16;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most folders.
    pub count: usize,
    /// Most bytes of all together.
    pub size: u64,
}

impl Limits {
    /// Those of the configuration.
    pub fn of(incidents: &crate::config::Incidents) -> Self {
        let count = usize::try_from(incidents.max_count).unwrap_or(usize::MAX);
        Self { count, size: incidents.max_size }
    }
}

/// An incident that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
    /// How many older ones were removed for it.
    pub removed: usize,
}

/// Why none was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    /// Why.
    pub flaw: Flaw,
    /// What the system said; printable.
    pub text: String,
}

impl From<io::Error> for NotKept {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
        let flaw = if is(&[ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) {
            Flaw::Full
        } else if is(&[ErrorKind::ReadOnlyFilesystem]) {
            Flaw::ReadOnly
        } else if is(&[ErrorKind::PermissionDenied, ErrorKind::NotFound, ErrorKind::NotADirectory])
            || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
        {
            Flaw::Denied
        } else {
            Flaw::Io
        };
        Self { flaw, text: error.to_string() }
    }
}

impl From<Errno> for NotKept {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// The folder of incidents, as who writes sees it. Opened anew for each: it may have been moved away.
#[derive(Debug)]
pub struct Store {
    /// The state directory; none: wherever that is.
    place: Option<PathBuf>,
    /// One at a time removes old ones.
    pruning: Mutex<()>,
}

impl Store {
    /// In the state directory of this daemon.
    pub const fn of_state() -> Self {
        Self { place: None, pruning: Mutex::new(()) }
    }

    /// In this folder in place of the state directory.
    pub const fn in_folder(place: PathBuf) -> Self {
        Self { place: Some(place), pruning: Mutex::new(()) }
    }

    /// The last ones that an earlier daemon has kept, the oldest first; none where they cannot be read.
    pub fn last(&self, most: usize) -> Vec<Document> {
        let place = self.place.clone().or_else(incidents_path);
        let Some(shelf) = place.and_then(|place| Shelf::open(&place).ok()) else { return Vec::new() };
        let ids = shelf.ids();
        ids.iter().skip(ids.len().saturating_sub(most)).filter_map(|id| shelf.document(id).ok()).collect()
    }

    /// Writes an incident, then removes what is too much.
    ///
    /// # Errors
    /// Why it is not there; then nothing of it is.
    pub fn keep(
        &self,
        about: &About,
        (evidence, took_millis): (&Evidence, u64),
        limits: Limits,
    ) -> Result<Kept, NotKept> {
        let (base, path) = self.open()?;
        let mut document = Document::of(about, evidence, took_millis);
        let (id, folder) = make(&base, about)?;
        document.id = id.clone();
        let hidden = format!("{HIDDEN}{id}");
        let written = write(&folder, &document, evidence)
            // A folder replaces nothing but an empty one, on any file system.
            .and_then(|()| renameat(&base, &*hidden, &base, &*id).map_err(NotKept::from));
        if let Err(why) = written {
            prune::remove(base.as_fd(), &hidden);
            return Err(why);
        }
        let _alone = self.pruning.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let removed = prune::prune(base.as_fd(), &id, limits);
        Ok(Kept { path: path.join(&id), id, removed })
    }

    fn open(&self) -> Result<(OwnedFd, PathBuf), NotKept> {
        let state = match &self.place {
            Some(folder) => folder.clone(),
            None => match state_directory() {
                Ok(Some(folder)) => folder,
                Ok(None) => {
                    let text = "nothing says where it is to be kept: set STATE_DIRECTORY".to_owned();
                    return Err(NotKept { flaw: Flaw::Denied, text });
                }
                Err(error) => return Err(NotKept { flaw: Flaw::Denied, text: error.to_string() }),
            },
        };
        let path = state.join(FOLDER);
        match mkdirat(CWD, &path, OWN_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let base = openat(CWD, &path, OPEN, Mode::empty())?;
        if let Some(why) = flaw(&rustix::fs::fstat(&base)?, 0o022) {
            return Err(NotKept { flaw: Flaw::Denied, text: format!("{} {why}", shown(&path)) });
        }
        Ok((base, path))
    }
}

/// A hidden folder under a name that nobody has.
fn make(base: &OwnedFd, about: &About) -> Result<(String, OwnedFd), NotKept> {
    let time = jiff::Timestamp::from_millisecond(about.at_millis).unwrap_or_default();
    let time = time.strftime("%Y%m%dT%H%M%S%.3fZ");
    let target: String = about.target.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
    let first = format!("{time}-{target}-{}-{}", about.process, about.trigger.name());
    for number in 1..=MOST_ALIKE {
        let id = if number == 1 { first.clone() } else { format!("{first}-{number}") };
        let hidden = format!("{HIDDEN}{id}");
        if rustix::fs::statat(base, &*id, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            continue;
        }
        match mkdirat(base, &*hidden, OWN_FOLDER) {
            Ok(()) => return Ok((id, openat(base, &*hidden, OPEN, Mode::empty())?)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(NotKept { flaw: Flaw::Busy, text: "too many incidents of one moment".to_owned() })
}

fn write(folder: &OwnedFd, document: &Document, evidence: &Evidence) -> Result<(), NotKept> {
    for file in evidence.files.iter().filter(|file| is_file_name(&file.name)) {
        write_file(folder.as_fd(), &file.name, file.text.as_bytes())?;
    }
    let mut text = serde_json::to_vec_pretty(document).map_err(io::Error::from)?;
    text.push(b'\n');
    write_file(folder.as_fd(), DOCUMENT, &text)
}

fn write_file(folder: BorrowedFd<'_>, name: &str, mut text: &[u8]) -> Result<(), NotKept> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, OWN_FILE)?;
    while !text.is_empty() {
        match rustix::io::write(&file, text) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(written) => text = &text[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Removes a file of a folder.
pub(super) fn remove_file(folder: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<(), Errno> {
    unlinkat(folder, name, AtFlags::empty())
}
