//! A catalogue as it is written: configurations and scenarios. `README.md` beside this file is the reference.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tradedog::config::units;

/// One file.
pub(crate) struct Catalogue {
    /// TOML by name; that without one is called "".
    pub(crate) configs: BTreeMap<String, String>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// One scenario.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) config: String,
    pub(crate) every: Duration,
    pub(crate) from: Timestamp,
    /// How old the processes are that are there at the beginning.
    pub(crate) age: Option<Duration>,
    pub(crate) until: Duration,
    pub(crate) series: Vec<(Subject, String)>,
    /// What happens when, in the written order.
    pub(crate) happenings: Vec<(Duration, String)>,
    pub(crate) expect: Vec<String>,
    /// The lines of the file that hold the expectation.
    lines: (usize, usize),
}

/// Whose metric it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The first one of the configuration where none is written.
    pub(crate) target: Option<String>,
    pub(crate) metric: String,
    pub(crate) slot: u32,
}

const BLOCK: &str = "    ";
/// 2026-03-02T09:30:00Z, a Monday.
const FROM: i64 = 1_772_443_800;

impl Catalogue {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut catalogue = Self { configs: BTreeMap::new(), scenarios: Vec::new() };
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let end = at + 1 + lines[at + 1..].iter().take_while(|line| line.starts_with(BLOCK)).count();
            let block = &lines[at + 1..end];
            catalogue.line(line, (block, at + 1)).map_err(|error| format!("line {}: {error}", at + 1))?;
            at = end;
        }
        Ok(catalogue)
    }

    /// `block` is what is indented below the line, which begins behind that of index `below`.
    fn line(&mut self, line: &str, (block, below): (&[&str], usize)) -> Result<(), String> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(name) = line.strip_prefix("scenario ") {
            self.scenarios.push(Scenario::new(name));
            return Ok(());
        }
        if self.scenarios.is_empty() && (line == "config" || line.starts_with("config ")) {
            let name = line.strip_prefix("config").unwrap_or_default().trim().to_owned();
            let text = block.iter().map(|line| format!("{}\n", line.strip_prefix(BLOCK).unwrap_or(line))).collect();
            self.configs.insert(name, text);
            return Ok(());
        }
        let scenario = self.scenarios.last_mut().ok_or("this stands before the first scenario")?;
        if line == "expect" {
            scenario.lines = (below, below + block.len());
            scenario.expect = block.iter().map(|line| line.trim().to_owned()).collect();
            return Ok(());
        }
        scenario.line(line)
    }

    /// `text` with the expectations of now.
    pub(crate) fn write(&self, text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let (mut out, mut at) = (String::new(), 0);
        for scenario in &self.scenarios {
            let (from, to) = scenario.lines;
            out.extend(lines[at..from].iter().map(|line| format!("{line}\n")));
            out.extend(scenario.expect.iter().map(|line| format!("{BLOCK}{line}\n")));
            at = to;
        }
        out.extend(lines[at..].iter().map(|line| format!("{line}\n")));
        out
    }
}

impl Scenario {
    fn new(name: &str) -> Self {
        Self {
            name: name.trim().to_owned(),
            config: String::new(),
            every: Duration::from_secs(1),
            from: Timestamp::from_second(FROM).expect("a time"),
            age: None,
            until: Duration::ZERO,
            series: Vec::new(),
            happenings: Vec::new(),
            expect: Vec::new(),
            lines: (0, 0),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "config" => rest.clone_into(&mut self.config),
            "every" => self.every = span(rest)?,
            "until" => self.until = span(rest)?,
            "age" => self.age = Some(span(rest)?),
            "from" => self.from = rest.parse().map_err(|_| format!("{rest:?} is not a time"))?,
            "at" => {
                let (when, what) = rest.split_once(' ').ok_or("nothing happens then")?;
                self.happenings.push((span(when)?, what.to_owned()));
            }
            _ => {
                let (subject, series) = line.split_once(": ").ok_or("neither a word of the language nor a series")?;
                let subject = Subject::parse(subject)?;
                if self.series.iter().any(|(other, _)| *other == subject) {
                    return Err("there is a series of this already".to_owned());
                }
                self.series.push((subject, series.to_owned()));
            }
        }
        Ok(())
    }
}

impl Subject {
    /// `open_fds`, `open_fds of 1`, `gateway open_fds of 1`.
    fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (names, slot) = match words.as_slice() {
            [names @ .., "of", slot] => (names, slot.parse().map_err(|_| format!("{slot:?} is not a process"))?),
            names => (names, 0),
        };
        match names {
            [metric] => Ok(Self { target: None, metric: (*metric).to_owned(), slot }),
            [target, metric] => Ok(Self { target: Some((*target).to_owned()), metric: (*metric).to_owned(), slot }),
            _ => Err(format!("{text:?} names no metric")),
        }
    }
}

pub(crate) fn span(text: &str) -> Result<Duration, String> {
    text.parse::<units::Duration>().map(|span| span.0).map_err(|_| format!("{text:?} is not a span of time"))
}
