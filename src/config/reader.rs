//! The table reader: takes known keys, leaves the rest, and loses no problem.
//!
//! A [`Value`] knows its place; each of its readers reports what it is not and gives nothing then,
//! so that a mistake is told once and checks that build on it are left out.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Written;
use super::keys::{self, Section};
use super::problem::Report;
use super::source::Place;
use super::text::{capped, nearest, quoted};

/// A value where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    /// The value itself.
    pub place: Place,
    key: Place,
    de: &'a DeValue<'a>,
    text: &'a str,
}

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// The key, unquoted.
    pub key: &'a str,
    /// Where the key stands.
    pub key_place: Place,
    /// What it is set to.
    pub value: Value<'a>,
    /// Whether more of a dotted key follows it.
    pub dotted: bool,
}

/// A table whose keys are taken one by one.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    /// Where to point when something is missing in it.
    pub place: Place,
    entries: Vec<Entry<'a>>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(super) fn root(file: usize, table: &'a Spanned<DeTable<'a>>, text: &'a str) -> Self {
        Self::new(Place { file, start: 0, end: 0 }, table.get_ref(), text)
    }

    fn new(place: Place, table: &'a DeTable<'a>, text: &'a str) -> Self {
        let mut entries: Vec<_> = table.iter().map(|(key, value)| Entry::new(place.file, (key, value), text)).collect();
        entries.sort_by_key(|entry| entry.key_place.start);
        Self { place, entries }
    }

    /// The value of a key, which then counts as read.
    pub(super) fn take(&mut self, key: &str) -> Option<Value<'a>> {
        self.entry(key).map(|entry| entry.value)
    }

    /// A key with its value, which then counts as read.
    pub(super) fn entry(&mut self, key: &str) -> Option<Entry<'a>> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }

    /// The keys that are left.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.key)
    }

    /// Everything that is left, in the order of the file: for tables whose keys are names.
    pub(super) fn rest(self) -> Vec<Entry<'a>> {
        self.entries
    }

    /// Reports every key that was not taken. Whether there was none.
    pub(super) fn finish(self, section: &Section, report: &mut Report) -> bool {
        for entry in &self.entries {
            refuse(entry, section, report);
        }
        self.entries.is_empty()
    }
}

fn refuse(entry: &Entry<'_>, section: &Section, report: &mut Report) {
    if let Some((key, instead)) = section.later.iter().find(|(key, _)| *key == entry.key) {
        report.error(entry.key_place, format!("`{key}` is not available in this version")).help(*instead);
        return;
    }
    let keys = format!("keys of {}: {}", section.title, section.known.join(", "));
    let words = section.known.iter().copied().chain(section.later.iter().map(|(key, _)| *key));
    let help = match nearest(entry.key, words) {
        Some(near) => format!("did you mean `{near}`? {keys}"),
        None => match keys::ALL.iter().find(|other| other.known.contains(&entry.key)) {
            Some(other) => format!("it belongs to {}; {keys}", other.title),
            None => keys,
        },
    };
    report.error(entry.key_place, format!("unknown key {} in {}", quoted(entry.key), section.title)).help(help);
}

impl<'a> Entry<'a> {
    fn new(
        file: usize,
        (key, value): (&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>),
        text: &'a str,
    ) -> Self {
        let key_place = Place::new(file, &key.span());
        let after = text.get(key.span().end..).unwrap_or_default().trim_start_matches([' ', '\t']);
        let value = Value { place: Place::new(file, &value.span()), key: key_place, de: value.get_ref(), text };
        Self { key: key.get_ref(), key_place, value, dotted: after.starts_with('.') }
    }

    /// Where it is written.
    pub(super) fn written(&self) -> Written {
        let before = self.value.text.get(..self.key_place.start).unwrap_or_default();
        Written { file: self.key_place.file, line: before.matches('\n').count() + 1 }
    }
}

