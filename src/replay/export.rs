//! Series as the daemon itself tells them: documents of `tradedog status --json` or of `/api/v1/status`, one
//! behind the other, as a loop of a shell leaves them in a file.
//!
//! A reading has its own time there: one that was not taken anew since the document before is no new reading.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufReader, Read};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::StreamDeserializer;
use serde_json::de::IoRead;

use super::series::{Column, Fault, Row, Series, instant, shown, unknown};
use crate::model::{Metric, Value};

/// A series in documents of the daemon.
pub struct Export<R: Read> {
    name: String,
    documents: StreamDeserializer<'static, IoRead<BufReader<R>>, Status>,
    columns: Vec<Column>,
    /// Rows of the document that was read last.
    rows: VecDeque<Row>,
    last: Option<Timestamp>,
    /// When each reading was taken, by target, process and column.
    taken: HashMap<(Arc<str>, Arc<str>), Vec<f64>>,
}

#[derive(Deserialize)]
struct Status {
    time: f64,
    #[serde(default)]
    host: Judged,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    #[serde(default)]
    group: Option<Judged>,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    process: u32,
    started: f64,
    #[serde(default)]
    readings: BTreeMap<String, Reading>,
}

#[derive(Default, Deserialize)]
struct Judged {
    #[serde(default)]
    readings: BTreeMap<String, Reading>,
}

#[derive(Deserialize)]
struct Reading {
    value: Option<f64>,
    #[serde(default)]
    at_least: bool,
    unknown: Option<String>,
    at: f64,
}

impl<R: Read> Export<R> {
    /// The readings of these metrics.
    pub fn new<'m>(name: &str, reader: R, metrics: impl Iterator<Item = &'m Metric>) -> Self {
        let mut metrics: Vec<&Metric> = metrics.collect();
        metrics.sort();
        metrics.dedup();
        let columns =
            metrics.into_iter().map(|metric| Column { name: metric.to_string(), metric: Some(metric.clone()) });
        Self {
            name: crate::model::printable(name.as_bytes(), 300),
            documents: serde_json::Deserializer::from_reader(BufReader::new(reader)).into_iter(),
            columns: columns.collect(),
            rows: VecDeque::new(),
            last: None,
            taken: HashMap::new(),
        }
    }

    /// Reads the next document; false when there is none.
    fn next_document(&mut self) -> Result<bool, Fault> {
        let status = match self.documents.next() {
            None => return Ok(false),
            Some(Ok(status)) => status,
            Some(Err(error)) => {
                let place = format!("{}, line {}, column {}", self.name, error.line(), error.column());
                let what =
                    format!("is not what tradedog status --json prints: {}", shown(error.to_string().as_bytes()));
                return Err(Fault { place, what, help: "cut off what was recorded there".to_owned() });
            }
        };
        let fault = |what: String, help: &str| Fault { place: self.name.clone(), what, help: help.to_owned() };
        let at = instant(status.time).ok_or_else(|| fault(format!("{} is not a time", status.time), "cut that off"))?;
        if self.last.is_some_and(|last| at < last) {
            return Err(fault(format!("{at} comes behind a later time"), "put the documents in the order of time"));
        }
        // Asked twice within a pass.
        if self.last.replace(at) != Some(at) {
            self.take(&status, at);
        }
        Ok(true)
    }

    fn take(&mut self, status: &Status, at: Timestamp) {
        if status.targets.iter().all(|target| target.members.is_empty() && target.group.is_none()) {
            // Nobody is there, and the host was read all the same.
            let process: Arc<str> = Row::NOBODY.into();
            let cells = self.cells((&process, &process), &[&status.host.readings]);
            self.rows.push_back(Row { at, target: None, process, started: None, cells });
        }
        for target in &status.targets {
            let name: Arc<str> = shown(target.name.as_bytes()).into();
            for member in &target.members {
                let process: Arc<str> = member.process.to_string().into();
                let cells = self.cells((&name, &process), &[&member.readings, &status.host.readings]);
                let started = instant(member.started);
                self.rows.push_back(Row { at, target: Some(Arc::clone(&name)), process, started, cells });
            }
            if let Some(group) = &target.group {
                let process: Arc<str> = Row::ALL.into();
                let cells = self.cells((&name, &process), &[&group.readings]);
                self.rows.push_back(Row { at, target: Some(Arc::clone(&name)), process, started: None, cells });
            }
        }
    }

    /// What is new of the readings.
    fn cells(
        &mut self,
        (target, process): (&Arc<str>, &Arc<str>),
        readings: &[&BTreeMap<String, Reading>],
    ) -> Vec<Option<Value>> {
        let whose = (Arc::clone(target), Arc::clone(process));
        let taken = self.taken.entry(whose).or_insert_with(|| vec![f64::NEG_INFINITY; self.columns.len()]);
        let cell = |(column, taken): (&Column, &mut f64)| {
            let reading = readings.iter().find_map(|readings| readings.get(&column.name))?;
            let before = std::mem::replace(taken, reading.at);
            reading.at.total_cmp(&before).is_gt().then(|| reading.of()).flatten()
        };
        self.columns.iter().zip(taken).map(cell).collect()
    }
}

