//! Blocks of samples that could not be read: how many, and of when.

use std::fmt;

use jiff::Timestamp;

/// Blocks of a target follow each other so closely.
const BETWEEN: i64 = 60_000;
/// Most spans that are named.
const MOST: usize = 8;

/// What a reader has passed over, since it is not as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    count: u64,
    /// From when to when, in milliseconds since 1970 (UTC); the first ones.
    spans: Vec<(i64, i64)>,
    /// Where the last one ends.
    until: i64,
}

impl LeftOut {
    /// A block more, which begins with the one before or later.
    pub(super) fn add(&mut self, at: i64, until: i64) {
        self.count += 1;
        // Of more than can be named only the end is kept.
        let follows = at <= self.until.saturating_add(BETWEEN);
        let is_full = self.spans.len() == MOST;
        match self.spans.last_mut() {
            Some((_, last)) if follows && *last == self.until => *last = until.max(*last),
            Some(_) if is_full => {}
            Some(_) | None => self.spans.push((at, until.max(at))),
        }
        self.until = self.until.max(until).max(at);
    }

    /// Whether all could be read.
    pub const fn is_none(&self) -> bool {
        self.count == 0
    }
}

/// `2 blocks of samples could not be read and are left out: from 2026-03-02T09:30:00Z to 2026-03-02T09:31:50Z`
impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |at| Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ");
        let [blocks, are] = if self.count == 1 { ["block", "is"] } else { ["blocks", "are"] };
        write!(out, "{} {blocks} of samples could not be read and {are} left out", self.count)?;
        for (index, (from, to)) in self.spans.iter().enumerate() {
            let before = if index == 0 { ':' } else { ',' };
            write!(out, "{before} from {} to {}", second(*from), second(*to))?;
        }
        match self.spans.last() {
            Some((_, last)) if *last < self.until => write!(out, ", and others until {}", second(self.until)),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_772_443_800_000;

    #[test]
    fn neighbours_are_one_span_and_what_cannot_be_named_is_told_by_its_end() {
        let mut left_out = LeftOut::default();
        assert!(left_out.is_none());
        left_out.add(BEGIN, BEGIN + 50_000);
        let first =
            "1 block of samples could not be read and is left out: from 2026-03-02T09:30:00Z to 2026-03-02T09:30:50Z";
        assert_eq!(left_out.to_string(), first);
        left_out.add(BEGIN, BEGIN + 50_000);
        left_out.add(BEGIN + 60_000, BEGIN + 110_000);
        left_out.add(BEGIN + 600_000, BEGIN + 650_000);
        let both = "4 blocks of samples could not be read and are left out: from 2026-03-02T09:30:00Z to \
                    2026-03-02T09:31:50Z, from 2026-03-02T09:40:00Z to 2026-03-02T09:40:50Z";
        assert_eq!(left_out.to_string(), both);
        for hour in 1..24 {
            left_out.add(BEGIN + hour * 3_600_000, BEGIN + hour * 3_600_000 + 50_000);
        }
        let told = left_out.to_string();
        assert!(told.starts_with("27 blocks"), "{told}");
        assert_eq!(told.matches("from ").count(), MOST, "{told}");
        assert!(told.ends_with("to 2026-03-02T15:30:50Z, and others until 2026-03-03T08:30:50Z"), "{told}");
    }
}
