//! What an operator wrote and nobody else may read: URLs, and what goes with a request.
//!
//! Wherever a URL is shown, it is shown by this file: scheme, host, port, the names of its query, and what of
//! its path is plain words (`/admin/websocket/disable`). Everything else may be a token
//! (`https://hooks.example/services/T0/B1/9f3ab27c`) and stands there as `[hidden]`. A secret that is itself a
//! plain word is not told from one: it belongs in a bearer file.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";
/// So many first bytes of a secret betray it.
const TELLING: usize = 8;
/// A shorter part of a URL is found everywhere, and betrays nothing.
const LEAST: usize = 6;
/// Longest plain word, in letters.
const LONGEST_WORD: usize = 16;
/// Longest plain number, in digits.
const LONGEST_NUMBER: usize = 4;

/// A URL as it was written. Printing it, for people or as a debugger would, hides what may be a secret.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// All of it: for the request, and for nobody to read.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// Where it has what may be a secret: in order, and apart from each other.
    pub fn secret_spans(&self) -> Vec<Range<usize>> {
        spans(&self.0, 0..self.0.len())
    }

    /// Its parts that may be secret and are long enough to betray one.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secret_spans().into_iter().map(|span| &self.0[span]).filter(|part| part.len() >= LEAST)
    }
}

impl From<&str> for Url {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Url {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hidden(&self.0, self.secret_spans()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The text with `[hidden]` for what may be a secret in each URL that stands in it.
pub fn without_secrets(text: &str) -> String {
    hidden(text, secret_spans(text))
}

/// Where in the text a URL has what may be a secret: in order, and apart from each other.
pub fn secret_spans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let scheme = text[from..from + at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(from, |before| {
            let width = text[from + before..].chars().next().map_or(1, char::len_utf8);
            from + before + width
        });
        let behind = from + at + 3;
        let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let end = text[behind..].find(ends).map_or(text.len(), |length| behind + length);
        found.extend(spans(text, scheme..end));
        from = end;
    }
    found
}

/// `text` up to where it begins to repeat one of the secrets: what a peer answers is not ours to trust.
pub fn withheld<'a>(text: &[u8], secrets: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let starts = secrets.into_iter().filter_map(|secret| {
        let telling = &secret[..secret.len().min(TELLING)];
        text.windows(telling.len().max(1)).position(|window| window == telling)
    });
    starts.min().map_or_else(|| text.to_vec(), |start| [&text[..start], b"[withheld]"].concat())
}

/// Pieces of a text that may be secret: long enough, and no plain words.
pub fn secret_pieces(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=')));
    parts.filter(|part| part.len() >= TELLING && !part.split('/').all(is_plain))
}

fn hidden(text: &str, spans: Vec<Range<usize>>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        shown.push_str(&text[from..span.start]);
        shown.push_str(HIDDEN);
        from = span.end;
    }
    shown + &text[from..]
}

/// What may be secret in the URL that `whole` is the place of.
fn spans(text: &str, whole: Range<usize>) -> Vec<Range<usize>> {
    let url = &text[whole.clone()];
    let host = url.find("://").map_or(0, |at| at + 3);
    let mut end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    let mut found = Vec::new();
    if let Some(at) = user_end(&url[host..], end - host) {
        found.push(host..host + at);
        end = url[host + at..].find(['/', '?', '#']).map_or(url.len(), |next| host + at + next);
    }
    let fragment = url[end..].find('#').map_or(url.len(), |at| end + at);
    let query = url[end..fragment].find('?').map_or(fragment, |at| end + at);
    found.extend(parts(url, end..query, '/').filter(|part| !is_plain(&url[part.clone()])));
    if query < fragment {
        found.extend(parts(url, query + 1..fragment, '&').flat_map(|pair| of_query(url, pair)));
    }
    if fragment + 1 < url.len() {
        found.push(fragment + 1..url.len());
    }
    found.into_iter().map(|span| whole.start + span.start..whole.start + span.end).filter(|s| !s.is_empty()).collect()
}

/// Where user and password end: before the last @ of the authority, or behind it, if a password with a slash
/// made what stands there look like a path.
fn user_end(behind_scheme: &str, authority: usize) -> Option<usize> {
    if let Some(at) = behind_scheme[..authority].rfind('@') {
        return Some(at);
    }
    let port = behind_scheme[..authority].rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let is_no_port = port.is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
    is_no_port.then(|| behind_scheme.rfind('@')).flatten()
}

/// The places of the parts between the separators.
fn parts(url: &str, range: Range<usize>, separator: char) -> impl Iterator<Item = Range<usize>> {
    let start = range.start;
    let mut at = start;
    url[range].split(separator).map(move |part| {
        let place = at..at + part.len();
        at = place.end + 1;
        place
    })
}

/// The value, and the name where it is none.
fn of_query(url: &str, pair: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let equals = url[pair.clone()].find('=').map(|at| pair.start + at);
    let named = equals.filter(|at| is_plain(&url[pair.start..*at]));
    let (name, value) = match (named, equals) {
        (Some(at), _) => (None, at + 1..pair.end),
        (None, Some(at)) => (Some(pair.start..at), at + 1..pair.end),
        (None, None) => (None, pair),
    };
    name.into_iter().chain(Some(value))
}

/// Whether it is plain words, with at most one number: `websocket-disable`, `v1`, `sendMessage`, `7`.
fn is_plain(part: &str) -> bool {
    let mut numbers = 0_u32;
    let words = part.split(['-', '_', '.']).all(|word| {
        numbers += u32::from(word.bytes().any(|byte| byte.is_ascii_digit()));
        is_word(word)
    });
    words && numbers <= 1
}

fn is_word(word: &str) -> bool {
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, digits) = word.split_at(letters);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let short = digits.len() <= if word.is_empty() { LONGEST_NUMBER } else { 2 };
    is_number && short && word.len() <= LONGEST_WORD && (digits.is_empty() || word.len() <= 6) && has_humps(word)
}

/// Whether capitals stand only where words begin, or it is one short word of capitals: `sendMessage`, `API`.
fn has_humps(word: &str) -> bool {
    if word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return true;
    }
    let mut humps = word.split(|c: char| c.is_ascii_uppercase());
    let first = humps.next().unwrap_or_default();
    let (mut rest, mut others) = (true, 0_usize);
    for hump in humps {
        rest &= hump.len() >= 2;
        others += 1;
    }
    rest && others <= 3 && (others == 0 || first.is_empty() || first.len() >= 2)
}

#[cfg(test)]
mod tests;
