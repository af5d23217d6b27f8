//! From text to TOML that can be read: sentences for what the parser refuses, and the rest of the
//! file saved from it.
//!
//! The parser goes on after an error, but loses its way: after one bracket that is not closed every
//! line is an error. So the statement at fault is blanked out, byte for byte, and the text is parsed
//! again, until only faults are left that concern one value or key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::problem::Report;
use super::source::{Place, Source};
use super::text::{capped, quoted};
use super::veil::is_delicate;
use crate::model::without_secrets;

/// Most statements that are blanked out; a file with more of them is something else.
const MOST: usize = 50;

/// Most faults of values and keys that are told of a file.
const TOLD: usize = 1000;

/// The text with blanks in the place of every statement that is not TOML; what was wrong is reported.
pub(super) fn mend(file: usize, source: &Source, report: &mut Report) -> String {
    let mut text = source.text.clone();
    for _ in 0..MOST {
        let Some(gap) = pass(file, &text, report) else { return text };
        // What was meant by these lines may be missing elsewhere.
        report.cut(file);
        if !blank(&mut text, gap) {
            break;
        }
    }
    report.cut(file);
    " ".repeat(text.len())
}

/// One run of the parser: the lines to blank out, or none when the rest has been reported.
fn pass(file: usize, text: &str, report: &mut Report) -> Option<Range<usize>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let tree = Tree::of(tree.get_ref(), text);
    let faults: Vec<Fault<'_>> = errors.iter().map(|error| Fault::new(file, text, error)).collect();
    let breaks = |fault: &&Fault<'_>| !fault.is_about_keys() && tree.scalar(&fault.span).is_none();
    if let Some(first) = faults.iter().filter(breaks).min_by_key(|fault| fault.span.start) {
        return Some(first.tell(&tree, report));
    }
    let mut again = 0..0;
    for fault in faults.iter().take(TOLD) {
        if !fault.is_about_keys() {
            fault.local(&tree.scalar(&fault.span).unwrap_or_default(), report);
        // Under a header that is written twice its keys are, too.
        } else if !again.contains(&fault.span.start) {
            fault.doubled(&tree, report);
            let line = line_at(text, fault.span.start);
            if is_header(&text[line.clone()]) {
                again = fault.section(line);
            }
        }
    }
    None
}

/// Whether something was there to be blanked out.
fn blank(text: &mut String, gap: Range<usize>) -> bool {
    let old = text.get(gap.clone()).unwrap_or_default();
    let new: String = old.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    let changed = !old.trim().is_empty();
    text.replace_range(gap, &new);
    changed
}

/// One complaint of the parser.
struct Fault<'a> {
    file: usize,
    text: &'a str,
    span: Range<usize>,
    error: &'a Error,
}

impl<'a> Fault<'a> {
    fn new(file: usize, text: &'a str, error: &'a Error) -> Self {
        // On character boundaries and inside of the text, whatever the parser says.
        let span = error.span().unwrap_or(0..0);
        let start = text.floor_char_boundary(span.start);
        Self { file, text, span: start..text.ceil_char_boundary(span.end.max(start)), error }
    }

    fn place(&self) -> Place {
        Place::new(self.file, &self.span)
    }

    fn message(&self) -> String {
        format!("not TOML: {}", capped(self.error.message()))
    }

    /// Reports a fault that breaks its statement. The lines of the statement.
    fn tell(&self, tree: &Tree<'_>, report: &mut Report) -> Range<usize> {
        let line = line_at(self.text, self.span.start);
        let Some(value) = tree.open_value(self.span.start) else {
            report.syntax(self.place(), self.message());
            return if is_header(&self.text[line.clone()]) { self.section(line) } else { line };
        };
        let first = line_at(self.text, value.start);
        let swallowed = self.text[first.end..value.end].lines().any(is_statement);
        if !swallowed {
            report.syntax(self.place(), self.message());
            return first.start..line_at(self.text, value.end).end;
        }
        if first.contains(&self.span.start) || first.end == self.span.start {
            report.syntax(self.place(), self.message());
        } else {
            let text = &self.text[value.clone()];
            let open =
                text.get(..3).filter(|open| ["\"\"\"", "'''"].contains(open)).or(text.get(..1)).unwrap_or_default();
            let place = Place::new(self.file, &(value.start..value.start + open.len()));
            report.syntax(place, format!("this {} is not closed", quoted(open))).help("close it on the same line");
        }
        first
    }

    /// A header with all that stands under it.
    fn section(&self, line: Range<usize>) -> Range<usize> {
        let rest = &self.text[line.end..];
        let next = rest.lines().find(|line| is_header(line)).map(|next| next.as_ptr().addr() - rest.as_ptr().addr());
        line.start..next.map_or(self.text.len(), |offset| line.end + offset)
    }

