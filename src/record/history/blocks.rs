//! Samples in the file: a row is what was read of a target, or of the host, in a span of time.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::store::Store;
use super::trouble::Trouble;
use crate::model::{BootId, Moment};
use crate::record::samples::{Block, STEP};

/// The tables, where they are not there yet.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS metrics (
        id INTEGER PRIMARY KEY,
        names TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS blocks (
        id INTEGER PRIMARY KEY,
        step INTEGER NOT NULL,
        at INTEGER NOT NULL,
        until INTEGER NOT NULL,
        target TEXT,
        boot TEXT,
        metrics INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS blocks_by_age ON blocks (step, at);
    CREATE INDEX IF NOT EXISTS blocks_by_time ON blocks (at);
";

const INSERT: &str = "INSERT INTO blocks (step, at, until, target, boot, metrics, data) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// A block on its way to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Milliseconds since 1970 (UTC): of the first row, and of the last.
    at: i64,
    until: i64,
    target: Option<Arc<str>>,
    boot: Option<BootId>,
    names: Arc<str>,
    pub(super) data: Vec<u8>,
}

impl Stored {
    /// By a clock that tells milliseconds since 1970.
    pub(super) fn of(block: Block, wall: impl Fn(Moment) -> i64) -> Self {
        let Block { target, boot, names, first, last, bytes } = block;
        let at = wall(first);
        let until = at.saturating_add(i64::try_from(last.since(first).as_millis()).unwrap_or(0));
        Self { at, until, target, boot, names, data: bytes }
    }
}

/// What is the same of blocks that can be made into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Like {
    pub(super) target: Option<String>,
    pub(super) boot: Option<String>,
    pub(super) metrics: i64,
}

/// A block of the file.
#[derive(Debug)]
pub(super) struct Put<'a> {
    pub(super) step: i64,
    pub(super) at: i64,
    pub(super) until: i64,
    pub(super) like: &'a Like,
    pub(super) data: &'a [u8],
}

/// Adds a block.
pub(super) fn put(connection: &Connection, block: &Put<'_>) -> rusqlite::Result<()> {
    let Put { step, at, until, like: Like { target, boot, metrics }, data } = block;
    connection.execute(INSERT, params![step, at, until, target, boot, metrics, data])?;
    Ok(())
}

impl Store {
    /// Adds `blocks`, all or none.
    pub(super) fn append_blocks<'a>(&mut self, blocks: impl Iterator<Item = &'a Stored>) -> Result<(), Trouble> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let step = i64::try_from(STEP.as_millis()).unwrap_or(i64::MAX);
        for block in blocks {
            let Stored { at, until, target, boot, names, data } = block;
            let (target, boot) = (target.as_deref().map(str::to_owned), boot.map(|boot| format!("{:032x}", boot.0)));
            let like = Like { target, boot, metrics: metrics(&transaction, names)? };
            put(&transaction, &Put { step, at: *at, until: *until, like: &like, data })?;
        }
        Ok(transaction.commit()?)
    }
}

/// The number of a list of metrics, which is made if it is new.
fn metrics(connection: &Connection, names: &str) -> rusqlite::Result<i64> {
    let known = connection.query_row("SELECT id FROM metrics WHERE names = ?1", [names], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok(id);
    }
    connection.execute("INSERT INTO metrics (names) VALUES (?1)", [names])?;
    Ok(connection.last_insert_rowid())
}
