//! Whether nothing is missing and nothing was changed.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::entry::{Chain, GENESIS, Hash, PRUNED, hex};
use super::read::{HistoryError, Reader};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every row from the first to the last follows from the one before.
    Sound {
        /// How many there are.
        count: i64,
        /// The number of the first; 1 where nothing was ever removed.
        first: i64,
        /// The hash of the last, to be kept elsewhere by whoever wants to know more.
        hash: String,
    },
    /// Something is missing, or was changed.
    Broken {
        /// The first row that is wrong, or missing.
        number: i64,
        /// What is wrong with it, as a sentence.
        why: String,
    },
}

/// What a row says that stands for those that were removed.
#[derive(Deserialize)]
struct Checkpoint {
    last: i64,
    hash: String,
}

impl Reader {
    /// Follows the chain from the first row to the last.
    ///
    /// # Errors
    /// Where it cannot be read to the end.
    pub fn verify(&self) -> Result<Verdict, HistoryError> {
        // One look at one state: the daemon may write meanwhile.
        let begun = self.connection.execute_batch("BEGIN");
        begun.map_err(|error| self.unreadable(&error))?;
        let verdict = self.follow();
        // Nothing was written.
        let _ = self.connection.execute_batch("ROLLBACK");
        verdict.map_err(|error| self.unreadable(&error))
    }

    fn follow(&self) -> rusqlite::Result<Verdict> {
        let sql = "SELECT number, at, kind, severity, target, process, pid, action, text, data, hash FROM events \
                   ORDER BY number";
        let mut ask = self.connection.prepare(sql)?;
        let mut rows = ask.query([])?;
        let (mut first, mut count) = (None, 0);
        let (mut last, mut hash) = (0, GENESIS);
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            if first.is_none() && number > 1 {
                match self.checkpoint(number - 1)? {
                    Ok(before) => (last, hash) = (number - 1, before),
                    Err(verdict) => return Ok(verdict),
                }
            }
            first = first.or(Some(number));
            if number <= last {
                return Ok(Verdict::Broken { number, why: format!("event {number} was added by somebody else") });
            }
            if number != last + 1 {
                return Ok(missing(last + 1, number - 1));
            }
            hash = hashed(row, &hash)?;
            if row.get_ref(10)?.as_blob().ok() != Some(&hash[..]) {
                let why = format!("event {number} is not as it was written");
                return Ok(Verdict::Broken { number, why });
            }
            (last, count) = (number, count + 1);
        }
        self.end((last, hash)).map(|broken| {
            broken.unwrap_or_else(|| Verdict::Sound { count, first: first.unwrap_or(1), hash: hex(&hash) })
        })
    }

    /// The hash of the last row that was removed, as the row says that stands for it.
    fn checkpoint(&self, removed: i64) -> rusqlite::Result<Result<Hash, Verdict>> {
        let sql = "SELECT data FROM events WHERE kind = ?1 ORDER BY number DESC LIMIT 1";
        let data: Option<String> = self.connection.query_row(sql, params![PRUNED], |row| row.get(0)).optional()?;
        let said = data.and_then(|data| serde_json::from_str::<Checkpoint>(&data).ok());
        let hash = said.as_ref().filter(|said| said.last == removed).and_then(|said| unhex(&said.hash));
        Ok(hash.ok_or_else(|| match said.filter(|said| said.last < removed) {
            Some(said) => missing(said.last + 1, removed),
            None => missing(1, removed),
        }))
    }

    /// Whether the last row is the one that was noted as the last.
    fn end(&self, (last, hash): (i64, Hash)) -> rusqlite::Result<Option<Verdict>> {
        let sql = "SELECT number, hash FROM head WHERE one = 1";
        let noted = self.connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let broken = |number, why: String| Some(Verdict::Broken { number, why });
        Ok(match noted.optional()? {
            None if last == 0 => Some(missing(1, 1)),
            None => {
                broken(last, format!("what was noted of the last event is missing: there may be more after {last}"))
            }
            Some((number, _)) if number > last => Some(missing(last + 1, number)),
            Some((number, _)) if number < last => {
                broken(number + 1, format!("event {} was added by somebody else", number + 1))
            }
            Some((number, noted)) => (noted != hash)
                .then(|| Verdict::Broken { number, why: format!("event {number} is not as it was written") }),
        })
    }
}

fn missing(first: i64, last: i64) -> Verdict {
    let why = if first == last {
        format!("event {first} is missing")
    } else {
        format!("events {first} to {last} are missing")
    };
    Verdict::Broken { number: first, why }
}

/// The hash that a row must have: over all its columns but the last.
fn hashed(row: &Row<'_>, previous: &Hash) -> rusqlite::Result<Hash> {
    let mut chain = Chain::after(previous);
    for column in 0..10 {
        match row.get_ref(column)? {
            ValueRef::Null => chain.integer(None),
            ValueRef::Integer(value) => chain.integer(Some(value)),
            ValueRef::Real(value) => chain.bytes(&value.to_be_bytes()),
            ValueRef::Text(text) | ValueRef::Blob(text) => chain.bytes(text),
        };
    }
    Ok(chain.finish())
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = GENESIS;
    (text.len() == 64 && text.is_ascii()).then_some(())?;
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}
