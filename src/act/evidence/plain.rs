//! Text from outside, made printable line by line.

use std::fmt::Write as _;

use crate::model::printable;

/// Most bytes of one file of an incident, before anything is escaped.
pub(super) const MOST_BYTES: usize = 256 << 10;
/// Longest line.
const MOST_CHARS: usize = 4000;

/// Each line printable and of bounded length; tabs stay.
pub(super) fn lines(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n') {
        for (index, part) in line.split(|byte| *byte == b'\t').enumerate() {
            if index > 0 {
                out.push('\t');
            }
            out.push_str(&printable(part, MOST_CHARS));
        }
        out.push('\n');
    }
    out
}

/// One line, printable.
pub(super) fn line(text: &[u8]) -> String {
    printable(text, MOST_CHARS)
}

/// A heading for what follows.
pub(super) fn heading(out: &mut String, title: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    // Writing into a String cannot fail.
    let _ = writeln!(out, "== {title} ==");
}

/// `3 descriptors`, `1 descriptor`
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// How often each of `what` occurs, the most frequent first; at most `most` rows.
pub(super) fn tally(what: impl Iterator<Item = String>, most: usize) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for one in what {
        *counts.entry(one).or_default() += 1;
    }
    let mut rows: Vec<(String, usize)> = counts.into_iter().collect();
    rows.sort_by(|(one, ones), (other, others)| others.cmp(ones).then_with(|| one.cmp(other)));
    let mut out = String::new();
    for (text, count) in rows.iter().take(most) {
        let _ = writeln!(out, "{count:>7}  {text}");
    }
    if let more @ 1.. = rows.len().saturating_sub(most) {
        let _ = writeln!(out, "         and {more} more that occur less often");
    }
    out
}
