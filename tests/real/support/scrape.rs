//! What `/metrics` says, read as Prometheus would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;

/// One scrape.
#[derive(Default)]
pub(crate) struct Scrape {
    pub(crate) samples: Vec<Sample>,
}

/// One line of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
    }
}

impl Scrape {
    pub(crate) fn of(server: SocketAddr) -> anyhow::Result<Self> {
        let (status, body) = get(server, "/metrics")?;
        anyhow::ensure!(status == 200, "/metrics answered {status}");
        Self::parse(&body)
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let samples = lines.map(|line| sample(line).with_context(|| format!("no sample: {line}")));
        Ok(Self { samples: samples.collect::<anyhow::Result<_>>()? })
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// The first series of that name that carries all these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |sample: &&Sample| labels.iter().all(|(label, value)| sample.label(label) == *value);
        self.all(name).find(fits).map(|sample| sample.value)
    }
}

/// Status and body.
pub(crate) fn get(server: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let patience = Duration::from_secs(3);
    let mut connection = TcpStream::connect_timeout(&server, patience).context("cannot connect")?;
    connection.set_read_timeout(Some(patience))?;
    write!(connection, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).with_context(|| format!("cannot read {path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer has no status")?;
    Ok((status, body.to_owned()))
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, mut rest) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels = Vec::new();
    while let Some((label, quoted)) = rest.split_once("=\"") {
        let (value, behind) = unquoted(quoted)?;
        labels.push((label.trim_start_matches(',').to_owned(), value));
        rest = behind;
    }
    let value = value.parse().ok()?;
    (rest == "}").then(|| Sample { name: name.to_owned(), labels, value })
}

/// The label's value up to its closing quote, and what stands behind that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (end, '"') => return Some((value, &text[end + 1..])),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}
