//! What stands in a file and must not be shown with the rest of its line: it goes into the journal, and from
//! there into tickets.

use std::ops::Range;

use super::source::{Place, Source};
use crate::model::{Url, secret_spans};

/// Something that may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Veil {
    /// Where it stands, with its quotes.
    pub place: Place,
    /// Whether only what may be secret of a URL is hidden.
    pub is_url: bool,
}

/// Words of lines in which a secret may stand: where the text is not TOML, nobody can tell which part it is.
const DELICATE: [&str; 8] = ["auth", "token", "secret", "passw", "cookie", "bearer", "headers", "api"];

/// Whether a secret may stand in the text, for all that its words tell.
pub(super) fn is_delicate(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    DELICATE.iter().any(|word| text.contains(word))
}

/// These bytes of the file, with `*` for each byte of what may be secret, so that all else keeps its place.
pub(super) fn veiled((file, source): (usize, &Source), lines: Range<usize>, veils: &[Veil]) -> String {
    let text = source.text.get(lines.clone()).unwrap_or_default();
    let here = veils.iter().filter(|veil| veil.place.file == file);
    let places = here.flat_map(|veil| inside(source, *veil)).filter_map(|place| within(&place, &lines));
    let mut bytes = text.as_bytes().to_vec();
    for span in places.chain(secret_spans(text)) {
        for byte in bytes.get_mut(span).into_iter().flatten().filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What of it is hidden, as bytes of the file; quotes are not.
fn inside(source: &Source, veil: Veil) -> Vec<Range<usize>> {
    let Place { start, end, .. } = veil.place;
    let text = source.text.get(start..end).unwrap_or_default();
    let open = text.len() - text.trim_start_matches(['"', '\'']).len();
    let text = text.trim_matches(['"', '\'']);
    let start = start + open;
    let spans = if veil.is_url { Url::from(text).secret_spans() } else { std::iter::once(0..text.len()).collect() };
    spans.into_iter().map(|span| start + span.start..start + span.end).collect()
}

/// The part of it that is in these lines, counted from their beginning.
fn within(place: &Range<usize>, lines: &Range<usize>) -> Option<Range<usize>> {
    let (start, end) = (place.start.max(lines.start), place.end.min(lines.end));
    (start < end).then(|| start - lines.start..end - lines.start)
}
