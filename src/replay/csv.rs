//! Series as comma-separated values: `time,open_fds,close_wait.postgres,...`, with a `process` column where
//! several are told of, and a `target` column where those of several targets are. A `started` column says when the
//! process of a row began: another start is another process.
//!
//! A time is RFC 3339 or seconds since 1970. A cell is a number in the metric's base unit, or written as the
//! configuration writes it (`85%`, `512MiB`, `500/s`); `>=7` is a lower bound; `denied`, `gone`, `malformed`
//! and `overdue` say why there is none; an empty one is no new reading. Columns that are no metric may hold
//! anything.

mod cell;
mod lines;
mod quotes;

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use jiff::Timestamp;
use lines::Lines;

use super::series::{Column, Fault, Row, Series, shown};
use crate::config::nearest;
use crate::model::METRICS;

/// Most columns: far beyond all metrics of all peers.
const MOST_COLUMNS: usize = 1 << 14;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;
/// How a file begins.
const BEGINNING: &str = "the first line names the columns: time,open_fds,...";

/// A series in a CSV file.
pub struct Csv<R> {
    /// How the file is called, fit to be printed.
    name: String,
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    /// How many columns a line has.
    width: usize,
    time: usize,
    process: Option<usize>,
    target: Option<usize>,
    started: Option<usize>,
    /// Where in a line the cells are, as `columns`.
    places: Vec<usize>,
    columns: Vec<Column>,
    names: Names,
    last: Option<Timestamp>,
    /// Whose rows of the last time there were; only asked where a line says whose it is.
    now: HashSet<(Option<Arc<str>>, Arc<str>)>,
}

impl<R: Read> Csv<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, reader: R) -> Result<Self, Fault> {
        let mut builder = ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).buffer_capacity(BUFFER);
        let mut reader = builder.from_reader(Lines::new(reader));
        let (name, mut record) = (shown_name(name), ByteRecord::new());
        let fault = |what: String, help: String| Fault { place: format!("{name}, line 1"), what, help };
        let any = reader.read_byte_record(&mut record).map_err(|error| unreadable(&name, &error))?;
        if !any {
            return Err(Fault { place: name, what: "is empty".to_owned(), help: BEGINNING.to_owned() });
        }
        check_quotes(&name, &reader)?;
        let heads: Vec<Vec<u8>> = record.iter().map(head).collect();
        check_heads(&heads).map_err(|(what, help)| fault(what, help))?;
        let position = |wanted: &str| heads.iter().position(|head| head == wanted.as_bytes());
        let time = position("time").ok_or_else(|| without_time(&name, &heads))?;
        let (process, target, started) = (position("process"), position("target"), position("started"));
        let apart = [Some(time), process, target, started];
        let places: Vec<usize> = (0..heads.len()).filter(|at| !apart.contains(&Some(*at))).collect();
        let columns = places.iter().map(|at| Column::named(&String::from_utf8_lossy(&heads[*at]))).collect();
        let (width, names) = (heads.len(), Names::default());
        let (last, now) = (None, HashSet::new());
        Ok(Self { name, reader, record, width, time, process, target, started, places, columns, names, last, now })
    }

    /// The line in which the record ends.
    fn line(&self) -> u64 {
        // Behind the record is the end of its line, or the first of two bytes of that.
        let end = self.reader.position().byte().saturating_sub(1);
        self.reader.get_ref().line_of(end)
    }

    fn fault(&self, at: Option<usize>, (what, help): (String, String)) -> Fault {
        let mut place = format!("{}, line {}", self.name, self.line());
        if let Some(at) = at {
            let own = self.places.iter().position(|place| *place == at).and_then(|at| self.columns.get(at));
            let named = own.map(|column| column.name.clone()).or_else(|| {
                let head = if Some(at) == self.started { "started" } else { "time" };
                (at == self.time || Some(at) == self.started).then(|| head.to_owned())
            });
            place.push_str(&format!(", column {}", at + 1));
            place.push_str(&named.map(|name| format!(" ({name})")).unwrap_or_default());
        }
        Fault { place, what, help }
    }

    /// The next line that is not empty.
    fn next_record(&mut self) -> Result<bool, Fault> {
        let any = self.reader.read_byte_record(&mut self.record).map_err(|error| unreadable(&self.name, &error))?;
        check_quotes(&self.name, &self.reader)?;
        if any && self.record.len() != self.width {
            return Err(self.ragged());
        }
        Ok(any)
    }

    /// A quote that is not closed makes one field of many lines.
    fn ragged(&self) -> Fault {
        let (fields, width) = (self.record.len(), self.width);
        let lines: Vec<u64> = self.record.iter().map(line_ends).collect();
        let longest = lines.iter().copied().max().unwrap_or(0);
        let fields = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
        let what = format!("{fields}, and the first line names {width}");
        if longest > 1 {
            let what = format!("{what}: one of them goes on for {longest} lines and ends here");
            let behind = lines.iter().skip_while(|ends| **ends < longest).sum::<u64>();
            let line = self.line().saturating_sub(behind);
            return self
                .fault(None, (what, format!("close the quote (\") that begins it in line {line}, or take it out")));
        }
        self.fault(None, (what, "write an empty field where there is no reading".to_owned()))
    }

    /// When the process began; none where its line does not say.
    fn start(&self, at: usize) -> Result<Option<Timestamp>, Fault> {
        let field = self.record.get(at).unwrap_or_default().trim_ascii();
        let time = (!field.is_empty()).then(|| cell::time(field)).transpose();
        time.map_err(|(what, _)| {
            let help = "when the process began, as a time is written, or nothing where that is not known";
            self.fault(Some(at), (what, help.to_owned()))
        })
    }

    fn check_order(&mut self, row: &Row) -> Result<(), Fault> {
        match self.last {
            Some(last) if row.at < last => {
                let what = format!("{} is earlier than the line before ({last})", row.at);
                return Err(self.fault(Some(self.time), (what, "sort the lines by time".to_owned())));
            }
            Some(last) if row.at == last => {}
            Some(_) | None => self.now.clear(),
        }
        let same_again = self.last == Some(row.at) && self.process.is_none() && self.target.is_none();
        self.last = Some(row.at);
        let whose = self.process.is_some() || self.target.is_some();
        if same_again || (whose && !self.now.insert((row.target.clone(), Arc::clone(&row.process)))) {
            let what = format!("{} comes twice", row.at);
            let help = match self.process {
                None => "where several processes are told of, name them in a column `process`",
                Some(_) => "leave one of the two lines of that process out",
            };
            return Err(self.fault(Some(self.time), (what, help.to_owned())));
        }
        Ok(())
    }
}

