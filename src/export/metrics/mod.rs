//! `/metrics`: the families, and how they are written.
//!
//! Names, labels and units are an interface: dashboards and alerts hang on them. A family is one
//! row of one of the tables below: name, help, kind, labels, and the function that fills it from
//! the last snapshot. Nothing is kept between scrapes, so a series ends with what it was about.

mod daemon;
mod history;
mod host;
mod hours;
mod incidents;
mod leases;
mod orders;
mod process;
mod scrape;
mod target;

use std::collections::HashMap;
use std::sync::LazyLock;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Result, TextEncoder};

use super::Snapshot;
use scrape::Scrape;
pub use scrape::left_out;

/// Whether a value only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A family of series: one row of a table.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    fill: fn(&Scrape<'_>, &mut Series),
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    fill: fn(&Scrape<'_>, &mut Series),
) -> Family {
    Family { name, help, kind: Kind::Gauge, labels, fill }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    fill: fn(&Scrape<'_>, &mut Series),
) -> Family {
    Family { name, help, kind: Kind::Counter, labels, fill }
}

/// Every family, in the order of the output.
fn families() -> impl Iterator<Item = &'static Family> {
    let tables = [
        target::FAMILIES,
        process::FAMILIES,
        orders::FAMILIES,
        leases::FAMILIES,
        host::FAMILIES,
        hours::FAMILIES,
        history::FAMILIES,
        incidents::FAMILIES,
        daemon::FAMILIES,
    ];
    tables.into_iter().flatten()
}

/// The series of one family while it is filled.
struct Series {
    family: &'static Family,
    metrics: Vec<Metric>,
}

impl Series {
    /// Adds a sample; `values` are those of the family's labels, in their order.
    fn push(&mut self, values: &[&str], value: f64) {
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        let mut metric = Metric::from_label(self.family.labels.iter().zip(values).map(pair).collect());
        match self.family.kind {
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
        }
        self.metrics.push(metric);
    }

    /// Adds a sample where there is a value; what is unknown has none.
    fn push_known(&mut self, values: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.push(values, value);
        }
    }
}

/// One family of one scrape, as the prometheus crate wants to see it.
struct FamilyCollector<'a> {
    family: &'static Family,
    scrape: &'a Scrape<'a>,
}

impl Collector for FamilyCollector<'_> {
    fn desc(&self) -> Vec<&Desc> {
        DESCS.get(self.family.name).into_iter().collect()
    }

    /// The family with its series; nothing when it has none.
    fn collect(&self) -> Vec<MetricFamily> {
        let mut series = Series { family: self.family, metrics: Vec::new() };
        (self.family.fill)(self.scrape, &mut series);
        if series.metrics.is_empty() {
            return Vec::new();
        }
        let mut family = MetricFamily::default();
        family.set_name(self.family.name.to_owned());
        family.set_help(self.family.help.to_owned());
        family.set_field_type(match self.family.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        });
        family.set_metric(series.metrics);
        vec![family]
    }
}

/// The descriptions, by name; a test makes sure that the crate accepts every one.
static DESCS: LazyLock<HashMap<&'static str, Desc>> = LazyLock::new(|| {
    let desc = |family: &'static Family| {
        let labels = family.labels.iter().map(|label| (*label).to_owned()).collect();
        let desc = Desc::new(family.name.to_owned(), family.help.to_owned(), labels, HashMap::new());
        Some((family.name, desc.ok()?))
    };
    families().filter_map(desc).collect()
});

/// About what one series takes in the output.
const SERIES_BYTES: usize = 96;

/// Writes the exposition of `snapshot`, one family at a time, so that only one is in memory.
///
/// # Errors
/// When the encoder refuses a family, which the tests rule out.
pub fn render(snapshot: &Snapshot, out: &mut String) -> Result<()> {
    let scrape = Scrape::of(snapshot);
    out.reserve(scrape.room() * SERIES_BYTES);
    let encoder = TextEncoder::new();
    for family in families() {
        let begun = out.len();
        encoder.encode_utf8(&FamilyCollector { family, scrape: &scrape }.collect(), out)?;
        infinite(begun, out);
    }
    Ok(())
}

/// The crate writes `inf` where the exposition format says `+Inf`. A value is the end of its line, and a label
/// holds no line break that is not escaped.
fn infinite(begun: usize, out: &mut String) {
    if out[begun..].contains(" inf\n") {
        let written = out[begun..].replace(" inf\n", " +Inf\n");
        out.truncate(begun);
        out.push_str(&written);
    }
}

#[cfg(test)]
mod tests;
