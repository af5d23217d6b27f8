//! One screen of text about one word: 80 columns, 24 lines.

use std::io;

use anstyle::Style;

use crate::cli::Output;

/// Columns of the narrowest terminal in use.
const WIDTH: usize = 80;

/// Columns of the label before each part.
const LABEL: usize = 13;

/// What is told of one word.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The word.
    pub(super) name: String,
    /// What it is one of.
    pub(super) kind: String,
    /// What it is, in a sentence.
    pub(super) lead: String,
    /// Label and text; an empty text is left out.
    pub(super) parts: Vec<(&'static str, String)>,
}

impl Entry {
    /// With parts that are known when this is written.
    pub(super) fn new(name: &str, kind: &str, lead: &str) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), lead: lead.to_owned(), parts: Vec::new() }
    }

    /// With one more part.
    pub(super) fn part(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.parts.push((label, text.into()));
        self
    }

    /// Everything but the headline.
    pub(super) fn body(&self) -> String {
        let mut text = wrapped(("", self.lead.clone()));
        for (label, part) in self.parts.iter().filter(|(_, part)| !part.is_empty()) {
            text.push_str(&wrapped((label, part.clone())));
        }
        text
    }

    /// The word, and what it is one of.
    pub(super) fn head(&self) -> String {
        wrapped(("", format!("{}: {}", self.name, self.kind))).trim_end().to_owned()
    }

    pub(super) fn print(&self, output: &mut Output) -> io::Result<()> {
        output.styled(Style::new().bold(), self.head())?;
        output.text(&self.body())
    }
}

/// A text behind its label, broken between words; a text without a label begins at the margin. A line
/// break in the text stays one.
pub(super) fn wrapped((label, text): (&str, String)) -> String {
    let indent = if label.is_empty() { 0 } else { LABEL };
    let mut out = String::new();
    let mut line = if label.is_empty() { String::new() } else { format!("{label:<LABEL$}") };
    for paragraph in text.lines() {
        for word in paragraph.split_whitespace() {
            let fits = line.chars().count() + 1 + word.chars().count() <= WIDTH;
            let empty = line.trim_end().is_empty() || line.chars().count() == indent;
            if !fits && !empty {
                out.push_str(line.trim_end());
                out.push('\n');
                line = " ".repeat(indent);
            }
            if line.chars().count() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
        out.push_str(line.trim_end());
        out.push('\n');
        line = " ".repeat(indent);
    }
    out
}
