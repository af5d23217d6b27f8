//! Samples become fewer as they become older: 10 s apart at first, then a minute, then 10 minutes, then they go.
//!
//! A part at a time, whole windows, so that each target has one block of a window again.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::blocks::{Like, Put, put};
use super::store::Store;
use super::trouble::Trouble;
use crate::record::samples::Folding;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How far apart samples are, and what is made into one block of the next.
struct Resolution {
    step: i64,
    window: i64,
    next: i64,
}

const FINEST: Resolution = Resolution { step: 10 * SECOND, window: 10 * MINUTE, next: MINUTE };
const FINE: Resolution = Resolution { step: MINUTE, window: 2 * HOUR, next: 10 * MINUTE };
/// The last resolution.
const COARSE: i64 = 10 * MINUTE;

/// What is younger stays as it is even where the file is too large: an incident may be under way.
const LATEST: i64 = HOUR;

/// Most blocks that are removed at once.
const MOST: i64 = 500;

impl Store {
    /// Thins what is older than `limits`, a part of it; whether there was something to do.
    pub(super) fn thin(&mut self, [finest, fine, coarse]: [i64; 3], now: i64) -> Result<bool, Trouble> {
        let until = |age: i64| (now.saturating_sub(age), i64::MAX);
        Ok(self.fold(&FINEST, until(finest))?
            || self.fold(&FINE, until(fine))?
            || self.remove(now.saturating_sub(coarse))?)
    }

    /// Makes samples fewer whatever their age, the finest of long ago first; whether there were any. Those of a clock
    /// that was ahead are of long ago, too: else they would cost the events their place.
    pub(super) fn shrink_samples(&mut self, now: i64) -> Result<bool, Trouble> {
        let but = (now.saturating_sub(LATEST), now.saturating_add(LATEST));
        Ok(self.fold(&FINEST, but)? || self.fold(&FINE, but)? || self.remove(i64::MAX)?)
    }

    /// Makes the oldest window of a resolution coarser, if all of it is from before the first of these times or from
    /// after the second.
    fn fold(&mut self, resolution: &Resolution, (before, after): (i64, i64)) -> Result<bool, Trouble> {
        let Resolution { step, window, .. } = *resolution;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let oldest = "SELECT at FROM blocks WHERE step = ?1 AND (at <= ?2 OR at > ?3) ORDER BY at LIMIT 1";
        let last = before.saturating_sub(window);
        let oldest: Option<i64> = transaction.query_row(oldest, [step, last, after], |row| row.get(0)).optional()?;
        let Some(begin) = oldest else { return Ok(false) };
        let end = begin.saturating_add(window);
        let (folded, damaged) = folded(&transaction, resolution, (begin, end))?;
        for (like, at, (until, data)) in folded {
            put(&transaction, &Put { step: resolution.next, at, until, like: &like, data: &data })?;
        }
        transaction
            .execute("DELETE FROM blocks WHERE step = ?1 AND at >= ?2 AND at < ?3", params![step, begin, end])?;
        transaction.commit()?;
        self.damaged_blocks += damaged;
        Ok(true)
    }

    /// Removes the first blocks of the last resolution that end before `cutoff`.
    fn remove(&mut self, cutoff: i64) -> Result<bool, Trouble> {
        let sql = "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE step = ?1 AND until < ?2 ORDER BY at LIMIT ?3)";
        let removed = self.connection.execute(sql, params![COARSE, cutoff, MOST])?;
        if removed > 0 {
            let unused = "DELETE FROM metrics WHERE id NOT IN (SELECT DISTINCT metrics FROM blocks)";
            self.connection.execute(unused, [])?;
        }
        Ok(removed > 0)
    }
}

/// A block of the next resolution: what it is like, when it begins, when its last row is and what is in it.
type Folded = (Like, i64, (i64, Vec<u8>));

/// What a window comes to, a block for each target, and how many are damaged: these are left out.
fn folded(
    connection: &Connection,
    resolution: &Resolution,
    (begin, end): (i64, i64),
) -> Result<(Vec<Folded>, u64), rusqlite::Error> {
    let sql = "SELECT target, boot, metrics, at, data, \
                   (SELECT length(names) - length(replace(names, ' ', '')) + (names <> '') FROM metrics \
                    WHERE metrics.id = blocks.metrics) \
               FROM blocks WHERE step = ?1 AND at >= ?2 AND at < ?3 ORDER BY target, boot, metrics, at";
    let mut ask = connection.prepare(sql)?;
    let mut rows = ask.query(params![resolution.step, begin, end])?;
    let (mut done, mut open): (Vec<Folded>, Option<(Like, i64, Folding)>) = (Vec::new(), None);
    let mut damaged = 0;
    let finish = |done: &mut Vec<Folded>, open: Option<(Like, i64, Folding)>| {
        done.extend(open.and_then(|(like, at, folding)| Some((like, at, folding.finish()?))));
    };
    while let Some(row) = rows.next()? {
        let like = Like { target: row.get(0)?, boot: row.get(1)?, metrics: row.get(2)? };
        let at: i64 = row.get(3)?;
        if open.as_ref().is_none_or(|(before, ..)| *before != like) {
            finish(&mut done, open.take());
            let metrics: Option<u32> = row.get(5)?;
            let metrics = metrics.and_then(|metrics| usize::try_from(metrics).ok()).unwrap_or(0);
            open = Some((like, at, Folding::of(metrics, at)));
        }
        if let Some((.., folding)) = &mut open {
            // What cannot be read is not to be had at any resolution.
            damaged += u64::from(folding.add(at, row.get_ref(4)?.as_blob().unwrap_or_default()).is_err());
        }
    }
    finish(&mut done, open);
    Ok((done, damaged))
}
