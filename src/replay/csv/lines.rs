//! Counting lines on the way: the CSV reader skips empty ones and does not say so.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::quotes::Quotes;

/// How far behind what was read last a line may be asked for: more than any reader keeps in its buffer.
const BEHIND: u64 = 1 << 18;

/// A reader that knows in which line a byte of it is.
#[derive(Debug)]
pub(super) struct Lines<R> {
    inner: R,
    /// Bytes read.
    read: u64,
    /// Where lines ended lately.
    ends: VecDeque<u64>,
    /// How many lines ended before those.
    before: u64,
    quotes: Quotes,
    /// The line in which the quotes of a field were opened, while it is read.
    opened: Option<u64>,
    /// Whether there is nothing more.
    ended: bool,
}

impl<R> Lines<R> {
    pub(super) const fn new(inner: R) -> Self {
        let quotes = Quotes::new();
        Self { inner, read: 0, ends: VecDeque::new(), before: 0, quotes, opened: None, ended: false }
    }

    /// The line of a quote that is not closed in all that there is, if `byte` is behind the last of that.
    pub(super) fn unclosed(&self, byte: u64) -> Option<u64> {
        self.opened.filter(|_| self.quotes.is_open() && self.ended && byte >= self.read)
    }

    /// The line of a byte, from 1.
    pub(super) fn line_of(&self, byte: u64) -> u64 {
        let lately = self.ends.partition_point(|end| *end < byte);
        self.before + u64::try_from(lately).unwrap_or(0) + 1
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || self.quotes.is_too_long(self.read) {
            self.ended = true;
            return Ok(0);
        }
        let length = self.inner.read(buffer)?;
        let start = self.read;
        let ended = (start..).zip(buffer.iter().take(length)).filter(|(_, byte)| **byte == b'\n');
        self.ends.extend(ended.map(|(at, _)| at));
        self.read += u64::try_from(length).unwrap_or(0);
        self.ended = length == 0 && !buffer.is_empty();
        let before = self.quotes.opened();
        self.quotes.take(start, &buffer[..length]);
        if self.quotes.opened() != before {
            self.opened = self.quotes.opened().map(|open| self.line_of(open));
        }
        let old = self.ends.partition_point(|end| *end + BEHIND < start);
        self.ends.drain(..old);
        self.before += u64::try_from(old).unwrap_or(0);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_are_forgotten_and_still_counted() {
        let text = "0123456\n".repeat(200_000);
        let mut lines = Lines::new(text.as_bytes());
        let mut buffer = [0; 1 << 16];
        while lines.read(&mut buffer).unwrap() > 0 {}
        assert_eq!(lines.line_of(8 * 199_999), 200_000);
        assert_eq!(lines.line_of(8 * 199_999 - 1), 199_999, "an end of line is a part of it");
        assert!(lines.ends.len() < 50_000, "{}", lines.ends.len());
    }
}
