//! The file as a reader sees it: beside the daemon or without, as any user who may read it.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, Row};
use rustix::fs::{FileType, Stat, stat};
use rustix::io::Errno;

use super::FILE;
use super::entry::Entry;
use super::store::{APPLICATION, VERSION, marks};
use crate::record::folders::{shown, state_path};

/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What to do where it is something else.
const MEANT: &str = "name the folder of history.db, which is the state directory of the daemon";

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none.
    #[error(
        "there is no history at {}: name the folder of {FILE}, which is the state directory of the daemon",
        shown(path)
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It cannot be read, or is no history.
    #[error("the history at {} cannot be read: {why}", shown(path))]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// Whoever is told does not listen any more.
    #[error("{0}")]
    Told(#[from] io::Error),
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Of this target alone.
    pub target: Option<String>,
    /// Of this kind alone.
    pub kind: Option<String>,
}

/// Whoever may read it.
const RIGHT: &str = "run this as root, or as a member of the group of the file";

/// An open history that nobody changes through this.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    path: PathBuf,
}

/// The file of the daemon that this user would ask; none where nothing says where.
pub fn state_file() -> Option<PathBuf> {
    Some(state_path()?.join(FILE))
}

impl Reader {
    /// Opens a history: its file, or the folder that it is in.
    ///
    /// # Errors
    /// Where there is none, and where it cannot be read.
    pub fn open(place: &Path) -> Result<Self, HistoryError> {
        let kind = |found: Stat| FileType::from_raw_mode(found.st_mode);
        let is_folder = stat(place).is_ok_and(|found| kind(found) == FileType::Directory);
        let path = if is_folder { place.join(FILE) } else { place.to_owned() };
        let unreadable = |why: String| HistoryError::Unreadable { path: path.clone(), why };
        match stat(&path) {
            // To open a pipe would wait for whoever writes.
            Ok(found) if kind(found) != FileType::RegularFile => {
                return Err(unreadable(format!("it is no file; {MEANT}")));
            }
            Ok(found) if found.st_size == 0 => {
                return Err(unreadable("it is empty: nothing was ever kept in it".to_owned()));
            }
            Ok(_) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(HistoryError::Missing { path: path.clone() }),
            Err(errno @ Errno::ACCESS) => return Err(unreadable(format!("{errno}; {RIGHT}"))),
            Err(errno) => return Err(unreadable(format!("{errno}; {MEANT}"))),
        }
        let connection = connect(&path).map_err(|error| unreadable(told(&error)))?;
        let (application, version) = marks(&connection).map_err(|error| unreadable(told(&error)))?;
        if application != APPLICATION {
            return Err(unreadable(format!("it is not tradedog's; {MEANT}")));
        }
        if version != VERSION {
            return Err(unreadable(format!(
                "it is of another version of tradedog (format {version}); ask by that one"
            )));
        }
        Ok(Self { connection, path })
    }

    /// Tells of each event that `filter` lets through, in their order.
    ///
    /// # Errors
    /// Where it cannot be read to the end, and where `tell` fails.
    pub fn each(&self, filter: &Filter, mut tell: impl FnMut(Entry) -> io::Result<()>) -> Result<(), HistoryError> {
        let sql = "SELECT number, at, kind, severity, target, process, pid, action, text, data FROM events \
                   WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR kind = ?3) \
                   ORDER BY number";
        let broken = |error: rusqlite::Error| self.unreadable(&error);
        let mut ask = self.connection.prepare(sql).map_err(broken)?;
        let parameters = rusqlite::params![filter.since, filter.target, filter.kind];
        let mut rows = ask.query(parameters).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            tell(entry(row).map_err(broken)?)?;
        }
        Ok(())
    }

    pub(super) fn unreadable(&self, error: &rusqlite::Error) -> HistoryError {
        HistoryError::Unreadable { path: self.path.clone(), why: told(error) }
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let data: String = row.get(9)?;
    let data = serde_json::from_str(&data)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(9, Type::Text, Box::new(error)))?;
    Ok(Entry {
        number: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        severity: row.get(3)?,
        target: row.get(4)?,
        process: row.get(5)?,
        pid: row.get(6)?,
        action: row.get(7)?,
        text: row.get(8)?,
        data,
    })
}

/// Whoever may not write beside the file cannot open the log of a daemon that has ended; there is none
/// then, and the file can be read as it stands.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let usual = Connection::open_with_flags(path, flags).and_then(ready);
    let log = path.with_file_name({
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push("-wal");
        name
    });
    let is_written = stat(&log).is_ok_and(|found| found.st_size > 0);
    match usual {
        Err(_) if !is_written => {
            let uri = immutable(path);
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).and_then(ready)
        }
        other => other,
    }
}

fn ready(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    let _: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(connection)
}

/// `file:/var/lib/tradedog/history.db?immutable=1`, every byte beyond the plainest escaped.
fn immutable(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri + "?immutable=1"
}

fn told(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            format!("{error}; {RIGHT}")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{error}: another process holds it locked")
        }
        Some(ErrorCode::NotADatabase) => format!("{error}; {MEANT}"),
        Some(ErrorCode::DatabaseCorrupt) => format!("{error}: it is damaged"),
        _ => error.to_string(),
    }
}