impl Reading {
    fn of(&self) -> Option<Value> {
        let why = self.unknown.as_deref().and_then(unknown);
        let value = self.value.map(|value| if self.at_least { Value::AtLeast(value) } else { Value::Known(value) });
        value.or_else(|| why.map(Value::Unknown))
    }
}

impl<R: Read> Series for Export<R> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn names_targets(&self) -> bool {
        true
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, Fault> {
        loop {
            if let Some(next) = self.rows.pop_front() {
                *row = next;
                return Ok(true);
            }
            if !self.next_document()? {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Base, Unknown};

    fn document(time: u64, at: u64, value: &str) -> String {
        format!(
            "{{\"version\": \"1\", \"time\": {time}.25, \"host\": {{\"readings\": {{\"host_swap_used\": {{\"value\": 0.5, \"at\": {time}}}}}}},\n \
             \"targets\": [{{\"name\": \"trader\", \"members\": [{{\"process\": 3, \"started\": 12, \"readings\": \
             {{\"open_fds\": {{{value}, \"at\": {at}}}, \"rss\": {{\"value\": 1, \"at\": {at}}}}}}}]}}]}}\n"
        )
    }

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        let metrics = [Metric::plain(Base::OpenFds), Metric::plain(Base::HostSwapUsed)];
        let mut export = Export::new("leak.json", text.as_bytes(), metrics.iter());
        let (mut rows, mut row) = (Vec::new(), Row::default());
        while export.read(&mut row).map_err(|fault| fault.to_string())? {
            rows.push(row.clone());
        }
        Ok(rows)
    }

    #[test]
    fn documents_behind_each_other_are_a_series_and_an_old_reading_is_not_read_twice() {
        let text = [
            document(100, 100, "\"value\": 85"),
            document(101, 100, "\"value\": 85"),
            document(101, 100, "\"value\": 85"),
            document(102, 102, "\"value\": 94, \"at_least\": true"),
            document(103, 103, "\"unknown\": \"denied\""),
        ];
        let rows = rows(&text.concat()).unwrap();
        let cells: Vec<Option<Value>> = rows.iter().map(|row| row.cells[0]).collect();
        let denied = Value::Unknown(Unknown::Denied);
        assert_eq!(cells, [Some(Value::Known(85.0)), None, Some(Value::AtLeast(94.0)), Some(denied)]);
        assert!(rows.iter().all(|row| row.cells[1] == Some(Value::Known(0.5))), "{rows:?}");
        let row = &rows[0];
        assert_eq!(
            (row.target.as_deref(), &*row.process, row.at.to_string()),
            (Some("trader"), "3", "1970-01-01T00:01:40.25Z".to_owned())
        );
        assert_eq!(row.started.unwrap().as_second(), 12);
    }

    #[test]
    fn the_host_is_read_where_nobody_is_there() {
        let swap = |time: u64| format!("{{\"host_swap_used\": {{\"value\": 0.5, \"at\": {time}}}}}");
        let document = |time: u64| {
            format!(
                "{{\"time\": {time}, \"host\": {{\"readings\": {}}}, \"targets\": [{{\"name\": \"trader\", \"members\": []}}]}}",
                swap(time)
            )
        };
        let rows = rows(&[document(100), document(101)].concat()).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.target.clone(), &*row.process, row.cells[1])).collect();
        let host = || (None, Row::NOBODY, Some(Value::Known(0.5)));
        assert_eq!(told, [host(), host()]);
    }

    #[test]
    fn what_is_no_document_is_told_with_its_place() {
        let good = document(100, 100, "\"value\": 85");
        assert!(rows(&format!("{good}{{\"time\": 3}}")).unwrap_err().contains("leak.json, line 3, column"));
        assert!(rows(&format!("{good}{}", &good[..40])).unwrap_err().contains("cut off"));
        assert!(rows(&[good, document(99, 99, "\"value\": 1")].concat()).unwrap_err().contains("order of time"));
        assert!(rows("").unwrap().is_empty());
    }
}
