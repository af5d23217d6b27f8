//! The keys of watchdog.toml, explained by the shipped one: what it says of them is held against the
//! code by a test, so there is no second text to drift.

use std::collections::BTreeSet;

use super::entry::Entry;

const SHIPPED: &str = include_str!("../../../watchdog.toml");

/// Columns before a comment.
const INDENT: &str = "  ";

/// A line of the file that assigns something.
struct Shown<'a> {
    section: &'a str,
    line: &'a str,
}

/// The lines of the file with the section that each stands in; also what it shows behind a bare `#`.
fn lines() -> Vec<Shown<'static>> {
    let mut section = "";
    let mut found = Vec::new();
    for line in SHIPPED.lines().filter(|line| !line.starts_with("# ")) {
        let line = line.trim_start_matches('#');
        if line.starts_with('[') {
            section = line.split(']').next().unwrap_or_default().trim_start_matches('[');
        } else {
            found.push(Shown { section, line });
        }
    }
    found
}

impl Shown<'_> {
    /// The keys that it assigns, those of inline tables included; not the names that an operator
    /// chooses or that are metrics and levels.
    fn keys(&self) -> Vec<&str> {
        let last = self.section.rsplit('.').next().unwrap_or_default();
        if self.section.starts_with("calendar") {
            return keys_of(self.line).take(1).collect();
        }
        let chosen = ["peers", "thresholds", "ladder", "memory", "actions"].contains(&last);
        keys_of(self.line).skip(usize::from(chosen)).collect()
    }
}

/// All keys that the file shows, in the order of the alphabet.
pub(super) fn names() -> Vec<String> {
    let lines = lines();
    let keys = lines.iter().flat_map(Shown::keys).filter(|key| super::metric(key, None).is_none());
    keys.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the shipped file says of a key, where it stands.
pub(super) fn entry(word: &str) -> Option<Entry> {
    let lines = lines();
    let found: Vec<&Shown<'_>> = lines.iter().filter(|shown| shown.keys().contains(&word)).collect();
    // A line that begins with the key says what it is; others only use it.
    let own: Vec<&Shown<'_>> = found.iter().copied().filter(|shown| keys_of(shown.line).next() == Some(word)).collect();
    let best = if own.is_empty() { found.into_iter().take(1).collect() } else { own };
    best.first()?;
    let mut text = String::new();
    for shown in best.iter().take(3) {
        let (code, comment) = shown.line.split_once(" #").unwrap_or((shown.line, ""));
        text.push_str(&format!("[{}] {}\n", shown.section, code.trim()));
        if !comment.trim().is_empty() {
            text.push_str(&format!("{INDENT}{}\n", comment.trim()));
        }
    }
    Some(
        Entry::new(word, "a key of watchdog.toml", "As the shipped file has it, with its default or an example:")
            .part("Written", text),
    )
}

/// The keys that a line assigns, those of inline tables included.
fn keys_of(line: &str) -> impl Iterator<Item = &str> {
    let code = line.trim_start_matches('#').split(" #").next().unwrap_or_default();
    let header = code.starts_with('[');
    code.match_indices('=').filter(move |_| !header).filter_map(|(at, _)| {
        let before = code[..at].trim_end();
        let start = before.rfind(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        let (lead, key) = before.split_at(start.map_or(0, |at| at + 1));
        let begins = lead.is_empty() || lead.trim_end().ends_with(['{', ',']);
        (begins && key.starts_with(|c: char| c.is_ascii_lowercase())).then_some(key)
    })
}