    fn local(&self, value: &Range<usize>, report: &mut Report) {
        let text = self.text[value.clone()].trim();
        let place = Place::new(self.file, value);
        report.poison(place);
        if text.is_empty() {
            report.syntax(place, "the value is missing").help("write one, or remove the key");
            return;
        }
        if text.starts_with(['"', '\'']) {
            report.syntax(self.place(), self.message());
            return;
        }
        let is_secret = is_delicate(&self.text[line_at(self.text, value.start)]);
        let text = without_secrets(text);
        let help = match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "true" => "write true".to_owned(),
            "no" | "off" | "false" => "write false".to_owned(),
            _ if is_secret => "put quotes around it".to_owned(),
            _ => format!("put quotes around it: \"{}\"", capped(&text)),
        };
        let shown = if is_secret { "the value".to_owned() } else { quoted(&text) };
        report.syntax(place, format!("{shown} is neither a number nor true or false")).help(help);
    }

    /// Whether the tree is whole but for the entry at the fault.
    fn is_about_keys(&self) -> bool {
        self.error.message() == "duplicate key" || self.error.message().starts_with("cannot extend")
    }

    fn doubled(&self, tree: &Tree<'_>, report: &mut Report) {
        let key = quoted(&self.text[self.span.clone()]);
        if self.error.message() != "duplicate key" {
            let draft = report.syntax(self.place(), format!("{key} already has a value"));
            draft.help("write all of it in one place; a name that holds a dot must be quoted");
            return;
        }
        let draft = report.syntax(self.place(), format!("{key} is written twice"));
        draft.help("keep one of the two");
        if let Some(first) = self.first(tree) {
            draft.also(Place::new(self.file, &first), "first here");
        }
    }

    /// The entry that was there before: the same header, or the key in the same table.
    fn first(&self, tree: &Tree<'_>) -> Option<Range<usize>> {
        let line = line_at(self.text, self.span.start);
        let here = self.text[line.clone()].trim();
        if is_header(here) {
            let earlier = self.text[..line.start].lines().find(|l| l.trim() == here)?;
            let start = earlier.as_ptr().addr() - self.text.as_ptr().addr();
            return Some(start..start + earlier.len());
        }
        let key = self.text[self.span.clone()].trim_matches(['"', '\'']);
        tree.sibling(key, &self.span).filter(|first| first.end <= self.span.start)
    }
}

/// The line of a byte, without its newline.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    start..text[at..].find('\n').map_or(text.len(), |i| at + i)
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

/// Whether a line looks like a header or `key = value` at the margin: what goes on from the line
/// before is indented by whoever wants to read it.
fn is_statement(line: &str) -> bool {
    let code = line.split('#').next().unwrap_or_default().trim_end();
    let name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.\"'".contains(c));
    let header = code.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    header.is_some_and(|inner| name(inner.trim_matches(['[', ']', ' '])))
        || code.split_once('=').is_some_and(|(key, _)| name(key.trim_end()))
}

/// The values of the tree by their places.
struct Tree<'t> {
    text: &'t str,
    root: &'t DeTable<'t>,
    /// Strings, numbers, dates and truth values, in the order of the text.
    scalars: Vec<Range<usize>>,
    /// Values of several lines, outer ones before inner ones.
    open: Vec<Range<usize>>,
    tables: Vec<(Range<usize>, &'t DeTable<'t>)>,
}

impl<'t> Tree<'t> {
    fn of(root: &'t DeTable<'t>, text: &'t str) -> Self {
        let mut tree = Self { text, root, scalars: Vec::new(), open: Vec::new(), tables: Vec::new() };
        let mut stack: Vec<&Spanned<DeValue<'_>>> = root.values().collect();
        while let Some(value) = stack.pop() {
            let span = value.span();
            let lines = text.get(span.clone()).unwrap_or_default();
            // What stands under a header is not open: its span is the header's, alone on its line.
            let header = is_header(lines) && text[line_at(text, span.start).start..span.start].trim().is_empty();
            if lines.contains('\n') && !header {
                tree.open.push(span.clone());
            }
            match value.get_ref() {
                DeValue::Table(table) => {
                    tree.tables.push((span, table));
                    stack.extend(table.values());
                }
                DeValue::Array(array) => stack.extend(array.iter()),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => tree.scalars.push(span),
            }
        }
        tree.scalars.sort_unstable_by_key(|span| span.start);
        tree
    }

    /// The value on one line that holds or touches `at`: the tree around it is whole.
    fn scalar(&self, at: &Range<usize>) -> Option<Range<usize>> {
        let behind = self.scalars.partition_point(|span| span.start <= at.start);
        let span = self.scalars.get(behind.checked_sub(1)?)?;
        (at.end <= span.end && !self.text[span.clone()].contains('\n')).then(|| span.clone())
    }

    /// The outermost value of several lines that holds or ends at a byte.
    fn open_value(&self, at: usize) -> Option<Range<usize>> {
        self.open.iter().filter(|span| span.start <= at && at <= span.end).min_by_key(|span| span.start).cloned()
    }

    /// The entry `key` of the table that `at` lies in.
    fn sibling(&self, key: &str, at: &Range<usize>) -> Option<Range<usize>> {
        let inline = |span: &Range<usize>| span.start <= at.start && at.end <= span.end;
        let header = |span: &Range<usize>| is_header(&self.text[span.clone()]) && span.end <= at.start;
        let innermost = self.tables.iter().filter(|(span, _)| inline(span)).min_by_key(|(span, _)| span.len());
        let last = || self.tables.iter().filter(|(span, _)| header(span)).max_by_key(|(span, _)| span.start);
        let owner = innermost.or_else(last).map_or(self.root, |(_, table)| table);
        owner.iter().find(|(k, _)| k.get_ref() == key).map(|(k, _)| k.span())
    }
}
