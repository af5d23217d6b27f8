//! Text from the host inside a file that is read again: names, strings, comments. Nothing that a
//! process calls itself leaves its string or its line.

use crate::config::is_name;
use crate::model::printable;

/// Longest piece of foreign text in a comment.
const MOST_CHARS: usize = 120;

/// Longest name that is made.
const LONGEST: usize = 40;

/// As a string of TOML: one line, in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // What cannot be seen could not be checked by who reads the file.
            c if printable(c.to_string().as_bytes(), 1) != c.to_string() => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// In a comment: on one line, harmless, capped.
pub(super) fn shown(text: &str) -> String {
    printable(text.as_bytes(), MOST_CHARS)
}

/// `Trader@EU.service` as `trader_eu`; `otherwise` where nothing of it can be a name.
pub(super) fn name(text: &str, otherwise: &str) -> String {
    let text = text.strip_suffix(".service").or_else(|| text.strip_suffix(".scope")).unwrap_or(text);
    let mut out = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || (c.is_ascii_digit() && !out.is_empty()) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(LONGEST);
    let out = out.trim_end_matches('_');
    if is_name(out) { out.to_owned() } else { otherwise.to_owned() }
}
