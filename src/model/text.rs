//! Text from outside, made fit to be printed: names of processes, command lines, paths.

use std::fmt::Write as _;

/// `bytes` as one line of plain text of at most `max` characters.
///
/// Whatever could move the cursor, break the line, hide itself or turn the reading direction is
/// written as an escape (`\n`, `\x1b`, `\u{202e}`), bytes that are not UTF-8 as `\xff`, and a
/// backslash as `\\`, so that what is shown tells exactly what was there. A longer text ends in `…`.
pub fn printable(bytes: &[u8], max: usize) -> String {
    let mut out = String::with_capacity(bytes.len().min(max.saturating_mul(4)));
    let mut left = max;
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid().chars().map(Piece::Char);
        for piece in text.chain(chunk.invalid().iter().copied().map(Piece::Byte)) {
            if left == 0 {
                out.push('…');
                return out;
            }
            left -= 1;
            piece.write_to(&mut out);
        }
    }
    out
}

enum Piece {
    Char(char),
    Byte(u8),
}

impl Piece {
    fn write_to(&self, out: &mut String) {
        // Writing into a String cannot fail.
        let _ = match *self {
            Self::Char(c @ ('\\' | '\n' | '\r' | '\t')) => write!(out, "{}", c.escape_default()),
            Self::Char(c) if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
            Self::Char(c) if is_invisible(c) => write!(out, "{}", c.escape_unicode()),
            Self::Char(c) => {
                out.push(c);
                Ok(())
            }
            Self::Byte(b) => write!(out, "\\x{b:02x}"),
        };
    }
}

/// Controls beyond ASCII, line separators, and the format characters of Unicode that hide text or
/// reorder it (bidi controls and isolates, zero width, tags, soft hyphen, byte order mark).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn hostile_names_stay_on_one_line_and_show_what_they_hold() {
        for (bytes, shown) in [
            (&b") R 1 ("[..], ") R 1 ("),
            (b"a\nb\tc\x1b[31m\\", "a\\nb\\tc\\x1b[31m\\\\"),
            (b"\xff\xfeok", "\\xff\\xfeok"),
            ("pay\u{202e}cod.exe\u{2028}".as_bytes(), "pay\\u{202e}cod.exe\\u{2028}"),
            ("日本 é".as_bytes(), "日本 é"),
        ] {
            assert_eq!(printable(bytes, 100), shown);
        }
        assert_eq!(printable(&[b'x'; 4096], 5), "xxxxx…");
        assert_eq!(printable(b"xxxxx", 5), "xxxxx");
    }
}
