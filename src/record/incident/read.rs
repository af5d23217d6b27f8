//! Incidents as a reader sees them: beside the daemon or without, as any user who may read them.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::document::Document;
use super::{DOCUMENT, FOLDER, OPEN, is_file_name, is_id, prune};
use crate::record::folders::{shown, state_path};

/// Largest file that is read.
const LARGEST: usize = 8 << 20;

/// Why they cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// There is no such folder.
    #[error(
        "there are no incidents at {}: name the state directory of the daemon with --dir, or its folder {FOLDER}",
        shown(path)
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be read.
    #[error("{} cannot be read: {why}", shown(path))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// None has that name.
    #[error("there is no incident {id}: tradedog incidents lists those that there are")]
    Unknown {
        /// What was asked for, printable.
        id: String,
    },
}

/// The folder of incidents, to be read.
#[derive(Debug)]
pub struct Shelf {
    base: OwnedFd,
    path: PathBuf,
}

/// The folder of the daemon that this user would ask; none where nothing says where.
pub fn incidents_path() -> Option<PathBuf> {
    Some(state_path()?.join(FOLDER))
}

impl Shelf {
    /// Opens the folder of incidents, or the one of that name in `place`.
    ///
    /// # Errors
    /// Where there is none, and where it cannot be read.
    pub fn open(place: &Path) -> Result<Self, IncidentError> {
        let within = place.join(FOLDER);
        let (path, opened) = match openat(CWD, &within, OPEN, Mode::empty()) {
            Err(Errno::NOENT) => (place.to_owned(), openat(CWD, place, OPEN, Mode::empty())),
            other => (within, other),
        };
        match opened {
            Ok(base) => Ok(Self { base, path }),
            Err(Errno::NOENT) => Err(IncidentError::Missing { path }),
            Err(errno) => Err(unreadable(&path, errno)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the incidents, the oldest first.
    pub fn ids(&self) -> Vec<String> {
        let mut ids = prune::names(self.base.as_fd());
        ids.retain(|name| is_id(name));
        ids.sort_unstable();
        ids
    }

    /// What an incident is about.
    ///
    /// # Errors
    /// Where there is none of that name, or its document is not to be read.
    pub fn document(&self, id: &str) -> Result<Document, IncidentError> {
        let text = self.file(id, DOCUMENT)?;
        let path = self.path.join(id).join(DOCUMENT);
        serde_json::from_slice(&text).map_err(|error| IncidentError::Unreadable { path, why: error.to_string() })
    }

    /// A file of an incident.
    ///
    /// # Errors
    /// Where there is none of that name, or it is not to be read.
    pub fn file(&self, id: &str, name: &str) -> Result<Vec<u8>, IncidentError> {
        if !is_id(id) {
            return Err(IncidentError::Unknown { id: crate::model::printable(id.as_bytes(), 200) });
        }
        let path = self.path.join(id);
        let folder = match openat(&self.base, id, OPEN, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Err(IncidentError::Unknown { id: id.to_owned() }),
            Err(errno) => return Err(unreadable(&path, errno)),
        };
        let path = path.join(name);
        if !is_file_name(name) {
            return Err(IncidentError::Unreadable { path, why: "that is not the name of one of its files".to_owned() });
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&folder, name, flags, Mode::empty()).map_err(|errno| unreadable(&path, errno))?;
        read(&file).map_err(|error| IncidentError::Unreadable { path, why: error.to_string() })
    }
}

fn read(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while text.len() < LARGEST {
        match rustix::io::retry_on_intr(|| rustix::io::read(file, &mut *piece))? {
            0 => break,
            read => text.extend_from_slice(&piece[..read]),
        }
    }
    Ok(text)
}

fn unreadable(path: &Path, errno: Errno) -> IncidentError {
    let why = match errno {
        Errno::ACCESS | Errno::PERM => format!("{errno}; run this as root, or as the user of tradedog"),
        Errno::LOOP => "a symbolic link is not followed: name the folder itself".to_owned(),
        Errno::NOTDIR => {
            "it is no folder, or a symbolic link, which is not followed: name the folder itself".to_owned()
        }
        errno => errno.to_string(),
    };
    IncidentError::Unreadable { path: path.to_owned(), why }
}