impl<R: Read> Series for Csv<R> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn names_targets(&self) -> bool {
        self.target.is_some()
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Fault> {
        if !self.next_record()? {
            return Ok(false);
        }
        let field = |at: usize| self.record.get(at).unwrap_or_default().trim_ascii();
        row.at = cell::time(field(self.time)).map_err(|wrong| self.fault(Some(self.time), wrong))?;
        row.started = self.started.map_or(Ok(None), |at| self.start(at))?;
        row.cells.clear();
        for (column, at) in self.columns.iter().zip(&self.places) {
            let value = column.metric.as_ref().map(|metric| cell::value(field(*at), metric));
            row.cells.push(value.transpose().map_err(|wrong| self.fault(Some(*at), wrong))?.flatten());
        }
        match self.process {
            Some(at) => self.names.set(&mut row.process, field(at)),
            None if row.process.is_empty() => row.process = Row::ONLY.into(),
            None => {}
        }
        if let Some(at) = self.target {
            self.names.set(row.target.get_or_insert_default(), field(at));
        }
        self.check_order(row)?;
        Ok(true)
    }
}

/// Names that were met, so that each is kept once.
#[derive(Debug, Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn set(&mut self, slot: &mut Arc<str>, name: &[u8]) {
        if slot.as_bytes() == name && !name.is_empty() {
            return;
        }
        let name = if name.is_empty() { Row::ONLY.to_owned() } else { shown(name) };
        *slot = self.0.get(&*name).map(Arc::clone).unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            self.0.insert(Arc::clone(&name));
            name
        });
    }
}

/// A name of the first line; a byte order mark is not part of it.
fn head(text: &[u8]) -> Vec<u8> {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii().to_vec()
}

/// Without it a quote that nobody closes takes the rest of the file for itself, and no reading of it is missed.
fn check_quotes<R: Read>(name: &str, reader: &csv::Reader<Lines<R>>) -> Result<(), Fault> {
    let unclosed = reader.get_ref().unclosed(reader.position().byte());
    unclosed.map_or(Ok(()), |line| {
        let (what, help) = ("a quote (\") is opened and never closed", "close it in the same line, or take it out");
        Err(Fault { place: format!("{name}, line {line}"), what: what.to_owned(), help: help.to_owned() })
    })
}

fn line_ends(field: &[u8]) -> u64 {
    field.iter().filter(|byte| **byte == b'\n').map(|_| 1).sum()
}

fn check_heads(heads: &[Vec<u8>]) -> Result<(), (String, String)> {
    if heads.len() > MOST_COLUMNS {
        let what = format!("more than {MOST_COLUMNS} columns");
        return Err((what, "is this the file that was meant?".to_owned()));
    }
    let mut seen = HashSet::new();
    match heads.iter().find(|head| !head.is_empty() && !seen.insert(head.as_slice())) {
        Some(twice) => Err((format!("two columns are called `{}`", shown(twice)), "leave one out".to_owned())),
        None => Ok(()),
    }
}

fn without_time(name: &str, heads: &[Vec<u8>]) -> Fault {
    let first = heads.first().map(Vec::as_slice).unwrap_or_default();
    let near = heads.iter().find(|head| nearest(&String::from_utf8_lossy(head), ["time", "timestamp"]).is_some());
    let help = if first.contains(&b';') || first.contains(&b'\t') {
        "separate the columns by commas".to_owned()
    } else if let Some(near) = near {
        format!("call `{}` time", shown(near))
    } else if METRICS.iter().any(|row| heads.iter().any(|head| head == row.name.as_bytes())) {
        "add one with RFC 3339 times or seconds since 1970".to_owned()
    } else {
        BEGINNING.to_owned()
    };
    Fault { place: format!("{name}, line 1"), what: "no column is called time".to_owned(), help }
}

fn unreadable(name: &str, error: &csv::Error) -> Fault {
    let what = format!("cannot be read: {error}");
    Fault { place: name.to_owned(), what: shown_text(&what), help: "see whether the disk is well".to_owned() }
}

fn shown_name(name: &str) -> String {
    crate::model::printable(name.as_bytes(), 300)
}

fn shown_text(text: &str) -> String {
    crate::model::printable(text.as_bytes(), 300)
}

#[cfg(test)]
mod tests;
