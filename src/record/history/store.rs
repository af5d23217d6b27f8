//! The file: made, opened, added to.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};
use rustix::fs::{CWD, Mode, OFlags, Stat, fchmod, fstat, openat};
use rustix::io::{Errno, pread};

use super::FILE;
use super::blocks;
use super::entry::{GENESIS, Hash, Row};
use super::trouble::{Cause, Trouble};
use crate::model::printable;

/// "tdog": whose file it is (`PRAGMA application_id`).
pub(super) const APPLICATION: i64 = 0x7464_6f67;

/// The version of the tables (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 1;

/// How long a lock that another process holds is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The group that may use the control socket may read what happened; nobody else may.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP);

/// Little memory, no mapping of the file, no waiting for the disk but when the log is written back.
const SETTINGS: &str = "
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA cache_size = -128;
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
";
const WAL: &str = "
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 256;
    PRAGMA journal_size_limit = 1048576;
";

const TABLES: &str = "
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        severity TEXT NOT NULL,
        target TEXT,
        process INTEGER,
        pid INTEGER,
        action TEXT,
        text TEXT NOT NULL,
        data TEXT NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
";

const INSERT: &str = "INSERT INTO events (number, at, kind, severity, target, process, pid, action, text, data, hash) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// Size and time of the last change: others than we may have changed it.
type Written = (i64, i64, i64);

/// How each file of SQLite's begins.
const MAGIC: [u8; 16] = *b"SQLite format 3\0";

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
    /// The same file once more, closed after the connection: closing it lets go of the
    /// locks that SQLite has on it.
    file: OwnedFd,
    /// Device and inode: another file may have taken its place.
    identity: (u64, u64),
    /// When it was last written by us.
    written: Option<Written>,
    /// Whether it was made just now.
    pub(super) is_new: bool,
    /// Blocks of samples that were found damaged, and nobody was told of yet.
    pub(super) damaged_blocks: u64,
}

impl Store {
    /// Opens the file in `folder`, or makes it.
    pub(super) fn open(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join(FILE);
        let file = made(&path)?;
        let identity = identity(&fstat(&file)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(SETTINGS)?;
        let mut store = Self { connection, path, file, identity, written: None, is_new: false, damaged_blocks: 0 };
        let prepared = store.prepare();
        if prepared.as_ref().is_err_and(|trouble| trouble.cause == Cause::Damaged) {
            store.leave_as_it_is();
        }
        prepared.map(|()| store)
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        let mode: String = self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(Trouble::new(Cause::Io, format!("the file system bears no write-ahead log, only {mode}")));
        }
        self.connection.execute_batch(WAL)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let (application, version) = marks(&transaction)?;
        if tables == 0 && (application, version) == (0, 0) {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        } else if application != APPLICATION {
            return Err(Trouble::new(Cause::Damaged, "it is not tradedog's"));
        } else if version != VERSION {
            return Err(Trouble::new(
                Cause::Damaged,
                format!("it is of another version of tradedog (format {version})"),
            ));
        }
        // A file of before there were samples has no such table.
        transaction.execute_batch(blocks::TABLES)?;
        // Reads the ends of both tables: a file that was cut off shows here. One whose first row was never written, for
        // the disk was full or the daemon was killed, is as good as new.
        self.is_new = head(&transaction)?.0 == 0;
        transaction.commit()?;
        Ok(())
    }

    /// Whether this is still the file of that name.
    pub(super) fn is_in_place(&self) -> bool {
        rustix::fs::stat(&self.path).is_ok_and(|found| identity(&found) == self.identity)
    }

    /// Whether it is still sound, where somebody else has written into it since [`Store::note_written`]: what SQLite
    /// has in memory would hide that for hours.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if self.written.is_none() || self.written == Some(written(&self.file)?) {
            return Ok(());
        }
        let damaged = |what: String| Err(Trouble::new(Cause::Damaged, what));
        let mut begin = [0; MAGIC.len()];
        if pread(&self.file, &mut begin, 0)? < MAGIC.len() || begin != MAGIC {
            return damaged("it was overwritten".to_owned());
        }
        self.connection.execute_batch("PRAGMA shrink_memory")?;
        let found: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            Ok(())
        } else {
            damaged(format!("it was overwritten: {}", printable(found.as_bytes(), 200)))
        }
    }

    /// Remembers the file as it is now: all that was changed until here was changed by us.
    pub(super) fn note_written(&mut self) {
        self.written = written(&self.file).ok();
    }

    /// Adds `rows`, all or none.
    pub(super) fn append<'a>(&mut self, rows: impl Iterator<Item = &'a Row>) -> Result<(), Trouble> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        add(&transaction, rows)?;
        Ok(transaction.commit()?)
    }

    /// What the file holds, in bytes: without pages that are free, with what is not written back yet.
    pub(super) fn size(&self) -> Result<i64, Trouble> {
        let ask = |what: &str| self.connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0));
        Ok((ask("page_count")? - ask("freelist_count")?).saturating_mul(ask("page_size")?))
    }

    /// Closes it without touching the file once more: it is to be looked at as it was found.
    pub(super) fn leave_as_it_is(&self) {
        // Without it the file is the same but for what was in the log beside it.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// Adds `rows` behind the last one and says where the end is now.
pub(super) fn add<'a>(transaction: &Transaction<'_>, rows: impl Iterator<Item = &'a Row>) -> rusqlite::Result<()> {
    let (mut number, mut hash) = head(transaction)?;
    let mut insert = transaction.prepare(INSERT)?;
    for row in rows {
        number += 1;
        hash = row.hash(number, &hash);
        insert.execute(params![
            number,
            row.at,
            row.kind,
            row.severity,
            row.target,
            row.process,
            row.pid,
            row.action,
            row.text,
            row.data,
            hash
        ])?;
    }
    transaction.execute("INSERT OR REPLACE INTO head (one, number, hash) VALUES (1, ?1, ?2)", params![number, hash])?;
    Ok(())
}

/// Number and hash of the last row: as was noted beside it, for rows at the end may be missing.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<(i64, Hash)> {
    let of = |sql| connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    let noted: Option<(i64, Hash)> = of("SELECT number, hash FROM head WHERE one = 1")?;
    let last: Option<(i64, Hash)> = of("SELECT number, hash FROM events ORDER BY number DESC LIMIT 1")?;
    let nothing = (0, GENESIS);
    Ok(match (noted, last) {
        (Some(noted), Some(last)) if last.0 > noted.0 => last,
        (noted, last) => noted.or(last).unwrap_or(nothing),
    })
}

/// `application_id` and `user_version`.
pub(super) fn marks(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let ask = |what| connection.query_row(what, [], |row| row.get(0));
    Ok((ask("PRAGMA application_id")?, ask("PRAGMA user_version")?))
}

fn written(file: &OwnedFd) -> Result<Written, Errno> {
    fstat(file).map(|found| (found.st_size, found.st_mtime, found.st_mtime_nsec.cast_signed()))
}

/// Makes an empty file with the right mode where there is none: SQLite would ask the umask.
fn made(path: &Path) -> Result<OwnedFd, Trouble> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file: OwnedFd = openat(CWD, path, flags, MODE)?;
    let found = fstat(&file)?;
    if found.st_size == 0 {
        fchmod(&file, MODE)?;
    }
    Ok(file)
}

fn identity(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}