impl<'a> Value<'a> {
    /// What it is, in words.
    fn kind(&self) -> &'static str {
        match self.de {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a bare number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// Reports that something else is due here.
    pub(super) fn refuse(&self, due: &str, help: impl Into<String>, report: &mut Report) {
        // A table under a header is as long as its text: the key says which is meant.
        let place = if matches!(self.de, DeValue::Table(_)) { self.table_place() } else { self.place };
        report.error(place, format!("{due} is due here, not {}", self.kind())).help(help);
    }

    /// The string, without complaint.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.de.as_str()
    }

    /// The date as written without quotes, without complaint.
    pub(super) fn as_date(&self) -> Option<String> {
        match self.de {
            DeValue::Datetime(date) => Some(date.to_string()),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        }
    }

    /// The number as written, without complaint.
    pub(super) fn as_number(&self) -> Option<String> {
        match self.de {
            DeValue::Integer(number) => Some(capped(&number.to_string())),
            DeValue::Float(number) => Some(capped(number.as_str())),
            DeValue::String(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                None
            }
        }
    }

    /// Whether it is written as a table.
    pub(super) const fn is_table(&self) -> bool {
        matches!(self.de, DeValue::Table(_))
    }

    /// A string; `example` shows one.
    pub(super) fn text(&self, example: &str, report: &mut Report) -> Option<&'a str> {
        let text = self.de.as_str();
        if text.is_none() {
            self.refuse("a string", format!("write it in quotes: \"{example}\""), report);
        }
        text
    }

    /// true or false.
    pub(super) fn flag(&self, report: &mut Report) -> Option<bool> {
        let flag = self.de.as_bool();
        if flag.is_none() {
            self.refuse("true or false", "write true or false, without quotes", report);
        }
        flag
    }

    /// A whole number within `range`.
    pub(super) fn whole(&self, range: RangeInclusive<u64>, report: &mut Report) -> Option<u64> {
        let DeValue::Integer(number) = self.de else {
            let due = if self.de.is_float() { "a whole number" } else { "a number" };
            self.refuse(due, format!("write a whole number without quotes, such as {}", range.start().max(&1)), report);
            return None;
        };
        let value = i128::from_str_radix(number.as_str(), number.radix()).ok().and_then(|n| u64::try_from(n).ok());
        let value = value.filter(|n| range.contains(n));
        if value.is_none() {
            report.error(self.place, format!("{} is out of range", quoted(&number.to_string()))).help(format!(
                "write a number from {} to {}",
                range.start(),
                range.end()
            ));
        }
        value
    }

    /// A list.
    pub(super) fn list(&self, example: &str, report: &mut Report) -> Option<Vec<Self>> {
        let Some(array) = self.de.as_array() else {
            self.refuse("a list", format!("write {example}"), report);
            return None;
        };
        let element = |value: &'a Spanned<DeValue<'a>>| {
            let place = Place::new(self.place.file, &value.span());
            Value { place, key: place, de: value.get_ref(), text: self.text }
        };
        Some(array.iter().map(element).collect())
    }

    /// The entries of a table, without complaint.
    pub(super) fn entries(&self) -> Option<Vec<Entry<'a>>> {
        self.de.as_table().map(|table| Table::new(self.place, table, self.text).entries)
    }

    /// A table; `example` shows one.
    pub(super) fn table(&self, example: &str, report: &mut Report) -> Option<Table<'a>> {
        let Some(table) = self.de.as_table() else {
            let tables =
                self.de.as_array().and_then(|a| a.iter().next()).is_some_and(|first| first.get_ref().is_table());
            if tables {
                let what = "one table is due here, not a list of tables";
                report.error(self.place, what).help(format!("write single brackets, or {example}"));
            } else {
                self.refuse("a table", format!("write {example}"), report);
            }
            return None;
        };
        Some(Table::new(self.table_place(), table, self.text))
    }

    /// Inline tables are pointed at as a whole, those under a header by their name.
    fn table_place(&self) -> Place {
        let inline = self.text.get(self.place.start..).is_some_and(|text| text.starts_with('{'));
        if inline { self.place } else { self.key }
    }
}
