//! From text to a tree with places: the TOML parser, and sentences for what it refuses.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::problem::Report;
use super::source::{Place, Source};
use super::text::capped;

/// Parses one file; what is not TOML becomes problems, the rest of the tree stays usable.
pub(super) fn tree<'a>(file: usize, source: &'a Source, report: &mut Report) -> Spanned<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let mut broken_line = None;
    for error in errors {
        let span = clamp(&source.text, error.span().unwrap_or(0..0));
        let fault = Fault { file, source, span, error: &error };
        let line = source.line_start(fault.span.start);
        match fault.value(table.get_ref()) {
            Some(value) => fault.local(value, report),
            None if fault.is_about_keys() => fault.doubled(table.get_ref(), report),
            // One slip makes the parser stumble several times in the same line.
            None if broken_line == Some(line) => {}
            None => {
                broken_line = Some(line);
                report.cut(file, line);
                report.syntax(fault.place(), fault.message());
            }
        }
    }
    table
}

struct Fault<'a> {
    file: usize,
    source: &'a Source,
    span: Range<usize>,
    error: &'a Error,
}

impl Fault<'_> {
    fn place(&self) -> Place {
        Place::new(self.file, &self.span)
    }

    fn message(&self) -> String {
        format!("not TOML: {}", capped(self.error.message()))
    }

    /// The value of one line that the fault lies in: the tree around it is whole.
    fn value(&self, table: &DeTable<'_>) -> Option<Range<usize>> {
        let text = &self.source.text;
        scalar(table, &self.span).filter(|span| !text[span.clone()].contains('\n'))
    }

    fn local(&self, value: Range<usize>, report: &mut Report) {
        let text = self.source.text[value.clone()].trim();
        let place = Place::new(self.file, &value);
        report.poison(place);
        if text.is_empty() {
            report.syntax(place, "the value is missing");
        } else if text.starts_with(['"', '\'']) {
            report.syntax(self.place(), self.message());
        } else {
            let what = format!("{} is neither a number nor true or false", shown(text));
            report.syntax(place, what).help(format!("put quotes around it: \"{}\"", capped(text)));
        }
    }

    /// Whether the tree is whole but for the entry at the fault.
    fn is_about_keys(&self) -> bool {
        self.error.message() == "duplicate key" || self.error.message().starts_with("cannot extend")
    }

    fn doubled(&self, table: &DeTable<'_>, report: &mut Report) {
        let key = &self.source.text[self.span.clone()];
        if self.error.message() != "duplicate key" {
            let draft = report.syntax(self.place(), format!("{} already has a value", shown(key)));
            draft.help("a name that holds a dot must be quoted");
            return;
        }
        let draft = report.syntax(self.place(), format!("{} is written twice", shown(key)));
        draft.help("keep one of the two");
        if let Some(first) = self.first(table) {
            draft.also(Place::new(self.file, &first), "first here");
        }
    }

    /// The entry that was there before: the same header, or the key in the same table.
    fn first(&self, table: &DeTable<'_>) -> Option<Range<usize>> {
        let text = &self.source.text;
        let line = self.source.line_start(self.span.start);
        let here = text[line..self.source.line_end(self.span.start)].trim();
        if here.starts_with('[') {
            let earlier = text[..line].lines().find(|l| l.trim() == here)?;
            let start = earlier.as_ptr().addr() - text.as_ptr().addr();
            return Some(start..start + earlier.len());
        }
        let key = text[self.span.clone()].trim_matches(['"', '\'']);
        sibling(table, key, &self.span, text).filter(|first| first.end <= self.span.start)
    }
}

fn shown(text: &str) -> String {
    format!("`{}`", capped(text))
}

/// On character boundaries and inside of the text, whatever the parser said.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end.max(start))
}

/// The string, number, date or truth value that holds or touches `at`.
fn scalar(table: &DeTable<'_>, at: &Range<usize>) -> Option<Range<usize>> {
    table.iter().find_map(|(_, value)| scalar_in(value, at))
}

fn scalar_in(value: &Spanned<DeValue<'_>>, at: &Range<usize>) -> Option<Range<usize>> {
    match value.get_ref() {
        DeValue::Table(table) => scalar(table, at),
        DeValue::Array(array) => array.iter().find_map(|value| scalar_in(value, at)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            let span = value.span();
            (span.start <= at.start && at.end <= span.end).then_some(span)
        }
    }
}

/// The entry `key` of the table that `at` lies in.
fn sibling(table: &DeTable<'_>, key: &str, at: &Range<usize>, text: &str) -> Option<Range<usize>> {
    let mut tables = Vec::new();
    collect(table, &mut tables);
    let inline = |span: &Range<usize>| span.start <= at.start && at.end <= span.end;
    let header = |span: &Range<usize>| text[span.clone()].starts_with('[') && span.end <= at.start;
    let innermost = tables.iter().filter(|(span, _)| inline(span)).min_by_key(|(span, _)| span.len());
    let last = || tables.iter().filter(|(span, _)| header(span)).max_by_key(|(span, _)| span.start);
    let owner = innermost.or_else(last).map_or(table, |(_, table)| table);
    owner.iter().find(|(k, _)| k.get_ref() == key).map(|(k, _)| k.span())
}

fn collect<'t, 'a>(table: &'t DeTable<'a>, into: &mut Vec<(Range<usize>, &'t DeTable<'a>)>) {
    for (_, value) in table {
        if let DeValue::Table(inner) = value.get_ref() {
            into.push((value.span(), inner));
            collect(inner, into);
        }
    }
}
