//! Words of the operator in our sentences: escaped, capped, and compared with the words we know.

use crate::model::printable;

/// Longest piece of foreign text in a sentence, in characters.
const CAP: usize = 64;

/// `text` on one line, harmless to print, whole.
pub(super) fn escape(text: &str) -> String {
    printable(text.as_bytes(), usize::MAX)
}

/// `text` in backticks: escaped and capped.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", capped(text))
}

/// `text` escaped and capped.
pub(super) fn capped(text: &str) -> String {
    printable(text.as_bytes(), CAP)
}

/// The known word that was probably meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > CAP {
        return None;
    }
    let word = word.to_lowercase();
    let near = known.into_iter().map(|k| (strsim::damerau_levenshtein(&word, &k.to_lowercase()), k));
    // One letter in three may be wrong: more is another word.
    near.filter(|(distance, k)| *distance <= (k.len().max(word.len()) / 3).max(1))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// "did you mean `x`?", or what there is.
pub(super) fn suggest<'a>(word: &str, kind: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("there are no {kind} yet"),
        None => format!("{kind}: {}", list(&known)),
    }
}

/// Names in a row; the first twenty of them.
pub(super) fn list(names: &[&str]) -> String {
    let mut text = names.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 20 {
        text.push_str(", ...");
    }
    text
}

/// Whether `name` may be the name of a target, ladder, action or peer: `[a-z][a-z0-9_]*`.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= CAP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let known = ["open_fds", "close_wait", "rss"];
        assert_eq!(nearest("open_fd", known), Some("open_fds"));
        assert_eq!(nearest("opne_fds", known), Some("open_fds"));
        assert_eq!(nearest("rsss", known), Some("rss"));
        assert_eq!(nearest("heap", known), None);
        assert_eq!(nearest(&"o".repeat(10_000), known), None);
    }
}
