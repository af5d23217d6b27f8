//! Quotes on the way: the CSV reader takes the rest of a file for one field where one is never closed, and does not
//! say so.

/// Longest text in quotes: a file is not read to its end to find out that nobody closes one.
const MOST: u64 = 1 << 20;

/// Where in a field the next byte is, as the CSV reader has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Begin,
    Plain,
    /// Within the quotes that were opened at that byte.
    Quoted(u64),
    /// Behind a quote that closes them, or is the first of two that stand for one.
    Closing(u64),
}

/// Follows the quotes of a file.
#[derive(Debug)]
pub(super) struct Quotes(At);

impl Quotes {
    pub(super) const fn new() -> Self {
        Self(At::Begin)
    }

    /// Takes what comes next, the first byte of which is `from`.
    pub(super) fn take(&mut self, from: u64, piece: &[u8]) {
        if let (At::Begin | At::Plain, false) = (self.0, piece.contains(&b'"')) {
            // As nearly all of every file.
            self.0 = piece.last().map_or(self.0, |last| if ends(*last) { At::Begin } else { At::Plain });
            return;
        }
        for (at, byte) in (from..).zip(piece) {
            self.0 = match (self.0, byte) {
                (At::Begin, b'"') => At::Quoted(at),
                // A byte order mark is not part of the first field.
                (At::Begin, b'\xef' | b'\xbb' | b'\xbf') if at < 3 => At::Begin,
                (At::Quoted(open), b'"') => At::Closing(open),
                (At::Closing(open), b'"') | (At::Quoted(open), _) => At::Quoted(open),
                (_, byte) if ends(*byte) => At::Begin,
                (At::Begin | At::Plain | At::Closing(_), _) => At::Plain,
            };
        }
    }

    /// The byte that opened the quotes of this field.
    pub(super) const fn opened(&self) -> Option<u64> {
        if let At::Quoted(open) | At::Closing(open) = self.0 { Some(open) } else { None }
    }

    /// Whether they are not closed.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.0, At::Quoted(_))
    }

    /// Whether too much was read since they were opened.
    pub(super) const fn is_too_long(&self, read: u64) -> bool {
        matches!(self.0, At::Quoted(open) if read.saturating_sub(open) > MOST)
    }
}

/// Whether a field ends with it.
const fn ends(byte: u8) -> bool {
    matches!(byte, b',' | b'\n' | b'\r')
}
