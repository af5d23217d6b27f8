//! What is too old or too much is removed: samples before events, and of these always the first rows, and a row at
//! the end says which.

use rusqlite::{TransactionBehavior, params};

use super::Limits;
use super::entry::{Hash, PRUNED, Row, hex};
use super::store::{Store, add};
use super::trouble::Trouble;
use crate::record::Severity;

/// Most rows that are removed at once: nobody who reads is kept waiting for long.
const MOST: i64 = 1000;

/// Pages given back to the file system at once.
const PAGES: u32 = 512;

/// A file that is too large is pruned until it is this share smaller, in percent.
const SLACK: i64 = 5;

/// The last of the first rows that go, and why.
struct Cut {
    first: i64,
    last: i64,
    hash: Hash,
    why: &'static str,
}

impl Store {
    /// Removes what is beyond `limits`, a part of it; whether there may be more.
    pub(super) fn prune(&mut self, limits: Limits, now: i64) -> Result<bool, Trouble> {
        let over = self.size()? > limits.size;
        let thinned = if over { self.shrink_samples(now)? } else { self.thin(limits.samples, now)? };
        if thinned {
            self.give_back()?;
            return Ok(true);
        }
        let cutoff = now.saturating_sub(limits.events);
        let Some(cut) = self.cut(if over { None } else { Some((cutoff, now)) })? else { return Ok(false) };
        let Cut { first, last, hash, why } = cut;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let text = format!("events {first} to {last} were removed: {why}");
        let data = format!("{{\"first\":{first},\"hash\":\"{}\",\"last\":{last}}}", hex(&hash));
        let row = Row { data, ..Row::own(now, (PRUNED, Severity::Info), text) };
        add(&transaction, std::iter::once(&row))?;
        transaction.execute("DELETE FROM events WHERE number <= ?1", params![last])?;
        transaction.commit()?;
        self.give_back()?;
        let least = limits.size.saturating_sub(limits.size / 100 * SLACK);
        Ok(if over { self.size()? > least } else { last - first + 1 >= MOST })
    }

    /// The first rows that are older than the first of `ages`; the first ones whatever their age where none are
    /// given. Rows from after the second, now, were written by a clock that was wrong: they are as old as those
    /// behind them.
    fn cut(&self, ages: Option<(i64, i64)>) -> Result<Option<Cut>, Trouble> {
        let mut ask = self.connection.prepare("SELECT number, at, hash FROM events ORDER BY number")?;
        let mut rows = ask.query([])?;
        let (mut cut, mut first): (Option<Cut>, Option<i64>) = (None, None);
        // The last of as many as go at once, where it is not known yet whether they may.
        let mut part: Option<Cut> = None;
        let why = if ages.is_some() { "older than [history] events" } else { "[history] max_size was reached" };
        while let Some(row) = rows.next()? {
            let (number, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let begin = *first.get_or_insert(number);
            let is_old = ages.is_none_or(|(cutoff, _)| at < cutoff);
            if !is_old && ages.is_some_and(|(_, now)| at <= now) {
                break;
            }
            if is_old && part.is_some() {
                return Ok(part);
            }
            let this = || Ok::<_, Trouble>(Cut { first: begin, last: number, hash: row.get(2)?, why });
            let is_last = number - begin + 1 >= MOST;
            if is_old {
                cut = Some(this()?);
                if is_last {
                    break;
                }
            } else if is_last && part.is_none() {
                part = Some(this()?);
            }
        }
        Ok(cut)
    }

    /// Lets the file become smaller, a part of what is free.
    pub(super) fn give_back(&self) -> Result<(), Trouble> {
        let mut ask = self.connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = ask.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}
